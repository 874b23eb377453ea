-- Statistics in Lua, against closed forms (t quantiles: Abramowitz and Stegun 26.7.4).
local tap = require "tap"
local assay = require "assay"
local stats = assay.stats
local nan = 0 / 0

tap.is({ stats.mean { 1, 2, 3, 4, 5 }, stats.variance { 1, 2, 3, 4, 5 } }, { 3.0, 2.5 }, "mean, variance")
tap.near(stats.sd { 1, 2, 3, 4, 5 }, math.sqrt(2.5), 1e-15, "sd")
tap.is(stats.mean(assay.matrix { { 1, 2 }, { 3, 5 } }:transpose()[2]), 3.5, "a row of a matrix is a list")
tap.is(stats.quantile({ 4, 1, 3, 2 }, 0.5), 2.5, "median")
tap.near(stats.quantile({ 4, 1, 3, 2 }, { 0, 0.1, 0.25, 1 }), { 1, 1.3, 1.75, 4 }, 1e-15, "quantiles, type 7")

-- t_{4, 0.975} = 2.7764451051977987, t_{4, 0.95} = 2.1318467863266495
local t = stats.t_interval { 1, 2, 3, 4, 5 }
local half = 2.7764451051977987 * math.sqrt(2.5 / 5)
tap.near({ t.estimate, t.low, t.high, t.df }, { 3, 3 - half, 3 + half, 4 }, 1e-12, "t interval")
tap.is(t.n, 5, "n is an integer")
-- at the 95 % bound the two-sided p is 5 %
tap.near(stats.t_interval({ 1, 2, 3, 4, 5 }, { mu = 3 - half }).p, 0.05, 1e-12, "p at the bound")
local t90 = stats.t_interval({ 1, 2, 3, 4, 5 }, { level = 0.9 })
tap.near(t90.high, 3 + 2.1318467863266495 * math.sqrt(0.5), 1e-12, "level")
local single = stats.t_interval { 7 }
tap.is({ single.low, single.high, single.p, single.estimate }, { -math.huge, math.huge, nil, 7.0 }, "n = 1")

local paired = stats.paired({ 2, 4, 6, 8, 10 }, { 1, 2, 3, 4, 5 })
tap.near({ paired.estimate, paired.low, paired.high }, { 3, 3 - half, 3 + half }, 1e-12, "paired differences")

-- Equal sizes and variances: Welch is Student with 2n - 2 = 8 df; t_{8, 0.975} = 2.306004135204166.
local welch = stats.welch({ 1, 2, 3, 4, 5 }, { 11, 12, 13, 14, 15 })
tap.near({ welch.estimate, welch.low, welch.high, welch.df },
    { -10, -10 - 2.306004135204166, -10 + 2.306004135204166, 8 }, 1e-12, "Welch")
tap.ok(welch.p < 1e-4, "Welch's p")

-- Wilson's interval solves |p - x/n| = z sqrt(p (1 - p) / n) exactly.
local z = 1.959963984540054
local w = stats.wilson(8, 10)
for _, p in ipairs { w.low, w.high } do
    tap.near(math.abs(p - 0.8), z * math.sqrt(p * (1 - p) / 10), 1e-12, "Wilson's bound solves its equation")
end
tap.is({ stats.wilson(0, 5).low, stats.wilson(5, 5).high }, { 0.0, 1.0 }, "Wilson at the ends")

-- ---- bootstrap ----

local x = assay.rng(3):normal(50)
local by_mean = stats.bootstrap(x, { resamples = 500, rng = assay.rng(9) })
local by_function = stats.bootstrap(x, stats.mean, { resamples = 500, rng = assay.rng(9) })
tap.is(by_function, by_mean, "bootstrap: the built-in mean is the mean as a function")
tap.near(by_mean.estimate, stats.mean(x), 0, "bootstrap: estimate")
local se = stats.sd(x) / math.sqrt(50)
tap.near({ by_mean.low, by_mean.high }, { by_mean.estimate - 1.96 * se, by_mean.estimate + 1.96 * se }, 0.5 * se,
    "bootstrap: near the normal interval")
tap.is(stats.bootstrap(x), stats.bootstrap(x), "bootstrap: reproducible without an rng")
tap.is(stats.bootstrap(x, math.max and function(list) return #list end).high, 50.0, "bootstrap: lists of n")
local medians = stats.bootstrap({ 1, 1, 1, 9 }, function(list) return stats.quantile(list, 0.5) end, { level = 0.5 })
tap.is({ medians.estimate, medians.low }, { 1.0, 1.0 }, "bootstrap: a median")

local index, values = assay.topk({ 3, 9, 9, 1 }, 3)
tap.is({ index, values }, { { 2, 3, 1 }, { 9.0, 9.0, 3.0 } }, "topk: ties keep their order")
tap.is(assay.topk({}, 0), {}, "topk of nothing")

-- ---- refusals ----

for _, bad in ipairs {
    { "mean: x must have at least 1 value, got 0", function() stats.mean {} end },
    { "sd: x must have at least 2 values, got 1", function() stats.sd { 1 } end },
    { "mean: x[2] must be a number, got nan", function() stats.mean { 1, nan } end },
    { "mean: x[2] must be a number, got a string", function() stats.mean { 1, "2" } end },
    { "mean: x must be a list of numbers, got 1", function() stats.mean(1) end },
    { "mean: x must be a list of numbers, got nil", function() stats.mean() end },
    { "mean: x must be a vector, got a matrix of 2 x 2", function() stats.mean(assay.matrix(2, 2)) end },
    { "quantile: q must be in 0..1, got 1.5", function() stats.quantile({ 1 }, 1.5) end },
    { "quantile: q[2] must be in 0..1, got -1", function() stats.quantile({ 1 }, { 0, -1 }) end },
    { "t_interval: level must be greater than 0 and less than 1, got 1", function() stats.t_interval({ 1 }, { level = 1 }) end },
    { 't_interval: unknown option "levl" (did you mean "level"?)', function() stats.t_interval({ 1 }, { levl = 1 }) end },
    { "t_interval: options must be a table, got 0.9", function() stats.t_interval({ 1 }, 0.9) end },
    { "t_interval: options must have names, got the key 1", function() stats.t_interval({ 1 }, { 0.9 }) end },
    { "paired: b must have 2 values as a has, got 1", function() stats.paired({ 1, 2 }, { 1 }) end },
    { "wilson: successes must be in 0..10, got 11", function() stats.wilson(11, 10) end },
    { "wilson: trials must be greater than 0 and at most", function() stats.wilson(0, 0) end },
    { "bootstrap: resamples must be in 1..", function() stats.bootstrap({ 1 }, { resamples = 0 }) end },
    { "bootstrap: rng must be an rng (assay.rng(seed)), got 1", function() stats.bootstrap({ 1 }, { rng = 1 }) end },
    { "stats.lua", function() stats.bootstrap({ 1 }, function() error "mine" end) end },
    { "mine", function() stats.bootstrap({ 1 }, function() error "mine" end) end },
    { "the statistic must return a number", function() stats.bootstrap({ 1 }, function() return "1" end) end },
    { "topk: k must be in 0..2, got 3", function() assay.topk({ 1, 2 }, 3) end },
    { "topk: x[1] must be a number, got nan", function() assay.topk({ nan }, 1) end },
} do
    tap.error(bad[1], bad[2])
end

tap.done()
