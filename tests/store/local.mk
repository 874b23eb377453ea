EXTRA_DIST += tests/store/fixture.h
check_PROGRAMS += tests/store/open tests/store/runs tests/store/values tests/store/notes \
	tests/store/view tests/store/query tests/store/samples tests/store/sql tests/store/concurrent
tests_store_open_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_runs_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_values_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_notes_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_view_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_concurrent_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_samples_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_sql_LDADD = $(WORKBENCH_TEST_LIBS)
tests_store_query_LDADD = $(WORKBENCH_TEST_LIBS)
