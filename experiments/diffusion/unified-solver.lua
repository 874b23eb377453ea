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
-- gain): log10 of the searched schedule's error over the hand-made one's on other models. The paper's
-- predictor of a schedule's quality is not part of this experiment.
local assay = require "assay"
local diffusion = assay.diffusion

local schedule = { kind = "vp_linear" }
local t_end = 1e-3

local function noises(rng, n, dim)
    local rows = {}
    for i = 1, n do
        rows[i] = rng:normal(dim)
    end
    return assay.matrix(rows)
end

-- A set of noises with their exact ends, as error(decisions) and error_of(options).
local function judge(model, noise, steps)
    local exact = diffusion.sample(model, noise, { steps = steps, spacing = "logsnr", t_end = t_end }).x
    local function distance(call, ...)
        local done, result = pcall(call, model, noise, ...)
        if not done and tostring(result):find "cancelled" then
            error(result, 0)
        end
        return done and diffusion.rmse(result.x, exact) or math.huge
    end
    return {
        of = function(decisions) return distance(diffusion.usf_sample, decisions) end,
        of_solver = function(options) return distance(diffusion.sample, options) end,
    }
end

local function log_line(cell, line, value)
    cell:log { line = line, rmse = value, log_rmse = value < math.huge and math.log(value, 10) or nil }
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
    local plane = assay.gmm.new { weights = { 0.5, 0.3, 0.2 }, means = { { 2, 0 }, { -1, 1.5 }, { 0, -2 } },
        covs = { { { 0.2, 0.05 }, { 0.05, 0.1 } }, { { 0.05, 0 }, { 0, 0.3 } }, { { 0.1, -0.02 }, { -0.02, 0.08 } } } }
    local targets = {
        ["plane"] = { diffusion.gmm_eps(plane, schedule), 2 },
        ["guidance 4"] = { diffusion.gmm_eps(world.gmm, schedule,
            { class = (cell.replicate - 1) % 10 + 1, scale = 4 }), 16 },
    }
    for target, entry in assay.sorted_pairs(targets) do
        local there = judge(entry[1], noises(cell:rng(target), p.noises, entry[2]), p.reference)
        local searched, handmade = there.of(found.best), there.of(found.best_handmade)
        cell:log { target = target, gain = math.log(searched / handmade, 10) }
    end
end

local function run(cell)
    local p = cell.params
    local world = assay.testbed.fashion(cell, { images = p.images })
    local model = diffusion.gmm_eps(world.gmm, schedule)
    local search_set = judge(model, noises(cell:rng "search", p.noises, 16), p.reference)
    local fresh = judge(model, noises(cell:rng "fresh", p.fresh, 16), p.reference)
    local function search(select)
        return diffusion.usf_search { schedule = schedule, nfe = p.nfe, evaluations = p.evaluations, t_end = t_end,
            objective = search_set.of, rng = cell:rng(select and "evolution" or "random"), select = select,
            progress = function(done, total) cell:progress((select and 0 or total) + done, 2 * total) end }
    end
    local evolved, random = search(true), search(false)
    log_line(cell, "by hand, the best of 40", fresh.of(evolved.best_handmade))
    log_line(cell, "evolution", fresh.of(evolved.best))
    log_line(cell, "random search", fresh.of(random.best))
    log_line(cell, "DPM-Solver++(2M)", fresh.of_solver { order = 2, steps = p.nfe, spacing = "logsnr", t_end = t_end })
    log_line(cell, "UniPC-3", fresh.of_solver { solver = "unipc", order = 3, steps = p.nfe, spacing = "logsnr", t_end = t_end })
    log_history(cell, "evolution", evolved)
    log_history(cell, "random search", random)
    log_transfer(cell, world, evolved)
    cell:artifact("schedule", assay.json.encode(evolved.best), "application/json")
end

---- Claims ----

local function ratio(a, b, bound, budgets)
    return function(r)
        local all = {}
        for _, nfe in ipairs(r:distinct "nfe") do
            if not budgets or budgets[nfe] then
                table.insert(all, r:compare { measure = "log_rmse", below = math.log(bound, 10),
                    a = { line = a, nfe = nfe }, b = { line = b, nfe = nfe } })
            end
        end
        return #all > 0 and assay.claims.all(all) or { verdict = "inconclusive", message = "no such cells in this run" }
    end
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
    },
    presets = {
        quick = { nfe = { 4, 5 }, evaluations = 120, noises = 128, fresh = 500, reference = 200, images = 20000 },
        full = {},
    },
    replicates = 5,
    run = run,
    figures = {
        { name = "error", title = "Error on fresh noises", x = "nfe", y = "log_rmse", by = "line", band = "ci95", key = "right",
            xlabel = "model calls", ylabel = "log10 of the rmse" },
        { name = "search", title = "The best so far", x = "evaluation", y = "best", by = { "nfe", "line" }, logy = true,
            key = "below", xlabel = "schedules tried", ylabel = "rmse on the search noises" },
    },
    claims = {
        { name = "beats_hand", text = "4, 5, 7, 10 calls: the searched schedule's error is below 0.8 of the best by hand",
            check = ratio("evolution", "by hand, the best of 40", 0.8, { [4] = true, [5] = true, [7] = true, [10] = true }) },
        { name = "beats_2m", text = "all budgets: it is below 0.8 of DPM-Solver++(2M)",
            check = ratio("evolution", "DPM-Solver++(2M)", 0.8) },
        { name = "beats_random", text = "all budgets: evolution is below random search with as many trials",
            check = ratio("evolution", "random search", 1) },
        { name = "transfers_plane", text = "the schedule found here also wins on a mixture in the plane", check = transfer "plane" },
        { name = "transfers_guidance", text = "and at guidance scale 4", check = transfer "guidance 4" },
    },
}
