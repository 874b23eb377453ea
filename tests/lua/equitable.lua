-- Shared budgets beyond the golden cases: arguments, worlds of Lua functions, populations, and that the
-- same seed gives the same trace.
local tap = require "tap"
local assay = require "assay"
local b = assay.balance

-- Arguments
local curves = { { kind = "power", a = 0.9, b = 1.2, c = 0.4 }, { kind = "saturating", a = 0.5, s = 400 } }
tap.error("allocate: cost of group 2 must be greater than 0, got 0", function() b.allocate(curves, { budget = 10, cost = { 1, 0 } }) end)
tap.error("allocate: weight must not be 0 for every group", function() b.allocate(curves, { budget = 10, weight = { 0, 0 } }) end)
tap.error("allocate: budget must be given", function() b.allocate(curves, {}) end)
tap.error("allocate: budget must be at least 0", function() b.allocate(curves, { budget = -1 }) end)
tap.error("allocate: cost must", function() b.allocate(curves, { budget = 1, cost = { 1, 2, 3 } }) end)
tap.error("allocate: curves[2].c must be a number", function() b.allocate({ curves[1], { a = 1, b = 1 } }, { budget = 1 }) end)
tap.error("allocate: curves[1] must be a table", function() b.allocate({ 3 }, { budget = 1 }) end)
tap.error('allocate: unknown option "stepp" (did you mean "step"?)', function() b.allocate(curves, { budget = 1, stepp = 2 }) end)
tap.error("allocate: there must be at least 1 group", function() b.allocate({}, { budget = 1 }) end)
tap.error("allocate: transfer must be 2 x 2", function() b.allocate(curves, { budget = 1, transfer = { { 1 } } }) end)
tap.error("allocate: transfer is of the method greedy", function() b.allocate(curves, { budget = 1, method = "water", transfer = { { 0, 0 }, { 0, 0 } } }) end)
tap.error("allocate_proportional: share must not be 0", function() b.allocate_proportional({ 0, 0 }, { budget = 1 }) end)
tap.error("learning_curve_fit: v[2] must be finite", function() b.learning_curve_fit({ 1, 2 }, { 1, 0 / 0 }) end)
tap.error("learning_curve_fit: v must have 2 values", function() b.learning_curve_fit({ 1, 2 }, { 1 }) end)
tap.error("slice_tuner: start must be given", function() b.slice_tuner({ { a = 1, b = 1 } }, { budget = 1 }) end)
tap.error("targeting_benefit: benefit must have 2 values", function() b.targeting_benefit({ 1, 2 }, { 1 }, { share = 1 }) end)
tap.error("prs_expected_r2: n must be at least 0", function() b.prs_expected_r2({ -1 }, { h2 = 0.5, segments = 3 }) end)
tap.error("polygenic_world: fst must be given", function() b.polygenic_world { groups = 2, h2 = 0.5, rng = assay.rng(1) } end)
tap.error("polygenic_world: every group needs at least 2 people for validation", function()
    b.polygenic_world { groups = 1, fst = 0.1, h2 = 0.5, validation = 0, rng = assay.rng(1) }
end)

-- whole sizes; one number for all groups
local whole = b.allocate(curves, { budget = 101.5, start = 60, cost = { 1, 2 }, method = "water", whole = true })
tap.is({ whole.n[1] % 1, whole.n[2] % 1 }, { 0.0, 0.0 }, "whole")
tap.ok(whole.spent <= 101.5 and whole.spent > 99.5, "nearly all is spent", whole.spent)
local limited = b.slice_tuner({ { a = 0.4, b = 1.2 }, { a = 0.1, b = 0.9 } },
    { start = { 100, 100 }, budget = 1000, ratio_change = 0.5 })
tap.near(math.max(limited.n[1], limited.n[2]) / math.min(limited.n[1], limited.n[2]), 1.5, 0.02, "the ratio is limited")

