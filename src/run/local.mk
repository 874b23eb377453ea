src_libworkbench_la_SOURCES += src/run/run.h
