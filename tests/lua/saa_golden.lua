-- Sample adaptive augmentation against tests/golden/saa.json: Pillow's pixels, scikit-image's Otsu, autograd.
local tap = require "tap"
local golden = require "golden"
local balance = require("assay").balance

local function each(list, f)
    local out = {}
    for i, item in ipairs(list) do
        out[i] = f(item)
    end
    return out
end

golden.run("saa", {
    ["assay.balance.history_update(history, index, loss, {weight=0.999})"] = function(input)
        local once = balance.history_update(input.history, input.index, input.loss, { weight = 0.999 })
        return { after1 = once, after2 = balance.history_update(once, input.index, input.loss, { weight = 0.999 }) }
    end,
    ["RandAugment operations on a 12x10 grey image (Pillow 9.4 run)"] = function(input)
        return each(input.ops, function(c)
            return { op = c.op, magnitude = c.magnitude, image = balance.augment_op(input.image, c.op, c.magnitude) }
        end)
    end,
    ["constant image is a fixed point of autocontrast and equalize"] = function(input)
        return { autocontrast = balance.augment_op(input.image, "autocontrast", 0),
            equalize = balance.augment_op(input.image, "equalize", 0) }
    end,
    ["assay.balance.augment_cutout(image, {size=, x=, y=, fill=123})"] = function(input)
        return each(input.cutouts, function(c)
            return balance.augment_cutout(input.image, { size = c.size, x = c.x, y = c.y, fill = 123 })
        end)
    end,
    ['assay.balance.patch_mix(view1, view2, {split="left"|"top"})'] = function(input)
        return { left = balance.patch_mix(input.view1, input.view2, { split = "left" }),
            top = balance.patch_mix(input.view1, input.view2, { split = "top" }) }
    end,
    ["assay.balance.patch_mix_grid({v1,v2,v3,v4}, {rows=2, cols=2})"] = function(input)
        return balance.patch_mix_grid(input.views, { rows = 2, cols = 2 })
    end,
    ["assay.balance.fixmatch_loss(weak_logits, strong_logits, {tau=0.95})"] = function(input)
        return balance.fixmatch_loss(input.weak, input.strong, { tau = 0.95 })
    end,
    ["assay.balance.flexmatch_thresholds(state, {classes=4, tau=0.95, warmup=true|false})"] = function(input)
        local with = balance.flexmatch_thresholds(input.state, { classes = 4, tau = 0.95, warmup = true })
        local without = balance.flexmatch_thresholds(input.state, { classes = 4, tau = 0.95, warmup = false })
        return { beta = with.beta, threshold = with.threshold, threshold_no_warmup = without.threshold }
    end,
    ["assay.balance.ema_alpha(it, {m=0.999})"] = function(input)
        return each(input, function(it) return balance.ema_alpha(it, { m = 0.999 }) end)
    end,
    ["assay.balance.cosine_7_16(it, total)"] = function(input)
        return each(input, function(c) return balance.cosine_7_16(c[1], c[2]) end)
    end,
})

tap.done()
