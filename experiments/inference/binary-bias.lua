#!/usr/bin/env -S assay run
-- Are a model's yes/no answers coin flips? After Vidler and Walsh, Evaluating Binary Decision Biases
-- in Large Language Models (2025, arXiv 2501.16356).
--
-- The paper asks GPT models one question many times, in calls of their own (one-shot) and as a list
-- in one call (few-shot), and finds: one-shot answers are skewed (GPT-4o-Mini 32-43 % yes,
-- GPT-4-0125-preview 98-99 %), the two ways differ, and no model is both uniform and Markovian
-- one-shot. Those models are not to be had here. What can be had is the same pattern where it was
-- planted, so that each verdict of the battery has a truth to be held against. `data` says where:
--
--   chain    one-shot: independent answers, 70 % yes at temperature 1; few-shot: lists of answers that
--            switch with chance .55, .6, .65, .7 after 1, 2, 3, 4 or more equal ones, people's negative
--            recency, whose share of yes is 1/2. A temperature acts on each answer's odds.
--   lm       a small language model trained here on a text with the same statistics: lines ?y and ?n, and
--            lines # with a list of such letters. Sampling is restricted to y and n; what the whole
--            vocabulary would have leaked is logged as `leaked`
--   power    how many answers it takes: rejections over n, of a chain that switches at .6, of people's
--            chain, and of a fair coin
--   philox   fair flips of our generator, a thousand series
--   os       fair flips of the operating system's entropy; this run can't be reproduced bit by bit
--
-- It is no evidence about the large models of the paper; for one, see collect_binary in assay-lua(3).
--
-- Rows: (mode, repetition, temperature, yes_rate, negative_recency, rejected_*) a repetition; (mode,
-- temperature, streak, switch_rate) for the streak table; (mode, temperature, leaked) of lm; (process,
-- test, n, rejected) for power; (reference, test, rejected) for fair series.
local assay = require "assay"
local inference = assay.inference

local temperatures = { 0.25, 0.5, 0.75, 1, 1.5, 2 }
local people = { 0.55, 0.6, 0.65, 0.7 }

local function at_temperature(p, temperature)
    return (inference.temperature_rate(p, { temperature = temperature }))
end

local function flag(condition)
    return condition and 1 or 0
end

---- Where answers come from: source(cell, temperature, rng) has one_shot(n) and few_shot(batches, m) ----

local source = {}

function source.chain(cell, temperature, rng)
    local yes, switch = at_temperature(cell.params.yes, temperature), {}
    for r, chance in ipairs(people) do
        switch[r] = at_temperature(chance, temperature)
    end
    return {
        one_shot = function(n) return rng:binomial(1, yes, n) end,
        few_shot = function(batches, m)
            return inference.binary_chain { n = m, batches = batches, switch = switch, rng = rng }
        end,
    }
end

-- The model, trained once for each replicate on this machine.
local function letters_model(cell)
    local p = cell.params
    local key = { what = "a model of yes and no", yes = p.yes, list = p.list, steps = p.steps,
        replicate = cell.replicate }
    return cell:cache(key, function(rng)
        local lm = assay.lm.new { vocab = "tasks", d = 32, layers = 2, heads = 2, ctx = 24, seed = cell.replicate }
        local lines = {}
        for i = 1, 20000, 2 do
            local list = inference.binary_chain { n = p.list, switch = people, rng = rng }
            lines[i] = rng:uniform() < p.yes and "?y" or "?n"
            lines[i + 1] = "#" .. (table.concat(list):gsub(".", { ["0"] = "n", ["1"] = "y" }))
        end
        lm:train {
            data = lines, steps = p.steps, batch = 64, lr = 3e-3, warmup = math.ceil(p.steps / 20),
            schedule = "linear", seed = cell.replicate,
            on_step = function(s) cell:progress(s.step, p.steps) end,
        }
        return lm
    end)
end

