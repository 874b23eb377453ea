check_PROGRAMS += tests/models/sat
tests_models_sat_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/models/schedule tests/models/gmm
tests_models_schedule_LDADD = $(TEST_LIBS)
tests_models_gmm_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/models/net
tests_models_net_LDADD = $(TEST_LIBS)
