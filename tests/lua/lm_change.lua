-- assay.lm changed in place: adapters, sub-networks, frozen parameters; files; samples of masked
-- diffusion.
local tap = require "tap"
local assay = require "assay"

local rng = assay.rng(4)

local function normals(n, scale)
    local x = {}
    for i = 1, n do
        x[i] = scale * rng:normal()
    end
    return x
end

--- Weights far from their initial values.
local function scatter(lm, scale)
    for _, p in ipairs(lm:params()) do
        if #p.shape == 1 then
            lm:set(p.name, normals(p.shape[1], scale))
        else
            local m = {}
            for i = 1, p.shape[1] do
                m[i] = normals(p.shape[2], scale)
            end
            lm:set(p.name, m)
        end
    end
    return lm
end

local function flat(lm, pattern, but)
    local out = {}
    for _, p in ipairs(lm:params()) do
        if p.name:find(pattern) and not (but and p.name:find(but)) then
            local w = lm:get(p.name)
            for i = 1, #w do
                for j = 1, type(w[i]) == "number" and 1 or #w[i] do
                    out[#out + 1] = type(w[i]) == "number" and w[i] or w[i][j]
                end
            end
        end
    end
    return out
end

--- Lists, which are too long to be shown.
local function equal(a, b, name)
    local same = #a == #b
    for i = 1, #a do
        same = same and a[i] == b[i]
    end
    tap.ok(same, name)
end

local config = { vocab = 11, d = 16, heads = 4, layers = 2, ctx = 8, act = "swiglu" }
local tokens = { 1, 4, 9, 2, 10, 3 }
local data = { data = { { 1, 4, 5, 6 }, { 7, 8, 9 } }, steps = 3, batch = 2, lr = 0.05, weight_decay = 0.1 }

-- ---- adapters ----

local lm = scatter(assay.lm.new(config), 0.3)
local before, base = lm:logits(tokens), flat(lm, "", "lora")
lm:lora { rank = 2, alpha = 6, targets = { "qkv", "f2" }, count = 2, seed = 3 }
tap.near(lm:logits(tokens)[6], before[6], 0, "a new adapter changes nothing")
lm:train(data)
equal(flat(lm, "", "lora"), base, "adapters learn, not the model")
tap.ok(math.abs(lm:logits(tokens)[6][1] - before[6][1]) > 1e-4, "what they learn is seen")
tap.ok(#flat(lm, "lora1") > 0, "there are adapters")
local first, second = flat(lm, "lora1"), flat(lm, "lora2")
local adapted = lm:logits(tokens)
lm:use_adapter(2)
tap.near(lm:logits(tokens)[6], before[6], 0, "the second is still new")
lm:train(data)
equal(flat(lm, "lora1"), first, "the first stays, also by weight decay")
tap.ok(flat(lm, "lora2")[1] ~= second[1], "the second learns")
lm:use_adapter(0)
tap.near(lm:logits(tokens)[6], before[6], 0, "none is the model")
lm:use_adapter { 1, 0 }
local half = lm:logits(tokens)
tap.ok(math.abs(half[6][1] - before[6][1]) > 1e-5 and math.abs(half[6][1] - adapted[6][1]) > 1e-5, "one in the first block only")
lm:use_adapter(1)
tap.near(lm:logits(tokens)[6], adapted[6], 0, "the first again")
tap.near(lm:clone():logits(tokens)[6], adapted[6], 0, "a copy has them")
local s = lm:sample({ { 4 } }, { n = 3, max_tokens = 5, stop = false, rng = rng })
for i = 1, 3 do
    local whole = table.move(s.tokens[i], 1, 5, 2, { 4 })
    tap.near(lm:score(whole).logp[1], s.logp[i], 5e-5, "samples are of the adapted model")
end
-- W + s B A by hand.
local merged = lm:clone()
merged:merge()
tap.near(merged:logits(tokens)[6], adapted[6], 1e-4, "merged: the same function")
local w, a, b = lm:get "block2.f2.weight", lm:get "block2.f2.lora1.A", lm:get "block2.f2.lora1.B"
tap.near(merged:get("block2.f2.weight")[5][3], w[5][3] + 3 * (b[5][1] * a[1][3] + b[5][2] * a[2][3]), 1e-5, "W + alpha / rank B A")
merged:use_adapter(1)
tap.near(merged:logits(tokens)[6], adapted[6], 1e-4, "a merged adapter does nothing more")
local other = scatter(assay.lm.new(config), 0.3)
local plain = other:logits(tokens)[6]
other:lora { init = "zero", targets = "o" }
tap.near(other:logits(tokens)[6], plain, 0, "init zero: nothing changes either")
other:train(data)
tap.ok(other:logits(tokens)[6][1] ~= plain[1], "and it learns")
-- Norms of examples with adapters: against one step of SGD of each example alone.
local norms = lm:example_grad_norms { { 1, 4, 5, 6 }, { 7, 8, 9 } }
for i, sequence in ipairs(data.data) do
    local one = lm:clone()
    one:train { data = { sequence }, steps = 1, batch = 1, optimizer = "sgd", lr = 1, clip = math.huge }
    local was, is, sum = flat(lm, "lora1"), flat(one, "lora1"), 0
    for k = 1, #was do
        sum = sum + (is[k] - was[k]) ^ 2
    end
    tap.near(norms[i], math.sqrt(sum), 1e-4 * math.sqrt(sum) + 1e-5, "gradient norm of adapters, example " .. i)
end
for _, case in ipairs {
    { "adapters already", function() lm:lora {} end }, { "rank", function() lm:clone():lora { rank = 0 } end },
    { "adapter must be in 1..2", function() lm:use_adapter(3) end }, { "one for each of 2 layers", function() lm:use_adapter { 1 } end },
    { "no adapters", function() assay.lm.new(config):merge() end },
    { "targets", function() assay.lm.new(config):lora { targets = { "head" } } end },
} do
    tap.error(case[1], case[2], "refused: " .. case[1])
end

-- ---- sub-networks: against a model that was built of the parts ----

local function rows(m, list, cols)
    local out = {}
    for i, r in ipairs(list) do
        out[i] = {}
        for j = 1, cols do
            out[i][j] = m[r][j]
        end
    end
    return out
end

local function range(...)
    local out = {}
    for _, pair in ipairs { ... } do
        for i = pair[1], pair[2] do
            out[#out + 1] = i
        end
    end
    return out
end

for _, kind in ipairs { { act = "gelu", tie = false }, { act = "swiglu", tie = true, pos = "rope", norm = "rmsnorm", bias = false } } do
    local whole = scatter(assay.lm.new { vocab = 11, d = 24, heads = 4, layers = 2, ctx = 8, act = kind.act, tie = kind.tie,
        pos = kind.pos, norm = kind.norm, bias = kind.bias }, 0.3)
    local original = whole:logits(tokens)
    -- Two of four heads of 6: the parts make a model of d 12, whose heads are of 6, too.
    local part = assay.lm.new { vocab = 11, d = 12, heads = 2, layers = 1, ctx = 8, act = kind.act, tie = kind.tie,
        pos = kind.pos, norm = kind.norm, bias = kind.bias }
    local wide, narrow = #whole:get "block1.f2.weight"[1], #part:get "block1.f2.weight"[1]
    local parts = { ["qkv"] = range({ 1, 12 }, { 25, 36 }, { 49, 60 }),
        ["f1"] = kind.act == "swiglu" and range({ 1, narrow }, { wide + 1, wide + narrow }) or range { 1, narrow } }
    for _, p in ipairs(part:params()) do
        local w, list = whole:get(p.name), parts[p.name:match "%.(%w+)%.%w+$" or ""]
        list = list or range { 1, p.shape[1] }
        if #p.shape == 1 then
            local v = {}
            for i, r in ipairs(list) do
                v[i] = w[r]
            end
            part:set(p.name, v)
        else
            part:set(p.name, rows(w, list, p.shape[2]))
        end
    end
    whole:slice { d = 12, L = 1, H = 2 }
    tap.near(whole:logits(tokens)[6], part:logits(tokens)[6], 2e-5, kind.act .. ": a sub-network is its parts")
    local options = { n = 4, max_tokens = 4, stop = false, rng = rng }
    tap.is(whole:sample({ { 4, 5 } }, options).tokens, part:sample({ { 4, 5 } }, options).tokens, kind.act .. ": and samples as they do")
    tap.is(#whole:features({ tokens })[1], 12, kind.act .. ": its features are as wide")
    local rest = whole:get "block2.qkv.weight"
    whole:train { data = { { 1, 4, 5, 6 } }, steps = 1, batch = 1, optimizer = "sgd", lr = 0.1, clip = math.huge }
    part:train { data = { { 1, 4, 5, 6 } }, steps = 1, batch = 1, optimizer = "sgd", lr = 0.1, clip = math.huge }
    tap.near(whole:logits(tokens)[6], part:logits(tokens)[6], 1e-4, kind.act .. ": and learns as they do")
    tap.near(whole:get("block2.qkv.weight")[1], rest[1], 0, kind.act .. ": what is not in it stays")
    whole:slice()
    tap.ok(math.abs(whole:logits(tokens)[6][1] - original[6][1]) > 1e-6, kind.act .. ": its weights are the whole's")
end
tap.error("d must be in 1..16", function() lm:slice { d = 17 } end, "no larger than the whole")

-- ---- frozen parameters ----

local frozen = assay.lm.new(config)
frozen:freeze "block1.*"
frozen:freeze("block1.o.*", false)
local kept, free = flat(frozen, "block1%.qkv"), flat(frozen, "block1%.o")
frozen:train(data)
equal(flat(frozen, "block1%.qkv"), kept, "what is frozen stays")
tap.ok(flat(frozen, "block1%.o")[1] ~= free[1], "what is not learns")
tap.error('no parameter\'s name matches "block9.*"', function() frozen:freeze "block9.*" end, "a pattern must match")

-- ---- files ----

local path = os.tmpname()
local function file_of(model)
    model:save(path)
    local handle <close> = assert(io.open(path, "rb"))
    return handle:read "a"
end
local function is_copy(model, label)
    local bytes = file_of(model)
    local again = assay.lm.load(path)
    tap.ok(file_of(again) == bytes, label .. ": read and written again, byte by byte")
    return again
end
is_copy(lm, "adapters")
tap.near(assay.lm.load(path):config().d, 16, 0, "the config is in the file")
is_copy(frozen, "frozen parameters")
local texts = assay.lm.new { preset = "nano", vocab = assay.vocab "a small corpus", ctx = 8 }
local read = is_copy(texts, "a vocabulary")
tap.is(read:decode(texts:encode "corpus"), "corpus", "texts of a vocabulary that was read")
tap.is(read:decode { 0, 4, 3 }, texts:decode { 0, 4, 3 }, "its special tokens decode as they did")
local schedule = { data = data.data, steps = 20, batch = 2, lr = 1e-2, schedule = "cosine", ema = 0.9 }
local straight = assay.lm.new(config)
straight:train(schedule)
local stopped = assay.lm.new(config)
schedule.on_step = function(step) return step.step < 9 end
stopped:train(schedule)
stopped = is_copy(stopped, "a training")
schedule.on_step, schedule.resume = nil, true
tap.is(stopped:train(schedule).steps, 20, "a training goes on from a file")
tap.ok(file_of(stopped) == file_of(straight), "bit by bit")
schedule.optimizer = "sgd"
tap.error("the optimizer, momentum and ema that it began with", function() stopped:train(schedule) end, "with the same optimizer")

-- Malformed files are refused, whatever is cut or changed.
local good = file_of(straight)
local function refused(bytes)
    local handle = assert(io.open(path, "wb"))
    handle:write(bytes)
    handle:close()
    return not pcall(assay.lm.load, path)
end
local length = string.unpack("<I8", good)
local all = true
for i = 1, 40 do
    all = all and refused(good:sub(1, #good * i // 41))
end
for _, change in ipairs { { '"d":16', '"d":15' }, { '"layers":2', '"layers":3' }, { "assay.lm", "assay.mm" }, { '"version":"1"', '"version":"9"' },
    { "swiglu", "swiglo" }, { '"vocab\\":11', '"vocab\\":12' }, { '\\"ctx\\":8', '\\"ctx\\":9' }, { "F32", "F16" } } do
    local head, n = good:sub(9, 8 + length):gsub((change[1]:gsub("%p", "%%%0")), (change[2]:gsub("%%", "%%%%")), 1)
    if n > 0 and #head == length then
        all = all and refused(good:sub(1, 8) .. head .. good:sub(9 + length))
    end
end
tap.ok(all, "cut and changed files are refused")
for i = 1, 200 do -- never a crash
    local at = rng:uniform() * (length + 8) // 1 + 1
    refused(good:sub(1, at - 1) .. string.char(rng:uniform() * 256 // 1) .. good:sub(at + 1))
end
os.remove(path)
tap.error("nowhere", function() assay.lm.load "/nowhere/at.all" end, "no file")

-- ---- masked diffusion ----

local mdm = assay.lm.new { vocab = 12, d = 16, heads = 2, layers = 1, ctx = 20, causal = false, seed = 2 }
local function masks(sample)
    local n = 0
    for _, t in ipairs(sample) do
        n = n + (t == 3 and 1 or 0)
    end
    return n
end
for _, rule in ipairs { "independent", "first_hitting", "topk_confidence" } do
    local r = mdm:sample_mdm(30, { steps = 8, rule = rule, rng = rng })
    local sum, left = 0, 0
    for _, n in ipairs(r.unmasked) do
        sum = sum + n
    end
    for _, sample in ipairs(r.tokens) do
        left = left + masks(sample)
    end
    tap.is({ sum, left, #r.tokens, #r.unmasked }, { 600, 0, 30, rule == "first_hitting" and 20 or 8 }, rule .. ": every MASK is replaced")
    local again = mdm:sample_mdm(3, { steps = 8, rule = rule, rng = rng, first = 5 })
    tap.is(again.tokens, { r.tokens[5], r.tokens[6], r.tokens[7] }, rule .. ": a sample depends on its number alone")
end
-- Batches are of 4096 tokens, 205 samples: those of the third are as they are alone, memory is of one
-- batch, and each step of each batch can be cancelled.
local many = mdm:sample_mdm(500, { steps = 2, rng = rng })
local third = mdm:sample_mdm(90, { steps = 2, rng = rng, first = 411 })
tap.is({ table.unpack(many.tokens, 411, 500) }, third.tokens, "samples in batches are those of their numbers")
tap.is(many.unmasked[1] + many.unmasked[2], 10000, "all batches are counted")
for _, rule in ipairs { "independent", "first_hitting", "topk_confidence" } do
    local calls, last, rising = 0, 0, true
    mdm:sample_mdm(500, { steps = 2, rule = rule, rng = rng, progress = function(done, total)
        calls, rising, last = calls + 1, rising and done / total > last, done / total
    end })
    local steps = rule == "first_hitting" and 20 or 2
    tap.ok(rising and calls >= 3 * steps and last == 1, rule .. ": progress rises to 1", calls .. " " .. last)
    tap.error("cancelled", function()
        mdm:sample_mdm(500, { steps = 2, rule = rule, rng = rng, progress = function() return true end })
    end, rule .. ": can be cancelled")
end

-- Linear alpha: each of 8 steps unmasks 1/8 of all; binomial, 4 sigma. Cosine: alpha's differences.
local function alpha_cosine(t)
    return 1 - math.cos(math.pi / 2 * (1 - t))
end
for noise, alpha in assay.sorted_pairs { linear = function(t) return 1 - t end, cosine = alpha_cosine } do
    local r = mdm:sample_mdm(200, { steps = 8, noise = noise, rng = assay.rng(9) })
    for k, n in ipairs(r.unmasked) do
        local p = alpha(1 - k / 8) - alpha(1 - (k - 1) / 8)
        tap.ok(math.abs(n - 4000 * p) < 4 * math.sqrt(4000 * p * (1 - p)), noise .. ": step " .. k .. " unmasks its share", n)
    end
end
local by_function = mdm:sample_mdm(5, { steps = 8, rng = assay.rng(9), noise = { alpha = function(t) return 1 - t end, weight = function(t) return 1 / t end } })
tap.is(by_function, mdm:sample_mdm(5, { steps = 8, rng = assay.rng(9) }), "a schedule of one's own")
tap.error("my alpha", function()
    mdm:sample_mdm(1, { rng = rng, noise = { alpha = function() error "my alpha" end, weight = print } })
end, "its errors come through")
tap.error("alpha(1) must be in 0..1, got 2", function()
    mdm:sample_mdm(1, { rng = rng, noise = { alpha = function() return 2 end, weight = print } })
end, "alpha is checked")
tap.error("causal = false", function() lm:sample_mdm(1, { rng = rng }) end, "causal models don't unmask")

-- Learned: sequences are one token over and over, and so are samples, in a few steps.
local copies = {}
for i = 1, 6 do
    copies[i] = {}
    for j = 1, 8 do
        copies[i][j] = i + 4
    end
end
local same = assay.lm.new { vocab = 12, d = 32, heads = 4, layers = 2, ctx = 8, causal = false, cond = "time", seed = 1 }
same:train { data = copies, loss = "mdm", steps = 300, batch = 24, lr = 5e-3, warmup = 20, schedule = "cosine", low_discrepancy = true }
for _, precision in ipairs { "float64", "float32" } do
    local r, equal, kinds = same:sample_mdm(60, { steps = 16, rng = assay.rng(5), precision = precision }), 0, {}
    for _, sample in ipairs(r.tokens) do
        local constant = true
        for j = 2, 8 do
            constant = constant and sample[j] == sample[1]
        end
        equal = equal + (constant and 1 or 0)
        kinds[sample[1]] = true
    end
    local n = 0
    for _ in pairs(kinds) do
        n = n + 1
    end
    tap.ok(equal >= 45 and n >= 4, precision .. ": samples are as the data are", equal .. " of 60, " .. n .. " kinds")
end
tap.done()
