#!/usr/bin/env -S assay run
-- Time-Shift Sampler: Li, Qu, Yao, Sun, Moens, Alleviating Exposure Bias in Diffusion Models through
-- Sampling with Shifted Time Steps (2023, arXiv 2305.15583).
--
-- The time that a state is sampled at is replaced by a near one whose noise level fits the state's measured
-- variance. Here the score is exact (14 x 14 Fashion-MNIST images as a mixture of low rank), so that what a
-- shift can mend is the discretisation alone; a trained network, whose own errors are the paper's subject,
-- is not part of this experiment.
--
-- Rows: (method, mode, steps, window, set, fd, log_fd): Frechet distance in 20 principal coordinates to
-- exact draws, from noises to choose the window by (validation) and fresh ones; (line, fd, log_fd): plain,
-- and the chosen window; best_window; (label, drift): mean variance of the states less A V + 1 - A.
local assay = require "assay"
local diffusion = assay.diffusion

local function noises(rng, n, dim)
    local rows = {}
    for i = 1, n do
        rows[i] = rng:normal(dim)
    end
    return assay.matrix(rows)
end

local function list(text)
    local out = {}
    for number in text:gmatch "[^,%s]+" do
        out[#out + 1] = math.tointeger(tonumber(number)) or error("not a whole number: " .. number, 0)
    end
    return out
end

local function run(cell)
    local p = cell.params
    local world = assay.testbed.fashion_pixels(cell)
    local alpha_bar = diffusion.alpha_bar { kind = "linear", N = 1000 }
    local model = diffusion.gmm_eps_index(world.gmm, alpha_bar)
    local reference = assay.gmm.sample(world.gmm, p.reference, { rng = cell:rng "reference" })
    local other = assay.gmm.sample(world.gmm, p.samples, { rng = cell:rng "floor" })
    cell:log { floor_fd = diffusion.frechet(other, reference, { features = world.pca }) }
    local variance = assay.stats.mean(diffusion.ts_variance(reference))

    local function distance(set, window)
        local options = { method = p.method, mode = window == 0 and "none" or p.mode, steps = p.steps, window = window,
            cutoff = p.cutoff }
        if p.method == "ddpm" then
            options.rng = cell:rng("steps " .. set)
        end
        local noise = noises(cell:rng(set), p.samples, 196)
        local done, found = pcall(diffusion.ts_sample, model, noise, alpha_bar, options)
        if not done then
            if tostring(found):find "cancelled" then
                error(found, 0)
            end
            cell:note("window %d at %d steps: %s", window, p.steps, found)
            return math.huge
        end
        return diffusion.frechet(found.x, reference, { features = world.pca }), found
    end

    local windows, best, fresh = list(p.windows), nil, {}
    for i, window in ipairs(windows) do
        local chosen_by = distance("validation", window)
        local fd, found = distance("fresh", window)
        fresh[window] = fd
        if window > 0 and (not best or chosen_by < best.fd) then
            best = { fd = chosen_by, window = window }
        end
        cell:log { set = "fresh", window = window, fd = fd, log_fd = fd < math.huge and math.log(fd, 10) or nil }
        for k = 1, found and (window == 0 or window == best.window) and #found.mean_time or 0 do
            local label = found.mean_time[k]
            local A = alpha_bar[math.floor(label + 0.5) + 1]
            cell:log { shifted = window, label = label, drift = found.mean_variance[k] - (A * variance + 1 - A) }
        end
        cell:progress(i, #windows)
    end
    cell:log { best_window = best.window }
    for line, fd in assay.sorted_pairs { plain = fresh[0], shifted = fresh[best.window] } do
        cell:log { line = line, best_fd = fd, best_log_fd = fd < math.huge and math.log(fd, 10) or nil }
    end
end

---- Claims ----

local function helps(method, steps, bound)
    return function(r)
        local all = {}
        for _, n in ipairs(steps) do
            local here = { method = method, mode = "paper", steps = n }
            if r:where(here):count() > 0 then
                local function at(line) return { method = method, mode = "paper", steps = n, line = line } end
                table.insert(all, r:compare { measure = "best_log_fd", a = at "shifted", b = at "plain",
                    below = math.log(bound, 10) })
            end
        end
        return #all > 0 and assay.claims.all(all) or { verdict = "inconclusive", message = "no such cells in this run" }
    end
end

local function explodes(r)
    local here = { method = "ddim", mode = "paper", steps = 50, set = "fresh" }
    if r:where(here):where({ window = 80 }):count() == 0 then
        return { verdict = "inconclusive", message = "no cells of 50 steps and window 80 in this run" }
    end
    local function at(window) return { method = "ddim", mode = "paper", steps = 50, set = "fresh", window = window } end
    return r:compare { measure = "log_fd", a = at(80), b = at(0), above = 1 }
end

local function smaller_windows(r)
    local steps, all = r:where { method = "ddim", mode = "paper" }:distinct "steps", {}
    table.sort(steps)
    for i = 2, #steps do
        table.insert(all, r:compare { measure = "best_window", below = 1e-9,
            a = { method = "ddim", mode = "paper", steps = steps[i] }, b = { method = "ddim", mode = "paper", steps = steps[i - 1] } })
    end
    return #all > 0 and assay.claims.all(all) or { verdict = "inconclusive", message = "one number of steps only" }
end

return assay.experiment {
    name = "time-shift",
    title = "Times that follow the measured variance help at few steps",
    description = "The Time-Shift Sampler with an exact score of 14 x 14 images: distance of samples by steps and "
        .. "window, the window chosen on noises of its own.",
    method = "time-shift",
    params = {
        method = { default = { "ddim", "ddpm" }, choices = { "ddim", "ddpm", "s_pndm", "f_pndm" },
            doc = "the sampler whose times are shifted" },
        mode = { default = { "paper" }, choices = { "paper", "target", "label", "consistent" },
            doc = "where the shifted time enters" },
        steps = { default = { 5, 10, 20, 50 }, min = 2, max = 1000, doc = "steps asked for (the grid takes one less)" },
        windows = { default = "0,10,40,80,160", doc = "windows; 0 is the plain sampler" },
        cutoff = { default = 300, min = 0, max = 1000, doc = "no shift at labels up to this" },
        samples = { default = 600, min = 21, max = 100000, doc = "samples a set" },
        reference = { default = 2000, min = 21, max = 100000, doc = "exact draws" },
    },
    presets = {
        quick = { method = { "ddim" }, steps = { 5, 10 }, windows = "0,40,80,160", samples = 300 },
        full = {},
    },
    replicates = 4,
    run = run,
    figures = {
        { name = "steps", title = "Plain, and shifted with the best window", x = "steps", y = "best_fd", by = { "method", "line" },
            logx = true, logy = true, band = "ci95", key = "below", xlabel = "steps", ylabel = "Frechet distance" },
        { name = "window", title = "Windows of shifted DDIM", x = "window", y = "fd", by = "steps",
            where = { method = "ddim", mode = "paper", set = "fresh" }, logy = true, band = "ci95", key = "below",
            xlabel = "window", ylabel = "Frechet distance" },
        { name = "drift", title = "Variance of DDIM's states less the expected", x = "label", y = "drift", by = { "steps", "shifted" },
            where = { method = "ddim", mode = "paper" }, key = "below", xlabel = "label", ylabel = "excess variance" },
    },
    claims = {
        { name = "helps_ddim", text = "10 and 20 steps: the distance of shifted DDIM is below 0.8 of plain DDIM's",
            check = helps("ddim", { 10, 20 }, 0.8) },
        { name = "helps_ddpm", text = "10 and 20 steps: the same of DDPM", check = helps("ddpm", { 10, 20 }, 0.8) },
        { name = "explodes", text = "50 steps: a window of 80 takes DDIM more than 10 times farther away", check = explodes },
        { name = "smaller_windows", text = "DDIM: the best window does not grow with the steps", check = smaller_windows },
    },
}
