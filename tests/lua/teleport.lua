-- Gaussian teleportation: against solvers of many steps, against the plain solver, and refusals.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local rng = assay.rng(5)
local function normals(n, d, scale)
    local rows = {}
    for i = 1, n do
        rows[i] = rng:normal(d)
        for j = 1, d do
            rows[i][j] = rows[i][j] * (scale or 1)
        end
    end
    return assay.matrix(rows)
end

local gauss = { mean = { 1, -2 }, cov = { { 4, 0.5 }, { 0.5, 0.25 } } }
local one = { weights = { 1 }, means = { gauss.mean }, covs = { gauss.cov } }
local two = { weights = { 0.5, 0.5 }, means = { { 1, 1 }, { -1, -1 } }, vars = { 0.2, 0.2 } }
local moments = assay.gmm.moments(two)
local edm, vp = { kind = "edm" }, { kind = "vp_linear" }

-- The flow of a Gaussian is what a solver of many steps finds.
local z = normals(4, 2)
for name, way in assay.sorted_pairs { edm = { edm, 80, 0.05 }, vp = { vp, 1, 0.01 } } do
    local schedule, from, to = way[1], way[2], way[3]
    local x = normals(4, 2, name == "edm" and 80 or 1)
    local solved = diffusion.sample(diffusion.gmm_eps(one, schedule), x, { order = 3, d2 = "exact", steps = 400,
        spacing = "logsnr", t_start = from, t_end = to })
    tap.near(diffusion.gaussian_flow(x, from, to, gauss, { schedule = schedule }):totable(), solved.x:totable(), 1e-5,
        name .. ": the flow is the solution of 400 steps")
end
local far = normals(4, 2, 20)
local solved = diffusion.sample(diffusion.gmm_eps(two, edm), far, { order = 3, d2 = "exact", steps = 1000,
    spacing = "logsnr", t_start = 20, t_end = 0.05 })
tap.near(diffusion.gmm_flow(far, 20, 0.05, two):totable(), solved.x:totable(), 1e-5, "and so is that of a mixture")

-- A fit as a table of one's own, and of its moments.
local X = normals(50, 3, 2)
local fit = diffusion.gaussian_fit(X)
local cov = {}
for i = 1, 3 do
    cov[i] = {}
    for j = 1, 3 do
        cov[i][j] = 0
        for k = 1, 3 do
            cov[i][j] = cov[i][j] + fit.vectors[i][k] * fit.eigenvalues[k] * fit.vectors[j][k]
        end
    end
end
local points = normals(5, 3, 9)
local wanted = diffusion.gaussian_flow(points, 9, 1, fit):totable()
tap.near(diffusion.gaussian_flow(points, 9, 1, { mean = fit.mean, cov = cov }):totable(), wanted, 1e-12, "moments are a fit")
tap.near(diffusion.gaussian_flow(points, 9, 1, { mean = fit.mean, cov = cov, rank = 2 }):totable(),
    diffusion.gaussian_flow(points, 9, 1, { mean = fit.mean, vectors = fit.vectors, eigenvalues = fit.eigenvalues,
        rank = 2 }):totable(), 1e-12, "rank keeps the leading directions")
tap.near(diffusion.gaussian_from_moments(fit.mean, cov).eigenvalues, fit.eigenvalues, 1e-12, "moments of a fit")
tap.near(diffusion.gaussian_fit(X, { rank = 1, residual = "isotropic" }).residual,
    (fit.eigenvalues[2] + fit.eigenvalues[3]) / 2, 1e-12, "an isotropic residual is the mean of the others")
local classes = {}
for i = 1, 50 do
    classes[i] = i <= 20 and 2 or 1
