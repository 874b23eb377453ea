src_libassay_la_SOURCES += src/methods/inference/monkeys.c src/methods/inference/monkeys_pdist.c \
	src/methods/inference/monkeys_vote.c src/methods/inference/monkeys_cost.c
inferenceinclude_HEADERS += src/methods/inference/monkeys.h
src_libassay_la_SOURCES += src/methods/inference/binary_bias.c \
	src/methods/inference/binary_bias_count.h src/methods/inference/binary_bias_count.c \
	src/methods/inference/binary_bias_exact.c src/methods/inference/binary_bias_rates.c \
	src/methods/inference/binary_bias_text.c src/methods/inference/binary_bias_series.c
inferenceinclude_HEADERS += src/methods/inference/binary_bias.h
src_libassay_la_SOURCES += src/methods/inference/onebench_checks.h src/methods/inference/onebench_orders.c \
	src/methods/inference/onebench_luce.c src/methods/inference/onebench_baselines.c \
	src/methods/inference/onebench_pool.c
inferenceinclude_HEADERS += src/methods/inference/onebench.h
src_libassay_la_SOURCES += src/methods/inference/multilingual.c \
	src/methods/inference/multilingual_utility.c src/methods/inference/multilingual_select.c \
	src/methods/inference/multilingual_chops.c src/methods/inference/multilingual_curve.c
inferenceinclude_HEADERS += src/methods/inference/multilingual.h
src_libassay_la_SOURCES += src/methods/inference/tts_var.c src/methods/inference/tts_var_search.c
inferenceinclude_HEADERS += src/methods/inference/tts_var.h
src_libassay_la_SOURCES += src/methods/catalogue.c
methodsinclude_HEADERS += src/methods/catalogue.h
# Rollouts: groups of samples of a policy, and what their rewards say.
rolloutincludedir = $(includedir)/assay/methods/rollout
src_libassay_la_SOURCES += src/methods/rollout/advantage.c
rolloutinclude_HEADERS = src/methods/rollout/rollout.h
# Diffusion: one driver, one table of solvers.
diffusionincludedir = $(includedir)/assay/methods/diffusion
src_libassay_la_SOURCES += src/methods/diffusion/model.c src/methods/diffusion/sample.c \
	src/methods/diffusion/grid.c src/methods/diffusion/phi.c src/methods/diffusion/exponential.h \
	src/methods/diffusion/dpm.c src/methods/diffusion/baselines.c src/methods/diffusion/deis.c \
	src/methods/diffusion/unipc.c src/methods/diffusion/solvers.c \
	src/methods/diffusion/metrics.c src/methods/diffusion/usf.c src/methods/diffusion/usf_search.c \
	src/methods/diffusion/usf_predictor.c \
	src/methods/diffusion/time_shift.c \
	src/methods/diffusion/gaussian.c src/methods/diffusion/scores.c \
	src/methods/diffusion/lowrank.c src/methods/diffusion/trajectory.c src/methods/diffusion/teleport.c
diffusioninclude_HEADERS = src/methods/diffusion/model.h src/methods/diffusion/sample.h \
	src/methods/diffusion/solver.h src/methods/diffusion/metrics.h \
	src/methods/diffusion/usf.h src/methods/diffusion/time_shift.h \
	src/methods/diffusion/gaussian.h src/methods/diffusion/teleport.h
# Imbalance: rows between neighbours, copies, thinning, cleaning.
balanceincludedir = $(includedir)/assay/methods/balance
src_libassay_la_SOURCES += src/methods/balance/internal.h src/methods/balance/smote.c \
	src/methods/balance/border.c src/methods/balance/nominal.c src/methods/balance/clean.c
balanceinclude_HEADERS = src/methods/balance/smote.h
# Dense detectors: boxes, losses, choices of anchors, average precision. What runs over every logit and
# every pair of boxes has the flags of the network engine.
src_libassay_la_SOURCES += src/methods/balance/boxes.c src/methods/balance/choice.c src/methods/balance/average_precision.c \
	src/methods/balance/detector.c
noinst_LTLIBRARIES += src/methods/balance/libvectors.la
src_methods_balance_libvectors_la_SOURCES = src/methods/balance/logistic.c src/methods/balance/detection.c \
	src/methods/balance/nms.c
src_methods_balance_libvectors_la_CFLAGS = $(AM_CFLAGS) $(NET_CFLAGS)
src_libassay_la_LIBADD += src/methods/balance/libvectors.la
balanceinclude_HEADERS += src/methods/balance/boxes.h src/methods/balance/detection.h \
	src/methods/balance/average_precision.h src/methods/balance/detector.h
# Training sets under a budget.
src_libassay_la_SOURCES += src/methods/balance/equitable_checks.h src/methods/balance/curve.c \
	src/methods/balance/allocate.c src/methods/balance/slice_tuner.c src/methods/balance/equitable.c
balanceinclude_HEADERS += src/methods/balance/equitable.h
# Point clouds: key points, numbers of points, corruptions.
src_libassay_la_SOURCES += src/methods/balance/pointsp.c src/methods/balance/pointsp_resample.c \
	src/methods/balance/pointsp_descriptor.c \
	src/methods/balance/corrupt.c src/methods/balance/corrupt_deform.c
balanceinclude_HEADERS += src/methods/balance/pointsp.h src/methods/balance/corrupt.h
# Sample adaptive augmentation.
src_libassay_la_SOURCES += src/methods/balance/saa.c
balanceinclude_HEADERS += src/methods/balance/saa.h
