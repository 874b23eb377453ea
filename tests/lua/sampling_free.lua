-- Dense detectors beyond the golden cases: identities of the paper and of the losses, edge cases.
local tap = require "tap"
local assay = require "assay"
local b = assay.balance

-- 30 anchors of 4 classes: 6 positive ones, 2 ignored
local stream, z, target = assay.rng(3), {}, {}
for i = 1, 30 do
    z[i], target[i] = {}, i % 5 == 1 and i % 4 + 1 or i % 14 == 13 and -1 or 0
    for c = 1, 4 do
        z[i][c] = 2 * stream:normal() - 1
    end
end

local function norm(grad)
    local sum = 0
    for i = 1, #grad do
        for c = 1, #grad[i] do
            sum = sum + grad[i][c] ^ 2
        end
    end
    return math.sqrt(sum)
end

local function same_grad(name, one, other, factor)
    local off = 0
    for i = 1, #one.grad do
        for c = 1, 4 do
            off = math.max(off, math.abs(one.grad[i][c] - factor * other.grad[i][c]))
        end
    end
    tap.ok(off <= 1e-14 and math.abs(one.loss - factor * other.loss) <= 1e-13, name, off, one.loss, other.loss)
end

-- the optimal bias
tap.near(b.optimal_bias(8, 992, { classes = 4 }).prior, 0.002, 1e-16, "pi = n_fg / (n C)")
local bias = b.optimal_bias(8, 992, { classes = 4 }).bias
local loss = b.initial_bce(0.002, { bias - 0.01, bias, bias + 0.01, 0 }, { classes = 4 })
tap.ok(loss[2] < loss[1] and loss[2] < loss[3] and loss[2] < loss[4], "the optimal bias has the least initial loss", tap.show(loss))
tap.near({ loss[2], loss[4] }, { 0.0577088594487, 2.77258872224 }, 1e-12, "0.0577 an anchor against 2.773")
tap.is(math.type(b.initial_bce(0.1, 0)), "float", "one bias, one number")
local flat, zeros = {}, {}
for i = 1, 1000 do
    flat[i], zeros[i] = { bias, bias, bias, bias }, i <= 8 and i % 4 + 1 or 0
end
tap.near(b.det_loss("bce", flat, zeros).loss * 9 / 1000, loss[2], 1e-12, "it is the loss of logits that are all the bias")
tap.near(b.optimal_bias(8, 992, { classes = 4 }).threshold, 0.008, 1e-16, "the threshold belongs to the anchor")
tap.near(b.initial_bce(0, -800), 0, 0, "no overflow")

-- guided scaling
local plain = b.det_loss("bce", z, target)
local g = b.guided_scale(plain.loss, 0.37)
tap.near(g.scaled_loss, 0.37, 1e-16, "the scaled loss is that of the boxes")
local scaled = {}
for i = 1, 30 do
    scaled[i] = {}
    for c = 1, 4 do
        scaled[i][c] = g.scale * plain.grad[i][c]
    end
end
tap.near(norm(scaled), g.scale * norm(plain.grad), 1e-15, "its gradient is scale times the plain one")
tap.near(b.guided_scale(1000 * plain.loss, 0.37).scale * 1000, g.scale, 1e-16, "a factor of the loss changes nothing")
tap.is({ b.guided_scale(0, 0).scale, b.guided_scale(5, 0).scale }, { 0.0, 0.0 }, "no loss, no positive anchor: no step")

-- losses that are one another
same_grad("focal with gamma 0 and alpha 1/2 is half of BCE", b.det_loss("focal", z, target, { gamma = 0, alpha = 0.5 }), plain, 0.5)
local pairs_of_ghm = 28 * 4 / (plain.normalizer)
same_grad("GHM of one bin without momentum is the mean of BCE",
    b.det_loss("ghm", z, target, { bins = 1, momentum = 0 }), plain, 1 / pairs_of_ghm)
