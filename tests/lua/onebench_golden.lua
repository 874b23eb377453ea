-- One pool of test items against choix (Plackett-Luce), scipy (Kendall's tau) and independent numpy.
local tap = require "tap"
local golden = require "golden"
local assay = require "assay"
local inference = assay.inference

local data = (os.getenv "srcdir" or ".") .. "/experiments/data/onebench/livecodebench_scores.csv"

local function luce(data_kind, field, alpha, method)
    return function(input)
        return inference.plackett_luce(input[field],
            { data = data_kind, items = input.items, alpha = alpha, method = method })
    end
end

golden.run("onebench", {
    ["Plackett-Luce, top-1 records"] = function(input)
        return inference.plackett_luce({ winner = input.winner, losers = input.losers },
            { data = "top1", items = input.items, alpha = 0.01 })
    end,
    ["Plackett-Luce, partial rankings, I-LSR"] = luce("rankings", "rankings", 0.001),
    ["Plackett-Luce, partial rankings, MM (maximum likelihood)"] = luce("rankings", "rankings", 0, "mm"),
    ["Bradley-Terry, maximum likelihood from pairs"] = luce("pairwise", "pairs", 0),
    ["mean score and per-group min-max normalised mean"] = function(input)
        return inference.mean_score(input.scores, { groups = input.groups })
    end,
    ["real pool, scenario testgen: Plackett-Luce and its agreement with the mean score"] = function(input)
        local whole = inference.score_table(assay.data.csv(data), { tags = { "scenario", "difficulty", "month" } })
        local items = inference.filter_items(whole.tags, { scenario = input.scenario })
        local part = inference.score_subset(whole.scores, { items = items, measured = 1 })
        local models = {}
        for i, m in ipairs(part.models) do
            models[i] = whole.models[m]
        end
        tap.is(#models, #input.models, "the models that have a score in it")
        -- the file's order of columns is its own; the table's is by name
        local place = {}
        for i, name in ipairs(models) do
            place[name] = part.models[i]
        end
        local order = {}
        for i, name in ipairs(input.models) do
            order[i] = place[name]
        end
        local scores = inference.score_subset(whole.scores, { items = items, models = order }).scores
        local pairs_won = inference.to_pairwise(scores)
        local theta = inference.plackett_luce(pairs_won.counts, { alpha = 0 }).theta
        local mean = inference.mean_score(scores).mean
        return {
            theta = theta, mean = mean, tau_with_mean = inference.kendall_tau(theta, mean),
            tau_borda = inference.kendall_tau(inference.borda(pairs_won.wins, pairs_won.ties), mean),
        }
    end,
})

tap.done()
