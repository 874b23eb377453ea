-- The tests of yes/no series beyond the golden cases: shapes of results, options, the words of
-- refusals, collecting from a sampler.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference

-- the battery
local series = { 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0 }
local report = inf.binary_battery(series)
tap.is({ #report.streak, #report.autocorrelation, report.blocks.size, #report.blocks.counts }, { 4, 3, 3, 8 },
    "4 streaks, 3 lags, blocks of 3 by default")
tap.is({ report.n, report.yes, report.transitions, report.runs.count }, { 12, 6, { { 2, 3 }, { 4, 2 } }, 8 },
    "counts are integers")
tap.is(inf.binary_battery({ true, true, false }).yes, 2, "true and false")
tap.is(inf.binary_battery(assay.matrix { { 1, 1 }, { 0, 1 } }).transitions, { { 0, 1 }, { 1, 1 } }, "a matrix, row by row")
tap.is({ report.blocks.counts, report.blocks.entropy }, { { 0, 0, 1, 1, 1, 0, 1, 0 }, 2.0 }, "blocks 110, 100, 011, 010")
tap.is(report.verdict.random, true, "nothing speaks against it")
local always = inf.binary_battery({ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })
tap.is({ always.verdict.uniform, always.verdict.independent, always.verdict.random }, { false, true, false },
    "always yes: not uniform")
tap.near(always.verdict.adjusted.uniform, 4 / 2048, 1e-15, "four questions: Holm's factor")
tap.is(inf.binary_battery({ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { alpha = 0.001 }).verdict.random, true, "alpha")
local options = inf.binary_battery(series, { streak_max = 2, lags = 20, block = 1 })
tap.is({ #options.streak, #options.autocorrelation, options.blocks.counts }, { 2, 20, { 6, 6 } }, "options")
tap.ok(options.autocorrelation[12] ~= options.autocorrelation[12], "no pairs at a lag of the length: NaN")
local batches = inf.binary_battery({ { 1, 0 }, {}, { 1 } }, { batches = true })
tap.is({ batches.n, batches.runs.count, batches.runs.p_exact }, { 3, 3 }, "batches: no exact runs test")
tap.error("binary_battery: x[3] must be true or false (or 1 or 0), got 2", function() inf.binary_battery { 1, 0, 2 } end)
tap.error("binary_battery: x[4] must be true or false (or 1 or 0), got 0.5",
    function() inf.binary_battery(assay.matrix { { 1, 0 }, { 1, 0.5 } }) end)
tap.error("binary_battery: x[2][1] must be true or false (or 1 or 0), got a string",
    function() inf.binary_battery({ { 1 }, { "yes" } }, { batches = true }) end)
tap.error("binary_battery: x[1] must be a list of answers (a batch), got a number",
    function() inf.binary_battery({ 1, 0 }, { batches = true }) end)
tap.error("binary_battery: there must be at least 1 answer", function() inf.binary_battery {} end)
tap.error("binary_battery: block must be in 1..12, got 13", function() inf.binary_battery(series, { block = 13 }) end)
tap.error("binary_battery: unknown option \"lag\" (did you mean \"lags\"?)",
    function() inf.binary_battery(series, { lag = 2 }) end)

-- distributions
tap.is(inf.runs_pmf(3, 0), { runs = { 1 }, p = { 1.0 } }, "only ones: one run")
tap.is(inf.runs_pmf(2, 2).runs, { 2, 3, 4 }, "as many of both: an even most")
tap.error("runs_pmf: n1 %+ n0 must be in 1..10%^7, got 0 and 0", function() inf.runs_pmf(0, 0) end)
tap.near(inf.longest_run_cdf(3, 2), 0.75, 1e-15, "a number for a number")
tap.is(inf.longest_run_cdf(3, { 0, 3, 9 }), { 0.0, 1.0, 1.0 }, "a list for a list")
tap.error("longest_run_cdf: m[2] must be a whole number of at least 0, got -1",
    function() inf.longest_run_cdf(3, { 1, -1 }) end)

-- rates
tap.is({ inf.temperature_rate(1, { temperature = 1 / 0 }) }, { 0.5, true }, "by definition, and it says so")
tap.is({ inf.temperature_rate(1, { temperature = 9 }) }, { 1.0, false }, "sure at any finite temperature")
tap.error("temperature_rate: temperature must be given", function() inf.temperature_rate(0.5) end)
tap.error("temperature_rate: p must be in 0..1, got 2", function() inf.temperature_rate(2, { temperature = 1 }) end)
local fit = inf.fit_temperature({ 0.5, 1, 2 }, { 845, 700, 604 }, 1000)
tap.near(fit.delta, math.log(7 / 3), 2 * fit.se, "logit p(T) = delta / T")
tap.near(fit.rate, 0.7, 0.01, "the rate at T = 1")
tap.is(fit.dof, 2, "degrees of freedom")
tap.ok(inf.compare_rates({ yes = 1, n = 10 }, { yes = 9, n = 10 }).p_fisher < 0.002, "two conditions")
tap.error("compare_rates: yes of the second condition must be a whole number in 0..10, got 11",
    function() inf.compare_rates({ yes = 1, n = 10 }, { yes = 11, n = 10 }) end)
tap.error("compare_rates: n must be given", function() inf.compare_rates({ yes = 1 }, { yes = 1, n = 2 }) end)
tap.is(inf.homogeneity({ { 5, 5 }, { 0, 0 } }), { chi2 = 0.0, dof = 0, p = 1.0 }, "one condition is no comparison")
tap.error("homogeneity: counts[2][1] must be at least 0 and finite, got -1",
    function() inf.homogeneity { { 5, 5 }, { -1, 0 } } end)
tap.near(assay.stats.holm { 0.01, 0 / 0, 0.04, 0.03 }, { 0.03, 0 / 0, 0.06, 0.06 }, 1e-15, "holm; NaN is no test")
tap.error("holm: p[1] must be in 0..1 (or nan: no test), got 2", function() assay.stats.holm { 2 } end)

-- replies
local german = { yes = { "ja", "jawohl" }, no = "nein" }
tap.is({ inf.parse_binary("Jawohl!", german), inf.parse_binary("Nein.", german), inf.parse_binary("yes", german) },
    { 1, 0 }, "words of one's own; a word that is not theirs is nil")
tap.is({ inf.parse_binary_list("ja, nein\nvielleicht", german) }, { { 1, 0 }, 1 }, "a list, and what has no answer")
tap.error("parse_binary: no[1] must be a word, got a number", function() inf.parse_binary("", { no = { 1 } }) end)
tap.error("parse_binary: yes must be a word or a list of words, got a number", function() inf.parse_binary("", { yes = 1 }) end)
tap.error("parse_binary: \"YES\" must not be both yes and no", function() inf.parse_binary("", { no = "YES" }) end)

-- collecting
local asked = {}
local function says(replies)
    return function(prompt, options)
        table.insert(asked, { prompt, options.n, options.temperature })
        return replies
    end
end
tap.is(inf.collect_binary(says { "Yes", "no!", "I can't say" }, { prompt = "Buy?", n = 3, temperature = 0.5 }),
    { x = { 1, 0 }, asked = 3, unparsable = 1 }, "one-shot: what can't be parsed is counted, not dropped silently")
tap.is(asked, { { "Buy?", 3, 0.5 } }, "and what was asked for")
tap.is(inf.collect_binary(says { "yes, no", "no\nno\nmaybe" }, { prompt = "Ten times", n = 2, mode = "few_shot" }),
    { x = { { 1, 0 }, { 0, 0 } }, asked = 2, unparsable = 1 }, "few-shot: a batch a reply")
tap.error("collect_binary: ask must return 2 replies, got 1",
    function() inf.collect_binary(says { "yes" }, { prompt = "Buy?", n = 2 }) end)
tap.error("collect_binary: reply 1 of ask must be a text, got a number",
    function() inf.collect_binary(says { 1 }, { prompt = "Buy?", n = 1 }) end)
tap.error("collect_binary: ask must return a list of replies, got a nil",
    function() inf.collect_binary(says(nil), { prompt = "Buy?", n = 1 }) end)
tap.error("collect_binary: ask must be a function", function() inf.collect_binary(nil, { prompt = "Buy?", n = 1 }) end)
tap.error("collect_binary: prompt must be given", function() inf.collect_binary(says {}, { n = 1 }) end)
tap.error("collect_binary: n must be given", function() inf.collect_binary(says {}, { prompt = "Buy?" }) end)
tap.error("collect_binary: temperature must be at least 0",
    function() inf.collect_binary(says {}, { prompt = "Buy?", n = 1, temperature = -1 }) end)

-- generators
local chain = inf.binary_chain { n = 6, switch = 1, p_first = 1, rng = assay.rng(1) }
tap.is(chain, { 1, 0, 1, 0, 1, 0 }, "switch may be a number")
local lists = inf.binary_chain { n = 2, batches = 3, switch = 0, p_first = 0, rng = assay.rng(1) }
tap.is(lists, { { 0, 0 }, { 0, 0 }, { 0, 0 } }, "batches")
tap.error("binary_chain: rng must be given", function() inf.binary_chain { n = 2 } end)
tap.error("binary_chain: n must be given", function() inf.binary_chain { rng = assay.rng(1) } end)
tap.error("binary_chain: switch[1] must be in 0..1, got 2",
    function() inf.binary_chain { n = 2, switch = 2, rng = assay.rng(1) } end)

-- references
local reference = inf.random_reference { n = 100, reps = 400, rng = assay.rng(2) }
local rate = reference.statistics.yes_rate
tap.near({ rate.low, rate.mean, rate.high }, { 0.4, 0.5, 0.6 }, 0.03, "the envelope of the share of yes")
tap.ok(reference.rejected.uniform < 0.1, "fair flips are seldom rejected")
local narrow = inf.random_reference { n = 100, reps = 400, level = 0.5, rng = assay.rng(2) }
tap.ok(narrow.statistics.yes_rate.low > rate.low, "level")
local shaped = inf.random_reference { batches = { 3, 2 }, reps = 2, source = "series", series = { 1, 1, 1, 0, 0, 1, 0, 1, 0, 1 } }
tap.is(shaped.statistics.alternation.mean, 0.5, "pieces of a given series: 0 of 3, then 3 of 3")
tap.is(inf.random_reference { n = 50, batches = 2, reps = 3, source = "os" }.reps, 3, "entropy of the system")
tap.error("random_reference: rng must be given", function() inf.random_reference { n = 5 } end)
tap.error("random_reference: n must be given", function() inf.random_reference { rng = assay.rng(1) } end)
tap.error("random_reference: batches as a list of lengths leaves no n to give",
    function() inf.random_reference { n = 5, batches = { 2 }, rng = assay.rng(1) } end)
tap.error("random_reference: series must have reps * 5 = 10 answers, got 9",
    function() inf.random_reference { n = 5, reps = 2, source = "series", series = { 1, 1, 1, 1, 1, 1, 1, 1, 1 } } end)
tap.error("random_reference: series belongs to the source \"series\"",
    function() inf.random_reference { n = 5, series = { 1 }, rng = assay.rng(1) } end)
tap.error("cancelled", function()
    inf.random_reference { n = 5, rng = assay.rng(1), progress = function(done) return done == 2 end }
end)

tap.done()
