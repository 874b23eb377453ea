check_PROGRAMS += tests/run/frame tests/run/pool tests/run/run tests/run/interrupt \
	tests/run/bridge tests/run/determinism tests/run/diff
tests_run_diff_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_frame_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_pool_SOURCES = tests/run/pool.c tests/run/fixture.h
tests_run_pool_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_run_SOURCES = tests/run/run.c tests/run/fixture.h
tests_run_run_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_interrupt_SOURCES = tests/run/interrupt.c tests/run/fixture.h
tests_run_interrupt_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_bridge_SOURCES = tests/run/bridge.c tests/run/fixture.h
tests_run_bridge_LDADD = $(WORKBENCH_TEST_LIBS)
tests_run_determinism_SOURCES = tests/run/determinism.c tests/run/fixture.h
tests_run_determinism_LDADD = $(WORKBENCH_TEST_LIBS)
