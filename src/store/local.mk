# The workbench library: store, plot, run and tui, linked into the program and the tests.
noinst_LTLIBRARIES += src/libworkbench.la
src_libworkbench_la_SOURCES = src/store/store.h src/store/internal.h src/store/statements.h \
	src/store/schema.c src/store/store.c src/store/owner.c src/store/runs.c src/store/cells.c \
	src/store/values.c src/store/notes.c src/store/claims.c src/store/rows.c src/store/compare.c src/store/health.c \
	src/store/marks.c src/store/query.c src/store/view.c src/store/samples.c src/store/sql.h src/store/sql.c
src_libworkbench_la_LIBADD = src/lua/libassaylua.la src/libassay.la $(SQLITE_LIBS) $(MICROHTTPD_LIBS) $(NCURSES_LIBS) $(PNG_LIBS) \
	$(LUA_LIBS) $(BLAS_LIBS) $(JANSSON_LIBS) $(GSL_LIBS) -lm
