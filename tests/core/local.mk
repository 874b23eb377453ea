check_PROGRAMS += tests/core/status
tests_core_status_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/core/rng tests/core/matrix tests/core/stats tests/core/fit tests/core/topk
tests_core_rng_LDADD = $(TEST_LIBS)
tests_core_matrix_LDADD = $(TEST_LIBS)
tests_core_stats_LDADD = $(TEST_LIBS)
tests_core_topk_LDADD = $(TEST_LIBS)
tests_core_fit_LDADD = $(TEST_LIBS)
