#!/usr/bin/env -S assay run
-- Gaussian teleportation: Wang, Vastola, The Unreasonable Effectiveness of Gaussian Score Approximation for
-- Diffusion Models and its Applications (2024, arXiv 2412.09726).
--
-- At high noise a score is nearly that of the Gaussian with the data's moments, so the first part of sampling
-- is a closed formula and needs no model calls. How much can be skipped, and what shows when it was too
-- much? The score is exact (Fashion-MNIST in 16 principal coordinates as a mixture of 30 Gaussians), the
-- Gaussian has the mixture's own moments; L1 is its largest variance.
--
--   skip       the first k of Heun's 18 steps in place: samples by model calls, beside plain Heun with as
--              many calls and plain noise of the right scale (restart)
--   budget     a fixed number of calls from sigma_skip on, for two solvers
--   rank       a Gaussian of so many directions, the others without variance or with their mean
--   explained  how much of the exact score the approximations explain, by sigma
--   features   the sigma at which each principal component of the denoised image is half there: of a Gaussian
--              sqrt(3 L) for its variance L
--   network    the same explained for a network trained here on 14 x 14 pixels, at the end and at a tenth of its
--              training, and DDIM of 20 steps of which the flow takes the place of the first
--
-- Rows: (part, line, skip, sigma_skip, nfe, fd, log_fd, mmd2, nll, rmse), with the differences that claims are
-- about; (part, sigma, score, ev, unexplained); (part, component, log_scale, log_half, slope). The Frechet
-- distance sees two moments only, and a Gaussian has them: it cannot see too much skipped. MMD^2 and the
-- likelihood can. Each part that has an rmse ends with (reference_accuracy, ref_converged, accuracy_of_least): how far
-- a solution of half as many steps is from that which stands for the exact one, and log10 of it over the least
-- rmse. No FID of images is claimed.
--
-- Two statements of the paper do not hold here. A network at a tenth of its training errs most where there is
-- little noise, by more than its score's own size, so that nothing explains it there; the paper looks at a network
-- that has learned the Gaussian by then. And components of little variance appear at a larger sigma than a
-- Gaussian's of that variance would (a slope of 0.74, not 1): most of it is between the mixture's means, and these
-- are told apart by the large ones.
local assay = require "assay"
local diffusion = assay.diffusion

local schedule = { kind = "edm" }
local sigma_max, sigma_min = 80, 0.002
local least_mmd2, least_nll = 1e-5, 0.01 -- of figures: the estimates are unbiased, so that they may be negative

-- What all parts look at: the exact model, its Gaussian, noises, and exact draws to compare with.
local function world_of(cell)
    local p = cell.params
    local world = assay.testbed.fashion(cell, { images = p.images })
    local moments = assay.gmm.moments(world.gmm)
    world.gauss = diffusion.gaussian_from_moments(moments.mean, moments.cov)
    world.scale1 = math.sqrt(world.gauss.eigenvalues[1])
    world.model = diffusion.gmm_eps(world.gmm, schedule)
    world.noise = cell:rng "noise":normal(p.samples, 16)
    return world
end

