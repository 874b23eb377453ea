# cell:cache over whole runs: built once by many workers and runs, the rows of a warm run are those of
# a cold one, and assay gc.
. "$srcdir/tests/cli/tap.sh"

cat >model.lua <<'END'
local assay = require "assay"
return assay.experiment {
  name = "model", replicates = 6, params = { width = { default = { 2, 3 } } },
  run = function(cell)
    local width = cell.params.width
    local m = cell:cache({ what = "model", width = width }, function(rng)
      local built = assert(io.open(os.getenv "BUILDS", "a"))
      built:write("built ", width, "\n")
      built:close()
      local stop = os.clock() + 0.1
      while os.clock() < stop do end
      local out = assay.matrix(width, width)
      for i = 1, width do for j = 1, width do out[i][j] = rng:normal() end end
      return out
    end)
    cell:log { x = m[width][1], draw = cell:rng():uniform(), lua = math.random() }
  end,
}
END
export BUILDS="$work/builds"
cached="$XDG_CACHE_HOME/assay"
rows() { "$assay" table "$1" -f csv; }

holds "there is no cache yet" test ! -e "$cached"
gives "gc of no cache" 0 "$assay" gc
out_has '^.*/cache/assay: 0 of 0 entries removed, 0 bytes freed, 0 bytes left$'

"$assay" run -q -j 4 --db a.db model.lua >a.log 2>&1 &
one=$!
"$assay" run -q -j 4 --db b.db model.lua >b.log 2>&1 &
two=$!
wait $one && wait $two
report $? "two runs of four workers at a time"
holds "built each value once" test "$(sort "$BUILDS" | tr '\n' ' ')" = "built 2 built 3 "
holds "kept two entries and nothing else" \
  test "$(ls -A "$cached" | grep -c 'entry$') $(ls -A "$cached" | wc -l)" = "2 2"
export ASSAY_DB=a.db
gives "a warm run" 0 "$assay" run -q model.lua
holds "built nothing" test "$(wc -l <"$BUILDS")" -eq 2
rows 1 >cold.csv
rows 2 >warm.csv
ASSAY_DB=b.db rows 1 >other.csv
holds "has the rows of the cold run" cmp cold.csv warm.csv
holds "which are the other one's too" cmp cold.csv other.csv
holds "twelve of them" test "$(wc -l <cold.csv)" -eq 13
gives "a warm reproduction is equal" 0 "$assay" reproduce 1 -q
rm -rf "$cached"
gives "a cold reproduction is equal" 0 "$assay" reproduce 2 -q
holds "though it built again" test "$(wc -l <"$BUILDS")" -eq 4

for entry in "$cached"/*.entry; do
  printf 'damaged' | dd of="$entry" bs=1 seek=130 conv=notrunc 2>/dev/null
done
gives "a run over damaged entries" 0 "$assay" run -q model.lua
holds "builds them again" test "$(wc -l <"$BUILDS")" -eq 6
rows 5 >damaged.csv
holds "and has the same rows" cmp cold.csv damaged.csv

XDG_CACHE_HOME=/dev/null
gives "a run where the cache can't be written" 0 "$assay" run -q model.lua
XDG_CACHE_HOME="$work/cache"
rows 6 >uncached.csv
holds "has the same rows" cmp cold.csv uncached.csv
gives "and says so in its notes" 0 "$assay" show 6 --notes
out_has "built, but not kept: the cache /dev/null/assay can't be written: Not a directory"

gives "gc keeps what fits" 0 "$assay" gc --cache-size=1K
out_has '0 of 2 entries removed, 0 bytes freed, [0-9]+ bytes left$'
old=$(ls "$cached"/*.entry | tail -n 1)
touch -d '2001-01-01' "$old"
gives "gc removes what does not" 0 "$assay" gc -s 300
out_has '1 of 2 entries removed, [0-9]+ bytes freed, [0-9]+ bytes left$'
holds "the least recently used first" test ! -e "$old"
gives "gc removes everything" 0 "$assay" gc -s 0
out_has '1 of 1 entries removed, [0-9]+ bytes freed, 0 bytes left$'
gives "a size that is none" 2 "$assay" gc -s many
err_has 'cache-size must be a size such as 500M or 2G, got "many"'
gives "a size below 0" 2 "$assay" gc --cache-size=-1
gives "an operand" 2 "$assay" gc now
err_has 'takes no operand, got "now"'
rm -rf "$cached"
: >"$cached"
gives "a cache that is a file" 1 "$assay" gc
err_has 'cache/assay: Not a directory'

finish
