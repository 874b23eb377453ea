check_PROGRAMS += tests/core/status
tests_core_status_LDADD = $(TEST_LIBS)
