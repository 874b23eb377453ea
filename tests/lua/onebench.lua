-- The pool of test items beyond the golden cases: shapes, options, tables out of files, identities
-- over the whole way from scores to theta, and the words of refusals.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference
local nan = 0 / 0

-- orders
local scores = { { 3, 1, nil, 2 }, { 2, 1, 5 }, { 1, nil, 5, 2 } }
local pairs_won = inf.to_pairwise(scores)
tap.is(pairs_won.wins:totable(), { { 0.0, 1.0, 1.0 }, { 0.0, 0.0, 1.0 }, { 0.0, 0.0, 0.0 } }, "nil is not measured")
tap.is(pairs_won.counts:totable(), { { 0.0, 2.0, 2.0 }, { 1.0, 0.0, 2.0 }, { 1.0, 1.0, 0.0 } }, "counts are wins and ties")
tap.is(pairs_won.comparisons, 6.0, "comparisons")
tap.is(inf.to_pairwise(assay.matrix { { 3, 1, nan, 2 }, { 2, 1, 5, nan }, { 1, nan, 5, 2 } }).counts, pairs_won.counts,
    "and so is NaN in a matrix")
tap.is(inf.to_pairwise({ assay.matrix({ { 3, 1 } })[1], { 2, 1 } }).ties[1][2], 1.0, "rows of a matrix in a list")
tap.is(inf.to_rankings(scores), { { 1, 2, 3 }, { 1, 2 }, { 2, 3 }, { 1, 3 } }, "rankings; equal ones by number")
tap.is(inf.to_top1(scores), { winner = { 1, 2 }, losers = { { 2, 3 }, { 3 } } }, "top-1 records")
tap.is(inf.to_matches(scores):totable()[4], { 1.0, 2.0, 0.5 }, "matches, item by item")
tap.is(#inf.to_matches(scores), 6, "as many as comparisons")
tap.is(inf.comparison_components(assay.matrix(0, 0)), { components = {}, component = {} }, "no models, no parts")

-- Plackett-Luce
local fit = inf.plackett_luce({ { 0, 3 }, { 1, 0 } }, { alpha = 0, se = true })
tap.near(fit.theta[1] - fit.theta[2], math.log(3), 1e-9, "log odds")
tap.near(fit.log_likelihood, 3 * math.log(0.75) + math.log(0.25), 1e-9, "log-likelihood")
tap.near(fit.se[1], 0.5 / math.sqrt(4 * 0.75 * 0.25), 1e-9, "standard error")
tap.is(fit.unmeasured, {}, "all measured")
tap.is(inf.plackett_luce({ { 2, 1 }, { 1, 2 } }, { data = "pairwise", items = 3 }).unmeasured, { 3 }, "items without a pair")
tap.is(#inf.plackett_luce({ { 2, 4 }, { 4, 2 } }, { data = "rankings" }).theta, 4, "items is the largest named")
tap.is(inf.plackett_luce({ { 0 } }, { alpha = 0 }).theta, { 0.0 }, "one model")
tap.is(inf.plackett_luce(pairs_won.counts, { method = "lsr" }).change, nil, "one step has no change to tell")
local warm = inf.plackett_luce(pairs_won.counts, { init = inf.plackett_luce(pairs_won.counts).theta })
tap.is(warm.iterations, 1, "a warm start is done at once")
local calls = 0
tap.error("plackett_luce: cancelled", function()
    inf.plackett_luce(pairs_won.counts, { method = "mm", tol = 1e-15, progress = function(done, total)
        calls = calls + 1
        return done >= 3 and total == 1000
    end })
end)
tap.is(calls, 4, "progress is told and may stop")

-- any increasing function of an item's scores; relabelled models; copied items
local rng = assay.rng(1)
local pool = inf.synthetic_pool { models = 6, items = 40, binary = 0.3, rng = rng }.scores
local theta = inf.plackett_luce(inf.to_pairwise(pool).counts).theta
local bent = pool:copy()
for j = 1, 40 do
    for i = 1, 6 do
        bent[i][j] = math.exp(j / 10 * pool[i][j]) - j
    end
end
tap.is(inf.plackett_luce(inf.to_pairwise(bent).counts).theta, theta, "increasing functions of an item's scores")
local order = { 3, 1, 6, 5, 2, 4 }
local renamed = inf.plackett_luce(inf.to_pairwise(inf.score_subset(pool, { models = order }).scores).counts).theta
for i, m in ipairs(order) do
    tap.near(renamed[i], theta[m], 1e-7, "model " .. m .. " under another number")
end
local twice = {}
for j = 1, 80 do
    twice[j] = (j - 1) % 40 + 1
end
tap.near(inf.plackett_luce(inf.to_pairwise(inf.score_subset(pool, { items = twice }).scores).counts, { alpha = 0.02 }).theta,
    theta, 1e-7, "every item twice, and twice alpha")

-- baselines
tap.is(inf.elo({}, { items = 2 }), { 1000.0, 1000.0 }, "no match")
local matches = inf.to_matches(pool)
tap.is(inf.elo(matches, { rng = assay.rng(2) }), inf.elo(matches, { rng = assay.rng(2) }), "shuffled by the stream")
tap.ok(inf.elo(matches, { rng = assay.rng(2) })[1] ~= inf.elo(matches)[1], "which matters")
tap.near(inf.bradley_terry({ { 0, 3 }, { 1, 0 } }, { { 0, 0 }, { 0, 0 } }, { scale = 1, base = math.exp(1), init = 0 })[1],
    math.log(3) / 2, 1e-9, "another scale")
tap.ok(inf.bradley_terry({ { 0, 3 }, { 0, 0 } }, { { 0, 0 }, { 0, 0 } }, { alpha = 0.1 })[1] > 1000, "alpha of the rating")
local mean = inf.mean_score({ { 1, 2, 9 }, { 3, 4 }, {} }, { groups = { "a", "a", "b" } })
tap.near({ mean.mean[1], mean.mean[2], mean.normalized[1], mean.normalized[2] }, { 4, 3.5, 0.25, 1 }, 1e-12, "means by named groups")
tap.ok(mean.mean[3] ~= mean.mean[3], "nothing measured")

-- agreement
tap.near(inf.rank_distance({ 1, 2, 3 }, { 3, 2, 1 }), 4 / 3, 1e-12, "rank_distance")
local apart = inf.separability({ { 0, 40, 40 }, { 8, 0, 40 }, { 2, 8, 0 } }, { rng = assay.rng(3) })
tap.is(apart, { share = 1.0, consistent = 3, pairs = 3 }, "separability of a clear order")

-- pools
local thin = inf.sparsify(pool, { fraction = 0.9, rng = assay.rng(4) })
tap.is(thin == inf.sparsify(pool, { fraction = 0.9, rng = assay.rng(4) }), false, "NaN is unequal to itself")
local left = inf.score_subset(thin, { measured = 1 })
tap.is({ #left.models, left.scores:cols() }, { 6, 40 }, "nobody lost all")
tap.is(inf.score_subset(scores, { measured = 4 }), { scores = assay.matrix(0, 4), models = {}, items = { 1, 2, 3, 4 } }, "nobody has all")
tap.is(inf.score_subset(scores, { items = { 3, 1 }, measured = 2 }),
    { scores = assay.matrix { { 5, 2 }, { 5, 1 } }, models = { 2, 3 }, items = { 3, 1 } }, "a part")
tap.is(#inf.informative_items(pool, { m = 3, rng = assay.rng(5) }), 3, "informative items")
tap.is(inf.item_search({ { 0, 1 }, { 1, 0 }, { 1, 1 } }, { 2, 0 }, { k = 2 }).index, { 2, 3 }, "search")
tap.is(#inf.item_search({ { 0, 1 }, { 1, 0 } }, { 2, 0 }).index, 2, "k is 10, or all")
local groups = { "x", "x", "y", "y" }
local complete = { { 1, 2, 3, 4 }, { 2, 3, 4, 5 } }
local some = inf.sparsify(complete, { fraction = 0.5, mode = "models", groups = groups, rng = assay.rng(6) })
local x1, y1 = some[1][1] == some[1][1], some[1][3] == some[1][3]
tap.is({ some[2][1] == some[2][1], some[2][4] == some[2][4], some[1][2] == some[1][2] }, { not x1, not y1, x1 }, "a model of each group")

-- tables out of files
local long = inf.score_table { item = { "i2", "i1", "i2", "i2" }, model = { "b", "a", "b", "a" }, score = { 1, 0, 2, nan },
    topic = { "t2", "t1", "t2", "t2" } }
tap.is({ long.models, long.items, long.tags }, { { "b", "a" }, { "i2", "i1" }, { topic = { "t2", "t1" } } }, "a measurement a row")
tap.is({ long.scores[1][1], long.scores[2][2] }, { 1.5, 0.0 }, "repeated ones are averaged")
tap.ok(long.scores[2][1] ~= long.scores[2][1] and long.scores[1][2] ~= long.scores[1][2], "missing and absent ones are NaN")
local wide = inf.score_table({ item = { "i1", "i2" }, b = { 1, nan }, a = { 3, 4 }, year = { 2023, 2024 }, kind = { "x", "y" } },
    { tags = { "year" } })
tap.is({ wide.models, wide.items, wide.tags }, { { "a", "b" }, { "i1", "i2" }, { year = { 2023, 2024 }, kind = { "x", "y" } } },
    "an item a row")
tap.is({ wide.scores[1][2], wide.scores[2][1] }, { 4.0, 1.0 }, "its scores")
tap.is(inf.score_table({ a = { 1 }, b = { 2 } }, { models = { "b" } }), { scores = assay.matrix { { 2 } }, models = { "b" }, items = { 1 },
    tags = { a = { 1 } } }, "models by name; items have at least numbers")
tap.is(inf.filter_items(wide.tags, { kind = { "y", "z" }, year = function(y) return y > 2023 end }), { 2 }, "filter_items")
tap.is(inf.filter_items(wide.tags, {}), { 1, 2 }, "no condition")

-- refusals
local function refused(words, f, ...)
    local arguments = table.pack(...)
    tap.error(words, function() f(table.unpack(arguments, 1, arguments.n)) end)
end
refused("to_pairwise: scores[2] must be a list of numbers (a row), got 3", inf.to_pairwise, { { 1 }, 3 })
refused("to_pairwise: scores[1][2] must be a number, got a string", inf.to_pairwise, { { 1, "x" } })
refused('to_pairwise: scores[1] must be a list of numbers (a row), got the key "x"', inf.to_pairwise, { { x = 1 } })
refused("to_pairwise: scores[1][2] (model, item) must be finite", inf.to_pairwise, { { 1, 1 / 0 } })
refused("counts must be square", inf.plackett_luce, { { 0, 1 } })
refused("items must be 2 as counts has rows, got 3", inf.plackett_luce, { { 0, 1 }, { 1, 0 } }, { items = 3 })
refused("data[2][1] must be an integer in 1..2, got 3", inf.plackett_luce, { { 1, 2 }, { 3, 1 } }, { data = "pairwise", items = 2 })
refused("data[1] must be two models, got 2 twice", inf.plackett_luce, { { 2, 2 } }, { data = "pairwise" })
refused("data must be pairs {winner, loser}, got rows of 3", inf.plackett_luce, { { 1, 2, 3 } }, { data = "pairwise" })
refused("data.losers must be a list of 2 lists", inf.plackett_luce, { winner = { 1, 2 }, losers = { { 2 } } }, { data = "top1" })
refused("data.losers[1][1] must be in 1..2, got 3", inf.plackett_luce, { winner = { 1 }, losers = { { 3 } } }, { data = "top1", items = 2 })
refused("ranking 2 has model 1 twice", inf.plackett_luce, { { 1, 2 }, { 1, 1 } }, { data = "rankings" })
refused("init must have 2 numbers", inf.plackett_luce, { { 0, 1 }, { 1, 0 } }, { init = { 1 } })
refused("alpha must be at least 0", inf.plackett_luce, { { 0, 1 }, { 1, 0 } }, { alpha = -1 })
refused("alpha must be greater than 0 (0.01, say) here, got 0", inf.plackett_luce, { { 0, 1 }, { 0, 0 } }, { alpha = 0 })
refused('unknown option "alhpa" (did you mean "alpha"?)', inf.plackett_luce, { { 0, 1 }, { 1, 0 } }, { alhpa = 1 })
refused("method must be one of", inf.plackett_luce, { { 0, 1 }, { 1, 0 } }, { method = "em" })
refused("ties must be 2 x 2 as wins", inf.borda, { { 0, 1 }, { 1, 0 } }, { { 0 } })
refused("matches[1][1] must be an integer in 1..2, got 3", inf.elo, { { 3, 1, 1 } }, { items = 2 })
refused("result in 0..1", inf.elo, { { 2, 1, 3 } })
refused("groups must have 2 entries, one an item, got 1", inf.mean_score, { { 1, 2 } }, { groups = { 1 } })
refused("groups[1] must be a text or a number", inf.mean_score, { { 1, 2 } }, { groups = { {}, 1 } })
refused("kendall_tau: b must have 2 values as a has, got 1", inf.kendall_tau, { 1, 2 }, { 1 })
refused("k must be in 1..2, got 3", inf.top_k_precision, { 1, 2 }, { 1, 2 }, { k = 3 })
refused("rng must be given", inf.separability, { { 0, 1 }, { 1, 0 } }, {})
refused("counts[1][2] must be a whole number", inf.separability, { { 0, 1.5 }, { 1, 0 } }, { rng = assay.rng(1) })
refused("fraction must be given", inf.sparsify, { { 1 } }, { rng = assay.rng(1) })
refused("fraction must be in 0..1, got 2", inf.sparsify, { { 1 } }, { fraction = 2, rng = assay.rng(1) })
refused("items[1] must be in 1..2, got 3", inf.score_subset, { { 1, 2 } }, { items = { 3 } })
refused("m must be given", inf.informative_items, { { 1 } }, { rng = assay.rng(1) })
refused("m must be in 1..1 (items with a score), got 2", inf.informative_items, { { 1 } }, { m = 2, rng = assay.rng(1) })
refused("dispersion must be at least 0", inf.synthetic_pool, { dispersion = -1, rng = assay.rng(1) })
refused("query must have 2 numbers as an embedding, got 1", inf.item_search, { { 1, 2 } }, { 1 })
refused("k must be in 1..1, got 2", inf.item_search, { { 1, 2 } }, { 1, 1 }, { k = 2 })
refused("score_table: columns must be lists by column name, got a number", inf.score_table, 3)
refused("score_table: columns must have lists of one length, see b with 1", inf.score_table, { a = { 1, 2 }, b = { 1 } })
refused('score_table: unknown option "modles" (did you mean "models"?)', inf.score_table, { a = { 1 } }, { modles = {} })
refused("score_table: models must be a list, got a string", inf.score_table, { a = { 1 } }, { models = "a" })
refused("score_table: no column c", inf.score_table, { a = { 1 } }, { models = { "c" } })
refused("score_table: the column a must have numbers", inf.score_table, { a = { "x" } }, { models = { "a" } })
refused("score_table: there must be columns model, item and score", inf.score_table, { a = { "x" } })
refused("score_table: the column score must have numbers", inf.score_table, { model = { 1 }, item = { 1 }, score = { "x" } })
refused('filter_items: no tag knid (did you mean "kind"?)', inf.filter_items, wide.tags, { knid = 1 })
refused("filter_items: conditions must be a table", inf.filter_items, wide.tags, 3)

tap.done()
