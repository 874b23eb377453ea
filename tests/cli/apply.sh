# assay apply: each method on a file, what is written and where, and what each mistake says.
. "$srcdir/tests/cli/tap.sh"

awk 'BEGIN { print "id,a,b,y"; for (i = 0; i < 60; i++)
  printf "r%d,%d,%g,%s\n", i, (i * 7) % 13, (i * 5 % 17) / 4 + (i < 12), i < 12 ? "rare" : "usual" }' >in.csv
cat >log.jsonl <<'END'
{"problem": "p1", "correct": true, "answer": "12", "reward": 0.9}
{"problem": "p1", "correct": false, "answer": "7", "reward": 0.4}
{"problem": "p1", "correct": true, "answer": "12", "reward": 0.7}
{"problem": "p2", "correct": false, "answer": "3/4", "reward": 0.6}
{"problem": "p2", "correct": true, "answer": "2/3", "reward": 0.8}
{"problem": "p2", "correct": false, "answer": "3/4", "reward": 0.1}
{"problem": "p3", "correct": false, "reward": 0.1}
{"problem": "p3", "correct": false, "reward": 0.2}
END
awk 'BEGIN { for (i = 0; i < 50; i++) print i % 5, i * i % 11, i / 8 }' >cloud.xyz
set -- --label y --features a,b in.csv

# ---- what there is ----
gives "the list" 0 "$assay" apply
out_has '^smote +labelled +smote +New rows'
gives "  as JSON" 0 "$assay" apply --json
out_has '"name": "best-of-n"'
gives "  and in the help" 0 "$assay" apply --help
out_has '^  pass-at-k +Estimates'
gives "the help of one" 0 "$assay" apply smote --help
out_has '^Usage: assay apply smote \[OPTION\]\.\.\. FILE$'
out_has '--k=N +neighbours.*at least 1 \(default: 5\)$'
out_has '--scale=none\|standard '
gives "no such thing" 2 "$assay" apply smoote in.csv
err_has 'no application "smoote" \(did you mean "smote"\?\)'
gives "an option before the name" 2 "$assay" apply --json smote in.csv

# ---- classes ----
gives "smote" 0 "$assay" apply smote "$@" -o out.csv
out_is 'smote: 60 rows in, 96 rows out; rare 12 -> 48; usual 48 -> 48; new rows 36'
holds "  keeps the rows that were there" sh -c 'head -n 61 out.csv | cmp - in.csv'
holds "  new ones have no id, but a class" test "$(tail -n 36 out.csv | grep -c '^,.*,rare$')" = 36
gives "  to the standard output" 0 "$assay" apply smote "$@"
holds "  the same" cmp out out.csv
cat >same.lua <<'END'
local assay = require "assay"
local X, y, t = {}, {}, assay.data.table "in.csv".columns
for i, label in ipairs(t.y) do X[i], y[i] = { t.a[i], t.b[i] }, label == "usual" and 1 or 0 end
local r, out = assay.balance.smote(X, y, { k = 5, rng = assay.rng(1) }), assay.data.table "out.csv".columns
for i = 1, #r.y do
  assert(r.X[i][1] == out.a[i] and r.X[i][2] == out.b[i] and out.y[i] == (r.y[i] == 1 and "usual" or "rare"), i)
end
END
gives "  what the library makes" 0 "$assay" lua same.lua
gives "  with one thread" 0 "$assay" apply smote --threads 1 "$@"
holds "  the same" cmp out out.csv
gives "  with another seed" 0 "$assay" apply smote --seed 2 "$@"
cmp -s out out.csv
holds "  another" test $? = 1
gives "  rounded" 0 "$assay" apply smote --round a "$@"
holds "  in column a" sh -c 'test "$(tail -n 36 out | cut -d, -f2 | grep -c "[.]")" = 0'
for name in borderline-smote adasyn safe-level-smote oversample smote-enn smote-tomek undersample tomek-links \
  enn one-sided-selection; do
  gives "$name" 0 "$assay" apply $name "$@" -o "$name.csv" --json
  out_has '"label": "rare"'
  holds "  has the columns" sh -c 'head -n 1 "$0.csv" | cmp - "$1"' "$name" - <<END
