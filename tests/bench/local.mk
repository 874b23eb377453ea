# make bench: figures as ratios, see bench.c. Not part of check.
EXTRA_PROGRAMS += tests/bench/bench
tests_bench_bench_SOURCES = tests/bench/bench.c
tests_bench_bench_LDADD = src/libworkbench.la
EXTRA_DIST += tests/bench/pass_at_k.py tests/bench/pass_at_k.lua \
	tests/bench/binary_battery.py tests/bench/binary_battery.lua
CLEANFILES += tests/bench/bench$(EXEEXT)

bench: src/assay tests/bench/bench$(EXEEXT)
	$(srcdir)/scripts/packages bench || true
	tests/bench/bench src/assay $(srcdir)
.PHONY: bench
