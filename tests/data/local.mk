check_PROGRAMS += tests/data/table
tests_data_table_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/data/csv tests/data/samples
tests_data_csv_LDADD = $(TEST_LIBS)
tests_data_samples_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/data/arrays
tests_data_arrays_SOURCES = tests/data/arrays.c tests/data/numpy_files.h
tests_data_arrays_LDADD = $(TEST_LIBS)
