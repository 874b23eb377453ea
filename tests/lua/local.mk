# tests of src/lua
TESTS += tests/lua/matrix.lua
EXTRA_DIST += tests/lua/tap.lua tests/lua/matrix.lua

# Stock lua5.4 can load a sanitized module only with the sanitizer's runtime in the process.
if SANITIZERS
AM_TESTS_ENVIRONMENT += ASSAY_PRELOAD="$$($(CC) -print-file-name=libasan.so)"; export ASSAY_PRELOAD;
endif
