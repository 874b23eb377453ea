-- Dense detectors against tests/golden/sampling-free.json: numpy and PyTorch after the reference code.
local golden = require "golden"
local balance = require("assay").balance

local function each(list, f)
    local out = {}
    for i, case in ipairs(list) do
        out[i] = f(case, i)
    end
    return out
end

local function match(options)
    return function(input)
        local r = balance.match_anchors(input.boxes, input.anchors, options)
        r.iou_row1 = r.iou[1]
        return r
    end
end

-- The file has 12 digits, and some cases a tolerance of 1e-12.
local function to_12_digits(x) return tonumber(("%.12g"):format(x)) end

local function times(scale, matrix)
    local out = {}
    for i = 1, #matrix do
        out[i] = {}
        for j = 1, #matrix[i] do
            out[i][j] = scale * matrix[i][j]
        end
    end
    return out
end

-- The gradient of the scaled loss is that of the case of plain BCE, whose logits these are.
local bce

golden.run("sampling-free", {
    ["assay.balance.optimal_bias(n_fg, n_bg, {classes=C})"] = function(input)
        return each(input, function(c)
            local r = balance.optimal_bias(c.n_fg, c.n_bg, { classes = c.classes })
            r.bias = to_12_digits(r.bias)
            return r
        end)
    end,
    ["assay.balance.initial_bce(prior, bias, {classes=C})"] = function(input)
        return balance.initial_bce(input.prior, input.bias, { classes = input.classes })
    end,
    ["assay.balance.match_anchors(boxes, anchors, {foreground=0.5, background=0.4, low_quality=true})"] =
        match { foreground = 0.5, background = 0.4, low_quality = true },
    ["assay.balance.box_encode(boxes, anchors), assay.balance.box_decode(delta, anchors)"] = function(input)
        local delta = balance.box_encode(input.boxes, input.anchors)
        return { delta = delta, decoded = balance.box_decode(delta, input.anchors) }
    end,
    ["assay.balance.smooth_l1(x, {beta=0.111111})"] = function(input) -- 1/9 to 12 digits
        return each(balance.smooth_l1(input.x, { beta = input.beta }), to_12_digits)
    end,
    ["assay.balance.det_loss(\"bce\", logits, target, {images=1})"] = function(input)
        bce = balance.det_loss("bce", input.logits, input.target, { images = 1 })
        return bce
    end,
    ["guided loss scaling: factor r = L_reg/L_cls, treated as a constant: value becomes L_reg, gradient is r times the plain gradient"] = function(input)
        local r = balance.guided_scale(input.cls_loss, input.reg_loss)
        r.grad = times(r.scale, bce.grad)
        return r
    end,
    ["guided loss scaling edge cases"] = function(input, case)
        return each(input, function(c, i)
            return { scale = balance.guided_scale(c.cls_loss, c.reg_loss).scale, note = case.expected[i].note }
        end)
    end,
    ["assay.balance.guided_scale(cls_loss, reg_loss, {multiplier=2})"] = function(input)
        return balance.guided_scale(input.cls_loss, input.reg_loss, { multiplier = 2 })
    end,
    ["assay.balance.det_loss(\"ghm\", logits, target, {bins=10, momentum=0.75, state=state})"] = function(input)
        local state = {}
        return each(input.batches, function(batch)
            return balance.det_loss("ghm", batch.logits, batch.target, { bins = 10, momentum = 0.75, state = state })
        end)
    end,
    ["average precision at IoU 0.5 (greedy matching by score, each object once; all-point interpolation and the 11-point one)"] = function(input)
        return balance.average_precision(input.detections, input.objects, { iou = 0.5 })
    end,
})

require("tap").done()
