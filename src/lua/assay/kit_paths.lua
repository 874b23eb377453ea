-- What experiments on searches over coarse-to-fine paths are composed of (kits.lua says what a kit is).
local function search(options)
    return ("return inference.tts_var { model = model, n = p.n, cost = cost, %s, rng = rng }"):format(options)
end

return {
    about = "coarse-to-fine samplers",
    family = "inference",
    x = "n",
    params = {
        { name = "n", default = 4, min = 1, max = 10000, values = { 1, 2, 4, 8 }, log = true, doc = "paths on the finest scale" },
        { name = "searches", default = 20, min = 1, max = 100000, doc = "searches behind a mean" },
    },
    testbeds = {
        {
            name = "a mixture, scale by scale", title = "two classes of Gaussians, drawn in blocks of 1, 1, 2 and 4 coordinates",
            params = {
                { name = "wanted", default = 0.2, min = 0.01, max = 0.99, values = { 0.1, 0.2, 0.5 }, doc = "share of the class that is asked for" },
                { name = "noise", default = 1.0, min = 0, max = 100, values = { 0, 1, 4 }, doc = "of rewards at the coarsest scale; it halves with each" },
            },
            code = [[
                local means, weights, vars = {}, {}, {}
                local direction = rng:normal(8)
                for k = 1, 6 do
                    means[k], weights[k], vars[k] = rng:normal(8), (k <= 3 and p.wanted or 1 - p.wanted) / 3, 0.3
                    for j = 1, 8 do
                        means[k][j] = means[k][j] + (k <= 3 and 0.5 or -0.5) * direction[j]
                    end
                end
                return assay.models.canvas {
                    gmm = assay.gmm.new { weights = weights, means = means, vars = vars }, blocks = blocks, class = 0,
                    reward = { weights = assay.matrix { direction, rng:normal(8) }, bias = { 0, 0 } },
                    noise = { p.noise, p.noise / 2, p.noise / 4, 0 },
                }]],
        },
    },
    arms = {
        { name = "best of n", method = "tts-var", baseline = true, doc = "n whole paths, the one of the largest reward",
            code = search "base = { 1, 1, 1, 1 }" },
        { name = "importance sampling", method = "tts-var", baseline = true, doc = "n whole paths, one by the weight of its reward",
            code = search 'base = { 1, 1, 1, 1 }, final = "sample"' },
        { name = "thinning", method = "tts-var", baseline = true, doc = "many coarse paths, a random part goes on",
            code = search "base = { 4, 2, 1, 1 }" },
        { name = "resampling", method = "tts-var", doc = "coarse paths go on by their rewards", params = { "lambda" },
            code = search "base = { 4, 2, 1, 1 }, resample = { 1, 2 }, lambda = p.lambda" },
        { name = "clustering", method = "tts-var", doc = "those nearest to the centres of clusters go on",
            code = search "base = { 4, 2, 1, 1 }, extract = { 1 }" },
        { name = "clustering and resampling", method = "tts-var", doc = "clusters early, rewards late", params = { "lambda" },
            code = search "base = { 4, 2, 1, 1 }, extract = { 1 }, resample = { 2 }, lambda = p.lambda" },
    },
    arm_params = {
        lambda = { default = 2.0, min = 0, max = 100, values = { 0, 1, 2, 5 }, doc = "sharpness of resampling" },
    },
    signature = "p, model, rng",
    measures = {
        { name = "reward", title = "reward of the answer", better = "more", tolerance = 0.05 },
        { name = "coordinates", title = "coordinates drawn, the cost of a search", better = "less", tolerance = 1 },
    },
    constants = [[
        local blocks = { 1, 1, 2, 4 } -- coordinates drawn on each scale
        local cost = blocks]],
    helpers = {},
    run = [[
        local p, rng = cell.params, cell:rng "searches"
        local model = testbed(p, cell:rng "testbed")
        local reward, coordinates = 0, 0
        for i = 1, p.searches do
            local found = methods[p.method](p, model, rng:split(i))
            reward = reward + found.reward / p.searches
            coordinates = coordinates + found.cost / p.searches
            cell:progress(i, p.searches)
        end
        cell:log { reward = reward, coordinates = coordinates }]],
}
