-- Sample adaptive augmentation beyond the golden cases: identities, draws, arguments.
local tap = require "tap"
local assay = require "assay"
local b = assay.balance

-- Otsu: two masses, any shares; scale and shift
for _, ones in ipairs { 1, 10, 50, 99 } do
    local x = {}
    for i = 1, 100 do
        x[i] = i <= ones and 1 or 0
    end
    local t = b.otsu(x)
    tap.is({ t.n_naive, t.threshold > 0 and t.threshold < 1 }, { 100 - ones, true }, "masses at 0 and 1, " .. ones .. " of them at 1")
end
local rng, x, y = assay.rng(1), {}, {}
for i = 1, 500 do
    x[i] = rng:exponential(1) + (i % 3 == 0 and 4 or 0)
    y[i] = 7 * x[i] - 3
end
local spread = math.max(table.unpack(x)) - math.min(table.unpack(x))
tap.near(b.otsu(y).threshold, 7 * b.otsu(x).threshold - 3, 7 * spread / 256, "Otsu moves with the scale")
local logs = {}
for i, v in ipairs(x) do
    logs[i] = math.log(v + 1e-8, 10)
end
tap.near(b.otsu(x, { log = true }).threshold, 10 ^ b.otsu(logs).threshold - 1e-8, 1e-12, "Otsu of logarithms")
tap.error("otsu: x must have at least 1 value", function() b.otsu {} end)
tap.error("otsu: x[2] must be finite", function() b.otsu { 1, 0 / 0 } end)
tap.error("otsu: x[1] must be at least 0", function() b.otsu({ -1, 2 }, { log = true }) end)

-- History and flags
tap.is(b.history_update({ 5, 6 }, { 2 }, { 9 }, { weight = 1 }), { 5.0, 9.0 }, "weight 1: the last loss")
tap.is(b.history_update({ 0, 0 }, { 2 }, { 9 }, { weight = 0 }), { 0.0, 0.0 }, "weight 0: as it was")
tap.is(b.history_update({ 0, 0 }, { 2, 2 }, { 8, 4 }, { weight = 0.5 }), { 0.0, 4.0 }, "an image twice: in order")
tap.error("history_update: the loss of image 2 must be finite", function() b.history_update({ 0, 0 }, { 2 }, { 0 / 0 }) end)
tap.error("history_update: a batch has at most 1 images, got 2", function() b.history_update({ 0 }, { 1, 1 }, { 0, 0 }) end)
tap.error("history_update: index", function() b.history_update({ 0 }, { 2 }, { 0 }) end)
tap.error("naive_update: flags must have 2 values", function() b.naive_update({ 1 }, { 1, 2 }, { threshold = 1 }) end)

-- The selection
local sel = b.saa { n = 6 }
tap.is(sel:select(), { threshold = 0.0, naive_share = 0.0 }, "all losses equal: none is naive")
sel:update({ 1, 2, 3, 4, 5 }, { 0.1, 0.1, 3, 4, 0.1 })
local found = sel:select()
tap.is({ sel.flags, found.naive_share }, { { 1, 1, 0, 0, 1, 1 }, 4 / 6 }, "low losses, and those not seen, are naive")
tap.ok(found.threshold > 0.1 and found.threshold < 3, "the threshold", found.threshold)
sel = b.saa { n = 6, unseen = "regular" }
sel:update({ 1, 2, 3, 4, 5 }, { 0.1, 0.1, 3, 4, 0.1 })
sel:select()
tap.is(sel.flags, { 1, 1, 0, 0, 1, 0 }, "those not seen are regular")
sel:update({ 1 }, { 9 })
sel:select()
tap.is(sel.flags[1], 0, "an image can return")
local function flags_of(options)
    options.n = 4
    local s = b.saa(options)
    s:update({ 1, 2, 3, 4 }, { 1, 2, 3, 4 })
    return s:select().naive_share, s.flags
end
tap.is({ flags_of { selector = "threshold", threshold = 2.5 } }, { 0.5, { 1, 1, 0, 0 } }, "a fixed threshold")
tap.is({ flags_of { selector = "quantile", share = 0.25 } }, { 0.25, { 1, 0, 0, 0 } }, "a quantile")
tap.is({ flags_of { selector = "all" } }, { 1.0, { 1, 1, 1, 1 } }, "all")
tap.is({ flags_of { selector = "none" } }, { 0.0, { 0, 0, 0, 0 } }, "none")
tap.is((flags_of { selector = "random", share = 0.75, rng = assay.rng(2) }), 0.75, "a random share")
tap.error("saa: n must be given", function() b.saa {} end)
tap.error("saa: share must be given", function() b.saa { n = 3, selector = "quantile" } end)
tap.error("saa: rng must be given", function() b.saa { n = 3, selector = "random", share = 0.5 } end)
tap.error('saa: unknown option "wieght" (did you mean "weight"?)', function() b.saa { n = 3, wieght = 1 } end)
tap.error("sel:update: the loss of image 3 must be finite", function() sel:update({ 3 }, { 1 / 0 }) end)
tap.error("sel:update: loss must have 1 values", function() sel:update({ 3 }, { 1, 2 }) end)

