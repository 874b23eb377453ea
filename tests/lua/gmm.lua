-- assay.gmm and assay.diffusion in Lua: arguments, shapes, guidance, fits and refusals.
local tap = require "tap"
local assay = require "assay"
local gmm, diffusion = assay.gmm, assay.diffusion

local weights, means = { 0.3, 0.7 }, { { 0, 0 }, { 3, 1 } }
local x = { { 0.5, -0.25 }, { 2, 2 }, { -40, 7 } }

-- One mixture, described in every way that can say it.
local described = {
    covs = gmm.new { weights = weights, means = means, covs = { { { 2, 0 }, { 0, 2 } }, { { 2, 0 }, { 0, 2 } } } },
    diag = gmm.new { weights = weights, means = means, diag = { { 2, 2 }, { 2, 2 } } },
    vars = gmm.new { weights = weights, means = means, vars = { 2, 2 } },
    tied = gmm.new { weights = weights, means = means, tied = { { 2, 0 }, { 0, 2 } } },
    factors = gmm.new { weights = weights, means = means, vars = { 1, 2 },
        factors = { { { 1, 0 }, { 0, 1 } }, { { 0, 0 }, { 0, 0 } } } },
}

--- ln p by direct summation.
local function log_density(p, alpha, sigma)
    local v, sum = 2 * alpha ^ 2 + sigma ^ 2, 0
    for k = 1, 2 do
        local q = (p[1] - alpha * means[k][1]) ^ 2 + (p[2] - alpha * means[k][2]) ^ 2
        sum = sum + weights[k] * math.exp(-q / (2 * v)) / (2 * math.pi * v)
    end
    return math.log(sum)
end

for name, g in assay.sorted_pairs(described) do
    tap.near(gmm.logpdf(g, x), { log_density(x[1], 1, 0), log_density(x[2], 1, 0), log_density(x[3], 1, 0) }, 1e-12,
        name .. ": the density by direct summation")
    local level = { alpha = 0.6, sigma = 0.8 }
    tap.near(gmm.logpdf(g, { x[1], x[2] }, level), { log_density(x[1], 0.6, 0.8), log_density(x[2], 0.6, 0.8) }, 1e-12,
        name .. ": diffused")
    tap.near(g:covariance(2):totable(), { { 2, 0 }, { 0, 2 } }, 1e-14, name .. ": covariance")
end
tap.is({ described.vars:components(), described.vars:dim(), described.vars:weights(), described.vars:means():totable(),
    tostring(described.vars) }, { 2, 2, weights, { { 0.0, 0.0 }, { 3.0, 1.0 } }, "mixture of 2 components in 2 dimensions" },
    "what it is")

-- x = alpha x0 + sigma eps by its parts: Tweedie's formula.
local level = { alpha = 0.6, sigma = 0.8 }
local score, eps = gmm.score(described.covs, x, level), gmm.eps(described.covs, x, level)
local denoised = gmm.denoise(described.covs, x, level)
for i = 1, 3 do
    for j = 1, 2 do
        tap.near(eps[i][j], -0.8 * score[i][j], 1e-12, "eps = -sigma score")
        tap.near(0.6 * denoised[i][j], x[i][j] + 0.64 * score[i][j], 1e-11, "alpha E x0 = x + sigma^2 score")
    end
end
for _, row in ipairs(gmm.responsibilities(described.tied, x, level):totable()) do
    tap.near(row[1] + row[2], 1, 1e-14, "responsibilities add to 1")
end

-- Classes and guidance.
local classed = gmm.new { weights = weights, means = means, vars = { 1, 2 }, classes = { 1, 2 } }
local alone = gmm.new { weights = { 1 }, means = { means[2] }, vars = { 2 } }
tap.near(gmm.logpdf(classed, x, { class = 2 }), gmm.logpdf(alone, x), 1e-12, "a class is the mixture of its components")
local c, u = gmm.score(alone, x, level), gmm.score(classed, x, level)
local guided = gmm.score(classed, x, { alpha = 0.6, sigma = 0.8, class = 2, scale = 4 })
for i = 1, 3 do
    for j = 1, 2 do
        tap.near(guided[i][j], u[i][j] + 4 * (c[i][j] - u[i][j]), 1e-10, "guided: u + s (c - u)")
    end
end
local model = diffusion.gmm_eps(classed, { kind = "vp_cosine" }, { class = 2, scale = 4 })
local at = diffusion.schedule_at(model.schedule, 0.5)
tap.is(model({ x[1], x[2], x[1] }, { 0.5, 0.5, 0.25 })[2]:totable(),
    gmm.eps(classed, { x[1], x[2] }, { alpha = at.alpha, sigma = at.sigma, class = 2, scale = 4 })[2]:totable(),
    "a model at a time a row")
