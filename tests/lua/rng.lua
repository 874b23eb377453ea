-- Random streams in Lua: streams as values, ranges, moments, lists, and the words of bad arguments.
local tap = require "tap"
local assay = require "assay"
local inf, nan = math.huge, 0 / 0

local function stream()
    return assay.rng(42)
end

-- ---- streams ----

tap.is(stream():uniform(5), stream():uniform(5), "a seed is a stream")
tap.ok(not tap.same(assay.rng(1):uniform(5), assay.rng(2):uniform(5)), "another seed is another")
tap.ok(not tap.same(assay.rng(-1):uniform(5), assay.rng(1):uniform(5)), "negative seeds are seeds")
tap.ok(stream() == stream(), "equal streams")
local rng, twin = stream(), stream()
rng:uniform()
tap.ok(rng ~= twin, "a stream that has moved on is another")
local copy = rng:copy()
tap.is(rng:normal(4), copy:normal(4), "a copy goes on from the same place")
tap.is(rng:normal(2, 3):totable(), { copy:normal(3), copy:normal(3) }, "normal(n, d) is a matrix of the same draws")
tap.error("normal: d must be in 0..2147483646, got -1", function() rng:normal(2, -1) end)
tap.is(stream():split(3):uniform(3), stream():split(3):uniform(3), "a child by number")
tap.is(stream():split("task"):uniform(3), stream():split("task"):uniform(3), "a child by name")
local streams = { stream(), stream():split(1), stream():split(2), stream():split("1"), stream():split "2",
    stream():split(1):split(2), stream():split(2):split(1), stream():split "" }
local firsts, distinct = {}, 0
for _, s in ipairs(streams) do
    local first = s:integer(math.mininteger, math.maxinteger)
    distinct = distinct + (firsts[first] and 0 or 1)
    firsts[first] = true
