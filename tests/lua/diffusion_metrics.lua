-- Metrics of samples against closed forms; principal components, lifted mixtures, images.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local function draws(rng, n, d, mean, deviation)
    local rows = {}
    for i = 1, n do
        rows[i] = rng:normal(d)
        for j = 1, d do
            rows[i][j] = (j == 1 and mean or 0) + (deviation or 1) * rows[i][j]
        end
    end
    return assay.matrix(rows)
end

-- ---- Frechet ----

local function diagonal(values)
    local out = {}
    for i = 1, #values do
        out[i] = {}
        for j = 1, #values do
            out[i][j] = i == j and values[i] or 0
        end
    end
    return out
end
local zero, ones = { 0, 0, 0 }, diagonal { 1, 1, 1 }
tap.near(diffusion.frechet_moments(zero, ones, { 2, 0, 0 }, ones), 4, 1e-12, "a shift by d: d^2")
tap.near(diffusion.frechet_moments(zero, diagonal { 4, 1, 0 }, zero, diagonal { 1, 1, 9 }), 1 + 0 + 9, 1e-12,
    "diagonals: the sum of (sqrt a - sqrt b)^2, singular too")
local X = draws(assay.rng(1), 50, 3, 0)
tap.near(diffusion.frechet(X, X), 0, 1e-10, "no distance from itself")
tap.is(select(2, diffusion.frechet({ { 0, 0, 1 }, { 1, 0, 1 } }, X)), { rank_x = 1, rank_y = 3, nonfinite = 0 },
    "ranks of the covariances")
local two = assay.gmm.new { weights = { 0.5, 0.5 }, means = { { -1, 0, 0 }, { 1, 0, 0 } }, vars = { 1, 1 } }
tap.near(diffusion.frechet_gmm(assay.gmm.sample(two, 40000, { rng = assay.rng(2) }), two), 0, 2e-3,
    "draws of a mixture are near its moments")
local bad = X:totable()
bad[7][2] = 0 / 0
tap.error("X has 1 rows that are not finite, of 50", function() diffusion.frechet(bad, X) end)
tap.is(select(2, diffusion.frechet(bad, X, { drop_nonfinite = true })).nonfinite, 1, "rows left out are counted")
tap.near(diffusion.rmse({ { 1, 0 }, { 0 / 0, 1 } }, { { 0, 0 }, { 0, 1 } }, { drop_nonfinite = true }), math.sqrt(0.5),
    1e-15, "pairs are left out together")

-- ---- Wasserstein ----

tap.is(diffusion.wasserstein_1d({ 0, 1 }, { 0, 0, 1, 1 }), 0.0, "the same distribution in other sizes")
tap.near(diffusion.wasserstein_1d({ 1, 5, 2 }, { 4, 8, 5 }, { p = 3 }), 27, 1e-12, "a shift by c: |c|^p")
tap.near(diffusion.wasserstein_1d({ 0 }, { 1, 2, 6 }, { p = 2 }), (1 + 4 + 36) / 3, 1e-12, "one point against three")
tap.error("p must be at least 1", function() diffusion.wasserstein_1d({ 1 }, { 1 }, { p = 0.5 }) end)
local shifted = diffusion.sliced_wasserstein(draws(assay.rng(3), 20000, 4, 0), draws(assay.rng(4), 20000, 4, 1),
    { rng = assay.rng(5) })
tap.near(shifted, 0.5, 0.05, "normals a shift delta apart: delta / sqrt d")
tap.error("projections%[1%] must have length 1", function()
    diffusion.sliced_wasserstein(X, X, { projections = { { 1, 1, 0 } } })
end)

-- ---- MMD ----

local sum, squares, splits = 0, 0, 200
local rng = assay.rng(6)
for _ = 1, splits do
    local value = diffusion.mmd2(draws(rng, 25, 2, 0), draws(rng, 25, 2, 0))
    sum, squares = sum + value, squares + value ^ 2
end
local mean = sum / splits
tap.ok(math.abs(mean) < 4 * math.sqrt((squares / splits - mean ^ 2) / splits), "unbiased: 0 on average for one distribution")
-- E k(x, y) of normals in one dimension is h / sqrt(h^2 + 2) exp(-m^2 / (2 (h^2 + 2)))
local want = 2 / math.sqrt(3) * (1 - math.exp(-4 / 6))
tap.near(diffusion.mmd2(draws(assay.rng(7), 3000, 1, 0), draws(assay.rng(8), 3000, 1, 2), { bandwidths = { 1 } }), want,
    0.03, "two normals: the closed form")
tap.error("give bandwidths", function() diffusion.mmd2(X, { { 1, 1, 1 }, { 1, 1, 1 } }) end)

-- ---- against a mixture ----

