#!/usr/bin/env -S assay run
-- Training a detector on all anchors: Joya Chen, Dong Liu, Tong Xu and others, Is Heuristic Sampling
-- Necessary in Training Deep Object Detectors? (2019, arXiv 1909.04868).
--
-- Scenes: items of Fashion-MNIST on noise and clutter, a one-stage detector with three squares at each of
-- 16 x 16 places. About one anchor in 50 is positive. Every method trains the same net (from the same
-- weights, on the same batches) with another loss of classes:
--
--   bce_zero, bce_prior, bce_optimal   all anchors, biases 0, of a prior 0.01, and optimal
--   guided                             guided loss scaling alone, biases 0
--   sampling_free                      guided loss scaling and the optimal bias: the paper's method
--   focal, ghm, ohem, biased           the heuristics, with the bias of a prior 0.01
--
-- at several learning rates: a loss's normaliser is a learning rate in disguise, so one rate would decide
-- the winner. A training that diverges has an average precision of 0.
--
-- Rows: (method, lr, ap, per_image, diverged) a training, with ap_low and per_image_low at the threshold
-- 0.05 for sampling_free, and coco, the mean over overlaps .5 to .95; (method, lr, step, cls_loss,
-- reg_loss, normalizer, head_grad) its way, of the first replicate; cls_loss is divided by normalizer. heuristic and part say which figures a row is in.
--
-- What to expect of a full run: at the rate 0.1 plain cross-entropy comes to nothing in most trainings, but
-- now and then one with a small bias comes through (at 600 steps), so that "collapse" is no certainty, nor is
-- "focal", which fails in some trainings and is as good in others. Each at its best rate, cross-entropy with
-- the optimal bias is some 9 points behind OHEM or biased sampling, and Sampling-Free some 13: the paper's
-- order, at one rate, is not that of tuned rates. What the repair of the gradient's size buys is that a high
-- rate still works. That the bias alone falls behind is no matter of its size: the rate 0.03, where the
-- heuristics are best, is at the edge of stability for a sum over all anchors, so that AP is anything from
-- 13 to 50 between trainings, and 0.01 is too low for 600 steps (39).
--
-- A detector written in PyTorch, with the weights, batches and scenes of replicate 1, has the same losses to six
-- digits over 20 steps and to three over 30, by cross-entropy with the optimal bias at 0.03; then the two part as
-- chaos does, and end at an AP of 49 (here) and 0. On these scenes it comes to 40, 41, 38 and 38 at 0.01 by the
-- optimal bias, to 47 and 44 at 0.02, which the grid of rates leaves out, and to 42, 17, 0 and 0 at 0.03; by OHEM
-- to 51 and 50 at 0.03 and 37 at 0.01, Sampling-Free to 32 at 0.03 and 38 at 0.1. Biased sampling comes to 49 and
-- 49 at 0.03 (here 46 to 53) and to 39 and 40 at 0.01; with 128 anchors an image, at most a quarter of them
-- positive, to 51 and 49, with 64 to 47 and 46, with the boxes' loss over as many to 47 and 46, but to 24 and 23 as a
-- mean over the chosen anchors, and to 13 and 45 from the optimal bias, which is that of all anchors.
local assay = require "assay"
local balance = assay.balance

