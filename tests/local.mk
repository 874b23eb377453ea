# Every test speaks TAP, so that each case counts. cmocka programs are check_PROGRAMS; Lua and shell
# tests are run by their interpreter.
TEST_EXTENSIONS = .lua .sh .test
LOG_DRIVER = env CMOCKA_MESSAGE_OUTPUT=TAP AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/cmocka.sh
LUA_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_DRIVER = $(LOG_DRIVER)
TEST_LOG_DRIVER = $(LOG_DRIVER)
# A lua5.4 that finds the module just built (built with sanitizers, it is run by the program itself).
LUA_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/lua/run.sh
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = srcdir='$(abs_top_srcdir)' builddir='$(abs_top_builddir)' \
	LUA_INTERPRETER='$(LUA_INTERPRETER)' LC_ALL=C.UTF-8 TZ=UTC; export srcdir builddir LUA_INTERPRETER LC_ALL TZ;

# A cmocka test of libassay: two lines in the room's local.mk,
#     check_PROGRAMS += tests/core/rng
#     tests_core_rng_LDADD = $(TEST_LIBS)          (or $(WORKBENCH_TEST_LIBS))
TEST_LIBS = src/libassay.la $(CMOCKA_LIBS) $(BLAS_LIBS) $(GSL_LIBS) $(JANSSON_LIBS) -lm
WORKBENCH_TEST_LIBS = src/libworkbench.la $(CMOCKA_LIBS)
TESTS += $(check_PROGRAMS)
# Programs that tests need but that are none.
check_DATA =

include tests/core/local.mk
include tests/data/local.mk
include tests/models/local.mk
include tests/methods/local.mk
include tests/lua/local.mk
include tests/store/local.mk
include tests/plot/local.mk
include tests/run/local.mk
include tests/tui/local.mk
include tests/cli/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk

# The cmocka programs under valgrind, one after the other or with -j; VALGRIND_TESTS names some of them. Its
# processor knows no AVX-512, hence OpenBLAS's kernels of an older one; build with --with-march=no where the
# compiler's would be needed.
VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --child-silent-after-fork=yes \
	--suppressions=$(abs_top_srcdir)/tests/valgrind.supp
VALGRIND_TESTS = $(check_PROGRAMS)
valgrind:
	OPENBLAS_CORETYPE=Haswell $(MAKE) check TESTS='$(VALGRIND_TESTS)' \
	  LOG_COMPILER='$(SHELL) $(abs_top_srcdir)/tests/cmocka.sh $(VALGRIND)'
.PHONY: valgrind
EXTRA_DIST += tests/valgrind.supp
