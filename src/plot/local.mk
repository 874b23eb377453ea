src_libworkbench_la_SOURCES += src/plot/figure.h
