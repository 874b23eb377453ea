# make bench: figures as ratios, a program for each topic; see the top of each. Not part of check.
BENCHES = tests/bench/bench tests/bench/net tests/bench/lm tests/bench/data tests/bench/core \
	tests/bench/balance tests/bench/detection
EXTRA_PROGRAMS += $(BENCHES)
tests_bench_bench_SOURCES = tests/bench/bench.c
tests_bench_bench_LDADD = src/libworkbench.la
tests_bench_net_SOURCES = tests/bench/net.c tests/bench/peer.c tests/bench/peer.h
tests_bench_net_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_net_LDADD = src/libassay.la $(BLAS_LIBS) -lm
tests_bench_lm_SOURCES = tests/bench/lm.c tests/bench/peer.c tests/bench/peer.h
tests_bench_lm_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_lm_LDADD = src/libassay.la $(BLAS_LIBS) -lm
EXTRA_DIST += tests/bench/lm.py
EXTRA_DIST += tests/bench/chrf.py tests/bench/chrf.lua
tests_bench_data_SOURCES = tests/bench/data.c tests/bench/peer.c tests/bench/peer.h
tests_bench_data_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_data_LDADD = src/libassay.la -lm
EXTRA_DIST += tests/bench/pass_at_k.py tests/bench/pass_at_k.lua tests/bench/net.py tests/bench/data.py \
	tests/bench/binary_battery.py tests/bench/binary_battery.lua
EXTRA_DIST += tests/bench/onebench.py tests/bench/onebench.lua
EXTRA_DIST += tests/bench/equitable.py tests/bench/equitable.lua
EXTRA_DIST += tests/bench/augment.py tests/bench/augment.lua
tests_bench_core_SOURCES = tests/bench/core.c tests/bench/peer.c tests/bench/peer.h
tests_bench_core_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_core_LDADD = src/libassay.la $(BLAS_LIBS) -lm
EXTRA_DIST += tests/bench/core.py
tests_bench_balance_SOURCES = tests/bench/balance.c tests/bench/peer.c tests/bench/peer.h
tests_bench_balance_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_balance_LDADD = src/libassay.la $(BLAS_LIBS) -lm
EXTRA_DIST += tests/bench/balance.py
tests_bench_detection_SOURCES = tests/bench/detection.c tests/bench/peer.c tests/bench/peer.h
tests_bench_detection_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_bench_detection_LDADD = src/libassay.la $(BLAS_LIBS) -lm
EXTRA_DIST += tests/bench/detection.py
CLEANFILES += $(BENCHES:=$(EXEEXT))
EXTRA_DIST += tests/bench/sampler.py tests/bench/diffusion.py tests/bench/diffusion.lua
EXTRA_DIST += tests/bench/tui.py

bench: src/assay tests/tui/driver$(EXEEXT) $(BENCHES:=$(EXEEXT))
	$(srcdir)/scripts/packages bench || true
	tests/bench/bench src/assay $(srcdir)
	tests/bench/net $(srcdir)
	tests/bench/lm $(srcdir)
	tests/bench/data $(srcdir)
	tests/bench/core $(srcdir)
	tests/bench/balance $(srcdir)
	tests/bench/detection $(srcdir)
	/usr/bin/python3 $(srcdir)/tests/bench/tui.py tests/tui/driver$(EXEEXT)
.PHONY: bench
