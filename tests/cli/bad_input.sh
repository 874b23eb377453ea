# What goes wrong for a user: scripts, options, cells, measures, files and terminals that misbehave.
# Each is to end in words that name it and in the documented exit status, and to lose nothing.
. "$srcdir/tests/cli/tap.sh"

cat >odd.lua <<'END'
local assay = require "assay"
return assay.experiment {
  name = "odd", title = "What cells can do", replicates = 2,
  params = { n = { default = { 1, 2 }, min = 1, max = 2 },
             mode = { default = "plain",
                      choices = { "plain", "loop", "eat", "exit", "nan", "keys", "table", "name", "slow" } } },
  filter = function(p) return p.mode ~= "plain" end,
  run = function(cell)
    local mode = cell.params.mode
    if mode == "nan" then
      for k, y in ipairs { 0 / 0, 1 / 0, -1 / 0, 4 } do cell:log { k = k, y = y } end
      return
    end
    cell:log { k = 1, y = cell.params.n }
    if mode == "keys" then cell:log { k = 2, y = 5, late = "new" } end
    if cell.params.n == 1 or cell.replicate == 1 then return end
    if mode == "loop" then while true do end end
    if mode == "eat" then local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end end
    if mode == "exit" then os.exit(0) end
    if mode == "table" then cell:log { k = {} } end
    if mode == "name" then cell:log { ["a b"] = 1 } end
  end,
  figures = { { name = "f", x = "k", y = "y", by = "n", band = "ci95" },
              { name = "logs", x = "k", y = "y", logx = true, logy = true } },
}
END

# ---- scripts ----
gives "a directory is no script" 1 "$assay" run ./
printf 'return 1\0 2' >zero.lua
gives "a script with a zero byte" 1 "$assay" run zero.lua
err_has 'zero.lua: is not a Lua script'
: >empty.lua
gives "an empty script" 1 "$assay" run empty.lua
err_has 'empty.lua: must return assay.experiment'
gives "an empty grid" 1 "$assay" run odd.lua
err_has 'empty grid'
holds "none of them made a database" test ! -e assay.db

# ---- options out of range ----
for option in --workers=0 -j-1 --replicates=0 --cell-time=0 --cell-time=nan --cell-memory=8 --cell-memory=-1G; do
  gives "$option" 2 "$assay" run odd.lua mode=keys $option
  err_has 'must be .*, got "'
done
gives "plot --width=0" 2 "$assay" plot --width=0
gives "a table's format" 2 "$assay" table --format=xml
err_has 'no format "xml".*latex'
gives "ls --limit=0" 2 "$assay" ls --limit=0

# ---- cells ----
fails() { # fails NAME WORDS OPTION...: one cell of four fails, the others are kept
  name=$1 words=$2
  shift 2
  gives "$name fails its run" 1 "$assay" run odd.lua "$@"
  err_has "$words"
  err_has '^1 of 4 cells failed'
  out_has '  failed  3 cells'
}
fails "an endless loop" 'time limit of 0.3 s exceeded' mode=loop --cell-time=0.3
fails "os.exit" "os.exit can't be called" mode=exit
fails "a measure that is a table" 'k must be a number, a boolean or a short text, got a table' mode=table
fails "a measure's odd name" 'letters, digits and _, got "a b"' mode=name
if ! grep -q '^ASSAY_CFLAGS.*-fsanitize' "$builddir/Makefile"; then # its shadow memory is not limited
  fails "eating memory" 'the memory limit of a cell is 100 MiB' mode=eat --cell-memory=100M
fi

# ---- measures ----
gives "NaN and infinities are measures" 0 "$assay" run odd.lua mode=nan -q
gives "  in a table" 0 "$assay" table --format csv
out_has ',1,nan$'
out_has ',2,inf$'
out_has ',3,-inf$'
gives "  in means, as what they are not" 0 "$assay" table --by k --columns y
gives "  in SQL, where NaN is NULL" 0 "$assay" sql --format csv "SELECT DISTINCT k, y FROM odd WHERE mode = 'nan'"
out_has '^1,$'
out_has '^2,inf$'
gives "  in JSON, which has none of them" 0 sh -c '"$0" table --format json >j.json &&
  "$0" lua -e "assert(#assay.json.decode(io.open([[j.json]]):read [[a]]) == 16)"' "$assay"
