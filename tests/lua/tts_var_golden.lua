-- The parts of the search over paths against independent numpy code.
local golden = require "golden"
local tap = require "tap"
local assay = require "assay"
local inference = assay.inference

local function schedule(input)
    local kept = inference.batch_schedule { n = input.n, base = input.base }
    local result = inference.schedule_cost(kept, input.tokens)
    return { kept = kept, generated = result.generated, cost = result.cost,
        cost_best_of_n = input.n * result.one, ratio = result.ratio }
end

golden.run("tts-var", {
    ["schedule N=1, token cost of 13 scales"] = schedule,
    ["schedule N=2, token cost of 13 scales"] = schedule,
    ["schedule N=8, token cost of 13 scales"] = schedule,
    ["multinomial resampling from uniform draws"] = function(input)
        return inference.resample(input.weights, { draws = input.draws })
    end,
    ["systematic resampling k=4"] = function(input)
        return inference.resample(input.weights, { k = input.k, kind = "systematic", draws = input.draws })
    end,
    ["systematic resampling k=7"] = function(input)
        return inference.resample(input.weights, { k = input.k, kind = "systematic", draws = input.draws })
    end,
    ["k-means from given centres, representatives"] = function(input)
        return inference.diversity_select(input.features, { k = 3, init = input.init })
    end,
    ["k-means unstructured"] = function(input)
        return inference.diversity_select(input.features, { k = #input.init, init = input.init })
    end,
    ["k-means++ seeding from draws"] = function(input)
        return inference.kmeans_pp(input.features, { k = input.k, draws = input.draws })
    end,
    ["k = n returns every sample"] = function(input)
        return inference.diversity_select(input.features, { k = #input.features, init = input.init })
    end,
})

tap.done()
