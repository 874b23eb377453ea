#!/bin/sh
# Experiments that are composed, of every kit: written, run, their claims judged, reproduced.
. "$srcdir/tests/cli/tap.sh"
export ASSAY_DATA="$srcdir/experiments/data"

works() { # works NAME CELLS FIELD...
  experiment=$1 cells=$2
  shift 2
  gives "$experiment is composed" 0 "$assay" new "$experiment" "$@"
  gives "$experiment runs" 0 "$assay" run "$experiment.lua" -q
  holds "$experiment has all its cells" test "$("$assay" ls --json | grep -m1 '"cells":' | tr -dc 0-9)" = "$cells"
  gives "$experiment has a verdict" 0 "$assay" claims last
  out_has '(supported|inconclusive)  *claim-1'
}
works tables 8 methods='SMOTE,as it is' testbed=pima amount=100,200 folds=2 replicates=2
works samples 12 methods='an oracle,majority,one sample' k=1,4 problems=10 samples=8 replicates=2
works grouped 16 methods='an oracle,majority' k=1,4 hard=0.5,2 noise=0,1 problems=10 samples=8 replicates=1 facet=hard by=method
gives "groups and facets" 0 "$assay" plot last --width=100
out_has 'hard = 0.5 .*hard = 2'
works walks 4 methods='an oracle' testbed='random walks on formulas' k=1,8 problems=4 samples=8 variables=20 replicates=2
works published 4 methods=MBR testbed='CodeLlama-7B on CRUXEval' k=1,5 replicates=2 utility=exact
works solvers 18 methods='DPM-Solver++ 2M,DDIM,shifted DDIM' steps=5,10,20 samples=50 replicates=2
works exact 8 methods='UniPC 3,a schedule of steps' steps=5,10 measure=rmse samples=20 replicates=2 \
  testbed='a random mixture'
works rankings 8 methods='Plackett-Luce,mean score' testbed=LiveCodeBench missing=0.5,0.9 replicates=2
works flips 8 methods='runs,uniformity' answers=20,100 series=20 replicates=2
works paths 12 methods='clustering and resampling,best of n,resampling' n=1,2 searches=5 replicates=2
works clouds 8 methods='farthest points,filtered farthest points' noise=1,5 points=256 key_points=32 clouds=2 replicates=2
works meshes 4 methods='weighted points' testbed='meshes of things' noise=1,5 points=256 key_points=32 clouds=2 replicates=2
works budgets 8 methods='adaptive,equal numbers' budget=600,900 rounds=2 replicates=2
works detectors 8 methods='Sampling-Free,GHM' rate=0.03,0.1 steps=30 images=60 tests=30 replicates=2
works teleport 8 methods='teleport and DPM-Solver++ 2M,DDIM' steps=5,10 samples=50 replicates=2

gives "the same composition again" 0 "$assay" reproduce last
gives "what is swept is grouped by" 0 "$assay" new curves methods=majority k=1,4 hard=0.5,2 noise=0,1 facet=noise
holds "in the file, too" grep -q 'by = { "method", "hard" }, facet = "noise",' curves.lua
gives "the x axis is no group" 2 "$assay" new bad methods=majority by=k
err_has 'k is the x axis'
gives "nor has one value groups" 2 "$assay" new bad methods=majority facet=hard
err_has 'hard has one value'
gives "a facet is no curve, too" 2 "$assay" new bad methods=majority,'an oracle' facet=method by=method
err_has 'method has a picture for each value'
gives "the file explains itself" 0 cat tables.lua
out_has '^-- smote: .*Chawla'
gives "it is listed" 0 "$assay" run tables.lua --help
out_has 'new rows, percent of the rare class'

gives "the fields" 0 "$assay" new --fields methods=SMOTE
out_has '^  \* SMOTE: rows between neighbours'
out_has '^  - majority: is for samples of answers'
gives "the fields as JSON" 0 "$assay" new --fields --json methods=SMOTE
out_has '"name": "methods"'
gives "a problem is told with the fields" 0 "$assay" new --fields methods=SMOTE,majority
out_has '^    majority is for samples'

gives "what does not fit is refused" 2 "$assay" new bad methods=SMOTE,majority
err_has 'majority is for samples of answers to problems'
gives "an unknown field" 2 "$assay" new bad methods=SMOTE kk=3
err_has 'unknown field "kk" \(did you mean "k"\?\)'
gives "no field" 2 "$assay" new bad methods
err_has 'give FIELD=VALUE, got "methods"'
gives "no UTF-8" 2 "$assay" new bad "methods=$(printf '\377')"
err_has 'not UTF-8'
gives "--json alone" 2 "$assay" new --json bad
holds "nothing was written" test ! -e bad.lua
gives "a file that is there stays" 1 "$assay" new tables methods=SMOTE
err_has 'tables.lua: File exists'
finish
