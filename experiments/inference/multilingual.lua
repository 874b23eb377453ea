#!/usr/bin/env -S assay run
-- Few samples in several languages: after Khairi et al., When Life Gives You Samples (2025, arXiv
-- 2506.20544).
--
-- The paper samples five answers of an 8B or 111B model in 23 languages and lets a judge compare what
-- was selected with one sample; neither is to be had here. What can be had is the situation: a real
-- language model, trained here, that knows one language well and two others less. The task is adding
-- two numbers; the languages are alphabets (0-9 + =, a-j & :, k-t _ ;) with shares .80, .15 and .05 of
-- the training text, called rich, middle and rare. The quality q of an answer is its share of right
-- digits; answers agree by their share of equal digits, after their letters are mapped to digits
-- (without that, evidence in another alphabet would say nothing).
--
-- Pools of N samples are drawn at a temperature, with or without one greedy answer in them (hedged),
-- and one answer is chosen: by log-probability, majority, MBR, or X-MBR with M samples of the same
-- problem in the rich alphabet (for the rich one: in the middle one). That evidence is nearly always
-- right here, so X-MBR can beat the greedy answer; with a real model its gain is limited by what the
-- model can do across languages.
--
-- The training stops while the rich language is learned and the others half: that is the situation in
-- question. After 900 steps all three are learned, and there is nothing left to choose.
--
-- Rows: (sweep, language, problem, temperature, samples, evidence, min_p, method, q, exact, win) for
-- what was chosen; (sweep, language, problem, temperature, pool, hope, risk) for pools. A problem's
-- disjoint pools are averaged. win compares with the pool's first sample: 1, 1/2 or 0.
local assay = require "assay"
local inference = assay.inference

local languages = { "rich", "middle", "rare" }
local symbols = { rich = "0123456789+=", middle = "abcdefghij&:", rare = "klmnopqrst_;" }
local evidence_of = { rich = "middle", middle = "rich", rare = "rich" }

---- Alphabets ----

local function mapping(from, to)
    local map = {}
    for i = 1, #from do
        map[from:sub(i, i)] = to:sub(i, i)
    end
    return map
end

local into, canonical_map = {}, {}
for _, language in ipairs(languages) do
    into[language] = mapping(symbols.rich, symbols[language])
    canonical_map[language] = mapping(symbols[language], symbols.rich)
    for i = 1, #languages do -- what belongs to another alphabet is no digit here
        for symbol in symbols[languages[i]]:gmatch "." do
            canonical_map[language][symbol] = canonical_map[language][symbol] or "?"
        end
    end
end

local function canonical(text, language)
    return (text:gsub(".", canonical_map[language]))
end

