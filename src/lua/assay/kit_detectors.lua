-- What experiments on losses of object detectors are composed of (kits.lua says what a kit is).
local prior = "-math.log(0.99 / 0.01)"
local optimal = "balance.optimal_bias(targets.n_fg, targets.n_bg, { classes = p.classes })"

local function heuristic(name, loss, doc)
    return { name = name, method = "sampling-free", baseline = true, doc = doc,
        code = ("return { bias = %s, loss = { %s } }"):format(prior, loss) }
end

return {
    about = "detectors of objects",
    family = "balance",
    x = "rate",
    params = {
        { name = "rate", default = 0.1, min = 1e-6, max = 10, values = { 0.03, 0.1, 0.3 }, log = true, doc = "learning rate" },
        { name = "steps", default = 150, min = 10, max = 1000000, values = { 75, 150, 300 }, log = true, doc = "training steps of 16 images" },
        { name = "images", default = 400, min = 16, max = 100000, values = { 100, 400, 1600 }, log = true, doc = "training scenes" },
        { name = "tests", default = 100, min = 10, max = 100000, doc = "test scenes" },
        { name = "size", default = 32, min = 32, max = 256, doc = "side of a scene, in pixels" },
        { name = "classes", default = 3, min = 1, max = 3, doc = "of objects" },
    },
    testbeds = {
        {
            name = "drawn shapes", title = "a square, a frame or a cross on noise",
            code = [[
                return function(split, images)
                    local scenes = { images = assay.matrix(images, p.size ^ 2), boxes = {}, labels = {} }
                    for i = 1, images do
                        local own = rng:split(split == "train" and i or -i)
                        local class, side = own:integer(1, p.classes), own:integer(14, math.min(28, p.size))
                        local left, top = own:integer(0, p.size - side), own:integer(0, p.size - side)
                        local row = own:uniform(p.size ^ 2)
                        for k = 1, #row do
                            local y, x = (k - 1) // p.size - top, (k - 1) % p.size - left
                            local inside = x >= 0 and y >= 0 and x < side and y < side
                            local edge = math.min(x, y, side - 1 - x, side - 1 - y) < 3
                            local cross = math.min(math.abs(x - y), math.abs(x + y - side + 1)) < 3
                            row[k] = 0.2 * row[k] + (inside and (class == 1 or class == 2 and edge or class == 3 and cross) and 0.7 or 0)
                        end
                        scenes.images[i] = row
                        scenes.boxes[i], scenes.labels[i] = { { left, top, left + side, top + side } }, { class }
                    end
                    return scenes
                end]],
        },
        {
            name = "scenes of Fashion-MNIST", title = "an item of clothing among strips of others, on noise",
            code = [[
                return function(split, images)
                    return assay.data.fashion_scenes { images = images, size = p.size, items = 1, classes = p.classes, split = split,
                        pool = 4000, rng = rng:split(split == "train" and 1 or 2) }
                end]],
        },
    },
    arms = {
        { name = "cross-entropy", method = "sampling-free", baseline = true, doc = "of all anchors, biases 0", code = "return { bias = 0 }" },
        { name = "cross-entropy from a prior", method = "sampling-free", baseline = true, doc = "of all anchors, biases of a prior of 0.01",
            code = "return { bias = " .. prior .. " }" },
        heuristic("focal loss", 'kind = "focal", gamma = 2, alpha = 0.25', "what is sure counts little"),
        heuristic("GHM", 'kind = "ghm", bins = 30, momentum = 0.75, state = {}', "by the density of gradients"),
        heuristic("OHEM", 'kind = "ohem", ratio = 3', "the hardest anchors, three to a positive one"),
        heuristic("biased sampling", 'kind = "biased", size = 256, fraction = 0.5, normalize = "positive"',
            "as many positive as negative anchors at random"),
        { name = "optimal bias", method = "sampling-free", doc = "cross-entropy of all anchors, from the bias of least loss",
            code = "return { bias = " .. optimal .. ".bias }" },
        { name = "guided loss", method = "sampling-free", doc = "scaled to the loss of boxes, biases 0",
            code = "return { bias = 0, loss = { guided = true } }" },
        { name = "Sampling-Free", method = "sampling-free", doc = "the optimal bias, guided loss scaling, and a threshold of the prior",
            code = "local best = " .. optimal .. "\nreturn { bias = best.bias, threshold = best.threshold, loss = { guided = true } }" },
    },
    arm_params = {},
    signature = "p, targets",
    measures = {
        { name = "ap", title = "average precision at half overlap, percent", better = "more", tolerance = 1 },
        { name = "coco", title = "mean average precision over overlaps, percent", better = "more", tolerance = 1 },
        { name = "diverged", title = "share of trainings that diverge", better = "less", tolerance = 0.1 },
    },
    constants = [[
        local sides = { 14, 20, 28 } -- of the anchors
        local widths = { 16, 24, 24, 24, 24 } -- of the net]],
    helpers = {
        { name = "anchors_of", code = [[
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
            end]] },
        { name = "net_of", code = [[
            -- He's normal weights, N(0, 0.01) in the head, whose biases of classes are as the method wants them.
            local function net_of(p, bias, rng)
                local outputs = p.classes + 4
                local net = assay.net.new { input = { 1, p.size, p.size }, layers = {
                    { "conv", out = widths[1], k = 3, pad = 1, stride = 2 }, { "relu" },
                    { "conv", out = widths[2], k = 3, pad = 1, stride = 2 }, { "relu" },
                    { "conv", out = widths[3], k = 3, pad = 2, dilation = 2 }, { "relu" },
                    { "conv", out = widths[4], k = 3, pad = 2, dilation = 2 }, { "relu" },
                    { "conv", out = widths[5], k = 3, pad = 1 }, { "relu" },
                    { "conv", out = #sides * outputs, k = 1 }, { "flatten" },
                } }
                for _, param in ipairs(net:params()) do
                    local rows, head, values = param.shape[1], param.name:find("conv6", 1, true), {}
                    local cols = param.size // rows
                    for i = 1, rows do
                        if param.name:find "bias$" then
                            values[i] = head and (i - 1) % outputs < p.classes and bias or 0
                        else
                            values[i] = rng:normal(cols)
                            for j = 1, cols do
                                values[i][j] = values[i][j] * (head and 0.01 or math.sqrt(2 / cols))
                            end
                        end
                    end
                    net:set(param.name, values)
                end
                return net
            end]] },
        { name = "train", code = [[
            -- Whether it came to its end; any other error than a divergence is one.
            local function train(cell, net, scenes, options)
                local p, draws = cell.params, cell:rng "draws"
                local function loss(outputs, index, step)
                    options.rng = options.kind == "biased" and draws:split(step) or nil
                    local r = balance.detector_loss(outputs, index, options)
                    return r.loss, r.grad
                end
                local done, message = pcall(net.train, net, scenes.images, nil, { loss = loss, steps = p.steps, batch = 16,
                    seed = cell:rng("batches"):integer(0, 2 ^ 31), optimizer = "sgd", lr = p.rate, momentum = 0.9, weight_decay = 1e-4,
                    warmup = math.min(50, p.steps // 3), schedule = "step", factor = 0.1, milestones = { p.steps * 7 // 10, p.steps * 9 // 10 },
                    on_step = function(step) cell:progress(step, p.steps) end })
                if not done and not message:find("diverged", 1, true) and not message:find("must be finite", 1, true) then
                    error(message, 0)
                end
                return done
            end]] },
    },
    run = [[
        local p, anchors = cell.params, anchors_of(cell.params.size)
        local draw = testbed(p, cell:rng "testbed", cell)
        local scenes, test = draw("train", p.images), draw("test", p.tests)
        local targets = balance.detector_targets(scenes.boxes, scenes.labels, anchors)
        local method = methods[p.method](p, targets)
        local options = { classes = p.classes, shapes = #sides, target = targets.target, delta = targets.delta }
        for key, value in pairs(method.loss or {}) do
            options[key] = value
        end
        local net = net_of(p, method.bias, cell:rng "weights")
        if not train(cell, net, scenes, options) then
            cell:log { ap = 0, coco = 0, diverged = 1 }
            return
        end
        local found = balance.detections(net:predict(test.images), anchors,
            { classes = p.classes, shapes = #sides, threshold = method.threshold or 0.05 })
        local objects = {}
        for image, boxes in ipairs(test.boxes) do
            for i, box in ipairs(boxes) do
                objects[#objects + 1] = { image = image, box = box, class = test.labels[image][i] }
            end
        end
        cell:log { ap = 100 * balance.average_precision(found, objects).ap,
            coco = 100 * balance.average_precision(found, objects, { iou = "coco" }).ap, diverged = 0 }]],
}
