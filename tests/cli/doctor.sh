# assay doctor: each thing that it looks at is really broken here, found, and where it can be, mended.
. "$srcdir/tests/cli/tap.sh"
export TERM=xterm-256color

cat >slow.lua <<'END'
local assay = require "assay"
return assay.experiment { name = "slow", params = { a = { default = { 1, 2, 3, 4 } } },
  run = function(cell) cell:log { x = cell.params.a } if cell.params.a > 2 then while true do end end end }
END
cat >state.lua <<'END'
for _, finding in ipairs(assay.json.decode(io.open("out"):read "a")) do
  if finding.check == arg[1] then print(finding.state) end
end
END
is() { # is CHECK STATE
  got=$("$assay" lua state.lua "$1")
  [ "$got" = "$2" ] || echo "# $1 is $got"
  [ "$got" = "$2" ]
  report $? "  $1 is $2"
}
doctor() { gives "$1" "$2" "$assay" doctor --json; }

gives "no database yet" 0 "$assay" doctor
out_has '^good +database +there is no assay.db yet'
doctor "  as JSON" 0
for check in program libraries processor locale terminal "file system" rights database; do
  is "$check" good
done
command -v gnuplot >/dev/null && is gnuplot good
gives "an operand is refused" 2 "$assay" doctor 3

export ASSAY_GNUPLOT=/nonexistent/gnuplot
doctor "without gnuplot" 0
is gnuplot warning
out_has 'apt-get install gnuplot-nox'
printf '#!/bin/sh\necho "no fonts" >&2\nexit 3\n' >broken && chmod +x broken
export ASSAY_GNUPLOT="$work/broken"
doctor "a gnuplot that dies" 0
is gnuplot warning
unset ASSAY_GNUPLOT
gives "a locale without UTF-8" 0 env LC_ALL=C "$assay" doctor --json
is locale warning
gives "no TERM" 0 env -u TERM "$assay" doctor --json
is terminal warning
gives "a TERM that is not known" 0 env TERM=abacus "$assay" doctor --json
is terminal warning
gives "a TERM without colours" 0 env TERM=vt100 "$assay" doctor --json
is terminal warning
out_has 'vt100, 0 colours'
gives "a directory that is not there" 1 "$assay" doctor --json --db nowhere/assay.db
is "file system" bad
gives "a log without its database" 0 sh -c 'echo x >lone.db-wal; "$0" doctor --json --db lone.db' "$assay"
is database warning

# A run whose coordinator is killed when two of its cells are done: its log stays, and nobody says
# that it has ended.
"$assay" run slow.lua -j 2 --quiet &
coordinator=$!
for i in $(seq 500); do
  [ "$("$assay" sql --format=csv "SELECT cells_done FROM run" 2>/dev/null | tail -n 1)" = 2 ] && break
  sleep 0.02
done
doctor "a run that lives" 0
is runs good
kill -9 $coordinator
wait $coordinator 2>/dev/null
sqlite_state() { "$assay" sql --format=csv "SELECT state FROM run" | tail -n 1; }
holds "a killed run still stands as running" test "$(sqlite_state)" = running
doctor "  the doctor sees it" 0
is runs warning
out_has 'assay resume RUN'
gives "  --fix" 0 "$assay" doctor --fix --json
is runs fixed
holds "  writes it down" test "$(sqlite_state)" = interrupted
gives "  with its cells" 0 "$assay" sql --format=csv "SELECT group_concat(state) FROM cell"
out_has 'done,done,queued,queued'
doctor "  and then all is well" 0
is runs good
gives "  what was interrupted resumes" 1 "$assay" resume 1 --quiet --cell-time=0.2

# Many pages, all read.
"$assay" sql --write "CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1
  FROM n WHERE i < 50000) SELECT i, randomblob(50) AS b FROM n" >/dev/null
gives "every page is read" 0 "$assay" doctor --thorough --json
is database good
out_has 'every page sound'

# The clock: a heartbeat from the future.
"$assay" sql --write "UPDATE run SET heartbeat = heartbeat + 7200, host = 'elsewhere'" >/dev/null
doctor "a clock that went wrong" 0
is clock warning
out_has 'host elsewhere'

# Damage in the middle of the file.
cp assay.db damaged.db
size=$(wc -c <damaged.db)
for page in 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ $((page * 4096)) -lt "$size" ] &&
    head -c 4096 /dev/zero | tr '\0' '\245' |
      dd of=damaged.db bs=4096 seek=$page conv=notrunc 2>/dev/null
done
gives "damaged pages" 1 "$assay" doctor --json --db damaged.db
is database bad
echo "hello, this is no database" >no.db
gives "not a database" 1 "$assay" doctor --json --db no.db
is database bad

cp "$srcdir/tests/store/old/version-1.db" old.db && chmod u+w old.db
gives "an older database" 0 "$assay" doctor --fix --json --db old.db
is database good
is runs fixed

# A file system of its own, in memory and small; needs root.
if unshare -m true 2>/dev/null; then
  mkdir small
  gives "a small file system in memory" 1 unshare -m sh -c \
    'mount -t tmpfs -o size=4m none small && cp assay.db small/ && "$0" doctor --json --db small/assay.db' "$assay"
  is "file system" warning
  is "free space" bad
  gives "a read-only one" 1 unshare -m sh -c \
    'mount -t tmpfs -o size=4m none small && cp assay.db small/ && mount -o remount,ro small &&
      "$0" doctor --json --db small/assay.db' "$assay"
  is rights bad
  is database good
fi
finish
