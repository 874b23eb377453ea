-- Balancing beyond the golden cases: identities of the paper, counts, edge cases, the classifiers and
-- curves by hand.
local tap = require "tap"
local assay = require "assay"
local b = assay.balance

local function count(y, label)
    local n = 0
    for _, c in ipairs(y) do
        n = n + (c == label and 1 or 0)
    end
    return n
end

-- 40 rows of class 0, 12 of class 1 and 6 of class 2 in a plane, drawn
local stream, X, y = assay.rng(5), {}, {}
for i = 1, 58 do
    y[i] = i <= 40 and 0 or i <= 52 and 1 or 2
    X[i] = { stream:normal() + 1.5 * y[i], stream:normal() }
end

local function distance(i, j) return (X[i][1] - X[j][1]) ^ 2 + (X[i][2] - X[j][2]) ^ 2 end

-- whether fewer than k rows of the class are nearer to i than j
local function is_near(i, j, k)
    local nearer = 0
    for other = 1, #X do
        if other ~= i and y[other] == y[i] and distance(i, other) < distance(i, j) then
            nearer = nearer + 1
        end
    end
    return i ~= j and y[i] == y[j] and nearer < k
end

local function check_segments(name, r, k)
    local off, far = 0, 0
    for s = 1, r.n_synthetic do
        local i, j = r.parents[s][1], r.parents[s][2]
        for c = 1, 2 do
            off = math.max(off, math.abs(r.X[#X + s][c] - X[i][c] - r.gap[s] * (X[j][c] - X[i][c])))
        end
        if not is_near(i, j, k) or r.y[#X + s] ~= y[i] or not (r.gap[s] >= 0 and r.gap[s] <= 1) then
            far = far + 1
        end
    end
    tap.ok(r.n_synthetic > 0 and off <= 1e-12, name .. ": rows lie at their gaps between their parents", off)
    tap.is(far, 0, name .. ": partners are among the k nearest of the class")
end

-- SMOTE
local r = b.smote(X, y, { k = 3, rng = assay.rng(1) })
tap.is({ count(r.y, 0), count(r.y, 1), count(r.y, 2), r.n_synthetic, #r.X, r.k }, { 40, 40, 40, 62, 120, 3 }, "all classes as the largest")
tap.near({ r.X[58][1], r.X[58][2] }, X[58], 0, "the rows of X come first")
check_segments("smote", r, 3)
check_segments("safe level", b.safe_level_smote(X, y, { k = 3, ratio = 1, rng = assay.rng(1) }), 3)
check_segments("adasyn", b.adasyn(X, y, { k = 3, rng = assay.rng(1) }), 3)
check_segments("borderline 1", b.borderline_smote(X, y, { k = 3, m = 7, rng = assay.rng(1) }), 3)
tap.is(b.smote(X, y, { minority = 2, amount = 250, rng = assay.rng(1) }).n_synthetic, 12, "250 percent of 6 rows")
tap.is(b.smote(X, y, { minority = 1, amount = 50, rng = assay.rng(1) }).n_synthetic, 6, "50 percent of 12 rows")
tap.is(b.smote(X, y, { minority = 1, n = 17, rng = assay.rng(1) }).n_synthetic, 17, "17 rows")
tap.is(b.smote(X, y, { amount = 0, rng = assay.rng(1) }).n_synthetic, 0, "0 percent: X as it was")
tap.is(b.smote(X, y, { ratio = 0.25, minority = 1, rng = assay.rng(1) }).n_synthetic, 0, "no rows beyond the ratio")
local halves = b.smote(X, y, { minority = 1, amount = 50, rng = assay.rng(2) })
local seen, twice = {}, 0
for s = 1, 6 do
    twice = twice + (seen[halves.parents[s][1]] and 1 or 0)
    seen[halves.parents[s][1]] = true
end
tap.is(twice, 0, "below 100 percent every base is used once")
local every = b.smote(X, y, { minority = 1, amount = 200, rng = assay.rng(2) })
tap.is({ every.parents[1][1], every.parents[2][1], every.parents[3][1], every.parents[24][1] }, { 41.0, 41.0, 42.0, 52.0 }, "200 percent: two rows of each base")
for _, threads in ipairs { 2, 8 } do
    tap.is({ b.smote(X, y, { n = 5000, threads = threads, rng = assay.rng(4) }).gap[4321] },
        { b.smote(X, y, { n = 5000, rng = assay.rng(4) }).gap[4321] }, threads .. " threads, the same rows")
end
local moved = assay.rng(7)
local first, second = b.smote(X, y, { rng = moved }), b.smote(X, y, { rng = moved })
tap.ok(first.gap[1] ~= second.gap[1], "a stream goes on from call to call")
local each = b.smote(X, y, { minority = 2, amount = 100, gap = "attribute", rng = assay.rng(3) })
tap.is({ #each.gap, #each.gap[1] }, { 6, 2 }, "a gap for each column on request")
local scaled = { { 0, 0 }, { 1, 900 }, { 9, 0 }, { 0, 1000 }, { 5, -3000 }, { 5, 3000 }, { 5, 3000 } }
local labels = { 1, 1, 1, 0, 0, 0, 0 }
local function partners(scale)
    local out = b.smote(scaled, labels, { k = 1, amount = 100, scale = scale, rng = assay.rng(1) })
    return out.parents[1][2]
end
tap.is({ partners "none", partners "standard" }, { 3.0, 2.0 }, "distances of standardised columns")
local whole = b.smote(X, y, { round = { 2 }, rng = assay.rng(1) })
tap.is({ whole.X[60][2] % 1, whole.X[60][1] % 1 == 0 }, { 0.0, false }, "columns rounded to whole numbers")

-- the line of two points: uniform between them
local line = b.smote({ { 0, 0 }, { 1, 2 }, { 5, 5 }, { 6, 6 }, { 7, 7 } }, { 1, 1, 0, 0, 0 }, { k = 1, n = 20000, rng = assay.rng(9) })
local values, sum, off = {}, 0, 0
for s = 1, 20000 do
    values[s] = line.X[5 + s][1]
    sum = sum + values[s]
    off = math.max(off, math.abs(line.X[5 + s][2] - 2 * values[s]))
end
table.sort(values)
local ks = 0
for i, x in ipairs(values) do
    ks = math.max(ks, i / 20000 - x, x - (i - 1) / 20000)
end
tap.ok(off <= 1e-12 and math.abs(sum / 20000 - 0.5) < 4 * 0.00204, "T = 2: on the line, mean 1/2", sum / 20000)
tap.ok(ks * math.sqrt(20000) < 2.23, "T = 2: uniform (Kolmogorov and Smirnov, p > 1e-4)", ks)

-- gaps of 0 and 1
local core = b.smote_core({ { 1, 2 }, { 3, 5 }, { 9, 9 } }, { k = 1, base = { 1, 2, 1 }, neighbor = { 1, 1, 1 }, gap = { 0, 1, 1 } })
tap.near({ core.X[1][1], core.X[1][2], core.X[2][1], core.X[3][2] }, { 1, 2, 1, 5 }, 0, "gap 0 copies the base, gap 1 the neighbour")
local copies = b.oversample(X, y, { minority = 1, amount = 300, rng = assay.rng(1) })
tap.near({ copies.n_synthetic, copies.gap[5], copies.X[59][1], copies.X[94][2] }, { 36, 0, X[41][1], X[52][2] }, 0, "copies")

-- nominal columns
local mixed, classes = {}, {}
for i = 1, 30 do
    mixed[i] = { stream:normal(), stream:normal(), i % 3 }
    classes[i] = i <= 20 and 0 or 1
end
local nc = b.smotenc(mixed, classes, { nominal = { 3 }, k = 3, rng = assay.rng(1) })
tap.is(nc.n_synthetic, 10, "smotenc: as many as the majority")
local codes, bent = true, 0
for s = 1, 10 do
    local i, j = nc.parents[s][1], nc.parents[s][2]
    codes = codes and nc.X[30 + s][3] % 1 == 0 and nc.X[30 + s][3] <= 2
    bent = math.max(bent, math.abs(nc.X[30 + s][1] - mixed[i][1] - nc.gap[s] * (mixed[j][1] - mixed[i][1])))
end
tap.ok(codes and bent <= 1e-12, "smotenc: codes stay codes, the rest lies between")
local plain = b.smote_core(X, { k = 3, base = { 4 }, neighbor = { 2 }, gap = { 0.3 } })
local none = {}
for i = 1, #X do
    none[i] = { 0 }
end
local same = b.smotenc_core(X, none, { k = 3, base = { 4 }, neighbor = { 2 }, gap = { 0.3 } })
tap.near({ same.Xc_new[1][1], same.Xc_new[1][2] }, { plain.X[1][1], plain.X[1][2] }, 0, "smotenc without nominal differences is smote")
-- two neighbours with a code each: the lower one, or either as often as the other
local function codes_of(ties)
    local rows = { { 0, 5, 2 }, { 1, 5, 4 }, { 3, 6, 7 } }
    for i = 4, 6 do
        rows[i] = { i, i, 1 }
    end
    local r, seen = b.smotenc(rows, { 1, 1, 1, 0, 0, 0 }, { nominal = { 3 }, k = 2, minority = 1, n = 3000, ties = ties,
        rng = assay.rng(5) }), {}
    for s = 1, 3000 do
        local base, code = r.parents[s][1], r.X[6 + s][3]
        seen[base] = seen[base] or { n = 0, [2] = 0, [4] = 0, [7] = 0 }
        seen[base].n = seen[base].n + 1
        seen[base][code] = seen[base][code] + 1
    end
    return seen
end
local low, either = codes_of "lowest", codes_of "random"
local default = codes_of()
for base, codes in ipairs { { 4, 7 }, { 2, 7 }, { 2, 4 } } do
    local of = either[base]
    tap.is({ low[base][codes[1]], default[base][codes[1]] }, { low[base].n, default[base].n }, "smotenc: of tied codes the lowest")
    tap.is(of[codes[1]] + of[codes[2]], of.n, "smotenc: ties at random are among the tied codes")
    tap.ok(math.abs(of[codes[1]] / of.n - 0.5) < 4 * math.sqrt(0.25 / of.n), "smotenc: each as often", of[codes[1]], of.n)
end
local most = b.smotenc({ { 0, 3 }, { 1, 3 }, { 2, 3 }, { 3, 8 }, { 9, 0 }, { 9, 0 }, { 9, 0 }, { 9, 0 } }, { 1, 1, 1, 1, 0, 0, 0, 0 },
    { nominal = { 2 }, k = 3, minority = 1, n = 200, ties = "random", rng = assay.rng(5) })
local other = 0
for s = 1, 200 do
    other = other + (most.X[8 + s][2] == 3 and 0 or 1)
end
tap.is(other, 0, "smotenc: most votes win, however ties are broken")
tap.error('smotenc: ties must be one of', function() b.smotenc(mixed, classes, { nominal = { 3 }, ties = "both", rng = assay.rng(1) }) end)
local n = b.smoten({ { 0, 1 }, { 0, 1 }, { 1, 1 }, { 2, 0 }, { 2, 0 }, { 2, 0 }, { 2, 1 }, { 1, 0 } }, { 1, 1, 1, 0, 0, 0, 0, 0 }, { k = 2, amount = 100, rng = assay.rng(1) })
tap.near({ n.n_synthetic, n.X[9][1], n.X[9][2], n.X[11][1] }, { 3, 0, 1, 0 }, 0, "smoten: the base and its neighbours vote")
tap.error("smotenc: X must have at least 1 continuous column, got none (smoten", function()
    b.smotenc({ { 0 }, { 1 } }, { 0, 1 }, { nominal = { 1 }, rng = assay.rng(1) })
end)

-- Borderline 2: half of the rows go towards other classes, and at most half the way
local two = b.borderline_smote(X, y, { kind = 2, k = 3, m = 7, minority = 1, n = 40, rng = assay.rng(1) })
local towards = 0
for s = 1, 40 do
    if y[two.parents[s][2]] ~= 1 then
        towards = towards + 1
        tap.ok(two.gap[s] < 0.5, "half way at most")
    end
end
tap.is(towards, 20, "half of them")
local apart, sides = {}, {}
for i = 1, 24 do
    apart[i], sides[i] = { i + (i > 12 and 1000 or 0) }, i > 14 and 1 or 0
end
apart[13], apart[14] = { -5 }, { -6 }
local safe = b.borderline_smote(apart, sides, { m = 5, k = 3, rng = assay.rng(1) })
tap.is({ safe.no_danger, safe.n_synthetic }, { true, 0 }, "no row in danger, nothing made")

-- thinning and cleaning
local thin = b.undersample(X, y, { percent = 30, rng = assay.rng(1) })
tap.is({ count(thin.y, 0), count(thin.y, 1), count(thin.y, 2), #thin.keep, #thin.X }, { 20, 12, 6, 38, 38 }, "30 percent: 6 / 0.3 rows of the majority")
tap.is(count(b.undersample(X, y, { n = 99, rng = assay.rng(1) }).y, 0), 40, "more than there are: all")
local spots = { { 0 }, { 1 }, { 1.1 }, { 5 }, { 6 } }
tap.is(b.tomek_links(spots, { 0, 0, 1, 0, 0 }).keep, { 1, 3, 4, 5 }, "the majority's row of the pair goes")
tap.error("tomek_links: cleaning takes all 1 rows of class 1", function() b.tomek_links(spots, { 0, 0, 1, 0, 0 }, { remove = "both" }) end)
tap.is(b.tomek_links(spots, { 0, 0, 1, 0, 0 }, { remove = "both", allow_empty = true }).keep, { 1, 4, 5 }, "or both")
local oss = b.one_sided_selection({ { 0 }, { 0.2 }, { 4 }, { 5 }, { 5.5 }, { 9 }, { 5.1 } }, { 0, 0, 0, 1, 1, 0, 0 }, { seed = 1 })
tap.is({ oss.keep, oss.seed }, { { 1, 3, 4, 5, 6 }, 1 }, "one-sided: 7 is misclassified, but in a link")
local enn = b.smote_enn(X, y, { k = 3, rng = assay.rng(1) })
local tomek = b.smote_tomek(X, y, { k = 3, rng = assay.rng(1) })
tap.ok(#enn.keep < 120 and #tomek.keep < 120 and #enn.X == #enn.y, "smote, then cleaning", #enn.keep, #tomek.keep)
-- the same rows as SMOTE's, edited by as many neighbours
for _, k in ipairs { 1, 3, 8 } do
    local full = b.smote(X, y, { k = 3, rng = assay.rng(1) })
    local edited = b.smote_enn(X, y, { k = 3, enn_k = k, allow_empty = true, rng = assay.rng(1) })
    tap.is(edited.keep, b.enn(full.X, full.y, { k = k, classes = "all", allow_empty = true }).keep, "smote_enn with enn_k = " .. k)
end
tap.is(enn.keep, b.smote_enn(X, y, { k = 3, enn_k = 3, rng = assay.rng(1) }).keep, "three, if not said")
tap.error("smote_enn: enn_k must be", function() b.smote_enn(X, y, { enn_k = 0, rng = assay.rng(1) }) end)
tap.error("smote_enn: enn_k must be in 1..119 (other rows), got 120", function() b.smote_enn(X, y, { enn_k = 120, rng = assay.rng(1) }) end)
tap.error('smote_tomek: unknown option "enn_k"', function() b.smote_tomek(X, y, { enn_k = 1, rng = assay.rng(1) }) end)
tap.is(#b.tomek_links(tomek.X, tomek.y).pairs <= (120 - #tomek.keep) / 2, true, "few links are left")

-- refusals
tap.error("smote: k must be in 1..5 (other rows of the class), got 9", function() b.smote(X, y, { k = 9, minority = 2, rng = assay.rng(1) }) end)
tap.is(b.smote(X, y, { k = 9, minority = 2, clip_k = true, rng = assay.rng(1) }).k, 5, "clip_k")
tap.error("smote: y must have at least 2 classes, got 1", function() b.smote({ { 0 }, { 1 } }, { 1, 1 }, { rng = assay.rng(1) }) end)
tap.error("smote: X must be finite, got inf in row 2, column 1", function() b.smote({ { 0 }, { math.huge } }, { 0, 1 }, { rng = assay.rng(1) }) end)
tap.error("smote: rng must be given", function() b.smote(X, y) end)
tap.error("smote: give one of amount, n and ratio", function() b.smote(X, y, { n = 1, ratio = 1, rng = assay.rng(1) }) end)
tap.error("smote: y must have 58 labels as X has rows, got 1", function() b.smote(X, { 1 }, { rng = assay.rng(1) }) end)
tap.error("enn: k must be in 1..4", function() b.enn(spots, { 0, 0, 1, 0, 0 }, { k = 5 }) end)
local equal = b.smote({ { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 3 }, { 2, 3 }, { 2, 4 }, { 5, 5 } }, { 1, 1, 1, 0, 0, 0, 0 }, { k = 2, rng = assay.rng(1) })
tap.near({ equal.X[8][1], equal.X[8][2] }, { 1, 1 }, 0, "equal rows give a copy")

-- trees
local flat = b.tree_fit({ { 1 }, { 1 }, { 1 }, { 1 }, { 1 } }, { 0, 1, 1, 0, 1 })
tap.is({ flat:leaves(), flat:predict { { 3 } }[1], tostring(flat) }, { 1, 1, "tree of 1 leaves" }, "nothing to split by: a leaf")
local grid, quadrant = {}, {}
for i = 0, 199 do
    grid[i + 1] = { i % 20, i // 20 }
    quadrant[i + 1] = (i % 20 > 9 and i // 20 > 4) and 1 or 0
end
local tree = b.tree_fit(grid, quadrant)
tap.is({ tree:leaves(), tree:predict(grid) }, { 3, quadrant }, "a corner is two splits")
tap.is({ tree:tree().threshold, tree:tree().gt.threshold }, { 4.0, 9.0 },
    "thresholds are values of the set; of equal gains that of fewer candidates is first")
local noisy = { table.unpack(quadrant) }
for i = 7, 200, 13 do
    noisy[i] = 1 - noisy[i]
end
local grown, pruned = b.tree_fit(grid, noisy, { prune = false }), b.tree_fit(grid, noisy)
tap.ok(pruned:leaves() <= grown:leaves() and pruned:posterior({ { 19, 9 } })[1][2] > 0.5, "pruning", grown:leaves(), pruned:leaves())
local share = pruned:posterior({ { 19, 9 } })[1][1]
tap.is({ pruned:predict({ { 19, 9 } }, { threshold = share - 0.001, minority = 0 })[1], pruned:predict({ { 19, 9 } }, { threshold = share, minority = 0 })[1] },
    { 0, 1 }, "the class of a threshold wins above it")
local coded = b.tree_fit({ { 0 }, { 0 }, { 0 }, { 1 }, { 1 }, { 1 }, { 2 }, { 2 }, { 2 } }, { 0, 0, 0, 1, 1, 1, 0, 0, 0 }, { nominal = { 1 } })
tap.is({ coded:leaves(), coded:predict { { 1 }, { 2 }, { 7 } } }, { 3, { 1, 0, 0 } }, "a branch for each code; an unknown one stops before")
tap.error("tree:predict: Q must have 1 columns, got 2", function() coded:predict { { 1, 2 } } end)

-- naive Bayes: nominal by hand
local bayes = b.naive_bayes({ { 0 }, { 0 }, { 1 }, { 1 } }, { 0, 0, 0, 1 }, { nominal = { 1 } })
local p0, p1 = 3 / 4 * 2 / 5, 1 / 4 * 2 / 3
tap.near(bayes:posterior { { 1 } }[1][2], p1 / (p0 + p1), 1e-14, "Laplace's codes")
tap.is(bayes:predict { { 1 }, { 0 } }, { 0, 0 }, "its class")

-- curves
local hull = b.roc_hull { { 0.1, 0.5 }, { 0.05, 0.2 }, { 0.3, 0.75 } }
tap.is(hull.index, { 0, 1, 3, 0 }, "the point below the hull is none of its vertices")
tap.near(hull.area, 0.1 * 0.5 / 2 + 0.2 * 1.25 / 2 + 0.7 * 1.75 / 2, 1e-15, "its area by hand")
tap.is(b.roc_hull({ { 0.25, 0.25 }, { 0.5, 0.5 } }).index, { 0, 0 }, "points on a line are dropped")
tap.error("roc_area: points must be in 0..1, got 1.5 in row 1", function() b.roc_area { { 1.5, 0 } } end)
tap.error("roc_auc: label must have both", function() b.roc_auc({ 1, 2 }, { 1, 1 }) end)


-- a tree sees of values only their order, and of classes only which are equal
do
    local rng, X, up, y, renamed = assay.rng(8), {}, {}, {}, {}
    for i = 1, 400 do
        X[i] = { rng:integer(-3, 3) * 1.0, rng:normal() * 1e-200, rng:normal() }
        if X[i][1] == 0 and i % 2 == 0 then X[i][1] = -0.0 end
        up[i] = { X[i][1] * 4 + 16, X[i][2] * 2 ^ 800, X[i][3] }
        y[i] = (X[i][1] + X[i][3] * 2 + rng:normal() > 1) and 1 or 0
        renamed[i] = 2 * y[i]
    end
    local plain = assay.balance.tree_fit(X, y):predict(X)
    tap.is(assay.balance.tree_fit(up, y):predict(up), plain, "tree: of larger values the same")
    local three = assay.balance.tree_fit(X, renamed, { min_objects = 2 }):predict(X)
    for i, class in ipairs(three) do three[i] = class // 2 end
    tap.is(three, plain, "tree: with a class that no row has, the same")
end
tap.done()
