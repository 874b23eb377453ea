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

-- Key points of a cloud; the start is drawn where it isn't given.
local function key_points(f, most)
    return function(input, o)
        at_most("--n", o.n, most and most(input.X:rows(), o) or input.X:rows(), "the points there are to choose from")
        if o.start then
            at_most("--start", o.start, input.X:rows(), "the input's rows")
        end
        return f(input.X, o.n, { start = o.start, k = o.k, keep = o.keep, replace = o.replace, rng = o.rng })
    end
end

local function fps(X, n, o) return assay.balance.fps(X, n, { start = o.start, rng = o.rng }) end

local function wrs(X, n, o) return assay.balance.wrs(X, n, { k = o.k, replace = o.replace, rng = o.rng }) end

local function ffps(X, n, o)
    return assay.balance.ffps(X, n, { k = o.k, keep = o.keep, start = o.start, rng = o.rng })
end

local chosen = { "n", type = "integer", min = 1, max = 1000000000, required = true, doc = "points" }
local start = { "start", type = "integer", min = 1, doc = "the row that is the first; drawn without it" }
local crowd = { "k", default = 20, min = 2, max = 1000000, doc = "neighbours that tell how crowded a point is, itself among them" }

local function radius(result)
    return { { "covering radius", result.covering_radius } }
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
    { name = "fps", method = "pointsp", title = "Rows far from each other (farthest point sampling)", input = "points",
        random = true, run = key_points(fps), options = { chosen, start }, notes = radius },
    { name = "ffps", method = "pointsp", title = "Farthest points among those that are not lonely", input = "points",
        random = true, run = key_points(ffps), options = { chosen, start, crowd,
            { "keep", default = 0.95, above = 0, max = 1, doc = "the share of points, by crowdedness, that is kept" } } },
    { name = "wrs", method = "pointsp", title = "Points drawn by how crowded they are", input = "points",
        random = true, run = key_points(wrs, function(rows, o) return o.replace and 1000000000 or rows end),
        options = { chosen, crowd, { "replace", type = "flag", doc = "a point may come again" } } },
}
