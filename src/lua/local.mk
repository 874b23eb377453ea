# The bindings and the prelude; linked into the program and, as assay.so, loadable by lua5.4.
noinst_LTLIBRARIES += src/lua/libassaylua.la
src_lua_libassaylua_la_SOURCES = src/lua/engine.h src/lua/args.h
