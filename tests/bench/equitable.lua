-- A budget for 200 groups, and 100 fitted learning curves: prints seconds a pass, and the utility or the
-- sum of what the curves say of 5000 examples, as equitable.py does.
local assay = require "assay"
local balance = assay.balance

local curves, start, cost = {}, {}, {}
for g = 1, 200 do
    curves[g] = { kind = "power", a = 0.6 + 0.4 * (g % 7) / 7, b = 0.5 + g % 11 / 10, c = 0.2 + g % 5 / 10 }
    start[g], cost[g] = 60, 1 + g % 3
end

local sizes = { 20, 40, 80, 160, 320, 640 }
local points = {}
for i = 1, 100 do
    points[i] = {}
    for j, n in ipairs(sizes) do
        points[i][j] = 0.9 - (0.5 + i / 100) * n ^ -(0.3 + i / 400) + 0.004 * math.sin(37 * i + 11 * j)
    end
end

local run = {}

function run.allocate()
    return balance.allocate(curves, { start = start, cost = cost, budget = 40000, method = "water" }).utility
end

function run.fit()
    local sum = 0
    for _, v in ipairs(points) do
        sum = sum + balance.learning_curve({ 5000 }, balance.learning_curve_fit(sizes, v, { a_max = math.huge }))[1]
    end
    return sum / #points
end

local task = run[arg[1]]
local result = task()
local passes, begin = 0, os.clock()
repeat
    task()
    passes = passes + 1
until os.clock() - begin > 0.5
print((os.clock() - begin) / passes, ("%.17g"):format(result))