same_grad("OHEM of a large ratio is all of BCE / N+", b.det_loss("ohem", z, target, { ratio = 100 }), plain, plain.normalizer / 6)
local all = b.det_loss("biased", z, target, { size = 30, rng = assay.rng(1) })
same_grad("biased with room for all is all of BCE, over their number", all, plain, plain.normalizer / 28)
tap.is(#all.selected, 28, "all that are not ignored")
same_grad("over the positive ones on request",
    b.det_loss("biased", z, target, { size = 30, rng = assay.rng(1), normalize = "positive" }), plain, plain.normalizer / 6)
same_grad("images add to the normalizer", b.det_loss("bce", z, target, { images = 3 }), plain, plain.normalizer / 9)
tap.is({ plain.n_pos, plain.n_valid, plain.normalizer }, { 6, 28, 7.0 }, "positive, counted, N+ + B")
tap.is({ plain.weights[1][1], plain.weights[13][1] }, { 1.0, 0.0 }, "ignored anchors weigh nothing")
local doubled = b.det_loss("bce", z, target, { class_weights = { 2, 2, 2, 2 } })
tap.near({ doubled.grad[1][3], doubled.grad[2][3] }, { 2 * plain.grad[1][3], plain.grad[2][3] }, 1e-16, "weights of classes are those of their anchors")
local hostile = b.det_loss("focal", { { 800, -800 }, { -800, 800 }, { 800, 800 } }, { 1, 0, -1 })
tap.near({ hostile.loss, hostile.grad[2][1] }, { 0.75 * 800 / 2, 0 }, 1e-9, "focal at p = 0 and 1 is finite")

-- choices are made in each image
local two = b.det_loss("ohem", z, target, { images = 2, ratio = 1 })
local left, right = b.det_loss("ohem", { table.unpack(z, 1, 15) }, { table.unpack(target, 1, 15) }, { ratio = 1 }),
    b.det_loss("ohem", { table.unpack(z, 16, 30) }, { table.unpack(target, 16, 30) }, { ratio = 1 })
local halves = {}
for _, i in ipairs(left.selected) do halves[#halves + 1] = i end
for _, i in ipairs(right.selected) do halves[#halves + 1] = i + 15 end
tap.is(two.selected, halves, "OHEM chooses in each image")
tap.near(two.loss, (left.loss * left.n_pos + right.loss * right.n_pos) / 6, 1e-13, "and divides by N+ of the batch")
local eight = b.det_loss("biased", z, target, { images = 2, size = 4, fraction = 0.5, rng = assay.rng(1) })
tap.is({ #eight.selected, eight.normalizer }, { 8, 8.0 }, "biased: 4 of each image")
local boxes = {}
for i = 1, 30 do
    boxes[i] = { i % 6, 0, i % 6 + 0.9, 1 }
end
local regions = b.det_loss("ohem", z, target, { hardest = 4, boxes = boxes })
tap.is({ #regions.selected, regions.normalizer }, { 4, 4.0 }, "regions: the four hardest that don't overlap")
local columns = {}
for _, i in ipairs(regions.selected) do columns[i % 6] = (columns[i % 6] or 0) + 1 end
local most = 0
for _, n in pairs(columns) do most = math.max(most, n) end
tap.is(most, 1, "one of each place")
tap.is(#b.det_loss("ohem", z, target, { ratio = 0 }).selected, 6, "ratio 0: the positive ones")
local nobody = {}
for i = 1, 30 do nobody[i] = 0 end
tap.is({ b.det_loss("ohem", z, nobody).loss, norm(b.det_loss("ohem", z, nobody).grad) }, { 0.0, 0.0 }, "OHEM without a positive anchor: 0")
tap.is(#b.sample_anchors(nobody, nil, { size = 40, rng = assay.rng(1) }).background, 30, "fewer than size: all of them")
tap.is(b.sample_anchors({ 1, 1, 1, 0, 0 }, { .5, .1, .9, .2, .3 }, { size = 3, fraction = 0.5 }),
    { foreground = { 2 }, background = { 4, 5 }, chosen = { 2, 4, 5 } }, "at most half are positive")

-- GHM
local state = {}
b.det_loss("ghm", z, target, { bins = 10, state = state })
local first = { table.unpack(state) }
local again = b.det_loss("ghm", z, target, { bins = 10, state = state })
tap.near(state[1], 0.75 * first[1] + first[1], 1e-12, "the state goes from batch to batch")
tap.ok(again.state == state and #again.bins == 28 * 4, "it is the table that was given")
tap.near(b.ghm_box_loss({ { 3, -4 } }, { mu = 1e-9, bins = 1, momentum = 0 }).loss, 3.5, 1e-8, "GHM of boxes: nearly the mean of |x|")

-- weights
local even = b.effective_weights({ 10, 10, 10 })
tap.near(even, { 1, 1, 1 }, 1e-15, "equal counts, equal weights")
tap.near(b.effective_weights({ 1, 3 }, { beta = 1 }), { 1.5, 0.5 }, 1e-15, "beta 1: inverse counts")
tap.near(b.effective_weights({ 1, 1000 }, { beta = 0 }), { 1, 1 }, 1e-15, "beta 0: none")

-- boxes
tap.near(b.box_decode({ { 0, 0, 100, -3 } }, { { 0, 0, 16, 16 } })[1][3], 8 + 8 * 1000 / 16, 1e-9, "sides are cut at 1000 / 16 of the anchor's")
tap.near(b.box_iou({ { 0, 0, 2, 2 } }, { { 1, 1, 3, 3 }, { 1, 1, 1, 3 } })[1], { 1 / 7, 0 }, 1e-16, "one seventh; nothing without a width")
local values, slopes = b.smooth_l1({ -1, 0.05 }, { beta = 0.1 })
tap.near({ values[1], values[2], slopes[1], slopes[2] }, { 0.95, 0.0125, -1, 0.5 }, 1e-15, "values and slopes")
local m = b.match_anchors({ { 0, 0, 4, 4 } }, { { 0, 0, 4, 4 }, { 2, 0, 6, 4 }, { 9, 9, 12, 12 } }, { labels = { 7 }, background = 0.3 })
tap.is({ m.match, m.target, m.n_fg, m.n_bg }, { { 1, -2, -1 }, { 7, -1, 0 }, 1, 1 }, "matches and targets")

tap.is(b.match_anchors({ { 0, 0, 4, 4 }, { 0, 0, 4, 4 } }, { { 0, 0, 4, 4 } }).match, { 1 }, "of equal boxes the first")

-- average precision
local function found(image, score, box, class) return { image = image, score = score, box = box, class = class } end
local object = { image = 1, box = { 0, 0, 10, 10 } }
tap.is(b.average_precision({ found(1, 0.9, { 0, 0, 10, 10 }) }, { object }).ap, 1.0, "a perfect detection")
local twice = b.average_precision({ found(1, 0.9, { 0, 0, 10, 10 }), found(1, 0.8, { 0, 0, 10, 9 }) }, { object })
tap.is({ twice.ap, twice.hit }, { 1.0, { true, false } }, "a second hit is wrong, but later")
tap.is(b.average_precision({ found(1, 0.7, { 0, 0, 10, 10 }), found(1, 0.8, { 50, 50, 60, 60 }) }, { object }).ap, 0.5, "the wrong one first")
tap.is(b.average_precision({ found(2, 0.7, { 0, 0, 10, 10 }) }, { object }).ap, 0.0, "in another image")
local classes = b.average_precision({ found(1, 0.7, { 0, 0, 10, 10 }, 2), found(1, 0.9, { 0, 0, 10, 10 }, 9) },
    { { image = 1, box = { 0, 0, 10, 10 }, class = 2 }, { image = 1, box = { 0, 0, 10, 10 }, class = 5 } })
tap.is({ classes.ap, classes.classes }, { 0.5, 2 }, "the mean over classes that have objects")
local loose = { found(1, 0.9, { 0, 0, 10, 7 }) }
tap.near(b.average_precision(loose, { object }, { iou = "coco" }).ap, 0.5, 1e-15, "overlap 0.7: five of ten thresholds")
tap.is({ b.average_precision(loose, { object }, { iou = 0.7 }).ap, b.average_precision(loose, { object }, { iou = { 0.7, 0.71 } }).ap }, { 1.0, 0.5 }, "a threshold, or several")
local curve = b.average_precision({ found(1, 0.7, { 0, 0, 10, 10 }), found(1, 0.8, { 50, 50, 60, 60 }) }, { object }).curve
tap.near({ curve[1][1], curve[1][2], curve[2][1], curve[2][2], curve[2][3] }, { 0, 0, 1, 0.5, 0.7 }, 0, "recall, precision, score")

-- a detector: targets, its loss from the parts, detections
local anchors = { { 0, 0, 4, 4 }, { 4, 0, 8, 4 }, { 0, 0, 2, 2 }, { 4, 0, 6, 2 } } -- two shapes, two positions
local t = b.detector_targets({ { { 0, 0, 4, 4 } }, { { 4, 0, 8, 3 }, { 4, 0, 6, 2 } } }, { { 2 }, { 1, 3 } }, anchors)
tap.is({ t.target[1]:totable(), t.target[2]:totable(), t.n_fg, t.n_bg },
    { { 2.0, 0.0, 0.0, 0.0 }, { 0.0, 1.0, 0.0, 3.0 }, 3, 5 }, "targets of two images")
tap.near(t.delta[2], { 0, 0, 0, 0, 0, -1.25, 0, 5 * math.log(0.75), 0, 0, 0, 0, 0, 0, 0, 0 }, 1e-14, "codes of positive anchors")
local outputs = {}
for i = 1, 2 do
    outputs[i] = {}
    for j = 1, 28 do -- 2 shapes x (3 classes + 4) x 2 positions
        outputs[i][j] = stream:normal()
    end
end
local function place(a, channel) return ((a - 1) // 2 * 7 + channel - 1) * 2 + (a - 1) % 2 + 1 end
local function by_parts(kind, options, guided)
    local logits, targets, reg, slope, index = {}, {}, 0, { {}, {} }, { 2, 1 }
    for i = 1, 2 do
        for j = 1, 28 do
            slope[i][j] = 0
        end
        for a = 1, 4 do
            local row, target = {}, t.target[index[i]][a]
            for c = 1, 3 do
                row[c] = outputs[i][place(a, c)]
            end
            logits[#logits + 1], targets[#targets + 1] = row, target
            for k = 1, target > 0 and 4 or 0 do
                local value, d = b.smooth_l1 { outputs[i][place(a, 3 + k)] - t.delta[index[i]][4 * (a - 1) + k] }
                reg, slope[i][place(a, 3 + k)] = reg + value[1] / 12, d[1] / 12
            end
        end
    end
    local own = { images = 2 }
    for key, value in pairs(options) do
        own[key] = value
    end
    local cls = b.det_loss(kind, logits, targets, own)
    local scale = guided and b.guided_scale(cls.loss, reg, { multiplier = 2 }).scale or 1
    for i = 1, 2 do
        for a = 1, 4 do
            for c = 1, 3 do
                slope[i][place(a, c)] = scale * cls.grad[4 * (i - 1) + a][c]
            end
        end
    end
    return scale * cls.loss + reg, slope
end
for kind, options in assay.sorted_pairs { bce = {}, focal = { gamma = 1.5 }, ghm = { bins = 5 }, ohem = { ratio = 1 },
    biased = { size = 2, draws = { .3, .1, .9, .2, .4, .8, .5, .7 } } } do
    for _, guided in ipairs { false, true } do
        local o = { classes = 3, shapes = 2, target = t.target, delta = t.delta, kind = kind, guided = guided, multiplier = 2 }
        for key, value in pairs(options) do
            o[key] = value
        end
        local r = b.detector_loss(outputs, { 2, 1 }, o)
        local whole, slope = by_parts(kind, options, guided)
        tap.near({ r.loss, r.grad[1]:totable(), r.grad[2]:totable() }, { whole, slope[1], slope[2] }, 1e-13,
            kind .. (guided and ", guided" or "") .. ": the loss from its parts")
    end
end
local empty = b.detector_targets({ {} }, { {} }, anchors)
local none = b.detector_loss({ outputs[1] }, { 1 }, { classes = 3, shapes = 2, target = empty.target, delta = empty.delta, guided = true })
tap.is({ none.loss, none.scale, norm(none.grad) ~= norm(none.grad) }, { 0.0, 0.0, false }, "no positive anchor: no step")
local quiet = {}
for j = 1, 28 do
    quiet[j] = -9
end
for a = 1, 4 do
    for k = 1, 4 do
        quiet[place(a, 3 + k)] = 0
    end
end
quiet[place(1, 2)], quiet[place(2, 2)], quiet[place(3, 2)], quiet[place(4, 1)] = 2, 1, 3, 0.5
local function sigmoid(x) return 1 / (1 + math.exp(-x)) end
local seen = b.detections({ quiet }, anchors, { classes = 3, shapes = 2, iou = 0.2 })
tap.is({ #seen, seen[1].class, seen[1].box, seen[2].box, seen[3].class, seen[3].image }, { 3, 2, { 0.0, 0.0, 2.0, 2.0 }, { 4.0, 0.0, 8.0, 4.0 }, 1, 1 },
    "what overlaps a better one of its class is gone")
tap.near({ seen[1].score, seen[2].score, seen[3].score }, { sigmoid(3), sigmoid(1), sigmoid(0.5) }, 1e-15, "by score")
tap.is(#b.detections({ quiet }, anchors, { classes = 3, shapes = 2, iou = 0.2, most = 2 }), 2, "two of an image at most")
tap.is(#b.detections({ quiet }, anchors, { classes = 3, shapes = 2, threshold = 0.7 }), 3, "above the threshold")
tap.is(#b.detections({ quiet }, anchors, { classes = 3, shapes = 2, top = 1 }), 2, "the best of each class")
tap.error("detector_loss: index must have 2 numbers", function() b.detector_loss(outputs, { 1 }, { classes = 3, shapes = 2, target = t.target, delta = t.delta }) end)
tap.error("detector_loss: index[1] must be in 1..2, got 3", function() b.detector_loss(outputs, { 3, 1 }, { classes = 3, shapes = 2, target = t.target, delta = t.delta }) end)
tap.error("detector_loss: outputs must have a multiple of 16 columns", function() b.detector_loss(outputs, { 1, 2 }, { classes = 4, shapes = 2, target = t.target, delta = t.delta }) end)
tap.error("detector_loss: target must be given", function() b.detector_loss(outputs, { 1, 2 }, { classes = 3, shapes = 2 }) end)
tap.error("detector_loss: the logit of anchor 1, class 1 must be finite", function()
    b.detector_loss({ { 0 / 0, table.unpack(outputs[1], 2) } }, { 1 }, { classes = 3, shapes = 2, target = t.target, delta = t.delta })
end)
tap.error("detector_targets: labels must have 1 lists as boxes has, got 0", function() b.detector_targets({ {} }, {}, anchors) end)
tap.error("detections: anchors must be 4 x 4, got 1 x 4", function() b.detections(outputs, { anchors[1] }, { classes = 3, shapes = 2 }) end)

-- refusals
tap.error("optimal_bias: no foreground anchor in the data set", function() b.optimal_bias(0, 10) end)
tap.error("optimal_bias: classes must be in 1..2147483647, got 0", function() b.optimal_bias(1, 10, { classes = 0 }) end)
tap.error("det_loss: target[2] must be -1, 0 or a class in 1..1, got 2", function() b.det_loss("bce", { { 0 }, { 1 } }, { 0, 2 }) end)
tap.error("det_loss: target must have 2 numbers", function() b.det_loss("bce", { { 0 }, { 1 } }, { 0 }) end)
tap.error("det_loss: the logit of anchor 2, class 1 must be finite, got inf", function() b.det_loss("bce", { { 0 }, { math.huge } }, { 0, 1 }) end)
tap.error("unknown option \"gamma\"", function() b.det_loss("bce", z, target, { gamma = 2 }) end)
tap.error("det_loss: draws or rng must be given", function() b.det_loss("biased", z, target) end)
tap.error("det_loss: state must have 10 numbers", function() b.det_loss("ghm", z, target, { bins = 10, state = { 1 } }) end)
tap.error("det_loss: boxes must have 30 rows", function() b.det_loss("ohem", z, target, { hardest = 3 }) end)
tap.error("match_anchors: background must be in 0..0.5 (foreground), got 0.7", function() b.match_anchors(boxes, boxes, { background = 0.7 }) end)
tap.error("match_anchors: boxes[1] must have a width and a height greater than 0, got 0 and 1", function() b.match_anchors({ { 1, 1, 1, 2 } }, boxes) end)
tap.error("smooth_l1: beta must be greater than 0", function() b.smooth_l1({ 1 }, { beta = 0 }) end)
tap.error("sample_anchors: fraction must be in 0..1, got 2", function() b.sample_anchors({ 0 }, { 0 }, { fraction = 2 }) end)
tap.error("guided_scale: cls_loss must be", function() b.guided_scale(0 / 0, 1) end)
tap.error("nms: scores must have 30 numbers", function() b.nms(boxes, { 1 }) end)
tap.error("average_precision: objects must have at least 1, got 0", function() b.average_precision({}, {}) end)
tap.error("average_precision: detections[1].score must be a number", function() b.average_precision({ { image = 1, box = { 0, 0, 1, 1 } } }, { object }) end)
tap.error("average_precision: objects[1].box must be finite with a width", function() b.average_precision({}, { { image = 1, box = { 0, 0, 0, 1 } } }) end)

tap.done()
