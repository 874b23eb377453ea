EXTRA_DIST += tests/store/fixture.h
check_PROGRAMS += tests/store/runs tests/store/values
tests_store_runs_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_values_LDADD = $(WORKBENCH_TEST_LIBS)
