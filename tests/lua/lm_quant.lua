-- Language models with hooked and with quantised weights and inputs, against models whose weights a
-- quantiser written here has rounded.
local tap = require "tap"
local assay = require "assay"

local rng = assay.rng(21)
local config = { vocab = 9, d = 16, heads = 2, layers = 2, ctx = 12, seed = 4 }
local matrices = { qkv = {}, o = {}, f1 = {}, f2 = {}, head = { "head.weight" } }
for _, name in ipairs { "qkv", "o", "f1", "f2" } do
    matrices[name] = { "block1." .. name .. ".weight", "block2." .. name .. ".weight" }
end
local all = { "qkv", "o", "f1", "f2", "head" }

local function rows(m)
    local out = {}
    for i = 1, #m do
        out[i] = {}
        for j = 1, #m[i] do
            out[i][j] = m[i][j]
        end
    end
    return out
end

local function scattered()
    local lm = assay.lm.new(config)
    for _, name in ipairs(all) do
        for _, matrix in ipairs(matrices[name]) do
            local m = rows(lm:get(matrix))
            for i = 1, #m do
                for j = 1, #m[i] do
                    m[i][j] = 0.4 * rng:normal()
                end
            end
            lm:set(matrix, m)
        end
    end
    return lm
end

--- Symmetric codes of so many bits, a scale for each `group` numbers of the list.
local function rounded(x, bits, group)
    local out = {}
    for first = 1, #x, group or #x do
        local last, most = math.min(first + (group or #x) - 1, #x), 0
        for j = first, last do
            most = math.max(most, math.abs(x[j]))
        end
        local step = most / (2 ^ (bits - 1) - 1)
        for j = first, last do
            out[j] = step * math.floor(x[j] / step + 0.5)
        end
    end
    return out
end

local function with_rounded(lm, targets, bits, group)
    local copy = lm:clone()
    for _, name in ipairs(targets) do
        for _, matrix in ipairs(matrices[name]) do
            local m = rows(lm:get(matrix))
            for i = 1, #m do
                m[i] = rounded(m[i], bits, group)
            end
            copy:set(matrix, m)
        end
    end
    return copy
end

local tokens = { { 1, 2, 8, 4, 5 }, { 7, 3 } }
local function near_models(a, b, label)
    local za, zb = a:logits(tokens), b:logits(tokens)
    for i = 1, 2 do
        for t = 1, #tokens[i] do
            tap.near(za[i][t], zb[i][t], 1e-4, label .. ": logits")
        end
        tap.near(a:score(tokens).logp[i], b:score(tokens).logp[i], 1e-4, label .. ": scores")
    end
    local options = { n = 6, max_tokens = 6, stop = false, rng = assay.rng(2) }
    local sa, sb = a:sample(tokens, options), b:sample(tokens, options)
    tap.is(sa.tokens, sb.tokens, label .. ": samples")
    tap.near(sa.logp, sb.logp, 1e-3, label .. ": their log-probabilities")
end

--- What a step of SGD with rate 1 takes from a matrix's second row.
local function step_of(lm, matrix)
    local before = rows(lm:get(matrix))[2]
    lm:train { data = tokens, steps = 1, batch = 2, optimizer = "sgd", lr = 1, weight_decay = 0, clip = math.huge }
    local after = rows(lm:get(matrix))[2]
    for j = 1, #after do
        after[j] = before[j] - after[j]
    end
    return after
end

-- ---- weights ----

local plain = scattered()
for _, case in ipairs { { "4 bits", all, 4 }, { "3 bits in groups of 8", { "qkv", "f2" }, 3, 8 }, { "the head", { "head" }, 2 } } do
    local quantised = plain:clone()
    quantised:fakequant { weights = { bits = case[3], group = case[4] }, targets = case[2] }
    local same = with_rounded(plain, case[2], case[3], case[4])
    tap.ok(math.abs(plain:logits(tokens)[1][5][1] - same:logits(tokens)[1][5][1]) > 1e-3, case[1] .. " matters")
    near_models(quantised, same, case[1])
    near_models(quantised:clone(), same, case[1] .. ", a clone")
    for _, matrix in ipairs { "block1.qkv.weight", "block2.f2.weight", "head.weight", "wte" } do
        tap.near(step_of(quantised:clone(), matrix), step_of(same:clone(), matrix), 1e-4, case[1] .. ": straight-through gradients of " .. matrix)
    end
    quantised:fakequant()
    tap.near(quantised:logits(tokens)[1][5], plain:logits(tokens)[1][5], 0, case[1] .. ", taken back")
end

-- ---- inputs ----

local inputs = plain:clone()
inputs:fakequant { acts = { bits = 4 }, targets = "head" }
local features, head, z = plain:features({ tokens[1] }, { pool = "none" })[1], plain:get "head.weight", inputs:logits(tokens[1])
for t = 1, 5 do
    local x, expected = rounded(rows(features)[t], 4), {}
    for v = 1, 9 do
        expected[v] = 0
        for j = 1, 16 do
            expected[v] = expected[v] + x[j] * head[v][j]
        end
    end
    tap.near(z[t], expected, 1e-4, "the head reads rounded features, token " .. t)
end
inputs:fakequant { weights = { bits = 4, symmetric = false }, acts = { bits = 8, group = 8, symmetric = false } }
local drawn = inputs:sample(tokens, { n = 4, max_tokens = 5, stop = false, rng = rng })
for i = 1, 8 do
    local sequence = { table.unpack(drawn.prompt[i]) }
    table.move(drawn.tokens[i], 1, 5, #sequence + 1, sequence)
    local scores, sum = inputs:score({ sequence }).token_logp[1], 0
    for j = #drawn.prompt[i] + 1, #sequence do
        sum = sum + scores[j]
    end
    tap.near(drawn.logp[i], sum, 5e-2, "with a cache as without, sample " .. i)
end
-- f2 reads the 64 numbers of the hidden layer, the others 16.
local wide = plain:clone()
wide:fakequant { weights = { bits = 3, group = 32 }, targets = "f2" }
near_models(wide, with_rounded(plain, { "f2" }, 3, 32), "groups of 32")
tap.error("columns of f1, got 32", function() wide:fakequant { weights = { group = 32 }, targets = { "f1", "f2" } } end, "too wide for f1")
local noisy = plain:clone()
noisy:fakequant { weights = { noise = true, bits = 3, block = 8 } }
tap.near(noisy:logits(tokens)[1][5], plain:logits(tokens)[1][5], 0, "no noise outside of training")
tap.ok(math.abs(step_of(noisy, "head.weight")[3] - step_of(plain:clone(), "head.weight")[3]) > 1e-6, "noise in training")

for _, case in ipairs {
    { "group must divide the 16 columns of qkv, got 5", { weights = { group = 5 } } },
    { "only one of group, block and tensor", { weights = { group = 8, tensor = true } } },
    { "acts: a scale must be of a row", { acts = { tensor = true } } }, { "acts: a scale must be of a row", { acts = { noise = true } } },
    { "exponent must be in 2..8", { weights = { exponent = 4 } } }, { "bits", { weights = { bits = 1 } } },
    { "targets", { weights = {}, targets = { "wte" } } },
} do
    tap.error(case[1], function() plain:clone():fakequant(case[2]) end, "refuses " .. case[1])
end

-- ---- hooks ----

local hooked, doubled, steps = plain:clone(), plain:clone(), {}
local function twice(m)
    m = rows(m)
    for i = 1, #m do
        for j = 1, #m[i] do
            m[i][j] = 2 * m[i][j]
        end
    end
    return m
end
hooked:weight_hook("block2.o.weight", { forward = function(w, step)
    steps[#steps + 1] = step
    return twice(w)
end })
doubled:set("block2.o.weight", twice(plain:get "block2.o.weight"))
near_models(hooked, doubled, "a hook")
tap.is(math.max(table.unpack(steps)), 0, "outside of training the step is 0")
tap.near(step_of(hooked:clone(), "block2.o.weight"), step_of(plain:clone(), "block2.o.weight"), 0, "clones have no hooks")
local through = step_of(doubled:clone(), "block2.o.weight")
tap.near(step_of(hooked, "block2.o.weight"), through, 1e-6, "without a backward gradients pass")
tap.is(steps[#steps], 1, "training tells its step")
hooked = plain:clone()
hooked:weight_hook("block2.o.weight", { forward = twice, backward = function(_, g) return twice(g) end })
local mapped = step_of(hooked, "block2.o.weight")
for j = 1, 16 do
    mapped[j] = mapped[j] / 2
end
tap.near(mapped, through, 1e-6, "with one they are mapped")
coroutine.wrap(function() hooked:weight_hook("lnf.gain", { forward = function(w) return w end }) end)()
collectgarbage()
hooked:logits(tokens)
hooked:weight_hook("lnf.gain", { forward = function() error "my hook" end })
for _, method in ipairs { "logits", "score" } do
    tap.error("my hook", function() hooked[method](hooked, tokens) end, method .. ": its errors come through")
end
tap.error("my hook", function() hooked:sample(tokens, { rng = rng, max_tokens = 2 }) end, "sample: its errors come through")
tap.error("my hook", function() step_of(hooked, "head.weight") end, "train: its errors come through")
hooked:weight_hook("lnf.gain", { forward = function() return { { 1 } } end })
tap.error("must give 1 x 16, got 1 x 1", function() hooked:logits(tokens) end, "a hook's shape")
hooked:weight_hook("lnf.gain", nil)
hooked:weight_hook("block2.o.weight")
tap.ok(hooked:logits(tokens), "hooks taken back")
tap.error("forward must be a function", function() hooked:weight_hook("wte", {}) end, "a hook needs a forward")
tap.error("wte2", function() hooked:weight_hook("wte2", {}) end, "of a parameter")
tap.done()
