-- The search over paths with a model in Lua, beyond the golden cases: shapes, defaults, refusals.
local tap = require "tap"
local assay = require "assay"
local inf = assay.inference

-- A path is the list of what it drew; the reward is its sum.
local function sum(state)
    local total = 0
    for _, x in ipairs(state) do
        total = total + x
    end
    return total
end

local asked = {}
local model = {
    init = function() return {} end,
    step = function(state, scale, rng)
        asked[scale] = (asked[scale] or 0) + 1
        local longer = { table.unpack(state) }
        longer[#longer + 1] = rng:normal()
        return longer
    end,
    reward = function(state) return sum(state) end,
    features = function(state) return state end,
}

local r = inf.tts_var { model = model, rng = assay.rng(1) }
tap.is(r.kept, inf.batch_schedule {}, "the paper's schedule")
tap.is(asked, { [0] = 8, 8, 8, 6, 6, 6, 4, 2, 2, 2, 1, 1, 1 }, "each scale is drawn for those kept before it, from scale 0")
tap.is({ r.cost, r.index, #r.best, #r.history, #r.history[1] }, { 55.0, 1, 13, 1, 13 }, "cost, index, shapes")
tap.near({ r.reward, r.history[1][13], r.history[1][1] }, { sum(r.best), r.reward, r.best[1] }, 1e-12, "the answer's line")
tap.is({ #r.ancestors, #r.ancestors[1], #r.ancestors[3], #r.ancestors[13] }, { 13, 8, 6, 1 }, "ancestors")
tap.is(inf.tts_var({ model = model, rng = assay.rng(1) }).best, r.best, "the same stream, the same answer")
local rng = assay.rng(1)
inf.tts_var { model = model, rng = rng }
tap.is(rng:uniform(), assay.rng(1):uniform(), "the stream is not advanced")

-- a flat schedule is best of n; IS draws among them
local flat = { 1, 1, 1, 1 }
local of_n = inf.tts_var { model = model, base = flat, n = 6, cost = { 1, 2, 3, 4 }, rng = assay.rng(2) }
local finals = of_n.history:column(4)
tap.is({ of_n.cost, #finals, of_n.reward }, { 60.0, 6, math.max(table.unpack(finals)) }, "best of n")
local drawn = inf.tts_var { model = model, base = flat, n = 6, final = "sample", lambda = -1e6, rng = assay.rng(2) }
tap.is(drawn.reward, math.min(table.unpack(finals)), "lambda far below 0 draws the worst")
local rewards = inf.reward_consistency(of_n.history)
tap.near(rewards.spearman[4], 1, 1e-12, "the last scale agrees with itself")

-- options
local own = { model = model, base = { 8, 4, 2 }, resample = { 1, 2 }, kind = "topk", top = 2, lambda = 1,
    resampling = "systematic", reward_scales = {}, rng = assay.rng(3) }
local sparse = inf.tts_var(own)
tap.ok(sparse.history[1][1] ~= sparse.history[1][1], "no reward was asked for at scale 0")
tap.is(#sparse.history, 2, "two at the end")
own.progress = function(done) return done >= 1 end
tap.error("tts_var: cancelled", function() inf.tts_var(own) end)
local plain = { init = model.init, step = model.step, reward = model.reward }
tap.is(#inf.tts_var({ model = plain, base = { 4, 2, 1 }, rng = assay.rng(4) }).best, 3, "random thinning needs no features")

-- parts
tap.is(inf.batch_schedule { n = 3, base = { 2, 1 } }, { 6, 3 }, "batch_schedule")
tap.is(inf.schedule_cost({ 4, 2 }, { 1, 10 }), { generated = { 4, 4 }, cost = 44.0, one = 11.0, ratio = 4.0, reductions = { 2 } },
    "schedule_cost")
tap.is(#inf.resample({ 1, 2 }, { k = 5, rng = assay.rng(1) }), 5, "resample from a stream")
tap.is(inf.resample({ 0, 2, 0 }, { draws = { 0, 0.99 } }), { 2, 2 }, "k is the number of draws")
tap.is(#inf.kmeans_pp({ { 0 }, { 1 }, { 5 } }, { k = 2, rng = assay.rng(1) }), 2, "kmeans_pp from a stream")
local chosen = inf.diversity_select({ { 0 }, { 0.2 }, { 5 }, { 5.2 }, { 4.9 } }, { k = 2, rng = assay.rng(1) })
table.sort(chosen.index)
tap.ok(chosen.index[1] <= 2 and chosen.index[2] == 3, "one of each cluster, nearest to its centre")
local images = { { { 1, 2 }, { 3, 4 } }, { { 0, 0 }, { 6, 2 } } }
tap.is(inf.patch_features(images, { kind = "pool" }):totable(), { { 2.0, 3.0 }, { 3.0, 1.0 } }, "pooled patches")
tap.near(inf.patch_features(images):row(2), inf.patch_pca(images[2]), 1e-15, "patches of each image")
tap.is(#inf.patch_features(images, { kind = "pca_all" })[1], 2, "patches of all")

-- the testbed's model: exact draws of a mixture, block by block
local mixture = assay.gmm.new { weights = { 0.5, 0.5 }, means = { { 2, 0, 0 }, { -2, 0, 0 } }, vars = { 1, 1 } }
local points, labels = {}, {}
local drawn_points, components = assay.gmm.sample(mixture, 400, { rng = assay.rng(5) })
for i, component in ipairs(components) do
    points[i], labels[i] = drawn_points:row(i), component - 1
end
local regression = assay.models.softmax.fit(points, labels, { ridge = 0.01 })
tap.ok(regression.gradient <= 1e-6 and regression.weights[1][1] > 0.5, "softmax regression finds the component")
local logp = assay.models.softmax.log_probability(regression, { { 2, 0, 0 }, { -2, 0, 0 } })
tap.near(math.exp(logp[1][1]) + math.exp(logp[1][2]), 1, 1e-12, "probabilities")
tap.ok(logp[1][1] > -0.1 and logp[2][2] > -0.1, "of the right class")
local canvas = assay.models.canvas { gmm = mixture, blocks = { 1, 2 }, reward = regression, class = 1 }
tap.is(tostring(canvas), "canvas of 3 coordinates in 2 scales", "its text")
local best = inf.tts_var { model = canvas, base = { 8, 8 }, rng = assay.rng(6) }
tap.is(#best.best, 3, "the state is a list of coordinates")
tap.near(best.reward, assay.models.softmax.log_probability(regression, { best.best })[1][2], 1e-9, "its reward")
tap.ok(best.best[1] < 0, "the best of eight is of the class")
local noisy = assay.models.canvas { gmm = mixture, blocks = { 1, 2 }, reward = regression, class = 1, noise = { 5, 0 } }
local seen = inf.tts_var { model = noisy, base = { 8, 8 }, rng = assay.rng(6) }
tap.is(seen.best, best.best, "noise on the way changes no draw")
tap.ok(seen.history[1][1] ~= best.history[1][1] and seen.history[1][2] == best.history[1][2], "but the rewards seen")

-- refusals
local function refused(words, f, ...)
    local arguments = table.pack(...)
    tap.error(words, function() f(table.unpack(arguments, 1, arguments.n)) end)
end
local function without(name, value)
    local changed = { init = model.init, step = model.step, reward = model.reward, features = model.features }
    changed[name] = value
    return { model = changed, rng = assay.rng(1) }
end
refused("model must be given", inf.tts_var, { rng = assay.rng(1) })
refused("rng must be given", inf.tts_var, { model = model })
refused("model.step must be a function, got a nil", inf.tts_var, without "step")
refused("model.features must be a function, got a number", inf.tts_var, without("features", 3))
refused('unknown option "stpe" (did you mean "step"?)', inf.tts_var, without("stpe", print))
refused("extract needs the model's features", inf.tts_var, without "features")
refused("model.init must return a path's state, got nil", inf.tts_var, without("init", function() end))
refused("model.step must return a path's state, got nil", inf.tts_var, without("step", function() end))
refused("model.reward must return a number, got string", inf.tts_var, without("reward", function() return "x" end))
refused("the reward of path 1 at scale 0 must be a number, got nan", inf.tts_var, without("reward", function() return 0 / 0 end))
refused("features[1] must be a number, got a string", inf.tts_var, without("features", function() return { "x" } end))
refused("no features at scale 2", inf.tts_var, without("features", function() return {} end))
refused("tts_var.lua", inf.tts_var, without("step", function() error "broken" end))
refused("extract[1] must be in 0..2, got 3", inf.tts_var, { model = model, base = { 4, 2, 1 }, extract = { 3 }, rng = assay.rng(1) })
refused("extract needs a reduction at scale 0, but 4 of 4 paths are kept", inf.tts_var,
    { model = model, base = { 4, 2, 1 }, extract = { 0 }, rng = assay.rng(1) })
refused("scale 1 is both in extract and in resample", inf.tts_var,
    { model = model, base = { 4, 2, 1 }, extract = { 1 }, resample = { 1 }, rng = assay.rng(1) })
refused("cost must have 3 numbers, one a scale, got 1", inf.tts_var, { model = model, base = { 4, 2, 1 }, cost = { 1 }, rng = assay.rng(1) })
refused('top must be given for kind "topk"', inf.tts_var, { model = model, kind = "topk", rng = assay.rng(1) })
refused("base must have 2 scales as the model, got 1", inf.tts_var, { model = canvas, base = { 1 }, rng = assay.rng(1) })
refused("blocks must add up to the 3 coordinates of the mixture, got 2", assay.models.canvas,
    { gmm = mixture, blocks = { 2 }, reward = regression, class = 0 })
refused("class must be in 0..1, got 2", assay.models.canvas, { gmm = mixture, blocks = { 3 }, reward = regression, class = 2 })
refused("noise must have 1 numbers as blocks has, got 2", assay.models.canvas,
    { gmm = mixture, blocks = { 3 }, reward = regression, class = 0, noise = { 1, 2 } })
refused("reward must be {weights=, bias=}", assay.models.canvas, { gmm = mixture, blocks = { 3 }, reward = 1, class = 0 })
refused("labels must have 1 entries, one a row of x, got 2", assay.models.softmax.fit, { { 1 } }, { 0, 1 })
refused("x must have 1 columns as the weights, got 2", assay.models.softmax.log_probability, { weights = { { 1 } }, bias = { 0 } },
    { { 1, 2 } })
refused("base must not increase", inf.batch_schedule, { base = { 1, 2 } })
refused("n must be in 1..", inf.batch_schedule, { n = 0 })
refused("cost must have 2 numbers as kept has, got 1", inf.schedule_cost, { 2, 1 }, { 1 })
refused("k must be given", inf.resample, { 1 }, { kind = "systematic", draws = { 0.5 } })
refused("draws must have 2 numbers, got 1", inf.resample, { 1 }, { k = 2, draws = { 0.5 } })
refused("either draws or rng must be given", inf.resample, { 1 }, { k = 2 })
refused("k must be in 1..1, got 2", inf.kmeans_pp, { { 1 } }, { k = 2, draws = { 0, 0 } })
refused("k must be given", inf.diversity_select, { { 1 } }, {})
refused("either init or rng must be given", inf.diversity_select, { { 1 }, { 2 } }, { k = 1 })
refused("init must have k = 1 rows, got 2", inf.diversity_select, { { 1 }, { 2 } }, { k = 1, init = { 1, 2 } })
refused("features must have at least 1 row", inf.diversity_select, {}, { k = 1 })
refused("images must be a list of matrices, got none", inf.patch_features, {})
refused("images[2] must be 2 x 2 as the first, got 1 x 2", inf.patch_features, { images[1], { { 1, 2 } } })
refused("patches[1][1] must be finite", inf.patch_pca, { { 1 / 0 } })
refused("history[1][2] must be finite", inf.reward_consistency, { { 1, 0 / 0 } })

tap.done()
