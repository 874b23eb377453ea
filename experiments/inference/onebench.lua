#!/usr/bin/env -S assay run
-- One pool of test items for all benchmarks: Ghosh et al., ONEBench to Test Them All (2024, arXiv
-- 2412.06745).
--
-- Every item orders the models measured on it; Plackett-Luce makes one score a model of all these
-- orders, whatever the items' metrics and whichever models were measured where. The pool is that of
-- LiveCodeBench (Jain et al. 2024): 2462 items in 5 scenarios, 56 models, half of the cells filled.
-- The truth about a scenario is the mean score on its complete part. The studies (parameter `study`):
--
--   complete       agreement of every estimator with the mean on complete scenarios
--   missing        random cells missing: the paper's claim of robustness to 95 %
--   pool_size      95 % missing of synthetic pools of growing size: what counts is measurements a model
--   confounded     20 % measured, the weaker a model the easier its items (ours)
--   synthetic      complete synthetic tables of growing noise
--   informative    few items: those nearest 50 % against random ones
--   heterogeneity  two scenarios rescaled: what depends on the metric
--   file           your own table of scores: file=SCORES.csv, where="tag=value" for a part of it
--
-- Rows: (estimator, tau, ...) with what the study varies; file: (model, theta, se, mean, measured).
local assay = require "assay"
local inference = assay.inference

local scenarios = { "exec", "testgen", "repair", "codegen" }

---- The pool ----

local function read_pool()
    local file = assay.data.find "onebench/livecodebench_scores.csv"
    return inference.score_table(assay.data.csv(file), { tags = { "scenario", "difficulty", "month" } })
end

