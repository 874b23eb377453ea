-- Nets: gradients of whole architectures against differences, PyTorch's numbers and closed forms; the
-- same bits at any number of threads and after a resume; hooks, samplers, checkpoints; refusals.
local tap = require "tap"
local assay = require "assay"

local rng = assay.rng(11)

local function normal(rows, cols)
    local x = {}
    for i = 1, rows do
        x[i] = {}
        for j = 1, cols do
            x[i][j] = rng:normal()
        end
    end
    return x
end

local function classes(n, k)
    local y = {}
    for i = 1, n do
        y[i] = rng:integer(0, k - 1)
    end
    return y
end

local function raises(name, words, f, ...)
    local done, message = pcall(f, ...)
    tap.ok(not done and tostring(message):find(words, 1, true), name, tostring(message), "wanted: " .. words)
end

--- All weights as one string of bits.
local function bits(net)
    local out = {}
    for _, p in ipairs(net:params()) do
        local w = net:get(p.name)
        for i = 1, #w do
            for j = 1, type(w[i]) == "number" and 1 or #w[i] do
                out[#out + 1] = string.pack("f", type(w[i]) == "number" and w[i] or w[i][j])
            end
        end
    end
    return table.concat(out)
end

local function temporary(f)
    local path = os.tmpname()
    local done, message = pcall(f, path)
    os.remove(path)
    if not done then
        error(message, 0)
    end
end

-- ---- gradients against central differences ----

local architectures = {
    MLP = { input = { 6 }, layers = { { "dense", out = 9 }, { "tanh" }, { "dense", out = 7 }, { "gelu" }, { "dense", out = 4 } } },
    ["CNN with residual"] = { input = { 2, 6, 6 }, layers = { { "conv", out = 4, k = 3, pad = 1 }, { "groupnorm", groups = 2 },
        { "relu" }, { "maxpool", k = 2 }, { "residual", { { "conv", out = 4, k = 3, pad = 1 }, { "silu" } } }, { "flatten" },
        { "dense", out = 4 } } },
    ["U-net"] = { input = { 1, 4, 4 }, layers = { { "conv", out = 3, k = 3, pad = 1, bias = false }, { "softplus" },
        { "concat", { { "avgpool" }, { "conv", out = 2, k = 1 }, { "tanh" }, { "upsample" } } },
        { "conv_transpose", out = 2, k = 2, stride = 2 }, { "leaky", slope = 0.1 }, { "globalmean" }, { "dense", out = 4 } } },
    norms = { input = { 8 }, layers = { { "dense", out = 6 }, { "layernorm" }, { "gelu_exact" }, { "dense", out = 8 }, { "swiglu" },
        { "rmsnorm" }, { "sigmoid" }, { "dense", out = 4 } } },
    ["time"] = { input = { 3 }, layers = { { "time", count = 8, scale = 2 }, { "dense", out = 6 }, { "silu" }, { "dense", out = 4 } } },
    dilated = { input = { 1, 7, 8 }, layers = { { "conv", out = 3, k = 3, pad = 2, dilation = 2 }, { "tanh" },
        { "conv", out = 3, k = 2, pad = 1, dilation = 2 }, { "tanh" }, { "conv", out = 2, k = 3, pad = 2, dilation = 2 }, { "tanh" },
        { "conv", out = 2, k = 2, stride = 2, dilation = 3 }, { "flatten" }, { "dense", out = 4 } } },
    points = { input = { 3, 7, 1 }, layers = { { "conv", out = 8, k = 1 }, { "tanh" }, { "globalmax" }, { "dense", out = 4 } } },
}

local function check_gradients(name, spec)
    spec.seed = 3
    local net, size = assay.net.new(spec), 1
    for _, n in ipairs(spec.input) do
        size = size * n
    end
    local x = normal(5, size)
    local check = net:gradcheck(x, classes(5, 4))
    tap.ok(check.differences < 1e-6, name .. ": gradient against differences", check.differences, check.worst)
    tap.ok(check.single < 2e-4, name .. ": single against double", check.single)
    for _, loss in ipairs { "mse", "huber", "kl", "reverse_kl" } do
        local of = net:gradcheck(x, normal(5, 4), { loss = loss, most = 3 })
        tap.ok(of.differences < 1e-6, name .. ", " .. loss .. ": gradient against differences", of.differences)
    end
    tap.ok(net:gradcheck(x, normal(5, 2), { loss = "gaussian_nll", most = 3 }).differences < 1e-6, name .. ", gaussian_nll")

    -- ghost norms against explicit gradients, and those against the whole
    local y = classes(5, 4)
    local norms, rows = net:example_grad_norms(x, y), net:example_grads(x, y)
    local grad, worst, sums = net:grad(x, y), 0, {}
    for i = 1, 5 do
        local square = 0
        for j = 1, #rows[1] do
            square = square + rows[i][j] ^ 2
            sums[j] = (sums[j] or 0) + rows[i][j] / 5
        end
        worst = math.max(worst, math.abs(norms[i] / math.sqrt(square) - 1))
    end
    tap.ok(worst < 1e-4, name .. ": norms of examples' gradients", worst)
    local at, off = 0, 0
    for _, p in ipairs(net:params()) do
        local g = p.learns and grad[p.name] or {}
        for i = 1, #g do
            for j = 1, type(g[i]) == "number" and 1 or #g[i] do
                at = at + 1
                off = math.max(off, math.abs(sums[at] - (type(g[i]) == "number" and g[i] or g[i][j])))
            end
        end
    end
    tap.ok(at == #rows[1] and off < 1e-6, name .. ": examples' gradients add up", off)
end

for name, spec in assay.sorted_pairs(architectures) do
    check_gradients(name, spec)
end

-- ---- PyTorch 1.13 in double, weights sin(s + 0.7 i) ----

local function pattern(rows, cols, s, scale)
    local x = {}
    for i = 1, rows do
        x[i] = {}
        for j = 1, cols do
            x[i][j] = (scale or 1) * math.sin(s + 0.7 * ((i - 1) * cols + j))
        end
    end
    return x
end

local torch = assay.net.new { input = { 1, 4, 4 }, layers = { { "conv", out = 2, k = 3, pad = 1 }, { "relu" },
    { "residual", { { "conv", out = 2, k = 3, pad = 1 }, { "relu" } } }, { "maxpool", k = 2 }, { "flatten" }, { "dense", out = 3 } } }
torch:set("conv1.weight", pattern(2, 9, 1))
torch:set("conv1.bias", pattern(1, 2, 2)[1])
torch:set("conv2.weight", pattern(2, 18, 3, 0.3))
torch:set("conv2.bias", pattern(1, 2, 4)[1])
torch:set("dense1.weight", pattern(3, 8, 5))
torch:set("dense1.bias", pattern(1, 3, 6)[1])
local x, y = {}, { 0, 2, 1, 1, 0 }
for i = 1, 5 do
    x[i] = pattern(1, 16, 9 + i)[1]
end

local function norm(g)
    local square = 0
    for i = 1, #g do
        for j = 1, type(g[i]) == "number" and 1 or #g[i] do
            square = square + (type(g[i]) == "number" and g[i] or g[i][j]) ^ 2
        end
    end
    return math.sqrt(square)
end

local grad, loss = torch:grad(x, y)
tap.near(loss, 1.4704142207698259, 1e-6, "PyTorch: loss")
local logits = torch:predict(x)[1]
for j, logit in ipairs { 4.530164665178382, 4.77664088788336, 2.859759771656962 } do
    tap.near(logits[j], logit, 5e-6, "PyTorch: outputs")
end
for name, values in assay.sorted_pairs {
    ["conv1.weight"] = { 0.06870230159426075, 1.1785138985309147 }, ["conv1.bias"] = { 0.7237668104423236, 0.8366857355248449 },
    ["conv2.weight"] = { -0.11104800774886023, 4.019844364115223 }, ["conv2.bias"] = { 0.42151549312932113, 0.5544608250548604 },
    ["dense1.weight"] = { 1.0132642638790375, 3.1304189323088956 }, ["dense1.bias"] = { 0.2074881258936308, 0.26717268718397613 },
} do
    local first = grad[name][1]
    tap.near(type(first) == "number" and first or first[1], values[1], 5e-6, "PyTorch: first number of the gradient of " .. name)
    tap.near(norm(grad[name]), values[2], 2e-5, "PyTorch: norm of the gradient of " .. name)
end
tap.near(norm(torch:input_grad(x, y)), 2.354284959254587, 2e-5, "PyTorch: gradients by inputs")
local descended = torch:clone()
descended:train(x, y, { steps = 10, batch = 5, optimizer = "sgd", lr = 0.05, momentum = 0.9 })
tap.near(descended:loss(x, y), 0.060456429587033324, 2e-5, "PyTorch: loss after 10 steps of SGD with momentum")
tap.near(descended:get "dense1.weight"[1][1], -0.7891545928533903, 2e-5, "PyTorch: a weight after them")

-- ---- closed forms ----

local n, d = 40, 3
local design, target, w = normal(n, d), normal(n, 1), { 0.3, -1.2, 0.7 }
local linear = assay.net.new { input = { d }, layers = { { "dense", out = 1, bias = false } } }
linear:set("dense1.weight", { w })
local expected = { 0, 0, 0 }
for i = 1, n do
    local residual = -target[i][1]
    for j = 1, d do
        residual = residual + design[i][j] * w[j]
    end
    for j = 1, d do
        expected[j] = expected[j] + 2 * design[i][j] * residual / n
    end
end
local got = linear:grad(design, target, { loss = "mse" })["dense1.weight"]
for j = 1, d do
    tap.near(got[1][j], expected[j], 1e-5, "linear regression: 2 X'(Xw - y) / n")
end

local logistic = assay.net.logistic { d, 4, seed = 1 }
tap.is(norm(logistic:get "dense1.weight"), 0.0, "logistic regression begins at 0")
logistic:set("dense1.weight", pattern(4, d, 1))
local labels = classes(n, 4)
local last = logistic:last_layer(design, labels)
local most, product = 0, 0
for i = 1, n do
    local sum = 0
    for k = 1, 4 do
        sum = sum + last.slope[i][k]
    end
    most = math.max(most, math.abs(sum))
    product = product + last.slope[i][2] * last.features[i][3] / n
end
tap.ok(most < 1e-6, "rows of p - y sum to 0", most)
tap.near(logistic:grad(design, labels)["dense1.weight"][2][3], product, 1e-6, "the last layer's gradient is an outer product")

-- H v of softmax regression: sum over i of (diag p - p p') V x~ x~' / n
local v = { ["dense1.weight"] = pattern(4, d, 2), ["dense1.bias"] = pattern(1, 4, 3)[1] }
local exact = { weight = {}, bias = { 0, 0, 0, 0 } }
for k = 1, 4 do
    exact.weight[k] = { 0, 0, 0 }
end
for i = 1, n do
    local p, u, mean = {}, {}, 0
    for k = 1, 4 do
        p[k] = last.slope[i][k] + (labels[i] == k - 1 and 1 or 0)
        u[k] = v["dense1.bias"][k]
        for j = 1, d do
            u[k] = u[k] + v["dense1.weight"][k][j] * design[i][j]
        end
        mean = mean + p[k] * u[k]
    end
    for k = 1, 4 do
        local s = p[k] * (u[k] - mean) / n
        exact.bias[k] = exact.bias[k] + s
        for j = 1, d do
            exact.weight[k][j] = exact.weight[k][j] + s * design[i][j]
        end
    end
end
local hv = logistic:hvp(design, labels, { v = v })
for k = 1, 4 do
    tap.near(hv["dense1.bias"][k], exact.bias[k], 1e-6, "Hessian of softmax regression, bias")
    tap.near(hv["dense1.weight"][k][2], exact.weight[k][2], 1e-6, "Hessian of softmax regression, weight")
end
local other = { ["dense1.weight"] = pattern(4, d, 9) }
local ho, left, right = logistic:hvp(design, labels, { v = other }), 0, 0
for k = 1, 4 do
    right = right + v["dense1.bias"][k] * ho["dense1.bias"][k]
    for j = 1, d do
        left = left + other["dense1.weight"][k][j] * hv["dense1.weight"][k][j]
        right = right + v["dense1.weight"][k][j] * ho["dense1.weight"][k][j]
    end
end
tap.near(left, right, 1e-9, "the Hessian is symmetric: within 1e-9, so its products are")

-- per-example losses, weights, smoothing
local each = logistic:loss(design, labels, { per_example = true })
local sum, weights, weighted = 0, {}, 0
for i = 1, n do
    weights[i] = i % 3
    sum, weighted = sum + each[i] / n, weighted + each[i] * weights[i] / n
end
tap.near(logistic:loss(design, labels), sum, 1e-7, "the mean of examples' losses")
tap.near(logistic:loss(design, labels, { weights = weights }), weighted, 1e-7, "weighted: sum w l / n")
local _, of_grad = logistic:grad(design, labels, { weights = weights })
tap.near(of_grad, weighted, 1e-6, "grad's second result")
local two = assay.net.logistic { 1, 2 }
two:set("dense1.weight", { { 0 }, { 1 } })
tap.near(two:loss({ { 0.5 } }, { 1 }, { smoothing = 0.2 }),
    math.log(1 + math.exp(0.5)) - 0.9 * 0.5, 1e-6, "label smoothing 0.2 of 2 classes: q = (0.1, 0.9)")
tap.near(two:loss({ { 0.5 }, { 3 } }, { 1, -1 }), math.log(1 + math.exp(-0.5)), 1e-6, "-1 is not counted")
for _, loss in ipairs { "mse", "huber", "bce", "kl", "reverse_kl" } do
    local of, t = assay.net.logistic { d, 2 }, {}
    for i = 1, n do
        t[i] = { rng:uniform(), rng:uniform() }
    end
    of:set("dense1.weight", pattern(2, d, 1))
    local total, values = 0, of:loss(design, t, { loss = loss, per_example = true })
    for i = 1, n do
        total = total + weights[i] * values[i] / n
    end
    local _, together = of:grad(design, t, { loss = loss, weights = weights })
    tap.near(together, total, 1e-6, loss .. ": examples' weights")
end

-- input gradients against differences of the loss
local shifted, step = {}, 1e-2
local dx = torch:input_grad(x, y)
for i = 1, 5 do
    shifted[i] = { table.unpack(x[i]) }
end
shifted[2][7] = x[2][7] + step
local above = torch:loss(shifted, y, { per_example = true })[2]
shifted[2][7] = x[2][7] - step
local below = torch:loss(shifted, y, { per_example = true })[2]
tap.near(dx[2][7], (above - below) / (2 * step), 2e-3, "gradient by an input")

-- projections keep inner products on average, and add up over parameters
local rows = torch:example_grads(x, y)
local k = 4096
local projected = torch:example_grads(x, y, { project = k, seed = 5 })
local function dot(a, b)
    local total = 0
    for j = 1, #a do
        total = total + a[j] * b[j]
    end
    return total
end
local inner, size = dot(rows[1], rows[2]), math.sqrt(dot(rows[1], rows[1]) * dot(rows[2], rows[2]))
tap.ok(math.abs(dot(projected[1], projected[2]) - inner) < 5 * size / math.sqrt(k), "an inner product after projection")
local conv = torch:example_grads(x, y, { project = 64, seed = 5, params = { "conv1.weight", "dense1.bias" } })
local one = torch:example_grads(x, y, { project = 64, seed = 5, params = { "conv1.weight" } })
local rest = torch:example_grads(x, y, { project = 64, seed = 5, params = { "dense1.bias" } })
tap.near(conv[3][10], one[3][10] + rest[3][10], 1e-6, "projections of parameters add up")

-- features
tap.is(#torch:features(x, { layer = "residual1" })[1], 32, "features of a block")
tap.is(torch:features(x, { layer = "dense1" })[4][2], torch:predict(x)[4][2], "features of the last layer are the outputs")

do -- a relu is done after the pool behind it, unless it is asked for
    local spec = { input = { 1, 4, 4 }, seed = 4, layers = { { "conv", out = 2, k = 3, pad = 1 }, { "relu" }, { "maxpool", k = 2 },
        { "flatten" }, { "dense", out = 2 } } }
    local net, images, wrong, zeros = assay.net.new(spec), pattern(5, 16, 7), 0, 0
    local relu, pool = net:features(images, { layer = "relu1" }), net:features(images, { layer = "maxpool1" })
    for i = 1, 5 do
        for window = 0, 7 do
            local corner = window // 4 * 16 + window // 2 % 2 * 8 + window % 2 * 2 + 1
            local r = relu[i]
            local most = math.max(0, r[corner], r[corner + 1], r[corner + 4], r[corner + 5])
            wrong = wrong + (pool[i][window + 1] == most and 0 or 1)
            zeros = zeros + (most == 0 and 1 or 0)
        end
    end
    tap.ok(wrong == 0 and zeros > 0, "maxpool1 has the largest of relu1", wrong, zeros)
    local below = 0
    for _, v in ipairs(relu[1]) do
        below = below + (v < 0 and 1 or 0)
    end
    tap.is(below, 0, "features of a relu before a pool")
end

-- ---- training ----

local many, kinds = normal(1500, 8), {}
for i = 1, #many do
    kinds[i] = (many[i][1] * many[i][2] > 0 and 1 or 0) + (many[i][3] > 0 and 2 or 0)
end
local deep = { input = { 8 }, seed = 4, layers = { { "dense", out = 24 }, { "gelu" }, { "dropout", p = 0.2 },
    { "residual", { { "dense", out = 24 }, { "relu" }, { "dropout", p = 0.1 } } }, { "dense", out = 4 } } }

-- noise in a weight, keyed by the step alone
local function noisy(net)
    net:weight_hook("dense2.weight", { forward = function(w, at)
        local draw = assay.rng(at)
        for i = 1, #w do
            for j = 1, #w[i] do
                w[i][j] = w[i][j] + 0.01 * draw:normal()
            end
        end
        return w
    end })
    return net
end

local function trained(options, net)
    net = net or noisy(assay.net.new(deep))
    options.batch, options.lr, options.schedule, options.warmup = 700, 1e-2, "cosine", 5
    options.steps, options.clip, options.ema = options.steps or 50, 1, 0.9
    local r = net:train(many, kinds, options)
    return net, r
end

local first, r = trained { threads = 1 }
tap.ok(r.losses[50] < 0.7 * r.losses[1], "the loss falls", r.losses[1], r.losses[50])
for _, threads in ipairs { 2, 3, 7 } do
    local net, other_r = trained { threads = threads }
    tap.ok(bits(net) == bits(first), "50 steps, dropout and noise: the same bits with " .. threads .. " threads")
    tap.is(other_r.losses, r.losses, "and losses")
    tap.ok(bits(net:averaged()) == bits(first:averaged()), "and averages")
end

-- Portable products: the same bits in any number of threads, through clones; BLAS's loss but for rounding.
do
    local portable, plain = {}, assay.net.new(deep)
    for key, value in pairs(deep) do
        portable[key] = value
    end
    portable.gemm = "portable"
    local one, one_r = trained({ steps = 8 }, assay.net.new(portable))
    for _, threads in ipairs { 2, 3, 7 } do
        local net = trained({ steps = 8, threads = threads }, assay.net.new(portable):clone())
        tap.ok(bits(net) == bits(one), "portable products: the same bits with " .. threads .. " threads")
    end
    local _, blas_r = trained({ steps = 8 }, plain)
    tap.near(one_r.losses, blas_r.losses, 1e-4, "portable products: the losses of BLAS")
    plain = assay.net.new(deep)
    plain:set_gemm "portable"
    tap.ok(bits((trained({ steps = 8 }, plain))) == bits(one), "set_gemm: the same as the option")
    tap.ok(bits((trained({ steps = 8 }, assay.net.new(deep)))) ~= bits(one), "and not BLAS's bits")
    raises("products by nobody", "gemm must be one of", function() assay.net.mlp { 2, 2, gemm = "mkl" } end)
end

temporary(function(path)
    local half = trained { on_step = function(at) return at < 25 end }
    half:save(path)
    local resumed, rest_r = trained({ resume = true }, noisy(assay.net.load(path)))
    tap.is(rest_r.steps, 50, "resumed to the last step")
    tap.is(#rest_r.losses, 25, "25 steps of it")
    tap.ok(bits(resumed) == bits(first), "saved after 25 steps and resumed: the same bits")
    tap.ok(bits(resumed:averaged()) == bits(first:averaged()), "and averages")
    local mid = noisy(assay.net.new(deep))
    trained({ on_step = function(at, _, net)
        if at == 25 then
            net:save(path)
        end
    end }, mid)
    tap.ok(bits(trained({ resume = true }, noisy(assay.net.load(path)))) == bits(first), "saved by on_step while it trains")
    raises("another optimizer can't go on", "another optimizer", function()
        assay.net.load(path):train(many, kinds, { steps = 50, optimizer = "sgd", resume = true, batch = 700 })
    end)
end)
raises("nothing to resume", "no training to resume", function()
    assay.net.new(deep):train(many, kinds, { steps = 3, resume = true })
end)

-- a loss of one's own: the mean squared error by hand is the named one, at any number of threads
local wanted = normal(#many, 4)
local function by_name(threads)
    local net = assay.net.mlp { 8, 6, 4, seed = 2 }
    local r = net:train(many, wanted, { loss = "mse", steps = 20, batch = 700, lr = 0.05, threads = threads })
    return net, r
end
local function by_function(threads)
    local net, steps = assay.net.mlp { 8, 6, 4, seed = 2 }, {}
    local r = net:train(many, nil, { steps = 20, batch = 700, lr = 0.05, threads = threads, loss = function(outputs, index, at)
        local loss, slope, n = 0, assay.matrix(#outputs, 4), #outputs
        steps[#steps + 1] = at
        for i = 1, n do
            for j = 1, 4 do
                local d = outputs[i][j] - wanted[index[i]][j]
                loss = loss + d * d / (4 * n)
                slope[i][j] = 2 * d / (4 * n)
            end
        end
        return loss, slope
    end })
    tap.is(#steps, steps[#steps], "it is asked once a step")
    return net, r
end
local named, named_r = by_name(1)
local own, own_r = by_function(1)
tap.near(own_r.losses, named_r.losses, 1e-6, "a loss of one's own: losses")
tap.near(own:get "dense2.weight"[2]:totable(), named:get "dense2.weight"[2]:totable(), 1e-4, "and weights")
for _, threads in ipairs { 2, 7 } do
    local other, other_r = by_function(threads)
    tap.ok(bits(other) == bits(own) and tap.same(other_r.losses, own_r.losses), "the same bits with " .. threads .. " threads")
end

-- the order of examples: every epoch all of them, each once
local by_epoch = {}
local counting = assay.net.logistic { 8, 4 }
counting:train(many, kinds, { epochs = 2, batch = 400, seed = 7, on_step = function(at) by_epoch[at] = true end })
tap.is(#by_epoch, 8, "an epoch of 1500 in batches of 400 has 4 steps")

-- a sampler's indices and weights
local asked = {}
local sampled = assay.net.logistic { 8, 4 }
sampled:train(many, kinds, { steps = 2, batch = 4, optimizer = "sgd", lr = 1, sampler = function(at, stream)
    asked[at] = stream:integer(1, 1500)
    return { 3, 1, 2 }, { 1, 0, 2 }
end })
local by_hand = assay.net.logistic { 8, 4 }
local x3, y3 = { many[3], many[1], many[2] }, { kinds[3], kinds[1], kinds[2] }
for _ = 1, 2 do
    local g = by_hand:grad(x3, y3, { weights = { 1, 0, 2 } })
    for _, name in ipairs { "dense1.weight", "dense1.bias" } do
        local w2 = by_hand:get(name)
        for i = 1, #w2 do
            if type(w2[i]) == "number" then
                w2[i] = w2[i] - g[name][i]
            else
                for j = 1, #w2[i] do
                    w2[i][j] = w2[i][j] - g[name][i][j]
                end
            end
        end
        by_hand:set(name, w2)
    end
end
tap.near(sampled:get "dense1.weight"[2][5], by_hand:get "dense1.weight"[2][5], 1e-6, "a sampler's steps by hand")
tap.ok(asked[1] ~= asked[2], "a sampler's stream is the step's")

-- accumulation is the batch of its parts; groups; frozen parameters
local whole, parts = assay.net.new(deep), assay.net.new(deep)
whole:train(many, kinds, { steps = 5, batch = 400, seed = 2 })
parts:train(many, kinds, { steps = 5, batch = 100, accumulate = 4, seed = 2 })
local a, b = whole:get "dense1.weight", parts:get "dense1.weight"
tap.near(a[3][4], b[3][4], 1e-4, "4 batches of 100 are one of 400")
local frozen = assay.net.new(deep)
local before = frozen:get "dense1.weight"[1][1]
tap.is(frozen:freeze "dense1.*", 2, "two parameters match")
frozen:train(many, kinds, { steps = 3, groups = { { match = "dense3.*", lr = 0 } } })
tap.is(frozen:get "dense1.weight"[1][1], before, "frozen stays")
tap.is(frozen:get "dense3.weight"[1][1], assay.net.new(deep):get "dense3.weight"[1][1], "a rate of 0 stays")
tap.ok(frozen:get "dense2.weight"[1][1] ~= assay.net.new(deep):get "dense2.weight"[1][1], "the others learn")
tap.is(frozen:grad(many, kinds)["dense1.weight"], nil, "a frozen parameter has no gradient")

-- evaluation after every epoch, with averaged weights
local evaluated = assay.net.new(deep)
local of_eval = evaluated:train(many, kinds, { epochs = 3, batch = 300, lr = 1e-2, ema = 0.9, eval = { many, kinds } })
tap.is(#of_eval.evals, 3, "an evaluation an epoch")
tap.near(of_eval.evals[3].loss, evaluated:averaged():loss(many, kinds), 1e-12, "of the averaged weights")
tap.ok(of_eval.evals[3].accuracy > of_eval.evals[1].accuracy - 0.02 and of_eval.evals[3].step == 15, "accuracy")

-- ---- hooks ----

local hooked, plain = assay.net.new(deep), assay.net.new(deep)
local halved = plain:get "dense2.weight"
for i = 1, #halved do
    for j = 1, #halved[i] do
        halved[i][j] = halved[i][j] / 2
    end
end
plain:set("dense2.weight", halved)
local function scaled(by)
    return function(m, g)
        local from = type(g) == "userdata" and g or m
        for i = 1, #from do
            for j = 1, #from[i] do
                from[i][j] = from[i][j] * by
            end
        end
        return from
    end
end
hooked:weight_hook("dense2.weight", { forward = scaled(0.5), backward = scaled(3) })
tap.is(hooked:loss(many, kinds), plain:loss(many, kinds), "a weight's hook")
tap.near(hooked:grad(many, kinds)["dense2.weight"][2][3], 3 * plain:grad(many, kinds)["dense2.weight"][2][3], 1e-9, "and its backward")
hooked:weight_hook("dense2.weight", nil)
tap.is(hooked:loss(many, kinds), assay.net.new(deep):loss(many, kinds), "no hook any more")
hooked:linear_hook("dense2", { forward = scaled(0.5), backward = scaled(0.5) })
plain = assay.net.new(deep)
tap.ok(hooked:loss(many, kinds) ~= plain:loss(many, kinds), "a layer's input is hooked")
local check = hooked:input_grad({ many[1] }, { kinds[1] })[1][1]
local up, down = { { table.unpack(many[1]) } }, { { table.unpack(many[1]) } }
up[1][1], down[1][1] = up[1][1] + 1e-2, down[1][1] - 1e-2
tap.near(check, (hooked:loss(up, { kinds[1] }) - hooked:loss(down, { kinds[1] })) / 2e-2, 2e-3, "and its backward")
raises("Lua in threads", "threads must be 1", hooked.train, hooked, many, kinds, { steps = 1, threads = 2 })
hooked:linear_hook("dense2", { forward = function() error("own words") end })
raises("an error of a hook", "own words", hooked.loss, hooked, many, kinds)
hooked:linear_hook("dense2", { forward = function() return { { 1 } } end })
raises("a hook's shape", "must give 250 x 24, got 1 x 1", function()
    hooked:loss(many, kinds)
end)

-- ---- denoisers: a point mass has the exact noise (x - alpha mu) / sigma ----

local schedule = assay.diffusion.schedule { kind = "vp_linear" }
local mass = {}
for i = 1, 64 do
    mass[i] = { 0.5, -1 }
end
for _, prediction in ipairs { "eps", "x0", "v" } do
    local net = assay.net.denoiser { dim = 2, hidden = { 48, 48 }, seed = 1 }
    local result = net:train(mass, nil, { prediction = prediction, noise = schedule, steps = 600, batch = 64, lr = 3e-3, schedule = "cosine" })
    local level = assay.diffusion.schedule_at(schedule, 0.5)
    local alpha, sigma = level.alpha, level.sigma
    local point = { alpha * 0.5 + sigma * 0.3, -alpha + sigma * 0.8 }
    local eps = net:eps({ point }, 0.5, { noise = schedule })
    tap.near(eps[1][1], 0.3, 0.25, prediction .. ": the noise of a point mass", result.loss)
    tap.near(eps[1][2], 0.8, 0.25, prediction .. ": the noise of a point mass")
end

-- ---- refusals ----

local net = assay.net.new(deep)
local bad = normal(2, 8)
bad[2][3] = 0 / 0
local function new(layers, input)
    return function() assay.net.new { input = input or { 1, 8, 8 }, layers = layers } end
end
local cases = {
    { "x is 2 x 7, the net's input has 8 numbers", function() net:predict(normal(2, 7)) end },
    { "x[2][3] must be finite, got", function() net:loss(bad, { 0, 1 }) end },
    { "y[2] must be a class in 0..3 (the net has 4 outputs), or -1 to ignore it, got 4", function() net:loss(normal(2, 8), { 0, 4 }) end },
    { "y must have one label for each of 2 rows of x, got 3", function() net:loss(normal(2, 8), { 0, 1, 2 }) end },
    { "y[1] must be a class, a whole number, got 0.5", function() net:loss(normal(2, 8), { 0.5, 1 }) end },
    { "y is all -1", function() net:loss(normal(2, 8), { -1, -1 }) end },
    { "x has no examples", function() net:train({}, {}, { steps = 1 }) end },
    { "x[2] must have 8 numbers as the first row, got 1", function() net:predict { { 1, 2, 3, 4, 5, 6, 7, 8 }, { 1 } } end },
    { "y must be 2 x 4 for this loss and net, got 2 x 3", function() net:loss(normal(2, 8), normal(2, 3), { loss = "mse" }) end },
    { "y[1][2] must be in 0..1, got 2", function() net:loss(normal(1, 8), { { 0, 2, 0, 0 } }, { loss = "bce" }) end },
    { "loss must be given for a net of one output", function() linear:loss(normal(2, 3), { 0, 0 }) end },
    { "weights[2] must be finite and at least 0, got -1", function() net:loss(normal(2, 8), { 0, 1 }, { weights = { 1, -1 } }) end },
    { "weights must have one number for each of 2 rows", function() net:loss(normal(2, 8), { 0, 1 }, { weights = { 1 } }) end },
    { "y must be nil for a loss of one's own", function() net:train(many, kinds, { steps = 1, loss = function() end }) end },
    { "delta is not for a loss of one's own", function() net:train(many, nil, { steps = 1, delta = 1, loss = function() end }) end },
    { "loss must give a number and its gradient, got a nil", function() net:train(many, nil, { steps = 1, loss = function() end }) end },
    { "the gradient of loss must be 64 x 4 as outputs, got 1 x 1", function() net:train(many, nil, { steps = 1, loss = function() return 1, { { 1 } } end }) end },
    { "the loss is inf at step 1", function() net:train(many, nil, { steps = 1, loss = function(y) return math.huge, y end }) end },
    { "its own words", function() net:train(many, nil, { steps = 1, loss = function() error "its own words" end }) end },
    { "weights are not for a loss of one's own", function() net:train(many, nil, { steps = 1, loss = function(y) return 1, y end, sampler = function() return { 1 }, { 2 } end }) end },
    { "eval is not for a loss of one's own", function() net:train(many, nil, { steps = 1, loss = function() end, eval = { many, kinds } }) end },
    { "pad must be less than the dilated k, 5, got 5", function() assay.net.new { input = { 1, 9, 9 }, layers = { { "conv", out = 1, k = 3, pad = 5, dilation = 2 } } } end },
    { "one of epochs and steps must be given", function() net:train(many, kinds) end },
    { "lr", function() net:train(many, kinds, { steps = 1, lr = -1 }) end },
    { "unknown option \"learning_rate\"", function() net:train(many, kinds, { steps = 1, learning_rate = 1 }) end },
    { "no parameter's name matches \"head.*\"", function() net:train(many, kinds, { steps = 1, groups = { { match = "head.*" } } }) end },
    { "sampler's indices[1]", function() net:train(many, kinds, { steps = 1, sampler = function() return { 1501 } end }) end },
    { "sampler gave 2 indices and 1 weights", function() net:train(many, kinds, { steps = 1, sampler = function() return { 1, 2 }, { 1 } end }) end },
    { "sampler must give 1..64 indices, got 0", function() net:train(many, kinds, { steps = 1, sampler = function() return {} end }) end },
    { "own words", function() net:train(many, kinds, { steps = 1, sampler = function() error "own words" end }) end },
    { "own words", function() net:train(many, kinds, { steps = 1, on_step = function() error "own words" end }) end },
    { "is being trained", function() net:train(many, kinds, { steps = 1, on_step = function(_, _, n) n:train(many, kinds, { steps = 1 }) end }) end },
    { "cancelled", function() net:train(many, kinds, { steps = 9, progress = function() return true end }) end },
    { "at step 2 with learning rate 1e+30", function() assay.net.new(deep):train(many, kinds, { steps = 9, lr = 1e30, optimizer = "sgd" }) end },
    { "there is no parameter \"dense9.weight\" (there are: dense1.weight,", function() net:get "dense9.weight" end },
    { "value must be 24 x 8, got 1 x 2", function() net:set("dense1.weight", { { 1, 2 } }) end },
    { "value must be finite", function() net:set("dense3.bias", { 1, 2, 3, 1 / 0 }) end },
    { "there is no layer \"relu9\" (there are: dense1, gelu1,", function() net:features(many, { layer = "relu9" }) end },
    { "there are no averaged weights", function() net:averaged() end },
    { "was not trained to denoise", function() net:eps({ { 1 } }, 1, { noise = schedule }) end },
    { "prediction and noise (a schedule) go together", function() net:train(many, nil, { steps = 1, prediction = "eps" }) end },
    { "to denoise x of 8 columns a net takes 9 numbers", function() net:train(many, nil, { steps = 1, prediction = "eps", noise = schedule }) end },
    { "layer dense1: the input must be a vector, got [2, 6, 6]: put a flatten", new { { "conv", out = 2, k = 3 }, { "dense", out = 3 } } },
    { "layer residual1: the input [1, 8, 8] and the layers' output [2, 6, 6] don't fit", new { { "residual", { { "conv", out = 2, k = 3 } } } } },
    { "layer conv1: a window of 9 doesn't fit images of 8 x 8", new { { "conv", out = 2, k = 9 } } },
    { "layer conv1: unknown option \"padd\" (there are: out k stride pad dilation bias)", new { { "conv", out = 2, k = 3, padd = 1 } } },
    { "layer conv1: out must be given", new { { "conv", k = 3 } } },
    { "there is no layer \"dance\" (there are: dense,", new { { "dance" } } },
    { "layer dropout1: p must be at least 0 and less than 1, got 1", new { { "dropout", p = 1 } } },
    { "layer groupnorm1: groups must divide the 1 channels, got 2", new { { "groupnorm", groups = 2 } } },
    { "layer swiglu1: the input must have an even size, got [3]", new({ { "swiglu" } }, { 3 }) },
    { "input must be {size} or {channels, height, width}, got 2 numbers", new({ { "relu" } }, { 2, 3 }) },
    { "layers must have at least one layer", new {} },
    { "dimension 2 of parameter \"dense1.weight\"", new({ { "dense", out = 1 << 24 } }, { 1 << 24 }) },
    { "the last layer must be dense", function() assay.net.new { input = { 3 }, layers = { { "relu" } } }:last_layer(normal(2, 3), { 0, 1 }) end },
    { "v: \"dense1.weight\" is frozen", function()
        local of = assay.net.new(deep)
        of:freeze "dense1.weight"
        of:hvp(many, kinds, { v = { ["dense1.weight"] = pattern(24, 8, 1) } })
    end },
    { "/nowhere/net.safetensors", function() net:save "/nowhere/net.safetensors" end },
    { "No such file", function() assay.net.load "/nowhere/net.safetensors" end },
}
for _, case in ipairs(cases) do
    raises("refused: " .. case[1], case[1], case[2])
end
tap.ok(not pcall(net.set, net, "dense1.weight", { { 1 } }), "and the net is as it was")

temporary(function(path)
    net:save(path)
    raises("another architecture", "another architecture", torch.restore, torch, path)
    local copy = assay.net.new(deep)
    copy:restore(path)
    tap.ok(bits(copy) == bits(net) and bits(net:clone()) == bits(net), "restored, and cloned")
end)

-- ---- batch-norm ----

local function moments(x, j)
    local mean, square = 0, 0
    for i = 1, #x do
        mean = mean + x[i][j] / #x
    end
    for i = 1, #x do
        square = square + (x[i][j] - mean) ^ 2
    end
    return mean, square / (#x - 1)
end

local function batch_normed()
    return assay.net.new { input = { 3 }, layers = { { "batchnorm" }, { "dense", out = 4 } }, seed = 5 }
end

do
    local x, y, net = normal(600, 3), classes(600, 4), batch_normed()
    net:train(x, y, { steps = 1, batch = 600, optimizer = "sgd", lr = 0 })
    for j = 1, 3 do
        local mean, variance = moments(x, j)
        tap.near(net:get "batchnorm1.mean"[j], 0.1 * mean, 1e-6, "batch-norm: the mean moves by a tenth")
        tap.near(net:get "batchnorm1.variance"[j], 0.9 + 0.1 * variance, 1e-6, "batch-norm: so does the variance")
    end
    net:train(x, y, { steps = 150, batch = 600, optimizer = "sgd", lr = 0 })
    local normed = net:features(x, { layer = "batchnorm1" })
    for j = 1, 3 do
        local mean, variance = moments(normed, j)
        tap.near({ mean, variance }, { 0, 1 }, 1e-3, "batch-norm: then outputs have mean 0 and variance 1")
    end
    local many = batch_normed()
    local one = batch_normed()
    one:train(x, y, { steps = 6, batch = 300, lr = 0.01 })
    many:train(x, y, { steps = 6, batch = 300, lr = 0.01, threads = 2 })
    tap.ok(one:predict(x) == many:predict(x), "batch-norm: the same bits with two threads")
    local parts = batch_normed()
    parts:train(x, y, { steps = 6, batch = 300, lr = 0.01, on_step = function(step) return step < 3 end })
    parts:train(x, y, { steps = 6, batch = 300, lr = 0.01, resume = true })
    tap.ok(one:predict(x) == parts:predict(x), "batch-norm: the same after a resume")
    tap.ok(one:clone():predict(x) == one:predict(x), "batch-norm: a clone has the statistics")
    tap.error("a batch must have at least 2 numbers a channel in training", function()
        batch_normed():train(x, y, { steps = 1, batch = 1 })
    end)
end

check_gradients("batch-norm", { input = { 2, 3, 3 }, layers = { { "conv", out = 4, k = 1 }, { "batchnorm" }, { "silu" }, { "flatten" },
        { "dense", out = 5 }, { "batchnorm", eps = 0.01 }, { "tanh" }, { "dense", out = 4 } } })

tap.done()
