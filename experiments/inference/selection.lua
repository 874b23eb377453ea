#!/usr/bin/env -S assay run
-- Every selector over a log of graded samples, and how sure its curve is.
--
-- A log of your own model (assay import samples LOG.jsonl --name NAME) gives, with one command,
--
--     assay run selection log=samples:NAME
--
-- coverage (what an oracle would choose), majority, best of n by reward, the vote weighted by it, MBR
-- with a utility between texts, X-MBR where a column tells evidence in another language, and a
-- checklist (the offline form of CHOPS) where columns hold its checks; each over the number of samples
-- k. Without a log it takes the published answers of CodeLlama-7B to CRUXEval, whose rewards and
-- checks are not known: coverage, majority and MBR.
--
-- Two intervals go with a curve. The one over problems says how far it would move for other problems
-- of the kind; the one over samples, how far for other samples of the same problems. The curves of
-- resampled logs give the second: samples are drawn with replacement within each problem, which shows
-- at large k what a single log hides, since pass@k of all samples knows no spread.
--
-- Rows: (selector, k, problem, success) for the curves; (selector, k, resample, over, resampled) for
-- resampled logs.
local assay = require "assay"
local inference = assay.inference

local selectors = { "coverage", "majority", "best_of_n", "weighted_majority", "mbr", "x_mbr", "checklist" }
local names = { coverage = "oracle (coverage)" }