-- Images
local images = assay.matrix(40, 6 * 5)
for i = 1, 40 do
    for j = 1, 30 do
        images[i][j] = rng:integer(0, 255)
    end
end
local shape = { height = 6 }
local function options(seed, more)
    local o = { height = 6, rng = assay.rng(seed) }
    for key, value in pairs(more or {}) do
        o[key] = value
    end
    return o
end
local function same(a, c) return tap.same(a:totable(), c:totable()) end
local none, all = {}, {}
for i = 1, 40 do
    none[i], all[i] = 0, 1
end
tap.ok(same(b.rand_augment(images, options(3)), b.diverse_augment(images, none, options(3))), "no flag: RandAugment's bits")
tap.ok(same(b.rand_augment(images, options(3)), b.rand_augment(images, options(3))), "the same stream, the same images")
tap.ok(not same(b.rand_augment(images, options(3)), b.rand_augment(images, options(4))), "another stream, others")
tap.ok(same(b.rand_augment(images, options(3, { n = 0, cutout = 0 })), images), "no operation: the image")
tap.ok(same(b.diverse_augment(images, all, options(3, { n = 0, cutout = 0 })), images), "equal views: the identity")
tap.ok(same(b.diverse_augment(images, all, options(3, { n = 0, cutout = 0, grid = { 2, 3 }, views = 4 })), images), "and in a grid")
tap.ok(same(b.weak_augment(images, options(3, { flip = false, pad = 0 })), images), "no flip, no pad: the image")
local mirrored, moved = b.weak_augment(images, options(3, { pad = 0 })), 0
for i = 1, 40 do
    local straight, reversed = true, true
    for r = 0, 5 do
        for c = 1, 5 do
            straight = straight and mirrored[i][5 * r + c] == images[i][5 * r + c]
            reversed = reversed and mirrored[i][5 * r + c] == images[i][5 * r + 6 - c]
        end
    end
    moved = moved + ((straight or reversed) and 0 or 1)
end
tap.is(moved, 0, "images or their mirror images")
local one = assay.matrix(1, 1, 77)
for seed = 1, 5 do
    tap.is(b.diverse_augment(one, { 1 }, { n = 0, cutout = 0, rng = assay.rng(seed) })[1][1], 77.0, "an image of one pixel")
end
-- a flagged image is of its first view to the right or below, and another one to the left or above
local dark = assay.matrix(2000, 16, 100)
local flags = {}
for i = 1, 2000 do
    flags[i] = 1
end
local first = b.rand_augment(dark, { rng = assay.rng(9), n = 1, cutout = 0 })
local mixed, kept = b.diverse_augment(dark, flags, { rng = assay.rng(9), n = 1, cutout = 0 }), 0
for i = 1, 2000 do
    local right, lower = true, true
    for r = 0, 3 do
        for c = 1, 4 do
            right = right and (c <= 2 or mixed[i][4 * r + c] == first[i][4 * r + c])
            lower = lower and (r <= 1 or mixed[i][4 * r + c] == first[i][4 * r + c])
        end
    end
    kept = kept + ((right or lower) and 1 or 0)
end
tap.is(kept, 2000, "the other half is of the first view")
tap.error("rand_augment: images[1][1] must be a whole number in 0..255, got 0.5", function() b.rand_augment({ { 0.5 } }, { rng = assay.rng(1) }) end)
tap.error("rand_augment: images must have rows of 7 x", function() b.rand_augment(images, { height = 7, rng = assay.rng(1) }) end)
tap.error("rand_augment: rng must be given", function() b.rand_augment(images, shape) end)
tap.error("diverse_augment: flags must have 40 values", function() b.diverse_augment(images, { 1 }, options(1)) end)
tap.error("diverse_augment: grid must be", function() b.diverse_augment(images, all, options(1, { grid = { 2 } })) end)
tap.error("diverse_augment: views must be 2 for halves", function() b.diverse_augment(images, all, options(1, { views = 3 })) end)
tap.error("augment_op: the magnitude of posterize must be in 0..8", function() b.augment_op({ { 1 } }, "posterize", 9) end)
tap.error("augment_op: op must be one of", function() b.augment_op({ { 1 } }, "blur", 1) end)
tap.error("augment_cutout: size must be in 0..1", function() b.augment_cutout({ { 1 } }, { size = 2, x = 0, y = 0 }) end)
tap.error("patch_mix: views must have the same shape", function() b.patch_mix({ { 1 } }, { { 1, 2 } }) end)
tap.error("patch_mix_grid: views must be a list of 4 images", function() b.patch_mix_grid({ { { 1 } } }, { rows = 2, cols = 2 }) end)
-- colours
local pixel = { { 10, 200, 30 } }
tap.is(b.augment_op(pixel, "colour", 0, { channels = 3 })[1][1], 124.0, "a pixel without its colour")
tap.is(b.augment_cutout(pixel, { size = 1, x = 0, y = 0, channels = 3 }):totable(), { { 125.0, 123.0, 114.0 } }, "the fill of colour images")
tap.is(b.augment_op({ { 7, 9 } }, "colour", 0.3):totable(), { { 7.0, 9.0 } }, "grey images stay")

