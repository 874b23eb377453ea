-- The catalogue and the family tables name the same functions: nothing is bound that is in no
-- method's list, nothing is listed that is not bound.
local tap = require "tap"
local assay = require "assay"

local listed = {}
for _, method in ipairs(assay.catalogue.methods()) do
    listed[method.family] = listed[method.family] or {}
    for _, name in ipairs(method.functions) do
        local there = assay[method.family] and assay[method.family][name]
        tap.is(type(there), "function", method.slug .. ": assay." .. method.family .. "." .. name)
        listed[method.family][name] = true
    end
end
for family, names in pairs(listed) do
    for name in pairs(assay[family]) do
        tap.ok(names[name], "assay." .. family .. "." .. name .. " is in the catalogue")
    end
end

local monkeys = assay.catalogue.method "monkeys"
tap.is({ monkeys.family, monkeys.year, monkeys.arxiv, monkeys.companion.arxiv, monkeys.experiment },
    { "inference", 2024, "2407.21787", "2502.17578", "inference/monkeys.lua" }, "one method")
tap.is({ table.unpack(assay.catalogue.slugs(), 1, 2) }, { "monkeys", "binary-bias" }, "slugs")
tap.is(assay.catalogue.families()[1].name, "inference", "families")
tap.error("method: no method \"donkeys\" (did you mean \"monkeys\"?)", function() assay.catalogue.method "donkeys" end)

tap.done()
