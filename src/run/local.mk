src_libworkbench_la_SOURCES += src/run/run.h src/run/bytes.h src/run/bytes.c src/run/frame.h \
	src/run/frame.c src/run/pool.h src/run/pool.c
