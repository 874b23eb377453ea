-- assay.lm: gradients of whole models against central differences; tokens drawn with a cache against
-- whole forward passes; training, its losses and what is refused.
local tap = require "tap"
local assay = require "assay"
local check, pick = assay.lm.check, assay.lm.pick

local rng = assay.rng(11)

local function normals(n, scale)
    local x = {}
    for i = 1, n do
        x[i] = scale * rng:normal()
    end
    return x
end

--- Parameters that are far from their initial values, for sharper gradients.
local function parameters(config)
    local out = {}
    for _, p in ipairs(assay.lm.new(config):params()) do
        local name = config.layers == 1 and p.name:gsub("^block1%.", "") or p.name
        if #p.shape == 1 then
            out[name] = normals(p.shape[1], 0.4)
        else
            out[name] = {}
            for i = 1, p.shape[1] do
                out[name][i] = normals(p.shape[2], 0.4)
            end
        end
    end
    return out
end

local function merge(a, b)
    local out = {}
    for _, from in ipairs { a, b or {} } do
        for name, value in pairs(from) do
            out[name] = value
        end
    end
    return out
end

-- ---- whole models against central differences in double, and single against double ----

local small = { vocab = 7, d = 8, heads = 2, layers = 2, ctx = 6 }
local batch = { tokens = { { 1, 2, 6, 4, 5 }, { 0 }, { 3, 3 } }, targets = { { 2, 3, -1, 5, 1 }, { 4 }, { -1, 0 } } }
local seen = { { 1, 0, 0, 1, 0 }, { 0, 0, 0, 0, 0 }, { 1, 1, 0, 0, 1 }, { 0, 0, 1, 1, 0 }, { 1, 1, 1, 1, 1 } }
for _, case in ipairs {
    { "causal", {} },
    { "full", { causal = false } },
    { "blocks", { block = 2 } },
    { "a given mask", {}, { attend = seen } },
    { "rope, swiglu, rmsnorm", { pos = "rope", act = "swiglu", norm = "rmsnorm" } },
    { "tied head", { tie = true } },
    { "no bias, no positions, silu", { bias = false, pos = "none", act = "silu" } },
    { "one layer, wide", { layers = 1, mlp_ratio = 1.5 } },
    { "time", { causal = false, cond = "time" }, { time = { 0.1, 0.5, 0.99 } } },
    { "adaln", { causal = false, cond = "adaln" }, { time = { 0.1, 0.5, 0.99 } } },
} do
    local config = merge(small, case[2])
    local r = check(merge({ config = config, params = parameters(config), tokens = batch.tokens,
        targets = batch.targets, differences = 12 }, case[3]))
    tap.ok(r.differences < 1e-6, case[1] .. ": gradients are central differences", r.differences .. " at " .. r.worst)
    tap.ok(r.single < 2e-4, case[1] .. ": single precision", r.single)
end

-- ---- parameters ----

tap.is(assay.lm.count { vocab = 64, d = 128, layers = 2, ctx = 32 }, 417280, "parameters of d 128")
tap.is(assay.lm.count { preset = "base", ctx = 32 }, 64 * 256 * 2 + 32 * 256 + 4 * (12 * 256 * 256 + 13 * 256) + 512,
    "parameters of base")
-- rmsnorm has no shift, swiglu 3 matrices of 8 d / 3 rounded up to 8: 24 for d = 8.
tap.is(assay.lm.count { vocab = 10, d = 8, layers = 1, heads = 2, norm = "rmsnorm", act = "swiglu", pos = "rope", bias = false, tie = true },
    80 + 8 + 3 * 64 + 64 + 8 + 48 * 8 + 8 * 24 + 8, "parameters of a rope, swiglu, tied model")
local many = 0
for _, p in ipairs(assay.lm.new(small):params()) do
    many = many + p.shape[1] * (p.shape[2] or 1)