id,a,b,y
END
done
gives "smoten of categories" 0 "$assay" apply smoten --label y --features a in.csv
gives "smotenc of numbers and texts" 0 "$assay" apply smotenc --label y --features a,id --nominal id in.csv
holds "  whose new rows have texts of old ones" sh -c 'test "$(tail -n 36 out | grep -Ec "^r[0-9]+,.*,,rare$")" = 36'

# ---- rows and points ----
gives "random rows" 0 "$assay" apply random --n 5 in.csv
holds "  so many" test "$(wc -l <out)" = 6
gives "farthest points" 0 "$assay" apply fps --n 3 --start 1 cloud.xyz -o far.xyz
out_has '^fps: 50 rows in, 3 rows out; largest distance from a chosen point [0-9.]+$'
holds "  the first is the one asked for" sh -c 'test "$(head -n 1 far.xyz)" = "$(head -n 1 cloud.xyz)"'
holds "  and all are of the cloud" sh -c 'test "$(sort -u far.xyz cloud.xyz | wc -l)" = "$(sort -u cloud.xyz | wc -l)"'
gives "without isolated ones" 0 "$assay" apply ffps --n 5 --k 6 cloud.xyz
gives "by weight" 0 "$assay" apply wrs --n 50 --k 6 --distinct cloud.xyz
holds "  all of them" test "$(wc -l <out)" = 50
gives "a thinner cloud" 0 "$assay" apply downsample --ratio 0.5 cloud.xyz
holds "  half of it" test "$(wc -l <out)" = 25
gives "a denser cloud" 0 "$assay" apply upsample --ratio 2 --k 6 cloud.xyz --to csv
holds "  twice as dense" test "$(wc -l <out)" = 101
gives "a fuller cloud" 0 "$assay" apply fill-up --n 64 --k 6 cloud.xyz
holds "  as full" test "$(wc -l <out)" = 64
gives "a normal cloud" 0 "$assay" apply pc-normalize cloud.xyz -o normal.xyz
gives "a corrupted one" 0 "$assay" apply corrupt --kind gaussian normal.xyz
gives "points of a cloud" 0 "$assay" apply kmeans-pp --k 4 cloud.xyz -o few.ply
gives "  read back" 0 "$assay" apply random --n 4 few.ply --to xyz
holds "  from the cloud" test "$(sort -u out | wc -l)" = 4
gives "clusters" 0 "$assay" apply kmeans --k 3 cloud.xyz --to csv
out_has '^x,y,z,cluster$'
gives "far points of a cloud" 0 "$assay" apply fps --n 4 --start 2 cloud.xyz -o far.ply
gives "far points that are not lonely" 0 "$assay" apply ffps --n 3 --k 3 --keep 0.9 cloud.xyz -o crowded.xyz
gives "points by crowdedness" 0 "$assay" apply wrs --n 3 --k 3 cloud.xyz -o drawn.xyz
gives "the middle of clusters" 0 "$assay" apply diversity --k 3 cloud.xyz -o three.npy
gives "weighted rows" 0 "$assay" apply resample --weights b --n 10 --kind systematic in.csv
gives "an array from a pipe" 0 sh -c 'cat three.npy | "$0" apply random --n 3 --from npy --to jsonl -' "$assay"
out_has '^\{"x1":'

