-- Applications of the inference family: logs of samples, series of yes and no, tables of scores.
local assay, import = ...
local check = import "check"
local kind = import "apply_kind"
local lists = import "lists"
local inference = assay.inference

-- ---- columns of a log ----

local function numbers(input, name, flag)
    local column = kind.column(input, name, flag)
    for i, value in ipairs(column) do
        if type(value) ~= "number" or value ~= value then
            check.fail(flag, "must be a column with a number in each row, got %s in row %d of %s",
                value ~= value and "none" or check.show(value), i, check.show(name))
        end
    end
    return column
end

local function is_empty(value)
    return value == nil or value == "" or value ~= value
end

-- The column that is compared: the one named, answer, else text.
local function compared(input, name)
    local fallback = lists.contains(input.source.names, "answer") and "answer" or "text"
    return kind.column(input, name or fallback, name and "--text" or "the log")
end

local function pick(column, rows)
    return lists.map(rows, function(i) return column[i] end)
end

-- ---- one sample a problem ----

-- choose(rows, problem) -> position among `rows` or nil (no choice), and what else is told of it by name.
-- The log's rows that are chosen, with columns of that.
local function choice(input, told, choose)
    local index, more = {}, {}
    for _, name in ipairs(told) do
        more[name] = {}
    end
    for _, problem in ipairs(input.problems) do
        local at, facts = choose(problem.rows, problem.name)
        if at then
            index[#index + 1] = problem.rows[at]
            for _, name in ipairs(told) do
                more[name][#index] = facts[name]
            end
        end
    end
    local result = kind.rows(input.source, index)
    result.names = table.move(result.names, 1, #result.names, 1, {})
    for _, name in ipairs(told) do
        if not result.columns[name] then
            result.names[#result.names + 1] = name
        end
        result.columns[name] = more[name]
    end
    result.undecided = #input.problems - #index
    return result
end

local function undecided(result)
    return result.undecided > 0 and { { "problems without a choice", result.undecided } } or {}
end

-- The class of the largest weight; of equal ones the first met, or any with an rng.
local function heaviest(order, weight, rng)
    local best, tied = nil, {}
    for _, answer in ipairs(order) do
        if not best or weight[answer] > weight[best] then
            best, tied = answer, { answer }
        elseif weight[answer] == weight[best] then
            tied[#tied + 1] = answer
        end
    end
    return rng and #tied > 1 and tied[rng:integer(1, #tied)] or best, #tied > 1
end

local function vote(input, o, weights)
    local answers = kind.column(input, o.answer, "--answer")
    local rng = o.ties == "random" and o.rng or nil
    return choice(input, { "votes", "samples", "tied" }, function(rows)
        local order, weight, first = {}, {}, {}
        for at, i in ipairs(rows) do
            local answer = answers[i]
            if not is_empty(answer) then
                if not weight[answer] then
                    order[#order + 1], weight[answer], first[answer] = answer, 0, at
                end
                weight[answer] = weight[answer] + (weights and weights[i] or 1)
            end
        end
        local best, tied = heaviest(order, weight, rng)
        return best and first[best], { votes = weight[best], samples = #rows, tied = tied }
    end)
end

local function weighted(input, o)
    local weights = numbers(input, o.reward, "--reward")
    for i, weight in ipairs(weights) do
        if weight < 0 then
            check.fail("--reward", "must be a column of weights of at least 0, got %s in row %d", check.show(weight), i)
        end
    end
    return vote(input, o, weights)
end

local function best_of_n(input, o)
    local rewards = numbers(input, o.reward, "--reward")
    return choice(input, { "samples" }, function(rows)
        return inference.select_best(pick(rewards, rows)), { samples = #rows }
    end)
end

local function texts_of(column, rows)
    return lists.map(rows, function(i) return is_empty(column[i]) and "" or tostring(column[i]) end)
end

local function mbr(input, o)
    local text = compared(input, o.text)
    return choice(input, { "utility", "samples" }, function(rows)
        local texts = texts_of(text, rows)
        local chosen = inference.mbr(inference.utility(texts, texts, { metric = o.metric }),
            { include_self = not o.exclude_self or #rows == 1 })
        return chosen.index, { utility = chosen.scores[chosen.index], samples = #rows }
    end)
end

local function x_mbr(input, o)
    local text, cross = compared(input, o.text), kind.column(input, o.cross, "--cross")
    return choice(input, { "utility", "samples" }, function(rows, problem)
        local own, other, at = {}, {}, {}
        for position, i in ipairs(rows) do
            if cross[i] == 1 or cross[i] == "true" then
                other[#other + 1] = i
            else
                own[#own + 1], at[#at + 1] = i, position
            end
        end
        if #own == 0 then
            check.fail("--cross", "must be false for a row of each problem, but %s has none", check.show(problem))
        end
        local candidates, evidence = texts_of(text, own), texts_of(text, other)
        local u = inference.utility(candidates, candidates, { metric = o.metric })
        local chosen = #other == 0 and inference.mbr(u) or inference.x_mbr(u,
            inference.utility(candidates, evidence, { metric = o.metric }), { cross_weight = o.cross_weight })
        return at[chosen.index], { utility = chosen.scores[chosen.index], samples = #own }
    end)
end

local function checklist(input, o)
    local columns = lists.map(o.checks, function(name) return numbers(input, name, "--checks") end)
    local weights = o.weights and lists.map(o.weights, function(text)
        return tonumber(text) or check.fail("--weights", "must be numbers, got %s", check.show(text))
    end)
    return choice(input, { "checks_met", "samples" }, function(rows)
        local checks = lists.map(columns, function(column) return pick(column, rows) end)
        local chosen = inference.checklist_select(assay.matrix(checks):transpose(), { weights = weights })
        return chosen.index, { checks_met = chosen.scores[chosen.index], samples = #rows }
    end)
end

-- ---- estimates ----

local function grades(input)
    local correct, n, c = kind.column(input, "correct", "the log"), {}, {}
    for p, problem in ipairs(input.problems) do
        n[p], c[p] = 0, 0
        for _, i in ipairs(problem.rows) do
            local grade = correct[i]
            if grade ~= 0 and grade ~= 1 and grade == grade then
                check.fail("the column correct", "must be true or false, got %s in row %d", check.show(grade), i)
            end
            n[p] = n[p] + (grade == grade and 1 or 0)
            c[p] = c[p] + (grade == 1 and 1 or 0)
        end
        if n[p] == 0 then
            check.fail("the log", "has no graded sample of problem %s", check.show(problem.name))
        end
    end
    return n, c
end

local function pass_at_k(input, o)
    local n, c = grades(input)
    local k = o.k and lists.map(o.k, function(text)
        return math.tointeger(tonumber(text) or nil) or check.fail("--k", "must be whole numbers, got %s",
            check.show(text))
    end)
    local f = o.all and inference.pass_hat_k or inference.pass_at_k
    local r = f(n, c, { k = k, bootstrap = o.bootstrap, level = o.level, rng = o.rng })
    return { names = { "k", "pass", "se", "low", "high" }, rows = #r.k,
        columns = { k = r.k, pass = r.mean, se = r.se, low = r.low, high = r.high } }
end

local function resample_log(input, o)
    local columns = inference.resample_log(input.columns, { rng = o.rng, over = o.over })
    return { names = input.source.names, columns = columns, rows = #columns.problem }
end

local function advantage(input, o)
    local rewards = numbers(input, o.reward, "--reward")
    local r = assay.rollout.advantage(rewards, { group = input.columns.problem, kind = o.kind, ddof = o.ddof })
    return { columns = { { "advantage", r.advantage } }, effective = r.effective_ratio }
end

-- ---- yes or no ----

local answers = { yes = 1, no = 0, ["true"] = 1, ["false"] = 0, heads = 1, tails = 0, [1] = 1, [0] = 0 }

-- Every number that the battery tells, as rows of a table: "runs.z", 0.31.
local function flatten(value, path, out)
    for key, entry in lists.sorted_pairs(value) do
        local name = path == "" and tostring(key) or path .. "." .. key
        if type(entry) == "table" then
            flatten(entry, name, out)
        elseif type(entry) == "number" or type(entry) == "boolean" then
            table.insert(out.columns.quantity, name)
            table.insert(out.columns.value, type(entry) == "number" and entry or entry and 1 or 0)
        end
    end
end

local function binary_battery(input, o)
    local column = kind.column(input, o.column, "--column")
    local series = {}
    for i, value in ipairs(column) do
        series[i] = answers[type(value) == "string" and string.lower(value) or value]
        if not series[i] then
            check.fail("--column", "must be a column of yes and no, true and false, 1 and 0, got %s in row %d",
                check.show(value), i)
        end
    end
    local out = { names = { "quantity", "value" }, columns = { quantity = {}, value = {} } }
    local r = inference.binary_battery(series, { alpha = o.alpha, lags = o.lags, block = o.block })
    flatten(r, "", out)
    out.rows, out.random = #out.columns.value, r.verdict.random
    return out
end

-- ---- scores ----

local estimates = {
    ["plackett-luce"] = function(scores, o)
        local fit = inference.plackett_luce(inference.to_pairwise(scores).counts, { alpha = o.alpha, se = true })
        return fit.theta, fit.se
    end,
    ["bradley-terry"] = function(scores, o)
        local pairs_won = inference.to_pairwise(scores)
        return inference.bradley_terry(pairs_won.wins, pairs_won.ties, { alpha = o.alpha })
    end,
    elo = function(scores, o) return inference.elo(inference.to_matches(scores), { rng = o.rng }) end,
    borda = function(scores)
        local pairs_won = inference.to_pairwise(scores)
        return inference.borda(pairs_won.wins, pairs_won.ties)
    end,
    dowdall = function(scores)
        local pairs_won = inference.to_pairwise(scores)
        return inference.dowdall(pairs_won.wins, pairs_won.ties)
    end,
    mean = function(scores) return inference.mean_score(scores).mean end,
}

local function rank(input, o)
    local pool = inference.score_table(input.columns, { tags = o.tags })
    local estimate, se = estimates[o.method](pool.scores, o)
    local order = {}
    for i = 1, #pool.models do
        order[i] = i
    end
    table.sort(order, function(a, b)
        if estimate[a] ~= estimate[b] then
            return estimate[a] > estimate[b] or estimate[b] ~= estimate[b] and estimate[a] == estimate[a]
        end
        return a < b
    end)
    local columns = { rank = {}, model = pick(pool.models, order), score = pick(estimate, order) }
    for i in ipairs(order) do
        columns.rank[i] = i
    end
    columns.se = se and pick(se, order)
    return { names = se and { "rank", "model", "score", "se" } or { "rank", "model", "score" }, columns = columns,
        rows = #order }
end

-- ---- the list ----

local answer = { "answer", default = "answer", argument = "COLUMN", doc = "the column of answers" }
local reward = { "reward", default = "reward", argument = "COLUMN", doc = "the column of rewards" }
local ties = { "ties", default = "first", choices = { "first", "random" },
    doc = "which of equally frequent answers: the first met, or any" }
local text = { "text", type = "string", argument = "COLUMN", doc = "the column that is compared; without it answer, "
    .. "else text" }
local metric = { "metric", default = "chrf", choices = { "exact", "token_f1", "chrf", "edit" },
    doc = "how much texts agree" }

local function selector(name, method, title, run, options, random)
    return { name = name, method = method, title = title, input = "log", run = run, options = options,
        random = random, notes = undecided }
end

return {
    selector("majority", "monkeys", "The most frequent answer to each problem", vote, { answer, ties }, true),
    selector("weighted-majority", "monkeys", "The answer with the largest sum of rewards", weighted,
        { answer, reward, ties }, true),
    selector("best-of-n", "monkeys", "The sample with the largest reward of each problem", best_of_n, { reward }),
    selector("mbr", "multilingual", "The sample that agrees most with the others (MBR)", mbr, { text, metric,
        { "exclude_self", type = "flag", doc = "a sample doesn't vote for itself" } }),
    selector("x-mbr", "multilingual", "MBR with evidence in another language (X-MBR)", x_mbr, { text, metric,
        { "cross", type = "string", required = true, argument = "COLUMN",
            doc = "true for rows that are evidence and can't be chosen" },
        { "cross_weight", default = 1.0, min = 0, doc = "weight of a piece of that evidence" } }),
    selector("checklist", "multilingual", "The sample that meets most checks", checklist, {
        { "checks", type = "list", required = true, doc = "columns of checks, each in 0..1" },
        { "weights", type = "list", doc = "weights of the checks; without it 1" } }),
    { name = "pass-at-k", method = "monkeys", title = "Estimates of pass@k: the chance that one of k is correct",
        input = "log", random = true, run = pass_at_k, options = {
            { "k", type = "list", argument = "K,K", doc = "values of k; without it some up to the fewest samples" },
            { "all", type = "flag", doc = "pass^k: the chance that all k are correct" },
            { "bootstrap", default = 1000, min = 1, max = 1000000, doc = "resamples of the problems" },
            { "level", default = 0.95, above = 0, max = 0.999999, doc = "of the intervals low..high" } } },
    { name = "resample-log", method = "monkeys", title = "The log, drawn again with replacement", input = "log",
        random = true, run = resample_log, options = {
            { "over", default = "samples", choices = { "samples", "problems", "both" }, doc = "what is drawn" } } },
    { name = "advantage", title = "What its problem's rewards say of each sample: the column advantage",
        input = "log", run = advantage, options = { reward,
            { "kind", default = "grpo", choices = { "grpo", "dr_grpo", "rloo", "raft" }, doc = "the estimator" },
            { "ddof", default = 1, min = 0, doc = "the divisor of a deviation is the group's size less this" } },
        notes = function(result) return { { "share of problems with unequal rewards", result.effective } } end },
    { name = "binary-battery", method = "binary-bias", title = "Are yes/no answers coin flips: all tests",
        input = "table", run = binary_battery, options = {
            { "column", type = "string", required = true, argument = "COLUMN", doc = "the answers, in their order" },
            { "alpha", default = 0.05, above = 0, max = 0.5, doc = "level of the verdict" },
            { "lags", default = 3, min = 1, max = 64, doc = "lags of autocorrelations" },
            { "block", default = 3, min = 1, max = 12, doc = "length of blocks" } },
        notes = function(result) return { { "random", result.random } } end },
    { name = "rank", method = "onebench", title = "Models ranked by their scores on items", input = "table",
        random = true, run = rank, options = {
            { "method", default = "plackett-luce", choices = lists.sorted_keys(estimates), doc = "the estimate" },
            { "alpha", default = 0.01, min = 0, doc = "regularisation of plackett-luce and bradley-terry" },
            { "tags", type = "list", doc = "columns of numbers that are no model's" } } },
}
