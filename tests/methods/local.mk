check_PROGRAMS += tests/methods/inference/monkeys tests/methods/inference/monkeys_pdist \
	tests/methods/inference/monkeys_vote
tests_methods_inference_monkeys_LDADD = $(TEST_LIBS)
tests_methods_inference_monkeys_pdist_LDADD = $(TEST_LIBS)
tests_methods_inference_monkeys_vote_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/methods/inference/binary_bias
tests_methods_inference_binary_bias_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/methods/inference/multilingual
tests_methods_inference_multilingual_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/methods/catalogue
tests_methods_catalogue_LDADD = $(TEST_LIBS)
EXTRA_DIST += tests/methods/check.h
check_PROGRAMS += tests/methods/diffusion/sample
tests_methods_diffusion_sample_LDADD = $(TEST_LIBS)
check_PROGRAMS += tests/methods/inference/onebench tests/methods/inference/onebench_pool
tests_methods_inference_onebench_LDADD = $(TEST_LIBS)
tests_methods_inference_onebench_pool_LDADD = $(TEST_LIBS)