end
tap.is(many, assay.lm.count(small), "count counts the parameters")

-- N(0, 0.02^2), what blocks add divided by sqrt(2 layers); equal seeds, equal weights.
local function deviation(m)
    local sum, n = 0, 0
    for i = 1, #m do
        for j = 1, #m[i] do
            sum, n = sum + m[i][j] ^ 2, n + 1
        end
    end
    return math.sqrt(sum / n), n
end
local fresh = assay.lm.new { preset = "micro", seed = 5 }
for name, scale in assay.sorted_pairs { wte = 0.02, ["block2.qkv.weight"] = 0.02, ["block1.f2.weight"] = 0.01, ["head.weight"] = 0.02 } do
    local sd, n = deviation(fresh:get(name))
    tap.near(sd / scale, 1, 5 / math.sqrt(2 * n), "spread of " .. name)
end
tap.near(fresh:get("block1.ln1.gain"), fresh:get("lnf.gain"), 0, "gains are 1")
tap.is(fresh:get("lnf.gain")[3], 1.0, "a gain is 1")
tap.near(fresh:get("wte")[9], assay.lm.new { preset = "micro", seed = 5 }:get("wte")[9], 0, "equal seeds")
tap.ok(fresh:get("wte")[9][1] ~= assay.lm.new { preset = "micro", seed = 6 }:get("wte")[9][1], "other seeds")

-- ---- choosing a token ----

tap.is(pick({ 1, 3, 3, 2 }, { temperature = 0 }).token, 1, "the lowest of equal ones at temperature 0")
tap.is(pick({ 1, 3, 3, 3 }, { top_k = 2, u = 0.999 }).token, 2, "exactly k are kept, the lowest of equal ones")
tap.is(pick({ 0, 0, 0, 0 }, { top_p = 0.75, u = 0.999 }).token, 2, "top-p at the exact mass")
tap.is(pick({ 0, 0, 0, 0 }, { top_p = 0.76, u = 0.999 }).token, 3, "top-p just above it")
tap.is(pick({ 0, math.log(4), 0 }, { min_p = 0.25, u = 0.01 }).token, 0, "min-p keeps p = min_p p_max")
tap.is(pick({ 0, math.log(4.01), 0 }, { min_p = 0.25, u = 0.01 }).token, 1, "min-p drops less")
tap.is(pick({ 5, -math.huge, 4 }, { u = 0.9999999 }).token, 2, "an impossible token is never drawn")
tap.is(pick({ 0, 1e-3 }, { temperature = 1e-300, u = 0.5 }).token, 1, "a tiny temperature is arg-max")
tap.near(pick({ 2, 2, 2 }, { u = 0.5 }).entropy, math.log(3), 1e-15, "entropy of equal logits")

-- 20000 draws against exact probabilities: chi-square with 3 degrees of freedom, p > 1e-4 below 21.1.
local logits, counts, total = { 0.3, -1, 1.2, 0 }, { 0, 0, 0, 0 }, 0
for _, u in ipairs(rng:uniform(20000)) do
    local t = pick(logits, { temperature = 0.7, u = u }).token + 1
    counts[t] = counts[t] + 1
end
for i = 1, 4 do
    total = total + math.exp(logits[i] / 0.7)
end
local chi2 = 0
for i = 1, 4 do
    local expected = 20000 * math.exp(logits[i] / 0.7) / total
    chi2 = chi2 + (counts[i] - expected) ^ 2 / expected
end
tap.ok(chi2 < 21.1, "draws have the right probabilities", chi2)

for _, case in ipairs {
    { "temperature", { temperature = -1, u = 0 } }, { "top_p", { top_p = 0, u = 0 } }, { "top_p", { top_p = 1.1, u = 0 } },
    { "min_p", { min_p = 1.5, u = 0 } }, { "top_k", { top_k = -1, u = 0 } }, { "u", { u = 1 } }, { "u must be given", {} },
} do
    tap.error(case[1], function() pick({ 1, 2 }, case[2]) end, "pick refuses " .. case[1])
