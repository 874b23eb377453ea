-- What experiments on rankings of models are composed of (kits.lua says what a kit is).
return {
    about = "tables of models' scores",
    family = "inference",
    x = "missing",
    params = {
        { name = "missing", default = 0.5, min = 0, max = 0.999, values = { 0, 0.5, 0.8, 0.9, 0.95 }, doc = "share of the measurements that is left out" },
        { name = "leave_out", default = "cells", choices = { "cells", "items", "confounded" },
            doc = "what is left out: measurements at random, whole items, or rather those of weak models on hard items" },
    },
    testbeds = {
        {
            name = "synthetic models", title = "models of known strength on random items",
            params = {
                { name = "models", default = 30, min = 3, max = 1000, values = { 10, 30, 100 }, log = true, doc = "models" },
                { name = "items", default = 400, min = 10, max = 100000, values = { 100, 400, 1600 }, log = true, doc = "items" },
                { name = "dispersion", default = 0.3, min = 0.001, max = 100, values = { 0.1, 0.3, 1 }, log = true, doc = "noise of an item" },
            },
            code = [[
                local pool = inference.synthetic_pool { models = p.models, items = p.items, dispersion = p.dispersion, rng = rng }
                return pool.scores, pool.truth]],
        },
        {
            name = "LiveCodeBench", title = "56 language models on 479 items of code execution",
            code = [[
                local file = assay.data.csv(assay.data.find "onebench/livecodebench_scores.csv")
                local pool = inference.score_table(file, { tags = { "scenario", "difficulty", "month" } })
                local items = inference.filter_items(pool.tags, { scenario = "exec" })
                local scores = inference.score_subset(pool.scores, { items = items, measured = #items }).scores
                return scores, inference.mean_score(scores).mean]],
        },
    },
    arms = {
        { name = "mean score", method = "onebench", baseline = true, doc = "the mean of what was measured",
            code = [[
                local mean, known = inference.mean_score(scores).mean, {}
                for _, value in ipairs(mean) do
                    if value == value then
                        known[#known + 1] = value
                    end
                end
                local middle = assay.stats.mean(known) -- for a model without a measurement
                for i, value in ipairs(mean) do
                    mean[i] = value == value and value or middle
                end
                return mean]] },
        { name = "Elo", method = "onebench", baseline = true, doc = "ratings after all matches in random order",
            code = [[return inference.elo(inference.to_matches(scores), { items = #scores, rng = rng })]] },
        { name = "Borda", method = "onebench", baseline = true, doc = "wins",
            code = [[
                local pairs_of = inference.to_pairwise(scores)
                return inference.borda(pairs_of.wins, pairs_of.ties)]] },
        { name = "Dowdall", method = "onebench", baseline = true, doc = "1 a win, 0.75 a tie, 0.5 a loss",
            code = [[
                local pairs_of = inference.to_pairwise(scores)
                return inference.dowdall(pairs_of.wins, pairs_of.ties)]] },
        { name = "Bradley-Terry", method = "onebench", baseline = true, doc = "LMArena's rating",
            params = { "alpha" },
            code = [[
                local pairs_of = inference.to_pairwise(scores)
                return inference.bradley_terry(pairs_of.wins, pairs_of.ties, { alpha = p.alpha })]] },
        { name = "Plackett-Luce", method = "onebench", doc = "strengths from the orders of single items", params = { "alpha" },
            code = [[return inference.plackett_luce(inference.to_pairwise(scores).counts, { alpha = p.alpha }).theta]] },
    },
    arm_params = {
        alpha = { default = 0.01, min = 1e-6, max = 10, values = { 0.001, 0.01, 0.1 }, log = true, doc = "regularisation" },
    },
    signature = "p, scores, rng",
    measures = {
        { name = "tau", title = "Kendall's tau with the truth", better = "more", tolerance = 0.02 },
        { name = "top_10", title = "share of the ten best that are found", better = "more", tolerance = 0.05 },
        { name = "rank_error", title = "mean error of a rank", better = "less", tolerance = 0.2 },
    },
    helpers = {},
    run = [[
        local p = cell.params
        local whole, truth = testbed(p, cell:rng "testbed")
        local scores = inference.sparsify(whole, { fraction = p.missing, mode = p.leave_out, rng = cell:rng "missing" })
        local strength = methods[p.method](p, scores, cell:rng "method")
        cell:log {
            tau = inference.kendall_tau(strength, truth),
            top_10 = inference.top_k_precision(strength, truth, { k = math.min(10, #truth) }),
            rank_error = inference.rank_distance(strength, truth),
        }]],
}