-- A world of Lua functions with known curves
local function exact_world(truth)
    local world = { groups = #truth, n = {}, calls = 0 }
    for g = 1, #truth do
        world.n[g] = 0
    end
    function world.collect(g, n) world.n[g] = world.n[g] + n end
    function world.performance(g, sizes, rng)
        world.calls = world.calls + 1
        assert(rng:uniform() < 1)
        return b.learning_curve({ sizes[g] }, truth[g])[1]
    end
    return world
end

local world = exact_world(curves)
local trace = b.equitable(world, { budget = 1000, cost = { 1, 3 }, rounds = 4, prior = 0, rng = assay.rng(2) })
tap.is(trace.n, world.n, "what was collected")
tap.is({ #trace.rounds, trace.rounds[1].n, world.calls }, { 4, { 60, 60 }, 4 * 2 * 10 }, "rounds, and the points of curves")
tap.near(trace.rounds[4].curves[1].a, 0.9, 1e-3, "curves are learnt")
local oracle = exact_world(curves)
b.equitable(oracle, { strategy = "oracle", curves = curves, budget = 1000, cost = { 1, 3 }, rng = assay.rng(2) })
local function utility(n) return b.learning_curve({ n[1] }, curves[1])[1] + b.learning_curve({ n[2] }, curves[2])[1] end
tap.ok(utility(world.n) >= 0.99 * utility(oracle.n), "with exact curves nearly the oracle")
tap.is(#b.equitable(exact_world(curves), { strategy = "one-shot", budget = 1000, rng = assay.rng(2) }).rounds, 1, "one shot")

-- Worlds that fail
world = exact_world(curves)
world.performance = function() error "no validation data" end
tap.error("no validation data", function() b.equitable(world, { budget = 500, rng = assay.rng(1) }) end)
world.performance = function() return "much" end
tap.error("equitable: world.performance must return a number, got a string", function() b.equitable(world, { budget = 500, rng = assay.rng(1) }) end)
world.performance = function() return 0 / 0 end
tap.error("equitable: the performance of group 1 must be finite", function() b.equitable(world, { budget = 500, rng = assay.rng(1) }) end)
tap.error("equitable: world.collect must be a function", function() b.equitable({ groups = 2 }, { budget = 500, rng = assay.rng(1) }) end)
tap.error("equitable: world must be a table or a population", function() b.equitable(3, { budget = 500, rng = assay.rng(1) }) end)
tap.error("equitable: budget must pay for the start of 60 each, 120, got 100", function() b.equitable(exact_world(curves), { budget = 100, rng = assay.rng(1) }) end)
tap.error("equitable: rng must be given", function() b.equitable(exact_world(curves), { budget = 500 }) end)
tap.error("cancelled", function()
    b.equitable(exact_world(curves), { budget = 500, rng = assay.rng(1), progress = function() return true end })
end)

-- A population
local function population(seed, more)
    local options = { groups = 3, loci = 60, causal = 20, fst = { .05, .12, .15 }, h2 = { .8, .6, .2 }, test = 500, rng = assay.rng(seed) }
    for key, value in pairs(more or {}) do
        options[key] = value
    end
    return b.polygenic_world(options)
end

local function run(strategy, more)
    local w = population(3, more)
    local t = b.equitable(w, { strategy = strategy, budget = 900, cost = { 1, 1, 3 }, rounds = 3, rng = assay.rng(5) })
    tap.is(w:sizes(), t.n, strategy .. ": what is at hand")
    return { t.n, w:report() }
end

for _, strategy in ipairs { "adaptive", "equal", "proportional", "waterfill", "worst", "random", "slice_tuner", "one-shot" } do
    tap.is(run(strategy), run(strategy), strategy .. ": the same seed, the same numbers")
end
for _, more in ipairs { { score = "marginal" }, { measure = "health" }, { standardise = true } } do
    local _, report = table.unpack(run("adaptive", more))
    tap.ok(report[1] > report[3] and report[1] > 0.05, "a heritable trait is learnt better", tap.show(report))
end
local w = population(4)
local people = w:draw(2, 5, assay.rng(1))
tap.is({ #people.X, #people.X[1], #people.y }, { 5, 60, 5 }, "people")
tap.is(w:draw(2, 5, assay.rng(1)).y, people.y, "of a stream")
tap.ok(w:draw(2, 5).y[1] ~= w:draw(2, 5).y[1], "of the world's own")
w:collect(1, 100)
tap.is(w:sizes(), { 100, 0, 0 }, "collected")
tap.ok(w:performance(1) > w:performance(1, { 5, 0, 0 }, assay.rng(1)), "more people, a better score")
tap.is(w:performance(1, { 50, 0, 0 }, assay.rng(1)), w:performance(1, { 50, 0, 0 }, assay.rng(1)), "a part of a stream")
tap.error("world:performance: the size of group 1 must be in 0..100", function() w:performance(1, { 101, 0, 0 }) end)
tap.error("world:draw: g must be in 1..3, got 4", function() w:draw(4, 1) end)
tap.ok(tostring(w):find "population of 3 groups and 60 loci", "its text")

-- Health: treating everybody is worth the mean, the best share more
tap.near(b.targeting_benefit({ 3, 1, 2 }, { 6, 0, 3 }, { share = 1 }).benefit, 3, 1e-15, "everybody")
tap.near(b.targeting_benefit({ 1, 1, 1 }, { 6, 0, 3 }, { share = 0.34 }).benefit, 2, 1e-15, "two of three, ties to the first")

tap.done()
