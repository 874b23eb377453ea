EXTRA_DIST += tests/tui/driver.c tests/tui/random.c tests/tui/common.sh tests/tui/screens.test tests/tui/keys.test \
	tests/tui/terminal.test tests/tui/experiments/inference/coin.lua tests/tui/experiments/mixing/urn.lua \
	tests/tui/experiments/mixing/broken.lua
