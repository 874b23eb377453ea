check_PROGRAMS += tests/data/table
tests_data_table_LDADD = $(TEST_LIBS)
