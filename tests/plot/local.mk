EXTRA_DIST += tests/plot/rows.h
check_PROGRAMS += tests/plot/figure tests/plot/axis tests/plot/export tests/plot/draw tests/plot/tabulate
tests_plot_figure_LDADD = $(WORKBENCH_TEST_LIBS)
tests_plot_axis_LDADD = $(WORKBENCH_TEST_LIBS)
tests_plot_export_LDADD = $(WORKBENCH_TEST_LIBS)
tests_plot_draw_LDADD = $(WORKBENCH_TEST_LIBS)
tests_plot_tabulate_LDADD = $(WORKBENCH_TEST_LIBS)