if command -v gnuplot >/dev/null; then
  for figure in f logs; do
    gives "  in figure $figure" 0 "$assay" plot last $figure --width 60 --height 15
    out_has '\(12 rows not shown\)'
    gives "  and in its file" 0 "$assay" plot last $figure -o f.png
    err_has '12 rows without a finite value were left out'
  done
fi
gives "rows with new keys halfway" 0 "$assay" run odd.lua mode=keys -q
gives "  have their column" 0 "$assay" sql --format csv "SELECT k, y, late FROM odd WHERE late = 'new' AND n = 1"
holds "  in the rows that have it" test "$(grep -c '^2,5,new$' out)" = 2
gives "  and a hole in the others" 0 "$assay" table --format csv
out_has ',1,1,$'

# ---- databases ----
cp assay.db cut.db
truncate -s 20000 cut.db
gives "a truncated database" 1 "$assay" table --db cut.db
err_has 'cut.db is damaged'
: >zero.db
gives "an empty file is a database to be" 1 "$assay" ls --db zero.db
err_has 'zero.db is empty'
gives "a directory is none" 1 "$assay" ls --db .
err_has 'is not a file'
gives "a directory that is not there" 1 "$assay" run odd.lua mode=keys --db nowhere/a.db
err_has 'nowhere/a.db'
"$assay" sql "SELECT 1" >/dev/null
mkdir shut && cp assay.db shut && chmod 555 shut && chmod 444 shut/assay.db
nobody=
if [ "$(id -u)" = 0 ]; then # whom permissions do not stop
  nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
  chmod 755 .
  $nobody test -x "$assay" 2>/dev/null || nobody=skip
fi
if [ "$nobody" != skip ]; then
  gives "a read-only database is read" 0 $nobody "$assay" table 1 --db shut/assay.db
  gives "  and not written" 1 $nobody "$assay" run odd.lua mode=keys --db shut/assay.db
  err_has "shut/assay.db can't be written: it or its directory is read-only"
  chmod 700 shut
  [ "$(id -u)" = 0 ] || chmod 000 shut
  gives "one in a directory that is shut" 1 $nobody "$assay" ls --db shut/assay.db
  err_has 'shut/assay.db: Permission denied'
  chmod 700 shut
fi
sed 's/cell:log { k = 1/local t = os.clock() while os.clock() - t < 0.3 do end cell:log { k = 1/' odd.lua >slow.lua
"$assay" run slow.lua mode=keys -j 1 --replicates 20 --db gone.db >out 2>err &
run=$!
while ! [ -s gone.db ]; do sleep 0.05; done
sleep 0.3
rm -f gone.db gone.db-wal gone.db-shm
wait $run
[ $? = 1 ]
report $? "a database deleted mid-run stops the run"
err_has 'gone.db was deleted or moved'

# ---- what is listed can't act ----
mkdir experiments
echo 'while true do end' >experiments/loop.lua
echo 'return ("x"):rep(1e10)' >experiments/bomb.lua
echo 'os.execute "touch acted"' >experiments/execute.lua
echo 'io.open("acted", "w"):write "x"' >experiments/open.lua
echo 'error "\27]0;title\7"' >experiments/escape.lua
sed 's/"What cells can do"/"\\27[31mred"/' odd.lua >experiments/red.lua
cp odd.lua experiments
ln -s . experiments/again
gives "hostile files are listed" 0 timeout 30 "$assay" ls --experiments
for name in loop bomb execute open escape red; do
  out_has "^$name .*does not load"
done
out_has '^odd +experiments +What cells can do +experiments/odd.lua'
holds "  did nothing" test ! -e acted
grep -q "$(printf '[\033\007]')" out
holds "  and do not steer the terminal" test $? = 1
for name in loop execute; do
  gives "the help of $name" 1 timeout 30 "$assay" run $name --help
done

# ---- output that goes nowhere ----
if [ -w /dev/full ]; then
  gives "a full disk is told" 1 sh -c '"$0" ls >/dev/full' "$assay"
  err_has 'No space left on device'
fi
gives "a reader that leaves" 0 sh -c '"$0" sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
  LIMIT 100000) SELECT i FROM n" | head -n 1' "$assay"
holds "  gets no complaint" test ! -s err
finish