tap.is({ #model({}, 0.5), model.gmm == classed, model.nothing }, { 0, true, nil }, "no rows; its mixture")

-- Sampling.
local draws, component = gmm.sample(classed, 500, { rng = assay.rng(1), class = 2 })
tap.is({ draws:rows(), draws:cols(), component[1], component[500] }, { 500, 2, 2, 2 }, "draws of a class")
tap.is(gmm.sample(classed, 5, { rng = assay.rng(7) }):totable(), gmm.sample(classed, 5, { rng = assay.rng(7) }):totable(),
    "a seed's draws")

-- Schedules.
local discrete = diffusion.schedule { kind = "discrete", N = 50, beta_kind = "quad" }
local betas, alpha_bar = diffusion.betas(discrete), diffusion.alpha_bar(discrete)
tap.is({ discrete.kind, discrete.N, #betas, #alpha_bar, tostring(discrete) }, { "discrete", 50, 50, 50, "discrete schedule" },
    "a discrete schedule")
tap.near({ betas[1], betas[50] }, { 1e-4, 0.02 }, 1e-14, "its betas")
local product = 1
for i = 1, 50 do
    product = product * (1 - betas[i])
end
tap.near(alpha_bar[50], product, 1e-14, "alpha_bar is the product of 1 - beta")
tap.near(diffusion.schedule_at({ kind = "discrete", alphas_cumprod = alpha_bar }, 1).alpha ^ 2, product, 1e-14,
    "from products")
tap.near(diffusion.schedule_at({ kind = "discrete", betas = betas }, 0.5).log_alpha,
    diffusion.schedule_at(discrete, 0.5).log_alpha, 1e-14, "from betas")
tap.is(diffusion.schedule_at({ kind = "edm" }, 3), { log_alpha = 0.0, alpha = 1.0, sigma = 3.0, lambda = -math.log(3) }, "edm")

-- Fits.
local mixture = gmm.new { weights = { 0.25, 0.75 }, means = { { -5, 0 }, { 5, 0 } }, vars = { 1, 2 } }
local data = gmm.sample(mixture, 2000, { rng = assay.rng(3) })
local reports = 0
local fit = gmm.fit(data, { components = 2, rng = assay.rng(4), covariance = "spherical", progress = function() reports = reports + 1 end })
tap.ok(fit.converged and reports > 0 and #fit.trace == fit.iterations + 1, "a fit reports and converges")
local first = fit.gmm:weights()[1] < 0.5 and 1 or 2
tap.near(fit.gmm:weights()[first], 0.25, 0.03, "its weights")
tap.near(fit.gmm:means()[first]:totable(), { -5, 0 }, 0.2, "its means")
tap.near(fit.bic, fit.parameters * math.log(2000) - 2 * fit.log_likelihood, 1e-9, "its BIC")
tap.error("cancelled", function()
    gmm.fit(data, { components = 2, rng = assay.rng(1), progress = function() return true end })
end, "a fit can be cancelled")
-- What looks at many points tells of them, and stops; parts of a block at a time or all at once, the
-- numbers are the same.
local lots = gmm.sample(mixture, 200000, { rng = assay.rng(5) })
for name, call in assay.sorted_pairs {
    logpdf = function(o) return gmm.logpdf(mixture, lots, o) end,
    responsibilities = function(o) return gmm.responsibilities(mixture, lots, o) end,
    score = function(o) return gmm.score(mixture, lots, o) end,
    eps = function(o) o.sigma = 1; return gmm.eps(mixture, lots, o) end,
    denoise = function(o) o.sigma = 1; return gmm.denoise(mixture, lots, o) end,
    sample = function(o) o.rng = assay.rng(5); return gmm.sample(mixture, 200000, o) end,
} do
    local most, count, rises = 0, 0, true
    local result = call { progress = function(done, total)
        rises = rises and done > most and done <= total
        most, count = done, count + 1
    end }
    tap.ok(rises and count > 1 and count < 1000, name .. " tells how far it is", count .. " times")
    tap.ok(#result == 200000 and (type(result) == "table" or result == call {}), name .. ": with the same result")
    tap.error("cancelled", function() call { progress = function() return true end } end, name .. " stops")
    tap.error("own words", function() call { progress = function() error "own words" end } end, name .. ": errors come through")
end
local last = 0
local guided = gmm.new { weights = { 0.25, 0.75 }, means = { { -5, 0 }, { 5, 0 } }, vars = { 1, 2 }, classes = { 1, 2 } }
gmm.score(guided, lots, { class = 1, scale = 2, progress = function(done, total)
    tap.ok(done > last and done <= total, "guidance: both passes are one stretch")
    last = done
end })
local fitted = 0
gmm.fit(lots, { components = 2, rng = assay.rng(4), max_iterations = 2, tolerance = 0, progress = function(done, total)
    if not (done >= fitted and done <= total and total == 4) then
        error(("%g of %g after %g"):format(done, total, fitted))
    end
    fitted = done
end })
tap.ok(fitted > 2.5, "a fit tells within its iterations", "up to " .. fitted)
local repaired = gmm.fit({ { 0 }, { 1 }, { 10 }, { 11 } },
    { components = 2, rng = assay.rng(1), start = { { 5 }, { 1e6 } }, covariance = "diagonal" })
tap.ok(repaired.repaired >= 1 and math.abs(repaired.gmm:means()[1][1] - repaired.gmm:means()[2][1]) > 5,
    "a component without points is set anew")

-- Refusals.
local function refuses(words, f, ...)
    local arguments = table.pack(...)
    tap.error(words, function() f(table.unpack(arguments, 1, arguments.n)) end)
end
refuses("the sum of weights must be 1", gmm.new, { weights = { 0.5, 0.6 }, means = means, vars = { 1, 1 } })
refuses("exactly one of covs, diag, vars and tied", gmm.new, { weights = weights, means = means })
refuses("exactly one of covs, diag, vars and tied", gmm.new, { weights = weights, means = means, vars = { 1, 1 }, tied = { { 1, 0 }, { 0, 1 } } })
refuses("means must have a row for each of the 2 weights", gmm.new, { weights = weights, means = { { 1 } }, vars = { 1, 1 } })
refuses("covs[2] must be 2 x 2, got 1 x 2", gmm.new, { weights = weights, means = means, covs = { { { 1, 0 }, { 0, 1 } }, { { 1, 0 } } } })
refuses("component 1 is not symmetric", gmm.new, { weights = weights, means = means, covs = { { { 1, 2 }, { 0, 1 } }, { { 1, 0 }, { 0, 1 } } } })
refuses("component 2 is not positive semidefinite", gmm.new, { weights = weights, means = means, covs = { { { 1, 0 }, { 0, 1 } }, { { 1, 2 }, { 2, 1 } } } })
refuses("classes must have 2 values", gmm.new, { weights = weights, means = means, vars = { 1, 1 }, classes = { 1 } })
refuses("unknown option", gmm.new, { weights = weights, means = means, variances = { 1, 1 } })
refuses("x[2][1] must be finite", gmm.logpdf, classed, { { 0, 0 }, { 0 / 0, 0 } })
refuses("x must have 2 columns", gmm.logpdf, classed, { { 0, 0, 0 } })
refuses("has no classes", gmm.score, described.vars, x, { class = 1 })
refuses("class must be in 1..2", gmm.score, classed, x, { class = 3 })
refuses("scale needs a class", gmm.score, classed, x, { scale = 3 })
refuses("not both 0", gmm.score, classed, x, { alpha = 0, sigma = 0 })
refuses("component 1 has the variance 0", gmm.logpdf, { weights = { 1 }, means = { { 0 } }, vars = { 0 } }, { { 0 } })
refuses("components must be in 1..2", gmm.fit, { { 1 }, { 2 } }, { components = 3, rng = assay.rng(1) })
refuses("x has 2", gmm.fit, { { 1 }, { 2 }, { 1 }, { 2 } }, { components = 3, rng = assay.rng(1) })
refuses("components and rng must be given", gmm.fit, x, { components = 1 })
refuses("rng must be given", gmm.sample, classed, 3)
refuses("kind must be given", diffusion.schedule, {})
refuses("kind must be one of", diffusion.schedule, { kind = "linear" })
refuses("unknown option \"beta_min\"", diffusion.schedule, { kind = "edm", beta_min = 1 })
refuses("0 < beta_min <= beta_max", diffusion.schedule, { kind = "vp_linear", beta_min = 3, beta_max = 2 })
refuses("betas[2] must lie between 0 and 1", diffusion.schedule, { kind = "discrete", betas = { 0.1, 1 } })
refuses("alphas_cumprod[2] must lie between", diffusion.schedule, { kind = "discrete", alphas_cumprod = { 0.5, 0.6 } })
refuses("either betas or alphas_cumprod", diffusion.schedule, { kind = "discrete", alphas_cumprod = { 0.5, 0.4 }, betas = { 0.1, 0.1 } })
refuses("t must be finite", diffusion.schedule_at, { kind = "edm" }, -1)
refuses("less than 1", diffusion.schedule_at, { kind = "vp_cosine" }, 1)
refuses("before the start", diffusion.schedule_at, discrete, 0)
refuses("lambda must be finite", diffusion.inverse_lambda, discrete, 1 / 0)
refuses("must be discrete", diffusion.betas, { kind = "edm" })

tap.done()
