# tests of src/lua
TESTS += tests/lua/matrix.lua tests/lua/rng.lua tests/lua/stats.lua tests/lua/json.lua tests/lua/golden_self.lua
EXTRA_DIST += tests/lua/tap.lua tests/lua/golden.lua tests/golden/_self.json \
	tests/lua/matrix.lua tests/lua/rng.lua tests/lua/stats.lua tests/lua/json.lua tests/lua/golden_self.lua

# Stock lua5.4 can load a sanitized module only with the sanitizer's runtime in the process.
if SANITIZERS
AM_TESTS_ENVIRONMENT += ASSAY_PRELOAD="$$($(CC) -print-file-name=libasan.so)"; export ASSAY_PRELOAD;
endif