local plane = assay.gmm.new { weights = { 0.25, 0.75 }, means = { { -3, 0 }, { 3, 0 } }, vars = { 1, 1 } }
local exact = assay.gmm.sample(plane, 4000, { rng = assay.rng(9) })
local gap = diffusion.nll_gap(exact, plane, { rng = assay.rng(10) })
tap.near(gap, 0, 0.1, "exact draws have no gap of likelihood")
-- against N(0, I): KL of N(m, I) is m^2 / 2
local unit = assay.gmm.new { weights = { 1 }, means = { { 0, 0 } }, vars = { 1 } }
tap.near(diffusion.kl_gmm(draws(assay.rng(11), 4000, 2, 1), unit, { rng = assay.rng(12), n = 4000 }), 0.5, 0.1,
    "KL of shifted normals")
local modes = diffusion.mode_weights(exact, plane)
tap.near(modes.weights, { 0.25, 0.75 }, 0.03, "weights of modes")
tap.near(diffusion.mode_weights(draws(assay.rng(13), 500, 2, 3), plane).tv, 0.25, 1e-3, "a mode is missing")

tap.near(diffusion.loglog_slope({ 3, 7, 20 }, { 5 / 9, 5 / 49, 5 / 400 }), -2, 1e-12, "C n^-2")
tap.near(diffusion.loglog_slope({ 1, 2, 4, 8, 16 }, { 9, 4, 1, 0.25, 1e-9 }, { accuracy = 1e-6 }), -2, 1e-12,
    "the last three points above the accuracy")

-- ---- principal components ----

local pixels = {}
local source = assay.rng(14)
for i = 1, 400 do
    local a, b, e = 3 * source:normal(), source:normal(), source:normal(4)
    pixels[i] = { 5 + a * 0.6 + 0.1 * e[1], a * 0.8 + 0.1 * e[2], b + 0.1 * e[3], 0.1 * e[4] }
end
local pca = assay.pca.fit(pixels, { components = 2 })
tap.near({ pca.components[1][1], pca.components[1][2], pca.components[2][3] }, { 0.6, 0.8, 1 }, 0.02, "directions")
tap.near(pca.variances, { 9.01, 1.01 }, 1, "variances")
local z = assay.pca.project(pca, pixels)
local back = assay.pca.reconstruct(pca, z)
tap.near(diffusion.rmse(back, pixels), math.sqrt((pca.total - pca.variances[1] - pca.variances[2]) / 4), 1e-3,
    "what is lost is the variance that is left out")
tap.error("components must be in 1..4", function() assay.pca.fit(pixels, { components = 5 }) end)

-- ---- lifted mixtures ----

local small = { weights = { 0.4, 0.6 }, means = { { 1, 0 }, { -1, 0.5 } }, covs = { { { 2, 0.3 }, { 0.3, 1 } }, { { 0.5, 0 }, { 0, 0.7 } } },
    classes = { 1, 2 } }
local lifted = assay.gmm.lift(small, pca, { residual = 0.2 })
local inside, g = { { 0.3, -1.2 }, { 2, 2 } }, assay.gmm.new(small)
local flat = assay.gmm.logpdf(g, inside)
local outside = 2 * -0.5 * math.log(2 * math.pi * 0.2)
tap.near(assay.gmm.logpdf(lifted, assay.pca.reconstruct(pca, inside)), { flat[1] + outside, flat[2] + outside }, 1e-9,
    "density on the plane: that of the coordinates and of two residual normals")
tap.near(assay.gmm.logpdf(lifted, assay.pca.reconstruct(pca, inside), { class = 2 })[1],
    assay.gmm.logpdf(g, inside, { class = 2 })[1] + outside, 1e-9, "classes are kept")

-- ---- images ----

tap.is(assay.image.grid({ { 0, 1 }, { 2, 3 }, { 1, 1 } }, { height = 1, width = 2, columns = 2, high = 3 }):totable(),
    { { 0.0, 85.0, 0.0, 170.0, 255.0 }, { 0.0, 0.0, 0.0, 0.0, 0.0 }, { 85.0, 85.0, 0.0, 0.0, 0.0 } }, "tiles")
tap.error("image 1 has 3 numbers", function() assay.image.grid({ { 1, 2, 3 } }, { height = 2 }) end)
tap.error("unknown option", function() assay.image.grid({ { 1 } }, { hight = 1 }) end)
tap.is(assay.image.points({ { { -1, -1 } }, { { 1, 1 }, { 9, 9 } } }, { size = 3, xrange = { -1, 1 }, yrange = { -1, 1 } }):totable(),
    { { 0.0, 0.0, 255.0 }, { 0.0, 0.0, 0.0 }, { 157.0, 0.0, 0.0 } }, "points, y upwards")

tap.done()
