-- Balancing against tests/golden/smote.json: imbalanced-learn, scikit-learn, and numpy.
local tap = require "tap"
local golden = require "golden"
local balance = require("assay").balance

local function each(list, f)
    local out = {}
    for i, case in ipairs(list) do
        out[i] = f(case)
    end
    return out
end

-- The file has 12 digits, and two cases a tolerance of 1e-12.
local function to_12_digits(x) return tonumber(("%.12g"):format(x)) end

local function errors(cf)
    return function(input)
        return each(input, function(c) return balance.c45_add_errors(c.n, c.errors, { cf = cf }) end)
    end
end

local function enn(rule, classes)
    return function(input)
        return { keep = balance.enn(input.X, input.y, { k = 3, rule = rule, classes = classes }).keep }
    end
end

local function tree(options)
    return function(input) return { tree = balance.tree_fit(input.X, input.y, options):tree() } end
end

golden.run("smote", {
    ["knn ties go to the lower index; a duplicate point is a neighbour at distance 0, the point itself (by index) never is"] = function(input)
        local r = balance.knn(input.X, { k = input.k })
        local rows = {}
        for i = 1, #r.distance do
            rows[i] = {}
            for j = 1, #r.distance[i] do
                rows[i][j] = to_12_digits(r.distance[i][j])
            end
        end
        return { index = r.index, distance = rows }
    end,
    ["amount of SMOTE in percent -> number of synthetic points (paper rule: below 100 a random subset of round(T*amount/100) bases with one point each; from 100 on floor(amount/100) points per base)"] = function(input)
        return each(input, function(c) return balance.smote_count(c.T, { amount = c.amount }) end)
    end,
    ["majority size after under-sampling at u percent: min(n_major, max(1, round(100*n_minor_original/u)))"] = function(input)
        return each(input, function(c)
            return balance.undersample_size(c.n_minor, c.n_major, { percent = c.percent })
        end)
    end,
    ["assay.balance.smotenc_core(Xc, Xn, {k=3, base=base, neighbor=neighbor, gap=gap})"] = function(input)
        local r = balance.smotenc_core(input.Xc, input.Xn,
            { k = 3, base = input.base, neighbor = input.neighbor, gap = input.gap })
        r.distance_row1 = r.distance[1]
        return r
    end,
    ["assay.balance.smotenc_distance(Xc, Xn)"] = function(input)
        local r = balance.smotenc_distance(input.Xc, input.Xn)
        return { med = to_12_digits(r.med), d12 = to_12_digits(r.distance[1][2]),
            d13 = to_12_digits(r.distance[1][3]) }
    end,
    ["assay.balance.smoten_core(X, y, {minority=1, k=3, base=base})"] = function(input)
        return balance.smoten_core(input.X, input.y,
            { minority = 1, k = 3, base = input.base, n_categories = input.n_categories })
    end,
    ["assay.balance.borderline_core(X, y, {minority=1, m=m, k=k, base=base, neighbor=neighbor, gap=gap})"] = function(input)
        return balance.borderline_core(input.X, input.y, { minority = 1, m = input.m, k = input.k,
            base = input.base_in_danger, neighbor = input.neighbor, gap = input.gap })
    end,
    ["assay.balance.adasyn_counts(X, y, {minority=1, k=k, n=G})"] = function(input)
        return balance.adasyn_counts(input.X, input.y, { minority = 1, k = input.k, n = input.n })
    end,
    ["assay.balance.roc_area(points, {origin=true|false}) and assay.balance.roc_hull(points)"] = function(input)
        local hull = balance.roc_hull(input.points)
        return { area_with_origin = balance.roc_area(input.points, { origin = true }),
            area_without_origin = balance.roc_area(input.points, { origin = false }),
            hull = hull.hull, hull_area = hull.area }
    end,
    ["assay.balance.c45_add_errors(n, errors, {cf=0.25})"] = errors(0.25),
    ["assay.balance.c45_add_errors(n, errors, {cf=0.1})"] = errors(0.1),
    ["assay.balance.tree_fit(X, y, {prune=false})"] = tree { prune = false },
    ["assay.balance.tree_fit(X, y, {cf=0.25, subtree_raising=false})"] = tree { cf = 0.25, subtree_raising = false },
    ["assay.balance.naive_bayes(X, y, {prior_odds=w}):posterior(Q)"] = function(input)
        return { p = each(input.prior_odds, function(w)
            local p = balance.naive_bayes(input.X, input.y, { prior_odds = w }):posterior(input.Q)
            return p:column(2)
        end) }
    end,
}, function(case) return case.name ~= "errors" end)

-- The case of errors is words: each of its calls, and what its refusal says.
local rng = require("assay").rng
local X, y = { { 0 }, { 1 }, { 2 }, { 5 }, { 6 }, { 7 }, { 8 } }, { 0, 0, 0, 1, 1, 1, 1 }
tap.error("smote: minority class has 1 row, needs at least 2", function()
    balance.smote(X, { 0, 0, 0, 0, 0, 0, 1 }, { k = 5, rng = rng(1) })
end)
tap.error("smote: amount must be in 0..1000000000, got -10", function() balance.smote(X, y, { amount = -10, rng = rng(1) }) end)
tap.error("smote: k must be at least 1, got 0", function() balance.smote(X, y, { k = 0, rng = rng(1) }) end)
tap.error("knn: ", function() balance.knn({ { 0 }, { 0 / 0 }, { 1 } }, { k = 1 }) end)
tap.error("adasyn_counts: no minority row has a majority neighbour", function()
    balance.adasyn_counts(X, y, { minority = 1, k = 2, n = 5 })
end)

tap.done()
