# The command line, as its users meet it.
TESTS += tests/cli/commands.sh tests/cli/manual.sh tests/cli/bad_input.sh tests/cli/cache.sh tests/cli/endpoint.sh tests/cli/serve.sh tests/cli/apply.sh tests/cli/compose.sh tests/cli/completion.sh
EXTRA_DIST += tests/cli/tap.sh tests/cli/commands.sh tests/cli/manual.sh tests/cli/bad_input.sh tests/cli/cache.sh tests/cli/endpoint.sh tests/cli/serve.sh tests/cli/apply.sh tests/cli/compose.sh tests/cli/completion.sh
TESTS += tests/cli/doctor.sh
EXTRA_DIST += tests/cli/doctor.sh
TESTS += tests/cli/disk.sh
EXTRA_DIST += tests/cli/disk.sh
TESTS += tests/cli/signals.sh
EXTRA_DIST += tests/cli/signals.sh
TESTS += tests/cli/few_labels.sh
EXTRA_DIST += tests/cli/few_labels.sh
