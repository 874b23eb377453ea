#!/usr/bin/env -S assay run
-- Solver schedules: Liu, Ning, Yang, Wang, A Unified Sampling Framework for Solver Searching of Diffusion
-- Probabilistic Models (2023, arXiv 2312.07243).
--
-- At few model calls, is a sequence of freely chosen steps better than any solver made by hand? An
-- evolutionary search chooses times, orders, predictions, nodes, relaxations and correctors of every step.
-- The model is exact (Fashion-MNIST in 16 principal coordinates as a mixture of 30 Gaussians), the
-- objective is the rmse to the exact solution on search noises; what is reported is that on fresh ones.
--
-- Rows: (line, nfe, rmse, log_rmse) on fresh noises; (line, evaluation, best) along the search; (target,
-- gain): log10 of the searched schedule's error over the hand-made one's on other models; (learned_from, tau):
-- how well a predictor of a schedule's error orders schedules that it has not seen. The published code has no
-- predictor: the one here follows the paper's description.
local assay = require "assay"
local diffusion = assay.diffusion

local schedule = { kind = "vp_linear" }
local t_end = 1e-3

-- A set of noises with their exact ends: errors of decisions and of solvers, and how far a solution of half as many
-- steps is from that which stands for the exact one.
local function judge(model, noise, steps)
    local function solution(n)
        return diffusion.sample(model, noise, { steps = n, spacing = "logsnr", t_end = t_end }).x
    end
    local exact = solution(steps)
    local function distance(call, ...)
        local result = assay.attempt(call, model, noise, ...)
        return result and diffusion.rmse(result.x, exact) or math.huge
    end
    return {
        of = function(decisions) return distance(diffusion.usf_sample, decisions) end,
        of_solver = function(options) return distance(diffusion.sample, options) end,
        accuracy = function() return diffusion.rmse(solution(steps // 2), exact) end,
    }
end

local function log_line(cell, line, value)
    cell:log { line = line, rmse = value, log_rmse = value < math.huge and math.log(value, 10) or nil }
    return value
end

local function log_history(cell, line, found)
    for i = 1, #found.history do
        if i % 10 == 0 or i == #found.history then
            cell:log { line = line, evaluation = i, best = found.history[i] }
        end
    end
end

-- The schedule that was found without guidance on one model, elsewhere.
local function log_transfer(cell, world, found)
    local p = cell.params
    local targets = {
        ["plane"] = { diffusion.gmm_eps(assay.testbed.plane(), schedule), 2 },
        ["guidance 4"] = { diffusion.gmm_eps(world.gmm, schedule,
            { class = (cell.replicate - 1) % 10 + 1, scale = 4 }), 16 },
    }
    for target, entry in assay.sorted_pairs(targets) do
        local there = judge(entry[1], cell:rng(target):normal(p.noises, entry[2]), p.reference)
        local searched, handmade = there.of(found.best), there.of(found.best_handmade)
        cell:log { target = target, gain = math.log(searched / handmade, 10) }
    end
end

-- Kendall's tau of a predictor's scores and errors on schedules that were held out, by how many it learned from.
local function log_predictor(cell, found)
    local order = cell:rng "held out":permutation(#found.population)
    local function some(first, last)
        local decisions, values = {}, {}
        for i = first, last do
            local entry = found.population[order[i]]
            decisions[#decisions + 1], values[#values + 1] = entry.decisions, entry.value
        end
        return decisions, values
    end
    for _, n in ipairs { 60, 120, 230 } do
        if n + 60 <= #order then
            local decisions, values = some(1, n)
            local held, truth = some(#order - 59, #order)
            local predictor = diffusion.usf_predictor_train { schedule = schedule, schedules = decisions, values = values,
                rng = cell:rng("predictor"):split(n) }
            cell:log { learned_from = n,
                tau = assay.inference.kendall_tau(diffusion.usf_predictor_score(predictor, held), truth) }
        end
    end
end

local function run(cell)
    local p = cell.params
    if cell.replicate > p.seeds then
        return
    end
    local world = assay.testbed.fashion(cell, { images = p.images })
    local model = diffusion.gmm_eps(world.gmm, schedule)
    local search_set = judge(model, cell:rng "search":normal(p.noises, 16), p.reference)
    local fresh = judge(model, cell:rng "fresh":normal(p.fresh, 16), p.reference)
    local searches = { "evolution", "random search", "with a predictor" }
    local function search(i)
        return diffusion.usf_search { schedule = schedule, nfe = p.nfe, evaluations = p.evaluations, t_end = t_end,
            objective = search_set.of, rng = cell:rng(searches[i]), select = i ~= 2, predictor = i == 3,
            progress = function(done, total) cell:progress((i - 1) * total + done, 3 * total) end }
    end
    local evolved, random, staged = search(1), search(2), search(3)
    log_line(cell, "by hand, the best of 40", fresh.of(evolved.best_handmade))
    local least, accuracy = log_line(cell, "evolution", fresh.of(evolved.best)), fresh.accuracy()
    cell:log { reference_accuracy = accuracy, ref_converged = accuracy < least / 20 }
    log_line(cell, "random search", fresh.of(random.best))
    log_line(cell, "with a predictor", fresh.of(staged.best))
    log_line(cell, "DPM-Solver++(2M)", fresh.of_solver { order = 2, steps = p.nfe, spacing = "logsnr", t_end = t_end })
    log_line(cell, "UniPC-3", fresh.of_solver { solver = "unipc", order = 3, steps = p.nfe, spacing = "logsnr", t_end = t_end })
    log_history(cell, "evolution", evolved)
    log_history(cell, "random search", random)
    log_history(cell, "with a predictor", staged)
    log_predictor(cell, evolved)
    log_transfer(cell, world, evolved)
    cell:artifact("schedule", assay.json.encode(evolved.best), "application/json")
end

---- Claims ----

local function ratio(a, b, bound, budgets)
    return function(r)
        return assay.claims.each(r:distinct "nfe", function(nfe)
            if not budgets or budgets[nfe] then
                return r:compare { measure = "log_rmse", below = math.log(bound, 10), a = { line = a, nfe = nfe },
                    b = { line = b, nfe = nfe } }
            end
        end)
    end
end

-- Over all budgets and replicates, at each number of schedules that it learned from.
local function check_predictor(r)
    return assay.claims.each({ { 120, 0.3 }, { 230, 0.45 } }, function(at)
        local where = { learned_from = at[1] }
        if r:where(where):count() > 0 then
            return r:estimate { measure = "tau", where = where, above = at[2] }
        end
    end)
end

local function transfer(target)
    return function(r) return r:estimate { measure = "gain", where = { target = target }, below = 0 } end
end

return assay.experiment {
    name = "unified-solver",
    title = "A searched sequence of steps beats every solver made by hand",
    description = "Evolutionary search of solver schedules at few model calls, on an exact model of "
        .. "Fashion-MNIST, judged on fresh noises; against 40 hand-made schedules and random search.",
    method = "unified-solver",
    params = {
        nfe = { default = { 3, 4, 5, 6, 7, 8, 10 }, min = 2, max = 14, doc = "model calls" },
        evaluations = { default = 400, min = 41, max = 100000, doc = "schedules that are tried" },
        noises = { default = 256, min = 2, max = 100000, doc = "noises of the search" },
        fresh = { default = 2000, min = 2, max = 100000, doc = "noises of the report" },
        reference = { default = 400, min = 50, max = 100000, doc = "steps of the exact solution" },
        images = { default = 60000, min = 3000, max = 60000, doc = "Fashion-MNIST images that the mixture is fitted to" },
        seeds = { default = 8, min = 1, max = 1000, doc = "how many replicates are computed" },
    },
    presets = {
        quick = { seeds = 5, nfe = { 4, 5 }, evaluations = 120, noises = 128, fresh = 500, reference = 200, images = 20000 },
        full = {},
    },
    replicates = 8,
    run = run,
    figures = {
        { name = "error", title = "Error on fresh noises", x = "nfe", y = "log_rmse", by = "line", band = "ci95", key = "below",
            xlabel = "model calls", ylabel = "log10 of the rmse" },
        { name = "search", title = "The best so far, 5 calls", x = "evaluation", y = "best", by = "line", where = { nfe = 5 },
            logy = true, band = "ci95", key = "below", xlabel = "schedules tried", ylabel = "rmse on the search noises" },
        { name = "predictor", title = "The predictor on unseen schedules", x = "learned_from", y = "tau", by = "nfe",
            band = "ci95", key = "below", xlabel = "schedules learned from", ylabel = "Kendall's tau" },
    },
    claims = {
        { name = "beats_hand", text = "4, 5, 7, 10 calls: the searched schedule's error is below 0.8 of the best by hand",
            check = ratio("evolution", "by hand, the best of 40", 0.8, { [4] = true, [5] = true, [7] = true, [10] = true }) },
        { name = "beats_2m", text = "all budgets: it is below 0.8 of DPM-Solver++(2M)",
            check = ratio("evolution", "DPM-Solver++(2M)", 0.8) },
        { name = "beats_random", text = "all budgets: evolution is below random search with as many trials",
            check = ratio("evolution", "random search", 1) },
        { name = "predicts", text = "tau exceeds 0.3 from 120 schedules and 0.45 from 230", check = check_predictor },
        { name = "predictor_helps", text = "all budgets: the search with a predictor ends below evolution with as many trials",
            check = ratio("with a predictor", "evolution", 1) },
        { name = "transfers_plane", text = "the schedule found here also wins on a mixture in the plane", check = transfer "plane" },
        { name = "transfers_guidance", text = "and at guidance scale 4", check = transfer "guidance 4" },
    },
}