local function agreement(a, b)
    local equal, longer = 0, math.max(#a, #b)
    for i = 1, math.min(#a, #b) do
        equal = equal + (a:byte(i) == b:byte(i) and 1 or 0)
    end
    return longer == 0 and 1 or equal / longer
end

---- The model ----

local function new_task(p)
    return assay.task("add", { digits = p.digits, pad = true, alphabets = { 0.80, 0.15, 0.05 }, held = 0.02 })
end

-- Trained once for each seed on this machine.
local function model(cell)
    local p = cell.params
    local key = { what = "a model of three alphabets", digits = p.digits, steps = p.steps, batch = p.batch,
        seed = p.seed }
    return cell:cache(key, function()
        local lm = assay.lm.new { vocab = "tasks", d = 64, layers = 2, heads = 4, ctx = 16, seed = p.seed }
        lm:train {
            task = new_task(p), steps = p.steps, batch = p.batch, lr = 2e-3, warmup = math.ceil(p.steps / 20),
            schedule = "linear", optimizer = "adamw", answer_only = true, seed = p.seed,
            on_step = function(s) cell:progress(s.step, p.steps) end,
        }
        return lm
    end)
end

-- Held-out sums: { prompt = {language = list}, truth = list of digits }, none twice.
local function held_out(cell, task)
    local p, seen = cell.params, {}
    local out = { prompt = { rich = {}, middle = {}, rare = {} }, truth = {} }
    local i = 0
    while #out.truth < p.problems do
        i = i + 1
        local problem = task:problem(i, { split = "test", seed = p.seed })
        local language = languages[1]
        for _, name in ipairs(languages) do
            language = symbols[name]:find(problem.prompt:sub(1, 1), 1, true) and name or language
        end
        local prompt = canonical(problem.prompt, language)
        if not seen[prompt] then
            seen[prompt] = true
            table.insert(out.truth, canonical(problem.answer, language))
            for _, name in ipairs(languages) do
                table.insert(out.prompt[name], (prompt:gsub(".", into[name])))
            end
        end
    end
    return out
end

---- Samples ----

-- draw(language, temperature, min_p, n)[i] is problem i's list of { text =, logp = }, in digits. Equal
-- arguments draw equal samples, and fewer of them are the first of more.
local function sampler(cell, lm, problems)
    local rng = cell:rng "samples"
    return function(language, temperature, min_p, n)
        local name = ("%s %g %g"):format(language, temperature, min_p)
        local s = lm:sample(problems.prompt[language], {
            n = n, temperature = temperature, min_p = min_p, max_tokens = cell.params.digits + 2,
            rng = rng:split(name),
        })
        local pools = {}
        for i = 1, #problems.truth do
            pools[i] = {}
            for j = 1, n do
                local at = (i - 1) * n + j
                pools[i][j] = { text = canonical(s.text[at], language), logp = s.logp[at] }
            end
        end
        return pools
    end
end

---- Selection ----

local MOST = 20 -- samples of a problem at one temperature
local EVIDENCE = 10

-- All utilities of one problem: candidates (the greedy answer is number 0) for candidates and evidence.
local function compare_all(greedy, samples, evidence)
    local all = { q = {}, u = {}, x = {}, samples = samples }
    for i = 0, #samples do
        local mine = i == 0 and greedy or samples[i]
        all.u[i], all.x[i] = {}, {}
        for j = 0, #samples do
            all.u[i][j] = agreement(mine.text, (j == 0 and greedy or samples[j]).text)
        end
        for j, other in ipairs(evidence) do
            all.x[i][j] = agreement(mine.text, other.text)
        end
    end
    return all
end

local function choose_mbr(all, pool, evidence)
    local u, x = {}, {}
    for i, a in ipairs(pool) do
        u[i], x[i] = {}, evidence > 0 and {} or nil
        for j, b in ipairs(pool) do
            u[i][j] = all.u[a][b]
        end
        for j = 1, evidence do
            x[i][j] = all.x[a][j]
        end
    end
    return pool[inference.x_mbr(u, x).index]
end

local function choose_majority(all, pool)
    local u = {}
    for i, a in ipairs(pool) do
        u[i] = {}
        for j, b in ipairs(pool) do
            u[i][j] = all.u[a][b] == 1 and 1 or 0
        end
    end
    return pool[inference.mbr(u).index]
end

local function choose_by(pool, score)
    local scores = {}
    for i, a in ipairs(pool) do
        scores[i] = score(a)
    end
    return pool[inference.select_best(scores)]
end

-- The disjoint pools of n samples each, at most four; hedged: the greedy answer and n - 1 of them.
local function pools_of(count, n)
    local plain, hedged = {}, {}
    for first = 1, math.min(count - n + 1, 3 * n + 1), n do
        local a, b = {}, { 0 }
        for j = first, first + n - 1 do
            table.insert(a, j)
            if #b < n then
                table.insert(b, j)
            end
        end
        table.insert(plain, a)
        table.insert(hedged, b)
    end
    return plain, hedged
end

-- Each method's choice in a plain pool and its hedged twin.
local function choices(all, plain, hedged, evidence)
    return {
        ["greedy"] = 0,
        ["best by log-probability"] = choose_by(plain, function(a) return all.samples[a].logp end),
        ["majority"] = choose_majority(all, plain),
        ["MBR"] = choose_mbr(all, plain, 0),
        ["X-MBR"] = choose_mbr(all, plain, evidence),
        ["hedged MBR"] = choose_mbr(all, hedged, 0),
        ["hedged X-MBR"] = choose_mbr(all, hedged, evidence),
        ["oracle"] = choose_by(plain, function(a) return all.q[a] end),
    }
end

local function average(list, value)
    local sum = 0
    for _, entry in ipairs(list) do
        sum = sum + value(entry)
    end
    return sum / #list
end

local function hope_risk(all, pool)
    local best, worst = -math.huge, math.huge
    for _, a in ipairs(pool) do
        best, worst = math.max(best, all.q[a]), math.min(worst, all.q[a])
    end
    return best - all.q[0], worst - all.q[0]
end

-- One problem at one point of a sweep: means over its disjoint pools.
local function log_choices(cell, all, row, samples, evidence)
    local plain, hedged = pools_of(#all.samples, samples)
    local sums = {}
    for i, pool in ipairs(plain) do
        local chosen = choices(all, pool, hedged[i], evidence)
        chosen["one sample"] = pool[1]
        for method, at in pairs(chosen) do
            local sum = sums[method] or { q = 0, exact = 0, win = 0 }
            local single = all.q[pool[1]]
            sum.q = sum.q + all.q[at]
            sum.exact = sum.exact + (all.q[at] == 1 and 1 or 0)
            sum.win = sum.win + (all.q[at] > single and 1 or all.q[at] == single and 0.5 or 0)
            sums[method] = sum
        end
    end
    for method, sum in assay.sorted_pairs(sums) do
        local entry = { method = method, samples = samples, evidence = evidence, q = sum.q / #plain,
            exact = sum.exact / #plain, win = sum.win / #plain }
        for name, value in pairs(row) do
            entry[name] = value
        end
        cell:log(entry)
    end
    for name, list in assay.sorted_pairs { single = plain, hedged = hedged } do
        local entry = { pool = name, samples = samples,
            hope = average(list, function(pool) return (hope_risk(all, pool)) end),
            risk = average(list, function(pool) return select(2, hope_risk(all, pool)) end) }
        for key, value in pairs(row) do
            entry[key] = value
        end
        cell:log(entry)
    end
end

---- Sweeps ----

local function with_quality(all, greedy, truth)
    all.q[0] = agreement(greedy.text, truth)
    for j, sample in ipairs(all.samples) do
        all.q[j] = agreement(sample.text, truth)
    end
    return all
end

-- For every problem of a language at a temperature: visit(problem's id, its utilities)
local function each_problem(cell, context, language, temperature, visit)
    local p = cell.params
    local samples = context.draw(language, temperature, 0, MOST)
    local evidence = context.draw(evidence_of[language], temperature, 0, MOST + EVIDENCE)
    for i, truth in ipairs(context.problems.truth) do
        local greedy, others = context.greedy[language][i][1], {}
        for j = 1, EVIDENCE do
            others[j] = evidence[i][MOST + j]
        end
        local all = with_quality(compare_all(greedy, samples[i], others), greedy, truth)
        visit((p.seed - 1) * p.problems + i, all)
    end
end

local function list_of(text)
    local list = {}
    for number in text:gmatch "[^,%s]+" do
        table.insert(list, tonumber(number) or error("not a number: " .. number, 0))
    end
    return list
end

local function sweep_choices(cell, context, language, temperature)
    local p = cell.params
    local in_detail = temperature == 0.7 or temperature == 1.5
    each_problem(cell, context, language, temperature, function(id, all)
        local row = { language = language, temperature = temperature, problem = id }
        row.sweep = "temperature"
        log_choices(cell, all, row, 5, 3)
        for _, n in ipairs(in_detail and { 1, 2, 3, 5, 10, 20 } or {}) do
            row.sweep = "samples"
            log_choices(cell, all, row, n, 3)
        end
        for _, m in ipairs(in_detail and { 0, 1, 3, 5, 10 } or {}) do
            row.sweep = "evidence"
            log_choices(cell, all, row, 5, m)
        end
    end)
end

local function sweep_min_p(cell, context, language)
    for _, min_p in ipairs { 0, 0.05, 0.1, 0.2, 0.5 } do
        local samples = context.draw(language, 1.5, min_p, MOST)
        for i, truth in ipairs(context.problems.truth) do
            cell:log { sweep = "min_p", language = language, min_p = min_p, temperature = 1.5,
                problem = (cell.params.seed - 1) * cell.params.problems + i, method = "one sample",
                q = average(samples[i], function(s) return agreement(s.text, truth) end) }
        end
    end
end

local function run(cell)
    local p = cell.params
    local lm = model(cell)
    local problems = held_out(cell, new_task(p))
    local context = { problems = problems, draw = sampler(cell, lm, problems), greedy = {} }
    for _, language in ipairs(languages) do
        context.greedy[language] = context.draw(language, 0, 0, 1)
    end
    local temperatures = list_of(p.temperatures)
    for at, temperature in ipairs(temperatures) do
        for _, language in ipairs(languages) do
            sweep_choices(cell, context, language, temperature)
        end
        cell:progress(at, #temperatures + 1)
    end
    for _, language in ipairs(languages) do
        sweep_min_p(cell, context, language)
    end
end

---- Claims ----

local function difference(measure, where, a, b)
    return function(r)
        return r:where(where):compare { measure = measure, unit = "problem", above = 0, a = a, b = b }
    end
end

local function method_gain(language, temperature, better, worse)
    return difference("q", { sweep = "temperature", language = language, temperature = temperature },
        { method = better }, { method = worse })
end

local function riskier(language)
    return difference("risk", { sweep = "temperature", temperature = 1, pool = "single" },
        { language = "rich" }, { language = language })
end

-- (q at 5 - q at 1) - (q at 20 - q at 5) of MBR, T = 1.5, over all languages
local function diminishing(r)
    local mine = r:where { sweep = "samples", method = "MBR", temperature = 1.5 }
    if #mine == 0 then
        return { verdict = "inconclusive", message = "this run has no temperature 1.5" }
    end
    return mine:statistic { unit = "problem", above = 0, value = function(rows)
        local function at(n) return rows:where { samples = n }:mean("q", { unit = "problem" }) end
        return 2 * at(5) - at(1) - at(20)
    end }
end

return assay.experiment {
    name = "multilingual",
    title = "Few samples in a rich, a middle and a rare language",
    description = "A model that knows three alphabets unequally well adds numbers in them: temperatures, "
        .. "hedged pools, min-p, and selection by MBR and X-MBR. Answers are checked exactly; no judge. "
        .. "Evidence in the rich alphabet is nearly always right, which flatters X-MBR.",
    method = "multilingual",
    params = {
        seed = { default = { 1, 2, 3 }, min = 1, max = 1000000, doc = "training seeds: a model each" },
        problems = { default = 200, min = 2, max = 200, doc = "held-out sums, each in all languages" },
        digits = { default = 2, min = 1, max = 4, doc = "digits of the numbers" },
        steps = { default = 750, min = 1, max = 1000000,
            doc = "training steps; at 900 all three languages are learned, and little is left to choose" },
        batch = { default = 192, min = 1, max = 4096, doc = "sums a training step" },
        temperatures = { default = "0.3,0.7,1,1.5,2,3", doc = "sampling temperatures" },
    },
    presets = {
        quick = { seed = { 1, 2 }, problems = 60, steps = 600, temperatures = "0.7,1,1.5,2" },
        full = { problems = 200, steps = 750, temperatures = "0.3,0.7,1,1.5,2,3" },
    },
    replicates = 1,
    run = run,
    figures = {
        { name = "temperature", title = "Five samples, rare language", x = "temperature", y = "q",
            by = "method", where = { sweep = "temperature", language = "rare" }, unit = "problem",
            band = "ci95", xlabel = "temperature", ylabel = "share of right digits" },
        { name = "temperature_middle", title = "Five samples, middle language", x = "temperature", y = "q",
            by = "method", where = { sweep = "temperature", language = "middle" }, unit = "problem",
            band = "ci95", xlabel = "temperature", ylabel = "share of right digits" },
        { name = "samples", title = "N samples, rare language, T = 1.5", x = "samples", y = "q",
            by = "method", where = { sweep = "samples", language = "rare", temperature = 1.5 }, unit = "problem",
            logx = true, band = "ci95", xlabel = "samples N", ylabel = "share of right digits" },
        { name = "samples_middle", title = "N samples, middle language, T = 1.5", x = "samples",
            y = "q", by = "method", where = { sweep = "samples", language = "middle", temperature = 1.5 },
            unit = "problem", logx = true, band = "ci95", xlabel = "samples N", ylabel = "share of right digits" },
        { name = "evidence", title = "Evidence in another language, T = 0.7", x = "evidence", y = "q",
            by = "language", where = { sweep = "evidence", temperature = 0.7, method = "hedged X-MBR" },
            unit = "problem", band = "ci95", xlabel = "samples of evidence M", ylabel = "share of right digits" },
        { name = "min_p", title = "One sample at T = 1.5", x = "min_p", y = "q", by = "language",
            where = { sweep = "min_p" }, unit = "problem", band = "ci95", xlabel = "min-p",
            ylabel = "share of right digits" },
        { name = "risk", title = "The worst of five less the greedy one", x = "temperature", y = "risk",
            by = { "language", "pool" }, where = { sweep = "temperature" }, unit = "problem", band = "ci95",
            xlabel = "temperature", ylabel = "share of right digits" },
        { name = "wins", title = "Win rate over one sample, rare language", x = "temperature", y = "win",
            by = "method", where = { sweep = "temperature", language = "rare" }, unit = "problem", band = "ci95",
            xlabel = "temperature", ylabel = "win rate (ties are halves)", lines = { { y = 0.5 } } },
    },
    claims = {
        { name = "risk_middle", text = "T = 1: the worst of five samples loses more in the middle language than in the rich",
            check = riskier "middle" },
        { name = "risk_rare", text = "T = 1: it loses more in the rare language than in the rich",
            check = riskier "rare" },
        { name = "hedging_middle", text = "T = 2: hedging helps MBR in the middle language",
            check = method_gain("middle", 2, "hedged MBR", "MBR") },
        { name = "hedging_rare", text = "T = 2: hedging helps MBR in the rare language",
            check = method_gain("rare", 2, "hedged MBR", "MBR") },
        { name = "cross_rare", text = "T = .7: evidence in the rich language helps hedged MBR in the rare one",
            check = method_gain("rare", 0.7, "hedged X-MBR", "hedged MBR") },
        { name = "min_p_middle", text = "T = 1.5: min-p of .1 helps a sample in the middle language",
            check = difference("q", { sweep = "min_p", language = "middle" }, { min_p = 0.1 }, { min_p = 0 }) },
        { name = "diminishing", text = "T = 1.5: MBR gains less from 5 to 20 samples than from 1 to 5",
            check = diminishing },
    },
}
