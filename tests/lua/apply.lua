-- The declarations of what assay apply does: each belongs to a method of the catalogue or to none, no two
-- have one name, every option is one that the function takes, and the defaults are the function's own.
local assay = require "assay"
local apply = require "assay.apply"
local option = require "assay.apply_option"
local tap = dofile(os.getenv "srcdir" .. "/tests/lua/tap.lua")

local seen = {}
for _, entry in ipairs(apply.all) do
    tap.ok(not seen[entry.name], entry.name .. ": a name of its own")
    seen[entry.name] = true
    tap.ok(not entry.method or pcall(assay.catalogue.method, entry.method), "  its method is in the catalogue")
    local flags = {}
    for _, o in ipairs(entry.options) do
        tap.ok(not flags[o.flag] and not o.flag:find "_", "  option " .. o.flag)
        flags[o.flag] = true
    end
end

-- Two classes, the small one partly among the large one.
local X, y = {}, {}
for i = 1, 40 do
    X[i], y[i] = { i * 7 % 13 + (i <= 12 and 8 or 0), i * 5 % 17 }, i <= 12 and 1 or 0
end

local function values(o)
    if o.type == "flag" then
        return { true }
    elseif o.type == "columns" then
        return { { 1 } }
    elseif o.type == "class" then
        return { 1 }
    end
    return o.choices or { o.max and math.min(o.max, 2) or 2 }
end

local function required(entry, name)
    local o = { rng = assay.rng(1), threads = entry.threads and 1 or nil }
    o.rng = entry.random and o.rng or nil
    if entry.name == "smotenc" then
        o.nominal = { 1 }
    elseif name == "minority_rows" then
        o.percent = 100
    elseif name == "majority_share" then
        o.kind = 2
    end
    return o
end

for _, entry in ipairs(apply.all) do
    if entry.input == "labelled" then
        local function run(name, value)
            local o = required(entry, name)
            o[name] = value
            return entry.run({ X = X, y = y }, o)
        end
        for _, o in ipairs(entry.options) do
            for _, value in ipairs(entry.own[o.name] and values(o) or {}) do
                local ok, result = pcall(run, o.name, value)
                tap.ok(ok, ("%s takes %s = %s %s"):format(entry.name, o.name, value, ok and "" or result))
            end
            if entry.own[o.name] and o.default then
                tap.is(run(o.name, o.default).X, run(o.name, nil).X, "  " .. o.name .. "'s default is the function's")
            end
        end
    end
end

-- ---- what a text means ----

local function reads(spec, text)
    return option.read(option.declare(spec), text)
end

tap.is(reads({ "k", default = 5, min = 1, doc = "d" }, "7"), 7, "a whole number")
tap.is(math.type(reads({ "k", default = 5.0, doc = "d" }, "7")), "float", "a number")
tap.is(reads({ "a", type = "list", doc = "d" }, 'x,"y,z"'), { "x", "y,z" }, "a list")
tap.is(option.declare({ "majority_share", default = 0.5, min = 0, max = 1, doc = "share" }).help,
    "share; in 0..1 (default: 0.5)", "help has range and default")
local _, refusal = pcall(option.declare, { "k", defualt = 5, doc = "d" })
tap.is(refusal.message, 'unknown field "defualt"', "a field that is none")
for text, words in assay.sorted_pairs { ["1e400"] = "a whole number at least 1", x = "a whole number", ["0"] = "at least 1" } do
    local ok, err = pcall(reads, { "k", default = 5, min = 1, doc = "d" }, text)
    tap.ok(not ok and err.path == "--k" and err.message:find(words, 1, true), "refused: " .. text)
end
tap.done()
