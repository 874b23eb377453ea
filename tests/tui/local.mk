# The program that the tests of the screens run; no test by itself.
EXTRA_PROGRAMS += tests/tui/driver
tests_tui_driver_LDADD = src/libworkbench.la
CLEANFILES += tests/tui/driver$(EXEEXT)
tui_tests = tests/tui/screens.test tests/tui/keys.test tests/tui/compose.test tests/tui/run.test tests/tui/terminal.test tests/tui/way.test tests/tui/aside.test
check_PROGRAMS += tests/tui/random tests/tui/pty
tests_tui_random_LDADD = src/libworkbench.la
tests_tui_pty_LDADD = -lutil -lm
TESTS += $(tui_tests)
tests/tui/screens.log tests/tui/keys.log tests/tui/compose.log tests/tui/run.log tests/tui/terminal.log tests/tui/way.log tests/tui/aside.log tests/tui/random.log tests/tui/pty.log: \
	tests/tui/driver$(EXEEXT)
EXTRA_DIST += \
	tests/tui/screens/compose-140x40.txt tests/tui/screens/compose-80x24.txt \
	tests/tui/screens/compose-empty-140x40.txt tests/tui/screens/compose-empty-80x24.txt \
	tests/tui/screens/compose-methods-140x40.txt tests/tui/screens/compose-methods-80x24.txt \
	tests/tui/screens/compose-problem-140x40.txt tests/tui/screens/compose-problem-80x24.txt
EXTRA_DIST += $(tui_tests) tests/tui/common.sh tests/tui/tmux.sh tests/tui/experiments/inference/coin.lua \
	tests/tui/experiments/mixing/urn.lua tests/tui/experiments/mixing/broken.lua \
	tests/tui/screens/run-rows-140x40.txt \
	tests/tui/screens/run-rows-80x24.txt \
	tests/tui/screens/run-params-140x40.txt \
	tests/tui/screens/run-params-80x24.txt \
	tests/tui/screens/run-figures-140x40.txt \
	tests/tui/screens/run-figures-80x24.txt \
	tests/tui/screens/run-artifacts-140x40.txt \
	tests/tui/screens/run-artifacts-80x24.txt \
	tests/tui/screens/artifact-image-140x40.txt \
	tests/tui/screens/artifact-image-80x24.txt \
	tests/tui/screens/artifact-text-140x40.txt \
	tests/tui/screens/artifact-text-80x24.txt \
	tests/tui/screens/artifact-bytes-140x40.txt \
	tests/tui/screens/artifact-bytes-80x24.txt \
	tests/tui/screens/artifact-dots-140x40.txt \
	tests/tui/screens/artifact-dots-80x24.txt \
	tests/tui/screens/artifact-tiles-140x40.txt \
	tests/tui/screens/artifact-tiles-80x24.txt \
	tests/tui/screens/artifact-solid-140x40.txt \
	tests/tui/screens/artifact-solid-80x24.txt \
	tests/tui/screens/artifact-table-140x40.txt \
	tests/tui/screens/artifact-table-80x24.txt \
	tests/tui/screens/artifact-points-140x40.txt \
	tests/tui/screens/artifact-points-80x24.txt \
	tests/tui/screens/run-script-140x40.txt \
	tests/tui/screens/run-script-80x24.txt \
	tests/tui/screens/run-no-rows-140x40.txt \
	tests/tui/screens/run-no-rows-80x24.txt \
	tests/tui/screens/run-no-artifacts-140x40.txt \
	tests/tui/screens/run-no-artifacts-80x24.txt \
	tests/tui/screens/compare-140x40.txt \
	tests/tui/screens/compare-80x24.txt \
	tests/tui/screens/compare-groups-140x40.txt \
	tests/tui/screens/compare-groups-80x24.txt \
	tests/tui/screens/experiments-folded-140x40.txt \
	tests/tui/screens/experiments-folded-80x24.txt \
	tests/tui/screens/experiments-filtered-140x40.txt \
	tests/tui/screens/experiments-filtered-80x24.txt \
	tests/tui/screens/sql-140x40.txt \
	tests/tui/screens/sql-80x24.txt \
	tests/tui/screens/messages-140x40.txt \
	tests/tui/screens/messages-80x24.txt \
	tests/tui/screens/empty-messages-140x40.txt \
	tests/tui/screens/empty-messages-80x24.txt \
	tests/tui/screens/empty-experiments-140x40.txt \
	tests/tui/screens/empty-experiments-80x24.txt \
	tests/tui/screens/empty-runs-140x40.txt \
	tests/tui/screens/empty-runs-80x24.txt \
	tests/tui/screens/experiments-140x40.txt \
	tests/tui/screens/experiments-80x24.txt \
	tests/tui/screens/experiments-broken-140x40.txt \
	tests/tui/screens/experiments-broken-80x24.txt \
	tests/tui/screens/figure-140x40.txt \
	tests/tui/screens/figure-2-140x40.txt \
	tests/tui/screens/figure-changed-140x40.txt \
	tests/tui/screens/figure-changed-80x24.txt \
	tests/tui/screens/figure-grid-140x40.txt \
	tests/tui/screens/figure-grid-80x24.txt \
	tests/tui/screens/figure-2-80x24.txt \
	tests/tui/screens/figure-80x24.txt \
	tests/tui/screens/figure-empty-140x40.txt \
	tests/tui/screens/figure-empty-80x24.txt \
	tests/tui/screens/form-140x40.txt \
	tests/tui/screens/form-80x24.txt \
	tests/tui/screens/form-typing-140x40.txt \
	tests/tui/screens/form-typing-80x24.txt \
	tests/tui/screens/help-140x40.txt \
	tests/tui/screens/help-80x24.txt \
	tests/tui/screens/run-cells-140x40.txt \
	tests/tui/screens/run-cells-80x24.txt \
	tests/tui/screens/run-claims-140x40.txt \
	tests/tui/screens/run-claims-80x24.txt \
	tests/tui/screens/run-live-140x40.txt \
	tests/tui/screens/run-live-80x24.txt \
	tests/tui/screens/run-no-claims-140x40.txt \
	tests/tui/screens/run-no-claims-80x24.txt \
	tests/tui/screens/run-notes-140x40.txt \
	tests/tui/screens/run-notes-80x24.txt \
	tests/tui/screens/runs-140x40.txt \
	tests/tui/screens/runs-filtered-140x40.txt \
	tests/tui/screens/runs-filtered-80x24.txt \
	tests/tui/screens/runs-none-140x40.txt \
	tests/tui/screens/runs-none-80x24.txt \
	tests/tui/screens/runs-80x24.txt

# The configuration, the mouse, and what is remembered.
desk_tests = tests/tui/config.test tests/tui/mouse.test
TESTS += $(desk_tests)
EXTRA_DIST += $(desk_tests)
tests/tui/config.log tests/tui/mouse.log: tests/tui/driver$(EXEEXT)