end
tap.error("non-finite logits", function() pick({ 1, 0 / 0 }, { u = 0 }) end, "NaN logits")
tap.error("all logits are -infinity", function() pick({ -math.huge, -math.huge }, { u = 0 }) end, "no support")

-- ---- the cache against whole passes ----

--- A trained-looking model: weights far from 0.
local function wild(config)
    local lm = assay.lm.new(config)
    for _, p in ipairs(lm:params()) do
        if #p.shape == 1 then
            lm:set(p.name, normals(p.shape[1], 0.25))
        else
            local m = {}
            for i = 1, p.shape[1] do
                m[i] = normals(p.shape[2], 0.25)
            end
            lm:set(p.name, m)
        end
    end
    return lm
end

local function joined(a, b, n)
    local out = table.move(a, 1, #a, 1, {})
    return table.move(b, 1, n or #b, #out + 1, out)
end

for _, config in ipairs {
    { vocab = 9, d = 24, heads = 2, layers = 2, ctx = 12 },
    { vocab = 9, d = 16, heads = 4, layers = 1, ctx = 12, pos = "rope", act = "swiglu", norm = "rmsnorm", tie = true },
} do
    local lm, prompts = wild(config), { { 4, 5, 6 }, { 7 }, {}, { 8, 2, 1, 3, 4 } }
    local stream = assay.rng(3)
    local s = lm:sample(prompts, { n = 5, max_tokens = 7, temperature = 0.9, top_k = 6, rng = stream, batch = 7 })
    tap.is(#s.tokens, 20, "samples")
    local whole, stopped, longest = {}, 0, 0
    for i = 1, #s.tokens do
        whole[i] = joined(s.prompt[i], s.tokens[i])
        stopped = stopped + (s.finish[i] == "stop" and 1 or 0)
        longest = math.max(longest, s.length[i])
        tap.ok((s.tokens[i][s.length[i]] == 2) == (s.finish[i] == "stop"), "a sample ends with EOS or at its length")
    end
    tap.ok(stopped > 0 and stopped < 20 and longest == 7, "some samples stop, some don't")
    local score, worst, same = lm:score(whole), 0, true
    for i = 1, #whole do
        local z, before = lm:logits(whole[i]), #s.prompt[i]
        local sum = 0
        for j = 1, s.length[i] do
            worst = math.max(worst, math.abs(score.token_logp[i][before + j] - s.token_logp[i][j]))
            sum = sum + score.token_logp[i][before + j]
            local u = stream:split((i - 1) // 5):split((i - 1) % 5):split(j - 1):uniform()
            same = same and pick(z[before + j - 1], { temperature = 0.9, top_k = 6, u = u }).token == s.tokens[i][j]
        end
        tap.near(s.logp[i], sum, 1e-5 * s.length[i], "the sum of logp is the score")
    end
    tap.ok(same, "the tokens of whole passes, from the same numbers")
    tap.ok(worst < 2e-5, "log-probabilities of whole passes", worst)
    tap.is(s.prompt[11], { 1 }, "an empty prompt is BOS")

    -- What a sample is depends on its prompt's and its own number alone.
    local alone = lm:sample({ { 7 } }, { n = 2, first = 4, ids = { 2 }, max_tokens = 7, temperature = 0.9, top_k = 6, rng = stream })
    tap.is(alone.tokens, { s.tokens[9], s.tokens[10] }, "samples alone")
    for _, threads in ipairs { 2, 3, 7 } do
        lm:set_threads(threads)
        local again = lm:sample(prompts, { n = 5, max_tokens = 7, temperature = 0.9, top_k = 6, rng = stream, batch = 7 })
        tap.is(again, s, "samples of " .. threads .. " threads, bit by bit")
    end
end

-- Portable products: a row's bits are the same in any batch.
do
    local lm = wild { vocab = 11, d = 72, heads = 2, layers = 2, ctx = 16 }
    local prompts, first = {}, nil
    for i = 1, 20 do
        prompts[i] = { 1, i % 11, 3 }
    end
    local blas = lm:logits(prompts)
    lm:set_gemm "portable"
    for _, batch in ipairs { 64, 1, 7, 33 } do
        local s = lm:sample(prompts, { n = 4, max_tokens = 9, temperature = 0.9, rng = assay.rng(3), batch = batch })
        first = first or s
        tap.is(s, first, "samples in batches of " .. batch .. ", bit by bit")
    end
    tap.is(lm:clone():logits(prompts)[20], lm:logits({ prompts[20] })[1], "logits alone and among others, of a copy too")
    tap.near(lm:logits(prompts)[7], blas[7], 1e-5, "and BLAS's but for rounding")
    tap.error("gemm must be one of", function() lm:set_gemm "mkl" end)
end

-- Causality and padding.
local lm = wild { vocab = 9, d = 24, heads = 2, layers = 2, ctx = 12 }
local a, b = lm:logits { 1, 4, 5, 6, 7, 8 }, lm:logits { 1, 4, 5, 3, 7, 8 }
tap.near(a[3], b[3], 0, "a later token changes nothing before it")
tap.ok(a[4][1] ~= b[4][1], "and something from it on")
tap.near(lm:logits({ { 3 }, { 1, 4, 5, 6, 7, 8 }, {} })[2][6], a[6], 2e-5, "whatever is beside it")
tap.near(lm:score { { 1, 4, 5 } }.logp[1], lm:score({ { 1, 4, 5, 0, 0, 0 } }, { mask = { { 0, 1, 1 } } }).logp[1], 1e-5,
    "padding that does not count")

-- A temperature of 0 draws nothing; all kinds of stop.
local greedy = lm:sample({ { 4 } }, { temperature = 0, max_tokens = 5, stop = false })
local text = { 4 }
for j = 1, 5 do
    local z, best = lm:logits(text)[j], 1
    for k = 2, 9 do
        best = z[k] > z[best] and k or best
    end
    tap.is(greedy.tokens[1][j], best - 1, "the largest logit")
    text[#text + 1] = best - 1
end
tap.is(greedy.finish[1], "length", "without a stop")
local ended = lm:sample({ { 4 } }, { temperature = 0, max_tokens = 5, stop = greedy.tokens[1][2] })
tap.ok(ended.finish[1] == "stop" and ended.length[1] <= 2, "a token of one's own stops")
tap.is(#lm:sample({}, { n = 3, max_tokens = 2, rng = rng }).tokens, 0, "no prompts, no samples")

-- ---- what is refused ----

local function refuses(words, f)
    tap.error(words, f, "refused: " .. words)
end
refuses("prompt 2 has 9 tokens, with max_tokens 4 more than the context of 12",
    function() lm:sample({ { 1 }, { 1, 1, 1, 1, 1, 1, 1, 1, 1 } }, { max_tokens = 4, rng = rng }) end)
refuses("token 2 of sequence 1 must be in 0..8, got 9", function() lm:logits { 1, 9 } end)
refuses("sequence 1 has 13 tokens, the context is of 12", function() lm:logits { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } end)
refuses("rng must be given", function() lm:sample({ { 1 } }, {}) end)
refuses("temperature", function() lm:sample({ { 1 } }, { temperature = -1, rng = rng }) end)
refuses("top_p", function() lm:sample({ { 1 } }, { top_p = 0, rng = rng }) end)
refuses("heads must divide d", function() assay.lm.new { d = 10, heads = 4 } end)
refuses("d / heads must be even", function() assay.lm.new { d = 12, heads = 4, pos = "rope" } end)
refuses("dropout", function() assay.lm.new { dropout = 1 } end)
refuses("there is no preset", function() assay.lm.new { preset = "huge" } end)
refuses("nothing counts in the batch of step 1", function() lm:train { data = { { 1 } }, steps = 1 } end)
refuses("at least one sequence", function() lm:train { data = {}, steps = 1 } end)
refuses("one of task, data and sampler", function() lm:train { steps = 1 } end)
refuses("of numbers only", function() lm:logits "12" end)
local broken = wild { vocab = 9, d = 8, heads = 2, layers = 1, ctx = 12 }
broken:set("lnf.gain", { 0 / 0, 1, 1, 1, 1, 1, 1, 1 })
refuses("non-finite logits", function() broken:sample({ { 4 } }, { max_tokens = 2, rng = rng }) end)
refuses("step 1 with learning rate 0.001", function() broken:train { data = { { 1, 2, 3 } }, steps = 2, batch = 1 } end)

-- ---- gradient norms of examples: against one example at a time ----

for _, config in ipairs { { vocab = 9, d = 16, heads = 2, layers = 2, ctx = 8, seed = 2 },
    { vocab = 9, d = 16, heads = 2, layers = 1, ctx = 8, pos = "rope", act = "swiglu", norm = "rmsnorm", bias = false } } do
    local model, sequences = assay.lm.new(config), { { 1, 4, 5, 6, 2 }, { 3 }, { 7, 7, 7 }, { 1, 8, 3, 2, 2, 2, 4 } }
    local norms = model:example_grad_norms(sequences)
    for i, tokens in ipairs(sequences) do
        local expected = 0
        if #tokens > 1 then
            local params, targets = {}, {}
            for _, p in ipairs(model:params()) do
                params[config.layers == 1 and p.name:gsub("^block1%.", "") or p.name] = model:get(p.name)
            end
            for j = 1, #tokens do
                targets[j] = tokens[j + 1] or -1
            end
            local plain = merge(config)
            plain.seed = nil
            local r = check { config = plain, params = params, tokens = { tokens }, targets = { targets } }
            for _, norm in assay.sorted_pairs(r.grad_norm) do
                expected = expected + norm ^ 2
            end
        end
        tap.near(norms[i], math.sqrt(expected), 1e-4 * math.max(1, math.sqrt(expected)), "gradient norm of example " .. i)
    end
end
refuses("tied parameter", function()
    assay.lm.new { vocab = 9, d = 8, heads = 2, tie = true }:example_grad_norms { { 1, 2, 3 } }
end)

-- ---- training ----

local sequences = {}
for i = 1, 8 do
    sequences[i] = {}
    for j = 1, 12 do
        sequences[i][j] = rng:uniform() * 60 // 1 + 4
    end
end
local function train(threads, options)
    local model = assay.lm.new(merge({ preset = "nano", ctx = 12, seed = 1, threads = threads }, options and options.config))
    local r = model:train(merge({ data = sequences, steps = 30, batch = 32, lr = 3e-3, warmup = 5, schedule = "cosine" },
        options and options.train))
    return model, r
end
local names = {}
for _, p in ipairs(assay.lm.new { preset = "nano", ctx = 12 }:params()) do
    names[#names + 1] = p.name
end
local function same_weights(x, y)
    for _, name in ipairs(names) do
        local p, q = x:get(name), y:get(name)
        for i = 1, #p do
            if type(p[i]) == "number" then
                if p[i] ~= q[i] then
                    return false
                end
            else
                for j = 1, #p[i] do
                    if p[i][j] ~= q[i][j] then
                        return false
                    end
                end
            end
        end
    end
    return true
end

for label, options in assay.sorted_pairs {
    ce = { config = { dropout = 0.1 } },
    mdm = { config = { causal = false, dropout = 0.1 }, train = { loss = "mdm", low_discrepancy = true } },
    mlm = { config = { causal = false }, train = { loss = "mlm", rate = 0.3 } },
    distil = { train = { loss = "distil", teacher = assay.lm.new { preset = "nano", ctx = 12, seed = 9 } } },
} do
    local one, r = train(1, options)
    tap.is(r.steps, 30, label .. ": steps")
    for _, threads in ipairs { 2, 3, 7 } do
        local other, again = train(threads, options)
        tap.ok(same_weights(one, other), label .. ": weights with " .. threads .. " threads, bit by bit")
        tap.is(again.losses, r.losses, label .. ": losses")
    end
end

-- The same of heads of sequences, and of steps of the policy's gradient.
local graded = {}
for i, tokens in ipairs(sequences) do
    graded[i] = { tokens = tokens, label = i % 3, value = { i / 4, -1 } }
end
for _, case in ipairs { { "classify", 3 }, { "regress", 2 } } do
    local function head(threads)
        local model = assay.lm.new { preset = "nano", ctx = 12, seed = 1, threads = threads, dropout = 0.1,
            head = case[1], outputs = case[2], causal = false }
        local r = model:train { data = graded, steps = 30, batch = 64, lr = 3e-3 }
        return model, r.losses, model:logits(sequences)
    end
    local one, losses, z = head(1)
    for _, threads in ipairs { 2, 3, 7 } do
        local other, again, out = head(threads)
        tap.ok(same_weights(one, other), case[1] .. ": weights with " .. threads .. " threads, bit by bit")
        tap.is({ again, out[8][2] }, { losses, z[8][2] }, case[1] .. ": losses and outputs")
    end
end
local function policy(threads)
    local model = assay.lm.new { preset = "nano", ctx = 12, seed = 1, threads = threads }
    local reference, reports = model:clone(), {}
    for step = 1, 6 do
        local s = model:sample({ { 4, 5, 6 }, { 9 }, { 7, 7 } }, { n = 20, max_tokens = 8, rng = assay.rng(step), stop = false })
        local rewards = {}
        for i, tokens in ipairs(s.tokens) do
            rewards[i] = tokens[1] % 7 + tokens[8] % 5
        end
        local a = assay.rollout.advantage(rewards, { group = s.problem }).advantage
        reports[step] = model:policy_step(s, a, { clip = 0.2, clip_high = 0.28, kl = 0.05, ref = reference, entropy = 0.01,
            epochs = 2, lr = 3e-3 })
    end
    return model, reports
end
local one, reports = policy(1)
for _, threads in ipairs { 2, 3, 7 } do
    local other, again = policy(threads)
    tap.ok(same_weights(one, other), "policy_step: weights with " .. threads .. " threads, bit by bit")
    tap.is(again, reports, "policy_step: what is reported")
end

-- Stopped and resumed is not stopped.
local whole = train(1)
local parts = assay.lm.new { preset = "nano", ctx = 12, seed = 1 }
local schedule = { data = sequences, steps = 30, batch = 32, lr = 3e-3, warmup = 5, schedule = "cosine",
    on_step = function(s) return s.step < 17 end }
tap.is(parts:train(schedule).steps, 17, "on_step stops")
schedule.on_step, schedule.resume = nil, true
tap.is(#parts:train(schedule).losses, 13, "resumed: the steps that were left")
tap.ok(same_weights(whole, parts), "resumed: the same weights")
refuses("no training to resume", function() assay.lm.new { preset = "nano" }:train(schedule) end)

-- Only what counts is learned: equal answers, prompts of no use.
local pairs_of = {}
for i = 1, 6 do
    pairs_of[i] = { prompt = ("%d+%d="):format(i, i), answer = "ab" }
end
local learner = assay.lm.new { preset = "nano", ctx = 12, seed = 1 }
local tokens
learner:train { data = pairs_of, steps = 40, batch = 6, lr = 1e-2, on_step = function(s) tokens = s.tokens end }
tap.is(tokens, 18, "the answer and EOS count")
local answers = learner:sample({ "7+7=" }, { temperature = 0, max_tokens = 4 })
tap.is(answers.text[1], "ab", "the answer is learned, with its end")
tap.is(answers.finish[1], "stop", "and EOS is")

-- A sampler chooses the batch; its errors come through; progress and cancelling.
local steps_seen = {}
learner:train { steps = 3, sampler = function(step)
    steps_seen[step] = true
    return { pairs_of[1], { tokens = { 1, 5, 6 } } }
end }
tap.is(steps_seen, { true, true, true }, "the sampler is asked for each step")
refuses("out of ideas", function() learner:train { steps = 3, sampler = function() error "out of ideas" end } end)
refuses("my step", function() learner:train { data = pairs_of, steps = 3, on_step = function() error "my step" end } end)
refuses("cancelled", function()
    learner:train { data = pairs_of, steps = 1000, progress = function(done) return done >= 2 end }
end)
refuses("cancelled", function()
    learner:sample({ "1+1=" }, { n = 500, max_tokens = 8, rng = rng, progress = function(done) return done >= 64 end })
end)

-- Eight sequences by heart: micro, 300 steps, loss < 0.02 (the first token is given).
local heart = assay.lm.new { preset = "micro", ctx = 12, seed = 3 }
local r = heart:train { data = sequences, steps = 300, batch = 8, lr = 3e-3, warmup = 20, schedule = "cosine" }
tap.ok(r.loss < 0.02, "eight sequences by heart", r.loss)

-- A task with its verdicts, and the table of its samples.
local task = assay.task("copy", { length = 3 })
local copier = assay.lm.new { preset = "nano", ctx = 16, seed = 1 }
copier:train { task = task, steps = 5, batch = 8 }
local problems = {}
for i = 1, 3 do
    problems[i] = task:problem(i, { split = "test" }).prompt
end
local judged = copier:sample(problems, { n = 4, max_tokens = 5, rng = rng, task = task, entropy = true })
for i = 1, 12 do
    local v = task:verify(problems[(i - 1) // 4 + 1], judged.text[i])
    tap.is({ judged.correct[i], judged.reward[i] }, { v.correct, v.reward }, "the task's verdict")
end
tap.is(judged.samples.problem, judged.problem, "the table's problems")
tap.is({ #judged.samples.correct, judged.samples.tokens[5], judged.samples.text[2], judged.samples.logprob[3] },
    { 12, judged.length[5], judged.text[2], judged.logp[3] }, "the table's columns")
tap.is(#judged.entropy[1], judged.length[1], "an entropy a token")

-- ---- policy gradients ----

-- Without clip and KL the loss's slope is -A / tokens: SGD with rate 1 moves the weights by that.
local drawn = copier:sample(problems, { n = 4, max_tokens = 5, rng = rng })
local advantages = normals(12, 1)
local before, count = copier:clone(), 0
for i = 1, 12 do
    count = count + drawn.length[i]
end
local report = copier:policy_step(drawn, advantages, { optimizer = "sgd", lr = 0.5, grad_clip = math.huge })
local params, tokens_of, targets = {}, {}, {}
for _, p in ipairs(before:params()) do
    params[p.name:gsub("^block1%.", "")] = before:get(p.name)
end
local expected, config = {}, { preset = "nano", ctx = 16 }
for i = 1, 12 do
    local sequence, target = joined(drawn.prompt[i], drawn.tokens[i]), {}
    for j = 1, #sequence do
        target[j] = j >= #drawn.prompt[i] and sequence[j + 1] or -1
    end
    local one = check { config = config, params = params, tokens = { sequence }, targets = { target } }
    for j = 1, 48 do
        expected[j] = (expected[j] or 0) + advantages[i] * drawn.length[i] * one.grad["head.weight"][30][j] / count
    end
end
local moved = {}
for j = 1, 48 do
    moved[j] = (before:get("head.weight")[30][j] - copier:get("head.weight")[30][j]) / 0.5
end
tap.near(moved, expected, 1e-6, "a step of REINFORCE is the advantages' cross-entropy step")
tap.near(report.loss, -(function()
    local sum = 0
    for i = 1, 12 do
        sum = sum + advantages[i] * drawn.length[i] / count
    end
    return sum
end)(), 1e-5, "its loss is the mean of -A")

local still = copier:clone()
local zeros = {}
for i = 1, 12 do
    zeros[i] = 0
end
still:policy_step(drawn, zeros, { optimizer = "sgd", lr = 1, clip = 0.2 })
names = {}
for _, p in ipairs(copier:params()) do
    names[#names + 1] = p.name
end
tap.ok(same_weights(still, copier), "no advantage, no gradient")
refuses("kl needs a reference", function() still:policy_step(drawn, zeros, { kl = 0.1 }) end)
refuses("advantages 11", function()
    still:policy_step(drawn, { table.unpack(zeros, 1, 11) })
end)
local kl = still:policy_step(drawn, advantages, { clip = 0.2, clip_high = 0.28, kl = 0.05, ref = before, norm = "sequences", epochs = 3, entropy = 0.01 })
tap.ok(kl.kl >= 0 and kl.clipped >= 0 and kl.clipped <= 1, "what is reported")
refuses("mask is all zero", function() assay.lm.pg_loss({ { -1 } }, { { -1 } }, { { 0 } }, { 1 }) end)

-- ---- features and heads ----

local features = lm:features({ { 1, 2, 3 }, { 4 } }, { layer = 0, pool = "none" })
local wte, wpe = lm:get "wte", lm:get "wpe"
tap.near(features[1][2][5], wte[3][5] + wpe[2][5], 1e-6, "layer 0 is the embedding")
tap.near(lm:features({ { 1, 2, 3 } }, { layer = 0 })[1][5],
    (wte[2][5] + wpe[1][5] + wte[3][5] + wpe[2][5] + wte[4][5] + wpe[3][5]) / 3, 1e-6, "the mean over tokens")
local last, head, z = lm:features({ 1, 2, 3 }, { pool = "last" })[1], lm:get "head.weight", lm:logits { 1, 2, 3 }
local sum = 0
for j = 1, 24 do
    sum = sum + last[j] * head[7][j]
end
tap.near(sum, z[3][7], 1e-4, "the head reads the last layer's features")

for _, pool in ipairs { "mean", "last" } do
    local judge = assay.lm.new { preset = "nano", ctx = 8, head = "classify", outputs = 3, causal = pool == "last", pool = pool, seed = 1 }
    local data = {}
    for i = 1, 30 do
        data[i] = { tokens = { i % 10 + 4, i % 7 + 4, 20 + i % 3 }, label = i % 3 }
    end
    judge:train { data = data, steps = 60, batch = 30, lr = 5e-3 }
    local right, z = 0, judge:logits { { 5, 9, 20 }, { 9, 4, 21 }, { 4, 4, 22 } }
    for i = 1, 3 do
        right = right + ((z[i][i] > z[i][i % 3 + 1] and z[i][i] > z[i][(i + 1) % 3 + 1]) and 1 or 0)
    end
    tap.is(right, 3, "a classify head, " .. pool)
end
local meter = assay.lm.new { preset = "nano", ctx = 8, head = "regress", outputs = 1, causal = false, seed = 1 }
meter:train { data = { { tokens = { 5, 6 }, value = 2 }, { tokens = { 7, 8 }, value = { -1 } } }, steps = 150, batch = 2, lr = 5e-3 }
tap.near({ meter:logits { { 5, 6 } }[1][1], meter:logits { { 7, 8 } }[1][1] }, { 2, -1 }, 0.05, "a regress head")
refuses("each example of data must have a value", function() meter:train { data = { { tokens = { 5 } } }, steps = 1 } end)

tap.done()
