src_libassay_la_SOURCES += src/core/status.c src/core/suggest.c src/core/rng.c src/core/matrix.c \
	src/core/stats.c src/core/fit.c src/core/topk.c
coreinclude_HEADERS += src/core/status.h src/core/progress.h src/core/rng.h src/core/matrix.h \
	src/core/stats.h src/core/fit.h src/core/topk.h src/core/suggest.h
src_libassay_la_SOURCES += src/core/sha256.c
coreinclude_HEADERS += src/core/sha256.h
# What is kept between runs.
src_libassay_la_SOURCES += src/core/cache.c src/core/directory.h src/core/directory.c \
	src/core/file.h src/core/file.c
coreinclude_HEADERS += src/core/cache.h
src_libassay_la_SOURCES += src/core/parallel.c
coreinclude_HEADERS += src/core/parallel.h
src_libassay_la_SOURCES += src/core/schedule.c
coreinclude_HEADERS += src/core/schedule.h
# Ranks and their correlations.
src_libassay_la_SOURCES += src/core/rank.c
coreinclude_HEADERS += src/core/rank.h
# Neighbours, clusters, spread.
src_libassay_la_SOURCES += src/core/kdtree.c src/core/neighbours.c src/core/fps.c \
	src/core/single.c src/core/single.h src/core/panel.c src/core/panel.h \
	src/core/panel_kernel.h src/core/kmeans.c
coreinclude_HEADERS += src/core/distance.h src/core/kdtree.h src/core/neighbours.h src/core/fps.h src/core/kmeans.h
# Drawing with replacement.
src_libassay_la_SOURCES += src/core/resample.c
coreinclude_HEADERS += src/core/resample.h
src_libassay_la_SOURCES += src/core/pca.c
coreinclude_HEADERS += src/core/pca.h
# Curves of true against false positives.
src_libassay_la_SOURCES += src/core/roc.c
coreinclude_HEADERS += src/core/roc.h
# What differs between two texts.
src_libassay_la_SOURCES += src/core/linediff.c
coreinclude_HEADERS += src/core/linediff.h
# Curves of precision by recall.
src_libassay_la_SOURCES += src/core/precision.c
coreinclude_HEADERS += src/core/precision.h
# Point clouds.
src_libassay_la_SOURCES += src/core/cloud.c
coreinclude_HEADERS += src/core/cloud.h
# Augmentation of images.
src_libassay_la_SOURCES += src/core/augment.c
coreinclude_HEADERS += src/core/augment.h
