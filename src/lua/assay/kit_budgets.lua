-- What experiments on a budget for examples of several groups are composed of (kits.lua says what a kit is).
local function strategy(name, key, doc, more)
    local arm = { name = name, method = "equitable", doc = doc,
        code = ('options.strategy = "%s"\nreturn balance.equitable(world, options)'):format(key) }
    for field, value in pairs(more or {}) do
        arm[field] = value
    end
    return arm
end

local baseline = { baseline = true }

local function population(fields, cost, share)
    return ("local world = balance.polygenic_world { groups = 3, %s, rng = rng }\nreturn world, %s, %s"):format(fields, cost, share)
end

return {
    about = "groups that share a budget",
    family = "balance",
    x = "budget",
    params = {
        { name = "budget", default = 1200, min = 600, max = 100000, values = { 600, 1200, 2400 }, log = true, doc = "money for examples" },
        { name = "rounds", default = 5, min = 1, max = 100, values = { 2, 5, 10 }, doc = "batches in which they are collected" },
    },
    testbeds = {
        {
            name = "unequal heredity", title = "a trait in three groups, heritable by 0.8, 0.6 and 0.2; the last costs three times as much",
            code = population("loci = 250, causal = 60, rho = 0.3, h2 = { 0.8, 0.6, 0.2 }, fst = { 0.05, 0.12, 0.15 }",
                "{ 1, 1, 3 }", "{ 0.5, 0.1, 0.4 }"),
        },
        {
            name = "similar heredity", title = "a trait in three groups, heritable by 0.7, 0.5 and 0.3, at equal costs",
            code = population("loci = 300, causal = 60, rho = 0.5, h2 = { 0.7, 0.5, 0.3 }, fst = { 0.05, 0.12, 0.15 }",
                "{ 1, 1, 1 }", "{ 0.7, 0.2, 0.1 }"),
        },
    },
    arms = {
        strategy("adaptive", "adaptive", "by learning curves that are estimated meanwhile"),
        strategy("one round", "one-shot", "by learning curves that are estimated once"),
        strategy("equal numbers", "equal", "as many of each group", baseline),
        strategy("representative numbers", "proportional", "by the groups' shares", baseline),
        strategy("water filling", "waterfill", "the smallest group first", baseline),
        strategy("the worst group", "worst", "each round to the group with the lowest performance", baseline),
        strategy("a random group", "random", "each round to a group at random", baseline),
        strategy("Slice Tuner", "slice_tuner", "by learning curves and a penalty on unequal ones", baseline),
    },
    arm_params = {},
    signature = "world, options",
    measures = {
        { name = "mean", title = "mean performance of the groups", better = "more", tolerance = 0.01 },
        { name = "lowest", title = "performance of the lowest group", better = "more", tolerance = 0.01 },
        { name = "gap", title = "performance of the highest group less that of the lowest", better = "less", tolerance = 0.01 },
    },
    helpers = {},
    run = [[
        local p = cell.params
        local world, cost, share = testbed(p, cell:rng "testbed", cell)
        methods[p.method](world, { budget = p.budget, cost = cost, share = share, rounds = p.rounds, a_max = 1, rng = cell:rng "method" })
        local values, mean = world:report(), 0
        for _, value in ipairs(values) do
            mean = mean + value / #values
        end
        local lowest, highest = math.min(table.unpack(values)), math.max(table.unpack(values))
        cell:log { mean = mean, lowest = lowest, gap = highest - lowest }]],
}
