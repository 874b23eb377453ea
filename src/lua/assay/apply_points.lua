-- Applications to rows and points: which of them to keep, and which belong together.
local assay, import = ...
local check = import "check"
local kind = import "apply_kind"
local inference = assay.inference

local function at_most(flag, value, most, what)
    if value > most then
        check.fail(flag, "must be in 1..%d (%s), got %d", most, what, value)
    end
end

local function random(input, o)
    local index = {}
    if not o.replace then
        at_most("--n", o.n, input.rows, "the input's rows")
        return { index = o.rng:sample(input.rows, o.n) }
    end
    for i = 1, o.n do
        index[i] = o.rng:integer(1, input.rows)
    end
    return { index = index }
end

local function resample(input, o)
    local weights = kind.column(input, o.weights, "--weights")
    for i, weight in ipairs(weights) do
        if type(weight) ~= "number" or not (weight >= 0) then
            check.fail("--weights", "must be a column of numbers of at least 0, got %s in row %d",
                check.show(weight), i)
        end
    end
    return { index = inference.resample(weights, { k = o.n, kind = o.kind, rng = o.rng }) }
end

local function cluster(input, o)
    at_most("--k", o.k, input.X:rows(), "the input's rows")
    return inference.diversity_select(input.X, { k = o.k, restarts = o.restarts, rng = o.rng })
end

local function kmeans(input, o)
    local result = cluster(input, o)
    return { columns = { { "cluster", result.labels } }, inertia = result.inertia }
end

local function kmeans_pp(input, o)
    at_most("--k", o.k, input.X:rows(), "the input's rows")
    return { index = inference.kmeans_pp(input.X, o) }
end

local function inertia(result)
    return { { "inertia", result.inertia } }
end

local clusters = {
    { "k", type = "integer", min = 1, required = true, doc = "clusters" },
    { "restarts", default = 10, min = 1, max = 1000000, doc = "starts, of which the best is taken" },
}

return {
    { name = "random", title = "Rows drawn at random", input = "table", random = true, run = random, options = {
        { "n", type = "integer", min = 1, max = 1000000000, required = true, doc = "rows" },
        { "replace", type = "flag", doc = "a row may come again" } } },
    { name = "resample", method = "tts-var", title = "Rows drawn by their weights, with replacement",
        input = "table", random = true, run = resample, options = {
            { "weights", type = "string", required = true, argument = "COLUMN", doc = "the column of weights" },
            { "n", type = "integer", min = 1, max = 1000000000, required = true, doc = "rows" },
            { "kind", default = "multinomial", choices = { "multinomial", "systematic" },
                doc = "independent draws, or evenly spaced ones" } } },
    { name = "kmeans", title = "Clusters of rows: the column cluster (k-means)", input = "points", random = true,
        run = kmeans, options = clusters, notes = inertia },
    { name = "kmeans-pp", method = "tts-var", title = "Rows far from each other, at random (k-means++)",
        input = "points", random = true, run = kmeans_pp, options = { clusters[1] } },
    { name = "diversity", method = "tts-var", title = "The row in the middle of each cluster", input = "points",
        random = true, run = cluster, options = clusters, notes = inertia },
}
