#!/bin/sh
# Runs a Lua test with the stock interpreter, the module of this build and the tests' own modules. A
# module built with sanitizers needs their runtime in the process before it ($ASSAY_PRELOAD).
# Data are those of the source, not the user's.
ASSAY_DATA="$srcdir/experiments/data" XDG_DATA_HOME="$builddir/none" \
    LUA_CPATH="$builddir/src/lua/.libs/?.so;;" LUA_PATH="$srcdir/tests/lua/?.lua;;" \
    LD_PRELOAD="$ASSAY_PRELOAD" exec "$LUA_INTERPRETER" "$@"