# ---- logs ----
gives "the majority" 0 "$assay" apply majority log.jsonl -o majority.jsonl
out_is 'majority: 8 rows in, 2 rows out; problems without a choice 1'
holds "  of each problem" sh -c 'cut -d, -f1-4,6 majority.jsonl | cmp - "$0"' - <<'END'
{"problem": "p1", "sample": 1, "correct": true, "answer": "12", "votes": 2
{"problem": "p2", "sample": 1, "correct": false, "answer": "3/4", "votes": 2
END
gives "weighted by rewards" 0 "$assay" apply weighted-majority log.jsonl
out_has '"p2", "sample": 2.*"2/3"'
gives "best of n" 0 "$assay" apply best-of-n log.jsonl
out_has '"p3", "sample": 2'
gives "mbr" 0 "$assay" apply mbr --metric exact log.jsonl
out_has '"p2", "sample": 1.*"utility": 0.66'
gives "checklist" 0 "$assay" apply checklist --checks reward log.jsonl
gives "pass@k" 0 "$assay" apply pass-at-k --k 1,2 log.jsonl --to csv
out_has '^1,0.33333333333333'
out_has '^2,0.55555555555555'
gives "the log again" 0 "$assay" apply resample-log log.jsonl -o again.jsonl
holds "  as long" test "$(wc -l <again.jsonl)" = 8
gives "advantages" 0 "$assay" apply advantage --kind dr_grpo log.jsonl --to csv
out_has '^p3,2,0,,0.2,0.0(5|4999)'
sed 's/"p1", /&"cross": true, /2; s/"problem": "p[0-9]"/&, "cross": false/' log.jsonl >cross.jsonl
gives "X-MBR" 0 "$assay" apply x-mbr --cross cross --metric exact cross.jsonl

# ---- other tables ----
printf 'flip\nyes\nno\nNo\nyes\nyes\nno\nyes\nno\nno\nyes\n' >flips.csv
gives "the battery" 0 "$assay" apply binary-battery --column flip flips.csv
out_has '^yes_rate,0.5$'
printf 'item,x,y\n1,1,0\n2,1,0\n3,0,1\n' >scores.csv
gives "a ranking" 0 "$assay" apply rank --method mean scores.csv
out_has '^1,x,0.66'
gives "  by strength" 0 "$assay" apply rank scores.csv
out_has '^rank,model,score,se$'

# ---- files ----
gives "a file that exists" 1 "$assay" apply smote "$@" -o out.csv
err_has 'out.csv exists; --force replaces it'
gives "  is replaced" 0 "$assay" apply enn "$@" -o out.csv --force
gives "a directory that isn't there" 1 "$assay" apply smote "$@" -o nowhere/out.csv
err_has 'nothing can be written in nowhere'
gives "a device" 0 "$assay" apply smote "$@" --to csv -o /dev/null
holds "  stays one" test -c /dev/null
ln -s target.csv link.csv
cp in.csv target.csv
gives "a link" 0 "$assay" apply enn "$@" -o link.csv -f
holds "  is followed" test -L link.csv -a "$(wc -l <target.csv)" -lt 61
gives "a failure" 1 "$assay" apply smote --k 40 "$@" -o fails.csv
err_has '^assay: smote: k must be in 1..11 \(other rows of the class\), got 40$'
holds "  leaves nothing" test -z "$(ls -A | grep -e fails -e '\.assay')"
gives "an unknown ending" 2 "$assay" apply smote "$@" -o out.parquet
err_has '[-]-to must say what to write to "out.parquet" \(csv, '
gives "a pipe of an unknown format" 2 "$assay" apply random --n 1 -
err_has '[-]-from must say what the standard input is'
gives "a format that is none" 2 "$assay" apply random --n 1 in.csv --to xls
err_has '[-]-to must be one of csv, .*, got "xls"'
gives "a cloud out of other columns" 1 "$assay" apply random --n 1 in.csv --to ply
err_has 'a cloud has the columns x, y and z, but the result has id, a, b, y'
gives "two files" 2 "$assay" apply random --n 1 in.csv in.csv
gives "no file" 2 "$assay" apply random --n 1
gives "--json and data both" 2 "$assay" apply smote "$@" --json
gives "a file that is none" 1 "$assay" apply random --n 1 none.csv
err_has 'none.csv: No such file'
printf 'a,y\n' >empty.csv
gives "a file without rows" 1 "$assay" apply random --n 1 empty.csv
err_has 'empty.csv has no rows'

# ---- boxes, budgets, images ----
cat >boxes.csv <<'END'
image,class,x1,y1,x2,y2,score,note
a,cat,0,0,10,10,0.6,low
a,cat,1,0,11,10,0.9,high
a,dog,0,0,10,10,0.5,other class
b,cat,0,0,10,10,0.4,other image
a,cat,20,20,30,30,0.1,apart
END
gives "nms" 0 "$assay" apply nms boxes.csv
holds "  has no lower one of two" sh -c '! grep -q low out'
holds "  keeps the rest as it was" sh -c 'grep -v low boxes.csv | cmp - out'
gives "  over all classes and images" 0 "$assay" apply nms --by score boxes.csv
holds "  a set each" cmp out boxes.csv
gives "  of an overlap that none has" 0 "$assay" apply nms --iou 0.9 boxes.csv
holds "  keeps all" cmp out boxes.csv
gives "  one of a set" 0 "$assay" apply nms --most 1 boxes.csv
holds "  one of each" test "$(wc -l <out)" = 4
awk 'BEGIN { print "group,n,value,cost,weight"; for (n = 50; n <= 400; n *= 2) {
  printf "u,%d,%.12f,1,1\n", n, 0.9 - 2 / sqrt(n); printf "v,%d,%.12f,3,1\n", n, 0.8 - 2 / sqrt(n) } }' >curves.csv
