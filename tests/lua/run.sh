#!/bin/sh
# Runs a Lua test with the stock interpreter and the module of this build.
LUA_CPATH="$builddir/.libs/?.so;$builddir/src/.libs/?.so;;" exec "$LUA_INTERPRETER" "$@"
