# Runs a cmocka program: cmocka 1.1.5 says "not ok N # SKIP" of a skipped test, which TAP counts as
# failed (mended in 1.1.6).
exec 3>&1
status=$({ { "$@" 4>&-; echo $? >&4; } | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&3; } 4>&1)
exit "$status"
