src_libworkbench_la_SOURCES += src/plot/figure.h src/plot/figure.c src/plot/series.c \
	src/plot/group.h src/plot/group.c src/plot/summary.h src/plot/summary.c \
	src/plot/axis.h src/plot/axis.c src/plot/style.h src/plot/style.c \
	src/plot/escape.h src/plot/escape.c src/plot/gnuplot.h src/plot/gnuplot.c \
	src/plot/script.h src/plot/script.c src/plot/export.c \
	src/plot/raster.h src/plot/raster.c src/plot/braille.c src/plot/screen.c \
	src/plot/tabulate.h src/plot/tabulate.c
