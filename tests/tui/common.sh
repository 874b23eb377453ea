# What the tests of the screens share: a directory with experiments and a filled database, the TUI
# run by a script, screens compared with stored text, and TAP. RECORD=1 in the environment stores the
# screens that are shown as the expected ones (look at them before committing).
driver=$builddir/tests/tui/driver
count=0

# mktemp -d, removed at the end; in it ./experiments, ./home and nothing else
work=$(mktemp -d) || exit 99
trap 'cleanup' EXIT
cleanup() {
    cd / && rm -rf "$work"
}
cp -r "$srcdir/tests/tui/experiments" "$work/" && chmod -R u+w "$work" && cd "$work" || exit 99
mkdir home
HOME=$work/home XDG_DATA_HOME=$work/home XDG_CONFIG_HOME=$work/home XDG_STATE_HOME=$work/home TZ=UTC LC_ALL=C.UTF-8
unset NO_COLOR LINES COLUMNS
export HOME XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME TZ LC_ALL

ok() { # ok STATUS NAME
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

finish() {
    echo "1..$count"
}

# tui DATABASE [--ascii]: the script comes from standard input
tui() {
    cat >script
    "$driver" tui $2 "$1" script 2>errors
}

# same NAME: is the screen that was saved as ./NAME the stored one?
same() {
    stored=$srcdir/tests/tui/screens/$1.txt
    if [ -n "$RECORD" ]; then cp "$1" "$stored"; fi
    diff -u "$stored" "$1" >differences 2>&1
    status=$?
    ok $status "screen $1"
    [ $status -eq 0 ] || sed 's/^/# /' differences
}

# says STATUS PATTERN NAME: did the last tui end with STATUS and write a line like PATTERN?
says() {
    [ "$last" -eq "$1" ] && grep -q -e "$2" errors
    status=$?
    ok $status "$3"
    [ $status -eq 0 ] || { echo "# status $last"; sed 's/^/# /' errors; }
}
