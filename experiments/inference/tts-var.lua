#!/usr/bin/env -S assay run
-- Search over coarse-to-fine paths: Chen et al., TTS-VAR: A Test-Time Scaling Framework for Visual
-- Auto-Regressive Generation (2025, arXiv 2507.18537).
--
-- No image model of two billion parameters runs here. The sampler is exact instead: Fashion-MNIST
-- (T-shirts, pullovers, coats, shirts; 14 x 14 pixels) in 100 principal coordinates as a mixture of 16
-- Gaussians, drawn block by block, the coordinates of largest variance first. A "prompt" is a class whose
-- share of the mixture is `prior`. The search sees a reward, the class's log-probability in a softmax
-- regression on one half of the images; quality is judged by mixtures fitted to the other half, so that
-- hacking the reward shows.
-- Two regimes (parameter `regime`):
--
--   faithful  the reward as it is: it can tell from scale 1 or 2 on, against the premise of the paper
--   noisy     plus normal noise, so that its agreement with the last one is as in the paper: at most 0.3
--             on scales 0 to 5, then 0.7 and rising
--
-- Rows: (method, n, cost, quality, reward, plot) means over `runs` searches on common random numbers; scans:
-- (from, quality) of the first resampling scale and (lambda_scan, quality); consistency: (scale, spearman).
local assay = require "assay"
local inference = assay.inference

local classes = { 0, 2, 4, 6 }
local blocks = { 1, 1, 1, 2, 2, 3, 4, 6, 8, 12, 16, 20, 24 }
local noise = { 8, 8, 8, 7, 6, 5, 1.2, 1, 0.8, 0.5, 0.3, 0.1, 0 }

---- The world: mixtures of both halves and the reward, made once ----

