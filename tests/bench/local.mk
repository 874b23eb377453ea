# make bench: figures as ratios, a program for each topic; see bench.c and net.c. Not part of check.
BENCHES = tests/bench/bench tests/bench/net
EXTRA_PROGRAMS += $(BENCHES)
tests_bench_bench_SOURCES = tests/bench/bench.c
tests_bench_bench_LDADD = src/libworkbench.la
tests_bench_net_SOURCES = tests/bench/net.c
tests_bench_net_LDADD = src/libassay.la $(BLAS_LIBS) -lm
EXTRA_DIST += tests/bench/pass_at_k.py tests/bench/pass_at_k.lua tests/bench/net.py \
	tests/bench/binary_battery.py tests/bench/binary_battery.lua \
	tests/bench/chrf.py tests/bench/chrf.lua
EXTRA_DIST += tests/bench/onebench.py tests/bench/onebench.lua
CLEANFILES += $(BENCHES:=$(EXEEXT))
EXTRA_DIST += tests/bench/sampler.py

bench: src/assay $(BENCHES:=$(EXEEXT))
	$(srcdir)/scripts/packages bench || true
	tests/bench/bench src/assay $(srcdir)
	tests/bench/net $(srcdir)
.PHONY: bench
