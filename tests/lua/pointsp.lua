-- Sampling of point clouds beyond the golden cases: what the Lua functions give and refuse, streams,
-- meshes. Identities below Lua are in tests/methods/balance/pointsp.c.
local tap = require "tap"
local assay = require "assay"
local b = assay.balance

local stream = assay.rng(3)
local P = assay.matrix(200, 3)
for i = 1, 200 do
    P[i] = { stream:normal(), stream:normal(), stream:normal() }
end
P = b.pc_normalize(P)

local function distance(x, y) return (x[1] - y[1]) ^ 2 + (x[2] - y[2]) ^ 2 + (x[3] - y[3]) ^ 2 end

-- key points
local f = b.fps(P, 20, { start = 7 })
tap.is({ #f.index, f.index[1], #f.radius, f.radius[20] }, { 20, 7, 20, f.covering_radius }, "fps: its start first, a radius each")
tap.is(b.fps(P, 20, { rng = assay.rng(1) }).index, b.fps(P, 20, { rng = assay.rng(1) }).index, "fps: the stream draws the start")
local kept = b.ffps(P, 20, { keep = 0.9, rng = assay.rng(1) })
local weights, gone = b.keypoint_weights(P), {}
for _, i in ipairs(kept.removed) do
    gone[i] = weights.weights[i]
end
local heaviest, lightest = 0, 1
for i = 1, 200 do
    heaviest = math.max(heaviest, gone[i] or 0)
    lightest = math.min(lightest, gone[i] and 1 or weights.weights[i])
end
tap.is({ #kept.removed, heaviest <= lightest }, { 20, true }, "ffps: the lightest tenth is away")
for _, i in ipairs(kept.index) do
    tap.ok(not gone[i], "ffps: key points are kept ones")
end
tap.is(b.ffps(P, 9, { keep = 1, start = 4 }).index, b.fps(P, 9, { start = 4 }).index, "ffps: keep = 1 is fps")
tap.is(#b.wrs(P, 500, { rng = assay.rng(1) }).index, 500, "wrs: more than there are, with replacement")
local seen, twice = {}, 0
for _, i in ipairs(b.wrs(P, 200, { replace = false, rng = assay.rng(1) }).index) do
    twice = twice + (seen[i] and 1 or 0)
    seen[i] = true
end
tap.is(twice, 0, "wrs: without replacement none twice")

-- numbers of points
local thin = b.downsample(P, { ratio = 0.6, balance = 0, rng = assay.rng(2) })
tap.is({ thin:rows(), thin:cols() }, { 120, 3 }, "downsample: 200 by 0.6")
tap.is(b.upsample(P, { ratio = 1.5, rng = assay.rng(2) }):rows(), 300, "upsample: 200 by 1.5")
tap.is(b.upsample(P, { ratio = 3.25, rng = assay.rng(2) }):rows(), 650, "upsample: more than one pass")
tap.is(b.fill_up(P, { n = 450, rng = assay.rng(2) }):rows(), 450, "fill_up: to n")
tap.ok(b.fill_up(P, { n = 100, rng = assay.rng(2) }) == P, "fill_up: nothing where there is enough")
tap.ok(b.fill_up({ { 0, 0, 1 }, { 1, 0, 0 } }, { n = 2, rng = assay.rng(2) })[1][3] == 1, "fill_up: nothing needs no neighbours")
local sizes, right = {}, true
for i = 1, 40 do
    local Q, ratio = b.resample(P, { rng = assay.rng(i) })
    right = right and ratio >= 0.5 and ratio < 2
        and Q:rows() == (ratio <= 1 and 200 - math.floor(200 * (1 - ratio)) or 200 + math.floor((ratio - 1) * 200))
    sizes[#sizes + 1] = Q:rows()
end
table.sort(sizes)
tap.ok(right and sizes[1] < 130 and sizes[40] > 300, "resample: sizes by the ratio that it says")
local Q, ratio = b.resample(P, { ratio = 0.5, balance = 1, rng = assay.rng(1) })
tap.is({ Q:rows(), ratio }, { 100, 0.5 }, "resample: a given ratio")
tap.near(b.resample_ratio(0.25), 2 ^ -0.5, 1e-15, "resample_ratio: a number for a number")

-- a descriptor: three points by hand
local d = b.pc_descriptor({ { -1, 0, 0 }, { 1, 0, 0 }, { 1, 0, 0 } }, { bins = 4 })
tap.near(d[1]:totable(), { 4 / 3, 0, 8 / 3, 0, 4 / 3, 0, 0, 8 / 3, 0, 0, 4, 0, 0, 0, 4, 0, 4 / 3, 0, 0 }, 1e-12, "pc_descriptor")
tap.error("pc_descriptor: P must have at least 2 points, got 1", function() b.pc_descriptor { { 0, 0, 0 } } end)

-- matrices
tap.is(P:gather { 3, 3, 1 }:totable(), { P:row(3), P:row(3), P:row(1) }, "gather: rows by number")
tap.is(assay.matrix({ { 1, 2 }, { 3, 4 } }):transpose():flat():totable(), { { 1.0, 3.0, 2.0, 4.0 } }, "flat: one row of all")
tap.error("matrix:gather: rows[1] must be in 1..200, got 201", function() P:gather { 201 } end)

-- meshes and corruptions
local mesh = assay.data.load("pointsp", { split = "chair" })[1]
local S = b.pc_normalize(mesh:sample(2048, { rng = assay.rng(1) }))
tap.is({ S:rows(), S:cols() }, { 2048, 3 }, "mesh:sample")
local F = b.pc_normalize(mesh:sample(1024, { rng = assay.rng(2) }))
for kind, rows in assay.sorted_pairs { rotation = 1024, shear = 1024, scale = 1024, uniform = 1024, gaussian = 1024,
    background = 1053, upsampling = 1365, impulse = 1024, cutout = 874, density = 799, ffd = 1024, rbf = 1024,
    rbf_inv = 1024, occlusion = 1024, lidar = 768 } do
    local C = b.corrupt(F, kind, { severity = 3, mesh = mesh, rng = assay.rng(1) })
    tap.is(C:rows(), rows, kind .. ": points at severity 3")
    tap.ok(C == b.corrupt(F, kind, { severity = 3, mesh = mesh, rng = assay.rng(1) }), kind .. ": the same again")
    tap.ok(C ~= F, kind .. ": not the cloud itself")
end
tap.is(b.corrupt(S, "density_inc", { severity = 2, rng = assay.rng(1) }):rows(), 1024, "density_inc: 1024 of 2048")
tap.is(b.corrupt(F, "background", { amount = 7, rng = assay.rng(1) }):rows(), 1031, "an amount instead of a severity")
local cut = b.corrupt_cutout(P, { centers = { 1, 1 }, size = 10 })
tap.is({ #cut.keep, cut.P:rows() }, { 180, 180 }, "cutout: twice ten")

-- refusals
local rng = assay.rng(1)
local function refuses(words, f) tap.error(words, f) end
refuses("fps: m must be in 1..200 (points), got 201", function() b.fps(P, 201, { start = 1 }) end)
refuses("fps: start or rng must be given", function() b.fps(P, 2) end)
refuses("fps: start must be in 1..200, got 201", function() b.fps(P, 2, { start = 201 }) end)
refuses("ffps: m must be in 1..190 (of 200 points those that are kept), got 191", function() b.ffps(P, 191, { rng = rng }) end)
refuses("ffps: keep must be", function() b.ffps(P, 1, { keep = 0, rng = rng }) end)
refuses("keypoint_weights: k must be in 2..200 (points), got 201", function() b.keypoint_weights(P, { k = 201 }) end)
refuses("keypoint_weights: k must be at least 2, got 1", function() b.keypoint_weights(P, { k = 1 }) end)
refuses("keypoint_weights: P must be finite, got ", function() b.keypoint_weights({ { 0, 0 / 0, 1 }, { 0, 0, 0 } }, { k = 2 }) end)
refuses("keypoint_weights: P must have at least 1 point, got none", function() b.keypoint_weights {} end)
refuses("pc_normals: P must have 3 columns, got 2", function() b.pc_normals { { 0, 1 } } end)
refuses("pc_normalize: extent is zero", function() b.pc_normalize { { 1, 2, 3 } } end)
refuses("wrs_core: draws must have 3 values", function() b.wrs_core({ 1, 1, 1 }, { 0.5 }, { replace = false, m = 1 }) end)
refuses("downsample: ratio must be greater than 0.25", function() b.downsample(P, { ratio = 0.25, rng = rng }) end)
refuses("upsample: ratio must be greater than 0.25 and less than 4, got 4", function() b.upsample(P, { ratio = 4, rng = rng }) end)
refuses("upsample: ratio must be at least 1", function() b.upsample(P, { ratio = 0.5, rng = rng }) end)
refuses("resample: max must be greater than 0.25 and less than 4, got 5", function() b.resample(P, { max = 5, rng = rng }) end)
refuses("resample: min must be at most max, 1, got 2", function() b.resample(P, { min = 2, max = 1, rng = rng }) end)
refuses("tangent_interpolate: neighbor must have 200 values", function() b.tangent_interpolate(P, { k = 5, neighbor = { 1 } }) end)
refuses("tangent_interpolate: normals must be 200 x 3", function() b.tangent_interpolate(P, { k = 5, neighbor = { 1 }, normals = { { 0, 0, 1 } } }) end)
refuses("corrupt: there is no corruption \"snow\" (there are: ", function() b.corrupt(P, "snow", { severity = 1, rng = rng }) end)
refuses("corrupt: give either severity or amount", function() b.corrupt(P, "shear", { rng = rng }) end)
refuses("corrupt: severity must be in 1..5, got 6", function() b.corrupt(P, "shear", { severity = 6, rng = rng }) end)
refuses("corrupt: mesh must be given: occlusion is what is seen of it", function() b.corrupt(P, "occlusion", { severity = 1, rng = rng }) end)
refuses("corrupt: P must have more than 1024 points, got 200", function() b.corrupt(P, "density_inc", { severity = 1, rng = rng }) end)
refuses("corrupt_rotation: angles must have 3 numbers, got 2", function() b.corrupt_rotation(P, { angles = { 0, 1 } }) end)
refuses("corrupt_ffd: displacement must have a lattice for each of 3 axes", function() b.corrupt_ffd(P, { displacement = { { { { 1 } } } } }) end)
refuses("corrupt_ffd: displacement[2] must be a lattice of 1 x 1 x 1", function()
    b.corrupt_ffd(P, { displacement = { { { { 1 } } }, { { { 1, 2 } } }, { { { 1 } } } } })
end)
refuses("corrupt_rbf: alpha must have 8 numbers, got 1", function() b.corrupt_rbf(P, { grid = 2, amplitude = 1, alpha = { 0 }, gamma = { 0 } }) end)
refuses("corrupt_cutout: P must have more than 300 points left", function() b.corrupt_cutout(P, { centers = { 1 }, size = 300 }) end)
refuses("mesh:sample: n must be in 1..1000000000, got 0", function() mesh:sample(0, { rng = rng }) end)
refuses("mesh:sample: the mesh must have a face with an area", function()
    mesh.sample({ vertices = { { 0, 0, 0 } } }, 1, { rng = rng })
end)

tap.done()
