-- Rows and claims: against intervals computed by hand from tables of the t distribution (t(0.975; 4) =
-- 2.776445105, t(0.975; 8) = 2.306004135) and closed forms; and the verdicts' rule.
local tap = require "tap"
local assay = require "assay"
local claims = require "assay.claims"
local json = assay.json

-- Five replicates, two rows each: the mean of the rows is 1..5 for a, and 0 for b.
local list = {}
for replicate = 1, 5 do
    for sign = -1, 1, 2 do
        list[#list + 1] = { cell = replicate, replicate = replicate, method = "a", k = 10, y = replicate + sign }
        list[#list + 1] = { cell = replicate + 5, replicate = replicate, method = "b", k = 10, y = 10.0 * sign }
    end
end
list[#list + 1] = { cell = 1, replicate = 1, method = "a", note = "no y here", exact = true }
local r = assay.rows(list)

-- ---- rows ----

tap.is({ r:count(), #r }, { 21, 21 }, "count")
tap.is(r:columns(), { "cell", "k", "method", "replicate", "y", "exact", "note" }, "columns")
tap.is(r:where { method = "a" }:count(), 11, "where a value")
tap.is(r:where { method = { "a", "c" }, replicate = { 1, 2 } }:count(), 5, "where one of a list")
tap.is(r:where { y = function(y) return y and y > 4 end }:values("y"), { 10.0, 10.0, 10.0, 5, 10.0, 6, 10.0 },
    "where a function holds; integers stay integers")
tap.is(r:where { method = "c" }:count(), 0, "where nothing matches")
tap.is({ r:where { exact = true }:count(), r:where { exact = 1 }:count(), r:where { k = "10" }:count() },
    { 1, 1, 0 }, "true is 1, a text is not a number")
tap.is(r:distinct("method"), { "a", "b" }, "distinct")
tap.is(r:where { method = "a" }:distinct("y"), { 0, 1, 2, 3, 4, 5, 6 }, "distinct numbers, sorted")
tap.is({ r:min("y"), r:max("y") }, { -10.0, 10.0 }, "min and max")
tap.is({ r:get(1, "y"), r:get(21, "y"), r:get(21, "note") }, { 0, nil, "no y here" }, "get")
tap.is(r:where { replicate = 2, method = "a" }:column("y"):totable(), { { 1.0 }, { 3.0 } }, "a column as a matrix")
tap.is(r:mean("y", { unit = { "method", "replicate" } }), 1.5, "mean of the units' means")
local seen = {}
for row in r:where { method = "a", replicate = { 1, 5 } }:rows() do
    seen[#seen + 1] = row
end
tap.is(seen, { { cell = 1, replicate = 1, method = "a", k = 10, y = 0 }, { cell = 1, replicate = 1, method = "a", k = 10, y = 2 },
    { cell = 5, replicate = 5, method = "a", k = 10, y = 4 }, { cell = 5, replicate = 5, method = "a", k = 10, y = 6 },
    { cell = 1, replicate = 1, method = "a", exact = 1, note = "no y here" } }, "rows as tables")
local groups = {}
for method, replicate, rows in r:where { replicate = { 2, 1 } }:groups("method", "replicate") do
    groups[#groups + 1] = { method, replicate, rows:count() }
end
tap.is(groups, { { "a", 1, 3 }, { "a", 2, 2 }, { "b", 1, 2 }, { "b", 2, 2 } }, "groups, sorted")
local parts = r:split("method")
tap.is(parts[2]:values("y"), { -10.0, 10.0, -10.0, 10.0, -10.0, 10.0, -10.0, 10.0, -10.0, 10.0 },
    "groups keep the order of rows")
tap.is(r:resample(parts, { 2, 1, 2 }):count(), 31, "resample")
tap.is({ r:where { method = "a" }:unit_means("y", "replicate") }, { { 1.0, 2.0, 3.0, 4.0, 5.0 }, { "1", "2", "3", "4", "5" } },
    "rows of one unit are averaged")

tap.error('"methd" (did you mean "method"?)', function() r:values("methd") end)
tap.error('(did you mean "method"?)', function() r:where { methd = 1 } end)
tap.error("rows:column: y is missing in cell 1", function() r:column("y") end)
tap.error("rows:column: method is a text in cell 1", function() r:column("method") end)
tap.error("rows:max: no row has a number in note", function() r:max("note") end)
tap.error("rows:get: i must be in 1..21, got 22", function() r:get(22, "y") end)
tap.error("a column is compared with numbers, strings, booleans, a list of them, or a function, got a function",
    function() r:where { y = { print } } end, "where a list of functions")
tap.error("rows: row 2 must be a table, got a number", function() assay.rows { {}, 3 } end)
tap.error("rows: y must be a number, a boolean or a text, got a table", function() assay.rows { { y = {} } } end)

-- ---- compare ----

local function fields(v, ...)
    local out = {}
    for _, name in ipairs { ... } do
        out[#out + 1] = v[name]
    end
    return out
end

local a, b = { method = "a" }, { method = "b" }
local half = 2.7764451051978 * math.sqrt(2.5 / 5)
local v = r:compare { measure = "y", a = a, b = b }
tap.is(fields(v, "verdict", "n", "test"), { "supported", 5, "paired t over replicate" }, "paired when units match")
tap.near(fields(v, "estimate", "low", "high"), { 3, 3 - half, 3 + half }, 1e-9, "paired t by hand")
local t = 3 / math.sqrt(0.5)
local cdf = 0.5 + 3 / 8 * t / math.sqrt(1 + t * t / 4) * (1 - t * t / (12 * (1 + t * t / 4)))
tap.near(v.p, 2 * (1 - cdf), 1e-9, "p by the closed form for 4 degrees of freedom")
tap.is(r:compare { measure = "y", a = a, b = b, above = 1 }.verdict, "supported", "the interval (1.04, 4.96) is above 1")
tap.is(r:compare { measure = "y", a = a, b = b, above = 2 }.verdict, "inconclusive", "not wholly above 2")
tap.is(r:compare { measure = "y", a = a, b = b, above = 5 }.verdict, "not supported", "wholly below 5")
tap.is(r:compare { measure = "y", a = a, b = b, below = 5 }.verdict, "supported", "below 5")
tap.is(r:compare { measure = "y", a = a, b = b, below = 4 }.verdict, "inconclusive", "below 4")
tap.is(r:compare { measure = "y", a = a, b = b, below = 1 }.verdict, "not supported", "below 1")
tap.is(r:compare { measure = "y", a = a, b = b, within = { 1, 5 } }.verdict, "supported", "within 1..5")
tap.is(r:compare { measure = "y", a = a, b = b, within = { 2, 5 } }.verdict, "inconclusive", "within 2..5")
tap.is(r:compare { measure = "y", a = a, b = b, within = { 5, 6 } }.verdict, "not supported", "within 5..6")
tap.is(r:compare { measure = "y", a = a, b = b, above = 1, level = 0.99 }.verdict, "inconclusive", "at 99 %")
tap.near(r:compare { measure = "y", a = a, b = b, above = 3 }.p, 1, 1e-12, "p is of the claimed bound")

-- Equal variances and sizes: Welch's degrees of freedom are 8 exactly.
local welch = {}
for i = 1, 5 do
    welch[i] = { replicate = i, method = "a", y = i }
    welch[i + 5] = { replicate = i + 5, method = "b", y = i + 1 }
end
local w = assay.rows(welch)
v = w:compare { measure = "y", a = a, b = b }
tap.is(fields(v, "verdict", "n", "test"), { "inconclusive", 10, "Welch t over replicate" }, "unpaired when units differ")
tap.near(fields(v, "estimate", "low", "high"), { -1, -1 - 2.3060041350333704, -1 + 2.3060041350333704 }, 1e-9, "Welch by hand")
tap.near(w:compare { measure = "y", a = a, b = b, above = -1 }.p, 1, 1e-12, "Welch's p is of the bound")
tap.is(r:compare { measure = "y", a = a, b = b, paired = false }.test, "Welch t over replicate", "unpaired on demand")
tap.error("rows:compare: paired: replicate 1 is on side a only", function()
    w:compare { measure = "y", a = a, b = b, paired = true }
end)

v = r:compare { measure = "y", a = a, b = b, test = "bootstrap", resamples = 4000 }
tap.is(fields(v, "verdict", "estimate", "n", "test"), { "supported", 3.0, 5, "paired bootstrap over replicate" }, "bootstrap")
-- The mean of 5 draws from 1..5 is at most 1.6 in 1.2 % and at most 1.8 in 2.9 % of the 3125 equally
-- likely resamples, at least 4.2 and 4.4 likewise.
tap.ok(v.low >= 1.6 and v.low <= 1.8 and v.high >= 4.2 and v.high <= 4.4, "its quantiles, by counting all resamples",
    v.low .. " " .. v.high)
tap.is(r:compare { measure = "y", a = a, b = b, test = "bootstrap", resamples = 4000, paired = false }.verdict, "supported",
    "b is 0 in every replicate")
v = w:compare { measure = "y", a = a, b = b, test = "bootstrap", resamples = 4000 }
-- The difference of two such means has standard deviation sqrt(2/5 + 2/5) = 0.894.
tap.near({ v.low, v.high }, { -1 - 1.96 * 0.894, -1 + 1.96 * 0.894 }, 0.25, "unpaired bootstrap near its normal limit")
tap.is(v.verdict, "inconclusive", "unpaired bootstrap's verdict")

local one = assay.rows { { replicate = 1, method = "a", y = 3 }, { replicate = 1, method = "b", y = 1 } }
v = one:compare { measure = "y", a = a, b = b }
tap.is(fields(v, "verdict", "estimate", "n", "message"), { "inconclusive", 2.0, 1,
    "one replicate has no interval: at least 2 are needed" }, "one replicate is inconclusive")
tap.is({ v.low, v.high, v.p }, {}, "and has no interval")
tap.is(one:compare { measure = "y", a = a, b = b, paired = false }.verdict, "inconclusive", "one on each side")

local function refused(wanted, opts)
    tap.error("rows:compare: " .. wanted, function()
        local verdict = r:compare(opts)
        return verdict
    end)
end

refused("measure: must be a string, got nil", { a = a, b = b })
refused('options.measur: unknown field (did you mean "measure"?)', { measur = "y", a = a, b = b })
refused("a: must be a table, got nil", { measure = "y" })
refused('a: no row is there where method = "c"', { measure = "y", a = { method = "c" }, b = b })
refused('there is no column "zzzz" (there are: cell, k, method, replicate, y, exact, note)', { measure = "zzzz", a = a, b = b })
refused("none of 10 rows has the measure note", { measure = "note", a = b, b = a })
refused("note is the text \"no y here\" in cell 1, where a number is needed", { measure = "note", a = a, b = b })
refused("below: and above are two claims; give one of above, below, within", { measure = "y", a = a, b = b, above = 1, below = 2 })
refused("within: low must not be larger than high, got {2, 1}", { measure = "y", a = a, b = b, within = { 2, 1 } })
refused("level: must be greater than 0 and less than 1, got 95", { measure = "y", a = a, b = b, level = 95 })
refused('test: unknown value "anova" (there are: t, bootstrap)', { measure = "y", a = a, b = b, test = "anova" })
tap.error("y is NaN in cell 7", function()
    assay.rows { { cell = 7, replicate = 1, y = 0 / 0 } }:estimate { measure = "y", above = 0 }
end)
tap.error("replicate is missing in cell 7, but it is the unit", function()
    assay.rows { { cell = 7, y = 1 }, { cell = 8, y = 1, replicate = 1 } }:estimate { measure = "y", above = 0 }
end)

-- ---- estimate ----

v = r:estimate { measure = "y", where = a, within = { 1, 5 } }
tap.is(fields(v, "verdict", "n", "test"), { "supported", 5, "t over replicate" }, "estimate")
tap.near(fields(v, "estimate", "low", "high"), { 3, 3 - half, 3 + half }, 1e-9, "t by hand")
tap.is(v.p, nil, "no p of a range")
tap.error("rows:estimate: above: is missing: say what is claimed by above, below or within", function()
    r:estimate { measure = "y" }
end)
-- Newcombe (1998), table I: 81 of 263 is 0.2553..0.3662 by Wilson's method.
local coins = {}
for i = 1, 263 do
    coins[i] = { replicate = i, heads = i <= 81 }
end
v = assay.rows(coins):estimate { measure = "heads", below = 0.4, test = "wilson" }
tap.near(fields(v, "estimate", "low", "high"), { 81 / 263, 0.2553, 0.3662 }, 5e-5, "Wilson as published")
tap.is(fields(v, "verdict", "test"), { "supported", "Wilson over replicate" }, "Wilson's verdict")
tap.error('wilson is for units that are 0 or 1, but unit "2" is 2', function()
    r:estimate { measure = "y", where = a, above = 0, test = "wilson" }
end)
tap.is(r:estimate { measure = "y", where = b, within = { 0, 0 } }.verdict, "supported", "no variance: the bound itself is within")
tap.is(r:estimate { measure = "y", where = b, above = 0 }.verdict, "not supported", "0 is not above 0")

local twice = { r:estimate { measure = "y", where = a, above = 0, test = "bootstrap", resamples = 20 },
    r:estimate { measure = "y", where = a, above = 0, test = "bootstrap", resamples = 20 } }
tap.is(twice[1].test, "bootstrap over replicate", "a bootstrap of one mean")
tap.ok(twice[1].low ~= twice[2].low or twice[1].high ~= twice[2].high, "every bootstrap draws anew")

-- ---- statistic and fit ----

local curve = {}
for replicate = 1, 6 do
    for power = 0, 4 do
        local k = 2 ^ power
        curve[#curve + 1] = { replicate = replicate, k = k, y = (2 + 0.1 * (replicate - 3.5)) * k ^ -0.5 }
    end
end
local c = assay.rows(curve)
local fit = c:fit { x = "k", y = "y", law = "power", space = "loglog" }
tap.near({ fit.a, fit.b, fit.points }, { 2, -0.5, 5 }, 1e-9, "a law through the means over replicates")
local function factor(rows)
    return rows:fit { x = "k", y = "y", law = "power", space = "loglog" }.a
end
v = c:statistic { value = factor, within = { 1.75, 2.25 }, resamples = 200 }
tap.is(fields(v, "verdict", "n", "test"), { "supported", 6, "bootstrap over replicate" }, "a fitted parameter")
-- The factors are 1.75, 1.85, ... 2.25: a mean of six has standard deviation 0.1708 / sqrt(6) = 0.0697.
tap.near(fields(v, "estimate", "low", "high"), { 2, 2 - 0.137, 2 + 0.137 }, 0.04, "its bootstrap interval")
tap.is(c:statistic { value = factor, above = 2, where = { replicate = 1 } }.verdict, "inconclusive", "one unit only")
tap.error("rows:statistic: value: must return a number, returned \"x\"", function()
    c:statistic { value = function() return "x" end, above = 0 }
end)

-- ---- claims ----

local all = claims.all
local yes, no, maybe = { verdict = "supported", estimate = 1 }, { verdict = "not supported", estimate = 2, message = "why" },
    { verdict = "inconclusive", estimate = 3 }
tap.is(all { yes, true, yes }, { verdict = "supported", estimate = 1, message = "all 3 parts" }, "all supported")
tap.is(all { yes, maybe, no }, { verdict = "not supported", estimate = 2, message = "part 3 of 3: why" }, "one not supported")
tap.is(all { yes, maybe }, { verdict = "inconclusive", estimate = 3, message = "part 2 of 2" }, "one inconclusive")
tap.is(all { true, false }, { verdict = "not supported", message = "part 2 of 2" }, "plain truth values")
tap.error("claims.all: needs at least one verdict", function() assay.claims.all {} end)
tap.is(assay.claims.each({ 1, 2, 3 }, function(n) return n < 3 and (n == 1 and yes or no) or nil end),
    { verdict = "not supported", estimate = 2, message = "part 2 of 2: why" }, "claims.each leaves out what has no verdict")
tap.is(assay.claims.each({ 1 }, function() end), { verdict = "inconclusive", message = "no such cells in this run" },
    "claims.each of nothing is inconclusive")

-- ---- what claims and runs share ----

tap.is(assay.numbers "6, 9,0.5 -1e3", { 6, 9, 0.5, -1000 }, "numbers of a text")
tap.is(math.type(assay.numbers("6")[1]), "integer", "whole ones are integers")
tap.is(assay.numbers "", {}, "none")
tap.error("numbers: not a number: six", function() assay.numbers "5,six" end)
tap.is({ assay.attempt(function(a, b) return a + b, "more" end, 1, 2) }, { 3, "more" }, "an attempt gives what it got")
local got, why = assay.attempt(error, "it diverged")
tap.is({ got == nil, why }, { true, "it diverged" }, "or nil and why not")
tap.error("sample: cancelled", function() assay.attempt(error, "sample: cancelled") end)
tap.error('claims.all[1].verdict: unknown value "suported" (did you mean "supported"?)', function()
    assay.claims.all { { verdict = "suported" } }
end)

local function claim(name, check)
    return { name = name, text = "text of " .. name, check = check }
end

local demo = assay.experiment {
    name = "demo", run = print,
    claims = { -- "boot" and "same" differ by their streams alone
        claim("paired", function(rows) return rows:compare { measure = "y", a = a, b = b } end),
        claim("boot", function(rows) return rows:compare { measure = "y", a = a, b = b, test = "bootstrap", resamples = 20 } end),
        claim("same", function(rows) return rows:compare { measure = "y", a = a, b = b, test = "bootstrap", resamples = 20 } end),
        claim("plain", function() return false end),
        claim("broken", function() error("no such thing") end),
        claim("nothing", function() end),
        claim("wrong", function(rows) return rows:estimate { measure = "y" } end),
        claim("infinite", function() return { verdict = "supported", estimate = math.huge, test = "by hand" } end),
        claim("odd", function() error({}) end),
    },
}
local text = claims.check(demo, r, 7)
local result = json.decode(text)
tap.near({ result[1].estimate, result[1].low, result[1].high }, { 3, 3 - half, 3 + half }, 1e-9, "a claim's numbers")
tap.is({ result[1].name, result[1].text, result[1].verdict, result[1].n, result[1].test, result[1].message },
    { "paired", "text of paired", "supported", 5, "paired t over replicate", json.null }, "a claim's words")
tap.is(claims.check(demo, r, 7), text, "the same seed, the same verdicts, bitwise")
tap.ok(claims.check(demo, r, 8) ~= text, "another seed resamples otherwise")
tap.is(result[9].message, "the error is a table value", "an error that is no text")
tap.ok(result[2].low ~= result[3].low or result[2].high ~= result[3].high, "claims have streams of their own")
tap.is({ result[4].verdict, result[5].verdict, result[6].verdict, result[7].verdict, result[8].verdict },
    { "not supported", "error", "error", "error", "supported" }, "verdicts")
tap.ok(result[5].message:find("claims.lua:%d+: no such thing"), "an error says where", result[5].message)
tap.is(result[6].message, "check's result: must be true, false or a verdict (a table with verdict = ...), got nil", "nothing returned")
tap.ok(result[7].message:find("claims.lua:%d+: rows:estimate: above: is missing"), "a refusal, with the check's line",
    result[7].message)
tap.ok(text:find('"estimate":null,"high":null,"low":null,"message":null,"n":null,"name":"infinite","p":null,"test":"by hand"', 1, true),
    "what is not finite is null")

tap.done()