end
tap.is(distinct, #streams, "children differ from each other and from the parent")
rng = stream()
rng:split(1)
tap.ok(rng == stream(), "splitting does not advance the parent")
tap.ok(tostring(stream()):match "^rng %x+ at 0$", "text")

-- ---- lists are what single calls would give ----

local draws = {
    { "uniform" }, { "normal" }, { "exponential", 2 }, { "gamma", 0.5, 2 }, { "beta", 2, 3 },
    { "binomial", 10, 0.3 }, { "poisson", 4 }, { "hypergeometric", 5, 7, 4 }, { "integer", -3, 3 },
}
for _, draw in ipairs(draws) do
    local one, many = stream(), stream()
    local singles = {}
    for i = 1, 20 do
        singles[i] = one[draw[1]](one, table.unpack(draw, 2))
    end
    local arguments = { table.unpack(draw, 2) }
    arguments[#arguments + 1] = 20
    tap.is(many[draw[1]](many, table.unpack(arguments)), singles, draw[1] .. ": a list is 20 single draws")
end
tap.is({ #stream():uniform(0), #stream():binomial(3, 0.5, 0) }, { 0, 0 }, "empty lists")
tap.is(math.type(stream():binomial(3, 0.5)), "integer", "counts are integers")

-- ---- moments: mean and variance within 5 standard errors of the closed form ----

local n = 20000
local function moments(name, x, mean, variance, fourth)
    local m, v = 0, 0
    for i = 1, n do
        m = m + x[i] / n
    end
    for i = 1, n do
        v = v + (x[i] - m) ^ 2 / (n - 1)
    end
    tap.near(m, mean, 5 * math.sqrt(variance / n), name .. ": mean")
    -- var(s^2) = (mu4 - sigma^4) / n
    tap.near(v, variance, 5 * math.sqrt((fourth - variance ^ 2) / n), name .. ": variance")
end
rng = assay.rng(5)
moments("uniform", rng:uniform(n), 1 / 2, 1 / 12, 1 / 80)
moments("normal", rng:normal(n), 0, 1, 3)
moments("exponential(rate 4)", rng:exponential(4, n), 1 / 4, 1 / 16, 9 / 256)
moments("gamma(3, 2)", rng:gamma(3, 2, n), 6, 12, (3 * 9 + 6 * 3) * 16)
moments("beta(1, 1)", rng:beta(1, 1, n), 1 / 2, 1 / 12, 1 / 80)
moments("binomial(20, 0.3)", rng:binomial(20, 0.3, n), 6, 4.2, 3 * 4.2 ^ 2 + 4.2 * (1 - 6 * 0.21))
moments("poisson(6)", rng:poisson(6, n), 6, 6, 3 * 36 + 6)
moments("integer(1, 6)", rng:integer(1, 6, n), 3.5, 35 / 12, (2 * (2.5 ^ 4 + 1.5 ^ 4 + 0.5 ^ 4)) / 6)
moments("hypergeometric(5, 5, 4)", rng:hypergeometric(5, 5, 4, n), 2, 2 / 3, 260 / 210)

-- ---- choices ----

local counts = { 0, 0, 0, 0 }
for _, i in ipairs(rng:categorical({ 1, 0, 3, 4 }, n)) do
    counts[i] = counts[i] + 1
end
tap.is(counts[2], 0, "categorical: weight 0 is never drawn")
tap.near({ counts[1] / n, counts[3] / n, counts[4] / n }, { 1 / 8, 3 / 8, 4 / 8 }, 5 * 0.5 / math.sqrt(n),
    "categorical: frequencies")
tap.is(stream():categorical { 0, 0, 5 }, 3, "categorical: one")

local function sorted(list)
    local out = table.move(list, 1, #list, 1, {})
    table.sort(out)
    return out
end
local first5 = { 1, 2, 3, 4, 5 }
tap.is(sorted(rng:permutation(5)), first5, "permutation: 1..n")
tap.is(sorted(rng:sample(5, 5)), first5, "sample: all of them")
local sample = sorted(rng:sample(1000000, 3))
tap.ok(#sample == 3 and sample[1] >= 1 and sample[1] < sample[2] and sample[2] < sample[3]
    and sample[3] <= 1000000, "sample: distinct")
local list = { "a", "b", "c", "d" }
tap.ok(rng:shuffle(list) == list, "shuffle: in place")
tap.is(sorted(list), { "a", "b", "c", "d" }, "shuffle: the same elements")
local orders = {}
for _ = 1, 6000 do
    local order = table.concat(rng:shuffle { "a", "b", "c" })
    orders[order] = (orders[order] or 0) + 1
end
local chi2, kinds = 0, 0
for _, count in pairs(orders) do
    chi2, kinds = chi2 + (count - 1000) ^ 2 / 1000, kinds + 1
end
tap.ok(kinds == 6 and chi2 < 25.7, "shuffle: six orders, equally often (chi2 " .. chi2 .. " < 25.7, p = 1e-4)")
local low, high = 0, 0
for _ = 1, 64 do
    local x = rng:integer(math.mininteger, math.maxinteger)
    low, high = low + (x < 0 and 1 or 0), high + (x >= 0 and 1 or 0)
end
tap.ok(low > 10 and high > 10, "integer: the whole range")
tap.is(rng:integer(7, 7), 7, "integer: one value")

-- ---- refusals ----

for _, bad in ipairs {
    { "rng: seed must be an integer, got nil", function() assay.rng() end },
    { "rng: seed must be an integer, got 1.5", function() assay.rng(1.5) end },
    { "rng: seed must be an integer, got a string", function() assay.rng "1" end },
    { "rng:uniform: n must be in 0..2147483646, got -1", function() rng:uniform(-1) end },
    { "rng:exponential: rate must be greater than 0 and finite, got 0", function() rng:exponential(0) end },
    { "rng:exponential: rate must be greater than 0 and finite, got inf", function() rng:exponential(inf) end },
    { "rng:gamma: shape must be greater than 0 and finite, got -1", function() rng:gamma(-1, 1) end },
    { "rng:gamma: scale must be greater than 0 and finite, got nan", function() rng:gamma(1, nan) end },
    { "rng:beta: b must be a number, got nil", function() rng:beta(1) end },
    { "rng:binomial: trials must be at least 0, got -1", function() rng:binomial(-1, 0.5) end },
    { "rng:binomial: p must be in 0..1, got 1.5", function() rng:binomial(1, 1.5) end },
    { "rng:binomial: p must be in 0..1, got nan", function() rng:binomial(1, nan) end },
    { "rng:poisson: mean must be in 0..", function() rng:poisson(-1) end },
    { "rng:poisson: mean must be in 0..", function() rng:poisson(inf) end },
    { "rng:hypergeometric: draws must be in 0..5, got 6", function() rng:hypergeometric(2, 3, 6) end },
    { "rng:hypergeometric: bad must be in 0..0, got 1", function() rng:hypergeometric(math.maxinteger, 1, 1) end },
    { "rng:integer: hi must be at least 3, got 2", function() rng:integer(3, 2) end },
    { "rng:categorical: weights[2] must be at least 0 and finite, got -1", function() rng:categorical { 1, -1 } end },
    { "rng:categorical: weights[1] must be at least 0 and finite, got inf", function() rng:categorical { inf } end },
    { "categorical: there are no weights", function() rng:categorical {} end },
    { "categorical: all 2 weights are 0", function() rng:categorical({ 0, 0 }, 3) end },
    { "rng:sample: k must be in 0..3, got 4", function() rng:sample(3, 4) end },
    { "rng:permutation: n must be in 0..", function() rng:permutation(-1) end },
    { "rng:shuffle: list must be a table, got a string", function() rng:shuffle "abc" end },
    { "rng:split: id must be an integer or a name, got a nil", function() rng:split(nil) end },
    { "rng:split: id must be a string without embedded zeros", function() rng:split "a\0b" end },
    { "rng:uniform: call it with a colon", function() rng.uniform(3) end },
} do
    tap.error(bad[1], bad[2])
end

tap.done()
