# Signals and streams: stopped and continued, ended, resized without end; output that is closed, full or no
# longer read; no terminal. The state is as it should be, and so is the exit status.
. "$srcdir/tests/cli/tap.sh"

cat >work.lua <<'END'
local assay = require "assay"
return assay.experiment { name = "work", params = { a = { default = { 1, 2, 3, 4, 5, 6 } }, wait = { default = true } },
  run = function(cell)
    local rng = cell:rng("x")
    for i = 1, 200 do cell:log { i = i, u = rng:uniform(), text = ("t"):rep(500) } end
    while cell.params.wait and not io.open("go") do end
  end }
END
touch go
gives "undisturbed" 0 "$assay" run work.lua --quiet --db reference.db
"$assay" table last --columns cell,i,u --format csv --db reference.db >reference.csv
equal() { # equal DB
  "$assay" table last --columns cell,i,u --format csv --db "$1" >rows.csv 2>err && cmp -s rows.csv reference.csv
  report $? "  its rows are those of an undisturbed run"
}
value() { "$assay" sql --db "$1" --format csv "$2" 2>/dev/null | tail -n 1; }
start() { # start DB: until its first cells run
  rm -f go
  env --default-signal "$assay" run work.lua -j 2 --quiet --db "$1" >run.out 2>run.err & # whoever runs the tests may ignore some
  run=$!
  until [ "$(value "$1" "SELECT count(*) FROM cell WHERE state = 'running'")" = 2 ]; do
    kill -0 $run 2>/dev/null || break
    sleep 0.02
  done
}
ends() { # ends NAME STATUS
  wait $run
  got=$?
  [ $got = "$2" ] || echo "# exit status $got"
  [ $got = "$2" ]
  report $? "$1"
}
stands() { [ "$(value "$1" "SELECT state FROM run")" = "$2" ]; report $? "  it stands as $2"; }
is_stopped() { for i in $(seq 2000); do grep -q '^State:.T' "/proc/$run/status" && return 0; sleep 0.01; done; return 1; }

# The kernel drops SIGTSTP in a process group that no shell looks after.
tstp_arrives() {
  sleep 30 &
  run=$!
  kill -TSTP $run
  for i in $(seq 50); do
    grep -q '^State:.T' "/proc/$run/status" && break
    sleep 0.01
  done
  grep -q '^State:.T' "/proc/$run/status"
  arrived=$?
  kill -KILL $run
  wait $run 2>/dev/null
  return $arrived
}

for signal in STOP TSTP; do
  if [ $signal = TSTP ] && ! tstp_arrives; then
    echo "# SIGTSTP is not tested: no shell looks after this process group"
    continue
  fi
  db=$signal.db
  start $db
  kill -$signal $run
  is_stopped
  report $? "SIG$signal stops a run"
  gives "  whose process still has it" 1 "$assay" resume 1 --db $db
  err_has 'is at work on it'
  touch go
  kill -CONT $run
  ends "  and SIGCONT lets it end" 0
  equal $db
done

start winch.db
for i in $(seq 300); do kill -WINCH $run; done
touch go
ends "a storm of SIGWINCH disturbs nothing" 0
equal winch.db

start pipe.db
kill -PIPE $run
touch go
ends "nor does SIGPIPE" 0
equal pipe.db

for signal in TERM HUP; do # tests/run/interrupt.c has SIGINT, which a shell's background ignores
  start $signal.db
  kill -$signal $run
  ends "SIG$signal ends a run" 1
  stands $signal.db cancelled
  touch go
  gives "  which resumes" 0 "$assay" resume 1 --quiet --db $signal.db
  equal $signal.db
done

# Streams.
touch go
gives "closed output" 1 sh -c '"$0" ls --db reference.db >&-' "$assay"
err_has 'the output could not be written'
gives "output to a full disk" 1 sh -c '"$0" table 1 --db reference.db >/dev/full' "$assay"
err_has 'could not be written'
gives "all three streams closed, a run" 1 sh -c '"$0" run work.lua --db closed.db <&- >&- 2>&-' "$assay"
stands closed.db "done"
equal closed.db
gives "  whose file has none of the words" 0 "$assay" sql --db closed.db --format csv \
  "SELECT integrity_check FROM pragma_integrity_check"
out_has '^ok'
gives "a run without input" 0 sh -c '"$0" run work.lua --quiet --db input.db <&-' "$assay"
gives "a reader that leaves" 0 sh -c '"$0" table 1 --db reference.db --format csv | head -n 1' "$assay"
out_has '^cell,replicate'
holds "  is not complained of" test ! -s err
gives "  as JSON" 0 sh -c '"$0" table 1 --db reference.db --format json | head -c 10 >/dev/null' "$assay"
holds "  is not complained of" test ! -s err

for list in "ls" "ls --json" "ls --experiments" "show" "show --cells" "show --json" "show --script" "table" \
  "claims" "methods" "methods --json" "data" "sql SELECT * FROM value" "doctor" "--help" "ls --help"; do
  # shellcheck disable=SC2086 # its words are arguments, but for those of SQL
  case $list in sql*) set -- sql "${list#sql }" ;; *) set -- $list ;; esac
  (ASSAY_DB=reference.db "$assay" "$@" 2>err; echo $? >status) | true
  grep -Eq '^(0|1|141)$' status && [ ! -s err ]
  report $? "nobody reads 'assay $list'"
done

# No terminal.
gives "the interface without TERM" 2 env -u TERM "$assay" --db reference.db
err_has 'needs a terminal'
gives "  without a terminal" 2 env TERM=xterm "$assay" --db reference.db
holds "  says something" test -s err
gives "lists need no TERM" 0 env -u TERM "$assay" ls --db reference.db
finish
