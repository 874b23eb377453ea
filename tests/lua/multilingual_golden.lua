-- Temperatures, pools and selection against tests/golden/multilingual.json: independent numpy code
-- after the published definitions.
local golden = require "golden"
local assay = require "assay"
local inference = assay.inference

local function softmax(input)
    local logits = {}
    for i, logit in ipairs(input.logits) do
        logits[i] = logit == logit and logit or -math.huge -- null
    end
    local temperature = input.temperature == "inf" and math.huge or input.temperature
    return { p = inference.temperature_softmax(logits, { temperature = temperature }) }
end

golden.run("multilingual", {
    ["assay.inference.temperature_softmax(logits, {temperature=t})"] = softmax,
    ["assay.inference.temperature_softmax(logits, {temperature=0.01})"] = softmax,
    ["assay.inference.min_p_filter(p, {min_p=m})"] = function(input)
        return inference.min_p_filter(input.p, { min_p = input.min_p })
    end,
    ["assay.inference.sampling_plan(options)"] = inference.sampling_plan,
    ["utility edge cases"] = function(input)
        local values = {}
        for _, metric in ipairs { "exact", "token_f1", "chrf", "edit" } do
            values[metric] = {}
            for i, pair in ipairs(input.pairs) do
                values[metric][i] = inference.utility({ pair[1] }, { pair[2] }, { metric = metric })[1][1]
            end
        end
        return values
    end,
    ["assay.inference.x_mbr(u_candidates, u_cross, {cross_weight=w})"] = function(input)
        return inference.x_mbr(input.u_candidates, input.u_cross, { cross_weight = input.cross_weight })
    end,
    ["MBR with exact-match utility is majority vote"] = function(input)
        return inference.mbr(inference.utility(input.answers, input.answers, { metric = "exact" }))
    end,
    ["win rate"] = inference.win_rate,
    ["checklist selection from a check matrix"] = function(input)
        return inference.checklist_select(input.checks, { weights = input.weights })
    end,
    ["CHOPS reply parsing"] = function(input)
        local index, parsed = {}, {}
        for i, row in ipairs(input.rows) do
            local choice = inference.chops_parse(row[1], { n = row[2], fallback = 1 })
            index[i], parsed[i] = choice.index, choice.parsed
        end
        return { index = index, parsed = parsed }
    end,
    ["CHOPS shuffled presentation is undone"] = function(input)
        return inference.chops_parse(input.text, { n = input.n, order = input.order })
    end,
})

require("tap").done()
