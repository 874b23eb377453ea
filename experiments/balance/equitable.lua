#!/usr/bin/env -S assay run
-- Sharing a budget for examples among groups: Cai, Encarnacion, Chern, Corbett-Davies, Bogen, Bergman,
-- Goel, Adaptive Sampling Strategies to Construct Equitable Training Datasets (2022, arXiv 2202.01327).
--
-- The paper's claim, on polygenic scores of a synthetic population: allocation by learning curves that are
-- estimated meanwhile beats equal and representative numbers, for overall or group-specific health, and
-- equal numbers don't give equal outcomes. Its figures could not be read; worlds and formulas are ours.
--
-- Worlds, of three groups each:
--   unequal  traits that are heritable by 0.8, 0.6 and 0.2; the last group costs three times as much
--   alike    0.7, 0.5 and 0.3 at equal costs: here adaptation only has to find out that little is to gain
--   letters  the table letter: classes that a logistic regression tells well, less well and badly, the last
--            ones three times as dear; performance is accuracy on the group's classes
-- Objectives: the mean performance, each group alike or by its share of the population; the mean of its
-- logarithm; the lowest group's.
--
-- Every strategy has the same population and budget, that of its first 60 examples a group included (equal
-- and proportional start from nothing). Curves are estimated on people for validation, what is reported is
-- of others. The oracle knows the mean curves of eight other populations, with 200 people of the other
-- groups.
--
-- What comes out: in both populations the claims hold. Among the letters adaptive is second to the heuristic
-- that suits the objective (by 0.02 to equal numbers, where groups count alike; by less than 0.01 to
-- proportional ones, where shares do) and well above the other. There one classifier serves all groups, and
-- letters of one group that are added take accuracy from the others: curves of a group by its own number, on
-- which the method rests, don't know that.
--
-- Rows: (strategy, utility, lowest) each; (strategy, group, value, size) by group; (strategy, round, group,
-- collected) of the first replicate.
local assay = require "assay"
local balance = assay.balance

---- Worlds ----

local costs = { unequal = { 1, 1, 3 }, alike = { 1, 1, 1 }, letters = { 1, 1, 3 } }
local shares = { unequal = { .5, .1, .4 }, alike = { .7, .2, .1 }, letters = { .5, .1, .4 } }
local heredity = {
    unequal = { groups = 3, loci = 250, causal = 60, rho = .3, h2 = { .8, .6, .2 }, fst = { .05, .12, .15 } },
    alike = { groups = 3, loci = 300, causal = 60, rho = .5, h2 = { .7, .5, .3 }, fst = { .05, .12, .15 } },
}
-- by the accuracy of a logistic regression on 4000 rows of all
local letters = { "LPINVAUWM", "BZCYDETXJ", "HGSOKQFR" }

local function population(world, rng, more)
    local options = { rng = rng }
    for key, value in pairs(heredity[world]) do
        options[key] = value
    end
    for key, value in pairs(more or {}) do
        options[key] = value
    end
    return balance.polygenic_world(options)
end

local function matrix_of(people)
    local X, y = {}, {}
    for i, person in ipairs(people) do
        X[i], y[i] = person.x, person.class
    end
    return assay.matrix(X), y
end

