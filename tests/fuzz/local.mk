# Readers under bytes that nobody meant: `make fuzz` with clang's libFuzzer (scripts/fuzz), and what it
# found, again, in each `make check`.
check_PROGRAMS += tests/fuzz/replay
tests_fuzz_replay_SOURCES = tests/fuzz/replay.c tests/fuzz/targets.c tests/fuzz/targets.h
tests_fuzz_replay_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_replay_LDADD = $(WORKBENCH_TEST_LIBS)
EXTRA_PROGRAMS += tests/fuzz/fuzz
tests_fuzz_fuzz_SOURCES = tests/fuzz/libfuzzer.c tests/fuzz/targets.c tests/fuzz/targets.h
tests_fuzz_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_LDADD = src/libworkbench.la
tests_fuzz_fuzz_LDFLAGS = -fsanitize=fuzzer
CLEANFILES += tests/fuzz/fuzz$(EXEEXT)
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/readers.txt

# And the terminal interface under a million keys (make check has a tenth of them).
fuzz: tests/tui/random$(EXEEXT) tests/tui/driver$(EXEEXT)
	$(srcdir)/scripts/fuzz
	builddir=$(abs_top_builddir) srcdir=$(abs_top_srcdir) tests/tui/random$(EXEEXT) 2 1000000
.PHONY: fuzz
