check_PROGRAMS += tests/run/frame tests/run/pool
tests_run_frame_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_pool_LDADD = $(WORKBENCH_TEST_LIBS)
EXTRA_DIST += tests/run/fixture.h tests/run/run.c tests/run/interrupt.c
