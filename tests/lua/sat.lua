-- assay.models.sat: formulas, samples and the verifier in Lua.
local tap = require "tap"
local assay = require "assay"
local sat = assay.models.sat

local p = sat.problem { variables = 20, ratio = 3.5, rng = assay.rng(1) }
tap.is({ p:variables(), #p:clauses(), tostring(p) }, { 20, 70, "3-SAT problem of 20 variables and 70 clauses" }, "a random formula")
tap.is(#sat.problem { variables = 100, rng = assay.rng(1) }:clauses(), 426, "at the threshold by default")
tap.is(#sat.problem { variables = 10, clauses = 7, rng = assay.rng(1) }:clauses(), 7, "a number of clauses")
tap.is(sat.problem { variables = 20, ratio = 3.5, rng = assay.rng(1) }:clauses(), p:clauses(), "the same seed, the same formula")

--- The verifier in Lua.
local function satisfied(clauses, assignment)
    for _, clause in ipairs(clauses) do
        local any = false
        for _, literal in ipairs(clause) do
            any = any or assignment[math.abs(literal)] == (literal > 0)
        end
        if not any then
            return false
        end
    end
    return true
end
local small = sat.problem { variables = 6, clauses = 18, rng = assay.rng(2) }
local agree, solutions = true, 0
for bits = 0, 63 do
    local assignment = {}
    for v = 1, 6 do
        assignment[v] = bits >> (v - 1) & 1 == 1
    end
    agree = agree and small:verify(assignment) == satisfied(small:clauses(), assignment)
    solutions = solutions + (small:verify(assignment) and 1 or 0)
end
tap.ok(agree, "verify agrees on all 64 assignments")
tap.ok(small:sample { samples = 300, flips = 50, rng = assay.rng(3) }.solved > 0 == (solutions > 0), "sample solves what has solutions")

local s = p:sample { samples = 400, flips = 40, noise = 0.4, rng = assay.rng(4) }
local correct, used = 0, true
for i = 1, 400 do
    correct = correct + s.correct[i]
    used = used and (s.correct[i] == 1 and s.flips[i] <= 40 or s.flips[i] == 40)
end
tap.is({ #s.correct, correct, used }, { 400, s.solved, true }, "correct, flips and solved")
tap.ok(s.solved > 20 and s.solved < 400, "some walks succeed, some fail: " .. s.solved)
local rng = assay.rng(4)
local log = p:sample { samples = 400, flips = 40, noise = 0.4, rng = assay.rng(4), problem = "p" }.samples
tap.is({ log.problem[400], log.sample[400], #log.problem }, { "p", 400, 400 }, "a named problem's samples are a log")
tap.is({ log.correct, log.cost }, { s.correct, s.flips }, "with verdicts, and flips as the cost")
tap.is(assay.inference.selection_curves(log, { rng = assay.rng(1), k = { 1 } }).coverage[1], s.solved / 400, "that selectors read")
local later = p:sample { samples = 100, first = 301, flips = 40, noise = 0.4, rng = rng }
tap.is(later.flips, table.move(s.flips, 301, 400, 1, {}), "sample 301 is the same drawn alone")
tap.is(rng, assay.rng(4), "rng is not advanced")
local coverage = assay.inference.pass_at_k(400, { s.solved }, { k = { 1, 10 } }).mean
tap.ok(coverage[2] > coverage[1], "its coverage grows")

local contradiction = {}
for i = 0, 7 do
    contradiction[i + 1] = { i & 1 == 0 and 1 or -1, i & 2 == 0 and 2 or -2, i & 4 == 0 and 3 or -3 }
end
local none = sat.formula { variables = 3, clauses = contradiction }
tap.is(none:sample { samples = 50, rng = assay.rng(5) }.solved, 0, "a contradiction is never solved")
tap.is(none:clauses(), contradiction, "formula keeps its clauses")
tap.is(sat.formula { variables = 3, clauses = {} }:sample { samples = 5, rng = assay.rng(5) }.solved, 5, "no clauses: always solved")
tap.is(none:sample { samples = 2, rng = assay.rng(5) }.flips, { 9, 9 }, "3 flips a variable by default")

local calls = 0
p:sample { samples = 600, rng = assay.rng(6), progress = function() calls = calls + 1 end }
tap.ok(calls >= 2, "progress")

for _, bad in ipairs {
    { "problem: variables must be in 3..4194304, got 2", function() sat.problem { variables = 2, rng = rng } end },
    { "problem: variables must be given", function() sat.problem { rng = rng } end },
    { "problem: rng must be given", function() sat.problem { variables = 5 } end },
    { "problem: give either clauses or ratio", function() sat.problem { variables = 5, clauses = 3, ratio = 2, rng = rng } end },
    { "formula: sat: clause 1 has variable 1 twice", function() sat.formula { variables = 3, clauses = { { 1, -1, 2 } } } end },
    { "formula: clauses must have 3 literals each, got 2", function() sat.formula { variables = 3, clauses = { { 1, 2 } } } end },
    { "formula: clauses[1][2] must be a whole number", function() sat.formula { variables = 3, clauses = { { 1, 1.5, 2 } } } end },
    { "sat:sample: noise must be in 0..1, got 1.5", function() p:sample { samples = 1, noise = 1.5, rng = rng } end },
    { "sat:sample: samples must be in 1..2147483647, got 0", function() p:sample { samples = 0, rng = rng } end },
    { "sat:sample: samples must be given", function() p:sample { rng = rng } end },
    { "sat:sample: unknown option \"flip\" (did you mean \"flips\"?)", function() p:sample { samples = 1, flip = 3, rng = rng } end },
    { "sat:sample: rng must be given", function() p:sample { samples = 1 } end },
    { "sat:sample: cancelled", function() p:sample { samples = 1, rng = rng, progress = function() return true end } end },
    { "sat:verify: assignment must have 20 values", function() p:verify { 1, 0 } end },
    { "sat:verify: called on a table", function() p.verify({}, {}) end },
} do
    tap.error(bad[1], bad[2])
end

tap.done()