function source.lm(cell, temperature, rng)
    local lm = letters_model(cell)
    local letters = assay.vocab():encode "ny"
    local no, yes = letters[1] + 1, letters[2] + 1 -- their columns among the logits
    -- P(yes) after each of the texts
    local function yes_after(texts)
        local logits, rates = lm:logits(texts), {}
        for i = 1, #texts do
            local last = logits[i][#texts[i]]
            rates[i] = 1 / (1 + math.exp((last[no] - last[yes]) / temperature))
        end
        return rates
    end
    local p = inference.temperature_softmax(lm:logits("?"):row(1), { temperature = temperature })
    cell:log { mode = "one-shot", temperature = temperature, leaked = 1 - p[no] - p[yes] }
    local rate = yes_after({ "?" })[1]
    return {
        one_shot = function(n) return rng:binomial(1, rate, n) end,
        few_shot = function(batches, m)
            local lists, texts = {}, {}
            for b = 1, batches do
                lists[b], texts[b] = {}, "#"
            end
            for i = 1, m do
                for b, after in ipairs(yes_after(texts)) do
                    lists[b][i] = rng:uniform() < after and 1 or 0
                    texts[b] = texts[b] .. (lists[b][i] == 1 and "y" or "n")
                end
            end
            return lists
        end,
    }
end

---- What is computed ----

-- One repetition's report, and the log of what the figures and claims need of it.
local function log_report(cell, report, row)
    local p_runs = report.runs.p_exact or report.runs.p_normal
    row.yes_rate = report.yes_rate
    row.negative_recency = report.alternation.negative_recency
    row.rejected_uniform = flag(report.p_uniform <= 0.05)
    row.rejected_independence = flag(report.independence.p_G <= 0.05)
    row.rejected_markov = flag(report.markov_order2.p <= 0.05)
    row.rejected_runs = flag(p_runs <= 0.05)
    row.random = flag(report.verdict.random)
    cell:log(row)
end

-- The streak table of all repetitions together.
local function add_streaks(total, report)
    for i, bin in ipairs(report.streak) do
        local sum = total[i] or { n = 0, switch = 0 }
        total[i] = { n = sum.n + bin.n, switch = sum.switch + bin.switch }
    end
end

local function log_streaks(cell, mode, temperature, total)
    for i, bin in ipairs(total) do
        if bin.n > 0 then
            cell:log { mode = mode, temperature = temperature, streak = i, switch_rate = bin.switch / bin.n }
        end
    end
end

local function run_answers(cell)
    local p = cell.params
    for i, temperature in ipairs(temperatures) do
        cell:log { mode = "planted", temperature = temperature, yes_rate = at_temperature(p.yes, temperature) }
        local answers = source[p.data](cell, temperature, cell:rng("answers " .. temperature))
        local one_streaks, few_streaks = {}, {}
        for repetition = 1, p.repetitions do
            local one = inference.binary_battery(answers.one_shot(p.answers))
            local few = inference.binary_battery(answers.few_shot(p.batches, p.list), { batches = true })
            local both = inference.compare_rates({ yes = one.yes, n = one.n }, { yes = few.yes, n = few.n })
            log_report(cell, one, { mode = "one-shot", temperature = temperature, repetition = repetition })
            log_report(cell, few, { mode = "few-shot", temperature = temperature, repetition = repetition,
                p_modes = both.p_fisher })
            add_streaks(one_streaks, one)
            add_streaks(few_streaks, few)
        end
        log_streaks(cell, "one-shot", temperature, one_streaks)
        log_streaks(cell, "few-shot", temperature, few_streaks)
        cell:progress(i, #temperatures)
    end
end

local function run_power(cell)
    local processes = { ["switches at .6"] = { 0.6 }, ["people's streaks"] = people, ["fair coin"] = { 0.5 } }
    for process, switch in assay.sorted_pairs(processes) do
        local rng = cell:rng(process)
        for _, n in ipairs { 20, 50, 100, 300, 1000 } do
            local rejected = { runs = 0, independence = 0, uniform = 0 }
            for _ = 1, cell.params.power_series do
                local report = inference.binary_battery(inference.binary_chain { n = n, switch = switch, rng = rng })
                rejected.runs = rejected.runs + flag(report.runs.p_normal <= 0.05)
                rejected.independence = rejected.independence + flag(report.independence.p_G <= 0.05)
                rejected.uniform = rejected.uniform + flag(report.p_uniform <= 0.05)
            end
            for test, count in assay.sorted_pairs(rejected) do
                cell:log { process = process, test = test, n = n, rejected = count / cell.params.power_series }
            end
        end
    end
end

local function run_reference(cell)
    local name = cell.params.data
    local reference = inference.random_reference {
        n = cell.params.answers, reps = 1000, source = name, rng = name == "philox" and cell:rng "flips" or nil,
    }
    for test, share in assay.sorted_pairs(reference.rejected) do
        cell:log { reference = name, test = test, rejected = share }
    end
end

local runs = { chain = run_answers, lm = run_answers, power = run_power, philox = run_reference, os = run_reference }

---- Claims ----

-- A claim about one source says nothing about a run without it.
local function about(data, check)
    return function(r)
        for _, present in ipairs(r:distinct "data") do
            if present == data then
                return check(r:where { data = data })
            end
        end
        return { verdict = "inconclusive", message = "this run has no data = " .. data }
    end
end

local each_series = { "replicate", "repetition" }

-- The largest distance of the mean rate from the curve of the planted rate, over temperatures.
local function check_curve(r)
    local checks = {}
    for _, temperature in ipairs(temperatures) do
        local wanted = r:where { mode = "planted", temperature = temperature }:mean "yes_rate"
        table.insert(checks, r:estimate { measure = "yes_rate", unit = each_series,
            where = { mode = "one-shot", temperature = temperature },
            within = { wanted - 0.05, wanted + 0.05 } })
    end
    return assay.claims.all(checks)
end

-- Share of series that a test rejects.
local function check_rejected(mode, test, bound)
    return function(r)
        return r:estimate { measure = "rejected_" .. test, unit = each_series, test = "wilson",
            where = { mode = mode, temperature = 1 }, above = bound.above, below = bound.below }
    end
end

local function check_streaks(r)
    local checks = {}
    for streak = 2, 4 do
        table.insert(checks, r:compare { measure = "switch_rate", above = 0,
            a = { mode = "few-shot", temperature = 1, streak = streak },
            b = { mode = "few-shot", temperature = 1, streak = streak - 1 } })
    end
    return assay.claims.all(checks)
end

local function check_modes(r)
    local p = r:where { mode = "few-shot", temperature = 1 }:max "p_modes"
    return { verdict = p < 0.001 and "supported" or "not supported", p = p, test = "Fisher, worst series",
        n = #r:where { mode = "few-shot", temperature = 1 }:values "p_modes" }
end

local function check_fair(r)
    local checks = {}
    for _, test in ipairs { "uniform", "independence", "markov", "runs", "ljung_box", "blocks" } do
        table.insert(checks, r:estimate { measure = "rejected", where = { test = test },
            within = { 0.03, 0.07 } })
    end
    return assay.claims.all(checks)
end

local function check_power(n, low, high)
    return function(r)
        return r:estimate { measure = "rejected", within = { low, high },
            where = { process = "switches at .6", test = "runs", n = n } }
    end
end

---- Claims about answers, for each source that has a truth ----

local planted = {
    { name = "skewed", text = "One-shot at T = 1: the share of yes is .70 +- .05",
        check = function(r)
            return r:estimate { measure = "yes_rate", unit = each_series, within = { 0.65, 0.75 },
            where = { mode = "one-shot", temperature = 1 } }
            end },
    { name = "sharpened", text = "It follows 1/(1+(3/7)^(1/T)) within .05 at every temperature",
        check = check_curve },
    { name = "independent", text = "One-shot at T = 1: independence is rejected in at most 8 % of series",
        check = check_rejected("one-shot", "independence", { below = 0.08 }) },
    { name = "balanced", text = "Few-shot at T = 1: the share of yes is within .45 and .55",
        check = function(r)
            return r:estimate { measure = "yes_rate", unit = each_series, within = { 0.45, 0.55 },
            where = { mode = "few-shot", temperature = 1 } }
            end },
    { name = "too_even", text = "Few-shot at T = 1: uniformity is rejected in less than 5 % of series",
        check = check_rejected("few-shot", "uniform", { below = 0.05 }) },
    { name = "dependent", text = "Few-shot at T = 1: the runs test rejects more than 95 % of series",
        check = check_rejected("few-shot", "runs", { above = 0.95 }) },
    { name = "fallacy", text = "Few-shot at T = 1: each longer streak is likelier to end",
        check = check_streaks },
    { name = "colder", text = "Few-shot: negative recency is larger at T = .25 than at 2",
        check = function(r)
            return r:compare { measure = "negative_recency", unit = each_series, above = 0,
            a = { mode = "few-shot", temperature = 0.25 }, b = { mode = "few-shot", temperature = 2 } }
            end },
    { name = "modes_differ", text = "T = 1: the shares of yes of the two modes differ, p < .001 in every series",
        check = check_modes },
}

local claims = {
    { name = "fair", text = "Fair flips: each test rejects 3-7 % of a thousand series",
        check = about("philox", check_fair) },
    { name = "power_100", text = "Switching at .6: the runs test finds about half of 100 answers (.45-.57)",
        check = about("power", check_power(100, 0.45, 0.57)) },
    { name = "power_300", text = "Switching at .6: of 300 answers it finds .90-.98",
        check = about("power", check_power(300, 0.90, 0.98)) },
}
for _, data in ipairs { "lm", "chain" } do
    for i = #planted, 1, -1 do
        local one = planted[i]
        table.insert(claims, 1, { name = one.name .. (data == "lm" and "_lm" or ""), check = about(data, one.check),
            text = (data == "lm" and "The language model: " or "") .. one.text })
    end
end

return assay.experiment {
    name = "binary-bias",
    title = "Yes/no answers against coin flips",
    description = "The battery of tests on answers whose bias and memory were planted, in chains or in the "
        .. "training text of a small language model: skewed and independent in calls of their own, balanced "
        .. "but switching too often in lists. It shows what the tests find and how many answers they need; "
        .. "it is no evidence about the large models of the paper.",
    method = "binary-bias",
    params = {
        data = { default = { "chain", "power", "philox" }, choices = { "chain", "lm", "power", "philox", "os" },
            doc = "where the answers come from" },
        yes = { default = 0.7, min = 0, max = 1, doc = "planted share of yes, one-shot, at temperature 1" },
        answers = { default = 1000, min = 2, max = 1000000, doc = "one-shot answers; length of a fair series" },
        batches = { default = 50, min = 1, max = 100000, doc = "few-shot lists" },
        list = { default = 20, min = 2, max = 23, doc = "answers a list" },
        repetitions = { default = 200, min = 2, max = 100000, doc = "series a temperature" },
        steps = { default = 1500, min = 1, max = 1000000, doc = "lm: training steps" },
        power_series = { default = 1000, min = 2, max = 1000000, doc = "series behind each point of power" },
    },
    presets = {
        quick = { repetitions = 200, power_series = 1000 },
        full = { data = { "chain", "lm", "power", "philox" }, repetitions = 200, power_series = 10000 },
    },
    replicates = 5,
    run = function(cell) runs[cell.params.data](cell) end,
    figures = {
        { name = "rate", title = "Share of yes, planted at .70 (T = 1)",
            x = "temperature", y = "yes_rate", by = { "data", "mode" }, band = "ci95", xlabel = "temperature",
            ylabel = "share of yes", lines = { { y = 0.5, label = "fair" } } },
        { name = "recency", title = "Negative recency, planted in lists",
            x = "temperature", y = "negative_recency", by = { "data", "mode" }, band = "ci95",
            xlabel = "temperature",
            ylabel = "switch rate - expected", lines = { { y = 0 } } },
        { name = "streaks", title = "Switching after r equal answers, few-shot", x = "streak",
            y = "switch_rate", by = { "data", "temperature" }, where = { mode = "few-shot" }, band = "ci95",
            xlabel = "equal answers so far (4: or more)", ylabel = "share that switch" },
        { name = "power", title = "How many answers it takes", x = "n", y = "rejected",
            by = "process", where = { test = "runs" }, logx = true, band = "ci95",
            xlabel = "answers n", ylabel = "series rejected at 0.05", key = "left",
            lines = { { y = 0.05 } } },
        { name = "random", title = "Judged random: all four questions, after Holm", x = "temperature",
            y = "random", by = { "data", "mode" }, band = "ci95",
            xlabel = "temperature", ylabel = "share of series" },
    },
    claims = claims,
}
