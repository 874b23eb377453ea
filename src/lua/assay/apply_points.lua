-- Applications to rows and points: which of them to keep, and which belong together.
local assay, import = ...
local check = import "check"
local kind = import "apply_kind"
local inference = assay.inference
local balance = assay.balance

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

-- Clouds: f(P, n, options) that chooses rows, and f(P, options) that makes a new cloud.

local function chosen(f)
    return function(input, o)
        local n = o.n
        at_most("--n", n, input.X:rows(), "the input's points")
        o.n = nil
        return f(input.X, n, o)
    end
end

local function weighted_draw(P, n, o)
    return balance.wrs(P, n, { k = o.k, replace = not o.distinct, rng = o.rng })
end

local function cloud(f)
    return function(input, o)
        return { matrix = (f(input.X, o)) }
    end
end

local function corrupt(P, o)
    local kind_of = o.kind
    o.kind = nil
    if not o.amount then
        o.severity = o.severity or 3
    end
    return balance.corrupt(P, kind_of, o)
end

local function radius(result)
    return { { "largest distance from a chosen point", result.covering_radius } }
end

local function inertia(result)
    return { { "inertia", result.inertia } }
end

local clusters = {
    { "k", type = "integer", min = 1, required = true, doc = "clusters" },
    { "restarts", default = 10, min = 1, max = 1000000, doc = "starts, of which the best is taken" },
}

local points = { "n", type = "integer", min = 1, required = true, doc = "points" }
local start = { "start", type = "integer", min = 1, doc = "the first point's row; without it any" }
local near = { "k", default = 20, min = 2, doc = "neighbours of a point, itself among them" }
local apart = { "exclude_self", type = "flag", doc = "a point is never its own partner" }
local corruptions = { "rotation", "shear", "scale", "uniform", "gaussian", "background", "upsampling", "impulse",
    "cutout", "density", "density_inc", "ffd", "rbf", "rbf_inv" }

local function of_points(name, title, run, options, notes)
    return { name = name, method = "pointsp", title = title, input = "points", random = true, run = run,
        options = options, notes = notes }
end

return {
    of_points("fps", "Points far from each other (farthest point sampling)", chosen(balance.fps),
        { points, start }, radius),
    of_points("ffps", "Farthest points without isolated ones", chosen(balance.ffps), { points, start, near,
        { "keep", default = 0.95, above = 0, max = 1, doc = "share of the points, by crowdedness, that take part" } }),
    of_points("wrs", "Points drawn by how crowded they are", chosen(weighted_draw), { points, near,
        { "distinct", type = "flag", doc = "no point twice" } }),
    of_points("downsample", "A cloud thinned, evenly or by a hole", cloud(balance.downsample), {
        { "ratio", type = "number", min = 0, max = 1, required = true, doc = "share of the points that stay" },
        { "balance", type = "number", min = 0, max = 1, doc = "0 is a hole, 1 even; drawn if not given" } }),
    of_points("upsample", "A cloud with more points in its tangent planes", cloud(balance.upsample), {
        { "ratio", type = "number", min = 1, max = 1e6, required = true, doc = "points after, over those before" },
        near, apart }),
    of_points("fill-up", "A cloud filled up to a number of points", cloud(balance.fill_up), {
        { "n", default = 1024, min = 1, max = 1000000000, doc = "points it has at least" }, near, apart }),
    of_points("corrupt", "A cloud corrupted as in ModelNet40-C", cloud(corrupt), {
        { "kind", required = true, type = "string", choices = corruptions, doc = "what is done to it" },
        { "severity", type = "integer", min = 1, max = 5, doc = "how much; 3 if amount isn't given" },
        { "amount", type = "number", min = 0, doc = "how much, in degrees, lengths or numbers" } }),
    { name = "pc-normalize", method = "pointsp", title = "A cloud centred at 0, its longest side 2",
        input = "points", run = cloud(balance.pc_normalize) },
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