gives "allocate" 0 "$assay" apply allocate --budget 1000 --method water curves.csv
cat >water.lua <<'END'
-- a b c n^(-c-1) w / cost is one number for both groups: n_u / n_v = 3^(2/3)
local c = require "assay".data.table "out.csv".columns
local u, v = c.n[1], c.n[2]
assert(c.start[1] == 400 and c.start[2] == 400 and c.more[1] == u - 400)
assert(u - 400 + 3 * (v - 400) <= 1000 and u - 400 + 3 * (v - 400) > 997)
assert(math.abs(u - math.max(400, 3 ^ (2 / 3) * v)) < 3 or v == 400, u .. " " .. v)
assert(math.abs(c.a[1] - 0.9) < 1e-6 and math.abs(c.expected[1] - (0.9 - 2 / math.sqrt(u))) < 1e-6)
END
cp out out.csv
gives "  as the curves say" 0 "$assay" lua water.lua
gives "  to the lowest group" 0 "$assay" apply allocate --budget 1000 --method maxmin curves.csv -o low.csv
out_has '^allocate: 8 rows in, 2 rows out; spent '
awk 'BEGIN { print "u,5,0.5"; print "v,5,0.5" }' | sed '1i group,n,value' >thin.csv
gives "  of curves of one point" 0 "$assay" apply allocate --budget 10 thin.csv -o thin-out.csv
out_has 'groups whose curve is of fewer than 3 sizes, or falls 2$'
cat >images.lua <<'END'
local data = require "assay".data
local x = {}
for i = 1, 6 do x[i] = {} for j = 1, 64 do x[i][j] = (i * 37 + j * j) % 256 end end
data.write_npy("images.npy", x, { type = "u8", shape = { 6, 8, 8 } })
data.write_idx("t-images-idx3-ubyte", x, { type = "u8", shape = { 6, 8, 8 } })
END
gives "images" 0 "$assay" lua images.lua
gives "  augmented" 0 "$assay" apply augment images.npy -o strong.npy
gives "  with two views" 0 "$assay" apply augment --diverse t-images-idx3-ubyte --to idx -o diverse-idx3-ubyte
gives "  from a table" 0 "$assay" apply random --n 6 images.npy --to csv -o images.csv
gives "  mirrored and moved" 0 "$assay" apply augment-weak --no-flip --pad 0 t-images-idx3-ubyte --to npy -o same.npy
cat >check.lua <<'END'
local assay = require "assay"
local x, shape = assay.data.npy "images.npy"
local strong, sides = assay.data.npy "strong.npy"
assert(table.concat(sides, " ") == "6 8 8" and table.concat(shape, " ") == "6 8 8")
local flags, how = { 0, 0, 0, 0, 0, 0 }, { height = 8, width = 8 }
local function same(a, b) for i = 1, 6 do for j = 1, 64 do assert(a[i][j] == b[i][j], i .. " " .. j) end end end
how.rng = assay.rng(1)
same(strong, assay.balance.diverse_augment(x, flags, how))
how.rng = assay.rng(1)
same(assay.data.idx "diverse-idx3-ubyte", assay.balance.diverse_augment(x, { 1, 1, 1, 1, 1, 1 }, how))
same(assay.data.npy "same.npy", x)
END
gives "  as the library does" 0 "$assay" lua check.lua
sed '1s/$/,digit/; 2,$s/$/,7/' images.csv >digits.csv
gives "  with another column" 0 "$assay" apply augment --features "$(head -n 1 images.csv)" digits.csv
holds "  which stays" sh -c 'test "$(grep -c ",7$" out)" = 6'

