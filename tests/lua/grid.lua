-- The grid: texts to values, presets, overrides, the order of cells, filters, a million cells.
local tap = require "tap"
local assay = require "assay"
local grid = require "assay.grid"
local parameter = require "assay.parameter"

local function none() end

local demo = assay.experiment {
    name = "demo",
    run = none,
    replicates = 2,
    params = {
        samples = { default = 100, min = 1, max = 1e6 },
        temperature = { default = { 0.5, 1.0 }, min = 0 },
        exact = false,
        solver = { default = "walk", choices = { "walk", "a,b", 'say "x"' } },
        free = "text",
    },
    presets = { quick = { samples = 10, temperature = 0.7 }, wide = { samples = { 1, 2, 3 } } },
}

local function params(preset, ...)
    return grid.params(grid.plan(demo, preset, { ... }, 0))
end

tap.is(params(), '{"exact":false,"free":"text","samples":100,"solver":"walk","temperature":[0.5,1.0]}',
    "defaults")
tap.is(params("quick"), '{"exact":false,"free":"text","samples":10,"solver":"walk","temperature":0.7}',
    "a preset wins over defaults")
tap.is(params("quick", { "samples", "1e3, 7" }),
    '{"exact":false,"free":"text","samples":[1000,7],"solver":"walk","temperature":0.7}',
    "an override wins over a preset, 1e3 is an integer")
tap.is(params("wide", { "solver", 'walk,"a,b","say ""x"""' }, { "exact", "yes,0" }, { "temperature", "2" }),
    '{"exact":[true,false],"free":"text","samples":[1,2,3],"solver":["walk","a,b","say \\"x\\""],'
    .. '"temperature":2.0}', "quotes, booleans, whole numbers of a number parameter")
tap.is(params(nil, { "free", "" }, { "temperature", "0" }),
    '{"exact":false,"free":"","samples":100,"solver":"walk","temperature":0.0}', "an empty text")
for _, case in ipairs { { "a", { "a" } }, { " a , b ", { "a", "b" } }, { "a,,b", { "a", "", "b" } },
    { "a,", { "a", "" } }, { '"a b" , c', { "a b", "c" } }, { '""', { "" } }, { ",", { "", "" } } } do
    tap.is(parameter.split(case[1], "p"), case[2], "split " .. case[1])
end

local function refused(wanted, ...)
    local settings = { ... }
    local preset = type(settings[1]) == "string" and table.remove(settings, 1) or nil
    local ok, message = pcall(grid.plan, demo, preset, settings, 0)
    tap.is(ok and "no error" or message, wanted, wanted)
end

refused('preset: unknown preset "quik" (did you mean "quick"?)', "quik")
refused('temprature: unknown parameter (did you mean "temperature"?)', { "temprature", "1" })
refused("samples: must be >= 1, got 0", { "samples", "0" })
refused("samples[2]: must be <= 1e+06, got 2000000", { "samples", "1,2e6" })
refused("samples: must be an integer, got 2.5", { "samples", "2.5" })
refused('samples: must be an integer, got "many"', { "samples", "many" })
refused('samples: must be an integer, got "nan"', { "samples", "nan" })
refused("temperature: must be finite, got inf", { "temperature", "1e999" })
refused('temperature: must be a number, got ""', { "temperature", "" })
refused('exact: must be true or false, got "2"', { "exact", "2" })
tap.is(params(nil, { "samples", "1,1000000" }):match('"samples":(%b[])'), "[1,1000000]", "the ends of a range are within")
refused('solver: must be one of "walk", "a,b", "say "x"", got "run"', { "solver", "run" })
refused("samples[2]: 10 stands twice in the list", { "samples", "10,1e1" })
refused("samples: is set twice (a sweep is one list: samples=a,b)", { "samples", "1" }, { "samples", "2" })
refused('solver: has a quote that is not closed before a comma: ""walk"', { "solver", '"walk' })
refused("free: must be UTF-8 text without zero bytes", { "free", "\xff" })

-- Alphabetical, the last one fastest, replicates slowest.
local small = assay.experiment { name = "small", run = none, params = { b = { 1, 2 }, a = { "x", "y", "z" } } }
local plan = grid.plan(small, nil, {}, 2)
local seen = {}
for i = 0, plan.cells - 1 do
    local _, text, replicate = grid.cell(plan, i)
    seen[#seen + 1] = replicate .. text
end
tap.is(seen, {
    '1{"a":"x","b":1}', '1{"a":"x","b":2}', '1{"a":"y","b":1}', '1{"a":"y","b":2}', '1{"a":"z","b":1}',
    '1{"a":"z","b":2}', '2{"a":"x","b":1}', '2{"a":"x","b":2}', '2{"a":"y","b":1}', '2{"a":"y","b":2}',
    '2{"a":"z","b":1}', '2{"a":"z","b":2}',
}, "the order of cells")
tap.is(grid.plan(small, nil, {}, 0).cells, 6, "replicates of the declaration")

local p = grid.cell(plan, 3)
tap.is({ p.a, p.b }, { "y", 2 }, "the parameters of a cell")
tap.error('there is no parameter "aa" (did you mean "a"?)', function()
    return p.aa
end)

local list = {}
for i = 1, 1000 do
    list[i] = i
end
local large = assay.experiment { name = "large", run = none, params = { a = list, b = list } }
collectgarbage()
local before = collectgarbage("count")
local million = grid.plan(large, nil, {}, 1000)
local used = collectgarbage("count") - before
local _, last = grid.cell(million, 10 ^ 9 - 1 | 0)
tap.is({ million.cells, last }, { 10 ^ 9 | 0, '{"a":1000,"b":1000}' }, "a grid of 10^9 cells")
tap.ok(used < 100, "takes no memory", used .. " KiB")

local half = assay.experiment {
    name = "half", run = none, params = { a = { 1, 2, 3 }, b = { 1, 2, 3 } },
    filter = function(q)
        return q.a < q.b
    end,
}
local kept = grid.plan(half, nil, {}, 2)
local points = {}
for i = 0, kept.cells - 1 do
    local q, _, replicate = grid.cell(kept, i)
    points[#points + 1] = { replicate, q.a, q.b }
end
tap.is(points, { { 1, 1, 2 }, { 1, 1, 3 }, { 1, 2, 3 }, { 2, 1, 2 }, { 2, 1, 3 }, { 2, 2, 3 } }, "a filter")
tap.error("filter: empty grid: it keeps none of 1 points", function()
    grid.plan(half, nil, { { "a", "3" }, { "b", "1" } }, 0)
end)
tap.error('there is no parameter "c"', function()
    grid.plan(assay.experiment { name = "x", run = none, params = { a = 1 },
        filter = function(q) return q.c end }, nil, {}, 0)
end)
tap.error("the grid is too large: more than 2^40 points", function()
    grid.plan(assay.experiment { name = "x", run = none,
        params = { a = list, b = list, c = list, d = list, e = list } }, nil, {}, 0)
end)

local order = {}
for name, value in assay.sorted_pairs { c = 3, a = 1, b = 2 } do
    order[#order + 1] = name .. value
end
tap.is(order, { "a1", "b2", "c3" }, "sorted_pairs")

tap.done()
