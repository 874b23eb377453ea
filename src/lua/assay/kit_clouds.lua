-- What experiments on key points of noisy clouds are composed of (kits.lua says what a kit is).
return {
    about = "clouds of points with noise",
    family = "balance",
    x = "noise",
    params = {
        { name = "noise", default = 2.0, min = 0, max = 100, values = { 0.5, 1, 2, 5, 10 }, log = true,
            doc = "points of noise, percent of the cloud, uniform in the cube around it" },
        { name = "points", default = 1024, min = 32, max = 100000, values = { 512, 1024, 2048 }, log = true, doc = "points of a cloud" },
        { name = "key_points", default = 128, min = 1, max = 100000, values = { 64, 128, 256 }, log = true,
            doc = "points that are chosen, at most those of the cloud" },
        { name = "clouds", default = 10, min = 1, max = 100000, doc = "clouds behind a mean" },
    },
    testbeds = {
        {
            name = "tori", title = "tori of random thickness, stretched along their axes",
            code = [[
                local P, thick = assay.matrix(p.points, 3), 0.2 + 0.5 * rng:uniform()
                local stretch = rng:uniform(3)
                for i = 1, p.points do
                    local around, along = 2 * math.pi * rng:uniform(), 2 * math.pi * rng:uniform()
                    local ring = 1 + thick * math.cos(around)
                    P[i] = {
                        (0.67 + 0.83 * stretch[1]) * ring * math.cos(along), (0.67 + 0.83 * stretch[2]) * ring * math.sin(along),
                        (0.67 + 0.83 * stretch[3]) * thick * math.sin(around),
                    }
                end
                return balance.pc_normalize(P)]],
        },
        {
            name = "meshes of things", title = "77 meshes in twelve classes: chairs, lamps, tables, ...",
            code = [[
                local meshes = assay.data.load "pointsp"
                return balance.pc_normalize(meshes[rng:integer(1, #meshes)]:sample(p.points, { rng = rng }))]],
        },
    },
    arms = {
        { name = "random points", method = "pointsp", baseline = true, doc = "points at random",
            code = [[return rng:sample(#P, m)]] },
        { name = "farthest points", method = "pointsp", baseline = true, doc = "each the farthest from those before (FPS)",
            code = [[return balance.fps(P, m, { rng = rng }).index]] },
        { name = "weighted points", method = "pointsp", doc = "more of points with near neighbours (WRS)", params = { "neighbours" },
            code = [[return balance.wrs(P, m, { k = p.neighbours, rng = rng }).index]] },
        { name = "filtered farthest points", method = "pointsp", doc = "farthest among the best weighted points (FFPS)",
            params = { "neighbours", "keep" },
            code = [[return balance.ffps(P, m, { k = p.neighbours, keep = p.keep, rng = rng }).index]] },
    },
    arm_params = {
        neighbours = { default = 20, min = 1, max = 1000, values = { 5, 10, 20, 40 }, doc = "neighbours that a weight is of" },
        keep = { default = 0.95, min = 0.3, max = 1, values = { 0.9, 0.95, 1 }, doc = "share of the points that is kept before FPS" },
    },
    signature = "p, P, m, rng",
    measures = {
        { name = "wrong", title = "share of the key points that are noise", better = "less", tolerance = 0.01 },
        { name = "farthest", title = "distance of the farthest key point from the clean cloud", better = "less", tolerance = 0.05 },
        { name = "cover", title = "distance of a clean point from the nearest key point", better = "less", tolerance = 0.01 },
    },
    helpers = {
        { name = "with_noise", code = [[
            -- The clean points first, then noise.
            local function with_noise(clean, share, rng)
                local extra = math.floor(share / 100 * #clean + 0.5)
                local P = assay.matrix(#clean + extra, 3)
                for i = 1, #P do
                    P[i] = i <= #clean and clean:row(i) or { 2 * rng:uniform() - 1, 2 * rng:uniform() - 1, 2 * rng:uniform() - 1 }
                end
                return P
            end]] },
        { name = "nearest", code = [[
            -- How far a point is from the nearest of some others.
            local function nearest(x, others)
                local least = math.huge
                for _, y in ipairs(others) do
                    least = math.min(least, (x[1] - y[1]) ^ 2 + (x[2] - y[2]) ^ 2 + (x[3] - y[3]) ^ 2)
                end
                return math.sqrt(least)
            end]] },
    },
    run = [[
        local p, rng = cell.params, cell:rng "clouds"
        local m, wrong, farthest, cover = math.min(p.key_points, p.points), 0, 0, 0
        for c = 1, p.clouds do
            local own = rng:split(c)
            local clean = testbed(p, own:split(1), cell)
            local P = with_noise(clean, p.noise, own:split(2))
            local surface, chosen, far = clean:totable(), {}, 0
            for k, i in ipairs(methods[p.method](p, P, m, own:split(3))) do
                chosen[k] = P:row(i)
                if i > #clean then
                    wrong = wrong + 1 / (m * p.clouds)
                    far = math.max(far, nearest(chosen[k], surface))
                end
            end
            farthest = farthest + far / p.clouds
            for _, x in ipairs(surface) do
                cover = cover + nearest(x, chosen) / (#surface * p.clouds)
            end
            cell:progress(c, p.clouds)
        end
        cell:log { wrong = wrong, farthest = farthest, cover = cover }]],
}
