# The bindings and the prelude; linked into the program and, as assay.so, loadable by lua5.4.
noinst_LTLIBRARIES += src/lua/libassaylua.la
src_lua_libassaylua_la_SOURCES = src/lua/engine.h src/lua/args.h src/lua/args.c src/lua/module.h \
	src/lua/module.c src/lua/matrix.c src/lua/rng.c src/lua/stats.c src/lua/fit.c \
	src/lua/json.c src/lua/repl.h src/lua/repl.c
src_lua_libassaylua_la_SOURCES += src/lua/data.c src/lua/files.h src/lua/files.c src/lua/samples.c src/lua/tables.c \
	src/lua/dataset.c
# The families of methods, the testbeds, and how long calls report.
src_lua_libassaylua_la_SOURCES += src/lua/inference/inference.h src/lua/inference/inference.c \
	src/lua/inference/monkeys.c src/lua/inference/monkeys_pdist.c \
	src/lua/inference/monkeys_vote.c src/lua/inference/monkeys_cost.c \
	src/lua/inference/log.h src/lua/inference/log.c src/lua/inference/evidence.h \
	src/lua/inference/evidence.c src/lua/inference/selection.c src/lua/inference/binary_bias.c \
	src/lua/inference/multilingual.c \
	src/lua/models.c src/lua/gmm.c src/lua/net.c \
	src/lua/report.h src/lua/report.c src/lua/catalogue.c src/lua/tasks.h src/lua/tasks.c
src_lua_libassaylua_la_SOURCES += src/lua/diffusion/diffusion.h src/lua/diffusion/diffusion.c \
	src/lua/diffusion/denoiser.c src/lua/diffusion/sampler.c
src_lua_libassaylua_la_SOURCES += src/lua/inference/onebench.c
# Rollouts of policies.
src_lua_libassaylua_la_SOURCES += src/lua/rollout/rollout.h src/lua/rollout/rollout.c \
	src/lua/rollout/advantage.c
# Models behind servers.
src_lua_libassaylua_la_SOURCES += src/lua/endpoint.c
src_lua_libassaylua_la_SOURCES += src/lua/inference/tts_var.c
src_lua_libassaylua_la_SOURCES += src/lua/pca.c src/lua/diffusion/metrics.c src/lua/diffusion/usf.c \
	src/lua/diffusion/time_shift.c src/lua/diffusion/gaussian.h src/lua/diffusion/gaussian.c src/lua/diffusion/scores.c \
	src/lua/diffusion/teleport.c
src_lua_libassaylua_la_SOURCES += src/lua/net.h src/lua/net_build.c src/lua/net_class.c \
	src/lua/net_train.c
src_lua_libassaylua_la_SOURCES += src/lua/lm/lm.h src/lua/lm/lm.c \
	src/lua/lm/tokens.c src/lua/lm/train.c src/lua/lm/sample.c src/lua/lm/masked.h src/lua/lm/masked.c \
	src/lua/lm/adapters.c src/lua/lm/hooks.c src/lua/lm/cores.c
# The engine, and what the prelude needs of C.
src_lua_libassaylua_la_SOURCES += src/lua/engine.c src/lua/script.h src/lua/prelude.c src/lua/bare.c \
	src/lua/interrupt.c src/lua/order.c src/lua/cell.c src/lua/rows.h src/lua/rows.c
# Coarse-to-fine sampling, a testbed.
src_lua_libassaylua_la_SOURCES += src/lua/canvas.h src/lua/canvas.c
# The configuration of the terminal interface.
src_lua_libassaylua_la_SOURCES += src/lua/configuration.h src/lua/configuration.c
# Experiments that are composed.
src_lua_libassaylua_la_SOURCES += src/lua/composer.h src/lua/rewrite.h src/lua/composer.c src/lua/rewrite.c
# What cells keep between runs.
src_lua_libassaylua_la_SOURCES += src/lua/cache.h src/lua/cache.c src/lua/serial.h src/lua/serial.c
nodist_src_lua_libassaylua_la_SOURCES = src/lua/prelude_source.c

