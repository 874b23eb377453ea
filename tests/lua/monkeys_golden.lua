-- Repeated sampling against tests/golden/monkeys.json: exact rational arithmetic, scipy's fits,
-- 40-digit quadrature, brute-force votes.
local tap = require "tap"
local golden = require "golden"
local assay = require "assay"
local inference = assay.inference

local data = (os.getenv "srcdir" or ".") .. "/experiments/data/monkeys/math_pythia_counts.csv"

--- The column of counts that `name` heads.
local function counts(name)
    local column, at = {}, nil
    for line in io.lines(data) do
        local fields = {}
        for field in line:gmatch "[^,]+" do
            fields[#fields + 1] = field
        end
        if at then
            column[#column + 1] = assert(tonumber(fields[at]), line)
        else
            for i, field in ipairs(fields) do
                at = field == name and i or at
            end
            assert(at, name)
        end
    end
    return column
end

local function real_coverage(input)
    return { mean = inference.pass_at_k(input.n, counts(input.column), { k = input.k }).mean }
end

local function shape(input)
    return { alpha = input.alpha, beta = input.beta, scale = input.scale }
end

local function logpmf(f)
    return function(input)
        local values = {}
        for i, row in ipairs(input.rows) do
            values[i] = f(row.x, row.n, shape(row))
        end
        return values
    end
end

golden.run("monkeys", {
    ["pass_at_k large n, extreme k"] = function(input)
        local values = {}
        for i, row in ipairs(input.rows) do
            values[i] = inference.pass_at_k(row[1], { row[2] }, { k = row[3] }).per_problem[1][1]
        end
        return values
    end,
    ["errors"] = function(input)
        local calls = {}
        for i, row in ipairs(input.rows) do
            calls[i] = function() return inference.pass_at_k(row.n, { row.c }, { k = { row.k } }) end
        end
        return golden.all_raise(calls)
    end,
    ["coverage curve, real counts pythia_70m"] = real_coverage,
    ["coverage curve, real counts pythia_12b"] = real_coverage,
    ["exact power law is recovered in every space"] = function(input)
        local fits = {}
        for i, space in ipairs(input.spaces) do
            fits[i] = inference.fit_power_law(input.k, input.coverage, { space = space })
        end
        for _, name in ipairs { "a", "b" } do
            tap.near({ fits[2][name], fits[3][name] }, { fits[1][name], fits[1][name] }, 1e-8, name .. " alike")
        end
        return fits[1]
    end,
    ["constant coverage 0 or 1 raises"] = function(input)
        local calls = {}
        for i, coverage in ipairs(input.coverage) do
            calls[i] = function() return inference.fit_power_law(input.k, coverage) end
        end
        return golden.all_raise(calls)
    end,
    ["beta-binomial mean nll, real counts"] = function(input)
        return inference.beta_binomial_nll(input.n, counts(input.column), shape(input))
    end,
    ["beta-binomial MLE, real counts"] = function(input)
        return inference.fit_beta_binomial(input.n, counts(input.column), { scale = input.scale })
    end,
    ["scaled beta-binomial log pmf"] = logpmf(inference.beta_binomial_logpmf),
    ["scaled kumaraswamy-binomial log pmf"] = logpmf(inference.kumaraswamy_binomial_logpmf),
    ["expected pass@k under scaled beta"] = function(input)
        return inference.pass_at_k_beta(input.k, shape(input))
    end,
    ["expected pass@k under scaled kumaraswamy"] = function(input)
        return inference.pass_at_k_kumaraswamy(input.k, shape(input))
    end,
    ["expected pass@k under Beta, scale 1, closed form"] = function(input)
        return inference.pass_at_k_beta(input.k, { alpha = input.alpha, beta = input.beta })
    end,
    ["permutation-prefix estimator (votes)"] = function(input)
        return inference.majority_vote(input.answers, input.class_correct,
            { method = "permutation", permutations = input.permutations })
    end,
    ["permutation-prefix estimator (weighted votes)"] = function(input)
        return inference.weighted_vote(input.answers, input.weights, input.class_correct,
            { method = "permutation", permutations = input.permutations })
    end,
    ["inference FLOPs"] = function(input)
        return inference.flops({ params = input.params, layers = input.layers, dim = input.dim },
            { prompt = input.prompt, decode = input.decode, completions = input.completions })
    end,
    ["API cost, paper Table 1"] = function(input)
        local cost, attempts = {}, {}
        for i, row in ipairs(input.rows) do
            cost[i], attempts[i] = row[1], row[2]
            local one = { cost_per_attempt = row[1], attempts = row[2], problems = input.problems }
            tap.near(inference.api_cost(one).total, ({ 10.8, 39, 51 })[i], 1e-9, "one alternative, a number")
        end
        return inference.api_cost { cost_per_attempt = cost, attempts = attempts, problems = input.problems }
    end,
    ["samples needed to reach a coverage"] = function(input)
        return inference.samples_to_reach(input.n, input.c, { coverage = input.coverage })
    end,
})

tap.done()
