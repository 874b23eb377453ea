src_libassay_la_SOURCES += src/models/sat.c
modelsinclude_HEADERS += src/models/sat.h
src_libassay_la_SOURCES += src/models/gmm_noise.c src/models/net_noise.c src/models/gmm_lift.c src/models/gmm_block.h src/models/gmm_kernel.h \
	src/models/gmm_block.c src/models/gmm.c src/models/gmm_fit.c
modelsinclude_HEADERS += src/models/net_noise.h src/models/gmm_noise.h src/models/gmm.h
# Coarse-to-fine sampling.
src_libassay_la_SOURCES += src/models/canvas.c
modelsinclude_HEADERS += src/models/canvas.h
# A model behind a server.
src_libassay_la_SOURCES += src/models/endpoint.c src/models/endpoint_wire.h \
	src/models/endpoint_wire.c src/models/endpoint_journal.h src/models/endpoint_journal.c
modelsinclude_HEADERS += src/models/endpoint.h

src_libassay_la_SOURCES += src/models/machine.c
modelsinclude_HEADERS += src/models/machine.h

# The network engine: every source in single and in double precision (models/net/real.h), with flags of
# its own (configure --with-march).
NET_SOURCES = src/models/net/kernel.h src/models/net/lanes.h src/models/net/arena.c src/models/net/tape.c \
	src/models/net/gemm.c src/models/net/linear.c src/models/net/norm.c src/models/net/batchnorm.c \
	src/models/net/activation.c src/models/net/elementwise.c src/models/net/shape.c \
	src/models/net/conv.c src/models/net/pool.c src/models/net/attention.c src/models/net/rope.c \
	src/models/net/meanrows.c src/models/net/loss.c src/models/net/policy.h src/models/net/policy.c \
	src/models/net/fakequant.c \
	src/models/net/optimiser.c src/models/net/alone.c src/models/net/gradcheck.c \
	src/models/net/graph.h src/models/net/graph.c src/models/net/hook.c
noinst_LTLIBRARIES += src/models/net/libsingle.la src/models/net/libdouble.la
src_models_net_libsingle_la_SOURCES = $(NET_SOURCES) src/models/net/names.c src/models/net/rate.c \
	src/models/net/params.c src/models/net/shards.c src/models/net/training.c \
	src/models/net/needs.c src/models/net/needs.h src/models/net/packed.c src/models/net/packed_kernel.h
src_models_net_libsingle_la_CFLAGS = $(AM_CFLAGS) $(NET_CFLAGS)
src_models_net_libdouble_la_SOURCES = $(NET_SOURCES)
src_models_net_libdouble_la_CPPFLAGS = $(AM_CPPFLAGS) -DASSAY_NET_DOUBLE
src_models_net_libdouble_la_CFLAGS = $(AM_CFLAGS) $(NET_CFLAGS)
src_libassay_la_LIBADD += src/models/net/libsingle.la src/models/net/libdouble.la
netincludedir = $(includedir)/assay/models/net
netinclude_HEADERS = src/models/net/real.h src/models/net/op.h src/models/net/packed.h src/models/net/tape.h \
	src/models/net/alone.h src/models/net/optimiser.h src/models/net/params.h \
	src/models/net/shards.h src/models/net/training.h src/models/net/gradcheck.h \
	src/models/net/layers.h src/models/net/net.h src/models/net/fit.h \
	src/models/net/safetensors.h src/models/net/checkpoint.h
# Sequential nets on the engine.
src_libassay_la_SOURCES += src/models/net/layers.c src/models/net/net.c src/models/net/second.c \
	src/models/net/fit.c src/models/net/safetensors.c src/models/net/checkpoint.c

# What language models are trained and judged on.
src_libassay_la_SOURCES += src/models/vocab.c
modelsinclude_HEADERS += src/models/vocab.h
src_libassay_la_SOURCES += src/models/tasks/kind.h src/models/tasks/task.c src/models/tasks/write.c \
	src/models/tasks/sequence.c src/models/tasks/arithmetic.c src/models/tasks/bracket.c \
	src/models/tasks/rational.h src/models/tasks/rational.c src/models/tasks/countdown.c \
	src/models/tasks/corpus.c
tasksincludedir = $(includedir)/assay/models/tasks
tasksinclude_HEADERS = src/models/tasks/task.h

# The language model: what builds on the tape in both precisions, the rest in single.
noinst_LTLIBRARIES += src/models/lm/libsingle.la src/models/lm/libdouble.la
src_models_lm_libsingle_la_SOURCES = src/models/lm/transformer.h src/models/lm/transformer.c \
	src/models/lm/objective.h src/models/lm/objective.c src/models/lm/config.h src/models/lm/config.c \
	src/models/lm/pick.h src/models/lm/pick.c src/models/lm/lm.h src/models/lm/lm.c \
	src/models/lm/sample.h src/models/lm/sample.c src/models/lm/train.h src/models/lm/train.c \
	src/models/lm/examples.c src/models/lm/policy.c src/models/lm/masked.h src/models/lm/masked.c \
	src/models/lm/adapters.h src/models/lm/adapters.c \
	src/models/lm/quantise.h src/models/lm/quantise.c src/models/lm/checkpoint.h src/models/lm/checkpoint.c
src_models_lm_libsingle_la_CFLAGS = $(AM_CFLAGS) $(NET_CFLAGS)
src_models_lm_libdouble_la_SOURCES = src/models/lm/transformer.c src/models/lm/objective.c
src_models_lm_libdouble_la_CPPFLAGS = $(AM_CPPFLAGS) -DASSAY_NET_DOUBLE
src_models_lm_libdouble_la_CFLAGS = $(AM_CFLAGS) $(NET_CFLAGS)
src_libassay_la_LIBADD += src/models/lm/libsingle.la src/models/lm/libdouble.la
lmincludedir = $(includedir)/assay/models/lm
lminclude_HEADERS = src/models/lm/config.h src/models/lm/transformer.h src/models/lm/objective.h \
	src/models/lm/pick.h src/models/lm/lm.h src/models/lm/sample.h src/models/lm/train.h \
	src/models/lm/masked.h src/models/lm/adapters.h src/models/lm/quantise.h src/models/lm/checkpoint.h
# Classifiers of tables.
src_libassay_la_SOURCES += src/models/tree.c src/models/tree_prune.h src/models/tree_prune.c \
	src/models/naive_bayes.c
modelsinclude_HEADERS += src/models/tree.h src/models/naive_bayes.h

# Polygenic scores in a population of groups.
src_libassay_la_SOURCES += src/models/polygenic.c
modelsinclude_HEADERS += src/models/polygenic.h
