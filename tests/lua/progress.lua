-- Calls that may take long tell how far they are, stop when they are told to, and give the same result.
local tap = require "tap"
local assay = require "assay"
local data, pca, diffusion = assay.matrix(4000, 6), assay.pca, assay.diffusion
local rng = assay.rng(7)
for i = 1, #data do
    for j = 1, 6 do
        data[i][j] = rng:normal() * j
    end
end
local other, components = data:copy(), pca.fit(data, { components = 3 })
for i = 1, #other do
    other[i][1] = other[i][1] + 1
end
local coordinates = pca.project(components, data)
local x, y = {}, {}
for i = 1, 200 do
    x[i] = i
    y[i] = 0.3 + 0.5 * i ^ -0.7 + 0.01 * rng:normal()
end
local mixture = assay.gmm.new { weights = { 1 }, means = { { 0, 0, 0, 0, 0, 0 } }, vars = { 1 } }
local net = assay.net.mlp { 6, 5, 3, seed = 1 }
local rows, labels = data:gather { 1, 2, 3, 4 }, { 0, 1, 2, 0 }
local config = { vocab = 7, ctx = 4, layers = 1, heads = 1, d = 4 }

for name, call in assay.sorted_pairs {
    ["a fit"] = function(o) return assay.fit("saturating", x, y, o).text end,
    ["components"] = function(o) o.components = 2; return pca.fit(data, o).variances end,
    ["coordinates"] = function(o) return pca.project(components, data, o):flat()[1] end,
    ["rows of coordinates"] = function(o) return pca.reconstruct(components, coordinates, o):flat()[1] end,
    ["a Frechet distance"] = function(o) return diffusion.frechet(data, other, o) end,
    ["one from a mixture"] = function(o) return diffusion.frechet_gmm(data, mixture, o) end,
    ["a Gaussian"] = function(o) return diffusion.gaussian_fit(data, o).eigenvalues end,
    ["one whose mean was removed"] = function(o) o.centre = false; return diffusion.gaussian_fit(data, o).eigenvalues end,
    ["a check of a network's gradient"] = function(o) return net:gradcheck(rows, labels, o) end,
    ["one of a language model's"] = function(o)
        o.config, o.tokens, o.targets, o.differences = config, { { 1, 2, 3 } }, { { 2, 3, 4 } }, 3
        return assay.lm.check(o).differences
    end,
} do
    local last, count, rises = 0, 0, true
    local told = call { progress = function(done, total)
        rises = rises and done >= last and done <= total
        last, count = done, count + 1
    end }
    tap.ok(rises and count > 3, name .. " tells how far it is", count .. " times, to " .. last)
    tap.is(told, call {}, name .. ": with the same result")
    tap.error("cancelled", function() call { progress = function() return true end } end, name .. " stops")
    tap.error("own words", function() call { progress = function() error "own words" end } end, name .. ": errors come through")
end
tap.done()
