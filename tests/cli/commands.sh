# The command line as its users meet it: what works, and what each mistake says.
. "$srcdir/tests/cli/tap.sh"

cat >walk.lua <<'END'
local assay = require "assay"
return assay.experiment {
  name = "walk", title = "A walk", replicates = 3,
  params = { steps = { default = 4, min = 1, max = 100, doc = "how far" },
             drift = { default = { 0.0, 1.0 }, min = -5, max = 5, doc = "per step" },
             mode  = { default = "plain", choices = { "plain", "error" } } },
  presets = { quick = { steps = 2 } },
  run = function(cell)
    local p, rng, x = cell.params, cell:rng("walk"), 0
    if p.mode == "error" and p.drift == 1 and cell.replicate == 2 then error("fell over") end
    for t = 1, p.steps do
      x = x + p.drift + rng:normal()
      cell:log { t = t, x = x }
    end
  end,
  figures = { { name = "path", x = "t", y = "x", by = "drift" } },
  claims = { { name = "drifts", text = "drift moves it", check = function(r)
    return r:compare { measure = "x", a = { drift = 1 }, b = { drift = 0 }, above = 0 } end } },
}
END

gives "version" 0 "$assay" --version
out_has '^assay [0-9]+\.[0-9]+\.[0-9]+$'
gives "help lists the commands" 0 "$assay" --help
out_has '^  reproduce '
gives "every command has help" 0 sh -c 'for c in $("$0" --help | sed -n "s/^  \([a-z]*\) .*/\1/p"); do
  "$0" $c --help | grep -q "^Usage: assay $c" || exit 1; done' "$assay"
gives "an unknown command suggests one" 2 "$assay" rum
err_has 'unknown command "rum" \(did you mean "run"\?\)'
gives "an unknown option suggests one" 2 "$assay" run walk.lua --sed=3
err_has 'unknown option "--sed=3" \(did you mean "seed"\?\)'
gives "an option's value is checked" 2 "$assay" run walk.lua --seed=three
err_has '--seed must be a whole number, got "three"'
gives "no database yet" 1 "$assay" ls
err_has 'there is no database assay.db'

gives "a missing experiment file" 1 "$assay" run nowhere.lua
err_has 'nowhere.lua'
echo 'return assay.experiment {' >broken.lua
gives "a syntax error names file and line" 1 "$assay" run broken.lua
err_has 'broken.lua:[0-9]+:'
gives "an unknown parameter suggests one" 1 "$assay" run walk.lua step=3
err_has 'step.*did you mean "steps"'
gives "a value out of range names the range" 1 "$assay" run walk.lua steps=1000
err_has 'steps.*100.*1000|steps.*1000.*100'
gives "a value of the wrong type" 1 "$assay" run walk.lua steps=many
err_has 'steps.*many'
gives "an unknown preset" 1 "$assay" run walk.lua --preset quik
err_has 'quik.*quick'
gives "not NAME=VALUE" 2 "$assay" run walk.lua steps
err_has '"steps" is not NAME=VALUE'
gives "an empty sweep" 1 "$assay" run walk.lua drift=
err_has 'drift'
holds "mistakes made no database" test ! -e assay.db

