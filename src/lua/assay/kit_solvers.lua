-- What experiments on samplers of diffusion models are composed of (kits.lua says what a kit is).
local function solver(name, options, doc, more)
    local arm = { name = name, method = "dpm-solver-pp", doc = doc, ode = true,
        code = ("return diffusion.sample(world.model, noise, { %s, steps = p.steps, spacing = p.spacing, t_end = p.t_end }).x"):format(options) }
    for key, value in pairs(more or {}) do
        arm[key] = value
    end
    return arm
end

local baseline = { baseline = true }

return {
    about = "diffusion models",
    family = "diffusion",
    x = "steps",
    params = {
        { name = "steps", default = 10, min = 4, max = 10000, values = { 5, 8, 12, 20, 40 }, log = true, doc = "model calls" },
        { name = "samples", default = 500, min = 10, max = 1000000, doc = "samples, and exact draws that they are compared with" },
        { name = "schedule", default = "vp_linear", choices = { "vp_linear", "vp_cosine" }, doc = "of the noise" },
        { name = "spacing", default = "logsnr", choices = { "logsnr", "time_uniform", "time_quadratic" }, doc = "of the times" },
        { name = "t_end", default = 0.001, min = 1e-5, max = 0.1, doc = "the last time" },
    },
    testbeds = {
        {
            name = "three clouds in the plane", title = "a mixture of three Gaussians in two dimensions",
            code = [[
                return assay.gmm.new {
                    weights = { 0.5, 0.3, 0.2 }, means = { { 2, 0 }, { -1, 1.5 }, { 0, -2 } },
                    covs = { { { 0.2, 0.05 }, { 0.05, 0.1 } }, { { 0.05, 0 }, { 0, 0.3 } }, { { 0.1, -0.02 }, { -0.02, 0.08 } } },
                }]],
        },
        {
            name = "a random mixture", title = "Gaussians at random places of any dimension",
            params = {
                { name = "dimension", default = 8, min = 1, max = 256, values = { 2, 8, 32 }, log = true, doc = "of the space" },
                { name = "components", default = 10, min = 1, max = 1000, values = { 3, 10, 30 }, log = true, doc = "Gaussians" },
                { name = "width", default = 0.2, min = 0.001, max = 10, values = { 0.1, 0.2, 0.5 }, log = true, doc = "their standard deviation; their means have 1" },
            },
            code = [[
                local weights, means, vars = {}, {}, {}
                for k = 1, p.components do
                    weights[k], means[k], vars[k] = 1 / p.components, rng:normal(p.dimension), p.width ^ 2
                end
                return assay.gmm.new { weights = weights, means = means, vars = vars }]],
        },
        {
            name = "Fashion-MNIST", title = "its images in 16 principal coordinates, as a mixture of 30 Gaussians",
            code = [[return assay.testbed.fashion(cell, { images = 20000 }).gmm]],
        },
    },
    arms = {
        solver("DDIM", 'solver = "ddim"', "the deterministic sampler of first order", baseline),
        { name = "DDPM", method = "dpm-solver-pp", baseline = true, doc = "ancestral sampling",
            code = [[
                return diffusion.sample(world.model, noise, { solver = "ddpm", steps = p.steps, spacing = p.spacing, t_end = p.t_end,
                    rng = rng }).x]] },
        solver("DPM-Solver 2M", 'solver = "dpm", order = 2', "second order, of the noise prediction", baseline),
        solver("DEIS 3", 'solver = "deis", order = 3', "exponential integrator of third order", baseline),
        solver("iPNDM 4", 'solver = "ipndm", order = 4', "Adams-Bashforth of fourth order", baseline),
        solver("DPM-Solver++ 2M", 'solver = "dpmpp", order = 2', "second order, of the data prediction"),
        solver("DPM-Solver++ 3M", 'solver = "dpmpp", order = 3', "third order"),
        solver("DPM-Solver++ 2S", 'solver = "dpmpp", order = 2, method = "singlestep"', "second order, one step at a time"),
        solver("UniPC 3", 'solver = "unipc", order = 3', "predictor and corrector of third order"),
        { name = "SDE-DPM-Solver++ 2M", method = "dpm-solver-pp", doc = "second order, with fresh noise in each step",
            code = [[
                return diffusion.sample(world.model, noise, { solver = "sde_dpmpp", order = 2, steps = p.steps, spacing = p.spacing,
                    t_end = p.t_end, rng = rng }).x]] },
        { name = "a schedule of steps", method = "unified-solver", ode = true, doc = "UniPC's predictor, written as a schedule",
            code = [[
                local decisions = diffusion.usf_from { schedule = world.model.schedule, solver = "unipc", order = 2, steps = p.steps,
                    spacing = p.spacing, t_end = p.t_end }
                return diffusion.usf_sample(world.model, noise, decisions).x]] },
        { name = "shifted DDIM", method = "time-shift", doc = "times follow the measured variance (labels of a linear schedule)",
            params = { "window" },
            code = [[
                local alpha_bar = diffusion.alpha_bar { kind = "linear", N = 1000 }
                return diffusion.ts_sample(diffusion.gmm_eps_index(world.gmm, alpha_bar), noise, alpha_bar,
                    { steps = p.steps, window = p.window, trace = false }).x]] },
        { name = "teleport and DPM-Solver++ 2M", method = "gaussian-teleport", ode = true,
            doc = "the closed flow of a Gaussian with the data's moments in place of the first part", params = { "t_skip" },
            code = [[
                local moments = assay.gmm.moments(world.gmm)
                return diffusion.teleport_sample(world.model, noise, diffusion.gaussian_from_moments(moments.mean, moments.cov),
                    { solver = "dpmpp", order = 2, steps = p.steps, spacing = p.spacing, t_skip = p.t_skip, t_end = p.t_end }).x]] },
    },
    arm_params = {
        t_skip = { default = 0.7, min = 0.11, max = 1, values = { 0.5, 0.7, 0.9 }, doc = "the time at which model calls begin" },
        window = { default = 40, min = 1, max = 1000, values = { 10, 40, 80 }, doc = "labels within which a shifted time may lie" },
    },
    signature = "p, world, noise, rng",
    measures = {
        { name = "distance", title = "sliced Wasserstein distance to exact draws", better = "less", log = true, tolerance = 0.01 },
        { name = "mmd2", title = "squared maximum mean discrepancy to exact draws", better = "less", tolerance = 0.005 },
        { name = "frechet", title = "Frechet distance to the mixture's moments", better = "less", log = true, tolerance = 0.01 },
        { name = "rmse", title = "error to the exact solution from the same noise", better = "less", log = true, tolerance = 0.01,
            only = "ode", why = "follows another path than the exact solution" },
    },
    helpers = {
        { name = "draw_noise", code = [[
            local function draw_noise(rng, n, dimension)
                local rows = {}
                for i = 1, n do
                    rows[i] = rng:normal(dimension)
                end
                return assay.matrix(rows)
            end]] },
    },
    run = [[
        local p = cell.params
        local gmm = testbed(p, cell:rng "testbed", cell)
        local world = { gmm = gmm, model = diffusion.gmm_eps(gmm, { kind = p.schedule }) }
        local noise = draw_noise(cell:rng "noise", p.samples, gmm:dim())
        local x = methods[p.method](p, world, noise, cell:rng "steps")
        local exact = assay.gmm.sample(gmm, p.samples, { rng = cell:rng "exact" })
        local row = {
            distance = diffusion.sliced_wasserstein(x, exact, { rng = cell:rng "directions" }),
            mmd2 = diffusion.mmd2(x, exact), frechet = diffusion.frechet_gmm(x, gmm),
        }]],
    run_for = { rmse = [[
        -- the solution of 200 steps from the same noise
        local solution = diffusion.sample(world.model, noise, { order = 2, steps = 200, spacing = "logsnr", t_end = p.t_end }).x
        row.rmse = diffusion.rmse(x, solution)]] },
    run_end = [[cell:log(row)]],
}
