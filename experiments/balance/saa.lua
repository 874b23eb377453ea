#!/usr/bin/env -S assay run
-- Few labels: Gui, Zhao, Qi, Zhou, Wang, Shi, Enhancing Sample Utilization through Sample Adaptive Augmentation
-- in Semi-Supervised Learning (2023, arXiv 2309.03598).
--
-- FixMatch and FlexMatch on Fashion-MNIST, each with and without SAA: images whose loss is low ("naive", by
-- Otsu's threshold once an epoch, after a tenth of the steps) get an image glued from two strong views. Other
-- selections: all images, a random share as large as Otsu's, Otsu of the logarithms of losses, and Otsu of
-- what the weak view's confidence lacks to 1. The paper
-- has 92.50 -> 94.76 % (FixMatch) and 95.01 -> 95.31 % (FlexMatch) on CIFAR-10 with 40 labels after 2^20 steps
-- of a WRN-28-2. Here a net of four convolutions sees images averaged to 14 x 14 for some hundred steps, far
-- from the saturation that the paper starts from: no gain in accuracy is to be expected (100 labels, 1200
-- steps: FixMatch loses about half a point within its interval, FlexMatch nearly two), and the claims are first
-- of all about the mechanism. FlexMatch's mask rate is 1, by its definition: its warm-up divides a class's count by
-- that of images that were never confident, three quarters of all after 600 steps, so that no threshold is above
-- 0.07, and the largest of ten probabilities is never below 0.1.
--
-- The paper's nets have batch norm, these have group norm unless norm = "batch". Over paired
-- trainings of 600 steps with 100 labels batch norm is about four points more accurate, and what is claimed
-- comes out alike: SAA gains -0.4 points with group norm (four pairs), 0.2 (interval -0.7..1.0) with batch norm
-- (five pairs). Group norm costs less, since images that don't count are left out of its batches.
--
-- Methods of one replicate share the labelled images, initial weights, batches and draws of augmentation, so
-- that a method whose flags are all 0 (fixmatch+none) has FixMatch's rows bit for bit. Needs the data set fashion-mnist.
--
-- Rows: (accuracy) of the averaged weights at the end; (step, reached, naive_share, threshold, mask_rate,
-- naive_loss, regular_loss) at each selection, reached being the accuracy so far; of the first replicate, at
-- the middle, (image, flagged, right): whether an image's pseudo label is right, and (image, view, loss): naive
-- images of the net as it is then.
local assay = require "assay"
local balance = assay.balance

---- Images ----

-- n images of side x side levels, averaged from 28 x 28 and rounded, and their classes.
local function shrink(images, n, side)
    local block, out = 28 // side, assay.matrix(n, side * side)
    for i = 1, n do
        local from, to = images:row(i), out[i]
        for r = 0, side - 1 do
            for c = 0, side - 1 do
                local sum = 0
                for y = r * block, (r + 1) * block - 1 do
                    for x = c * block + 1, (c + 1) * block do
                        sum = sum + from[28 * y + x]
                    end
                end
                to[side * r + c + 1] = math.floor(sum / (block * block) + 0.5)
            end
        end
    end
    return out
end

local function load_images(cell, split, n, side)
    return cell:cache({ "images", split, n, side }, function()
        local set = assay.data.load("fashion-mnist", { split = split, count = n })
        local labels = {}
        for i = 1, n do
            labels[i] = set.labels[i]
        end
        return { images = shrink(set.images, n, side), labels = labels }
    end)
end

-- labels / 10 images of each class, in random order.
local function draw_labelled(labels, wanted, rng)
    local chosen, taken = {}, {}
    for _, i in ipairs(rng:permutation(#labels)) do
        local class = labels[i]
        taken[class] = taken[class] or 0
        if taken[class] < wanted / 10 then
            taken[class] = taken[class] + 1
            chosen[#chosen + 1] = i
        end
    end
    return chosen
end

-- A function that gives the next m of a list, permuted anew each time it is through.
local function dealer(n, rng)
    local order, at = {}, 0
    return function(m)
        local out = {}
        for k = 1, m do
            if at == #order then
                order, at = rng:permutation(n), 0
            end
            at = at + 1
            out[k] = order[at]
        end
        return out
    end
end

local function zeros(n)
    local out = {}
    for i = 1, n do
        out[i] = 0
    end
    return out
end

local function pick(rows, index)
    local out = {}
    for k, i in ipairs(index) do
        out[k] = rows[i]
    end
    return out
end

---- The net ----

local function block(out, stride, norm)
    return { "conv", out = out, k = 3, pad = 1, stride = stride, bias = false }, norm, { "leaky", slope = 0.1 }
end

-- The first norm makes the scale of the levels irrelevant.
local function new_net(side, norm, seed)
    local layers = {}
    for _, b in ipairs { { 16, 1, 4 }, { 32, 2, 8 }, { 32, 1, 8 }, { 64, 2, 8 } } do
        local layer = norm == "batch" and { "batchnorm" } or { "groupnorm", groups = b[3] }
        table.move({ block(b[1], b[2], layer) }, 1, 3, #layers + 1, layers)
    end
    layers[#layers + 1] = { "globalmean" }
    layers[#layers + 1] = { "dense", out = 10 }
    return assay.net.new { input = { 1, side, side }, seed = seed, layers = layers }
end

-- The averaged weights. Statistics of a batch's norm are not the mean of those along the way: they are taken
-- anew from the images, as stochastic weight averaging does.
local function averaged(t)
    local net = t.net:averaged()
    if t.norm == "batch" then
        local n = math.min(#t.pool, 4096)
        net:train(table.move(t.pool, 1, n, 1, {}), zeros(n), { epochs = 1, batch = 128, loss = "ce", optimizer = "sgd",
            lr = 1e-30, seed = 1 })
    end
    return net
end

local function accuracy(net, set)
    local right = 0
    for i, scores in ipairs(net:predict(set.images):totable()) do
        local best = 1
        for c = 2, 10 do
            best = scores[c] > scores[best] and c or best
        end
        right = right + (best - 1 == set.labels[i] and 1 or 0)
    end
    return right / #set.labels
end

---- A training ----

local batch, ratio, tau = 16, 7, 0.95

-- What the methods do: their substrate, and which images are diverse.
local methods = {
    ["supervised"] = {}, ["pseudo-label"] = { loss = "pseudo" },
    ["fixmatch"] = { loss = "fix" }, ["fixmatch+saa"] = { loss = "fix", select = "otsu" },
    ["fixmatch+log"] = { loss = "fix", select = "otsu", log = true }, ["fixmatch+all"] = { loss = "fix", select = "all" },
    ["fixmatch+random"] = { loss = "fix", select = "random" }, ["fixmatch+none"] = { loss = "fix", select = "none" },
    ["fixmatch+confidence"] = { loss = "fix", select = "otsu", by = "confidence" },
    ["flexmatch"] = { loss = "flex" }, ["flexmatch+saa"] = { loss = "flex", select = "otsu" },
}

local function weak_view(t, rows, rng) return balance.weak_augment(rows, { pad = t.pad, height = t.side, rng = rng }) end

local function strong_view(t, rows, flags, rng)
    if t.how.loss == "pseudo" then
        return weak_view(t, rows, rng)
    end
    return weak_view(t, balance.diverse_augment(rows, flags, { height = t.side, rng = rng:split(1) }), rng:split(2))
end

-- What confidences lack to 1: a history for a selection by these instead of losses.
local function doubts(confidence)
    local out = {}
    for k, c in ipairs(confidence) do
        out[k] = 1 - c
    end
    return out
end

-- FlexMatch's state, and what the selection learns.
local function remember(t, index, r)
    for k, i in ipairs(index) do
        if r.confidence[k] >= tau then
            t.state[i] = r.pseudo_label[k]
        end
        t.label[i] = r.pseudo_label[k]
    end
    t.selection:update(index, t.how.by == "confidence" and doubts(r.confidence) or r.sample_loss)
    t.masked = t.masked + #index
    for _, m in ipairs(r.mask) do
        t.passed = t.passed + m
    end
end

-- Unlabelled images of a step, their labels and 0 or 1: whether they count. Those that don't are left out
-- unless their statistics are those of a batch's norm.
local function unlabelled_part(t, rng)
    local index = t.deal_unlabelled(batch * ratio)
    local rows, flags = pick(t.pool, index), pick(t.flags, index)
    local thresholds = t.how.loss == "flex" and balance.flexmatch_thresholds(t.state, { classes = 10, tau = tau }).threshold or nil
    local strong = strong_view(t, rows, flags, rng:split "strong")
    local r = balance.fixmatch_loss(t.net:predict(weak_view(t, rows, rng:split "weak")), t.net:predict(strong),
        { tau = tau, thresholds = thresholds })
    remember(t, index, r)
    local x, y, counts = {}, {}, {}
    for k, m in ipairs(r.mask) do
        if m == 1 or t.norm == "batch" then
            x[#x + 1], y[#y + 1], counts[#counts + 1] = strong:row(k), r.pseudo_label[k] - 1, m
        end
    end
    return x, y, counts
end

-- L = mean CE of the labelled + sum of the confident / (ratio batch), as a weighted mean over what is there.
local function step(t, s, steps)
    local rng = t.augment:split(s)
    local index = t.deal_labelled(batch)
    local x = weak_view(t, pick(t.labelled, index), rng:split "labelled"):totable()
    local y, counts, weights = pick(t.labels, index), {}, {}
    if t.how.loss then
        local more, labels
        more, labels, counts = unlabelled_part(t, rng)
        table.move(more, 1, #more, #x + 1, x)
        table.move(labels, 1, #labels, #y + 1, y)
    end
    for k = 1, #x do
        weights[k] = k <= batch and #x / batch or #x / (batch * ratio) * counts[k - batch]
    end
    t.net:train(x, y, { steps = s, resume = s > 1, batch = #x, loss = "ce", weights = weights, optimizer = "sgd",
        momentum = 0.9, nesterov = true, weight_decay = 5e-4, lr = 0.03 * balance.cosine_7_16(s - 1, steps),
        ema = math.max(1e-9, balance.ema_alpha(s - 1)), seed = 1 })
end

---- Selections, and what they are looked at with ----

local function mean_loss(history, flags, flag)
    local sum, n = 0, 0
    for i, h in ipairs(history) do
        if flags[i] == flag then
            sum, n = sum + h, n + 1
        end
    end
    return n > 0 and sum / n or nil
end

local function select(t, cell, s)
    local found = t.selection:select()
    local flags = t.selection.flags
    cell:log { step = s, reached = accuracy(averaged(t), t.test), naive_share = found.naive_share, threshold = found.threshold, mask_rate = t.passed / t.masked,
        naive_loss = mean_loss(t.selection.history, flags, 1), regular_loss = mean_loss(t.selection.history, flags, 0) }
    t.masked, t.passed = 0, 0
    if t.how.select == "random" then
        local random = balance.saa { n = #flags, selector = "random", share = found.naive_share, rng = t.augment:split "random":split(s) }
        random:select()
        flags = random.flags
    elseif t.how.select == "all" then
        for i = 1, #flags do
            flags[i] = 1
        end
    elseif t.how.select == "none" then
        flags = zeros(#flags)
    end
    t.flags = t.how.select and flags or t.flags
end

local function log_rightness(t, cell, truth, most)
    for i = 1, most do
        if t.label[i] then
            cell:log { image = i, flagged = t.selection.flags[i], right = t.label[i] - 1 == truth[i] and 1 or 0 }
        end
    end
end

local draws = 8 -- views of an image, whose losses are averaged

-- Losses of naive images under plain and diverse views, by the net as it is.
local function log_mechanism(t, cell, rng, most)
    local naive, none, all = {}, {}, {}
    for i, flag in ipairs(t.selection.flags) do
        if flag == 1 and t.label[i] and #naive < most then
            naive[#naive + 1], none[#none + 1], all[#all + 1] = i, 0, 1
        end
    end
    if #naive == 0 then
        return
    end
    local rows = pick(t.pool, naive)
    local weak = t.net:predict(weak_view(t, rows, rng:split "weak"))
    for view, flags in assay.sorted_pairs { plain = none, diverse = all } do
        local mean = zeros(#naive)
        for draw = 1, draws do
            local strong = t.net:predict(strong_view(t, rows, flags, rng:split "views":split(draw)))
            for k, loss in ipairs(balance.fixmatch_loss(weak, strong, { tau = tau }).sample_loss) do
                mean[k] = mean[k] + loss / draws
            end
        end
        for k, i in ipairs(naive) do
            cell:log { image = i, view = view, loss = mean[k] }
        end
    end
end

local function begin(cell, train)
    local p = cell.params
    local chosen = draw_labelled(train.labels, p.labels, cell:rng "labelled")
    local pool = train.images:totable()
    local t = { how = methods[p.method], norm = p.norm, side = p.side, pad = math.max(1, p.side // 8), pool = pool,
        labelled = pick(pool, chosen), labels = pick(train.labels, chosen), state = zeros(#pool), flags = zeros(#pool), label = {},
        masked = 0, passed = 0, net = new_net(p.side, p.norm, cell:rng "weights":integer(1, 1 << 30)), augment = cell:rng "augment",
        deal_labelled = dealer(#chosen, cell:rng "labelled batches"), deal_unlabelled = dealer(#pool, cell:rng "batches") }
    t.selection = balance.saa { n = #pool, log = t.how.log or nil }
    return t
end

local function run(cell)
    local p = cell.params
    if cell.replicate > p.seeds then
        return
    end
    local train = load_images(cell, "train", p.unlabelled, p.side)
    local t = begin(cell, train)
    t.test = load_images(cell, "test", 2000, p.side)
    local epoch, looked = math.ceil(p.unlabelled / (batch * ratio)), cell.replicate > 1
    for s = 1, p.steps do
        step(t, s, p.steps)
        if t.how.loss and s % epoch == 0 and s >= 0.1 * p.steps then
            select(t, cell, s)
            if not looked and s >= p.steps / 2 and p.method == "fixmatch+saa" then
                log_rightness(t, cell, train.labels, 1500)
                log_mechanism(t, cell, cell:rng "mechanism", 600)
                looked = true
            end
        end
        if s % 10 == 0 then
            cell:progress(s, p.steps)
        end
    end
    cell:log { accuracy = accuracy(averaged(t), t.test) }
end

---- Claims ----

local function absent(what) return { verdict = "inconclusive", message = "this run has no " .. what } end

local function within_shares(r)
    local shares = r:where { method = "fixmatch+saa" }:values "naive_share"
    if #shares == 0 then
        return absent "selections of fixmatch+saa"
    end
    local least, most = math.min(table.unpack(shares)), math.max(table.unpack(shares))
    return { verdict = least > 0.2 and most < 0.98 and "supported" or "not supported", estimate = least, n = #shares,
        message = ("from %.2f to %.2f"):format(least, most) }
end

-- Between images of the first replicate, over all numbers of labels alike.
local function over_images(measure, a, b, paired)
    return function(r)
        local here = r:where { method = "fixmatch+saa" }
        return here:compare { measure = measure, a = a, b = b, above = 0, unit = "image", paired = paired }
    end
end

local function gain(with, without)
    return function(r)
        local all = {}
        for _, labels in ipairs { 40, 100, 250 } do
            local here = r:where { labels = labels }
            if #here:where { method = with } > 0 and #here:where { method = without } > 0 then
                all[#all + 1] = here:compare { measure = "accuracy", a = { method = with }, b = { method = without }, above = 0 }
            end
        end
        return #all > 0 and assay.claims.all(all) or absent(with .. " and " .. without)
    end
end

-- No interval of the difference is above 0.
local function not_better(with, without)
    return function(r)
        local result = gain(with, without)(r)
        if result.low then
            result.verdict = result.low > 0 and "not supported" or "supported"
        end
        return result
    end
end

return assay.experiment {
    name = "saa",
    title = "Few labels: diverse augmentation for images that teach nothing",
    description = "FixMatch and FlexMatch with and without sample adaptive augmentation, on Fashion-MNIST at a scale "
        .. "of minutes. Needs the data set fashion-mnist ('assay data').",
    method = "saa",
    params = {
        method = { default = { "fixmatch", "fixmatch+saa" }, doc = "how unlabelled images are used",
            choices = { "supervised", "pseudo-label", "fixmatch", "fixmatch+saa", "fixmatch+log", "fixmatch+all",
                "fixmatch+random", "fixmatch+none", "fixmatch+confidence", "flexmatch", "flexmatch+saa" } },
        labels = { default = { 40 }, min = 10, max = 5000, doc = "labelled images, a tenth of each class" },
        unlabelled = { default = 8000, min = 112, max = 60000, doc = "images in all" },
        steps = { default = 300, min = 1, doc = "optimizer steps" },
        norm = { default = "group", choices = { "group", "batch" }, doc = "of the net's layers" },
        side = { default = 14, choices = { 14, 28 }, doc = "pixels a side" },
        seeds = { default = 5, min = 1, max = 20, doc = "how many replicates are computed" },
    },
    presets = {
        quick = { seeds = 1 },
        full = { method = { "fixmatch", "fixmatch+saa", "fixmatch+log", "fixmatch+all", "flexmatch", "flexmatch+saa" },
            labels = { 100 }, steps = 1200 },
        long = { method = { "supervised", "pseudo-label", "fixmatch", "fixmatch+saa", "fixmatch+log", "fixmatch+all",
            "fixmatch+random", "fixmatch+confidence", "flexmatch", "flexmatch+saa" }, labels = { 40, 100, 250 }, steps = 20000, side = 28 },
    },
    replicates = 5,
    run = run,
    figures = {
        { name = "reached", title = "Test accuracy of the averaged weights", x = "step", y = "reached", by = "method",
            band = "ci95", ylabel = "accuracy" },
        { name = "accuracy", title = "Test accuracy at the end", x = "labels", y = "accuracy", by = "method",
            logx = true, band = "ci95", style = "linespoints", key = "below" },
        { name = "share", title = "Share of naive images", x = "step", y = "naive_share", by = "method", band = "ci95" },
        { name = "mask", title = "Share of images whose pseudo label counts", x = "step", y = "mask_rate", by = "method", band = "ci95" },
        { name = "naive_loss", title = "Mean loss of naive images", x = "step", y = "naive_loss", by = "method", band = "ci95" },
        { name = "regular_loss", title = "Mean loss of the others", x = "step", y = "regular_loss", by = "method", band = "ci95" },
    },
    claims = {
        { name = "naive_group", text = "the share of naive images is within 0.2 and 0.98 at every selection", check = within_shares },
        { name = "naive_right", text = "pseudo labels of naive images are right more often than those of the others",
            check = over_images("right", { flagged = 1 }, { flagged = 0 }, false) },
        { name = "mechanism", text = "naive images have more loss under diverse than under plain strong views",
            check = over_images("loss", { view = "diverse" }, { view = "plain" }, true) },
        { name = "fixmatch_gain", text = "FixMatch gains accuracy by SAA (at this scale nothing is to be expected)",
            check = gain("fixmatch+saa", "fixmatch") },
        { name = "flexmatch_gain", text = "FlexMatch gains accuracy by SAA (at this scale nothing is to be expected)",
            check = gain("flexmatch+saa", "flexmatch") },
        { name = "all_no_better", text = "diverse views for all images are not better than for naive ones",
            check = not_better("fixmatch+all", "fixmatch+saa") },
    },
}
