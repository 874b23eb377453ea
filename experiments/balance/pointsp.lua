#!/usr/bin/env -S assay run
-- Corrupted point clouds: Li, Tang, Li, Liu, Li, Enhancing Sampling Protocol for Point Cloud
-- Classification Against Corruptions (2024, arXiv 2408.12062).
--
-- sampling: clouds with uniform background points; how many of the key points that each sampler
-- chooses are noise, and how far the farthest is from the clean surface.
--
-- net, descriptor: classifiers of 256 key points of clouds of 77 meshes in 12 classes, tested on the
-- corruptions of ModelNet40-C. Meshes are split, not clouds, so that no test mesh was trained on;
-- every cloud is of a mesh rescaled along each axis. A protocol is how the training clouds are made (as
-- they are with farthest points, fss+fps; resampled by a ratio of the batch, with key points by
-- weight, resample+wrs) and how the test clouds are (farthest points, those of the filtered cloud,
-- ffps, or of the filled and filtered one, fill+ffps). PointSP is resample+wrs with fill+ffps; the
-- baseline fss+fps with fps. Both are tested on the same corrupted clouds. net is a PointNet of
-- 64, 64, 128 channels with batch-norm (with group-norm it errs twice as often on clean clouds);
-- descriptor is logistic regression on histograms of distances and coordinates, trained with the sampler
-- that it is tested with.
--
-- 24 epochs, as the training half needs them: after 8 every net errs some 4 points more often. Over five
-- splits of the meshes, clean clouds are then missed in 11.1 percent (baseline), 11.3 (FFPS alone) and 17.1
-- (PointSP): its training on resampled clouds costs 4 to 8 points in every split, more than the 3 that "clean"
-- allows, for a reason that is not known. FFPS alone has the gain, background 60 points, and a loss on
-- occlusion, which that training takes back; over all corruptions PointSP less the baseline is -0.15
-- [-2.6, 2.3], so that "mean" is inconclusive. A published competitor is density-aware sampling of CSI (arXiv 2310.03360), 18.4 percent
-- on ModelNet40-C.
--
-- Severity is from 1 to 5, 0 is clean; of occlusion it is the side that is seen. LiDAR and scale, which
-- the suite has too, are not in the table.
--
-- Rows: (sampler, noise, share, farthest) of sampling; (train, test, protocol, corruption, severity,
-- error) of classifiers; and of each pair (corruption, error_high), error_all), means over the severities
-- from 3 on and over all, and (error_mean, error_clean), over all corruptions and severities.
local assay = require "assay"
local b = assay.balance

local corruptions = { "occlusion", "density_inc", "density", "cutout", "uniform", "gaussian", "impulse", "upsampling",
    "background", "rotation", "shear", "ffd", "rbf", "rbf_inv" }
local few = { "background", "impulse", "occlusion", "cutout" }
local POINTS, CLASSES, BATCH = 1024, 12, 32

---- Clouds ----

-- The mesh with its axes rescaled by factors in 2/3 .. 3/2.
local function rescaled(mesh, rng)
    local factor, vertices = rng:uniform(3), mesh.vertices:copy()
    for i = 1, #vertices do
        local x = vertices[i]
        for axis = 1, 3 do
            x[axis] = x[axis] * (0.67 + 0.83 * factor[axis])
        end
    end
    return { vertices = vertices, faces = mesh.faces, sample = mesh.sample }
end

local function cloud_of(mesh, n, rng) return b.pc_normalize(mesh:sample(n, { rng = rng })) end

