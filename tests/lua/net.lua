-- assay.net.op: every operation's backward against central differences in double, its single precision
-- against double, per-example norms against one example at a time; closed forms; what is refused.
local tap = require "tap"
local assay = require "assay"
local op = assay.net.op

local rng = assay.rng(7)

--- rows x cols normal numbers, or a vector of cols.
local function normal(rows, cols)
    local function row(n)
        local x = {}
        for i = 1, n do
            x[i] = rng:normal()
        end
        return x
    end
    if not cols then
        return row(rows)
    end
    local x = {}
    for i = 1, rows do
        x[i] = row(cols)
    end
    return x
end

local function merge(a, b)
    local out = {}
    for _, from in ipairs { a or {}, b or {} } do
        for name, value in pairs(from) do
            out[name] = value
        end
    end
    return out
end

--- One number of an input, wherever it is, by position in reading order.
local function positions(x)
    local at = {}
    for i, row in ipairs(x) do
        if type(row) == "number" then
            at[#at + 1] = { x, i }
        else
            for j = 1, #row do
                at[#at + 1] = { row, j }
            end
        end
    end
    return at
end

local function flat(x)
    local out = {}
    for i = 1, #x do
        if type(x[i]) == "number" then
            out[#out + 1] = x[i]
        else
            for j = 1, #x[i] do
                out[#out + 1] = x[i][j]
            end
        end
    end
    return out
end

--- sum(G * y), or the loss: what the gradients are of.
local function value(name, inputs, options)
    local r = op(name, inputs, options)
    if r.loss then
        return r.loss
    end
    local sum, y, g = 0, flat(r.y), flat(options.grad_output)
    for i = 1, #y do
        sum = sum + y[i] * g[i]
    end
    return sum
end

--- The largest difference to central differences, relative to the largest gradient (at least 1).
local function worst(name, inputs, options)
    local r, most = op(name, inputs, options), 0
    for input, x in pairs(inputs) do
        local got, scale = flat(assert(r["d" .. input], "no d" .. input)), 1
        for _, g in ipairs(got) do
            scale = math.max(scale, math.abs(g))
        end
        for i, place in ipairs(positions(x)) do
            local kept, eps = place[1][place[2]], 1e-5
            place[1][place[2]] = kept + eps
            local above = value(name, inputs, options)
            place[1][place[2]] = kept - eps
            local below = value(name, inputs, options)
            place[1][place[2]] = kept
            most = math.max(most, math.abs((above - below) / (2 * eps) - got[i]) / scale)
        end
    end
    return most
end

local function furthest(a, b)
    local most = 0
    a, b = type(a) == "number" and { a } or flat(a), type(b) == "number" and { b } or flat(b)
    for i = 1, #b do
        most = math.max(most, math.abs(a[i] - b[i]) / math.max(1, math.abs(b[i])))
    end
    return most
end

local image = { 2, 4, 5 }
local checks = {
    { "linear", { x = normal(4, 5), w = normal(3, 5), b = normal(3) } },
    { "linear", { x = normal(4, 5), w = normal(3, 5) } },
    { "linear", { x = normal(4, 5), w = normal(3, 5), b = normal(3), A = normal(2, 5), B = normal(3, 2) }, { scale = 0.7 } },
    { "layernorm", { x = normal(3, 11), gain = normal(11), bias = normal(11) } },
    { "layernorm", { x = normal(3, 4) }, { eps = 0.1 } },
    { "rmsnorm", { x = normal(3, 9), gain = normal(9) } },
    { "groupnorm", { x = normal(2, 24), gain = normal(4), bias = normal(4) }, { shape = { 4, 2, 3 }, groups = 2 } },
    { "batchnorm", { x = normal(3, 5), gain = normal(5), bias = normal(5) }, { seed = 1 } },
    { "batchnorm", { x = normal(3, 24), gain = normal(4), bias = normal(4) }, { shape = { 4, 2, 3 }, seed = 1 } },
    { "batchnorm", { x = normal(2, 44) }, { shape = { 4, 1, 11 }, eps = 0.1, seed = 1 } },
    { "batchnorm", { x = normal(3, 24), gain = normal(4), bias = normal(4), mean = normal(4), variance = { 1, 0.5, 2, 3 } },
        { shape = { 4, 2, 3 } } },
    { "relu", { x = normal(3, 5) } },
    { "leaky", { x = normal(3, 5) }, { slope = 0.2 } },
    { "gelu", { x = normal(3, 5) } },
    { "gelu_exact", { x = normal(3, 5) } },
    { "silu", { x = normal(3, 5) } },
    { "tanh", { x = normal(3, 5) } },
    { "sigmoid", { x = normal(3, 5) } },
    { "softplus", { x = normal(3, 5) } },
    { "swiglu", { x = normal(3, 6) } },
    { "add", { x = normal(3, 4), y = normal(3, 4) } },
    { "add", { x = normal(3, 4), y = normal(4) } },
    { "sub", { x = normal(3, 4), y = normal(4) } },
    { "mul", { x = normal(3, 4), y = normal(3, 4) } },
    { "mul", { x = normal(3, 4), y = normal(4) } },
    { "scale", { x = normal(3, 4) }, { scale = -1.5 } },
    { "bias", { x = normal(3, 4), b = normal(4) } },
    { "dropout", { x = normal(6, 5) }, { p = 0.4, seed = 3 } },
    { "dropout", { x = normal(3, 4) }, { p = 0.4 } },
    { "embedding", { table = normal(5, 3) }, { labels = { 4, 0, 4, 2 } } },
    { "gather", { x = normal(5, 3) }, { rows = { 1, 5, 5 } } },
    { "concat", { x = normal(3, 2), y = normal(3, 4) } },
    { "slice", { x = normal(3, 5) }, { first = 2, count = 3 } },
    { "transpose", { x = normal(3, 5) } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 18), b = normal(3) }, { shape = image, k = 3, pad = 1 } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 18), b = normal(3) }, { shape = image, k = 3, stride = 2, pad = 2 } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 8) }, { shape = image, k = 2, stride = 2 } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 18), b = normal(3) }, { shape = image, k = 3, pad = 2, dilation = 2 } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 8) }, { shape = image, k = 2, pad = 1, dilation = 2 } },
    { "conv2d", { x = normal(1, 126), w = normal(2, 18) }, { shape = { 2, 7, 9 }, k = 3, stride = 2, pad = 3, dilation = 3 } },
    { "conv2d", { x = normal(2, 40), w = normal(3, 2), b = normal(3) }, { shape = image } },
    { "maxpool", { x = normal(2, 40) }, { shape = image, k = 2 } },
    { "maxpool", { x = normal(2, 40) }, { shape = image, k = 3, stride = 1 } },
    { "avgpool", { x = normal(2, 40) }, { shape = image, k = 2 } },
    { "avgpool", { x = normal(2, 40) }, { shape = image, k = 3, stride = 1 } },
    { "globalmean", { x = normal(2, 40) }, { shape = image } },
    { "globalmax", { x = normal(2, 40) }, { shape = image } },
    { "upsample", { x = normal(2, 40) }, { shape = image } },
    { "attention", { x = normal(6, 12) }, { heads = 2, lengths = { 4, 2 }, causal = true } },
    { "attention", { x = normal(6, 12) }, { heads = 2, lengths = { 1, 5 } } },
    { "attention", { x = normal(4, 9) } },
    { "attention", { x = normal(19, 12) }, { heads = 2, lengths = { 9, 1, 9 }, causal = true } },
    { "attention", { x = normal(12, 12) }, { heads = 2, lengths = { 5, 7 }, blocks = 3 } },
    { "attention", { x = normal(7, 6) }, { lengths = { 4, 3 }, attend = { { 1, 0, 1, 1 }, { 0, 0, 0, 0 }, { 1, 1, 0, 0 }, { 0, 0, 0, 1 } } } },
    { "attention", { x = normal(10, 54) }, { heads = 2, causal = true } },
    { "rope", { x = normal(4, 24) }, { heads = 2, rows = { 1, 2, 3, 9 } } },
    { "meanrows", { x = normal(6, 4) }, { lengths = { 3, 1, 2 } } },
    { "policy", { x = normal(5, 4) }, { labels = { 3, -1, 0, 2, 1 }, weights = { 0.2, 1, 0.3, 0.1, 0.4 }, old = { -1, 0, -3, -0.2, -1.4 },
        advantage = { 1.5, 1, -0.7, -2, 0 }, reference = { -2, 0, -1, -1.5, -0.3 }, clip_low = 0.2, clip_high = 0.3, kl = 0.4, entropy = 0.1 } },
    { "policy", { x = normal(3, 4) }, { labels = { 3, 0, 2 }, old = { -1, -0.5, -3 }, advantage = { 1.5, 1, -2 } } },
    { "softmax_ce", { x = normal(4, 3) }, { labels = { 0, 2, -1, 1 }, weights = { 1, 0.5, 2, 0 }, smoothing = 0.1 } },
    { "softmax_ce", { x = normal(4, 3) }, { labels = { 0, 2, -1, 1 }, sum = true } },
    { "softmax_ce", { x = normal(2, 3) }, { labels = { -1, -1 }, sum = true } },
    { "bce_logits", { x = normal(3, 2), targets = { { 0.2, 1 - 2 ^ -9 }, { 0.5, 0.6 }, { 2 ^ -9, 0.9 } } } },
    { "mse", { x = normal(3, 4), targets = normal(3, 4) } },
    { "mse", { x = normal(3, 4), targets = normal(3, 4) }, { sum = true } },
    { "conv2d_transpose", { x = normal(2, 12), w = normal(2, 27), b = normal(3) }, { shape = { 2, 2, 3 }, k = 3, stride = 2, pad = 1 } },
    { "conv2d_transpose", { x = normal(2, 12), w = normal(2, 4) }, { shape = { 2, 2, 3 }, k = 2, stride = 2 } },
    { "sinusoidal", { x = normal(4, 1) }, { count = 6 } },
    { "gaussian_nll", { x = normal(3, 2), targets = normal(3, 2), log_variance = normal(3, 2) } },
    { "gaussian_nll", { x = normal(3, 2), targets = normal(3, 2), log_variance = normal(3, 2) }, { sum = true } },
    { "kl", { x = normal(3, 4), reference = normal(3, 4) } },
    { "reverse_kl", { x = normal(3, 4), reference = normal(3, 4) }, { sum = true } },
    { "kl", { x = normal(3, 4), reference = normal(3, 4) }, { weights = { 0.3, 0, 2 } } },
    { "reverse_kl", { x = normal(3, 4), reference = normal(3, 4) }, { weights = { 0.3, 0, 2 }, sum = true } },
    { "huber", { x = normal(3, 4), targets = normal(3, 4) }, { delta = 0.7 } },
    -- slices of larger weights
    { "linear", { x = normal(4, 5), w = normal(6, 8), b = normal(7), A = normal(2, 6), B = normal(3, 2) }, { scale = 0.7, count = 3 } },
    { "conv2d", { x = normal(2, 40), w = normal(4, 27), b = normal(5) }, { shape = image, k = 3, pad = 1, count = 3 } },
    { "conv2d", { x = normal(2, 40), w = normal(4, 3) }, { shape = image, count = 2 } },
    { "bce_logits", { x = normal(2, 2), targets = { { 0.2, 0.6 }, { 0.5, 0.9 } } }, { weights = { 2, 0.5 } } },
    { "mse", { x = normal(3, 4), targets = normal(3, 4) }, { weights = { 1, 0, 3 } } },
    { "gaussian_nll", { x = normal(2, 2), targets = normal(2, 2), log_variance = normal(2, 2) }, { weights = { 2, 0.5 } } },
    { "kl", { x = normal(2, 4), reference = normal(2, 4) }, { weights = { 2, 0.5 }, sum = true } },
    -- more than one of the blocks that kernels work in, with a rest
    { "linear", { x = normal(3, 2), w = normal(70, 2), b = normal(70) } },
    { "layernorm", { x = normal(2, 21), gain = normal(21), bias = normal(21) } },
    { "groupnorm", { x = normal(2, 44), gain = normal(4), bias = normal(4) }, { shape = { 4, 1, 11 }, groups = 2 } },
    { "groupnorm", { x = normal(2, 24) }, { shape = { 4, 2, 3 }, groups = 4 } },
    { "add", { x = normal(2, 67), y = normal(67) } },
    { "softmax_ce", { x = normal(2, 19) }, { labels = { 18, 7 }, smoothing = 0.2 } },
    { "conv2d", { x = normal(1, 54), w = normal(2, 50) }, { shape = { 2, 3, 9 }, k = 5, pad = 2 } },
    { "conv2d", { x = normal(1, 54), w = normal(2, 18) }, { shape = { 2, 3, 9 }, k = 3 } },
    { "conv2d", { x = normal(1, 54), w = normal(2, 18) }, { shape = { 2, 3, 9 }, k = 3, pad = 2 } },
    { "conv2d", { x = normal(1, 12), w = normal(2, 25) }, { shape = { 1, 1, 12 }, k = 5, pad = 4 } },
    { "maxpool", { x = normal(2, 128) }, { shape = { 2, 4, 16 }, k = 2 } },
    { "maxpool", { x = normal(1, 210) }, { shape = { 2, 5, 21 }, k = 2 } },
    { "maxpool", { x = normal(2, 112) }, { shape = { 2, 8, 7 }, k = 2 } },
}

