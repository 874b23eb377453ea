#!/usr/bin/env -S assay run
-- Repeated sampling: Brown et al., Large Language Monkeys (2024, arXiv 2407.21787), and Schaeffer et
-- al., How Do Large Language Monkeys Get Their Power (Laws)? (2025, arXiv 2502.17578), called S25.
--
-- Draw many independent attempts at each problem. Coverage, the share of problems that any attempt
-- solves, grows smoothly over decades of k, about as exp(a k^b), while selectors that do not know the
-- answer level off. Where the attempts come from is the parameter `data`:
--
--   pythia_70m ... pythia_12b  published counts: 128 MATH problems, 10 000 samples of each
--   cruxeval                   published answers of CodeLlama-7B: 800 problems, 10 samples of each
--   sat                        made here: WalkSAT with a budget of flips on random 3-SAT near the
--                              threshold; every attempt is checked exactly
--   lm_small, lm, lm_large     made here: transformers of 0.05, 0.11 and 0.8 million parameters, trained
--                              on sums in three alphabets (80, 15 and 5 % of them) and sampled on
--                              held-out sums in the rarest, which they do not yet master; every attempt
--                              is checked exactly. Trained once a machine and replicate
--   beta                       simulated counts, p ~ Beta(alpha, 5), whose true exponent is known
--   file                       your own log of graded samples: file=LOG.jsonl, or file=samples:NAME
--                              after 'assay import samples LOG.jsonl --name NAME'
--
-- Rows: (problem, k, coverage) for curves over problems; (k, selector, success, problem) for
-- selectors; a row of laws per curve; (estimator, budget, relative_error, ...) for forecasts;
-- (problem, paid, mflops, matched) for what models of different size solve at equal cost. What is
-- not random (published counts) is computed in the first replicate only; a replicate of a language
-- model is another training and other problems, of which the parameter `trainings` says how many.
local assay = require "assay"

local models = {
    "pythia_70m", "pythia_160m", "pythia_410m", "pythia_1b", "pythia_2_8b", "pythia_6_9b",
    "pythia_12b",
}

-- Printed in the paper (fits of Sec. 3.1 on MATH) and by its data (coverage at 10 000).
local printed = {
    pythia_70m = { a = -7.59, b = -0.18, coverage = 0.265625 },
    pythia_12b = { a = -3.92, b = -0.35, coverage = 0.875 },
}

---- Sources: { n = samples a problem, c = correct ones, first = number of problem 1, log = samples } ----

local source = {}

local function pythia_counts()
    return assay.data.csv(assay.data.find "monkeys/math_pythia_counts.csv")
end

for _, name in ipairs(models) do
    source[name] = function(cell)
        return cell.replicate == 1 and { n = 10000, c = pythia_counts()[name] } or nil
    end
end

-- A problem's answers are hexadecimal digits (classes of equal answers), class_correct a bit a class.
function source.cruxeval(cell)
    if cell.replicate > 1 then
        return nil
    end
    local file = assay.data.csv(assay.data.find "monkeys/cruxeval_output_codellama7b.csv")
    local log = { problem = {}, answer = {}, correct = {} }
    for i, classes in ipairs(file.answers) do
        for digit in tostring(classes):gmatch "%x" do
            local class = tonumber(digit, 16)
            table.insert(log.problem, file.problem_id[i])
            table.insert(log.answer, class)
            table.insert(log.correct, tonumber(file.class_correct[i]:sub(class, class)))
        end
    end
    return { log = log }
end

function source.sat(cell)
    local p, stream, c = cell.params, cell:rng "sat", {}
    for i = 1, p.problems do
        local rng = stream:split(i)
        local problem = assay.models.sat.problem {
            variables = p.variables, clauses = math.floor(p.ratio * p.variables + 0.5),
            rng = rng:split "problem",
        }
        local drawn = problem:sample {
            samples = p.samples, flips = p.flips, noise = p.noise, rng = rng:split "samples",
        }
        c[i] = drawn.solved
        cell:progress(i, p.problems)
    end
    return { n = p.samples, c = c, first = (cell.replicate - 1) * p.problems + 1 }
end

