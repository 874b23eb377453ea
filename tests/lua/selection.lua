-- Selectors over logs that compare texts, read checklists or ask a judge; and resampled logs.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference

-- Four samples of one problem; the plurality is wrong, the cross evidence is right.
local log = {
    problem = { "p", "p", "p", "p", "p", "p", "q", "q", "q", "q" },
    answer = { "7", "7", "12", "x", "12", "12", "1", "2", "2", "2" },
    correct = { false, false, true, false, 0 / 0, 0 / 0, true, false, false, false },
    other = { false, false, false, false, true, true, false, false, false, false },
    good = { 0, 0, 1, 0, 0, 0, 1, 0, 1, 0 },
    short = { 1, 1, 1, 0.5, 0, 0, 1, 1, 0, 1 },
}
local curves = inf.selection_curves(log, {
    k = { 1, 2, 3, 4 }, utility = "exact", cross = "other", cross_weight = 2, permutations = 4000,
    checks = { "good", "short" }, check_weights = { 2, 1 }, rng = assay.rng(1),
})
local of = curves.per_problem
tap.is({ curves.problems, #of.mbr, #of.mbr[1] }, { { "p", "q" }, 2, 4 }, "evidence is no problem and no sample")
tap.near(of.coverage[1]:totable(), { 1 / 4, 1 / 2, 3 / 4, 1 }, 1e-12, "coverage counts samples only")
tap.near({ of.mbr[1][1], of.mbr[1][4] }, { 1 / 4, 0 }, 0.03, "MBR: one sample, and all of them (the plurality)")
-- 2 of 4: {7,7}, {7,12} x 2, {7,x} x 2, {12,x}: ties are even, so 12 wins 1/2 of three pairs of six
tap.near(of.mbr[1][2], (2 * 0.5 + 0.5) / 6, 0.03, "MBR with exact utility is the vote of random subsets")
tap.near(of.majority[1]:totable(), of.mbr[1]:totable(), 0.03, "and the majority's exact curve")
tap.near(of.x_mbr[1]:totable(), { 1 / 4, 1 / 2, 3 / 4, 1 }, 0.03, "X-MBR: the right one whenever it is there")
tap.is(of.x_mbr[2]:totable(), of.mbr[2]:totable(), "a problem without evidence: X-MBR is MBR")
tap.near(of.checklist[2]:totable(), { 1 / 4, 1 / 2, 3 / 4, 1 }, 1e-12, "checklist: an exact best-of-k, 3 of 3 points first")
tap.near(curves.oracle_gap.checklist, { 0, 0, 0, 0 }, 1e-12, "and its gap")
tap.near(curves.x_mbr_se[1], 0, 0.03, "standard errors over problems")

-- numbers as answers, another text, the default of utility's text
local numbers = { { problem = 1, answer = 7, correct = true }, { problem = 1, answer = 7, correct = true } }
tap.is(inf.selection_curves(numbers, { k = 2, utility = "edit", rng = assay.rng(1) }).mbr, { 1.0 }, "answers may be numbers")
local texts = { { problem = 1, text = "a b c", correct = true }, { problem = 1, text = "a b d", correct = true },
    { problem = 1, text = "z", correct = false } }
tap.is(inf.selection_curves(texts, { k = 3, utility = "token_f1", rng = assay.rng(1) }).mbr, { 1.0 }, "texts, without answers")

-- a judge: always the longest text; it is asked draws times per problem and k
local asked = {}
local function longest(problem, candidates)
    table.insert(asked, problem .. #candidates)
    local best = 1
    for i, text in ipairs(candidates) do
        best = #text > #candidates[best] and i or best
    end
    return best
end
local judged = inf.selection_curves(texts, { k = { 1, 3 }, judge = longest, judge_draws = 50, rng = assay.rng(2) })
tap.near(judged.chops, { 2 / 3, 1 }, 0.25, "the judge's choice")
tap.is(judged.chops[2], 1.0, "all candidates: the longest")
tap.is(#asked, 100, "calls")

-- a scripted judge that speaks: the candidate with the best checklist score plus noise, through CHOPS
local noise = assay.rng(3)
local scores = { ["12"] = 1, ["7"] = 0.4, x = 0, ["1"] = 1, ["2"] = 0.5 }
local function chops(problem, candidates)
    local choice = inf.chops_select("Compute " .. problem, candidates, function(message)
        local best, most = 0, -math.huge
        for place, text in message:gmatch "%[(%d+)%]\n([^\n]*)\n" do
            local score = scores[text] + 0.2 * noise:uniform()
            best, most = score > most and place or best, math.max(most, score)
        end
        return "1. right\nBest: [[" .. best .. "]]"
    end, { rng = noise })
    return choice.index
end
local spoken = inf.selection_curves(log, { k = 4, cross = "other", utility = "exact", judge = chops, rng = assay.rng(4) })
tap.is(spoken.chops, { 1.0 }, "message, shuffle, reply and choice fit together")

for _, case in ipairs {
    { "selection_curves: rng must be given: MBR is estimated", { utility = "chrf" } },
    { "selection_curves: rng must be given: the judge's choice", { judge = longest } },
    { "selection_curves: cross needs a utility", { cross = "other" } },
    { "selection_curves: utility must be one of", { utility = "bleu", rng = assay.rng(1) } },
    { "selection_curves: judge must be a function (problem, texts)", { judge = 1, rng = assay.rng(1) } },
    { "selection_curves: checks must be a list of columns", { checks = "good" } },
    { "selection_curves: nope of row 1 must be true, false or a number in 0..1, got a nil", { checks = { "nope" } } },
    { "selection_curves: check_weights must be a number or a list of 1 numbers, got 2", { checks = { "good" }, check_weights = { 1, 2 } } },
    { "selection_curves: row 1: checklist_select: weights must not sum to 0", { checks = { "good" }, check_weights = 0 } },
    { "selection_curves: the judge's choice (a position) must be in 1..1, got 2",
        { judge = function() return 2 end, k = 1, rng = assay.rng(1) } },
    { "selection_curves: answer of row 1 must be true or false (or 1 or 0), got a string",
        { cross = "answer", utility = "exact", rng = assay.rng(1) } },
} do
    local whole = { { problem = 1, answer = "1", correct = true, good = 1 } }
    tap.error(case[1], function() inf.selection_curves(whole, case[2]) end)
end
tap.error("selection_curves: utility and judge need texts: the log has neither answer nor text",
    function() inf.selection_curves({ { problem = 1, correct = true } }, { utility = "exact", rng = assay.rng(1) }) end)
tap.error("selection_curves: problem q of the log has evidence only, and no sample", function()
    inf.selection_curves({ problem = { "p", "q" }, answer = { "1", "1" }, correct = { 1, 1 }, x = { 0, 1 } },
        { cross = "x", utility = "exact", rng = assay.rng(1) })
end)
tap.error("stop here", function()
    inf.selection_curves(log, { utility = "exact", cross = "other", rng = assay.rng(1),
        progress = function(done) if done == 2 then error "stop here" end end })
end)

-- resampling
local function count(list, value)
    local n = 0
    for _, entry in ipairs(list) do
        n = n + (entry == value and 1 or 0)
    end
    return n
end
local mine = { problem = { "a", "a", "a", "b" }, correct = { 1, 0, 0, 1 }, answer = { "x", nil, "z", "w" } }
local again = inf.resample_log(mine, { rng = assay.rng(5) })
tap.is({ count(again.problem, "a"), count(again.problem, "b"), again.correct[4] }, { 3, 1, 1 },
    "over samples: each problem keeps its number")
local consistent = true
for i = 1, 3 do
    consistent = consistent and (again.correct[i] == 1) == (again.answer[i] == "x")
end
tap.ok(consistent, "rows stay whole")
local rows = inf.resample_log({ { problem = 7, correct = true }, { problem = 8, correct = false } },
    { rng = assay.rng(6), over = "problems" })
tap.is(#rows.problem, 2, "rows come back as columns")
local seen, copies = {}, 0
for seed = 1, 40 do
    local drawn = inf.resample_log(mine, { rng = assay.rng(seed), over = "problems" })
    for _, problem in ipairs(drawn.problem) do
        seen[problem] = true
    end
    copies = copies + (count(drawn.problem, "a#2") == 3 and 1 or 0)
end
tap.ok(seen.a and seen.b and seen["a#2"] and seen["b#2"], "a problem that is drawn again is another problem")
tap.ok(copies > 2 and copies < 20, "which happens to a quarter of the draws")
local p1 = { problem = {}, correct = {} } -- 50 problems, half of them always solved
for i = 1, 100 do
    p1.problem[i], p1.correct[i] = (i + 1) // 2, (i + 1) // 2 % 2
end
local spread = {}
for seed = 1, 300 do
    spread[seed] = inf.selection_curves(inf.resample_log(p1, { rng = assay.rng(seed), over = "both" }), { k = 1 }).coverage[1]
end
tap.near({ assay.stats.mean(spread), assay.stats.sd(spread) }, { 0.5, math.sqrt(0.25 / 50) }, 0.012,
    "the spread over problems is the binomial's")
tap.error("resample_log: rng must be given", function() inf.resample_log(mine) end)
tap.error("resample_log: over must be one of", function() inf.resample_log(mine, { over = "all", rng = assay.rng(1) }) end)

tap.done()
