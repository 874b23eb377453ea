-- Ranking the 56 models of LiveCodeBench: prints seconds a pass, and the spread of the scores (or the
-- wins counted), as onebench.py does.
local assay = require "assay"
local inference = assay.inference

local file = arg[0]:gsub("tests/bench/[^/]*$", "experiments/data/onebench/livecodebench_scores.csv")
local scores = inference.score_table(assay.data.csv(file), { tags = { "scenario", "difficulty", "month" } }).scores
local counts = inference.to_pairwise(scores).counts

local function sum(list)
    local total = 0
    for _, value in ipairs(list) do
        total = total + math.abs(value)
    end
    return total
end

local function rank(method)
    return function()
        return sum(inference.plackett_luce(counts, { alpha = 0.01, method = method }).theta)
    end
end

local run = { ilsr = rank "ilsr", mm = rank "mm" }

function run.pairs()
    local wins, total = inference.to_pairwise(scores).wins, 0
    for i = 1, #wins do
        total = total + sum(wins[i]:totable())
    end
    return total
end

local task = run[arg[1]]
local result = task()
local passes, start = 0, os.clock()
repeat
    task()
    passes = passes + 1
until os.clock() - start > 0.5
print((os.clock() - start) / passes, ("%.17g"):format(result))