# ---- mistakes ----
refused() { # refused WORDS STATUS ARGUMENT...
  words=$1 want=$2
  shift 2
  gives "$*" "$want" "$assay" apply "$@"
  err_has "$words"
}
refused 'k must be a whole number at least 1, got "0"' 2 smote --k 0 --label y in.csv
refused 'k must be a whole number at least 1, got "2.5"' 2 smote --k 2.5 --label y in.csv
refused 'ratio must be a number in 0..1e\+06, got "nan"' 2 smote --ratio nan --label y in.csv
refused 'percent must be a number above 0, got "0"' 2 undersample --percent 0 --label y in.csv
refused 'gap must be one of row, attribute, got "column"' 2 smote --gap column --label y in.csv
refused 'label must be given: the column of classes' 2 smote in.csv
refused 'unknown option "--lable" \(did you mean "label"' 2 smote --lable y in.csv
refused 'label must be a column of the input, got "z"' 1 smote --label z in.csv
refused 'column "id" has the text "r0" in row 1, but distances are of numbers: .*smotenc' 1 smote --label y in.csv
refused 'features names "a" twice' 1 smote --label y --features a,a in.csv
refused 'features names the label, "y"' 1 smote --label y --features a,y in.csv
refused 'minority must be one of rare, usual, got "odd"' 1 smote --minority odd "$@"
refused 'round must be among the compared columns, got "id"' 1 smote --round id "$@"
head -n 5 in.csv >few.csv
refused 'label must be a column of at least 2 classes, got "y" with 1' 1 smote --label y --features a few.csv
refused 'give one of amount, n and ratio' 1 smote --n 3 --ratio 1 "$@"
refused 'n must be in 1..60 \(the input.s rows\), got 61' 1 random --n 61 in.csv
refused 'n must be in 1..50 \(the input.s points\), got 51' 1 fps --n 51 cloud.xyz
refused 'kind must be one of rotation, ' 2 corrupt --kind melt cloud.xyz
refused 'k must be in 1..50' 1 kmeans --k 51 cloud.xyz
refused '[-]-boxes must name 4 columns' 1 nms --boxes x1,y1 boxes.csv
refused 'got "a" in row 1 of "image"' 1 nms --score image boxes.csv
refused '[-]-score must be a column of the input, got "p"' 1 nms --score p boxes.csv
refused 'budget must be a number above 0, got "0"' 2 allocate --budget 0 curves.csv
sed '2s/,1,1$/,2,1/' curves.csv >costs.csv
refused 'column "cost" must have one value a group, got 2 and 1 for "u"' 1 allocate --budget 9 costs.csv
refused '[-]-height and --width must be given: 3 numbers are no images' 1 augment cloud.xyz
refused '[-]-height and --width must be given: 64 numbers are no images of 7 x 9 x 1' 1 augment --height 7 images.npy
refused 'the log has no column "problem"' 1 majority in.csv
refused 'answer must be a column of the input, got "reply"' 1 majority --answer reply log.jsonl
refused 'column must be a column of yes and no.* got "r0" in row 1' 1 binary-battery --column id in.csv
awk -F, -v OFS=, 'NR == 5 { $3 = "" } { print }' in.csv >holes.csv
refused 'column "b" has no entry in row 4: .*--drop-missing' 1 smote --label y --features a,b holes.csv
gives "  and is dropped" 0 "$assay" apply smote --label y --features a,b --drop-missing holes.csv -o dropped.csv
out_has '^smote: 60 rows in, 96 rows out; rare 11 -> 48'
finish
