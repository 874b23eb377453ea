# Arms of the experiment of few labels that must agree: images without a flag are FixMatch's.
. "$srcdir/tests/cli/tap.sh"

if ! "$assay" data 2>/dev/null | grep -q '^fashion-mnist .* yes '; then
  echo "1..0 # SKIP needs the data set fashion-mnist"
  exit 0
fi
export ASSAY_DB=few.db
gives "FixMatch, SAA, and SAA that selects none" 0 "$assay" run -q -j 2 --replicates=2 \
  "$srcdir/experiments/balance/saa.lua" method=fixmatch,fixmatch+none,fixmatch+saa labels=10,40 \
  unlabelled=224 steps=8 seeds=2

# Rows of a method up to a step, whole; the draws of those that look at the mechanism are left out.
rows_of() {
  "$assay" sql -f csv "SELECT replicate, labels, step, quote(reached), quote(naive_share), quote(threshold),
    quote(mask_rate), quote(naive_loss), quote(regular_loss), quote(accuracy) FROM saa
    WHERE method = '$1' AND image IS NULL AND (step IS NULL OR step <= $2) $3
    ORDER BY replicate, labels, step"
}
first="AND step IS NOT NULL"
rows_of fixmatch 8 >fixmatch.csv
rows_of fixmatch+none 8 >none.csv
holds "rows at four selections and the end, of four trainings" test "$(wc -l <fixmatch.csv)" -eq 21
holds "all flags 0: FixMatch's rows bit for bit" cmp fixmatch.csv none.csv
rows_of fixmatch 2 "$first" >before.csv
rows_of fixmatch+saa 2 "$first" >saa.csv
holds "before the first selection SAA's rows are FixMatch's" cmp before.csv saa.csv
rows_of fixmatch+saa 8 >saa.csv
holds "after it they are not" sh -c '! cmp -s fixmatch.csv saa.csv'
finish