local methods = {
    bce_zero = { bias = 0 },
    bce_prior = { bias = "prior" },
    bce_optimal = { bias = "optimal" },
    guided = { bias = 0, loss = { guided = true } },
    sampling_free = { bias = "optimal", loss = { guided = true } },
    focal = { bias = "prior", loss = { kind = "focal", gamma = 2, alpha = 0.25 } },
    ghm = { bias = "prior", loss = { kind = "ghm", bins = 30, momentum = 0.75 } },
    ohem = { bias = "prior", loss = { kind = "ohem", ratio = 3 } },
    biased = { bias = "prior", loss = { kind = "biased", size = 256, fraction = 0.5, normalize = "positive" } },
}
local names = {}
for name in assay.sorted_pairs(methods) do
    names[#names + 1] = name
end

-- Which figures a method's rows are in: beside the heuristics, and among the parts of Sampling-Free.
local beside = { bce_optimal = 1, sampling_free = 1, focal = 1, ghm = 1, ohem = 1, biased = 1 }
local parts = { bce_zero = 1, bce_prior = 1, bce_optimal = 1, guided = 1, sampling_free = 1 }

local function log(cell, row)
    local p = cell.params
    row.heuristic = p.multiplier == 1 and beside[p.method] or 0
    row.part = p.multiplier == 1 and parts[p.method] or 0
    cell:log(row)
end

local sides = { 14, 20, 28 }

---- Scenes ----

local function anchors_of(size)
    local anchors = {}
    for _, side in ipairs(sides) do
        for y = 2, size - 2, 4 do
            for x = 2, size - 2, 4 do
                anchors[#anchors + 1] = { x - side / 2, y - side / 2, x + side / 2, y + side / 2 }
            end
        end
    end
    return assay.matrix(anchors)
end

local function scenes_of(cell, split, images)
    local p = cell.params
    return assay.data.fashion_scenes { images = images, size = p.size, items = p.items, classes = p.classes,
        split = split, pool = p.pool, rng = cell:rng(split .. " scenes") }
end

local function objects_of(scenes)
    local objects = {}
    for image, boxes in ipairs(scenes.boxes) do
        for i, box in ipairs(boxes) do
            objects[#objects + 1] = { image = image, box = box, class = scenes.labels[image][i] }
        end
    end
    return objects
end

---- The net ----

local widths = { 16, 24, 24, 24, 24 }

local function net_of(p)
    local outputs = #sides * (p.classes + 4)
    return assay.net.new { input = { 1, p.size, p.size }, layers = {
        { "conv", out = widths[1], k = 3, pad = 1, stride = 2 }, { "relu" },
        { "conv", out = widths[2], k = 3, pad = 1, stride = 2 }, { "relu" },
        { "conv", out = widths[3], k = 3, pad = 2, dilation = 2 }, { "relu" },
        { "conv", out = widths[4], k = 3, pad = 2, dilation = 2 }, { "relu" },
        { "conv", out = widths[5], k = 3, pad = 1 }, { "relu" },
        { "conv", out = outputs, k = 1 }, { "flatten" },
    } }
end

local head = "conv6"

-- Channel c (from 1) of the head is a logit, not a code.
local function is_logit(p, c) return (c - 1) % (p.classes + 4) < p.classes end

-- He's normal weights, N(0, 0.01) in the head, biases 0 but those of the logits.
local function initialise(net, p, bias, rng)
    for _, param in ipairs(net:params()) do
        local rows, cols = param.shape[1], param.size // param.shape[1]
        local layer, what = param.name:match "^(.*)%.(.*)$"
        local values = {}
        for i = 1, rows do
            if what == "bias" then
                values[i] = layer == head and is_logit(p, i) and bias or 0
            else
                local sd = layer == head and 0.01 or math.sqrt(2 / cols)
                values[i] = {}
                for j = 1, cols do
                    values[i][j] = sd * rng:normal()
                end
            end
        end
        net:set(param.name, values)
    end
end

-- What the gradient of the head's logits has for its norm, at each step.
local function watch_head(net, p, norms)
    net:weight_hook(head .. ".weight", {
        forward = function(w) return w end,
        backward = function(_, g, step)
            local sum = 0
            for i = 1, #g do
                for j = 1, is_logit(p, i) and #g[i] or 0 do
                    sum = sum + g[i][j] ^ 2
                end
            end
            norms[step] = math.sqrt(sum)
            return g
        end,
    })
end

---- A training ----

local function options_of(method, p, targets)
    local o = { classes = p.classes, shapes = #sides, target = targets.target, delta = targets.delta }
    for key, value in pairs(method.loss or {}) do
        o[key] = value
    end
    if o.kind == "ghm" then
        o.state = {}
    end
    o.multiplier = o.guided and p.multiplier or nil
    return o
end

-- false and the reason where it diverges; way[step] = { cls_loss =, reg_loss =, normalizer = }.
local function train(cell, net, scenes, o, way)
    local p, draws = cell.params, cell:rng "draws"
    local function loss(outputs, index, step)
        if o.kind == "biased" then
            o.rng = draws:split(step)
        end
        local r = balance.detector_loss(outputs, index, o)
        way[step] = { cls_loss = r.cls_loss, reg_loss = r.reg_loss, normalizer = r.normalizer }
        return r.loss, r.grad
    end
    return pcall(net.train, net, scenes.images, nil, { loss = loss, steps = p.steps, batch = p.batch,
        seed = cell:rng("batches"):integer(0, 2 ^ 31), optimizer = "sgd", lr = p.lr, momentum = 0.9,
        weight_decay = 1e-4, warmup = p.warmup, schedule = "step", factor = 0.1,
        milestones = { p.steps * 7 // 10, p.steps * 9 // 10 },
        on_step = function(step) cell:progress(step, p.steps) end })
end

local function is_divergence(message)
    return message:find("diverged", 1, true) or message:find("must be finite", 1, true)
end

local function judge(net, p, scenes, anchors, threshold)
    local found = balance.detections(net:predict(scenes.images), anchors,
        { classes = p.classes, shapes = #sides, threshold = threshold })
    local objects = objects_of(scenes)
    return 100 * balance.average_precision(found, objects).ap, #found / #scenes.boxes,
        100 * balance.average_precision(found, objects, { iou = "coco" }).ap
end

local function log_way(cell, way, norms)
    local every = math.max(1, cell.params.steps // 100)
    for step, terms in ipairs(way) do
        if (step % every == 0 or step <= 10) and norms[step] then
            log(cell, { step = step, cls_loss = terms.cls_loss, reg_loss = terms.reg_loss, normalizer = terms.normalizer,
                head_grad = norms[step] })
        end
    end
end

local function run(cell)
    local p = cell.params
    local method, anchors = methods[p.method], anchors_of(p.size)
    local same = p.multiplier ~= 1 and not (method.loss and method.loss.guided) -- as the training with 1
    if cell.replicate > p.seeds or same then
        return
    end
    local scenes, test = scenes_of(cell, "train", p.images), scenes_of(cell, "test", p.tests)
    local targets = balance.detector_targets(scenes.boxes, scenes.labels, anchors)
    local optimal = balance.optimal_bias(targets.n_fg, targets.n_bg, { classes = p.classes })
    local biases = { optimal = optimal.bias, prior = -math.log(0.99 / 0.01) }
    local net, way, norms = net_of(p), {}, {}
    initialise(net, p, biases[method.bias] or method.bias, cell:rng "weights")
    if cell.replicate == 1 then
        watch_head(net, p, norms)
    end
    local done, message = train(cell, net, scenes, options_of(method, p, targets), way)
    if not done and not is_divergence(message) then
        error(message, 0)
    end
    log_way(cell, way, norms)
    if not done then
        cell:note("diverged: %s", message)
        return log(cell, { ap = 0, per_image = 0, coco = 0, diverged = 1 })
    end
    local ap, per_image, coco = judge(net, p, test, anchors, p.method == "sampling_free" and optimal.threshold or 0.05)
    local row = { ap = ap, per_image = per_image, coco = coco, diverged = 0, prior = optimal.prior }
    if p.method == "sampling_free" then
        row.ap_low, row.per_image_low = judge(net, p, test, anchors, 0.05)
    end
    log(cell, row)
end

---- Claims: paired by replicate; scenes, weights and batches are shared ----

local heuristics = { "focal", "ghm", "ohem", "biased" }

local function missing(what) return { verdict = "inconclusive", message = "this run has no " .. what } end

local function has(r, wanted, rate)
    for _, method in ipairs(wanted) do
        if #r:where { method = method, lr = rate } == 0 then
            return false
        end
    end
    return true
end

-- A mean of a measure, by method and rate.
local function level(method, measure, bound)
    return function(r)
        if not has(r, { method }, 0.1) then
            return missing(method .. " at the rate 0.1")
        end
        return r:where { lr = 0.1, method = method }:estimate { measure = measure, above = bound.above, below = bound.below }
    end
end

local function collapses(r)
    local verdicts = {}
    for i, method in ipairs { "bce_zero", "bce_prior", "bce_optimal" } do
        verdicts[i] = level(method, "ap", { below = 5 })(r)
    end
    return assay.claims.all(verdicts)
end

local function beats_focal(r)
    if not has(r, { "sampling_free", "focal" }, 0.1) then
        return missing "sampling_free and focal at the rate 0.1"
    end
    return r:where { lr = 0.1 }:compare { measure = "ap", a = { method = "sampling_free" }, b = { method = "focal" }, above = 0 }
end

-- ap[rate] of a method in one replicate, and the rates.
local function by_rate(r, method, replicate)
    local ap, rates = {}, r:distinct "lr"
    for _, rate in ipairs(rates) do
        ap[rate] = r:where { method = method, lr = rate, replicate = replicate }:mean "ap"
    end
    return ap, rates
end

local function best(r, method, replicate)
    local most = 0
    for _, ap in pairs((by_rate(r, method, replicate))) do
        most = math.max(most, ap)
    end
    return most
end

-- The least on the upper half of the rates, as a part of the best.
local function kept(r, method, replicate)
    local ap, rates = by_rate(r, method, replicate)
    local least = math.huge
    for i = #rates // 2 + 1, #rates do
        least = math.min(least, ap[rates[i]])
    end
    return least / math.max(best(r, method, replicate), 1e-9)
end

-- Has the replicate a training by each method at each rate? A run that was cut short has not.
local function is_whole(r, wanted, replicate)
    for _, method in ipairs(wanted) do
        if #r:where { method = method, replicate = replicate } < #r:distinct "lr" then
            return false
        end
    end
    return true
end

-- What `of` gives for one method, less the most that it gives for others, in each replicate.
local function against(of, method, others, bound)
    return function(r)
        local trainings, gaps = r:where { diverged = { 0, 1 } }, {}
        for _, replicate in ipairs(trainings:distinct "replicate") do
            local most = -math.huge
            if #trainings:distinct "lr" > 1 and is_whole(trainings, { method, table.unpack(others) }, replicate) then
                for _, other in ipairs(others) do
                    most = math.max(most, of(trainings, other, replicate))
                end
                gaps[#gaps + 1] = { replicate = replicate, gap = of(trainings, method, replicate) - most }
            end
        end
        if #gaps == 0 then
            return missing "training by each of these methods at several rates"
        end
        return assay.rows(gaps):estimate { measure = "gap", above = bound }
    end
end

-- At the threshold of the prior less at 0.05.
local function threshold(measure, bound)
    return function(r)
        local gaps = {}
        for row in r:where { method = "sampling_free", lr = 0.1, diverged = 0 }:rows() do
            gaps[#gaps + 1] = { replicate = row.replicate, gap = row[measure] - row[measure .. "_low"] }
        end
        if #gaps == 0 then
            return missing "sampling_free at the rate 0.1"
        end
        return assay.rows(gaps):estimate { measure = "gap", above = bound.above, within = bound.within }
    end
end

-- The paper's one-stage detectors have the multiplier 1.
local function of_one(check) return function(r) return check(r:where { multiplier = 1 }) end end

local function doubled(r)
    local at = r:where { method = "sampling_free", lr = 0.1, diverged = { 0, 1 } }
    if #at:where { multiplier = 1 } == 0 or #at:where { multiplier = 2 } == 0 then
        return missing "sampling_free with the multipliers 1 and 2 at the rate 0.1"
    end
    return at:compare { measure = "ap", a = { multiplier = 2 }, b = { multiplier = 1 }, above = 0 }
end

return assay.experiment {
    name = "sampling-free",
    title = "Detectors without sampled anchors",
    description = "A small detector on scenes of Fashion-MNIST items, by plain cross-entropy, guided loss scaling, "
        .. "focal, GHM, OHEM and biased sampling, over learning rates.",
    method = "sampling-free",
    params = {
        method = { default = names, choices = names, doc = "loss of classes, and the bias it begins with" },
        lr = { default = { 0.003, 0.01, 0.03, 0.1, 0.3 }, min = 0, doc = "learning rate" },
        multiplier = { default = 1, min = 1e-6, max = 1000,
            doc = "of the guided loss of classes; losses that are not guided are trained at 1 alone" },
        steps = { default = 600, min = 10, max = 1000000, doc = "of training" },
        batch = { default = 16, min = 1, max = 4096, doc = "images a step" },
        warmup = { default = 50, min = 0, max = 100000, doc = "steps to the full rate" },
        images = { default = 1500, min = 16, max = 100000, doc = "training scenes" },
        tests = { default = 200, min = 10, max = 100000, doc = "test scenes" },
        pool = { default = 10000, min = 100, max = 60000, doc = "images that items are cut from" },
        size = { default = 64, min = 32, max = 512, doc = "side of a scene" },
        items = { default = 3, min = 1, max = 20, doc = "objects of a scene, at most" },
        classes = { default = 10, min = 1, max = 10, doc = "of objects" },
        seeds = { default = 3, min = 1, max = 1000, doc = "how many replicates are computed" },
    },
    presets = {
        quick = { method = { "bce_optimal", "focal", "sampling_free" }, lr = { 0.03, 0.1, 0.3 }, size = 32, items = 1,
            classes = 3, steps = 150, images = 400, tests = 100, pool = 4000, seeds = 3 },
        full = { lr = { 0.01, 0.03, 0.1, 0.3 }, seeds = 5 },
        multipliers = { method = { "sampling_free" }, lr = { 0.03, 0.1, 0.3 }, multiplier = { 1, 2, 4 }, seeds = 5 },
    },
    replicates = 5,
    run = run,
    figures = {
        { name = "rates", title = "Average precision by learning rate", x = "lr", y = "ap", by = "method", logx = true,
            where = { heuristic = 1 }, band = "minmax", xlabel = "learning rate", ylabel = "AP at overlap 0.5, percent" },
        { name = "parts", title = "What its parts do alone", x = "lr", y = "ap", by = "method", logx = true,
            where = { part = 1 }, band = "minmax", xlabel = "learning rate", ylabel = "AP at overlap 0.5, percent" },
        { name = "gradient", title = "Gradient of the logits' weights (rate 0.1)", x = "step", y = "head_grad",
            by = "method", where = { lr = 0.1, part = 1 }, logx = true, logy = true, style = "lines", xlabel = "step", ylabel = "norm" },
        { name = "terms", title = "Loss of classes before scaling (rate 0.1)", x = "step", y = "cls_loss",
            by = "method", where = { lr = 0.1, part = 1 }, logx = true, logy = true, style = "lines", xlabel = "step", ylabel = "loss" },
        { name = "detections", title = "Detections by learning rate", x = "lr", y = "per_image", by = "method", logx = true,
            where = { heuristic = 1 }, band = "minmax", xlabel = "learning rate", ylabel = "detections an image" },
        { name = "multipliers", title = "Guided loss, multiplied", x = "multiplier", y = "ap", by = "lr", logx = true,
            where = { method = "sampling_free" }, band = "minmax", xlabel = "multiplier", ylabel = "AP at overlap 0.5, percent" },
    },
    claims = {
        { name = "collapse", text = "rate 0.1: plain cross-entropy with any bias has AP below 5", check = of_one(collapses) },
        { name = "alive", text = "rate 0.1: Sampling-Free has AP above 30", check = of_one(level("sampling_free", "ap", { above = 30 })) },
        { name = "focal", text = "rate 0.1: Sampling-Free is above focal loss", check = of_one(beats_focal) },
        { name = "robust", text = "upper half of the rates: of its best AP, Sampling-Free keeps more than plain cross-entropy, biased sampling and OHEM",
            check = of_one(against(kept, "sampling_free", { "bce_optimal", "biased", "ohem" }, 0)) },
        { name = "bias_alone", text = "each at its best rate: the optimal bias alone is within 1 AP of every heuristic, or above",
            check = of_one(against(best, "bce_optimal", heuristics, -1)) },
        { name = "always", text = "each at its best rate: Sampling-Free is above every heuristic (the paper's claim at one rate)",
            check = of_one(against(best, "sampling_free", heuristics, 0)) },
        { name = "threshold", text = "rate 0.1: the threshold of the prior instead of 0.05 moves AP by less than 1",
            check = of_one(threshold("ap", { within = { -1, 1 } })) },
        { name = "fewer", text = "rate 0.1: at 0.05 there are fewer detections than at the threshold of the prior",
            check = of_one(threshold("per_image", { above = 0 })) },
        { name = "doubled", text = "rate 0.1: twice the guided loss has more AP (preset multipliers)", check = doubled },
    },
}
