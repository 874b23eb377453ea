# tests of src/lua
check_PROGRAMS += tests/lua/args tests/lua/repl
tests_lua_args_LDADD = $(WORKBENCH_TEST_LIBS)
tests_lua_repl_LDADD = $(WORKBENCH_TEST_LIBS)

TESTS += tests/lua/monkeys_golden.lua tests/lua/inference.lua tests/lua/sat.lua tests/lua/catalogue.lua
EXTRA_DIST += tests/golden/monkeys.json tests/lua/monkeys_golden.lua tests/lua/inference.lua tests/lua/sat.lua tests/lua/catalogue.lua
TESTS += tests/lua/multilingual_golden.lua tests/lua/multilingual.lua tests/lua/selection.lua
EXTRA_DIST += tests/golden/multilingual.json tests/lua/multilingual_golden.lua tests/lua/multilingual.lua \
	tests/lua/selection.lua
TESTS += tests/lua/binary_bias_golden.lua tests/lua/binary_bias.lua
EXTRA_DIST += tests/golden/binary-bias.json tests/lua/binary_bias_golden.lua tests/lua/binary_bias.lua
TESTS += tests/lua/matrix.lua tests/lua/rng.lua tests/lua/stats.lua tests/lua/fit.lua \
	tests/lua/json.lua tests/lua/golden_self.lua
EXTRA_DIST += tests/lua/tap.lua tests/lua/golden.lua tests/golden/_self.json \
	tests/lua/matrix.lua tests/lua/rng.lua tests/lua/stats.lua tests/lua/fit.lua \
	tests/lua/json.lua tests/lua/golden_self.lua

# Stock lua5.4 can load a sanitized module only with the sanitizer's runtime in the process.
if SANITIZERS
# matrix.lua asks for more memory than there is.
AM_TESTS_ENVIRONMENT += ASSAY_PRELOAD="$$($(CC) -print-file-name=libasan.so)"; export ASSAY_PRELOAD;
AM_TESTS_ENVIRONMENT += ASAN_OPTIONS="allocator_may_return_null=1:$$ASAN_OPTIONS"; export ASAN_OPTIONS;
endif

# The engine and the prelude.
check_PROGRAMS += tests/lua/engine tests/lua/order
tests_lua_engine_LDADD = $(WORKBENCH_TEST_LIBS)
tests_lua_order_LDADD = $(WORKBENCH_TEST_LIBS)
TESTS += tests/lua/experiment.lua tests/lua/grid.lua tests/lua/claims.lua tests/lua/compose.lua tests/lua/rewrite.lua
EXTRA_DIST += tests/lua/experiment.lua tests/lua/grid.lua tests/lua/claims.lua tests/lua/compose.lua tests/lua/rewrite.lua

# Files.
TESTS += tests/lua/data.lua tests/lua/manual.lua
EXTRA_DIST += tests/lua/data.lua tests/lua/manual.lua

# What cells keep between runs.
check_PROGRAMS += tests/lua/cache
tests_lua_cache_LDADD = $(WORKBENCH_TEST_LIBS)

# Mixtures and noise schedules.
TESTS += tests/lua/progress.lua
EXTRA_DIST += tests/lua/progress.lua
TESTS += tests/lua/gmm.lua tests/lua/gmm_golden.lua
EXTRA_DIST += tests/lua/gmm.lua tests/lua/gmm_golden.lua tests/golden/gmm.json

# The network engine.
TESTS += tests/lua/net.lua tests/lua/nets.lua tests/lua/net_golden.lua tests/lua/fashion.lua
EXTRA_DIST += tests/lua/net.lua tests/lua/nets.lua tests/lua/net_golden.lua tests/lua/fashion.lua tests/golden/_testbed-net.json

# Verifiable tasks.
TESTS += tests/lua/tasks.lua tests/lua/tasks_golden.lua
EXTRA_DIST += tests/lua/tasks.lua tests/lua/tasks_golden.lua tests/golden/_testbed-lm.json

# Diffusion samplers.
TESTS += tests/lua/dpm_golden.lua tests/lua/sampler.lua
EXTRA_DIST += tests/lua/dpm_golden.lua tests/lua/sampler.lua tests/golden/dpm-solver-pp.json
# One pool of test items.
TESTS += tests/lua/onebench.lua tests/lua/onebench_golden.lua
EXTRA_DIST += tests/lua/onebench.lua tests/lua/onebench_golden.lua tests/golden/onebench.json
TESTS += tests/lua/endpoint.lua
EXTRA_DIST += tests/lua/endpoint.lua

# Search over paths.
TESTS += tests/lua/tts_var.lua tests/lua/tts_var_golden.lua
EXTRA_DIST += tests/lua/tts_var.lua tests/lua/tts_var_golden.lua tests/golden/tts-var.json
TESTS += tests/lua/diffusion_metrics.lua tests/lua/diffusion_metrics_golden.lua
EXTRA_DIST += tests/lua/diffusion_metrics.lua tests/lua/diffusion_metrics_golden.lua \
	tests/golden/_diffusion-metrics.json
TESTS += tests/lua/usf.lua tests/lua/usf_golden.lua
EXTRA_DIST += tests/lua/usf.lua tests/lua/usf_golden.lua tests/golden/unified-solver.json
TESTS += tests/lua/time_shift.lua tests/lua/time_shift_golden.lua
EXTRA_DIST += tests/lua/time_shift.lua tests/lua/time_shift_golden.lua tests/golden/time-shift.json
TESTS += tests/lua/net_model.lua
EXTRA_DIST += tests/lua/net_model.lua
TESTS += tests/lua/teleport.lua tests/lua/teleport_golden.lua
EXTRA_DIST += tests/lua/teleport.lua tests/lua/teleport_golden.lua tests/golden/gaussian-teleport.json
# Rollouts.
TESTS += tests/lua/rollout.lua
EXTRA_DIST += tests/lua/rollout.lua
# Class imbalance.
TESTS += tests/lua/smote_golden.lua tests/lua/smote.lua
EXTRA_DIST += tests/lua/smote_golden.lua tests/lua/smote.lua tests/golden/smote.json
# Point clouds.
TESTS += tests/lua/pointsp_golden.lua tests/lua/pointsp.lua
EXTRA_DIST += tests/lua/pointsp_golden.lua tests/lua/pointsp.lua tests/golden/pointsp.json
# The language model.
TESTS += tests/lua/lm_quant.lua tests/lua/lm.lua tests/lua/lm_golden.lua tests/lua/lm_change.lua
EXTRA_DIST += tests/lua/lm_quant.lua tests/lua/lm.lua tests/lua/lm_golden.lua tests/lua/lm_change.lua
TESTS += tests/lua/apply.lua
EXTRA_DIST += tests/lua/apply.lua
# Training sets under a budget.
TESTS += tests/lua/equitable_golden.lua tests/lua/equitable.lua
EXTRA_DIST += tests/lua/equitable_golden.lua tests/lua/equitable.lua tests/golden/equitable.json
# Dense detectors.
TESTS += tests/lua/sampling_free_golden.lua tests/lua/sampling_free.lua tests/lua/scenes.lua
EXTRA_DIST += tests/lua/sampling_free_golden.lua tests/lua/sampling_free.lua tests/lua/scenes.lua tests/golden/sampling-free.json
# Sample adaptive augmentation.
TESTS += tests/lua/saa_golden.lua tests/lua/saa.lua
EXTRA_DIST += tests/lua/saa_golden.lua tests/lua/saa.lua tests/golden/saa.json