-- The published answers of the first problems: a digit names a class of equal answers.
local function cruxeval(problems)
    local file = assay.data.csv(assay.data.find "monkeys/cruxeval_output_codellama7b.csv")
    local log = { problem = {}, answer = {}, correct = {} }
    for i = 1, math.min(problems, #file.answers) do
        for digit in tostring(file.answers[i]):gmatch "%x" do
            local class = tonumber(digit, 16)
            table.insert(log.problem, file.problem_id[i])
            table.insert(log.answer, class == 0 and "" or digit)
            table.insert(log.correct, tonumber(file.class_correct[i]:sub(class, class)) or 0)
        end
    end
    return log
end

local function read(cell)
    local p = cell.params
    if p.log == "cruxeval" then
        return cruxeval(p.problems)
    end
    return cell:samples(p.log)
end

-- A comma-separated list, or nil when it is empty.
local function words(text)
    local list = {}
    for word in text:gmatch "[^,%s]+" do
        table.insert(list, word)
    end
    return #list > 0 and list or nil
end

local function given(text)
    return text ~= "" and text or nil
end

local function options_of(cell, permutations)
    local p = cell.params
    return {
        utility = p.utility ~= "none" and p.utility or nil, text = given(p.text), cross = given(p.cross),
        cross_weight = p.cross ~= "" and p.cross_weight or nil, checks = words(p.checks),
        reward = given(p.reward), permutations = permutations,
    }
end

local function curves_of(cell, log, k, rng, permutations)
    local options = options_of(cell, permutations)
    options.k, options.rng = k, rng
    return inference.selection_curves(log, options)
end

local function log_problems(cell, curves)
    for _, selector in ipairs(selectors) do
        local success = curves.per_problem[selector]
        for i = 1, success and #success or 0 do
            for j, k in ipairs(curves.k) do
                cell:log { selector = names[selector] or selector, k = k, problem = i, success = success[i][j] }
            end
        end
    end
end

local function log_resample(cell, curves, over, resample)
    for _, selector in ipairs(selectors) do
        for j, k in ipairs(curves[selector] and curves.k or {}) do
            cell:log { selector = names[selector] or selector, k = k, over = over, resample = resample,
                resampled = curves[selector][j] }
        end
    end
end

local function run(cell)
    local p = cell.params
    local log = read(cell)
    local curves = curves_of(cell, log, nil, cell:rng "curves", p.permutations)
    local k = {}
    for i, of_grid in ipairs(inference.coverage_grid(curves.k[#curves.k], { points = p.points })) do
        k[i] = of_grid
    end
    log_problems(cell, curves_of(cell, log, k, cell:rng "curves", p.permutations))
    for resample = 1, p.resamples do
        for _, over in ipairs { "samples", "problems" } do
            local rng = cell:rng(over):split(resample)
            local drawn = inference.resample_log(log, { over = over, rng = rng:split "log" })
            -- an empty answer stays one; a resample's own permutations need not be many
            log_resample(cell, curves_of(cell, drawn, k, rng:split "curves", p.resample_permutations), over, resample)
        end
        cell:progress(resample, p.resamples)
    end
end

---- Claims ----

-- Success of a selector less that of one sample, at the largest k, problem by problem.
local function gain(selector)
    return function(r)
        local mine = r:where { selector = selector }
        if #mine:values "success" == 0 then
            return { verdict = "inconclusive", message = "this log has no " .. selector }
        end
        return r:compare { measure = "success", unit = "problem", above = 0,
            a = { selector = selector, k = mine:max "k" }, b = { selector = selector, k = 1 } }
    end
end

local function behind_oracle(r)
    local k = r:max "k"
    return r:compare { measure = "success", unit = "problem", above = 0,
        a = { selector = "oracle (coverage)", k = k }, b = { selector = "majority", k = k } }
end

-- Is the spread over problems larger than that over samples? The ratio of the standard deviations of
-- resampled curves of majority at the largest k.
local function which_spread(r)
    local spread = {}
    for _, over in ipairs { "problems", "samples" } do
        local values = r:where { over = over, selector = "majority", k = r:max "k" }:values "resampled"
        if #values < 2 then
            return { verdict = "inconclusive", message = "this log has no majority" }
        end
        spread[over] = assay.stats.sd(values)
    end
    local ratio = spread.problems / spread.samples
    return { verdict = ratio > 1 and "supported" or "not supported", estimate = ratio,
        message = ("standard errors: problems %.4f, samples %.4f"):format(spread.problems, spread.samples) }
end

return assay.experiment {
    name = "selection",
    title = "Every selector over the samples of a log",
    description = "Coverage and selection curves of a log of graded samples, yours or published ones, with "
        .. "intervals over problems and over samples.",
    method = { "monkeys", "multilingual" },
    params = {
        log = { default = "cruxeval", doc = "a file of samples, samples:NAME, or cruxeval (published answers)" },
        problems = { default = 800, min = 2, max = 800, doc = "cruxeval: problems" },
        utility = { default = "exact", choices = { "exact", "token_f1", "chrf", "edit", "none" },
            doc = "MBR: how texts are compared" },
        text = { default = "", doc = "MBR: the column that is compared (answer, else text)" },
        reward = { default = "", doc = "the column of rewards (reward, where there is one)" },
        cross = { default = "", doc = "X-MBR: the column that is true for evidence in another language" },
        cross_weight = { default = 1.0, min = 0, doc = "X-MBR: weight of a piece of that evidence" },
        checks = { default = "", doc = "checklist: the columns of its checks, separated by commas" },
        points = { default = 12, min = 2, max = 1000, doc = "values of k, even in log k" },
        permutations = { default = 100, min = 1, max = 100000, doc = "random orders behind a drawn curve" },
        resamples = { default = 100, min = 2, max = 100000, doc = "resampled logs" },
        resample_permutations = { default = 10, min = 1, max = 100000, doc = "random orders of a resampled log" },
    },
    presets = {
        quick = { problems = 800, resamples = 100 },
        full = { problems = 800, resamples = 400, permutations = 1000, resample_permutations = 50 },
    },
    replicates = 1,
    run = run,
    figures = {
        { name = "selection", title = "Choosing among k samples (95 %)", x = "k", y = "success",
            by = "selector", unit = "problem", logx = true, band = "ci95", xlabel = "samples k",
            ylabel = "problems solved" },
        { name = "samples", title = "Had the samples been others (1 se)", x = "k",
            y = "resampled", by = "selector", where = { over = "samples" }, unit = "resample", logx = true,
            band = "sd", xlabel = "samples k", ylabel = "problems solved" },
        { name = "problems", title = "Had the problems been others (1 se)", x = "k", y = "resampled",
            by = "selector", where = { over = "problems" }, unit = "resample", logx = true, band = "sd",
            xlabel = "samples k", ylabel = "problems solved" },
    },
    claims = {
        { name = "coverage_grows", text = "An oracle gains by more samples", check = gain "oracle (coverage)" },
        { name = "majority_gains", text = "The majority gains by more samples", check = gain "majority" },
        { name = "best_gains", text = "Best of n gains by more samples", check = gain "best_of_n" },
        { name = "mbr_gains", text = "MBR gains by more samples", check = gain "mbr" },
        { name = "oracle_gap", text = "At the largest k the majority is behind the oracle", check = behind_oracle },
        { name = "problems_vary_more", check = which_spread,
            text = "Majority at the largest k: other problems would move it more than other samples" },
    },
}
