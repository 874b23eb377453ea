# An experiment that samples a server (tests/models/server.c): rows that do not depend on when what
# arrived, a run that is killed and resumed, and the key, which is nowhere.
. "$srcdir/tests/cli/tap.sh"

mkdir seen
mkfifo hold
"$builddir/tests/models/server" seen <hold >port &
exec 9>hold # the server ends when this end does
within() { # within COMMAND...: until it holds, at most half a minute
  tries=600
  until "$@" || [ $tries = 0 ]; do
    sleep 0.05
    tries=$((tries - 1))
  done
}
within test -s port
PORT=$(cat port)
export PORT
export ASSAY_TEST_KEY="sk-0123456789abcdef-do-not-tell"
asked() { grep -c "^$1 " seen/requests; }
has_asked() { [ "$(asked "$1")" -ge "$2" ]; }
are_gone() { ! ps -o stat= -p "$1" | grep -qv Z; } # are_gone PID,...: or wait to be buried

cat >ask.lua <<'END'
local assay = require "assay"
return assay.experiment {
  name = "ask", title = "A server's samples", replicates = 2,
  params = { model = { default = "well" }, in_flight = { default = 4, min = 1 }, n = { default = 6, min = 1 } },
  run = function(cell)
    local p = cell.params
    local e = assay.models.endpoint { url = "http://127.0.0.1:" .. os.getenv "PORT" .. "/v1", model = p.model,
      key = "ASSAY_TEST_KEY", in_flight = p.in_flight, batch = 2, backoff = 0.01 }
    local log, usage = e:sample({ "6 * 7?", { { role = "user", content = "2 + 2?" } } },
      { n = p.n, seed = cell.replicate, logprobs = true, problems = { "product", "sum" },
        progress = function(done, total) cell:progress(done, total) end })
    for i, text in ipairs(log.text) do
      cell:log { problem = log.problem[i], sample = log.sample[i], text = text, logprob = log.logprob[i] }
    end
    cell:note("kept %d of %d", usage.kept, usage.samples)
  end,
}
END

gives "a server is sampled" 0 "$assay" run ask.lua -j 2
gives "  problem by problem" 0 "$assay" sql --format csv "SELECT text, logprob FROM ask WHERE replicate = 2 AND
  problem = 'sum' AND sample = 6"
out_has '^2 \+ 2\?/[0-9]*/1,-0.75$'
gives "  reproducibly" 0 "$assay" reproduce 1
out_has 'every row is bitwise equal'
holds "    and without a further request" test "$(asked well)" = 12
gives "a server that stumbles" 0 "$assay" run ask.lua model=broken:3 in_flight=1 --replicates 1
"$assay" sql --format csv "SELECT problem, sample, text FROM ask WHERE run = 1 AND replicate = 1 ORDER BY 1, 2" >one
"$assay" sql --format csv "SELECT problem, sample, text FROM ask WHERE run = 3 ORDER BY 1, 2" >three
holds "  gives the rows of one that does not" cmp one three

# killed while it samples
"$assay" run ask.lua model=lazy n=20 in_flight=2 --replicates 1 --detach >out 2>err
within has_asked lazy 6
pid=$("$assay" show last --json | "$assay" lua -e 'print(assay.json.decode(io.read "a").pid)' | grep -o '[0-9]*')
workers=$(ps -o pid= --ppid "$pid" | tr -s ' \n' ',' | sed 's/^,//; s/,$//')
kill -9 "$pid"
within are_gone "$pid,$workers"
before=$(asked lazy)
gives "a run that was killed is resumed" 0 "$assay" resume last
gives "  to its end" 0 "$assay" sql --format csv "SELECT count(*) FROM ask WHERE model = 'lazy'"
out_has '^40$'
kept=$("$assay" sql --format csv "SELECT text FROM note WHERE text LIKE '%of 40'" | grep -o 'kept [0-9]*' | grep -o '[0-9]*$')
holds "  with what had come" test "${kept:-0}" -ge 6
holds "  and nothing asked that was kept" test "$((2 * ($(asked lazy) - before)))" = "$((40 - kept))"

gives "a server that wants another key" 1 "$assay" run ask.lua model=shut --replicates 1
err_has 'answers with status 401: wrong key Bearer \*+'
gives "a server that tells the key" 0 "$assay" run ask.lua model=tells --replicates 1
cat out err >>said
"$assay" show last >>said
"$assay" table --format csv >>said
holds "the key is in no output" sh -c '! grep -q 0123456789abcdef said'
holds "  nor in the database" sh -c '! grep -q 0123456789abcdef assay.db*'
holds "  nor where samples are kept" sh -c '! grep -rq 0123456789abcdef "$XDG_DATA_HOME"'
holds "    which is there" test -n "$(ls "$XDG_DATA_HOME/assay/samples")"
holds "    for this user alone" test "$(stat -c %a "$XDG_DATA_HOME/assay/samples")" = 700

"$assay" run ask.lua model=slow --replicates 1 --detach >out 2>err
within has_asked slow 2
gives "a run that waits is cancelled" 0 timeout 20 "$assay" cancel last
gives "  at once" 1 timeout 20 "$assay" watch
out_has cancelled

# the example of assay-lua(3)
sed -n '/^\.\\" file ask.lua/,/^\.fi/p' "$srcdir/man/assay-lua.3" |
  sed -e '/^\.[\\nf]/d' -e 's/\\&//' -e 's/\\-/-/g' -e 's/\\(dq/"/g' >example.lua
gives "the manual's example asks" 0 "$assay" lua example.lua "http://127.0.0.1:$PORT/v1" calculator
out_is '128 samples, 0 of them kept from before'
gives "  once" 0 "$assay" lua example.lua "http://127.0.0.1:$PORT/v1" calculator
out_is '128 samples, 128 of them kept from before'
gives "  and has a log" 0 "$assay" import samples asked.jsonl
gives "  with answers and verdicts" 0 "$assay" sql --format csv "SELECT sum(correct), count(DISTINCT answer),
  min(problem) FROM sample"
out_has '^64,16,12 \* 37$'
gives "  from which come the curves" 0 "$assay" run "$srcdir/experiments/inference/selection.lua" log=samples:asked --replicates 2

exec 9>&-
wait
finish
