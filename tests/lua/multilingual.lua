-- Few samples beyond the golden cases: shapes, options, callbacks, the words of refusals.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference

-- tokens
tap.near(inf.temperature_softmax { 0, math.log(3) }, { 0.25, 0.75 }, 1e-15, "temperature 1 by default")
tap.error("temperature_softmax: temperature must be at least 0, got -1",
    function() inf.temperature_softmax({ 1 }, { temperature = -1 }) end)
tap.error("temperature_softmax: logits[2] must be a number, got nan", function() inf.temperature_softmax { 1, 0 / 0 } end)
tap.is(inf.min_p_filter({ 0.9, 0.05, 0.05 }).kept, 1, "min_p is 0.1 by default")
tap.error("min_p_filter: min_p must be in 0..1, got 2", function() inf.min_p_filter({ 1 }, { min_p = 2 }) end)
local counts = { 0, 0, 0 }
local rng = assay.rng(1)
for _ = 1, 4000 do
    local at = inf.sample_token({ 0, math.log(3), -math.huge }, { rng = rng })
    counts[at] = counts[at] + 1
end
tap.near({ counts[1], counts[2], counts[3] }, { 1000, 3000, 0 }, 140, "sample_token: 5 standard deviations")
tap.is({ inf.sample_token({ 1, 3, 2 }, { rng = rng, temperature = 0 }) }, { 2, 1.0 }, "greedy")
tap.is((inf.sample_token({ 1, 3, 2 }, { rng = rng, min_p = 1 })), 2, "min_p of 1 is greedy, too")
tap.is((inf.sample_token({ 1, 3, 2 }, { rng = rng, top_p = 0.1 })), 2, "and a small top_p")
tap.error("sample_token: rng must be given", function() inf.sample_token { 1 } end)

-- plans and pools
tap.is(inf.sampling_plan { n = 2, temperature = 0.7, min_p = 0.1 }, { temperatures = { 0.7, 0.7 }, min_p = 0.1 },
    "single by default")
tap.error("sampling_plan: temperatures must be given", function() inf.sampling_plan { n = 2, strategy = "multi" } end)
tap.error("sampling_plan: temperatures must have n = 2 values, got 1",
    function() inf.sampling_plan { n = 2, strategy = "multi", temperatures = { 1 } } end)
tap.error("sampling_plan: t_max must be given",
    function() inf.sampling_plan { n = 2, strategy = "schedule", t_min = 1 } end)
tap.error("sampling_plan: n must be given", function() inf.sampling_plan { temperature = 1 } end)
tap.error("sampling_plan: n must be in 1..10000000, got 0", function() inf.sampling_plan { n = 0, temperature = 1 } end)
tap.error("sampling_plan: strategy must be one of", function() inf.sampling_plan { n = 1, strategy = "best" } end)
local seen = {}
local pool = inf.pool(function(temperature, min_p, stream)
    table.insert(seen, { temperature, min_p })
    return stream:uniform()
end, { n = 3, strategy = "hedged", temperature = 0.8, min_p = 0.1, rng = assay.rng(7) })
tap.is(seen, { { 0.0, 0.0 }, { 0.8, 0.1 }, { 0.8, 0.1 } }, "pool: the greedy one is not filtered")
tap.is({ pool.temperatures, pool.min_p }, { { 0.0, 0.8, 0.8 }, 0.1 }, "and says what it did")
tap.is(pool.samples[2], assay.rng(7):split(2):uniform(), "each sample has the stream of its number")
tap.error("pool: generate must return a sample, got nil for sample 1",
    function() inf.pool(function() end, { n = 1, temperature = 1, rng = assay.rng(1) }) end)
tap.error("pool: generate must be a function", function() inf.pool(nil, { n = 1, temperature = 1, rng = assay.rng(1) }) end)
tap.error("pool: rng must be given", function() inf.pool(print, { n = 1, temperature = 1 }) end)