-- Losses
local weak, strong = { { 9, 0, 0 }, { 1, 1, 0 }, { 0, 0, 0 } }, { { 1, 2, 3 }, { 0, 1, 0 }, { 5, 0, 1 } }
local r = b.fixmatch_loss(weak, strong)
tap.is({ r.mask, r.pseudo_label }, { { 1, 0, 0 }, { 1, 1, 1 } }, "masks; ties: the lowest class")
tap.near(r.loss, r.sample_loss[1] / 3, 1e-15, "the mean is over all images")
tap.is(r.grad_strong[2]:totable(), { 0.0, 0.0, 0.0 }, "a masked image has no gradient")
tap.ok(r.sample_loss[2] > 0, "but a loss")
tap.is(b.fixmatch_loss(weak, strong, { tau = 1 }).loss, 0.0, "none is confident: exactly 0")
tap.near(b.fixmatch_loss(weak, strong, { lambda = 3 }).loss, 3 * r.loss, 1e-15, "lambda")
-- FlexMatch, all classes learnt equally: FixMatch
local equal = b.flexmatch_thresholds({ 1, 2, 3, 1, 2, 3 }, { classes = 3 })
tap.is({ equal.beta, equal.threshold }, { { 1.0, 1.0, 1.0 }, { 0.95, 0.95, 0.95 } }, "classes learnt equally")
tap.is(b.fixmatch_loss(weak, strong, { thresholds = equal.threshold }).loss, r.loss, "is FixMatch")
tap.is(b.flexmatch_thresholds({ 0, 0 }, { classes = 2 }).threshold, { 0.0, 0.0 }, "nobody confident yet: all count")
tap.is(b.flexmatch_thresholds({ 0, 0 }, { classes = 2, warmup = false }).threshold, { 0.0, 0.0 }, "0 / 0 is 0")
tap.near(b.flexmatch_thresholds({ 1, 1, 2 }, { classes = 2, map = "linear", tau = 0.8 }).threshold, { 0.8, 0.4 }, 1e-15, "linear")
tap.near(b.flexmatch_thresholds({ 1, 1, 2 }, { classes = 2, map = "concave" }).threshold, { 0.95, 0.95 * math.log(1.5, 2) }, 1e-15, "concave")
-- soft labels: the gradient by differences
local soft, h = { temperature = 0.5, tau = 0.3 }, 1e-6
local g = b.fixmatch_loss(weak, strong, soft).grad_strong
for i = 1, 3 do
    for c = 1, 3 do
        local up, down = { {}, {}, {} }, { {}, {}, {} }
        for k = 1, 3 do
            for d = 1, 3 do
                local step = k == i and d == c and h or 0
                up[k][d], down[k][d] = strong[k][d] + step, strong[k][d] - step
            end
        end
        tap.near(g[i][c], (b.fixmatch_loss(weak, up, soft).loss - b.fixmatch_loss(weak, down, soft).loss) / (2 * h), 1e-8, "soft labels' gradient")
    end
end
tap.error("fixmatch_loss: tau must be", function() b.fixmatch_loss(weak, strong, { tau = 0 }) end)
tap.error("fixmatch_loss: strong must be 3 x 3", function() b.fixmatch_loss(weak, { { 1, 2 } }) end)
tap.error("fixmatch_loss: the logits of image 1 must be finite", function() b.fixmatch_loss({ { 0 / 0, 1 } }, { { 1, 2 } }) end)
tap.error("flexmatch_thresholds: state", function() b.flexmatch_thresholds({ 3 }, { classes = 2 }) end)
tap.error("cosine_7_16: it must be", function() b.cosine_7_16(11, 10) end)

tap.done()