-- Rows of each group in random order, some of them held back to judge by.
local function deal_letters(rng)
    local set, columns, pools, held = assay.data.load "letter", {}, { {}, {}, {} }, {}
    for key, values in assay.sorted_pairs(set) do
        if key ~= "class" then
            columns[#columns + 1] = values
        end
    end
    for _, i in ipairs(rng:permutation(#set.class)) do
        local row = {}
        for j, values in ipairs(columns) do
            row[j] = (values[i] - 6) / 3
        end
        for g, classes in ipairs(letters) do
            if classes:find(set.class[i], 1, true) then
                table.insert(pools[g], { x = row, class = set.class[i]:byte() - 65 })
            end
        end
    end
    for g, pool in ipairs(pools) do
        local validation, test = {}, {}
        for i = 1, 1300 do
            table.insert(i <= 300 and validation or test, table.remove(pool))
        end
        held[g] = { validation = { matrix_of(validation) }, test = { matrix_of(test) } }
    end
    return { pools = pools, held = held }
end

local function accuracy(net, X, y)
    local right = 0
    for i, scores in ipairs(net:predict(X):totable()) do
        local best = 1
        for c = 2, #scores do
            best = scores[c] > scores[best] and c or best
        end
        right = right + (best - 1 == y[i] and 1 or 0)
    end
    return right / #y
end

-- A world for balance.equitable; 300 rows of a group judge while it lasts, 1000 at the end.
local function letters_world(dealt)
    local pools, held, size, world = dealt.pools, dealt.held, { 0, 0, 0 }, { groups = 3 }
    function world.collect(g, n)
        size[g] = size[g] + n
        assert(size[g] <= #pools[g], "there are no more letters of this group")
    end
    local function train(sizes, stream)
        local people = {}
        for g, pool in ipairs(pools) do
            local order = sizes[g] < size[g] and stream:permutation(size[g])
            for i = 1, sizes[g] do
                people[#people + 1] = pool[order and order[i] or i]
            end
        end
        local net = assay.net.logistic { 16, 26 }
        local X, y = matrix_of(people)
        net:train(X, y, { steps = 300, lr = 0.05, loss = "ce", schedule = "cosine", seed = 1 })
        return net
    end
    function world.performance(g, sizes, stream)
        return accuracy(train(sizes, stream), table.unpack(held[g].validation))
    end
    function world:report()
        local net, out = train(size), {}
        for g = 1, 3 do
            out[g] = accuracy(net, table.unpack(held[g].test))
        end
        return out
    end
    return world
end

-- A function that makes the same world anew.
local function world_maker(world, rng)
    local dealt = world == "letters" and deal_letters(rng:split(1))
    return function() return dealt and letters_world(dealt) or population(world, rng:split(1)) end
end

---- What an oracle knows ----

local sizes, populations = { 60, 120, 240, 480, 960, 1920, 3840 }, 8

local function mean_curve(worlds, g, rng)
    local n, v = {}, {}
    for i, size in ipairs(sizes) do
        n[i], v[i] = size, 0
        local of_each = { 200, 200, 200 }
        of_each[g] = size
        for _, world in ipairs(worlds) do
            v[i] = v[i] + world:performance(g, of_each, rng) / populations
        end
    end
    local curve = balance.learning_curve_fit(n, v)
    return { kind = curve.kind, a = curve.a, b = curve.b, c = curve.c }
end

local function true_curves(cell, world)
    return cell:cache({ "mean curves", world }, function(rng)
        local worlds, curves = {}, {}
        for i = 1, populations do
            worlds[i] = population(world, rng, { validation = 2000 })
            for g = 1, 3 do
                worlds[i]:collect(g, sizes[#sizes])
            end
        end
        for g = 1, 3 do
            curves[g] = mean_curve(worlds, g, rng)
        end
        return curves
    end)
end

---- A cell: one world, budget, objective and seed ----

local function mean(values, weight, f)
    local sum = 0
    for g, value in ipairs(values) do
        sum = sum + (weight and weight[g] or 1 / #values) * (f and f(value) or value)
    end
    return sum
end

local function utility_of(objective, world, values)
    if objective == "share" then
        return mean(values, shares[world])
    elseif objective == "log" then
        return mean(values, nil, function(v) return math.log(math.max(v, 1e-9)) end)
    elseif objective == "lowest" then
        return math.min(table.unpack(values))
    end
    return mean(values)
end

local function options_of(cell, strategy)
    local p = cell.params
    return { strategy = strategy, budget = p.budget, cost = costs[p.world], share = shares[p.world],
        weight = p.objective == "share" and shares[p.world] or nil, risk = p.objective == "log" and 1 or 0,
        objective = p.objective == "lowest" and "maxmin" or "utility", rounds = p.rounds,
        curves = strategy == "oracle" and true_curves(cell, p.world) or nil,
        a_max = 1, rng = cell:rng("strategy " .. strategy) }
end

local function log_rounds(cell, strategy, trace)
    for t, round in ipairs(trace.rounds) do
        local after = trace.rounds[t + 1] and trace.rounds[t + 1].n or trace.n
        for g = 1, 3 do
            cell:log { strategy = strategy, round = t, group = g, collected = after[g] - round.n[g] }
        end
    end
end

local strategies = { "adaptive", "one-shot", "equal", "proportional", "worst", "random", "slice_tuner", "oracle" }

local function run(cell)
    local p = cell.params
    if cell.replicate > p.seeds then
        return
    end
    local new_world = world_maker(p.world, cell:rng "population")
    for s, strategy in ipairs(strategies) do
        if strategy ~= "oracle" or heredity[p.world] then
            local world = new_world()
            local trace = balance.equitable(world, options_of(cell, strategy))
            local values = world:report()
            cell:log { strategy = strategy, utility = utility_of(p.objective, p.world, values),
                lowest = math.min(table.unpack(values)) }
            for g, value in ipairs(values) do
                cell:log { strategy = strategy, group = g, value = value, size = trace.n[g] }
            end
            if cell.replicate == 1 and strategy == "adaptive" then
                log_rounds(cell, strategy, trace)
            end
        end
        cell:progress(s, #strategies)
    end
end

---- Claims: paired by seed; the population is shared ----

local function absent(what) return { verdict = "inconclusive", message = "this run has no " .. what } end

-- Some of the strategies against each other, at each budget and objective.
local function against(world, objectives, rivals, bound)
    return function(r)
        local all = {}
        for _, objective in ipairs(objectives) do
            for _, budget in ipairs { 1200, 2400 } do
                local here = r:where { world = world, objective = objective, budget = budget }
                for _, rival in ipairs(#here > 0 and rivals or {}) do
                    all[#all + 1] = here:compare { measure = "utility", a = { strategy = "adaptive" },
                        b = { strategy = rival }, above = bound or 0 }
                end
            end
        end
        return #all > 0 and assay.claims.all(all) or absent(world .. " at 1200 or 2400")
    end
end

-- The mean ratio to the oracle's utility, over seeds.
local function near_oracle(r)
    local all = {}
    for _, objective in ipairs { "each", "share" } do
        for _, budget in ipairs { 1200, 2400 } do
            local here = r:where { world = "unequal", objective = objective, budget = budget }
            if #here > 0 then
                all[#all + 1] = here:statistic { above = 0.9, value = function(rows)
                    return rows:where { strategy = "adaptive" }:mean "utility" / rows:where { strategy = "oracle" }:mean "utility"
                end }
            end
        end
    end
    return #all > 0 and assay.claims.all(all) or absent "unequal at 1200 or 2400"
end

local function lifts_the_lowest(r)
    local here = r:where { world = "unequal", strategy = "adaptive" }
    if #here:where { objective = "lowest" } == 0 or #here:where { objective = "share" } == 0 then
        return absent "objectives share and lowest"
    end
    local all = {}
    for _, budget in ipairs { 1200, 2400 } do
        all[#all + 1] = here:where { budget = budget }:compare { measure = "lowest", a = { objective = "lowest" },
            b = { objective = "share" }, above = 0 }
    end
    return assay.claims.all(all)
end

-- Equal numbers, unequal outcomes: the first group less the last.
local function unequal_outcomes(r)
    local all = {}
    for _, budget in ipairs { 1200, 2400 } do
        local here = r:where { world = "unequal", objective = "each", budget = budget, strategy = "equal" }
        all[#all + 1] = here:compare { measure = "value", a = { group = 1 }, b = { group = 3 }, above = 0.1 }
    end
    return assay.claims.all(all)
end

local function by_budget(name, title, where, ylabel)
    return { name = name, title = title, x = "budget", y = "utility", by = "strategy", where = where, logx = true,
        xlabel = "budget for examples", ylabel = ylabel, band = "ci95", key = "below" }
end

local means = { "each", "share" }

return assay.experiment {
    name = "equitable",
    title = "A budget for examples, shared among groups",
    description = "Allocation by learning curves that are estimated meanwhile, against equal and representative numbers, "
        .. "the worst group first, Slice Tuner and known curves.",
    method = "equitable",
    params = {
        world = { default = { "unequal" }, choices = { "unequal", "alike", "letters" }, doc = "the population" },
        budget = { default = { 600, 1200, 2400, 4800 }, min = 600, max = 4800, doc = "money for examples" },
        objective = { default = { "each", "share", "lowest" }, choices = { "each", "share", "log", "lowest" },
            doc = "mean performance of the groups or by shares, mean log, the lowest" },
        rounds = { default = 8, min = 1, max = 100, doc = "batches" },
        seeds = { default = 8, min = 1, max = 20, doc = "how many replicates are computed" },
    },
    presets = {
        quick = { budget = { 1200, 2400 }, rounds = 5 },
        full = { world = { "unequal", "alike", "letters" }, objective = { "each", "share", "log", "lowest" }, seeds = 20 },
    },
    replicates = 20,
    run = run,
    figures = {
        by_budget("utility", "Mean performance (unequal)", { world = "unequal", objective = "each" }, "mean R^2 of the groups"),
        by_budget("share", "Mean performance by shares (unequal)", { world = "unequal", objective = "share" }, "mean R^2 by shares"),
        by_budget("alike", "Mean performance (alike)", { world = "alike", objective = "each" }, "mean R^2 of the groups"),
        by_budget("letters", "Mean accuracy (letters)", { world = "letters", objective = "each" }, "mean accuracy of the groups"),
        { name = "rounds", title = "Collected in each round (unequal, 2400, each group alike)", x = "round", y = "collected",
            by = "group", ylabel = "examples collected",
            where = { world = "unequal", objective = "each", budget = 2400, strategy = "adaptive" } },
        { name = "groups", title = "Who loses (unequal, 2400, by shares)", x = "group", y = "value", by = "strategy",
            xlabel = "group (heritable by 0.8, 0.6 and 0.2)",
            ylabel = "R^2 of the group's score",
            where = { world = "unequal", objective = "share", budget = 2400 }, band = "ci95", style = "linespoints", key = "below" },
        { name = "lowest", title = "The lowest group by what is wanted (unequal, adaptive)", x = "budget", y = "lowest",
            by = "objective", where = { world = "unequal", strategy = "adaptive" }, logx = true, band = "ci95",
            ylabel = "R^2 of the lowest group" },
    },
    claims = {
        { name = "beats_heuristics", text = "unequal: adaptive has more utility than equal and than proportional",
            check = against("unequal", means, { "equal", "proportional" }) },
        { name = "alike_no_harm", text = "alike: adaptive is at most 0.02 below equal and below proportional",
            check = against("alike", means, { "equal", "proportional" }, -0.02) },
        { name = "letters_beats", text = "letters: adaptive has more utility than equal and than proportional",
            check = against("letters", means, { "equal", "proportional" }) },
        { name = "near_oracle", text = "unequal: adaptive has over 0.9 of the utility with known curves", check = near_oracle },
        { name = "beats_slice_tuner", text = "unequal, by shares, which Slice Tuner doesn't know: adaptive has more utility",
            check = against("unequal", { "share" }, { "slice_tuner" }) },
        { name = "ties_slice_tuner", text = "unequal, each group alike: adaptive is at most 0.02 below Slice Tuner",
            check = against("unequal", { "each" }, { "slice_tuner" }, -0.02) },
        { name = "lowest_group", text = "unequal: wanting the lowest group's performance raises it", check = lifts_the_lowest },
        { name = "unequal_outcomes", text = "unequal: equal numbers leave the last group's R^2 more than 0.1 behind the first's",
            check = unequal_outcomes },
    },
}