-- Meshes of each class, in an order of the replicate: the first `held` of all are for testing.
local function split(held, rng)
    local by, train, test = {}, {}, {}
    for _, mesh in ipairs(assay.data.load "pointsp") do
        by[mesh.class] = by[mesh.class] or {}
        table.insert(by[mesh.class], mesh)
    end
    local label = 0
    for _, meshes in assay.sorted_pairs(by) do
        rng:shuffle(meshes)
        local first = math.max(1, math.floor(held * #meshes + 0.5))
        for i, mesh in ipairs(meshes) do
            mesh.label = label
            table.insert(i <= first and test or train, mesh)
        end
        label = label + 1
    end
    return train, test
end

local function clouds_of(meshes, each, rng)
    local set = {}
    for m, mesh in ipairs(meshes) do
        for i = 1, each do
            local own = rng:split((m - 1) * each + i)
            local form = rescaled(mesh, own)
            set[#set + 1] = { P = cloud_of(form, POINTS, own), mesh = form, label = mesh.label, rng = own }
        end
    end
    return set
end

---- Key points: each of P's m, a matrix ----

local function balance_of(p) return p.balance >= 0 and p.balance or nil end

local samplers = {}

function samplers.random(P, p, rng) return P:gather(rng:sample(#P, p.points)) end

function samplers.fps(P, p, rng) return P:gather(b.fps(P, p.points, { rng = rng }).index) end

function samplers.wrs(P, p, rng) return P:gather(b.wrs(P, p.points, { k = p.k, rng = rng }).index) end

function samplers.ffps(P, p, rng)
    return P:gather(b.ffps(P, p.points, { k = p.k, keep = p.keep, rng = rng }).index)
end

-- "fill+ffps" and the like: filled up first, which leaves a cloud of enough points as it is.
local function key_points(how, P, p, rng)
    local filled, sampler = how:match "^(fill%+)(.*)$"
    if filled then
        P = b.fill_up(P, { n = POINTS, k = p.k, rng = rng:split "fill" })
    end
    return samplers[sampler or how](P, p, rng:split(sampler or how))
end

-- Key points of one cloud by each sampler: of a cloud that needs no filling those of "ffps" are those of
-- "fill+ffps", drawn by the same stream.
local function all_key_points(hows, P, p, rng)
    local out = {}
    for _, how in ipairs(hows) do
        local plain = #P >= POINTS and how:match "^fill%+(.*)$" or how
        out[plain] = out[plain] or key_points(plain, P, p, rng)
        out[how] = out[plain]
    end
    return out
end

-- For a net: all x, then all y, then all z.
local function channels(P) return P:transpose():flat() end

---- Corruption ----

local function corrupted(cloud, kind, severity, rng)
    if severity == 0 then
        return cloud.P
    elseif kind == "density_inc" then
        return b.corrupt(cloud_of(cloud.mesh, 2 * POINTS, rng), kind, { severity = severity, rng = rng })
    end
    return b.corrupt(cloud.P, kind, { severity = severity, mesh = cloud.mesh, rng = rng })
end

-- Of every test cloud, in the order of the set, what each sampler makes of it: features by sampler.
local function test_set(cell, set, kind, severity, hows, features)
    local p, X = cell.params, {}
    for i, cloud in ipairs(set) do
        local rng = cloud.rng:split(kind .. severity)
        local P = corrupted(cloud, kind, severity, rng:split "corrupt")
        local chosen, made = all_key_points(hows, P, p, rng), {}
        for _, how in ipairs(hows) do
            local row = made[chosen[how]] or features(chosen[how])
            made[chosen[how]] = row
            X[how] = X[how] or assay.matrix(#set, row:cols())
            X[how][i] = row
        end
    end
    return X
end

local function error_of(net, X, set)
    local scores, wrong = net:predict(X), 0
    for i, cloud in ipairs(set) do
        local best = assay.topk(scores:row(i), 1)[1] - 1
        wrong = wrong + (best ~= cloud.label and 1 or 0)
    end
    return wrong / #set
end

---- Training sets: epochs x clouds rows, in the order in which they are trained on ----

local function training_row(how, P, p, ratio, rng)
    local resampled, sampler = how:match "^(resample)%+(.*)$"
    if resampled then
        P = b.resample(P, { ratio = ratio, balance = balance_of(p), k = p.k, rng = rng })
    end
    return samplers[sampler or how:match "^fss%+(.*)$"](P, p, rng)
end

local function training_set(cell, set, how, epochs, batch, features)
    local p, rng, X, y = cell.params, cell:rng("train " .. how), nil, {}
    local ratio
    for epoch = 1, epochs do
        local order = rng:split("order " .. epoch):permutation(#set)
        for i, c in ipairs(order) do
            local row, own = (epoch - 1) * #set + i, rng:split((epoch - 1) * #set + i)
            if row % batch == 1 then
                ratio = b.resample_ratio(rng:split("ratio " .. row):uniform(), { min = p.least, max = p.most })
            end
            local x = features(training_row(how, set[c].P, p, ratio, own))
            X = X or assay.matrix(epochs * #set, x:cols())
            X[row], y[row] = x, set[c].label
        end
    end
    return X, y
end

---- Classifiers ----

local function pointnet(p, seed)
    local layers = {}
    local function add(...)
        for _, layer in ipairs { ... } do
            layers[#layers + 1] = layer
        end
    end
    local function norm() return p.norm == "batch" and { "batchnorm" } or { "groupnorm", groups = 8 } end
    for _, width in ipairs { 64, 64, 128 } do
        add({ "conv", out = width, k = 1 }, norm(), { "relu" })
    end
    add({ "globalmax" }, { "dense", out = 64 })
    add(p.norm == "batch" and norm() or { "layernorm" }, { "relu" }, { "dense", out = CLASSES })
    return assay.net.new { input = { 3, p.points, 1 }, layers = layers, seed = seed }
end

-- Rows of X one batch after the other, as they were made: a batch shares its ratio.
local function in_order(n, batch)
    local steps = math.ceil(n / batch)
    return steps, function(step)
        local rows, first = {}, (step - 1) * batch
        for i = 1, math.min(batch, n - first) do
            rows[i] = first + i
        end
        return rows
    end
end

local function train_net(cell, set, how)
    local p = cell.params
    local X, y = training_set(cell, set, how, p.epochs, BATCH, channels)
    local net, steps, sampler = pointnet(p, cell:rng("net"):integer(0, 1 << 30)), in_order(#X, BATCH)
    net:train(X, y, { optimizer = "adam", lr = 2e-3, schedule = "cosine", batch = BATCH, steps = steps, sampler = sampler })
    return net
end

local function descriptor(P) return b.pc_descriptor(P) end

local function train_descriptor(cell, set, how)
    local X, y = training_set(cell, set, how, 1, BATCH, descriptor)
    local net = assay.net.logistic { X:cols(), CLASSES, seed = 1 }
    net:train(X, y, { optimizer = "adam", lr = 0.02, epochs = 60, batch = BATCH })
    return net
end

---- Protocols ----

local function protocol_name(train, test)
    return train == "fss+fps" and test == "fps" and "baseline" or train == "resample+wrs" and test == "fill+ffps" and "PointSP"
        or train == "fss+fps" and test == "ffps" and "FFPS alone" or train == "resample+wrs" and test == "fps" and "training alone"
        or train .. " | " .. test
end

-- { train, test } of each pair: what a classifier is trained with and tested on.
local function pairs_of(p)
    local list = {}
    if p.part == "descriptor" then
        return { { "fss+fps", "fps" }, { "fss+ffps", "ffps" }, { "fss+ffps", "fill+ffps" } }
    elseif p.protocols == "main" then
        return { { "fss+fps", "fps" }, { "fss+fps", "ffps" }, { "resample+wrs", "fps" }, { "resample+wrs", "ffps" },
            { "resample+wrs", "fill+ffps" } }
    end
    for _, train in ipairs { "fss+fps", "fss+wrs", "resample+fps", "resample+wrs" } do
        for _, test in ipairs { "fps", "ffps", "random", "fill+fps", "fill+ffps", "fill+random" } do
            list[#list + 1] = { train, test }
        end
    end
    return list
end

-- Distinct firsts (or seconds) in their order.
local function distinct(list, which)
    local out, seen = {}, {}
    for _, pair in ipairs(list) do
        if not seen[pair[which]] then
            seen[pair[which]] = true
            out[#out + 1] = pair[which]
        end
    end
    return out
end

local function severities_of(p)
    local list = {}
    for digit in p.severities:gmatch "%d" do
        list[#list + 1] = math.tointeger(digit)
    end
    return list
end

-- A mean that grows.
local function add_to(means, key, x)
    local m = means[key] or { sum = 0, n = 0 }
    m.sum, m.n, means[key] = m.sum + x, m.n + 1, m
end

local function test_all(cell, nets, set, pairs_, features)
    local p, tests, means, high = cell.params, distinct(pairs_, 2), {}, {}
    local function errors(kind, severity)
        local X, out = test_set(cell, set, kind, severity, tests, features), {}
        for i, pair in ipairs(pairs_) do
            out[i] = 100 * error_of(nets[pair[1]], X[pair[2]], set)
        end
        return out
    end
    local function log(i, row)
        row.train, row.test = pairs_[i][1], pairs_[i][2]
        row.protocol, row.classifier = protocol_name(row.train, row.test), p.part
        cell:log(row)
    end
    local kinds, clean = p.corruptions == "all" and corruptions or few, errors("clean", 0)
    for c, kind in ipairs(kinds) do
        for i in ipairs(pairs_) do
            log(i, { corruption = kind, severity = 0, error = clean[i] })
        end
        for _, severity in ipairs(severities_of(p)) do
            for i, error in ipairs(errors(kind, severity)) do
                log(i, { corruption = kind, severity = severity, error = error })
                add_to(means, i, error)
                add_to(means, kind .. i, error)
                if severity >= 3 then
                    add_to(high, kind .. " " .. i, error)
                end
            end
        end
        cell:progress(c, #kinds)
    end
    for i in ipairs(pairs_) do
        log(i, { error_mean = means[i].sum / means[i].n, error_clean = clean[i] })
        for _, kind in ipairs(kinds) do
            local m = high[kind .. " " .. i]
            log(i, { corruption = kind, error_all = means[kind .. i].sum / means[kind .. i].n, error_high = m and m.sum / m.n or nil })
        end
    end
end

local function run_classifier(cell)
    local p, nets = cell.params, {}
    local train, test = split(0.4, cell:rng "split")
    local train_clouds = clouds_of(train, p.train_clouds, cell:rng "train clouds")
    local test_clouds = clouds_of(test, p.test_clouds, cell:rng "test clouds")
    local is_net, pairs_ = p.part == "net", pairs_of(p)
    for _, how in ipairs(distinct(pairs_, 1)) do
        nets[how] = (is_net and train_net or train_descriptor)(cell, train_clouds, how)
    end
    test_all(cell, nets, test_clouds, pairs_, is_net and channels or descriptor)
end

---- Sampling alone ----

local function squared(x, y) return (x[1] - y[1]) ^ 2 + (x[2] - y[2]) ^ 2 + (x[3] - y[3]) ^ 2 end

-- How far row i of P is from a sample of the clean surface.
local function distance(P, i, surface)
    local least, x = math.huge, P:row(i)
    for j = 1, #surface do
        least = math.min(least, squared(x, surface[j]))
    end
    return math.sqrt(least)
end

local noisy_samplers = {
    random = function(P, p, rng) return rng:sample(#P, p.key_points) end,
    FPS = function(P, p, rng) return b.fps(P, p.key_points, { rng = rng }).index end,
    WRS = function(P, p, rng) return b.wrs(P, p.key_points, { k = p.k, rng = rng }).index end,
    ["FFPS 0.95"] = function(P, p, rng) return b.ffps(P, p.key_points, { k = p.k, keep = 0.95, rng = rng }).index end,
    ["FFPS 0.90"] = function(P, p, rng) return b.ffps(P, p.key_points, { k = p.k, keep = 0.90, rng = rng }).index end,
}

-- The clean cloud's rows, then noise, uniform in the cube: not normalised again, so that the surface
-- stays where it is.
local function with_noise(P, n, rng)
    local Q = assay.matrix(#P + n, 3)
    for i = 1, #P do
        Q[i] = P:row(i)
    end
    for i = #P + 1, #P + n do
        Q[i] = { 2 * rng:uniform() - 1, 2 * rng:uniform() - 1, 2 * rng:uniform() - 1 }
    end
    return Q
end

local function run_sampling(cell)
    local p, share, far = cell.params, {}, {}
    local meshes = split(0.4, cell:rng "split")
    cell:rng("which"):shuffle(meshes)
    for c = 1, p.clouds do
        local rng = cell:rng("cloud " .. c)
        local mesh = meshes[(c - 1) % #meshes + 1]
        local P, surface = cloud_of(mesh, POINTS, rng), nil
        for _, noise in ipairs { 0.5, 1, 2, 5, 10 } do
            local Q = with_noise(P, math.floor(noise / 100 * POINTS + 0.5), rng:split("noise " .. noise))
            for sampler, choose in assay.sorted_pairs(noisy_samplers) do
                local wrong, farthest = 0, 0
                for _, i in ipairs(choose(Q, p, rng:split(sampler .. noise))) do
                    if i > POINTS then
                        wrong = wrong + 1
                        surface = surface or P:totable()
                        farthest = math.max(farthest, distance(Q, i, surface))
                    end
                end
                add_to(share, sampler .. "|" .. noise, 100 * wrong / p.key_points)
                add_to(far, sampler .. "|" .. noise, farthest)
            end
        end
        cell:progress(c, p.clouds)
    end
    local function mean(of, sampler, noise)
        local m = of[sampler .. "|" .. noise]
        return m.sum / m.n
    end
    for _, noise in ipairs { 0.5, 1, 2, 5, 10 } do
        for sampler in assay.sorted_pairs(noisy_samplers) do
            cell:log { sampler = sampler, noise = noise, share = mean(share, sampler, noise), farthest = mean(far, sampler, noise) }
        end
        cell:log { noise = noise, excess = mean(share, "FPS", noise) - 4 * mean(share, "random", noise) }
    end
end

local function run(cell)
    if cell.replicate > cell.params.seeds then
        return
    elseif cell.params.part == "sampling" then
        return run_sampling(cell)
    end
    return run_classifier(cell)
end

---- Claims: paired by seed, on the same corrupted clouds ----

local function has(r, where) return #r:where(where) > 0 end

local function of_net(kinds, check)
    return function(r)
        for _, kind in ipairs(kinds) do
            if not has(r, { classifier = "net", corruption = kind }) then
                return { verdict = "inconclusive", message = "this run has no net on " .. kind }
            end
        end
        return check(r)
    end
end

local function noise_claim(bound)
    return function(r)
        if not has(r, { sampler = "FPS" }) then
            return { verdict = "inconclusive", message = "this run has no sampling" }
        end
        return bound(r)
    end
end

local function net(protocol, corruption) return { classifier = "net", protocol = protocol, corruption = corruption } end

local function high(corruption, a, c, bound)
    return of_net({ corruption }, function(r)
        return r:compare { measure = bound.measure or "error_high", a = net(a, corruption), b = net(c, corruption),
            above = bound.above, below = bound.below }
    end)
end

local function panels()
    local list = {
        { name = "noise", title = "Key points that are noise", x = "noise", y = "share", by = "sampler", band = "ci95", logx = true,
            xlabel = "noise, percent of the cloud", ylabel = "percent of 128 key points" },
        { name = "farthest", title = "The farthest key point from the clean surface", x = "noise", y = "farthest", by = "sampler",
            band = "ci95", logx = true, xlabel = "noise, percent of the cloud", ylabel = "distance (the box has side 2)" },
        { name = "severity", title = "Error by severity, mean over corruptions", x = "severity", y = "error", by = "protocol",
            where = { classifier = "net" }, band = "ci95", ylabel = "error, percent" },
        { name = "descriptor", title = "Histograms and logistic regression, mean over corruptions", x = "severity", y = "error",
            by = "protocol", where = { classifier = "descriptor" }, band = "ci95", ylabel = "error, percent" },
    }
    for _, kind in ipairs(corruptions) do
        list[#list + 1] = { name = kind, title = "Error on " .. kind, x = "severity", y = "error", by = "protocol",
            where = { classifier = "net", corruption = kind }, band = "ci95", ylabel = "error, percent" }
    end
    return list
end

return assay.experiment {
    name = "pointsp",
    title = "Corrupted point clouds: which points a classifier reads",
    description = "Key points by farthest points, by weight, and by farthest points of a filtered cloud, on clouds with noise "
        .. "and in classifiers tested on the corruptions of ModelNet40-C.",
    method = "pointsp",
    params = {
        part = { default = { "sampling", "net", "descriptor" }, choices = { "sampling", "net", "descriptor" },
            doc = "samplers alone, a PointNet, or histograms with logistic regression" },
        protocols = { default = "main", choices = { "main", "all" }, doc = "of the net: the paper's, or every training with every test" },
        corruptions = { default = "all", choices = { "four", "all" }, doc = "background, impulse, occlusion and cutout, or 14" },
        severities = { default = "12345", doc = "digits of 1 to 5" },
        seeds = { default = 5, min = 1, max = 1000, doc = "how many replicates are computed" },
        clouds = { default = 12, min = 1, max = 10000, doc = "of sampling" },
        key_points = { default = 128, min = 1, max = 1024, doc = "of sampling" },
        train_clouds = { default = 16, min = 1, max = 1000, doc = "of each training mesh" },
        test_clouds = { default = 3, min = 1, max = 1000, doc = "of each test mesh" },
        epochs = { default = 24, min = 1, max = 1000, doc = "of the net" },
        norm = { default = "batch", choices = { "batch", "group" }, doc = "of the net" },
        points = { default = 256, min = 2, max = 512, doc = "key points that a classifier reads" },
        k = { default = 20, min = 5, max = 50, doc = "neighbours" },
        keep = { default = 0.95, min = 0.5, max = 1, doc = "share that FFPS keeps" },
        balance = { default = -1, min = -1, max = 1, doc = "0 thins around a point, 1 everywhere; below 0: drawn each time" },
        least = { default = 0.5, min = 0.26, max = 1, doc = "the least ratio of resampling" },
        most = { default = 2.0, min = 1, max = 3.9, doc = "the largest ratio of resampling" },
    },
    presets = {
        quick = { part = { "sampling", "descriptor" }, corruptions = "four", severities = "4", train_clouds = 8, test_clouds = 2 },
        full = {},
    },
    replicates = 5,
    run = run,
    figures = panels(),
    claims = {
        { name = "fps_noise", text = "at 5 percent noise FPS draws more than 4 times as much of it as random sampling",
            check = noise_claim(function(r) return r:estimate { measure = "excess", where = { noise = 5 }, above = 0 } end) },
        { name = "ffps_noise", text = "at 5 percent noise FFPS 0.95 draws less of it than random sampling",
            check = noise_claim(function(r)
                return r:compare { measure = "share", a = { sampler = "FFPS 0.95", noise = 5 }, b = { sampler = "random", noise = 5 }, below = 0 }
            end) },
        { name = "wrs_noise", text = "at 5 percent noise WRS draws less of it than random sampling",
            check = noise_claim(function(r)
                return r:compare { measure = "share", a = { sampler = "WRS", noise = 5 }, b = { sampler = "random", noise = 5 }, below = 0 }
            end) },
        { name = "leak", text = "at 10 percent noise more than 10 percent of the key points of FFPS 0.95 are noise",
            check = noise_claim(function(r) return r:estimate { measure = "share", where = { sampler = "FFPS 0.95", noise = 10 }, above = 10 } end) },
        { name = "no_leak", text = "at 10 percent noise fewer than 5 percent of those of FFPS 0.90 are",
            check = noise_claim(function(r) return r:estimate { measure = "share", where = { sampler = "FFPS 0.90", noise = 10 }, below = 5 } end) },
        { name = "background", text = "background, severity 3 to 5: the same net errs less with FFPS than with FPS",
            check = high("background", "baseline", "FFPS alone", { above = 0 }) },
        { name = "impulse", text = "impulse, severity 3 to 5: the same net errs less with FFPS than with FPS",
            check = high("impulse", "baseline", "FFPS alone", { above = 0 }) },
        { name = "occlusion", text = "occlusion: the same net errs more with FFPS than with FPS",
            check = high("occlusion", "baseline", "FFPS alone", { measure = "error_all", below = 0 }) },
        { name = "training", text = "occlusion: PointSP errs less than FFPS without its training",
            check = high("occlusion", "PointSP", "FFPS alone", { measure = "error_all", below = 0 }) },
        { name = "mean", text = "over all corruptions and severities PointSP errs less than the baseline",
            check = of_net({ "rbf" }, function(r)
                return r:compare { measure = "error_mean", a = { classifier = "net", protocol = "PointSP" },
                    b = { classifier = "net", protocol = "baseline" }, below = 0 }
            end) },
        { name = "clean", text = "on clean clouds PointSP costs less than 3 points",
            check = of_net({ "background" }, function(r)
                return r:compare { measure = "error_clean", a = { classifier = "net", protocol = "PointSP" },
                    b = { classifier = "net", protocol = "baseline" }, below = 3 }
            end) },
    },
}