-- The models of a scenario and the items that all of them have.
local function complete_part(pool, scenario)
    local items = inference.filter_items(pool.tags, { scenario = scenario })
    local part = inference.score_subset(pool.scores, { items = items, measured = 1 })
    local complete = {}
    for j, item in ipairs(part.items) do
        local whole = true
        for _, i in ipairs(part.models) do
            whole = whole and pool.scores[i][item] == pool.scores[i][item]
        end
        complete[#complete + 1] = whole and item or nil
    end
    return inference.score_subset(pool.scores, { items = complete, models = part.models }).scores
end

---- Estimators: scores of models from a table of measurements ----

local estimate = {}

estimate["Plackett-Luce"] = function(t)
    return inference.plackett_luce(t.pairs.counts, { alpha = t.alpha }).theta
end

estimate["LMArena"] = function(t)
    return inference.bradley_terry(t.pairs.wins, t.pairs.ties, { alpha = t.alpha })
end

estimate["Elo"] = function(t)
    return inference.elo(inference.to_matches(t.scores), { items = #t.scores, rng = t.rng:split "elo" })
end

-- As the reference plays: item by item, and in an item pair by pair.
estimate["Elo in order"] = function(t)
    return inference.elo(inference.to_matches(t.scores), { items = #t.scores })
end

estimate["Borda"] = function(t)
    return inference.borda(t.pairs.wins, t.pairs.ties)
end

estimate["Dowdall"] = function(t)
    return inference.dowdall(t.pairs.wins, t.pairs.ties)
end

-- A model without a measurement is put at the mean of the others.
estimate["mean"] = function(t)
    local mean, known, sum = inference.mean_score(t.scores).mean, 0, 0
    for _, value in ipairs(mean) do
        if value == value then
            known, sum = known + 1, sum + value
        end
    end
    for i, value in ipairs(mean) do
        mean[i] = value == value and value or sum / known
    end
    return mean
end

local all = { "Plackett-Luce", "LMArena", "Elo", "Borda", "Dowdall", "mean" }

-- A row for each estimator: its agreement with the truth, and the columns given.
local function log_agreement(cell, scores, truth, rng, names, columns)
    local t = { scores = scores, pairs = inference.to_pairwise(scores), alpha = cell.params.alpha, rng = rng }
    for _, name in ipairs(names) do
        local row = { estimator = name, tau = inference.kendall_tau(estimate[name](t), truth) }
        for key, value in pairs(columns) do
            row[key] = value
        end
        cell:log(row)
    end
end

---- Studies ----

local study = {}

function study.complete(cell)
    local pool = read_pool()
    for _, scenario in ipairs(scenarios) do
        local scores = complete_part(pool, scenario)
        log_agreement(cell, scores, inference.mean_score(scores).mean, cell:rng(scenario),
            { "Plackett-Luce", "LMArena", "Elo", "Elo in order", "Borda", "Dowdall" },
            { scenario = scenario, models = #scores, items = scores:cols() })
    end
end

local missing = { 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96,
    0.97, 0.98, 0.99 }

function study.missing(cell)
    local pool = read_pool()
    for s, scenario in ipairs(scenarios) do
        local whole, stream = complete_part(pool, scenario), cell:rng("missing " .. scenario)
        local truth = inference.mean_score(whole).mean
        for i, fraction in ipairs(missing) do
            local rng = stream:split(i)
            local scores = inference.sparsify(whole, { fraction = fraction, rng = rng })
            log_agreement(cell, scores, truth, rng, all, { scenario = scenario, missing = fraction })
        end
        cell:progress(s, #scenarios)
    end
end

function study.pool_size(cell)
    for i, items in ipairs { 250, 500, 1000, 2000, 4000, 8000 } do
        local rng = cell:rng("pool of " .. items)
        local pool = inference.synthetic_pool { models = 40, items = items, distribution = "gumbel",
            dispersion = 0.1, rng = rng }
        local scores = inference.sparsify(pool.scores, { fraction = 0.95, rng = rng })
        log_agreement(cell, scores, pool.truth, rng, { "Plackett-Luce", "mean", "Dowdall" },
            { items = items, per_model = items - math.ceil(0.95 * items - 1e-9) })
        cell:progress(i, 6)
    end
end

function study.confounded(cell)
    local pool = read_pool()
    for _, scenario in ipairs { "exec", "testgen" } do
        local whole, stream = complete_part(pool, scenario), cell:rng("confounded " .. scenario)
        local truth = inference.mean_score(whole).mean
        for i, kappa in ipairs { 0, 2, 4, 8, 16 } do
            local rng = stream:split(i)
            local scores = inference.sparsify(whole,
                { fraction = 0.8, mode = "confounded", kappa = kappa, rng = rng })
            log_agreement(cell, scores, truth, rng, all, { scenario = scenario, kappa = kappa })
        end
    end
end

function study.synthetic(cell)
    for _, kind in ipairs { "gaussian", "gumbel" } do
        local grid = kind == "gaussian" and { 0.1, 0.3, 0.5, 1 } or { 0.01, 0.05, 0.1 }
        for _, dispersion in ipairs(grid) do
            local rng = cell:rng(kind .. " " .. dispersion)
            local pool = inference.synthetic_pool { distribution = kind, dispersion = dispersion, rng = rng }
            log_agreement(cell, pool.scores, pool.truth, rng, { "Plackett-Luce", "LMArena", "mean" },
                { distribution = kind, dispersion = dispersion })
        end
    end
end

function study.informative(cell)
    local whole = complete_part(read_pool(), "exec")
    local truth = inference.mean_score(whole).mean
    for _, m in ipairs { 5, 10, 20, 40, 80 } do
        local rng = cell:rng("informative " .. m)
        local chosen = {
            random = rng:sample(whole:cols(), m),
            informative = inference.informative_items(whole, { m = m, middle = 50, rng = rng }),
        }
        for selection, items in assay.sorted_pairs(chosen) do
            local scores = inference.score_subset(whole, { items = items }).scores
            log_agreement(cell, scores, truth, rng, { "Plackett-Luce" }, { selection = selection, m = m })
        end
    end
end

-- exec in [0, 1] and the others in [0, 5], as benchmarks come.
function study.heterogeneity(cell)
    if cell.replicate > 1 then
        return
    end
    local pool = read_pool()
    local rescaled = pool.scores:copy()
    for j, scenario in ipairs(pool.tags.scenario) do
        local factor = scenario == "exec" and 0.01 or 0.05
        for i = 1, #rescaled do
            rescaled[i][j] = rescaled[i][j] * factor
        end
    end
    local function ranked(scores)
        local t = { scores = scores, pairs = inference.to_pairwise(scores), alpha = cell.params.alpha }
        return estimate["Plackett-Luce"](t), estimate["mean"](t)
    end
    local theta, mean = ranked(pool.scores)
    local theta_too, mean_too = ranked(rescaled)
    local change = 0
    for i = 1, #theta do
        change = math.max(change, math.abs(theta[i] - theta_too[i]))
    end
    cell:log { theta_change = change, theta_tau = inference.kendall_tau(theta, theta_too),
        mean_tau = inference.kendall_tau(mean, mean_too) }
end

-- A table of one's own; where = "tag=value" ranks on the items that have it.
function study.file(cell)
    local p = cell.params
    if cell.replicate > 1 then
        return
    elseif p.file == "" then
        error('study = "file" needs the table: file=SCORES.csv', 0)
    end
    local pool = inference.score_table(assay.data.csv(p.file))
    local items
    if p.where ~= "" then
        local tag, wanted = p.where:match "^([^=]+)=(.*)$"
        if not tag then
            error(('where must be "tag=value", got %q'):format(p.where), 0)
        end
        items = inference.filter_items(pool.tags, { [tag] = function(value) return tostring(value) == wanted end })
    end
    local part = inference.score_subset(pool.scores, { items = items, measured = 1 })
    local fit = inference.plackett_luce(inference.to_pairwise(part.scores).counts, { alpha = p.alpha, se = true })
    local mean = inference.mean_score(part.scores).mean
    for i, model in ipairs(part.models) do
        local measured = 0
        for j = 1, #part.items do
            measured = measured + (part.scores[i][j] == part.scores[i][j] and 1 or 0)
        end
        cell:log { model = tostring(pool.models[model]), theta = fit.theta[i], se = fit.se[i], mean = mean[i],
            measured = measured }
    end
end

---- Claims ----

local function of_study(name, check)
    return function(r)
        if #r:where { study = name } == 0 then
            return { verdict = "inconclusive", message = "this run has no study = " .. name }
        end
        return check(r:where { study = name })
    end
end

-- The claim for each scenario; all must hold.
local function everywhere(list, check)
    return function(r)
        local verdicts = {}
        for i, scenario in ipairs(list) do
            verdicts[i] = check(r:where { scenario = scenario })
        end
        return assay.claims.all(verdicts)
    end
end

-- mean tau of estimator a less that of b, paired by replicate
local function compare(r, a, b, bound)
    bound.measure, bound.a, bound.b = "tau", { estimator = a }, { estimator = b }
    return r:compare(bound)
end

-- What does not depend on the replicate: the least (of sign 1) or largest difference of scenarios.
local function check_complete(value, holds, note)
    return of_study("complete", function(r)
        local worst, where
        for _, scenario in ipairs(scenarios) do
            local tau = {}
            for _, name in ipairs { "Plackett-Luce", "LMArena", "Elo in order", "Borda" } do
                tau[name] = r:where { scenario = scenario, estimator = name }:mean "tau"
            end
            local x = value(tau)
            if not worst or x < worst then
                worst, where = x, scenario
            end
        end
        return { verdict = holds(worst) and "supported" or "not supported", estimate = worst, n = #scenarios,
            message = ("%s %s"):format(note, where) }
    end)
end

local function check_mean_agrees()
    return check_complete(function(tau) return tau["Plackett-Luce"] end,
        function(worst) return worst >= 0.9 end, "the least of four scenarios, not random:")
end

local check_elo = of_study("complete", everywhere(scenarios, function(r)
    return compare(r, "Plackett-Luce", "Elo", { above = 0.05 })
end))

local check_flat = of_study("missing", everywhere({ "exec", "testgen" }, function(r)
    return r:compare { measure = "tau", below = 0.05, a = { estimator = "Plackett-Luce", missing = 0 },
        b = { estimator = "Plackett-Luce", missing = 0.95 } }
end))

local function check_random_mean(fraction)
    return of_study("missing", everywhere({ "exec", "testgen" }, function(r)
        return compare(r:where { missing = fraction }, "Plackett-Luce", "mean", { above = 0 })
    end))
end

local check_dowdall = of_study("missing", everywhere({ "exec", "testgen" }, function(r)
    return compare(r:where { missing = 0.95 }, "Plackett-Luce", "Dowdall", { above = 0 })
end))

local function check_pool(per_model, bound)
    return of_study("pool_size", function(r)
        return r:estimate { measure = "tau", where = { estimator = "Plackett-Luce", per_model = per_model },
            above = bound.above, below = bound.below }
    end)
end

local check_pool_grows = of_study("pool_size", function(r)
    return r:compare { measure = "tau", above = 0.2, a = { estimator = "Plackett-Luce", items = 8000 },
        b = { estimator = "Plackett-Luce", items = 250 } }
end)

local function check_confounded(other, above)
    return of_study("confounded", everywhere({ "exec", "testgen" }, function(r)
        local verdicts = {}
        for i, kappa in ipairs { 4, 8, 16 } do
            verdicts[i] = compare(r:where { kappa = kappa }, "Plackett-Luce", other, { above = above })
        end
        return assay.claims.all(verdicts)
    end))
end

local check_synthetic = of_study("synthetic", function(r)
    return r:estimate { measure = "tau", where = { estimator = "Plackett-Luce" }, above = 0.85 }
end)

local function check_informative(m)
    return of_study("informative", function(r)
        return r:compare { measure = "tau", above = 0, a = { selection = "informative", m = m },
            b = { selection = "random", m = m } }
    end)
end

local check_metric = of_study("heterogeneity", function(r)
    local change, mean_tau = r:values("theta_change")[1], r:values("mean_tau")[1]
    return { verdict = change == 0 and mean_tau < 1 and "supported" or "not supported", estimate = change, n = 1,
        message = ("the raw means' order has tau %.3f with what it was"):format(mean_tau) }
end)

return assay.experiment {
    name = "onebench",
    title = "One pool of test items ranks models from incomplete, unlike scores",
    description = "Plackett-Luce against LMArena's rating, Elo, Borda, Dowdall and plain means on a real pool "
        .. "(LiveCodeBench), thinned out at random and against the weak, and on synthetic pools. The paper's "
        .. "retrieval of items by embeddings needs a sentence encoder: assay.inference.item_search takes yours.",
    method = "onebench",
    params = {
        study = {
            default = { "complete", "missing", "pool_size", "confounded", "synthetic", "informative",
                "heterogeneity" },
            choices = { "complete", "missing", "pool_size", "confounded", "synthetic", "informative",
                "heterogeneity", "file" },
            doc = "what is varied",
        },
        alpha = { default = 0.01, min = 0, max = 10, doc = "regularisation of Plackett-Luce and LMArena" },
        file = { default = "", doc = "study=file: a CSV table of scores, an item or a measurement a row" },
        where = { default = "", doc = 'study=file: "tag=value", the items to rank on' },
    },
    presets = {
        quick = { study = { "complete", "missing", "pool_size", "confounded", "heterogeneity" } },
        full = { study = { "complete", "missing", "pool_size", "confounded", "synthetic", "informative",
            "heterogeneity" } },
    },
    replicates = 20,
    run = function(cell)
        study[cell.params.study](cell)
    end,
    figures = {
        { name = "missing", title = "Cells missing at random (testgen)", x = "missing", y = "tau",
            by = "estimator", where = { study = "missing", scenario = "testgen" }, band = "ci95",
            xlabel = "share of measurements missing", ylabel = "Kendall's tau with the full mean", key = "below" },
        { name = "missing_exec", title = "Cells missing at random (exec)", x = "missing", y = "tau",
            by = "estimator", where = { study = "missing", scenario = "exec" }, band = "ci95",
            xlabel = "share of measurements missing", ylabel = "Kendall's tau with the full mean", key = "below" },
        { name = "pool_size", title = "95 % missing, growing pools", x = "per_model",
            y = "tau", by = "estimator", where = { study = "pool_size" }, logx = true, band = "ci95",
            xlabel = "measurements a model", ylabel = "Kendall's tau with the truth" },
        { name = "confounded", title = "Weak models on easy items (exec)", x = "kappa", y = "tau",
            by = "estimator", where = { study = "confounded", scenario = "exec" }, band = "ci95",
            xlabel = "strength of the confounding", ylabel = "Kendall's tau with the full mean", key = "below" },
        { name = "gaussian", title = "Complete Gaussian tables", x = "dispersion", y = "tau",
            by = "estimator", where = { study = "synthetic", distribution = "gaussian" },
            band = "ci95", xlabel = "dispersion of the noise", ylabel = "Kendall's tau with the truth" },
        { name = "gumbel", title = "Complete Gumbel tables", x = "dispersion", y = "tau",
            by = "estimator", where = { study = "synthetic", distribution = "gumbel" },
            band = "ci95", xlabel = "distance of neighbours", ylabel = "Kendall's tau with the truth" },
        { name = "informative", title = "Items nearest 50 %, or at random (exec)", x = "m", y = "tau",
            by = "selection", where = { study = "informative" }, logx = true, band = "ci95",
            xlabel = "items", ylabel = "Kendall's tau with the full mean" },
    },
    claims = {
        { name = "mean_agrees", text = "complete scenarios: Plackett-Luce has tau >= 0.90 with the mean",
            check = check_mean_agrees() },
        { name = "beats_elo_in_order", text = "complete: Plackett-Luce is ahead of Elo by more than 0.05, "
            .. "matches in the reference's order",
            check = check_complete(function(tau) return tau["Plackett-Luce"] - tau["Elo in order"] end,
                function(worst) return worst > 0.05 end, "the least difference of four scenarios, not random:") },
        { name = "beats_elo", text = "complete: it is when the matches are shuffled, too", check = check_elo },
        { name = "beats_borda", text = "complete: Plackett-Luce is ahead of Borda",
            check = check_complete(function(tau) return tau["Plackett-Luce"] - tau.Borda end,
                function(worst) return worst > 0 end, "the least difference of four scenarios, not random:") },
        { name = "like_lmarena", text = "complete: within 0.02 of LMArena's rating (the paper sees a gap)",
            check = check_complete(function(tau) return -math.abs(tau["Plackett-Luce"] - tau.LMArena) end,
                function(worst) return worst > -0.02 end, "minus the largest difference of four scenarios, not random:") },
        { name = "flat_to_95", text = "the paper: tau falls by less than 0.05 at 95 % missing",
            check = check_flat },
        { name = "random_mean", text = "95 % missing at random: Plackett-Luce is ahead of the plain mean",
            check = check_random_mean(0.95) },
        { name = "random_dowdall", text = "95 % missing at random: it is ahead of Dowdall's votes",
            check = check_dowdall },
        { name = "pool_grows", text = "95 % missing: tau rises by more than 0.2 from 250 to 8000 items",
            check = check_pool_grows },
        { name = "pool_200", text = "200 measurements a model have tau > 0.9", check = check_pool(200, { above = 0.9 }) },
        { name = "pool_100", text = "100 measurements a model have not: tau < 0.9",
            check = check_pool(100, { below = 0.9 }) },
        { name = "confounded_mean", text = "kappa >= 4: Plackett-Luce is ahead of the mean by more than 0.3",
            check = check_confounded("mean", 0.3) },
        { name = "confounded_elo", text = "kappa >= 4: it is ahead of Elo", check = check_confounded("Elo", 0) },
        { name = "synthetic", text = "complete synthetic tables: mean tau > 0.85", check = check_synthetic },
        { name = "informative_10", text = "10 items: those nearest 50 % rank better than random ones",
            check = check_informative(10) },
        { name = "informative_40", text = "40 items: they still do", check = check_informative(40) },
        { name = "metric_free", text = "rescaled scenarios: theta is bitwise the same, the raw mean's order is not",
            check = check_metric },
    },
}