end
for name, rows in assay.sorted_pairs { tall = X, wide = normals(4, 6, 2) } do
    local whole, less = diffusion.gaussian_fit(rows), assay.matrix(rows)
    for i = 1, #less do
        for j = 1, #less[i] do
            less[i][j] = less[i][j] - whole.mean[j]
        end
    end
    local centred = diffusion.gaussian_fit(less, { centre = false })
    tap.near(centred.eigenvalues, whole.eigenvalues, 1e-12, name .. ": the variances of rows without their mean")
    local mean, squares = 0, 0
    for j = 1, #whole.mean do
        mean = math.max(mean, math.abs(centred.mean[j]))
    end
    tap.is(mean, 0, name .. ": whose mean is 0")
    for i = 1, #rows do
        for _, value in ipairs(rows:row(i)) do
            squares = squares + value ^ 2
        end
    end
    tap.near(diffusion.gaussian_fit(rows, { centre = false }).trace, squares / (#rows - 1), 1e-11,
        name .. ": rows with a mean, about 0")
end
local fits, second = diffusion.gaussian_fit(X, { classes = classes }), {}
for i = 1, 20 do
    second[i] = X:row(i)
end
tap.is(fits[2].eigenvalues, diffusion.gaussian_fit(second).eigenvalues, "a fit for each class")

-- Scores tell where they are of no use.
local _, about = diffusion.gaussian_score(points, 0.1, fit, { kind = "expand2" })
tap.is(about.diverging, true, "an expansion outside of its radius says so")
_, about = diffusion.gaussian_score(points, 100, fit, { kind = "expand2" })
tap.is(about.diverging, false, "and within does not")
tap.near(diffusion.gaussian_score({ { 3, 3, 3 } }, 2, fit, { kind = "isotropic", s0 = 1 })[1][1],
    (fit.mean[1] - 3) / 5, 1e-12, "s0 adds to an isotropic variance")
local a, b = { { 3, 4 }, { 0, 1 } }, { { 3, 0 }, { 0, 1 } }
tap.near(diffusion.explained_variance(a, b), 1 - 16 / 26, 1e-12, "explained variance")
tap.near(diffusion.explained_variance(a, b, { reverse = true }), 1 - 16 / 10, 1e-12, "of the other")
tap.near(diffusion.explained_variance(a, b, { per_sample = true }), { 1 - 16 / 25, 1 }, 1e-12, "of each row")
local lowrank = diffusion.gmm_lowrank_fit(X, { components = 3, rank = 2, rng = assay.rng(1) })
tap.is({ #lowrank.weights, #lowrank.vectors, #lowrank.vectors[1], #lowrank.vectors[1][1] }, { 3, 3, 3, 2 },
    "a mixture of low rank")
tap.is(diffusion.gmm_lowrank_fit(X, { components = 3, rank = 2, rng = assay.rng(1) }).eigenvalues:totable(),
    lowrank.eigenvalues:totable(), "the same of the same seed")
local modes = diffusion.gaussian_modes({ 80, 3 }, fit)
tap.near(modes.perturbation[2][1], math.sqrt(fit.eigenvalues[1] / (fit.eigenvalues[1] + 9)), 1e-12, "modes")

-- Nothing skipped is the plain solver, bit by bit; calls are those of the steps that are left.
local calls = 0
local exact = diffusion.gmm_eps(two, edm)
local counted = diffusion.model { function(x, t)
    calls = calls + 1
    return exact(x, t)
end, schedule = edm }
local x80 = {}
for i = 1, 4 do
    x80[i] = { 80 * z[i][1], 80 * z[i][2] }
end
for _, case in ipairs {
    { { solver = "heun", n = 12 }, { solver = "heun", steps = 12 } },
    { { solver = "dpmpp", order = 2, n = 12 }, { solver = "dpmpp", order = 2, steps = 12, spacing = "karras" } },
    { { solver = "unipc", order = 3, n = 12, sigma_min = 0.01 }, { solver = "unipc", order = 3, steps = 12, spacing = "karras",
        t_end = 0.01 } },
    { { solver = "deis", order = 2, n = 12, spacing = "logsnr" }, { solver = "deis", order = 2, steps = 12, spacing = "logsnr" } },
} do
    local options, plain = case[1], diffusion.sample(exact, x80, case[2])
    for _, none in ipairs { { "skip", 0 }, { "sigma_skip", 80 }, { "t_skip", 80 } } do
        options[none[1]] = none[2]
        local got = diffusion.teleport_sample(exact, z, moments, options)
        options[none[1]] = nil
        tap.is(got.x:totable(), plain.x:totable(), ("%s, %s = %g: the plain solver"):format(options.solver, none[1], none[2]))
    end
    for _, k in ipairs { 1, 5, 10 } do
        options.skip, calls = k, 0
        local got = diffusion.teleport_sample(counted, z, moments, options)
        tap.is({ got.nfe, calls }, options.solver == "heun" and { 2 * (12 - k) - 1, 2 * (12 - k) - 1 } or { 12 - k, 12 - k },
            ("%s skips %d steps"):format(options.solver, k))
        tap.near(got.timesteps[1], got.sigma_skip, 1e-9, "and begins where it says")
        options.skip = nil
    end
end

-- What is skipped is the flow, or plain noise.
local sigmas = diffusion.karras_sigmas(12)
local flown = diffusion.gaussian_flow(x80, 80, sigmas[6], moments)
local rest = {}
for i = 6, 13 do
    rest[#rest + 1] = sigmas[i]
end
tap.is(diffusion.teleport_sample(exact, z, moments, { n = 12, skip = 5 }).x:totable(),
    diffusion.sample(exact, flown, { solver = "heun", timesteps = rest }).x:totable(), "a flow, then the rest of the grid")
local noise = {}
for i = 1, 4 do
    noise[i] = { 3 * z[i][1], 3 * z[i][2] }
end
tap.is(diffusion.teleport_sample(exact, z, moments, { solver = "dpmpp", steps = 6, sigma_skip = 3, restart = true }).x:totable(),
    diffusion.sample(exact, noise, { steps = 6, spacing = "karras", t_start = 3 }).x:totable(), "restart: plain noise")

-- On a variance-preserving schedule, by time or by sigma / alpha.
local model = diffusion.gmm_eps(two, vp)
local at = diffusion.schedule_at(vp, 0.6)
local by_time = diffusion.teleport_sample(model, z, moments, { solver = "ddim", steps = 10, t_skip = 0.6 })
tap.near(by_time.sigma_skip, at.sigma / at.alpha, 1e-12, "vp: sigma_skip is sigma / alpha")
tap.near(diffusion.teleport_sample(model, z, moments, { solver = "ddim", steps = 10, sigma_skip = by_time.sigma_skip }).x:totable(),
    by_time.x:totable(), 1e-9, "and the same by it")
local grid = diffusion.timesteps(vp, 10)
local part = {}
for i = 5, 11 do
    part[#part + 1] = grid[i]
end
local scaled, top = {}, diffusion.schedule_at(vp, 1).sigma
for i = 1, 4 do
    scaled[i] = { top * z[i][1], top * z[i][2] }
end
tap.is(diffusion.teleport_sample(model, z, moments, { solver = "ddim", steps = 10, skip = 4 }).x:totable(),
    diffusion.sample(model, diffusion.gaussian_flow(scaled, 1, grid[5], moments, { schedule = vp }),
        { solver = "ddim", timesteps = part }).x:totable(), "steps of its grid are skipped")

-- A Gaussian for each class of rows.
local by_class = diffusion.teleport_sample(exact, z, { moments, gauss }, { n = 8, skip = 3, classes = { 1, 2, 2, 1 } }).x
local first = diffusion.teleport_sample(exact, z, moments, { n = 8, skip = 3 }).x
local other = diffusion.teleport_sample(exact, z, gauss, { n = 8, skip = 3 }).x
tap.near({ by_class:row(1), by_class:row(2), by_class:row(3), by_class:row(4) },
    { first:row(1), other:row(2), other:row(3), first:row(4) }, 1e-9, "a Gaussian for each class")
tap.is(#diffusion.teleport_sample(exact, assay.matrix {}, moments, { n = 4, skip = 2 }).x, 0, "no rows")

-- Refusals.
local function refuses(words, f, ...)
    local done, message = pcall(f, ...)
    tap.ok(not done and tostring(message):find(words, 1, true), words .. " <- " .. tostring(message))
end
local sample = diffusion.teleport_sample
refuses("skip must be less than the 10 steps, got 10", sample, exact, z, moments, { n = 10, skip = 10 })
refuses("steps must be at least the order, 2, got 1", sample, exact, z, moments, { solver = "dpmpp", n = 10, skip = 9 })
refuses("corrector is not an option of heun; solvers that read it: unipc", sample, exact, z, moments, { corrector = false })
refuses("s_churn is not an option of dpmpp; solvers that read it: euler, heun", sample, exact, z, moments,
    { solver = "dpmpp", s_churn = 3 })
refuses("schedule is for a function that has none", sample, exact, z, moments, { schedule = edm })
refuses("sigma_skip must be between the ends", sample, exact, z, moments, { sigma_skip = 100 })
refuses("sigma_skip must be between the ends", sample, exact, z, moments, { sigma_skip = 0.001 })
refuses("give one of skip, sigma_skip and t_skip", sample, exact, z, moments, { skip = 0, sigma_skip = 5 })
refuses("give one of skip, sigma_skip and t_skip", sample, exact, z, moments, { t_skip = 4, sigma_skip = 5 })
refuses("n and steps are one thing", sample, exact, z, moments, { n = 4, steps = 4 })
refuses("t_start is not an end of sampling on this schedule: use sigma_max", sample, exact, z, moments, { t_start = 4 })
refuses("sigma_min is not an end", sample, model, z, moments, { sigma_min = 0.1 })
refuses("needs classes", sample, exact, z, { moments, gauss }, { n = 4 })
refuses("classes must have 4 values", sample, exact, z, { moments, gauss }, { n = 4, classes = { 1 } })
refuses("z must have 3 columns as the Gaussian, got 2", sample, exact, z, fit, { n = 4 })
refuses("timesteps are made from the schedule", sample, exact, z, moments, { timesteps = { 2, 1 } })
refuses("has no mean", diffusion.gaussian_flow, points, 2, 1, {})
refuses("must have cov, or vectors", diffusion.gaussian_flow, points, 2, 1, { mean = fit.mean })
refuses("cov must be 3 x 3", diffusion.gaussian_flow, points, 2, 1, { mean = fit.mean, cov = { { 1 } } })
refuses("cov must be symmetric", diffusion.gaussian_flow, points, 2, 1, { mean = { 0, 0 }, cov = { { 1, 1 }, { 0, 1 } } })
refuses("eigenvalues[2] must be a variance", diffusion.gaussian_flow, points, 2, 1,
    { mean = fit.mean, vectors = fit.vectors, eigenvalues = { 1, -1, 0 } })
refuses("rank must be in 0..3, got 4", diffusion.gaussian_fit, X, { rank = 4 })
refuses("at least 2 rows", diffusion.gaussian_fit, { { 1, 2 } })
refuses("must be finite", diffusion.gaussian_fit, { { 1, 2 }, { 1, 0 / 0 } })
refuses("a variance above 0 in every direction", diffusion.gaussian_flow, points, 0, 1, { mean = fit.mean, rank = 0 })
refuses("x must have 3 columns", diffusion.gaussian_flow, z, 2, 1, fit)
refuses("sigma", diffusion.delta_score, points, 0, X)
refuses("x must have 3 columns as the training rows, got 2", diffusion.delta_score, z, 1, X)
refuses("a training row is needed", diffusion.delta_score, points, 1, {})
refuses("s0 is for the kind isotropic", diffusion.gaussian_score, points, 1, fit, { s0 = 1 })
refuses("components must be in 1..50", diffusion.gmm_lowrank_fit, X, { components = 51, rank = 1, rng = assay.rng(1) })
refuses("rank must be in 1..3", diffusion.gmm_lowrank_fit, X, { components = 2, rank = 4, rng = assay.rng(1) })
refuses("the first matrix is 0", diffusion.explained_variance, { { 0, 0 } }, { { 1, 1 } })
refuses("a and b must have one shape", diffusion.explained_variance, { { 0, 0 } }, { { 1 } })
refuses("vectors must be a list of 1 matrices", diffusion.gmm_lowrank_score, points, 1,
    { weights = { 1 }, means = { { 0, 0, 0 } }, vectors = {}, eigenvalues = { {} } })
refuses("at least 3 states", diffusion.trajectory_plane, { { { 1 } }, { { 1 } } })

tap.done()
