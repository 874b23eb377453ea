# The workbench library: store, plot, run and tui, linked into the program and the tests.
noinst_LTLIBRARIES += src/libworkbench.la
src_libworkbench_la_SOURCES = src/store/store.h
src_libworkbench_la_LIBADD = src/lua/libassaylua.la src/libassay.la $(SQLITE_LIBS) $(NCURSES_LIBS) \
	$(LUA_LIBS) $(JANSSON_LIBS) $(GSL_LIBS) -lm
