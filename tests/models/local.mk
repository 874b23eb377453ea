check_PROGRAMS += tests/models/sat
tests_models_sat_LDADD = $(TEST_LIBS)
