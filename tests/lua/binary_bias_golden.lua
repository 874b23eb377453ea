-- Tests of yes/no series against tests/golden/binary-bias.json: scipy's tails, and distributions
-- that enumeration checked.
local golden = require "golden"
local assay = require "assay"
local inference = assay.inference

golden.run("binary-bias", {
    ["batches: no transition across a batch boundary"] = function(input)
        return inference.binary_battery(input.batches, { batches = true })
    end,
    ["assay.inference.temperature_rate(p, {temperature=T})"] = function(input)
        return { rate = (inference.temperature_rate(input.p, { temperature = input.temperature })) }
    end,
    ["temperature 0 and infinity"] = function(input)
        local rates = {}
        for i, row in ipairs(input.rows) do
            local temperature = row[2] == "inf" and math.huge or row[2]
            rates[i] = inference.temperature_rate(row[1], { temperature = temperature })
        end
        return { rate = rates }
    end,
    ["two conditions"] = function(input)
        return inference.compare_rates(input.a, input.b)
    end,
    ["reply parsing"] = function(input)
        local values = {}
        for i, text in ipairs(input.text) do
            values[i] = inference.parse_binary(text, { yes = { "yes" }, no = { "no" } }) or 0 / 0
        end
        return { value = values }
    end,
    ["batch reply parsing"] = function(input)
        return { value = (inference.parse_binary_list(input.text)) }
    end,
})

require("tap").done()
