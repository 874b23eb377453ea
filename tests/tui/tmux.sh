# What the tests in a real terminal share: a tmux server of their own, keys sent, the screen awaited.
# Sourced after common.sh.
if ! command -v tmux >/dev/null; then
    echo "1..0 # SKIP tmux is not installed: scripts/packages test installs it"
    exit 0
fi
unset TMUX
# tmux's sockets stand in a directory of their own, so no other server is met or ended
TMUX_TMPDIR=$work
export TMUX_TMPDIR
t() {
    tmux -L "${server:-tui}" -f /dev/null "$@"
}
cleanup() {
    t kill-server 2>/dev/null
    cd / && rm -rf "$work"
}

# waits TEXT [NOT]: until the terminal shows TEXT (or does not), for a minute; after one wait in vain
# the way is lost, and the next ones only look
patience=600
waits() {
    for i in $(seq $patience); do
        t capture-pane -p >shown 2>/dev/null
        if grep -qF -e "$1" shown; then
            [ -z "$2" ] && return 0
        else
            [ -n "$2" ] && return 0
        fi
        sleep 0.1
    done
    patience=5
    echo "# waited for: $1"
    sed 's/^/# /' shown
    return 1
}
shows() { # shows TEXT NAME
    waits "$1"
    ok $? "$2"
}
send() {
    t send-keys "$@"
}