-- An image of 28 x 28 made half as large.
local function pooled(images, row)
    local out, image = {}, images:row(row)
    for y = 0, 13 do
        for x = 0, 13 do
            local at = 56 * y + 2 * x
            out[#out + 1] = (image[at + 1] + image[at + 2] + image[at + 29] + image[at + 30]) / (4 * 255)
        end
    end
    return out
end

-- The first `count` images of each class: rows of pixels, and their classes 0..3.
local function read_images(count)
    local set = assay.data.load("fashion-mnist", { split = "train", count = 14 * count })
    local rows, labels, of_class = {}, {}, {}
    for class, name in ipairs(classes) do
        of_class[name] = { class = class - 1, seen = 0 }
    end
    for i, name in ipairs(set.labels) do
        local mine = of_class[name]
        if mine and mine.seen < count then
            mine.seen = mine.seen + 1
            rows[#rows + 1] = pooled(set.images, i)
            labels[#labels + 1] = mine.class
        end
    end
    return assay.matrix(rows), labels
end

local function part(z, labels, half, class)
    local rows, of = {}, {}
    for i = 1 + half, #z, 2 do
        if not class or labels[i] == class then
            rows[#rows + 1] = z:row(i)
            of[#of + 1] = labels[i]
        end
    end
    return assay.matrix(rows), of
end

-- Four Gaussians of each class, as lists that the cache can keep.
local function fit_classes(z, labels, half, rng)
    local out = {}
    for class = 0, 3 do
        local fit = assay.gmm.fit(part(z, labels, half, class),
            { components = 4, rng = rng:split(4 * half + class), floor = 1e-3, max_iterations = 15 }).gmm
        local covs = {}
        for k = 1, 4 do
            covs[k] = fit:covariance(k)
        end
        out[class + 1] = { weights = fit:weights(), means = fit:means(), covs = covs }
    end
    return out
end

local function build(count)
    return function(rng)
        local pixels, labels = read_images(count)
        local z = assay.pca.project(assay.pca.fit(pixels, { components = 100 }), pixels)
        local x, of = part(z, labels, 0)
        local reward = assay.models.softmax.fit(x, of, { ridge = 1e-3, steps = 300, tol = 1e-4 })
        return { reward = { weights = reward.weights, bias = reward.bias },
            maker = fit_classes(z, labels, 0, rng), judge = fit_classes(z, labels, 1, rng) }
    end
end

-- All classes as one mixture, the target's with the share `prior`.
local function mixture(parts, target, prior)
    local all = { weights = {}, means = {}, covs = {} }
    for class, p in ipairs(parts) do
        local share = class - 1 == target and prior or (1 - prior) / 3
        for k = 1, #p.weights do
            table.insert(all.weights, share * p.weights[k])
            table.insert(all.means, p.means:row(k))
            table.insert(all.covs, p.covs[k])
        end
    end
    return assay.gmm.new(all)
end

---- Searches ----

local paper = { 8, 8, 6, 6, 6, 4, 2, 2, 2, 1, 1, 1, 1 }
local flat = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }

local both = { base = paper, extract = { 2, 5 }, resample = { 6, 9 } }

local function with(options, changes)
    local out = {}
    for key, value in pairs(options) do
        out[key] = value
    end
    for key, value in pairs(changes) do
        out[key] = value
    end
    return out
end

local searches = {
    ["TTS-VAR"] = both,
    ["best of N"] = { base = flat },
    ["importance sampling"] = { base = flat, final = "sample" },
    ["resampling only"] = { base = paper, resample = { 6, 9 } },
    ["clustering only"] = { base = paper, extract = { 2, 5 } },
    ["random thinning"] = { base = paper },
    ["early resampling"] = { base = paper, resample = { 2, 5 }, extract = {} },
    ["DIFF"] = with(both, { kind = "diff" }),
    ["MAX"] = with(both, { kind = "max" }),
    ["SUM"] = with(both, { kind = "sum" }),
}

-- Population sizes of each; best of N has costs like those of TTS-VAR with N/2 and more.
local sizes = {
    ["TTS-VAR"] = { 1, 2, 4, 8 }, ["best of N"] = { 1, 2, 4, 8, 16 }, ["importance sampling"] = { 2, 4, 8, 16 },
    ["early resampling"] = { 1, 2, 4 },
}
local compute = { ["TTS-VAR"] = true, ["best of N"] = true, ["importance sampling"] = true, ["early resampling"] = true }

-- The judge's verdict on the rows of x: the share whose likeliest class is the target, and each.
local function judge(world, x, target)
    local score, right = {}, {}
    for class, p in ipairs(world.judge) do
        score[class] = assay.gmm.logpdf(p, x)
    end
    for i = 1, #x do
        local best = 1
        for class = 2, 4 do
            best = score[class][i] > score[best][i] and class or best
        end
        right[i] = best == target + 1 and 1 or 0
    end
    return assay.stats.mean(right)
end

-- Mean quality and final reward of `runs` searches; the exact reward of the answer, without noise.
local function evaluate(cell, world, model, target, options, runs)
    local answers, cost = {}, 0
    local stream = cell:rng "searches"
    for run = 1, runs do
        local found = inference.tts_var(with(options, { model = model, cost = blocks, rng = stream:split(run) }))
        answers[run], cost = found.best, found.cost
    end
    local x = assay.matrix(answers)
    local reward = assay.models.softmax.log_probability(world.reward, x):column(target + 1)
    return judge(world, x, target), assay.stats.mean(reward), cost
end

local function log_consistency(cell, model, runs)
    local found = inference.tts_var { model = model, base = flat, n = 4 * runs, cost = blocks, rng = cell:rng "consistency" }
    for scale, rho in ipairs(inference.reward_consistency(found.history).spearman) do
        cell:log { scale = scale - 1, spearman = rho }
    end
end

local function log_scans(cell, world, model, target)
    local p = cell.params
    for from = 1, 11 do
        local kept = {}
        for s = 1, 13 do
            kept[s] = s <= from and 2 or 1
        end
        local quality = evaluate(cell, world, model, target,
            { base = kept, n = 4, resample = { from }, lambda = p.lambda }, p.runs)
        cell:log { from = from, quality = quality }
    end
    for _, lambda in ipairs { 0, 0.5, 1, 2, 5, 10, 20 } do
        local quality, reward = evaluate(cell, world, model, target, with(both, { lambda = lambda }), p.runs)
        cell:log { lambda_scan = lambda, quality = quality, reward = reward }
    end
end

local function run(cell)
    local p = cell.params
    local world = cell:cache({ "tts-var world", p.images }, build(p.images))
    local target = (cell.replicate - 1) % 4
    local model = assay.models.canvas { gmm = mixture(world.maker, target, p.prior), blocks = blocks,
        reward = world.reward, class = target, noise = p.regime == "noisy" and noise or nil }
    log_consistency(cell, model, p.runs)
    for name, options in assay.sorted_pairs(searches) do
        for _, n in ipairs(sizes[name] or { 1, 2 }) do
            local quality, reward, cost = evaluate(cell, world, model, target,
                with(options, { n = n, lambda = p.lambda }), p.runs)
            cell:log { method = name, n = n, cost = cost, quality = quality, reward = reward,
                plot = compute[name] and "compute" or "parts" }
        end
    end
    if p.regime == "noisy" then
        log_scans(cell, world, model, target)
    end
end

---- Claims: paired by replicate, since searches share their random numbers ----

local function of_regime(regime, prior, check)
    return function(r)
        local mine = r:where { regime = regime, prior = prior }
        if #mine == 0 then
            return { verdict = "inconclusive", message = ("this run has no %s regime with prior %g"):format(regime, prior) }
        end
        return check(mine)
    end
end

local function compare(a, b, bound)
    return function(r)
        return r:compare { measure = bound.measure or "quality", a = a, b = b, above = bound.above, below = bound.below,
            within = bound.within }
    end
end

local tts1, tts2 = { method = "TTS-VAR", n = 1 }, { method = "TTS-VAR", n = 2 }

return assay.experiment {
    name = "tts-var",
    title = "Search over coarse-to-fine paths: cluster early, resample late",
    description = "TTS-VAR against best of N, importance sampling and its own parts at equal cost, on an exact "
        .. "coarse-to-fine sampler of Fashion-MNIST. GenEval, DINOv2 features and human preference are out of its "
        .. "reach. Needs the data set fashion-mnist ('assay data').",
    method = "tts-var",
    params = {
        regime = { default = { "faithful", "noisy" }, choices = { "faithful", "noisy" }, doc = "what the search sees of the reward" },
        prior = { default = { 0.12, 0.4 }, min = 0.01, max = 0.99, doc = "share of the class that is asked for" },
        runs = { default = 50, min = 2, max = 100000, doc = "searches behind a mean" },
        lambda = { default = 2.0, min = 0, max = 100, doc = "sharpness of resampling" },
        images = { default = 1000, min = 500, max = 4000, doc = "images a class, half for each side" },
    },
    presets = {
        quick = { runs = 15 },
        full = { runs = 250 },
    },
    replicates = 8,
    run = run,
    figures = {
        { name = "quality", title = "Quality by compute (noisy, prior 0.12)", x = "cost", y = "quality", by = "method",
            where = { regime = "noisy", prior = 0.12, plot = "compute" },
            logx = true, band = "ci95", key = "below", xlabel = "coordinates drawn", ylabel = "judged to be the class" },
        { name = "quality_faithful", title = "Quality by compute (faithful, prior 0.12)", x = "cost", y = "quality", by = "method",
            where = { regime = "faithful", prior = 0.12, plot = "compute" },
            logx = true, band = "ci95", key = "below", xlabel = "coordinates drawn", ylabel = "judged to be the class" },
        { name = "reward", title = "Reward by compute (noisy, prior 0.12)", x = "cost", y = "reward", by = "method",
            where = { regime = "noisy", prior = 0.12, plot = "compute" },
            logx = true, band = "ci95", key = "below", xlabel = "coordinates drawn", ylabel = "log-probability of the class" },
        { name = "consistency", title = "Agreement with the last reward", x = "scale", y = "spearman", by = "regime",
            where = { prior = 0.12 }, band = "ci95", xlabel = "scale", ylabel = "Spearman's rho" },
        { name = "first_scale", title = "Where resampling happens (noisy)", x = "from", y = "quality", by = "prior",
            where = { regime = "noisy" }, band = "ci95", xlabel = "scale after which 8 paths become 4", ylabel = "judged to be the class" },
        { name = "lambda", title = "Sharpness of resampling (noisy)", x = "lambda_scan", y = "quality", by = "prior",
            where = { regime = "noisy" }, band = "ci95", xlabel = "lambda", ylabel = "judged to be the class" },
    },
    claims = {
        { name = "beats_bon_1", text = "noisy: better than best of 2 at no more cost",
            check = of_regime("noisy", 0.12, compare(tts1, { method = "best of N", n = 2 }, { above = 0 })) },
        { name = "beats_bon_2", text = "noisy: N = 2 is better than best of 4 at no more cost",
            check = of_regime("noisy", 0.12, compare(tts2, { method = "best of N", n = 4 }, { above = 0 })) },
        { name = "late", text = "noisy: late resampling beats early by more than 0.1 (prior 0.4)",
            check = of_regime("noisy", 0.4, compare({ method = "resampling only", n = 1 }, { method = "early resampling", n = 1 }, { above = 0.1 })) },
        { name = "value_sum", text = "noisy: the potential VALUE is no worse than SUM by 0.02 (prior 0.4)",
            check = of_regime("noisy", 0.4, compare(tts1, { method = "SUM", n = 1 }, { above = -0.02 })) },
        { name = "sum_max", text = "noisy: SUM beats MAX", check = of_regime("noisy", 0.4,
            compare({ method = "SUM", n = 1 }, { method = "MAX", n = 1 }, { above = 0 })) },
        { name = "max_diff", text = "noisy: MAX beats DIFF", check = of_regime("noisy", 0.4,
            compare({ method = "MAX", n = 1 }, { method = "DIFF", n = 1 }, { above = 0 })) },
        { name = "clustering", text = "noisy: clustering adds reward to resampling",
            check = of_regime("noisy", 0.12, compare(tts1, { method = "resampling only", n = 1 }, { measure = "reward", above = 0 })) },
        { name = "faithful", text = "faithful: an advantage over early resampling (the paper's order)",
            check = of_regime("faithful", 0.4, compare(tts1, { method = "early resampling", n = 1 }, { above = 0 })) },
        { name = "premise", text = "faithful: rewards agree with the last by less than 0.3 up to scale 5 (the premise)",
            check = of_regime("faithful", 0.4, function(r)
                return r:estimate { measure = "spearman", where = { scale = 5 }, below = 0.3 }
            end) },
    },
}