local function judge_of(cell, world)
    local p = cell.params
    local reference = assay.gmm.sample(world.gmm, p.reference, { rng = cell:rng "reference" })
    local floor = assay.gmm.sample(world.gmm, p.samples, { rng = cell:rng "floor" })
    local start = assay.matrix(p.samples, 16)
    for i = 1, p.samples do
        for j = 1, 16 do
            start[i][j] = sigma_max * world.noise[i][j]
        end
    end
    local function solution(steps)
        return diffusion.sample(world.model, start, { order = 2, steps = steps, spacing = "logsnr", t_start = sigma_max,
            t_end = sigma_min }).x
    end
    local exact, least = solution(p.exact_steps), math.huge
    local judge = {}
    -- How far a solution of half as many steps is from that which stands for the exact one, beside the least error
    -- that was reported: the rule of the metrics is a twentieth.
    function judge.log_reference()
        local accuracy = diffusion.rmse(solution(p.exact_steps // 2), exact)
        cell:log { reference_accuracy = accuracy, ref_converged = accuracy < least / 20,
            accuracy_of_least = math.log(accuracy / least, 10) }
    end
    function judge.quality(x)
        local fd, mmd2, rmse = diffusion.frechet_gmm(x, world.gmm), diffusion.mmd2(x, reference), diffusion.rmse(x, exact)
        least = math.min(least, rmse)
        local nll = diffusion.nll_gap(x, world.gmm, { rng = cell:rng "nll", sigma = sigma_min })
        return { fd = fd, log_fd = math.log(fd, 10), mmd2 = mmd2, mmd2_shown = math.max(mmd2, least_mmd2),
            nll = nll, nll_shown = math.max(nll, least_nll), rmse = rmse }
    end
    cell:log { floor_fd = diffusion.frechet_gmm(floor, world.gmm), floor_mmd2 = diffusion.mmd2(floor, reference) }
    return judge
end

local function log(cell, row, quality)
    for key, value in pairs(quality) do
        row[key] = value
    end
    cell:log(row)
end

local function numbers(text)
    local list = assay.numbers(text)
    table.sort(list)
    return list
end

---- Steps of Heun that are skipped ----

local function skip(cell, world)
    local p, judge = cell.params, judge_of(cell, world)
    local skips, first = numbers(p.skips), nil
    for i, k in ipairs(skips) do
        local function jump(restart)
            return diffusion.teleport_sample(world.model, world.noise, world.gauss, { n = p.steps, skip = k, restart = restart })
        end
        local jumped = jump(false)
        local found = judge.quality(jumped.x)
        local plain = judge.quality(diffusion.teleport_sample(world.model, world.noise, world.gauss, { n = p.steps - k }).x)
        first = first or found
        found.more_fd, found.more_mmd2 = found.fd - first.fd, found.mmd2 - first.mmd2
        found.beyond_5 = found.mmd2 - 5 * first.mmd2
        found.fd_less_plain, found.mmd2_less_plain = found.log_fd - plain.log_fd, found.mmd2 - plain.mmd2
        local at = { skip = k, sigma_skip = jumped.sigma_skip, of_scale = jumped.sigma_skip / world.scale1, nfe = jumped.nfe,
            saved = 1 - jumped.nfe / (2 * p.steps - 1) }
        for line, quality in assay.sorted_pairs { teleport = found, plain = plain,
            restart = k > 0 and judge.quality(jump(true).x) or nil } do
            local row = { line = line }
            for key, value in pairs(at) do
                row[key] = value
            end
            log(cell, row, quality)
        end
        if cell.replicate == 1 and (k == 7 or k == 12) then
            cell:artifact("images_skip_" .. k, assay.testbed.fashion_images(world, jumped.x))
        end
        cell:progress(i, #skips)
    end
    judge.log_reference()
end

---- A fixed budget from some sigma on ----

local budget_solvers = { ["2M"] = { solver = "dpmpp", order = 2 }, ["UniPC-3"] = { solver = "unipc", order = 3 } }

local function budget(cell, world)
    local p, judge = cell.params, judge_of(cell, world)
    local budgets = numbers(p.budgets)
    for i, nfe in ipairs(budgets) do
        for name, solver in assay.sorted_pairs(budget_solvers) do
            local whole
            for _, sigma in ipairs { 80, 20, 10, 5, 3, 2 } do
                local x = diffusion.teleport_sample(world.model, world.noise, world.gauss,
                    { solver = solver.solver, order = solver.order, steps = nfe, sigma_skip = sigma }).x
                local found = judge.quality(x)
                whole = whole or found
                found.less_half = found.mmd2 - whole.mmd2 / 2
                log(cell, { line = name, nfe = nfe, sigma_skip = sigma, of_scale = sigma / world.scale1 }, found)
            end
        end
        cell:progress(i, #budgets)
    end
    judge.log_reference()
end

---- Fewer directions ----

local function rank(cell, world)
    local p, judge = cell.params, judge_of(cell, world)
    local moments = assay.gmm.moments(world.gmm)
    for i, r in ipairs { 2, 4, 8, 16 } do
        for _, residual in ipairs { "none", "isotropic" } do
            local gauss = diffusion.gaussian_from_moments(moments.mean, moments.cov, { rank = r, residual = residual })
            log(cell, { line = "others: " .. residual, rank = r }, judge.quality(diffusion.teleport_sample(world.model, world.noise, gauss,
                { n = p.steps, skip = p.steps // 2 }).x))
        end
        cell:progress(i, 4)
    end
    judge.log_reference()
end

---- What the exact score is made of ----

local function explained(cell, world)
    local p = cell.params
    local data = assay.gmm.sample(world.gmm, p.samples, { rng = cell:rng "data" })
    local train = assay.gmm.sample(world.gmm, p.reference, { rng = cell:rng "train" })
    local lowrank = diffusion.gmm_lowrank_fit(train, { components = 10, rank = 8, ridge = 1e-3, iterations = 5,
        rng = cell:rng "lowrank" })
    for i, sigma in ipairs { 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20 } do
        local noised = assay.matrix(data)
        for row = 1, #noised do
            for j = 1, 16 do
                noised[row][j] = data[row][j] + sigma * world.noise[row][j]
            end
        end
        local score = assay.gmm.score(world.gmm, noised, { sigma = sigma })
        local of = {
            Gaussian = diffusion.gaussian_score(noised, sigma, world.gauss),
            isotropic = diffusion.gaussian_score(noised, sigma, world.gauss, { kind = "isotropic" }),
            ["low-rank mixture"] = diffusion.gmm_lowrank_score(noised, sigma, lowrank),
            ["training rows"] = diffusion.delta_score(noised, sigma, train),
        }
        for name, approximation in assay.sorted_pairs(of) do
            local ev = diffusion.explained_variance(score, approximation)
            cell:log { score = name, sigma = sigma, of_scale = sigma / world.scale1, ev = ev, unexplained = math.max(1 - ev, 1e-12) }
        end
        cell:progress(i, 9)
    end
end

---- The order in which features appear ----

-- The sigma where a spread that grows as sigma falls reaches half of its last value, linear in ln sigma.
local function half_at(sigmas, spread)
    for k = #spread - 1, 1, -1 do
        local now, next = spread[k] / spread[#spread], spread[k + 1] / spread[#spread]
        if now <= 0.5 and next > 0.5 then
            local u = (0.5 - now) / (next - now)
            return math.exp((1 - u) * math.log(sigmas[k]) + u * math.log(sigmas[k + 1]))
        end
    end
end

local function features(cell, world)
    local p, r = cell.params, world.gauss
    local paths = diffusion.teleport_sample(world.model, world.noise, r, { n = 60, trajectory = true })
    local spreads, sigmas = {}, {}
    for t = 1, #paths.trajectory - 1 do
        local sigma = paths.timesteps[t]
        local denoised = assay.gmm.denoise(world.gmm, paths.trajectory[t], { sigma = sigma })
        sigmas[t] = sigma
        for k = 1, 16 do
            local coordinate = {}
            for i = 1, p.samples do
                coordinate[i] = 0
                for j = 1, 16 do
                    coordinate[i] = coordinate[i] + denoised[i][j] * r.vectors[j][k]
                end
            end
            spreads[k] = spreads[k] or {}
            spreads[k][t] = assay.stats.sd(coordinate)
        end
        cell:progress(t, #paths.trajectory)
    end
    local scale, half, modes = {}, {}, diffusion.gaussian_modes(sigmas, r).denoised
    for k = 1, 16 do
        local gaussian = {}
        for t = 1, #sigmas do
            gaussian[t] = modes[t][k]
        end
        scale[k] = math.sqrt(r.eigenvalues[k])
        half[k] = half_at(sigmas, spreads[k])
        for line, sigma in assay.sorted_pairs { ["exact model"] = half[k], Gaussian = half_at(sigmas, gaussian) } do
            cell:log { line = line, component = k, log_scale = math.log(scale[k], 10), log_half = math.log(sigma, 10) }
        end
    end
    local plane = diffusion.trajectory_plane(paths.trajectory)
    cell:log { slope = diffusion.loglog_slope(scale, half), in_plane = assay.stats.mean(plane.fraction),
        rotation_r2 = assay.stats.mean(plane.r2) }
end

---- A learned score ----

-- In x / alpha the state has the noise sigma / alpha, and the score is -eps / (sigma / alpha).
local function explain_network(cell, world, approximations)
    local p = cell.params
    local lambda, noise = {}, cell:rng "states":normal(#world.test, 196)
    for i, ratio in ipairs { 0.08, 0.18, 0.34, 0.5, 0.72, 2, 6.2, 20 } do
        lambda[1] = -math.log(ratio)
        local t = diffusion.inverse_lambda(world.schedule, lambda)[1]
        local alpha = diffusion.schedule_at(world.schedule, t).alpha
        local state, scaled = assay.matrix(#world.test, 196), assay.matrix(#world.test, 196)
        for row = 1, #world.test do
            for j = 1, 196 do
                scaled[row][j] = world.test[row][j] + ratio * noise[row][j]
                state[row][j] = alpha * scaled[row][j]
            end
        end
        local scores = {}
        for name, approximation in assay.sorted_pairs(approximations) do
            scores[name] = approximation(scaled, ratio)
        end
        for at, net in assay.sorted_pairs { ["whole training"] = world.net, ["a tenth of the training"] = world.early } do
            local learned = diffusion.net_eps(net, world.schedule)(state, t)
            for row = 1, #learned do
                for j = 1, 196 do
                    learned[row][j] = -learned[row][j] / ratio
                end
            end
            for name, score in assay.sorted_pairs(scores) do
                local ev = diffusion.explained_variance(learned, score)
                cell:log { training = at, score = name, ratio = ratio, ev = ev, unexplained = math.max(1 - ev, 1e-12) }
            end
        end
        cell:progress(i, 12)
    end
end

local function skip_of_network(cell, world, gauss)
    local p = cell.params
    local model, noise = diffusion.net_eps(world.net, world.schedule), cell:rng "noise":normal(p.samples, 196)
    for i, k in ipairs { 0, 4, 6, 8, 10, 12 } do
        local made = diffusion.teleport_sample(model, noise, gauss, { solver = "ddim", n = 20, skip = k })
        cell:log { line = "network", skip = k, nfe = made.nfe, of_ratio = made.sigma_skip,
            pixel_fd = diffusion.frechet(made.x, world.test, { features = world.pca }) }
        cell:progress(8 + i, 14)
    end
end

local function network(cell)
    local world = assay.testbed.fashion_denoiser(cell, { steps = cell.params.training })
    local gauss = diffusion.gaussian_fit(world.train)
    local lowrank = diffusion.gmm_lowrank_fit(world.train, { components = 10, rank = 40, ridge = 1e-2, rng = cell:rng "lowrank" })
    local some = assay.matrix(400, 196)
    for i = 1, 400 do -- other images in each replicate
        for j = 1, 196 do
            some[i][j] = world.test[((cell.replicate - 1) * 100 + i - 1) % #world.test + 1][j]
        end
    end
    explain_network(cell, setmetatable({ test = some }, { __index = world }), {
        Gaussian = function(x, sigma) return (diffusion.gaussian_score(x, sigma, gauss)) end,
        isotropic = function(x, sigma) return (diffusion.gaussian_score(x, sigma, gauss, { kind = "isotropic" })) end,
        ["low-rank mixture"] = function(x, sigma) return diffusion.gmm_lowrank_score(x, sigma, lowrank) end,
        ["training rows"] = function(x, sigma) return diffusion.delta_score(x, sigma, world.train) end,
    })
    skip_of_network(cell, world, gauss)
end

local parts = { network = network, skip = skip, budget = budget, rank = rank, explained = explained, features = features }

---- Claims ----

-- A check of one part's rows; runs without that part can't tell.
local function of_part(part, check)
    return function(r)
        local here = r:where { part = part }
        if here:count() == 0 then
            return { verdict = "inconclusive", message = "no such cells in this run" }
        end
        return check(here)
    end
end

-- At each skip of the run for which wanted(its sigma / sqrt(L1), skip) holds.
local function at_skips(wanted, check)
    return of_part("skip", function(r)
        local here = r:where { line = "teleport" }
        return assay.claims.each(here:distinct "skip", function(k)
            if wanted(assay.stats.mean(here:where({ skip = k }):values "of_scale"), k) then
                return check(here, { skip = k })
            end
        end)
    end)
end

-- Twice the standard error of what nothing skipped gives.
local function allowance(r, measure)
    local values = r:where({ skip = 0 }):values(measure)
    return 2 * assay.stats.sd(values) / math.sqrt(#values)
end

local function check_flat(r, mine)
    return assay.claims.all {
        r:estimate { measure = "more_fd", where = mine, below = allowance(r, "fd") },
        r:estimate { measure = "more_mmd2", where = mine, below = allowance(r, "mmd2") },
    }
end

-- In each part that has an exact solution.
local function check_reference(r)
    return assay.claims.each({ "skip", "budget", "rank" }, function(part)
        if r:where({ part = part }):count() > 0 then
            return r:estimate { measure = "accuracy_of_least", where = { part = part }, below = -math.log(20, 10) }
        end
    end)
end

local function check_breaks(r, mine)
    return r:estimate { measure = "beyond_5", where = mine, above = 0 }
end

local function check_plain(r, mine)
    return assay.claims.all {
        r:estimate { measure = "fd_less_plain", where = mine, below = 0 },
        r:estimate { measure = "mmd2_less_plain", where = mine, below = 0 },
    }
end

-- Some of three: each at the level that makes the three together 0.95.
local function check_budget(r)
    return assay.claims.each({ 8, 15 }, function(nfe)
        local best
        for _, sigma in ipairs { 3, 5, 10 } do
            local where = { line = "2M", nfe = nfe, sigma_skip = sigma }
            if r:where(where):count() > 0 then
                local found = r:estimate { measure = "less_half", where = where, below = 0, level = 1 - 0.05 / 3 }
                found.message = ("sigma_skip %g, %d calls"):format(sigma, nfe)
                if not best or found.estimate < best.estimate then
                    best = found
                end
            end
        end
        return best
    end)
end

local function check_explained(r)
    local here = r:where { score = "Gaussian" }
    return assay.claims.each(here:distinct "sigma", function(sigma)
        if assay.stats.mean(here:where({ sigma = sigma }):values "of_scale") >= 1.5 then
            return here:estimate { measure = "ev", where = { sigma = sigma }, above = 0.99 }
        end
    end)
end

-- Of the whole training, at these sigma / alpha.
local function at_ratios(wanted, check)
    return function(r)
        return assay.claims.each(r:where({ score = "Gaussian" }):distinct "ratio", function(ratio)
            if wanted(ratio) then
                return check(r, function(score, training)
                    return { score = score, ratio = ratio, training = training or "whole training" }
                end)
            end
        end)
    end
end

local function check_learned(r, at)
    return r:estimate { measure = "ev", where = at "Gaussian", above = 0.99 }
end

local function check_delta(r, at)
    return r:compare { measure = "ev", a = at "Gaussian", b = at "training rows", above = 0 }
end

local function check_early(r, at)
    return r:compare { measure = "ev", a = at("Gaussian", "a tenth of the training"), b = at "Gaussian", above = 0 }
end

local function check_slope(r)
    return r:estimate { measure = "slope", within = { 0.9, 1.1 } }
end

return assay.experiment {
    name = "gaussian-teleport",
    title = "The noisy part of sampling is that of a Gaussian",
    description = "Sampling that begins where the closed flow of the data's Gaussian ends, on an exact model of "
        .. "Fashion-MNIST: quality by model calls, by where the flow ends and by the Gaussian's rank; how much of the "
        .. "score it explains; the order in which features appear.",
    method = "gaussian-teleport",
    params = {
        part = { default = { "skip", "budget", "rank", "explained", "features", "network" },
            choices = { "skip", "budget", "rank", "explained", "features", "network" }, doc = "what is measured" },
        training = { default = 4000, min = 10, max = 1000000, doc = "network: steps of its training" },
        steps = { default = 18, min = 2, max = 1000, doc = "Heun's steps on the whole way" },
        skips = { default = "0,2,4,5,6,7,8,9,10,12,14", doc = "skip: steps that the flow takes the place of" },
        budgets = { default = "5,8,10,15", doc = "budget: model calls" },
        samples = { default = 1000, min = 64, max = 100000, doc = "samples a set" },
        reference = { default = 1500, min = 64, max = 100000, doc = "exact draws" },
        exact_steps = { default = 1000, min = 10, max = 100000, doc = "steps of the exact solution" },
        images = { default = 60000, min = 3000, max = 60000, doc = "Fashion-MNIST images that the mixture is fitted to" },
    },
    presets = {
        quick = { part = { "skip" }, skips = "0,4,7,8,10", samples = 400, images = 20000 },
        full = {},
    },
    replicates = 16,
    run = function(cell) parts[cell.params.part](cell, cell.params.part ~= "network" and world_of(cell) or nil) end,
    figures = {
        { name = "mmd2", title = "MMD^2 by model calls", x = "nfe", y = "mmd2_shown", by = "line", where = { part = "skip" },
            logx = true, logy = true, band = "ci95", key = "right", xlabel = "model calls", ylabel = "MMD^2, at least 1e-5" },
        { name = "frechet", title = "Frechet distance, which sees two moments", x = "nfe", y = "fd", by = "line",
            where = { part = "skip" }, logx = true, logy = true, band = "ci95", key = "right", xlabel = "model calls",
            ylabel = "Frechet distance" },
        { name = "likelihood", title = "Likelihood lost", x = "of_scale", y = "nll_shown", by = "line", where = { part = "skip" },
            logx = true, logy = true, band = "ci95", key = "right", xlabel = "sigma of the first step / sqrt(L1)",
            ylabel = "nats, at least 0.01" },
        { name = "budget", title = "2M from sigma_skip on", x = "of_scale", y = "mmd2_shown", by = "nfe",
            where = { part = "budget", line = "2M" }, logx = true, logy = true, band = "ci95", key = "below",
            xlabel = "sigma_skip / sqrt(L1)", ylabel = "MMD^2, at least 1e-5" },
        { name = "budget_unipc", title = "UniPC-3 from sigma_skip on", x = "of_scale", y = "mmd2_shown", by = "nfe",
            where = { part = "budget", line = "UniPC-3" }, logx = true, logy = true, band = "ci95", key = "below",
            xlabel = "sigma_skip / sqrt(L1)", ylabel = "MMD^2, at least 1e-5" },
        { name = "rank", title = "Variance in some directions, half skipped", x = "rank", y = "mmd2", by = "line",
            where = { part = "rank" }, logx = true, band = "ci95", xlabel = "directions with their own variance", ylabel = "MMD^2" },
        { name = "explained", title = "What is left unexplained of the exact score", x = "of_scale", y = "unexplained", by = "score",
            where = { part = "explained" }, logx = true, logy = true, band = "ci95", key = "below",
            xlabel = "sigma / sqrt(L1)", ylabel = "1 - explained variance" },
        { name = "learned", title = "What is left unexplained of a network's score", x = "ratio", y = "unexplained",
            by = "score", where = { part = "network", training = "whole training" }, logx = true, logy = true, band = "ci95",
            key = "below", xlabel = "sigma / alpha", ylabel = "1 - explained variance" },
        { name = "early", title = "Unexplained by the Gaussian, early and late", x = "ratio", y = "unexplained",
            by = "training", where = { part = "network", score = "Gaussian" }, logx = true, logy = true, band = "ci95",
            key = "below", xlabel = "sigma / alpha", ylabel = "1 - explained variance" },
        { name = "network", title = "DDIM of a network, first of 20 steps skipped", x = "of_ratio", y = "pixel_fd",
            where = { part = "network" }, logx = true, logy = true, band = "ci95", xlabel = "sigma / alpha of the first step",
            ylabel = "Frechet distance" },
        { name = "features", title = "Where components of the image are half there", x = "log_scale", y = "log_half",
            by = "line", where = { part = "features" }, band = "ci95", xlabel = "log10 sqrt(L)", ylabel = "log10 sigma" },
    },
    claims = {
        { name = "exact_solution", text = "the solution that stands for the exact one differs from one of half as many steps by "
            .. "less than a twentieth of the least error that is reported", check = check_reference },
        { name = "flat", text = "sigma_skip from 2 sqrt(L1) on: distance and MMD^2 are at most 2 standard errors above those of "
            .. "no skip", check = at_skips(function(scale, k) return k > 0 and scale >= 2 end, check_flat) },
        { name = "breaks", text = "10 steps skipped: MMD^2 is more than 5 times that of none",
            check = at_skips(function(_, k) return k == 10 end, check_breaks) },
        { name = "beats_plain", text = "21 calls and fewer: distance and MMD^2 are below plain Heun's of as many calls",
            check = at_skips(function(_, k) return k >= 7 end, check_plain) },
        { name = "budget", text = "8 and 15 calls of 2M: from some sigma_skip of 3, 5, 10 MMD^2 is below half of that from 80",
            check = of_part("budget", check_budget) },
        { name = "explained", text = "from 1.5 sqrt(L1) on the Gaussian explains more than 0.99 of the exact score",
            check = of_part("explained", check_explained) },
        { name = "learned", text = "network: the Gaussian explains more than 0.99 of its score for sigma / alpha from 2 on",
            check = of_part("network", at_ratios(function(ratio) return ratio >= 2 end, check_learned)) },
        { name = "beats_rows", text = "network: it explains more than the training rows for sigma / alpha from 0.08 to 2",
            check = of_part("network", at_ratios(function(ratio) return ratio <= 2 end, check_delta)) },
        { name = "early", text = "network: for sigma / alpha up to 0.5 it explains more at a tenth of the training than at its end",
            check = of_part("network", at_ratios(function(ratio) return ratio <= 0.5 end, check_early)) },
        { name = "order", text = "components of the exact model, as a Gaussian's, are half there at sigma ~ sqrt(L)", check = of_part("features", check_slope) },
    },
}