# The prelude: Lua sources that are compiled in. One line a file.
PRELUDE = src/lua/assay/init.lua \
	src/lua/assay/apply.lua \
	src/lua/assay/apply_balance.lua \
	src/lua/assay/apply_file.lua \
	src/lua/assay/apply_inference.lua \
	src/lua/assay/apply_kind.lua \
	src/lua/assay/apply_option.lua \
	src/lua/assay/apply_points.lua \
	src/lua/assay/apply_tables.lua \
	src/lua/assay/attempt.lua \
	src/lua/assay/bare.lua \
	src/lua/assay/cache.lua \
	src/lua/assay/canonical.lua \
	src/lua/assay/check.lua \
	src/lua/assay/claims.lua \
	src/lua/assay/compose.lua \
	src/lua/assay/compose_text.lua \
	src/lua/assay/kits.lua \
	src/lua/assay/kit_budgets.lua \
	src/lua/assay/kit_clouds.lua \
	src/lua/assay/kit_detectors.lua \
	src/lua/assay/kit_flips.lua \
	src/lua/assay/kit_paths.lua \
	src/lua/assay/kit_rankings.lua \
	src/lua/assay/kit_samples.lua \
	src/lua/assay/kit_solvers.lua \
	src/lua/assay/kit_tables.lua \
	src/lua/assay/experiment.lua \
	src/lua/assay/figures.lua \
	src/lua/assay/grid.lua \
	src/lua/assay/image.lua \
	src/lua/assay/lists.lua \
	src/lua/assay/locate.lua \
	src/lua/assay/parameter.lua \
	src/lua/assay/pool.lua \
	src/lua/assay/rewrite.lua \
	src/lua/assay/serve.lua \
	src/lua/assay/rows.lua \
	src/lua/assay/testbed.lua \
	src/lua/assay/template.lua

src/lua/prelude_source.c: $(PRELUDE) src/lua/embed.sh Makefile
	$(AM_V_GEN)$(MKDIR_P) src/lua && set -- && for file in $(PRELUDE); do \
	  if test -f $$file; then set -- "$$@" $$file; else set -- "$$@" $(srcdir)/$$file; fi; done && \
	  $(SHELL) $(srcdir)/src/lua/embed.sh "$$@" > $@.new && mv $@.new $@
CLEANFILES += src/lua/prelude_source.c
EXTRA_DIST += src/lua/embed.sh $(PRELUDE)

# The module itself takes Lua from the interpreter that loads it.
luamodule_LTLIBRARIES += src/lua/assay.la
src_lua_assay_la_SOURCES =
src_lua_assay_la_LIBADD = src/lua/libassaylua.la src/libassay.la $(BLAS_LIBS) $(JANSSON_LIBS) $(GSL_LIBS) -lm
# It stays loaded when a state is closed: libraries below libcurl do not bear to be unloaded.
src_lua_assay_la_LDFLAGS = -Wl,-z,nodelete -module -avoid-version -shared -export-symbols-regex '^luaopen_assay$$'
# Imbalance.
src_lua_libassaylua_la_SOURCES += src/lua/balance/balance.h src/lua/balance/balance.c \
	src/lua/balance/resampling.c src/lua/balance/cleaning.c src/lua/balance/cores.c \
	src/lua/balance/classifiers.c src/lua/balance/roc.c src/lua/balance/detection.h \
	src/lua/balance/detection.c src/lua/balance/detector.c
src_lua_libassaylua_la_SOURCES += src/lua/balance/curves.h src/lua/balance/polygenic.h \
	src/lua/balance/equitable.c src/lua/balance/allocation.c \
	src/lua/balance/polygenic.c
# Point clouds.
src_lua_libassaylua_la_SOURCES += src/lua/balance/points.c src/lua/balance/corruptions.c
src_lua_libassaylua_la_SOURCES += src/lua/balance/augment.c src/lua/balance/saa.c
