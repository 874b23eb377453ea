-- assay.inference beyond the golden cases: shapes of results, options, the words of refusals, and
-- selection curves over logs.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference

-- coverage
local pass = inf.pass_at_k(4, { 1, 2, 0 })
tap.is(pass.k, { 1, 2, 3, 4 }, "without k: the paper's grid to the smallest n, integers")
tap.near(pass.mean, { 0.25, (0.5 + 5 / 6) / 3, (0.75 + 1) / 3, 2 / 3 }, 1e-15, "mean")
tap.is({ #pass.per_problem, #pass.per_problem[1], pass.low }, { 3, 4 }, "per_problem is problems x k; no band unasked")
tap.near(inf.pass_hat_k({ 4, 4, 4 }, { 1, 2, 0 }, { k = 2 }).mean, { 1 / 18 }, 1e-15, "pass_hat_k; k may be a number")
local band = inf.pass_at_k(4, { 1, 2, 0, 3, 4 }, { k = { 1, 4 }, bootstrap = 200, rng = assay.rng(1) })
tap.ok(band.low[1] < band.mean[1] and band.mean[1] < band.high[1] and band.high[2] <= 1, "bootstrap")
local wider = inf.pass_at_k(4, { 1, 2, 0, 3, 4 }, { k = { 1, 4 }, bootstrap = 200, level = 0.5, rng = assay.rng(1) })
tap.ok(wider.low[1] > band.low[1] and wider.high[1] < band.high[1], "a lower level is narrower")
tap.is(inf.coverage_grid(100, { points = 3 }), { 1, 10, 100 }, "coverage_grid")
tap.is(#inf.coverage_grid(10000), 37, "40 points, less duplicates")
local reach = inf.samples_to_reach(40, { 1, 2, 4, 8, 0, 20 }, { coverage = 0.99 })
tap.is(reach.k, 40, "samples_to_reach beyond the curve")
tap.near(reach.coverage, 5 / 6, 1e-15, "and what it reaches")
tap.is(inf.coverage_overlay { { n = 1000, c = { 100 } }, { n = { 1000 }, c = { 500 } } },
    { anchor = 0.5, shift = { 7, 1 } }, "coverage_overlay")

-- laws
local k, y = { 1, 2, 5, 10, 100 }, {}
for i, v in ipairs(k) do
    y[i] = math.exp(-2 * v ^ -0.4)
end
local law = inf.fit_power_law(k, y)
tap.is({ law.space, law.points, law.dropped }, { "log", 5, 0 }, "fit_power_law's default space")
tap.near({ law.low.a, law.high.b }, { -2, -0.4 }, 1e-6, "intervals close on exact data")
tap.near(inf.predict_power_law(law, 100), y[5], 1e-8, "predict a number")
tap.near(inf.predict_power_law({ a = -2, b = -0.4 }, k), y, 1e-12, "predict a list")
local line = inf.fit_log_linear({ 1, 10, 100, 1000 }, { 9, 0.1, 0.2, 0.3 }, { from = 10, to = 1000 })
tap.near({ line.intercept, line.slope, line.r2, line.points }, { 0, 0.1, 1, 3 }, 1e-12, "fit_log_linear on a range")

-- distributions
local uniform = { alpha = 1, beta = 1 }
tap.near(inf.beta_binomial_logpmf(3, 9, uniform), -math.log(10), 1e-12, "logpmf of a number")
tap.near(inf.kumaraswamy_binomial_logpmf({ 0, 4 }, { 4, 9 }, uniform), { -math.log(5), -math.log(10) }, 1e-10, "of a list")
tap.near(inf.kumaraswamy_binomial_nll(9, { 1, 2, 3 }, uniform).nll, math.log(10), 1e-10, "nll")
tap.near(inf.pass_at_k_beta(3, uniform).pass_at_k, 0.75, 1e-12, "forecast of a number")
local n, c, rng = {}, {}, assay.rng(4)
for i = 1, 300 do
    n[i], c[i] = 200, rng:binomial(200, rng:beta(0.4, 3))
end
local counts = inf.fit_beta_binomial(n, c, { scale = 1 })
local bins = inf.fit_beta_binomial(n, c, { scale = 1, method = "discretised", bins_per_decade = 5 })
tap.near({ counts.power_law_exponent, bins.alpha }, { 0.4, 0.4 }, 0.12, "fits of drawn counts")
tap.is({ counts.at_bound, counts.scale }, { false, 1.0 }, "at_bound, scale")
tap.ok(counts.refit_exponent > counts.alpha and counts.refit_exponent < 0.7,
    "k up to 10^4 is not yet the asymptote: the second way's exponent is larger")
tap.ok(inf.fit_kumaraswamy_binomial(n, c).scale < 1, "scale is estimated unless given")

-- votes
local answers, right = { 1, 1, 2, 0, 0, 0 }, { true, false }
local vote = inf.majority_vote(answers, right)
tap.is({ vote.method, vote.k, vote.sd }, { "exact", { 1, 2, 3, 4, 5, 6 } }, "majority_vote: exact at every k by default")
tap.near({ vote.accuracy[1], vote.accuracy[6] }, { 2 / 6, 0 }, 1e-15, "three empty answers (0) are one class, and wrong")
local all = inf.majority_vote(answers, right, { method = "all_subsets" })
tap.near(all.accuracy, vote.accuracy, 1e-14, "all subsets")
local drawn = inf.majority_vote(answers, right, { method = "subsets", draws = 3000, k = { 1, 3 }, rng = assay.rng(2) })
tap.near(drawn.accuracy, { vote.accuracy[1], vote.accuracy[3] }, 0.04, "drawn subsets")
tap.near(drawn.sd[1], math.sqrt(2 / 9), 0.02, "their sd")
local prefixes = inf.majority_vote(answers, right, { method = "permutation", draws = 3000, rng = assay.rng(3) })
tap.near(prefixes.accuracy, vote.accuracy, 0.04, "drawn permutations")
tap.is(inf.majority_vote(answers, right, { permutations = { { 1, 2, 3, 4, 5, 6 } } }).accuracy,
    { 1.0, 1.0, 1.0, 1.0, 0.5, 0.0 }, "a given permutation needs no method")
local weighted = inf.weighted_vote({ 1, 2, 2 }, { 5, 1, 1 }, { 1, 0 }, { method = "all_subsets" })
tap.near(weighted.accuracy, { 1 / 3, 2 / 3, 1 }, 1e-15, "weighted_vote")
local many, one = {}, { 1, 0 }
for i = 1, 401 do
    many[i] = 1 + i % 2
end
tap.is(inf.majority_vote(many, one, { k = 1, draws = 10, rng = assay.rng(1) }).method, "permutation",
    "more than 400 answers: permutations by default")
local best = inf.best_of_n({ 0.5, -math.huge, 2 }, { false, true, true })
tap.near(best.accuracy, { 2 / 3, 2 / 3, 1 }, 1e-15, "best_of_n with a reward of -inf")
tap.is(best.value[1], -math.huge, "whose mean is -inf")
tap.near(best.oracle, { 2 / 3, 1, 1 }, 1e-15, "oracle")

-- cost
local flops = inf.flops({ params = 10, layers = 1, dim = 1 }, { prompt = 2, decode = 1, completions = 3 })
-- f(t) = 2 (10 + 2 t): the prompt 24 + 28, each completion 32
tap.is({ flops.total, flops.prompt, flops.per_completion }, { 148.0, 52.0, 32.0 }, "flops")
local cost = inf.api_cost { problems = 10, attempts = { 1, 4 }, prompt_tokens = 5e5, completion_tokens = 1e5,
    prompt_price = 2, completion_price = 10, prompt_cached = true }
tap.near({ cost.total[1], cost.total[2], cost.relative[2] }, { 20, 50, 2.5 }, 1e-12, "api_cost by tokens")
local a = inf.cost_curve({ 1, 1000 }, { 0.1, 0.7 }, { per_attempt = 1 })
local b = inf.cost_curve({ 1, 100 }, { 0, 0.8 }, { per_attempt = 1 })
tap.is(a, { cost = { 1.0, 1000.0 }, coverage = { 0.1, 0.7 } }, "cost_curve")
tap.near(inf.cost_curve({ 1, 100 }, { 0, 0.8 }, { per_attempt = 2, fixed = 1, at = { 3, 2 } }).coverage,
    { 0, 0 / 0 }, 1e-15, "interpolated at costs, NaN outside")
local crossing = inf.cost_crossings(a, b)
tap.is({ #crossing, crossing[1].better }, { 1, "b" }, "cost_crossings")
tap.near({ crossing[1].cost, crossing[1].coverage }, { math.sqrt(10), 0.2 }, 1e-12, "where")

-- selection over a log
local log, columns = {}, { problem = {}, answer = {}, correct = {}, reward = {} }
local function add(problem, answer, correct, reward)
    log[#log + 1] = { problem = problem, answer = answer, correct = correct, reward = reward }
    local i = #log
    columns.problem[i], columns.answer[i], columns.correct[i], columns.reward[i] = problem, answer, correct and 1 or 0, reward
end
add("sum", "4", true, 0.9)
add(7, 1, true, 0.2)
add("sum", "5", false, 0.5)
add("sum", "", false, 0.1)
add(7, 2, false, 0.4)
add("sum", "4", true, 0.3)
add(7, 2, false, 0.4)
add(7, 1.0, true, 0.3)
local options = { k = { 1, 2, 4 }, rng = assay.rng(5) }
local curves = inf.selection_curves(log, options)
local function of(problem)
    return problem == 1 and { 1, 2, 3, 1 } or { 1, 2, 2, 1 }, problem == 1 and { 0.9, 0.5, 0.1, 0.3 } or { 0.2, 0.4, 0.4, 0.3 },
        problem == 1 and { 1, 0, 0, 1 } or { 1, 0, 0, 1 }
end
tap.is(curves.problems, { "sum", 7 }, "problems in order of appearance")
tap.is(curves.k, { 1, 2, 4 }, "k")
for p = 1, 2 do
    local classes, reward, correct = of(p)
    tap.near(curves.per_problem.majority[p]:totable(),
        inf.majority_vote(classes, { 1, 0, 0 }, { k = options.k }).accuracy, 1e-15, "majority of problem " .. p)
    tap.near(curves.per_problem.best_of_n[p]:totable(),
        inf.best_of_n(reward, correct, { k = options.k }).accuracy, 1e-15, "best_of_n of problem " .. p)
    tap.near(curves.per_problem.weighted_majority[p][3],
        inf.weighted_vote(classes, reward, { 1, 0, 0 }, { k = 4, method = "all_subsets" }).accuracy[1], 1e-15,
        "weighted majority of all samples of problem " .. p)
end
tap.near(curves.coverage, inf.pass_at_k(4, { 2, 2 }, { k = options.k }).mean, 1e-15, "coverage")
tap.near(curves.coverage_se, { 0, 0, 0 }, 1e-15, "and its standard error")
tap.near(curves.oracle_gap.majority[1], curves.coverage[1] - curves.majority[1], 1e-15, "oracle_gap")
tap.is(inf.selection_curves(columns, options).weighted_majority, curves.weighted_majority, "a log of columns")
local reordered, seven = {}, {}
for _, row in ipairs(log) do
    table.insert(row.problem == 7 and reordered or seven, row)
end
table.move(seven, 1, #seven, #reordered + 1, reordered)
local other = inf.selection_curves(reordered, options)
tap.is({ other.problems, other.per_problem.weighted_majority[2]:totable() },
    { { 7, "sum" }, curves.per_problem.weighted_majority[1]:totable() }, "a problem's draws don't depend on the others")
local plain = inf.selection_curves(log, { k = { 1, 2, 4 }, reward = false })
tap.is({ plain.best_of_n, plain.weighted_majority, plain.majority }, { nil, nil, curves.majority }, "reward = false")
for _, row in ipairs(log) do
    row.score = -row.reward
end
local negative = inf.selection_curves(log, { k = 1, reward = "score" })
tap.ok(negative.best_of_n and not negative.weighted_majority, "negative rewards rank, but are no weights")
log[8].answer = "1" -- no longer identical to 1
local apart = inf.selection_curves(log, { k = 4, reward = false })
local equal = inf.selection_curves(log, { k = 4, reward = false, is_equiv = function(x, z) return tostring(x) == tostring(z) end })
tap.is({ apart.per_problem.majority[2][1], equal.per_problem.majority[2][1] }, { 0.0, 0.5 }, "is_equiv joins answers")
local seen = {}
inf.selection_curves(log, { k = 1, reward = false, progress = function(done, total) seen[#seen + 1] = done / total end })
tap.is(seen, { 0.5, 1.0 }, "progress")
log[8].answer = 1
local bare = { { problem = 1, correct = true }, { problem = 1, correct = false } }
tap.is({ inf.selection_curves(bare).coverage, inf.selection_curves(bare).majority }, { { 0.5, 1.0 }, nil }, "correctness alone")

-- refusals
local function with(i, key, value)
    local changed = {}
    for j, row in ipairs(log) do
        changed[j] = { problem = row.problem, answer = row.answer, correct = row.correct, reward = row.reward }
    end
    changed[i][key] = value
    return changed
end
for _, bad in ipairs {
    { "pass_at_k: k = 11 is larger than n = 10 of problem 1", function() inf.pass_at_k(10, { 3 }, { k = { 11 } }) end },
    { "pass_at_k: c = 11 of problem 2 must be a whole number in 0..10 (its n)", function() inf.pass_at_k(10, { 3, 11 }, { k = 1 }) end },
    { "pass_at_k: k = 0 (number 1) must be a whole number of at least 1", function() inf.pass_at_k(10, { 3 }, { k = 0 }) end },
    { "pass_at_k: c = 2.5 of problem 1", function() inf.pass_at_k(10, { 2.5 }, { k = 1 }) end },
    { "pass_at_k: k must be ascending, got 1 after 2", function() inf.pass_at_k(10, { 3 }, { k = { 2, 1 } }) end },
    { "pass_at_k: c must have at least 1 problem", function() inf.pass_at_k(10, {}) end },
    { "pass_at_k: unknown option \"bootstap\" (did you mean \"bootstrap\"?)", function() inf.pass_at_k(10, { 3 }, { bootstap = 3 }) end },
    { "pass_at_k: rng must be given for the bootstrap", function() inf.pass_at_k(10, { 3 }, { bootstrap = 3 }) end },
    { "pass_hat_k: k = 11 is larger", function() inf.pass_hat_k(10, { 3 }, { k = 11 }) end },
    { "samples_to_reach: coverage must be given", function() inf.samples_to_reach(10, { 3 }) end },
    { "fit_power_law: coverage must have 2 values as k has, got 1", function() inf.fit_power_law({ 1, 2 }, { 0.5 }) end },
    { "fit_power_law: coverage must be in 0..1, got 2", function() inf.fit_power_law({ 1, 2, 3 }, { 0.5, 2, 0.5 }) end },
    { "predict_power_law: fit.b must be a number, got nil", function() inf.predict_power_law({ a = 1 }, 3) end },
    { "beta_binomial_logpmf: x = 11 (number 1) must be a whole number in 0..n = 10", function() inf.beta_binomial_logpmf(11, 10, uniform) end },
    { "beta_binomial_logpmf: beta must be given", function() inf.beta_binomial_logpmf(1, 10, { alpha = 1 }) end },
    { "beta_binomial_logpmf: alpha must be greater than 0", function() inf.beta_binomial_logpmf(1, 10, { alpha = 0, beta = 1 }) end },
    { "beta_binomial_nll: scale must be greater than 0 and at most 1, got 1.5", function() inf.beta_binomial_nll(10, { 1 }, { alpha = 1, beta = 1, scale = 1.5 }) end },
    { "fit_beta_binomial: no successes: every c is 0", function() inf.fit_beta_binomial(10, { 0, 0 }) end },
    { "fit_kumaraswamy_binomial: c = 12 of problem 2", function() inf.fit_kumaraswamy_binomial(10, { 0, 12 }) end },
    { "fit_beta_binomial: bins_per_decade belongs to the method", function() inf.fit_beta_binomial(10, { 0, 2 }, { bins_per_decade = 3 }) end },
    { "pass_at_k_beta: k must be finite and at least 1, got 0.5", function() inf.pass_at_k_beta(0.5, uniform) end },
    { "majority_vote: answers[2] must be in 0..2, got 3", function() inf.majority_vote({ 1, 3 }, { 1, 0 }) end },
    { "majority_vote: class_correct[2] must be true or false (or 1 or 0), got 2", function() inf.majority_vote({ 1, 1 }, { 1, 2 }) end },
    { "majority_vote: the exact expectation takes at most 400 answers, got 401", function() inf.majority_vote(many, one, { method = "exact" }) end },
    { "majority_vote: rng must be given for the method \"permutation\"", function() inf.majority_vote(many, one) end },
    { "majority_vote: draws belongs to the methods", function() inf.majority_vote({ 1 }, one, { draws = 3 }) end },
    { "majority_vote: permutations belong to the method", function() inf.majority_vote({ 1 }, one, { method = "exact", permutations = { { 1 } } }) end },
    { "majority_vote: permutations must have 2 columns", function() inf.majority_vote({ 1, 1 }, one, { permutations = { { 1 } } }) end },
    { "majority_vote: permutation 1 is not a permutation of 1..2", function() inf.majority_vote({ 1, 1 }, one, { permutations = { { 2, 2 } } }) end },
    { "majority_vote: k must be ascending whole numbers in 1..2, got 3", function() inf.majority_vote({ 1, 1 }, one, { k = { 1, 3 } }) end },
    { "weighted_vote: weight -1 of answer 1 must be finite and at least 0", function() inf.weighted_vote({ 1 }, { -1 }, one, { method = "all_subsets" }) end },
    { "weighted_vote: method \"exact\" is for plain votes", function() inf.weighted_vote({ 1 }, { 1 }, one, { method = "exact" }) end },
    { "weighted_vote: weights must have 1 values as answers has, got 2", function() inf.weighted_vote({ 1 }, { 1, 2 }, one) end },
    { "best_of_n: reward nan of sample 1", function() inf.best_of_n({ 0 / 0 }, { 1 }) end },
    { "best_of_n: correct must have 1 values as reward has, got 2", function() inf.best_of_n({ 1 }, { 1, 0 }) end },
    { "flops: dim must be given", function() inf.flops({ params = 1, layers = 1 }, {}) end },
    { "api_cost: either cost_per_attempt or completion_price must be given", function() inf.api_cost { problems = 1 } end },
    { "api_cost: unknown option \"prompt_price\"", function() inf.api_cost { cost_per_attempt = 1, prompt_price = 2 } end },
    { "cost_curve: per_attempt must be given", function() inf.cost_curve({ 1 }, { 1 }) end },
    { "cost_curve: cost must be positive and finite", function() inf.cost_curve({ 1 }, { 1 }, { per_attempt = 0 }) end },
    { "cost_crossings: a.coverage must have 2 values as a.cost has, got 1", function() inf.cost_crossings({ cost = { 1, 2 }, coverage = { 1 } }, b) end },
    { "selection_curves: log must have at least 1 row", function() inf.selection_curves {} end },
    { "selection_curves: row 2 of the log must be a table", function() inf.selection_curves { log[1], 3 } end },
    { "selection_curves: problem of row 3 must be a text or an integer, got a boolean", function() inf.selection_curves(with(3, "problem", true)) end },
    { "selection_curves: correct of row 3 must be true or false", function() inf.selection_curves(with(3, "correct", "yes")) end },
    { "selection_curves: reward of row 3 must be a number, got x", function() inf.selection_curves(with(3, "reward", "x")) end },
    { "selection_curves: answer of row 3 must be a text or a number", function() inf.selection_curves(with(3, "answer", {}), { reward = false }) end },
    { "selection_curves: row 6 of the log says that an answer is wrong, but an equal one of its problem is correct",
        function() inf.selection_curves(with(6, "correct", false), { reward = false }) end },
    { "selection_curves: row 4 of the log has an empty answer that is correct", function() inf.selection_curves(with(4, "correct", true), { reward = false }) end },
    { "selection_curves: rng must be given: the weighted vote", function() inf.selection_curves(log) end },
    { "selection_curves: problem 1: selection_curves: k = 5 (number 1) must be a whole number in 1..4", function() inf.selection_curves(log, { k = 5, reward = false }) end },
    { "told to stop", function() inf.selection_curves(log, { k = 1, reward = false, progress = function() error "told to stop" end }) end },
    { "selection_curves: cancelled", function() inf.selection_curves(log, { k = 1, reward = false, progress = function() return true end }) end },
    { "selection_curves: progress must be a function", function() inf.selection_curves(log, { reward = false, progress = 3 }) end },
} do
    tap.error(bad[1], bad[2])
end

tap.done()