gives "the script's parameters in --help" 0 "$assay" run walk.lua --help
out_has 'steps +how far; integer, 1\.\.100 \(4\)'
out_has 'quick +steps=2'
gives "a run" 0 "$assay" run walk.lua --preset quick --seed 7
out_has '^run 1  walk  done  6 cells, 12 rows'
out_has '(supported|inconclusive).*drifts: drift moves it'
gives "ls" 0 "$assay" ls
out_has '^ +1  walk +done +6/6 +12 '
gives "ls --json is JSON" 0 sh -c '"$0" ls --json >j.json && "$0" lua -e "
  local runs = assay.json.decode(io.open([[j.json]]):read [[a]])
  assert(#runs == 1 and runs[1].experiment == [[walk]] and runs[1].seed == 7 and runs[1].params.steps == 2)"' "$assay"
gives "show" 0 "$assay" show 1
out_has '^experiment +walk'
gives "show --cells" 0 "$assay" show 1 --cells
out_has '"drift": ?1'
gives "show --script is the file" 0 "$assay" show --script
holds "  to the byte" cmp -s out walk.lua
gives "claims" 0 "$assay" claims
out_has 'estimate .* n = 3'
gives "an unknown run" 1 "$assay" show 99
err_has '99'

gives "table as csv" 0 "$assay" table 1 --format csv
out_has '^cell,replicate,drift,mode,steps,t,x$'
holds "  has every row" test "$(wc -l <out)" = 13
gives "table by group" 0 "$assay" table 1 --by drift --columns x --format markdown
out_has '^\|.*drift.*\|'
gives "table as latex" 0 "$assay" table 1 --by drift --columns x --format latex
out_has 'toprule'
gives "table as json" 0 "$assay" table 1 --format json
gives "a figure in characters" 0 "$assay" plot 1 path --width 60 --height 15
holds "  fits the width" test "$(wc -L <out)" -le 60
gives "a figure without gnuplot says what to install" 1 env ASSAY_GNUPLOT=/nonexistent "$assay" plot 1 -o f.png
err_has 'gnuplot'
if command -v gnuplot >/dev/null; then
  for format in png svg pdf tex; do
    gives "a figure as $format" 0 "$assay" plot 1 -o "fig.$format"
    holds "  is there" test -s "fig.$format"
  done
  holds "  with script and data" test -s fig.gp -a -s fig.dat
fi
gives "an unknown figure suggests one" 1 "$assay" plot 1 pth
err_has 'did you mean "path"'
gives "a format that is not known" 2 "$assay" plot 1 -o fig.jpeg
gives "sql over the experiment's view" 0 "$assay" sql "SELECT count(*) AS n FROM walk WHERE t = 2" --format csv
out_has '^6'
gives "sql does not write" 1 "$assay" sql "DELETE FROM run"

gives "a cell that errs fails the run" 1 "$assay" run walk.lua mode=error -j 2
err_has 'fell over'
err_has 'walk.lua:10'
out_has '^run 2  walk  failed  5 cells'
gives "show names the failed cell" 0 "$assay" show 2
out_has 'fell over'
gives "resume does only what is left" 1 "$assay" resume 2
gives "  and counts the attempt" 0 "$assay" sql "SELECT sum(attempts) FROM cell WHERE run = 2" --format csv
out_has '^7'
gives "resume of one cell" 1 "$assay" resume 2 --cell 99
err_has 'run 2 has no cell 99'
failed=$("$assay" sql "SELECT min(idx) FROM cell WHERE run = 2 AND state = 'failed'" --format csv | tail -n 1)
gives "  that failed" 1 "$assay" resume 2 --cell "$failed" --quiet
gives "  and only it" 0 "$assay" sql "SELECT sum(attempts) FROM cell WHERE run = 2" --format csv
out_has '^8'
gives "resume of a cell that is done" 1 "$assay" resume 2 --cell 0
err_has 'cell 0 of run 2 is done already'
gives "reproduce" 0 "$assay" reproduce 1
out_has 'reproduces run 1'
gives "ls --filter" 0 "$assay" ls --filter "state:done drift>0 steps=2"
out_has '^ +1  walk'
holds "  leaves out the others" sh -c '! grep -q failed out'
gives "ls --filter of none" 0 "$assay" ls -f "-state:done -state:failed"
out_has 'No run in assay.db is one of which this holds'
gives "ls --filter of what there is not" 1 "$assay" ls --filter "drfit>0"
err_has 'did you mean "drift"'
gives "ls --sort" 0 "$assay" ls --sort x --reverse --limit 1
out_has '^ +[0-9]+  walk'
gives "rm" 0 "$assay" rm 2
gives "  and it is gone" 1 "$assay" show 2
"$assay" sql --write "UPDATE run SET discarded = 1 WHERE id = 3"
gives "rm --discarded" 0 "$assay" rm --discarded
out_is '1 run is deleted'
gives "  and it is gone, too" 1 "$assay" show 3
gives "rm of nothing" 2 "$assay" rm

gives "a second run" 0 "$assay" run walk.lua steps=3 --seed 7 --quiet
gives "diff" 0 "$assay" diff 1 last
out_has '^parameter +steps +2 +3'
out_has '^x +1 +'
out_has 'paired t over replicates'
gives "diff of groups" 0 "$assay" diff 1 last --by drift --take mean
out_has '^x +drift = 1 +1 '
gives "diff --json is JSON" 0 sh -c '"$0" diff 1 last --json >j.json && "$0" lua -e "
  local d = assay.json.decode(io.open([[j.json]]):read [[a]])
  assert(#d.runs == 2 and d.runs[2].paired and d.measures[1].runs[2].difference.n == 3)"' "$assay"
gives "diff of scripts that are the same" 0 "$assay" diff 1 last --script
out_is ''
sed 's/how far/how very far/' walk.lua >walk2.lua
gives "another script" 0 "$assay" run walk2.lua --seed 8 --quiet
gives "diff --script" 0 "$assay" diff 1 last --script
out_has '^\+.*how very far'
holds "  is what diff -u gives" sh -c 'tail -n +3 out >ours; diff -u walk.lua walk2.lua | tail -n +3 | cmp - ours'
gives "diff of one" 2 "$assay" diff 1
gives "diff of twice the same" 1 "$assay" diff 1 1
gives "diff of the rows that there are not" 2 "$assay" diff 1 last --take first
gives "diff by what there is not" 1 "$assay" diff 1 last --by drfit
err_has 'did you mean "drift"'
gives "a figure over runs" 0 "$assay" plot 1 path --with last --width 100 --height 30
out_has 'steps=4'

gives "new writes an experiment" 0 "$assay" new first-try
gives "  that runs as it is" 0 "$assay" run first-try.lua --quiet
gives "new does not overwrite" 1 "$assay" new first-try
err_has 'first-try.lua: File exists'
gives "new checks the name" 2 "$assay" new 'a b'
gives "methods" 0 "$assay" methods
out_has '^monkeys +inference +2024 +2407.21787 '
gives "  one of them" 0 "$assay" methods monkeys
out_has 'Large Language Monkeys'
gives "  an unknown one" 1 "$assay" methods monkey
err_has 'did you mean "monkeys"'
gives "data" 0 env ASSAY_DATA="$srcdir/experiments/data" "$assay" data
out_has '^pima +csv +GPL-2 +yes '
out_has '^mammography +csv +not cleared +no '
gives "  one of them" 0 env ASSAY_DATA="$srcdir/experiments/data" "$assay" data pointsp
out_has '^car +meshes, 5 files: .*/pointsp/car_01.off$'
out_has 'right$'
mkdir -p mine/smote
echo 'other' >mine/smote/pima.csv
gives "  another file than the known one" 0 env ASSAY_DATA="nowhere:$work/mine" "$assay" data --json pima
out_has '"checksum": "differs"'
gives "  is not loaded" 1 env ASSAY_DATA="nowhere:$work/mine" "$assay" lua -e 'assay.data.load "pima"'
err_has 'another file than the one that is known'
gives "  unless one insists; its size is held against the set's" 1 \
  env ASSAY_DATA="$work/mine" "$assay" lua -e 'assay.data.load("pima", { verify = false })'
err_has 'has 0 rows and 1 columns, not 768 and 9'
gives "  an unknown one" 1 "$assay" data pime
err_has 'did you mean "pima"'
gives "  two" 2 "$assay" data pima votes
gives "lua -e" 0 "$assay" lua -e 'print(assay.stats.mean { 1, 2, 6 })'
out_is '3.0'
gives "a lua error" 1 "$assay" lua -e 'error("no")'

cat >good.jsonl <<'END'
{"problem": "a", "sample": 1, "correct": true, "answer": "4"}
{"problem": "a", "sample": 2, "correct": false, "answer": "5"}
END
printf '{"problem": "a", "correct": true}\n{"problem": "a", "correct": tru}\n' >bad.jsonl
gives "import samples" 0 "$assay" import samples good.jsonl --name mine
out_has '2 samples'
gives "again is nothing new" 0 "$assay" import samples good.jsonl --name mine
out_has 'already'
gives "a bad line is named" 1 "$assay" import samples bad.jsonl --name bad
err_has 'bad.jsonl:2'
gives "  and nothing of it is kept" 0 "$assay" sql "SELECT count(*) FROM sample_log WHERE name = 'bad'" --format csv
out_has '^0'

cat >harness.jsonl <<'END'
{"doc_id": 0, "target": "4", "resps": [["is 4"]], "filtered_resps": ["4"], "filter": "strict", "exact_match": 1.0}
{"doc_id": 0, "target": "4", "resps": [["is 4"]], "filtered_resps": ["5"], "filter": "loose", "exact_match": 0.0}
END
cat >batch.jsonl <<'END'
{"custom_id": "a", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "4"}}]}}, "error": null}
{"custom_id": "b", "response": null, "error": {"message": "expired"}}
END
gives "a log of lm-evaluation-harness" 0 "$assay" import samples harness.jsonl
err_has 'metric "exact_match", filter "strict"'
err_has '1 lines of other filters were left out'
gives "  is a log like others" 0 "$assay" export samples harness
out_is '{"problem": 0, "sample": 1, "correct": true, "text": "is 4", "answer": "4", "target": "4"}'
gives "  by its other filter" 0 "$assay" import samples harness.jsonl --filter=loose --metric=exact_match --name=loose
gives "a batch with a failed request" 1 "$assay" import samples batch.jsonl
err_has 'batch.jsonl:2: the request "b" failed: expired'
gives "  without it" 0 "$assay" import samples batch.jsonl --skip-failed
err_has '1 requests that failed were left out'
err_has '1 samples are not graded'
gives "  again is nothing new" 0 "$assay" import samples batch.jsonl --skip-failed
out_has 'already'
"$assay" export samples batch >again.jsonl
gives "what was exported comes in again" 0 "$assay" import samples again.jsonl --name=batch
out_has 'already'

gives "detach returns at once" 0 "$assay" run walk.lua --detach
gives "  and watch follows it" 0 "$assay" watch
out_has 'done'

echo "hello, this is no database" >no.db
gives "not a database" 1 "$assay" ls --db no.db
err_has 'no.db'
cp assay.db newer.db
"$assay" sql --db newer.db "SELECT 1" >/dev/null
"$assay" lua -e 'local f = io.open("newer.db", "r+b"); f:seek("set", 60); f:write(string.pack(">I4", 9999)); f:close()'
gives "a newer database is refused" 1 "$assay" ls --db newer.db
err_has 'newer'
finish