-- The language models: the width and the layers of each.
local sizes = {
    lm_small = { d = 56, layers = 1 }, lm = { d = 64, layers = 2 }, lm_large = { d = 128, layers = 4 },
}
local context = 16 -- "np_or;kst" and EOS

local function config_of(name)
    return { vocab = "tasks", d = sizes[name].d, layers = sizes[name].layers, heads = 4, ctx = context }
end

-- Trained on sums in all alphabets, on equal numbers of tokens for all sizes.
local function trained(cell, name)
    local config, steps = config_of(name), cell.params.steps
    local key = { what = "sums in three alphabets", d = config.d, layers = config.layers, steps = steps,
        training = cell.replicate }
    return cell:cache(key, function(rng)
        config.seed = rng:integer(1, 1 << 30)
        local lm = assay.lm.new(config)
        lm:train {
            task = assay.task("add", { alphabets = { 0.8, 0.15, 0.05 }, pad = true }), steps = steps,
            batch = 64, lr = 3e-3, warmup = 50, schedule = "linear", seed = rng:integer(1, 1 << 30),
            on_step = function(s) cell:progress(s.step, steps) end,
        }
        return lm
    end)
end

-- Different held-out sums in one alphabet.
local function held_out_sums(cell)
    local shares, prompts, seen = { 0, 0, 0 }, {}, {}
    shares[cell.params.alphabet] = 1
    local task = assay.task("add", { alphabets = shares, pad = true })
    for i = 1, math.huge do
        local prompt = task:problem(i, { split = "test", seed = cell.replicate }).prompt
        if not seen[prompt] then
            seen[prompt] = true
            prompts[#prompts + 1] = prompt
        end
        if #prompts == cell.params.sums then
            return task, prompts
        end
    end
end

-- FLOPs of the first attempt at a sum and of each that follows: the prompt is read once.
local function cost_of(name)
    local config = config_of(name)
    local size = { params = assay.lm.count(config), layers = config.layers, dim = config.d }
    local flops = assay.inference.flops(size, { prompt = 6, decode = 4, completions = 1 })
    return flops.prompt, flops.per_completion
end

local function sample_lm(cell)
    if cell.replicate > cell.params.trainings then
        return nil
    end
    local task, prompts = held_out_sums(cell)
    local drawn = trained(cell, cell.params.data):sample(prompts, {
        n = cell.params.attempts, task = task, temperature = cell.params.temperature, max_tokens = 4,
        rng = cell:rng "attempts",
        progress = function(done, total) cell:progress(done, total) end,
    })
    local log = drawn.samples
    log.reward = {} -- how sure the model is of its answer
    for i, logprob in ipairs(log.logprob) do
        log.reward[i] = math.exp(logprob)
    end
    return { log = log, first = (cell.replicate - 1) * cell.params.sums + 1 }
end

for name in pairs(sizes) do
    source[name] = sample_lm
end

function source.file(cell)
    if cell.params.file == "" then
        error('data = "file" needs the log: file=LOG.jsonl or file=samples:NAME', 0)
    end
    return cell.replicate == 1 and { log = cell:samples(cell.params.file) } or nil
end

-- Counts of a log, problem by problem in the order of their first sample.
local function count(log)
    local n, c, at = {}, {}, {}
    for i, problem in ipairs(log.problem) do
        local j = at[problem] or #n + 1
        at[problem] = j
        n[j] = (n[j] or 0) + 1
        c[j] = (c[j] or 0) + log.correct[i]
    end
    return n, c
end

---- What is computed ----

local function least(n)
    return type(n) == "number" and n or math.min(table.unpack(n))
end

-- Coverage of every problem at log-even k.
local function log_coverage(cell, n, c, first)
    local k = assay.inference.coverage_grid(least(n), { points = 40 })
    local curve = assay.inference.pass_at_k(n, c, { k = k })
    for i = 1, #c do
        for j = 1, #k do
            cell:log { problem = first + i - 1, k = k[j], coverage = curve.per_problem[i][j] }
        end
    end
    return k, curve
end

-- The laws of the curve, and their spread over resampled problems.
local function log_laws(cell, k, curve)
    local ok, fit = pcall(assay.inference.fit_power_law, k, curve.mean, { space = "log" })
    if not ok then
        cell:note("no law: %s", fit)
        return
    end
    local line = assay.inference.fit_log_linear(k, curve.mean)
    cell:log { law_a = fit.a, law_b = fit.b, law_error = fit.mean_abs_error, log_linear_r2 = line.r2 }
    local rng, problems = cell:rng "laws", curve.per_problem:rows()
    for _ = 1, cell.params.resamples do
        local mean = {}
        for j = 1, #k do
            mean[j] = 0
        end
        for _, i in ipairs(rng:integer(1, problems, problems)) do
            local row = curve.per_problem:row(i)
            for j = 1, #k do
                mean[j] = mean[j] + row[j] / problems
            end
        end
        local fitted, again = pcall(assay.inference.fit_power_law, k, mean, { space = "log" })
        if fitted then
            cell:log { resampled_a = again.a, resampled_b = again.b }
        end
    end
end

-- The published S-curves overlay when k is divided by the k that reaches a common anchor (Sec. 3.2).
local function log_overlay(cell, k, curve)
    local family, counts = {}, pythia_counts()
    for i, name in ipairs(models) do
        family[i] = { n = 10000, c = counts[name] }
    end
    local overlay = assay.inference.coverage_overlay(family)
    for i, name in ipairs(models) do
        for j = 1, name == cell.params.data and #k or 0 do
            cell:log { k_shifted = k[j] / overlay.shift[i], overlaid = curve.mean[j] }
        end
    end
end

-- Some ks from 1 to n, among them those that claims look at: a quarter of n, and 100.
local function selection_grid(n)
    local k, seen = assay.inference.coverage_grid(n, { points = 12 }), {}
    for _, value in ipairs(k) do
        seen[value] = true
    end
    for _, value in ipairs { n // 4, 100 } do
        if value >= 1 and value <= n and not seen[value] then
            k[#k + 1], seen[value] = value, true
        end
    end
    table.sort(k)
    return k
end

-- The measure of the language models is `solved`, so that each kind of data has a figure of its own.
local function log_selectors(cell, log, k, first, names)
    local measure = sizes[cell.params.data] and "solved" or "success"
    local curves = assay.inference.selection_curves(log, { k = k, rng = cell:rng "votes" })
    for selector, name in assay.sorted_pairs(names) do
        local success = curves.per_problem[selector]
        for i = 1, success and #success or 0 do
            for j = 1, #k do
                cell:log { selector = name, problem = first + i - 1, k = k[j], [measure] = success[i][j] }
            end
        end
    end
end

-- Selectors without an oracle, problem by problem.
local function log_selection(cell, log, first)
    local k = selection_grid(least((count(log))))
    log_selectors(cell, log, k, first, { coverage = "oracle (coverage)", majority = "majority",
        best_of_n = "best_of_n", weighted_majority = "weighted_majority" })
    if sizes[cell.params.data] then -- a verifier that errs: correctness and noise of its size
        local noise = cell:rng("noise"):normal(#log.correct)
        local noisy = { problem = log.problem, correct = log.correct, reward = {} }
        for i, correct in ipairs(log.correct) do
            noisy.reward[i] = correct + noise[i]
        end
        log_selectors(cell, noisy, k, first, { best_of_n = "noisy verifier" })
    end
end

-- What a language model solves at the cost of 1, 2, 4, ... attempts of the largest model. A model that
-- can't pay a single attempt solves nothing.
local function log_matched(cell, n, c, first)
    local prompt, completion = cost_of(cell.params.data)
    local large_prompt, large_completion = cost_of "lm_large"
    for doubling = 0, 20 do
        local flops = large_prompt + 2 ^ doubling * large_completion
        local k = math.floor((flops - prompt) / completion)
        if k > least(n) then
            return
        end
        local solved = k >= 1 and assay.inference.pass_at_k(n, c, { k = { k } }).per_problem
        for i = 1, #c do
            cell:log { paid = 2 ^ doubling, mflops = flops / 1e6, problem = first + i - 1,
                matched = solved and solved[i][1] or 0 }
        end
    end
end

-- Estimates of the exponent of -log coverage from a small budget of samples: least squares on the
-- curve, and the beta-binomial likelihood of the counts [S25]. What the likelihood says is its alpha
-- (the exponent in the limit), or, like for like with the law of a curve that ends at k = 10 000, the
-- exponent of a law fitted to its forecast of that curve.
local estimate = {}

function estimate.least_squares(n, c)
    local k = assay.inference.coverage_grid(n, { points = 40 })
    local curve = assay.inference.pass_at_k(n, c, { k = k })
    return -assay.inference.fit_power_law(k, curve.mean, { space = "loglog" }).b
end

function estimate.beta_binomial(n, c, of_forecast)
    local fit = assay.inference.fit_beta_binomial(n, c, { scale = 1 })
    return of_forecast and fit.refit_exponent or fit.power_law_exponent
end

-- truth: { exponent =, of_forecast = }
local function log_forecasts(cell, truth, n, c, columns)
    for estimator, exponent in assay.sorted_pairs(estimate) do
        local ok, value = pcall(exponent, n, c, truth.of_forecast)
        if ok then
            local row = { estimator = estimator, budget = n, exponent = value,
                relative_error = math.abs(value - truth.exponent) / truth.exponent }
            for name, entry in pairs(columns or {}) do
                row[name] = entry
            end
            cell:log(row)
        else
            cell:note("budget %d: %s: %s", n, estimator, value)
        end
    end
end

local budgets = { 10, 30, 100, 300, 1000 }

-- Smaller samples of the published counts, against the exponent of the whole.
local function log_published_forecasts(cell, c)
    local truth = { exponent = estimate.least_squares(10000, c), of_forecast = true }
    local rng = cell:rng "subsets"
    for _, n in ipairs(budgets) do
        local drawn = {}
        for i, correct in ipairs(c) do
            drawn[i] = rng:hypergeometric(correct, 10000 - correct, n)
        end
        log_forecasts(cell, truth, n, drawn)
    end
end

local function run_beta(cell)
    local p = cell.params
    for _, alpha in ipairs { 0.1, 0.3, 0.5 } do
        local rng = cell:rng("beta " .. alpha)
        local chance = rng:beta(alpha, 5, p.simulated)
        for _, n in ipairs(budgets) do
            local c = {}
            for i, chance_i in ipairs(chance) do
                c[i] = rng:binomial(n, chance_i)
            end
            log_forecasts(cell, { exponent = alpha }, n, c, { alpha = alpha })
        end
    end
end

local function run(cell)
    local data = cell.params.data
    if data == "beta" then
        return run_beta(cell)
    end
    if printed[data] then
        log_published_forecasts(cell, pythia_counts()[data])
    end
    local samples = source[data](cell)
    if not samples then
        return
    end
    local n, c, first = samples.n, samples.c, samples.first or 1
    if samples.log then
        n, c = count(samples.log)
        log_selection(cell, samples.log, first)
    end
    if sizes[data] then
        log_matched(cell, n, c, first)
    end
    local k, curve = log_coverage(cell, n, c, first)
    log_laws(cell, k, curve)
    if data:find "^pythia" then
        log_overlay(cell, k, curve)
    end
end

---- Claims ----

-- A claim about one source of samples says nothing about a run without it.
local function about(data, check)
    return function(r)
        for _, present in ipairs(r:distinct "data") do
            if present == data then
                return check(r)
            end
        end
        return { verdict = "inconclusive", message = "this run has no data = " .. data }
    end
end

-- Percentile interval of resampled values around the value of the whole.
local function law_interval(r, data, name)
    local mine = r:where { data = data }
    local spread = assay.stats.quantile(mine:values("resampled_" .. name), { 0.025, 0.975 })
    return mine:values("law_" .. name)[1], spread[1], spread[2]
end

-- The paper prints two digits after the point, so what is compared is the nearest number that would
-- be printed so.
local function off_by(value, print)
    local nearest = math.max(print - 0.005, math.min(print + 0.005, value))
    return math.abs(value - nearest) / math.abs(nearest)
end

local function check_law(data)
    return about(data, function(r)
        local want = printed[data]
        local a, low, high = law_interval(r, data, "a")
        local b = law_interval(r, data, "b")
        local worst = math.max(off_by(a, want.a), off_by(b, want.b))
        return {
            verdict = worst <= 0.02 and "supported" or "not supported",
            estimate = a, low = low, high = high, n = 128, test = "a, resampled problems",
            message = ("here %.3f, %.4f; printed %.2f, %.2f"):format(a, b, want.a, want.b),
        }
    end)
end

local function check_endpoint(data)
    return about(data, function(r)
        local here = r:where { data = data, k = 10000 }:mean "coverage"
        local off = math.abs(here - printed[data].coverage)
        return { verdict = off < 1e-9 and "supported" or "not supported", estimate = here, n = 128,
            message = ("published: %.6f"):format(printed[data].coverage) }
    end)
end

local function check_grows(data)
    return about(data, function(r)
        local mine = r:where { data = data }
        return r:compare { measure = "coverage", unit = "problem", above = 0,
            a = { data = data, k = mine:max "k" }, b = { data = data, k = 1 } }
    end)
end

local check_log_linear = about("pythia_12b", function(r)
    local value = r:where { data = "pythia_12b" }:values("log_linear_r2")[1]
    return { verdict = value >= 0.95 and "supported" or "not supported", estimate = value, n = 128 }
end)

local check_gap = about("cruxeval", function(r)
    return r:compare { measure = "success", unit = "problem", above = 0.05,
        a = { data = "cruxeval", selector = "oracle (coverage)", k = 10 },
        b = { data = "cruxeval", selector = "majority", k = 10 } }
end)

local check_plateau = about("cruxeval", function(r)
    return r:compare { measure = "success", unit = "problem", below = 0.02,
        a = { data = "cruxeval", selector = "majority", k = 10 },
        b = { data = "cruxeval", selector = "majority", k = 1 } }
end)

-- The language model sampled here: at k = 100, or the largest k of a shorter run.
local function about_lm(check)
    return about("lm", function(r)
        local mine = r:where { data = "lm", selector = "majority" }
        return check(r, mine:max "k", mine)
    end)
end

local check_gap_lm = about_lm(function(r, n, mine)
    local k = 1
    for _, value in ipairs(mine:distinct "k") do
        k = value <= 100 and math.max(k, value) or k
    end
    return r:compare { measure = "solved", unit = "problem", above = 0.5,
        a = { data = "lm", selector = "oracle (coverage)", k = k },
        b = { data = "lm", selector = "majority", k = k } }
end)

local check_plateau_lm = about_lm(function(r, n)
    return r:compare { measure = "solved", unit = "problem", below = 0.05,
        a = { data = "lm", selector = "majority", k = n },
        b = { data = "lm", selector = "majority", k = n // 4 } }
end)

-- Where the curves of two models cross, in words.
local function crossings(r, a, b)
    local curve = {}
    for i, data in ipairs { a, b } do
        local mine = r:where { data = data }
        curve[i] = { cost = {}, coverage = {} }
        for _, mflops in ipairs(mine:distinct "mflops") do
            if mflops == mflops then
                table.insert(curve[i].cost, mflops)
                table.insert(curve[i].coverage, mine:where { mflops = mflops }:mean "matched")
            end
        end
    end
    local found = {}
    for _, crossing in ipairs(assay.inference.cost_crossings(curve[1], curve[2])) do
        table.insert(found, ("beyond %.3g million FLOPs %s is better"):format(crossing.cost,
            crossing.better == "a" and a or b))
    end
    return #found > 0 and table.concat(found, ", ") or "the curves do not cross"
end

-- a covers more than b at the cost of so many attempts of the largest model.
local function check_matched(a, b, attempts)
    return function(r)
        local columns, present = {}, {}
        for _, column in ipairs(r:columns()) do
            columns[column] = true
        end
        local paid = columns.matched and r:where { paid = attempts } or r:where { data = "" }
        for _, data in ipairs(paid:distinct "data") do
            present[data] = true
        end
        if not (present[a] and present[b]) then
            return { verdict = "inconclusive",
                message = ("needs data = %s,%s and enough attempts"):format(a, b) }
        end
        local result = r:compare { measure = "matched", unit = "problem", above = 0,
            a = { data = a, paid = attempts }, b = { data = b, paid = attempts } }
        result.message = crossings(r, a, b)
        return result
    end
end

-- How many times smaller the error of the likelihood is: log10 of the ratio, replicate by replicate,
-- averaged over budgets up to 300 samples a problem.
local function check_forecast(where)
    return about(where.data, function(r)
        local ratio = {}
        for _, replicate in ipairs(r:distinct "replicate") do
            local logs, mine = {}, r:where(where):where { replicate = replicate,
                budget = function(n) return n and n <= 300 end }
            for _, budget in ipairs(mine:distinct "budget") do
                local at = mine:where { budget = budget }
                local squares = at:where { estimator = "least_squares" }:values "relative_error"
                local beta = at:where { estimator = "beta_binomial" }:values "relative_error"
                for i = 1, math.min(#squares, #beta) do
                    table.insert(logs, math.log(squares[i] / beta[i], 10))
                end
            end
            table.insert(ratio, #logs > 0 and assay.stats.mean(logs) or nil)
        end
        local interval = assay.stats.t_interval(ratio, { mu = 1 })
        local low, high = interval.low or -math.huge, interval.high or math.huge
        return {
            verdict = low > 1 and "supported" or high < 1 and "not supported" or "inconclusive",
            estimate = interval.estimate, low = low, high = high, n = #ratio,
            test = "t over replicate",
            message = "log10 of the ratio of errors: 1 is an order of magnitude",
        }
    end)
end

return assay.experiment {
    name = "monkeys",
    title = "Coverage grows with the number of samples, selection levels off",
    description = "Repeated sampling on published counts and answers, on a solver that is sampled "
        .. "here, on language models trained here, and on your own logs: coverage and its laws, "
        .. "selectors, forecasts of the exponent, models of different size at equal cost.",
    method = "monkeys",
    params = {
        data = {
            default = { "pythia_70m", "pythia_12b", "cruxeval", "sat", "beta", "lm_small", "lm" },
            choices = { "pythia_70m", "pythia_160m", "pythia_410m", "pythia_1b", "pythia_2_8b",
                "pythia_6_9b", "pythia_12b", "cruxeval", "sat", "beta", "lm_small", "lm", "lm_large",
                "file" },
            doc = "where the samples come from",
        },
        file = { default = "", doc = "data=file: a log of graded samples, or samples:NAME" },
        problems = { default = 32, min = 1, max = 10000, doc = "sat: problems" },
        samples = { default = 1000, min = 2, max = 1000000, doc = "sat: attempts at a problem" },
        variables = { default = 150, min = 3, max = 10000, doc = "sat: variables" },
        ratio = { default = 4.0, min = 0, max = 20, doc = "sat: clauses a variable (threshold 4.27)" },
        flips = { default = 150, min = 0, max = 1000000, doc = "sat: flips an attempt may make" },
        noise = { default = 0.5, min = 0, max = 1, doc = "sat: chance of a random flip" },
        simulated = { default = 1000, min = 2, max = 100000, doc = "beta: problems" },
        trainings = { default = 3, min = 1, max = 1000, doc = "lm: how many replicates are trained" },
        steps = { default = 600, min = 1, max = 1000000, doc = "lm: steps of a training" },
        alphabet = { default = 3, min = 1, max = 3,
            doc = "lm: alphabet of the problems; 80, 15 and 5 % of the training" },
        sums = { default = 100, min = 1, max = 900, doc = "lm: problems" },
        attempts = { default = 400, min = 2, max = 100000, doc = "lm: attempts at a problem" },
        temperature = { default = 1.0, min = 0, max = 100, doc = "lm: sampling temperature" },
        resamples = { default = 200, min = 10, max = 100000, doc = "resamples behind a law's interval" },
    },
    presets = {
        quick = { problems = 24, samples = 1000, trainings = 1, sums = 40, attempts = 100 },
        full = { data = { "pythia_70m", "pythia_160m", "pythia_410m", "pythia_1b", "pythia_2_8b",
            "pythia_6_9b", "pythia_12b", "cruxeval", "sat", "beta", "lm_small", "lm", "lm_large" },
            problems = 64, samples = 10000, resamples = 1000, attempts = 2000 },
    },
    replicates = 10,
    run = run,
    figures = {
        { name = "coverage", title = "Coverage of k samples", x = "k", y = "coverage", by = "data",
            unit = "problem", logx = true, band = "ci95", fit = "exp_power", fit_space = "log",
            xlabel = "samples k", ylabel = "coverage (pass@k)" },
        { name = "selection", title = "Selecting among k samples", x = "k", y = "success",
            by = { "data", "selector" }, unit = "problem", logx = true, band = "ci95",
            xlabel = "samples k", ylabel = "problems solved" },
        { name = "selection_lm", title = "Selecting among k samples of a model", x = "k", y = "solved",
            by = "selector", where = { data = "lm" }, unit = "problem", logx = true, band = "ci95",
            xlabel = "samples k", ylabel = "problems solved" },
        { name = "cost", title = "Models of different size at equal cost", x = "mflops", y = "matched",
            by = "data", unit = "problem", logx = true, band = "ci95",
            xlabel = "million FLOPs a problem", ylabel = "coverage (pass@k)" },
        { name = "overlay", title = "One family, shifted to a common anchor", x = "k_shifted", y = "overlaid",
            by = "data", logx = true, xlabel = "samples k / samples that reach the anchor",
            ylabel = "coverage (pass@k)" },
        { name = "forecast", title = "Forecast of the exponent, p ~ Beta(alpha, 5)", x = "budget",
            y = "relative_error", by = { "alpha", "estimator" }, where = { data = "beta" },
            logx = true, logy = true, band = "ci95", xlabel = "samples a problem",
            ylabel = "relative error of the exponent" },
        { name = "forecast_published", title = "The same on published counts (12B)", x = "budget",
            y = "relative_error", by = "estimator", where = { data = "pythia_12b" }, logx = true,
            logy = true, band = "ci95", xlabel = "samples a problem",
            ylabel = "relative error of the exponent" },
    },
    claims = {
        { name = "grows_12b", text = "12B on MATH: coverage at 10 000 samples exceeds that at 1",
            check = check_grows "pythia_12b" },
        { name = "grows_sat", text = "WalkSAT sampled here: coverage grows with k, too",
            check = check_grows "sat" },
        { name = "coverage_70m", text = "70M: coverage at 10 000 is the published one",
            check = check_endpoint "pythia_70m" },
        { name = "coverage_12b", text = "12B: coverage at 10 000 is the published one",
            check = check_endpoint "pythia_12b" },
        { name = "law_70m", text = "exp(a k^b) of 70M: a and b within 2 % of the paper's",
            check = check_law "pythia_70m" },
        { name = "law_12b", text = "exp(a k^b) of 12B: a and b within 2 % of the paper's",
            check = check_law "pythia_12b" },
        { name = "log_linear", text = "12B: coverage is linear in log k with R^2 >= 0.95",
            check = check_log_linear },
        { name = "oracle_gap", text = "CRUXEval: at k = 10 majority stays 0.05 below coverage",
            check = check_gap },
        { name = "plateau", text = "CRUXEval: ten samples gain majority less than 0.02",
            check = check_plateau },
        { name = "grows_lm", text = "A language model trained here: coverage grows with k, too",
            check = check_grows "lm" },
        { name = "oracle_gap_lm", check = check_gap_lm,
            text = "The language model: at k = 100 majority stays 0.5 below coverage" },
        { name = "plateau_lm", check = check_plateau_lm,
            text = "The language model: the last three quarters of the attempts gain majority less than 0.05" },
        { name = "matched_small", check = check_matched("lm_small", "lm", 1),
            text = "At the cost of one attempt of 0.8 million parameters, 0.05 million cover more than 0.11" },
        { name = "matched_one", check = check_matched("lm", "lm_large", 1),
            text = "At that cost 0.11 million cover more than the one attempt of 0.8 million" },
        { name = "matched_16", check = check_matched("lm", "lm_large", 16),
            text = "At the cost of 16 such attempts, too" },
        { name = "forecast_simulated", check = check_forecast { data = "beta", alpha = 0.1 },
            text = "alpha = 0.1: the likelihood's error of the exponent is 10 times smaller [S25]" },
        { name = "forecast_flat", check = check_forecast { data = "beta", alpha = 0.5 },
            text = "alpha = 0.5: it is 10 times smaller, too" },
        { name = "forecast_published", check = check_forecast { data = "pythia_12b" },
            text = "published counts (12B): it is 10 times smaller, too" },
    },
}