local seen = {}
for i, check in ipairs(checks) do
    local name, inputs, options = table.unpack(check, 1, 3)
    options = merge(options)
    local first = op(name, inputs, options)
    if first.y then
        options.grad_output = normal(#first.y, #first.y[1])
    end
    local label = ("%s %d"):format(name, i)
    seen[name] = true
    local error = worst(name, inputs, options)
    tap.ok(error < 1e-6, label .. ": gradients are central differences", "largest difference " .. error)
    local double, single = op(name, inputs, options), op(name, inputs, merge(options, { precision = "single" }))
    for field, x in pairs(double) do
        local far = furthest(single[field], x)
        tap.ok(far < 2e-4, label .. ": " .. field .. " in single precision", "largest difference " .. far)
    end
end

-- stop has a value and no gradient.
local stopped = op("stop", { x = { { 1, 2 } } })
tap.near(stopped.y[1], { 1, 2 }, 0, "stop passes the value")
tap.near(stopped.dx[1], { 0, 0 }, 0, "stop passes no gradient")
seen.stop = true

-- ---- fakequant: what is rounded has no differences, so values and gradients against the formulas ----

local function rint(x)
    local low = math.floor(x)
    local rest = x - low
    if rest ~= 0.5 then
        return rest < 0.5 and low or low + 1
    end
    return low % 2 == 0 and low or low + 1
end

--- A unit of numbers, quantised in uniform steps.
local function uniform(x, bits, symmetric, clip)
    local low, high, y = 0, 0, {}
    for _, v in ipairs(x) do
        low, high = math.min(low, v), math.max(high, v)
    end
    low, high = low * clip, high * clip
    local q, s, z = 2 ^ (bits - 1) - 1, nil, 0
    if symmetric then
        s = math.max(-low, high) / q
        s = s == 0 and 1 or s
    else
        if low == high then
            low, high = -1, 1
        end
        s = (high - low) / (2 ^ bits - 1)
        z = rint(-low / s)
    end
    for i, v in ipairs(x) do
        local code = rint(v / s) + z
        code = symmetric and math.max(-q - 1, math.min(q, code)) or math.max(0, math.min(2 ^ bits - 1, code))
        y[i] = s * (code - z)
    end
    return y
end

local rough = normal(3, 12)
rough[2] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
for _, case in ipairs { { 3, true, 1 }, { 4, false, 1 }, { 2, true, 0.7 }, { 8, false, 0.5 } } do
    local bits, symmetric, clip = table.unpack(case)
    local options = { bits = bits, symmetric = symmetric, clip = clip }
    local label = ("fakequant, %d bits, %s: "):format(bits, symmetric and "symmetric" or "asymmetric")
    local rows, groups = op("fakequant", { x = rough }, options).y, op("fakequant", { x = rough }, merge(options, { group = 4 })).y
    local all = flat(op("fakequant", { x = rough }, merge(options, { tensor = true })).y)
    local squares = op("fakequant", { x = rough }, merge(options, { block = 2 })).y
    tap.near(all, uniform(flat(rough), bits, symmetric, clip), 1e-12, label .. "the tensor")
    for r = 1, 3 do
        tap.near(rows[r], uniform(rough[r], bits, symmetric, clip), 1e-12, label .. "a row")
        for first = 1, 12, 4 do
            local part, got = { table.unpack(rough[r], first, first + 3) }, {}
            for i = first, first + 3 do
                got[#got + 1] = groups[r][i]
            end
            tap.near(got, uniform(part, bits, symmetric, clip), 1e-12, label .. "a group")
        end
    end
    local square = uniform({ rough[1][3], rough[1][4], rough[2][3], rough[2][4] }, bits, symmetric, clip)
    tap.near({ squares[1][3], squares[1][4], squares[2][3], squares[2][4] }, square, 1e-12, label .. "a square")
    local edge = uniform({ rough[3][11], rough[3][12] }, bits, symmetric, clip)
    tap.near({ squares[3][11], squares[3][12] }, edge, 1e-12, label .. "a square at the edge")
    local single = op("fakequant", { x = { { 1, -2, 0.33, 0.87 } } }, merge(options, { precision = "single" })).y[1]
    tap.near(single, uniform({ 1, -2, 0.33, 0.87 }, bits, symmetric, clip), 1e-6, label .. "in single precision")
end

-- Learned steps: s = 0.5, codes -4..3; 2 and -3 are clamped.
local stepped = { x = { { 0.3, 2, -3, 0.85 } }, scale = { 0.5 } }
local learned = op("fakequant", stepped, { bits = 3, grad_output = { { 1, 10, 100, 1000 } } })
tap.near(learned.y[1], { 0.5, 1.5, -2, 1 }, 1e-15, "fakequant with a scale")
tap.near(learned.dx[1], { 1, 10, 100, 1000 }, 0, "rounding passes gradients")
tap.near(learned.dscale[1], (1 - 0.6) + 10 * 3 + 100 * -4 + 1000 * (2 - 1.7), 1e-9, "the scale's gradient")
tap.near(op("fakequant", stepped, { bits = 3, mask = true }).dx[1], { 1, 0, 0, 1 }, 0, "a mask stops what was clamped")
local shifted = op("fakequant", { x = { { 0.3, 2, -3, 0.85 } }, scale = { 0.5 }, zero = { 3.2 } },
    { bits = 3, symmetric = false, grad_output = { { 1, 10, 100, 1000 } } })
tap.near(shifted.y[1], { 0.5, 2, -1.5, 1 }, 1e-15, "fakequant with a zero")
tap.near(shifted.dscale[1], (1 - 0.6) + 10 * (4 - 4) + 100 * -3 + 1000 * (2 - 1.7), 1e-9, "the scale's gradient beside a zero")
tap.near(shifted.dzero[1], -0.5 * 100, 1e-12, "the zero's gradient")

-- Formats: ties to even, subnormals, saturation; bfloat16 by its bits.
local function cast(exponent, mantissa, x)
    return op("fakequant", { x = { x } }, { exponent = exponent, mantissa = mantissa }).y[1]
end
tap.near(cast(3, 2, { 0.07, 0.09375, 0.03125, 27, 26, 100, -30, 0.3, 0 }), { 0.0625, 0.125, 0, 28, 24, 28, -28, 0.3125, 0 }, 0, "fp6 e3m2")
tap.near(cast(2, 3, { 7.4, 9, 0.0625, 0.1875, 1.0625 }), { 7.5, 7.5, 0, 0.25, 1 }, 0, "fp6 e2m3")
tap.near(cast(2, 1, { 2.5, 5, 0.25, 0.75, 7, 3.5 }), { 2, 4, 0, 1, 6, 4 }, 0, "fp4 e2m1")
tap.near(cast(4, 3, { 500, 448, 440, 2 ^ -10, 2 ^ -9, -math.huge }), { 448, 448, 448, 0, 2 ^ -9, -448 }, 0, "fp8 e4m3")
tap.near(cast(5, 2, { 60000, 1e9, 0.3, 2 ^ -16 }), { 57344, 57344, 0.3125, 2 ^ -16 }, 0, "fp8 e5m2")
local many, brain = {}, {}
for i = 1, 400 do
    many[i] = string.unpack("f", string.pack("f", rng:normal() * 10 ^ (i % 60 - 30)))
    local bits = string.unpack("I4", string.pack("f", many[i]))
    bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16
    brain[i] = string.unpack("f", string.pack("I4", bits))
end
tap.near(cast(8, 7, many), brain, 0, "bfloat16 rounds as its bits do")
local lifted = op("fakequant", { x = { { 100, 3, 0.07, 0.5 } } }, { exponent = 2, mantissa = 1, group = 2 }).y[1]
tap.near(lifted, { 96, 0, 0.0625, 0.5 }, 1e-15, "microscaling: powers of two over 4, the last binade of e2m1")

-- Noise: whole steps, their law, the gradient by bits; none without a seed.
local weights = normal(40, 50)
local quiet = op("fakequant", { x = weights }, { noise = true, block = 32, bits = 4 })
tap.near(flat(quiet.y), flat(weights), 0, "without keys no noise")
local noisy = op("fakequant", { x = weights }, { noise = true, block = 32, bits = 4, seed = 5 })
local counts, largest = {}, {}
for r = 1, 40 do
    for c = 1, 50 do
        local b = (r - 1) // 32 * 2 + (c - 1) // 32
        largest[b] = math.max(largest[b] or 0, math.abs(weights[r][c]))
    end
end
local whole = true
for r = 1, 40 do
    for c = 1, 50 do
        local k = (noisy.y[r][c] - weights[r][c]) / (largest[(r - 1) // 32 * 2 + (c - 1) // 32] / 8)
        counts[rint(k)] = (counts[rint(k)] or 0) + 1
        whole = whole and math.abs(k - rint(k)) < 1e-9
    end
end
tap.ok(whole, "noise is whole steps of the block's largest number")
for k, p in pairs { [0] = 0.682689, [1] = 0.157305, [-1] = 0.157305 } do
    tap.ok(math.abs(counts[k] - 2000 * p) < 4 * math.sqrt(2000 * p * (1 - p)), "noise of " .. k .. ": " .. counts[k])
end
local part = { { 0.5, -1, 0.25 }, { 2, 0.1, -0.3 } }
local function bits_value(b)
    local y = op("fakequant", { x = part, bits = b }, { noise = true, seed = 9 }).y
    return y[1][1] + 2 * y[1][2] - y[1][3] + 3 * y[2][1] + y[2][2] + y[2][3]
end
local by_bits = op("fakequant", { x = part, bits = { 3.5, 4 } }, { noise = true, seed = 9, grad_output = { { 1, 2, -1 }, { 3, 1, 1 } } })
for b = 1, 2 do
    local above, below = { 3.5, 4 }, { 3.5, 4 }
    above[b], below[b] = above[b] + 1e-5, below[b] - 1e-5
    tap.near(by_bits.dbits[b], (bits_value(above) - bits_value(below)) / 2e-5, 1e-7, "the gradient by bits")
end
tap.near(flat(by_bits.dx), { 1, 2, -1, 3, 1, 1 }, 0, "noise passes gradients")
seen.fakequant = true
local listed = select(2, pcall(op, "none", {})):match "there are: (.*)%)"
for name in listed:gmatch "[%w_]+" do
    tap.ok(seen[name], name .. " has a gradient check")
end

-- ---- per-example norms: against the gradients of one example at a time ----

local function rows_of(x, example, e)
    local out = {}
    for r, row in ipairs(x) do
        if example[r] == e then
            out[#out + 1] = row
        end
    end
    return out
end

local function explicit(name, inputs, options, example, e, weights)
    local one = merge(inputs)
    local chosen = merge(options, { grad_output = rows_of(options.grad_output, example, e) })
    if inputs.x then
        one.x = rows_of(inputs.x, example, e)
    else
        chosen.labels = rows_of(options.labels, example, e)
    end
    local r, sum = op(name, one, chosen), 0
    for _, weight in ipairs(weights) do
        for _, g in ipairs(flat(r["d" .. weight])) do
            sum = sum + g * g
        end
    end
    return sum
end

local example = { 0, 1, 0, 2, 2, 2 }
for _, case in ipairs {
    { "linear", { x = normal(6, 5), w = normal(3, 5), b = normal(3) }, {}, { "w", "b" } },
    { "linear", { x = normal(6, 9), w = normal(8, 9) }, {}, { "w" } },
    { "linear", { x = normal(6, 5), w = normal(3, 5), A = normal(2, 5), B = normal(3, 2) }, { scale = 0.3, frozen = true }, { "A", "B" } },
    { "layernorm", { x = normal(6, 4), gain = normal(4), bias = normal(4) }, {}, { "gain", "bias" } },
    { "rmsnorm", { x = normal(6, 4), gain = normal(4) }, {}, { "gain" } },
    { "groupnorm", { x = normal(6, 8), gain = normal(2), bias = normal(2) }, { shape = { 2, 2, 2 }, groups = 2 }, { "gain", "bias" } },
    { "bias", { x = normal(6, 4), b = normal(4) }, {}, { "b" } },
    { "embedding", { table = normal(3, 2) }, { labels = { 1, 1, 1, 0, 2, 0 } }, { "table" } },
    { "add", { x = normal(6, 4), y = normal(4) }, {}, { "y" } },
    { "sub", { x = normal(6, 4), y = normal(4) }, {}, { "y" } },
    { "mul", { x = normal(6, 4), y = normal(4) }, {}, { "y" } },
    { "conv2d_transpose", { x = normal(6, 12), w = normal(2, 27), b = normal(3) }, { shape = { 2, 2, 3 }, k = 3, stride = 2, pad = 1 }, { "w", "b" } },
    { "conv2d", { x = normal(6, 18), w = normal(3, 8), b = normal(3) }, { shape = { 2, 3, 3 }, k = 2 }, { "w", "b" } },
} do
    local name, inputs, options, weights = table.unpack(case)
    local y = op(name, inputs, options).y
    options.grad_output = normal(#y, #y[1])
    local norm2 = op(name, inputs, merge(options, { example = example })).norm2
    local expected = {}
    for e = 0, 2 do
        expected[e + 1] = explicit(name, inputs, options, example, e, weights)
    end
    tap.near(norm2, expected, 1e-9, name .. ": norms of examples")
end

-- y of as many rows as x: each belongs to its example.
local own = op("mul", { x = { { 2, 3 }, { 4, 5 } }, y = normal(2, 2) }, { example = { 0, 1 }, grad_output = { { 1, 2 }, { 3, 4 } } })
tap.near(own.norm2, { 2 ^ 2 + 6 ^ 2, 12 ^ 2 + 20 ^ 2 }, 1e-12, "mul: norms of rows of y")

-- ---- closed forms ----

-- The first of equal maxima gets the gradient; NaN is a maximum.
for _, precision in ipairs { "double", "single" } do
    local flat_image = {}
    for i = 1, 72 do
        flat_image[i] = 1
    end
    local r = op("maxpool", { x = { flat_image } }, { shape = { 1, 4, 18 }, k = 2, precision = precision })
    local wanted = {}
    for i = 1, 72 do
        wanted[i] = ((i - 1) // 18 % 2 == 0 and i % 2 == 1) and 1 or 0
    end
    tap.near(r.dx[1], wanted, 0, "maxpool: the first of equals, " .. precision)
    flat_image[20], flat_image[2] = 0 / 0, 2
    r = op("maxpool", { x = { flat_image } }, { shape = { 1, 4, 18 }, k = 2, precision = precision })
    tap.ok(r.y[1][1] ~= r.y[1][1] and r.dx[1][20] == 1 and r.dx[1][2] == 0, "maxpool: NaN is not hidden, " .. precision)
end

local ce = op("softmax_ce", { x = normal(5, 7) }, { labels = { 0, 6, 3, 3, 1 } })
for r = 1, 5 do
    local sum = 0
    for j = 1, 7 do
        sum = sum + ce.dx[r][j]
    end
    tap.near(sum, 0, 1e-15, "a row of the cross-entropy's gradient sums to 0")
end
tap.near(op("softmax_ce", { x = { { 0, 0, 0, 0 } } }, { labels = { 2 } }).loss, math.log(4), 1e-15, "equal logits")
tap.near(op("softmax_ce", { x = { { 1000, 0 } } }, { labels = { 1 }, precision = "single" }).loss, 1000, 1e-3, "large logits")
tap.near(op("softmax_ce", { x = { { 1, -math.huge, 1 } } }, { labels = { 0 } }).loss, math.log(2), 1e-15, "an impossible class")
tap.near(op("softplus", { x = { { -800, 800 } } }).y[1], { 0, 800 }, 1e-12, "softplus far out")

-- Linear regression: the gradient of the mean square is 2 X^T (X w - y) / n.
local X, w, target = { { 1, 2 }, { 3, -1 }, { 0, 4 } }, { { 0.5, -2 } }, { { 1 }, { 0 }, { 2 } }
local fitted = op("linear", { x = X, w = w })
tap.is(op("mse", { x = { { 1, 2 }, { 5, 5 }, { 0, 1 } } }, { targets = { { 0, 0 }, { 0, 0 }, { 0, 0 } }, weights = { 1, 0, 3 } }).loss,
    (1 + 4 + 3) / 6, "weights of rows: the sum is divided by the count, not by the weights")
local loss = op("mse", { x = fitted.y }, { targets = target })
local back = op("linear", { x = X, w = w }, { grad_output = loss.dx })
local expected = { 0, 0 }
for i = 1, 3 do
    local residual = X[i][1] * 0.5 - X[i][2] * 2 - target[i][1]
    for j = 1, 2 do
        expected[j] = expected[j] + 2 * residual * X[i][j] / 3
    end
end
tap.near(back.dw[1], expected, 1e-12, "linear regression's gradient")
tap.is(loss.dtargets, nil, "targets among the options are data")

-- conv2d_transpose is the adjoint of conv2d: <conv(x), y> = <x, transpose(y)>, here with image x of 5 x 7.
local big, small, kernel = normal(1, 70), normal(1, 36), normal(3, 18)
local forth = flat(op("conv2d", { x = big, w = kernel }, { shape = { 2, 5, 7 }, k = 3, stride = 2, pad = 1 }).y)
local back_again = flat(op("conv2d_transpose", { x = small, w = kernel }, { shape = { 3, 3, 4 }, k = 3, stride = 2, pad = 1 }).y)
local left, right = 0, 0
for i, a in ipairs(forth) do
    left = left + a * small[1][i]
end
for i, a in ipairs(back_again) do
    right = right + a * big[1][i]
end
tap.near(left, right, 1e-10, "conv2d_transpose is the adjoint of conv2d")

-- A dilated window is a larger one with zeros between its numbers.
local wide = {}
for i = 1, 2 do
    wide[i] = {}
    for j = 1, 50 do
        wide[i][j] = 0
    end
    for c = 0, 1 do
        for y = 0, 2 do
            for x = 0, 2 do
                wide[i][c * 25 + 10 * y + 2 * x + 1] = kernel[i][c * 9 + 3 * y + x + 1]
            end
        end
    end
end
for _, how in ipairs { { 1, 2 }, { 2, 1 }, { 1, 4 } } do
    local stride, pad = how[1], how[2]
    local dilated = op("conv2d", { x = big, w = { kernel[1], kernel[2] } }, { shape = { 2, 5, 7 }, k = 3, stride = stride, pad = pad, dilation = 2 })
    local larger = op("conv2d", { x = big, w = wide }, { shape = { 2, 5, 7 }, k = 5, stride = stride, pad = pad })
    tap.near(flat(dilated.y), flat(larger.y), 1e-12, "dilation 2, stride " .. stride .. ", pad " .. pad)
    tap.near(flat(dilated.dx), flat(larger.dx), 1e-12, "and its gradient")
end

-- Divergences and densities.
local half, quarter = { { 0, 0 } }, { { math.log(1), math.log(3) } }
tap.near(op("kl", { x = quarter, reference = half }).loss, 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75), 1e-15, "KL(reference || x)")
tap.near(op("reverse_kl", { x = quarter, reference = half }).loss, 0.25 * math.log(0.25 / 0.5) + 0.75 * math.log(0.75 / 0.5), 1e-15, "KL(x || reference)")
tap.near(op("kl", { x = { { 0, 5 } }, reference = { { 0, -math.huge } } }).loss, math.log(1 + math.exp(5)), 1e-12, "an impossible class of the reference")
tap.near(op("gaussian_nll", { x = { { 1 } }, targets = { { 3 } }, log_variance = { { math.log(4) } } }).loss,
    0.5 * math.log(2 * math.pi * 4) + 0.5, 1e-14, "the normal density")
tap.near(op("sinusoidal", { x = { { 0.5 } } }, { count = 4 }).y[1],
    { math.sin(0.5), math.sin(0.5e-4), math.cos(0.5), math.cos(0.5e-4) }, 1e-15, "sines, then cosines")

-- Layer-norm's dx is orthogonal to 1 and to the normalised x.
local x = normal(1, 8)
local norm = op("layernorm", { x = x }, { grad_output = normal(1, 8), eps = 1e-12 })
local ones, along = 0, 0
for j = 1, 8 do
    ones, along = ones + norm.dx[1][j], along + norm.dx[1][j] * norm.y[1][j]
end
tap.near({ ones, along }, { 0, 0 }, 1e-9, "layer-norm's dx is orthogonal to 1 and to n")

-- Dropout: a row's mask is its own; the kept are scaled; about p are dropped.
local wide = {}
for i = 1, 1000 do
    wide[i] = 1
end
-- Batch-norm: each column of a batch has mean 0 and variance 1; outside of training by what is given.
local columns = { { 1, 10 }, { 2, 30 }, { 6, 20 } }
local normed = op("batchnorm", { x = columns }, { eps = 1e-9, seed = 1 }).y
for c = 1, 2 do
    local sum, squares = 0, 0
    for r = 1, 3 do
        sum, squares = sum + normed[r][c], squares + normed[r][c] ^ 2
    end
    tap.near({ sum, squares / 3 }, { 0, 1 }, 1e-5, "batch-norm: mean 0, variance 1 of a batch")
end
tap.near(op("batchnorm", { x = columns, gain = { 2, 1 }, bias = { 0, 5 }, mean = { 2, 20 }, variance = { 4, 25 } }, { eps = 1e-9 }).y[1],
    { -1, 3 }, 1e-5, "batch-norm: by given means and variances")

local mask = op("dropout", { x = { wide, wide } }, { p = 0.25, seed = 1 }).y
local dropped, differ = 0, false
for i = 1, 1000 do
    dropped = dropped + (mask[1][i] == 0 and 1 or 0)
    differ = differ or mask[1][i] ~= mask[2][i]
end
tap.ok(dropped > 190 and dropped < 310, "p are dropped: " .. dropped)
tap.ok(differ, "rows have masks of their own")
tap.near(op("dropout", { x = { wide } }, { p = 0.25, seed = 1 }).y[1], mask[1], 0, "whatever rows are with it")

-- ---- optimisers ----

local decayed = assay.net.optimizer("adamw", { 2 }, { { 0 }, { 0 }, { 0 } }, { lr = 0.1, weight_decay = 0.5 })
tap.near({ decayed[1][1], decayed[2][1], decayed[3][1] }, { 2 * 0.95, 2 * 0.95 ^ 2, 2 * 0.95 ^ 3 }, 1e-12, "weight decay alone")

--- The learning rates of six steps, from sgd with gradient 1.
local function rates(options)
    local w, out, last = assay.net.optimizer("sgd", { 0 }, { { 1 }, { 1 }, { 1 }, { 1 }, { 1 }, { 1 } }, options), {}, 0
    for t = 1, 6 do
        out[t], last = last - w[t][1], w[t][1]
    end
    return out
end
tap.near(rates { lr = 1, warmup = 3 }, { 1 / 3, 2 / 3, 1, 1, 1, 1 }, 1e-12, "warm-up")
tap.near(rates { lr = 1, warmup = 2, steps = 6, schedule = "linear" }, { 0.5, 1, 0.75, 0.5, 0.25, 0 }, 1e-12, "linear")
tap.near(rates { lr = 2, steps = 4, schedule = "cosine", last = 0.5 },
    { 2 * (0.5 + 0.25 * (1 + math.sqrt(0.5))), 1.5, 2 * (0.5 + 0.25 * (1 - math.sqrt(0.5))), 1, 1, 1 }, 1e-12, "cosine")
tap.near(rates { lr = 1, warmup = 2, schedule = "step", milestones = { 3, 5 }, factor = 0.5 }, { 0.5, 1, 1, 0.5, 0.5, 0.25 }, 1e-12, "milestones")
tap.near(rates { lr = 1, schedule = "step", every = 2, factor = 0.5 }, { 1, 1, 0.5, 0.5, 0.25, 0.25 }, 1e-12, "steps")
local clipped = assay.net.optimizer("sgd", { 0, 0 }, { { 3, 4 }, { 0.3, 0.4 } }, { lr = 1, clip = 1 })
tap.near(clipped[1], { -0.6, -0.8 }, 1e-12, "a long gradient is clipped")
tap.near(clipped[2], { -0.9, -1.2 }, 1e-12, "a short one isn't")

-- ---- refusals ----

local two = { { 1, 2 } }
for _, bad in ipairs {
    { "op: net: there is no operation \"line\" (there are: linear, ", function() op("line", {}) end },
    { "node 0 (linear): x [1, 2] and w [1, 3] don't fit: w must be outputs x columns of x", function() op("linear", { x = two, w = { { 1, 2, 3 } } }) end },
    { "node 0 (linear): w [1, 2] and b [2] don't fit", function() op("linear", { x = two, w = two, b = { 1, 2 } }) end },
    { "A and B must be given together", function() op("linear", { x = two, w = two, A = two }) end },
    { "A [1, 2] and B [1, 2] don't fit: B must be outputs x rows of A", function() op("linear", { x = two, w = two, A = two, B = two }) end },
    { "w must be given", function() op("linear", { x = two }) end },
    { "unknown option \"wieght\"", function() op("linear", { x = two, wieght = two }) end },
    { "unknown option \"eps\"", function() op("linear", { x = two, w = two }, { eps = 1 }) end },
    { "grad_output [1, 2] and y [1, 1] don't fit", function() op("linear", { x = two, w = two }, { grad_output = two }) end },
    { "x is empty", function() op("relu", { x = {} }) end },
    { "inputs must be a table, got nil", function() op("relu") end },
    { "p must be at least 0 and less than 1, got 1", function() op("dropout", { x = two }, { p = 1 }) end },
    { "eps must be", function() op("layernorm", { x = two }, { eps = 0 }) end },
    { "x [1, 2] and gain [3] don't fit", function() op("layernorm", { x = two, gain = { 1, 2, 3 } }) end },
    { "groups must divide the 2 channels, got 3", function() op("groupnorm", { x = two }, { shape = { 2, 1, 1 }, groups = 3 }) end },
    { "x [1, 2] and variance [3] don't fit", function() op("batchnorm", { x = two, variance = { 1, 2, 3 } }) end },
    { "a batch must have at least 2 numbers a channel in training", function() op("batchnorm", { x = two }, { seed = 1 }) end },
    { "an even number of columns, got 3", function() op("swiglu", { x = { { 1, 2, 3 } } }) end },
    { "x [1, 2] and y [3] don't fit: equal shapes, or one row for all", function() op("add", { x = two, y = { 1, 2, 3 } }) end },
    { "labels[2] must be a row of table, in 0..0, got 1", function() op("embedding", { table = two }, { labels = { 0, 1 } }) end },
    { "rows must be given", function() op("gather", { x = two }) end },
    { "rows[1] must be a row of x", function() op("gather", { x = two }, { rows = { 0 } }) end },
    { "x [1, 2] and y [2, 2] don't fit: equal numbers of rows", function() op("concat", { x = two, y = { { 1, 2 }, { 3, 4 } } }) end },
    { "x has 2 columns, the slice is 2 of them from 2", function() op("slice", { x = two }, { first = 2, count = 2 }) end },
    { "rows of x have 2 numbers, shape 2 x 1 x 2 has 4", function() op("maxpool", { x = two }, { shape = { 2, 1, 2 } }) end },
    { "shape must be channels, height and width", function() op("maxpool", { x = two }) end },
    { "shape must be {channels, height, width}, got 2 numbers", function() op("maxpool", { x = two }, { shape = { 1, 2 } }) end },
    { "k must be in 1..1 for images of 1 x 2, got 2", function() op("maxpool", { x = two }, { shape = { 1, 1, 2 }, k = 2 }) end },
    { "a window of 2 doesn't fit", function() op("conv2d", { x = two, w = { { 1, 2, 3, 4 } } }, { shape = { 1, 1, 2 }, k = 2 }) end },
    { "pad less than k", function() op("conv2d", { x = two, w = two }, { shape = { 2, 1, 1 }, pad = 1 }) end },
    { "x [1, 2] and w [1, 3] don't fit: w must be output channels", function() op("conv2d", { x = two, w = { { 1, 2, 3 } } }, { shape = { 2, 1, 1 } }) end },
    { "x [1, 2] and w [1, 2] don't fit: w must be input channels", function() op("conv2d_transpose", { x = two, w = two }, { shape = { 2, 1, 1 } }) end },
    { "a pad of 1 leaves nothing of 2 x 3", function() op("conv2d_transpose", { x = two, w = { { 1, 2, 3, 4 } } }, { shape = { 1, 1, 2 }, k = 2, pad = 1 }) end },
    { "x must have one column, got 2", function() op("sinusoidal", { x = two }, { count = 4 }) end },
    { "count must be even and at least 4, got 5", function() op("sinusoidal", { x = { { 1 } } }, { count = 5 }) end },
    { "x [1, 2] and log_variance [1, 3] don't fit", function() op("gaussian_nll", { x = two, targets = two, log_variance = { { 1, 2, 3 } } }) end },
    { "x [1, 2] and reference [1, 3] don't fit", function() op("kl", { x = two, reference = { { 1, 2, 3 } } }) end },
    { "row 1 has an empty support", function() op("reverse_kl", { x = two, reference = { { -math.huge, -math.huge } } }) end },
    { "x must have 3 * heads * d columns", function() op("attention", { x = two }) end },
    { "lengths must be at least 1 and sum to the 2 rows", function() op("attention", { x = normal(2, 3) }, { lengths = { 1, 2 } }) end },
    { "labels must have one class for each of 1 rows of x, got 0", function() op("softmax_ce", { x = two }) end },
    { "labels[1] must be in 0..1, or -1 to ignore it, got 2", function() op("softmax_ce", { x = two }, { labels = { 2 } }) end },
    { "labels[1] must be a whole number, got 0.5", function() op("softmax_ce", { x = two }, { labels = { 0.5 } }) end },
    { "labels are all -1", function() op("softmax_ce", { x = two }, { labels = { -1 } }) end },
    { "weights[1] must be finite and at least 0, got -1", function() op("softmax_ce", { x = two }, { labels = { 0 }, weights = { -1 } }) end },
    { "row 1 of x has an empty support", function() op("softmax_ce", { x = { { -math.huge, -math.huge } } }, { labels = { 0 } }) end },
    { "targets must be given", function() op("mse", { x = two }) end },
    { "targets[2] must be in 0..1, got 2", function() op("bce_logits", { x = two }, { targets = { { 0, 2 } } }) end },
    { "x [1, 2] and targets [1, 3] don't fit: equal shapes", function() op("mse", { x = two }, { targets = { { 1, 2, 3 } } }) end },
    { "example[1] must be in 0..0 for as many rows, got 4", function() op("linear", { x = two, w = two }, { example = { 4 } }) end },
    { "example must have one entry for each of 1 rows, got 2", function() op("linear", { x = two, w = two }, { example = { 0, 1 } }) end },
    { "node 0 (concat): has no gradient norms of examples", function() op("concat", { x = two, y = two }, { example = { 0 } }) end },
    { "count must be at most the 1 rows of w, got 2", function() op("linear", { x = two, w = two }, { count = 2 }) end },
    { "x [1, 2] and w [1, 1] don't fit", function() op("linear", { x = two, w = { { 1 } } }, { count = 1 }) end },
    { "count must be at most the 1 rows of w, got 2", function() op("conv2d", { x = two, w = two }, { shape = { 2, 1, 1 }, count = 2 }) end },
    { "only one of group, block and tensor", function() op("fakequant", { x = two }, { group = 1, tensor = true }) end },
    { "group must divide the 2 columns of x, got 3", function() op("fakequant", { x = two }, { group = 3 }) end },
    { "scale must have one number for each of 1 units, got 2", function() op("fakequant", { x = two, scale = { 1, 2 } }) end },
    { "scale[1] must be finite and greater than 0, got -1", function() op("fakequant", { x = two, scale = { -1 } }) end },
    { "zero needs a scale and symmetric = false", function() op("fakequant", { x = two, zero = { 1 } }) end },
    { "scale is of uniform steps, bits of noise", function() op("fakequant", { x = two, bits = { 1 } }) end },
    { "exponent must be in 2..8 and mantissa in 1..10, got 9 and 0", function() op("fakequant", { x = two }, { exponent = 9 }) end },
    { "bits must be a whole number in 2..16, got 1", function() op("fakequant", { x = two }, { bits = 1 }) end },
    { "bits must be in 1..24, got 30 for unit 1", function() op("fakequant", { x = two }, { noise = true, bits = 30 }) end },
    { "clip must be greater than 0 and at most 1, got 2", function() op("fakequant", { x = two }, { clip = 2 }) end },
    { "optimizer: name must be", function() assay.net.optimizer("sdg", { 1 }, { { 1 } }) end },
    { "optimizer: nesterov needs a momentum", function() assay.net.optimizer("sgd", { 1 }, { { 1 } }, { nesterov = true }) end },
    { "optimizer: grads must have 1 columns, one a number of w, got 2", function() assay.net.optimizer("sgd", { 1 }, two) end },
    { "optimizer: steps must be greater than warmup, 5, got 5", function() assay.net.optimizer("sgd", { 1 }, { { 1 } }, { schedule = "cosine", warmup = 5, steps = 5 }) end },
    { "optimizer: lr must be", function() assay.net.optimizer("sgd", { 1 }, { { 1 } }, { lr = -1 }) end },
} do
    tap.error(bad[1], bad[2])
end

tap.done()
