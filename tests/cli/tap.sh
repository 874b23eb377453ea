# TAP for shell tests: sourced. Works in a temporary directory that goes at the end.
assay="$builddir/src/assay"
count=0
failures=0
work=$(mktemp -d) || exit 99
trap 'cd /; rm -rf "$work"' EXIT
cd "$work" || exit 99
unset ASSAY_DB NO_COLOR
export XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config" XDG_CACHE_HOME="$work/cache"

report() { # report STATUS NAME
  count=$((count + 1))
  if [ "$1" = 0 ]; then
    echo "ok $count - $2"
  else
    echo "not ok $count - $2"
    failures=$((failures + 1))
    [ -s out ] && sed 's/^/# out: /' out | head -n 20
    [ -s err ] && sed 's/^/# err: /' err | head -n 20
  fi
}

# gives NAME STATUS COMMAND...: the command's exit status; its output lands in ./out and ./err
gives() {
  name=$1 want=$2
  shift 2
  "$@" >out 2>err </dev/null
  got=$?
  [ $got = "$want" ] || echo "# exit status $got, expected $want"
  [ $got = "$want" ]
  report $? "$name"
}

out_has() { grep -Eq -- "$1" out; report $? "  its output has: $1"; }
err_has() { grep -Eq -- "$1" err; report $? "  its error says: $1"; }
out_is() { [ "$(cat out)" = "$1" ]; report $? "  its output is: $1"; }
holds() { name=$1; shift; "$@"; report $? "$name"; } # holds NAME COMMAND...

finish() {
  echo "1..$count"
  [ $failures = 0 ]
}
