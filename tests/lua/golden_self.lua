-- The golden runner against made-up cases of which it is known whether they hold.
local tap = require "tap"
local golden = require "golden"
local json = require "assay".json

local root = (os.getenv "srcdir" or ".") .. "/tests/golden/"
local file <close> = assert(io.open(root .. "_self.json"))
local cases = json.decode(file:read "a").cases

local function map(f)
    return function(input)
        local out = {}
        for i, x in ipairs(input.x) do
            out[i] = f(x)
        end
        return out
    end
end

local function each_raises(input)
    local calls = {}
    for i, x in ipairs(input.x) do
        calls[i] = function() return assay.matrix(x) end
    end
    return golden.all_raise(calls)
end

assay = require "assay"
local results = golden.check(root .. "_self.json", {
    ["adapted by name"] = map(function(x) return 2 * x end),
    ["adapted by name, wrong"] = map(function(x) return 3 * x end),
    ["the half of each x"] = map(function(x) return x / 2 end),
    ["every call must raise"] = each_raises,
    ["every call must raise, one does not"] = each_raises,
    ["every call must raise, one does not exist"] = function(input)
        return golden.all_raise { function() return assay.matrix(input.x[1]) end, function() return assay.unknown(1) end }
    end,
    ["of no case"] = function() end,
})

for i, case in ipairs(cases) do
    tap.is(results[i].difference == nil, case.holds,
        case.name .. " -> " .. (results[i].difference or "holds"))
end
tap.is(#results, #cases + 1, "one result a case, and one for the adaptor that no case wants")
tap.is(results[#results].difference, "no case wants this adaptor", "an unused adaptor fails")

--- The file's own words on tolerance.
local function holds(tolerance, case)
    local path = os.tmpname()
    local out <close> = assert(io.open(path, "w"))
    out:write(json.encode { tolerance = tolerance, cases = { case } })
    out:flush()
    local found = golden.check(path)[1].difference
    os.remove(path)
    return found == nil, found
end

local off = { name = "off by 0.01", call = "1000.01", input = {}, expected = { y = 1000 }, tol = 1e-3 }
tap.ok(not holds("absolute, per case", off), "a file's tolerance is absolute")
tap.ok(holds("absolute or relative as given per case", off), "absolute or relative")
tap.ok(holds("|difference| <= tol or <= tol*|expected| elementwise", off), "or relative, as a formula")
tap.ok(holds("max |difference| <= tol * max(1,max|expected|)", off), "scaled, as a formula")
off.tol = nil
tap.ok(not holds("absolute 1e-3", off), "the file's number")
tap.ok(holds("absolute 0.1 unless the case says otherwise", off), "the file's number, larger")
tap.is(select(2, holds("per case", off)), "the case has no tolerance", "no tolerance at all")

--- Tests that share a file take their cases by name.
local shared = os.tmpname()
do
    local out <close> = assert(io.open(shared, "w"))
    out:write(json.encode { tolerance = "absolute 0", cases = {
        { name = "ours", call = "1", input = {}, expected = 1 },
        { name = "theirs", call = "words of theirs", input = {}, expected = 1 },
    } })
end
local ours = golden.check(shared, nil, function(case) return case.name == "ours" end)
tap.is({ #ours, ours[1].difference }, { 1 }, "only the wanted cases")
tap.is(golden.check(shared, nil, function() return false end)[1].difference, "no case is wanted", "none is a failure")
os.remove(shared)

tap.done()