-- utilities and MBR
local u = inf.utility({ "abc", "abd" }, { "abc" })
tap.near({ u[1][1], u[2][1] }, { 1, (2 / 3 + 1 / 2) / 3 }, 1e-15, "chrf by default, rows are hypotheses")
tap.is(#inf.utility({}, { "a" }), 0, "no hypotheses")
tap.error("utility: refs[1] must be a text, got a number", function() inf.utility({ "a" }, { 1 }) end)
tap.error("utility: hyps must be a list of texts, got a string", function() inf.utility("a", {}) end)
tap.error("utility: metric must be one of", function() inf.utility({}, {}, { metric = "bleu" }) end)
tap.error("cancelled", function() inf.utility({ "a", "b" }, { "a" }, { progress = function() return true end }) end)
local calls = 0
local judged = inf.judge_utility({ 3, 5, 4 }, function(first, second) -- likes what is shown first
    calls = calls + 1
    return first > second and 1 or first == second - 1 and 0.5 or 0
end)
tap.is({ calls, judged[1][2], judged[2][1], judged[1][3], judged[3][2] }, { 6, 0.0, 1.0, 0.25, 0.25 },
    "a judge: both orders averaged")
tap.is(inf.mbr(judged, { include_self = false }).index, 2, "and the diagonal unused")
tap.error("mbr: u[1][1] must be finite", function() inf.mbr(judged) end)
tap.error("judge_utility: the judge's score must be in 0..1, got 2",
    function() inf.judge_utility({ 1, 2 }, function() return 2 end) end)
tap.error("judge_utility: judge must be a function", function() inf.judge_utility({ 1, 2 }) end)
tap.error("x_mbr: mbr: u_cross must have 2 rows as u has, got 1",
    function() inf.x_mbr({ { 1, 0 }, { 0, 1 } }, { { 1 } }) end)
tap.error("x_mbr: cross_weight must be at least 0", function() inf.x_mbr({ { 1 } }, {}, { cross_weight = -1 }) end)
local square = { { 1, 0, 0 }, { 0, 1, 1 }, { 0, 1, 1 } }
tap.is(inf.mbr_curve(square, { 1, 0, 0 }, { permutations = { { 1, 2, 3 }, { 2, 1, 3 } } }), { 0.5, 0.5, 0.0 },
    "mbr_curve: along given permutations")
tap.near(inf.mbr_curve(square, { 1, 0, 0 }, { draws = 3000, rng = assay.rng(1), u_cross = { { 1 }, { 0 }, { 0 } },
    cross_weight = 9 }), { 1 / 3, 2 / 3, 1 }, 0.05, "with cross evidence for the first")
tap.error("mbr_curve: rng must be given", function() inf.mbr_curve(square, { 1, 0, 0 }) end)
tap.error("mbr_curve: permutations[1][3] must be a whole number in 1..3, got 4",
    function() inf.mbr_curve(square, 1, { permutations = { { 1, 2, 4 } } }) end)
tap.is(inf.checklist_select({ { true and 1, 0 }, { 0, 1 } }, { weights = { 1, 3 } }), { scores = { 0.25, 0.75 }, index = 2 },
    "checklist_select")
tap.error("checklist_select: weights must not sum to 0", function() inf.checklist_select({ { 1 } }, { weights = 0 }) end)
tap.error("select_best: there must be at least 1 reward, got none", function() inf.select_best {} end)

-- comparisons
tap.error("win_rate: there must be at least 1 comparison, got 0", function() inf.win_rate { wins = 0, losses = 0 } end)
tap.error("win_rate: losses must be given", function() inf.win_rate { wins = 0 } end)
local swapped = inf.win_rate_swapped({ 1, 0.5 }, { 0, 0.5 })
tap.is({ swapped.ties, swapped.win_rate, swapped.position_bias, swapped.consistent }, { 2, 0.5, 0.5, 0.5 }, "win_rate_swapped")
tap.error("win_rate_swapped: a_second must have 2 values as a_first has, got 1",
    function() inf.win_rate_swapped({ 1, 1 }, { 1 }) end)
tap.error("hope_risk: quality must have at least 1 prompt", function() inf.hope_risk({}, {}) end)

-- CHOPS
local message = inf.chops_prompt("Sag ja.", { "ja", "nein" }, { order = { 2, 1 }, max_points = 3 })
tap.ok(message:find("[1]\nnein\n", 1, true) and message:find("at most 3 points", 1, true), "chops_prompt")
tap.error("chops_prompt: order must have 2 numbers, one a candidate, got 1",
    function() inf.chops_prompt("", { "a", "b" }, { order = { 1 } }) end)
tap.error("chops_prompt: order must hold each of 1..2 once",
    function() inf.chops_prompt("", { "a", "b" }, { order = { 1, 1 } }) end)
tap.error("chops_parse: fallback must be in 1..2, got 3", function() inf.chops_parse("", { n = 2, fallback = 3 }) end)
tap.error("chops_parse: n must be given", function() inf.chops_parse "" end)
local orders = {}
for seed = 1, 20 do
    local choice = inf.chops_select("?", { "a", "b", "c" }, function(text)
        orders[text] = true
        return "the best is [[" .. text:match "%[(%d)%]\nb\n" .. "]]"
    end, { rng = assay.rng(seed) })
    tap.is({ choice.index, choice.parsed }, { 2, true }, "chops_select " .. seed)
end
local shown = 0
for _ in pairs(orders) do
    shown = shown + 1
end
tap.is(shown, 6, "in every order of three")
local lost = inf.chops_select("?", { "a", "b" }, function() return "neither" end, { fallback = 2 })
tap.is(lost, { index = 2, parsed = false, reply = "neither" }, "no valid choice: the fallback")
tap.error("chops_select: ask must return a text, got a nil", function() inf.chops_select("?", { "a" }, function() end) end)
tap.error("chops_select: candidates must have at least 1 text", function() inf.chops_select("?", {}, print) end)

tap.done()
