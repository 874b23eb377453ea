-- assay.testbed: models and data that several experiments share, made once and kept (cell:cache).
local assay = ...

local testbed = {}

local function rows_of_class(z, labels, class, most, scale)
    local rows = {}
    for i = 1, #labels do
        if labels[i] == class and #rows < most then
            local row = z:row(i)
            for j = 1, #row do
                row[j] = row[j] / scale
            end
            rows[#rows + 1] = row
        end
    end
    return assay.matrix(rows)
end

--- Mixtures of `components` for each class, one after the other; classes are 1..10.
local function fit_classes(z, labels, options, scale, rng)
    local out = { weights = {}, means = {}, covs = {}, classes = {} }
    for class = 0, 9 do
        local rows = rows_of_class(z, labels, class, options.rows, scale)
        local g = assay.gmm.fit(rows, { components = options.components, floor = 1e-3,
            rng = rng:split(class) }).gmm
        local weights, means = g:weights(), g:means()
        for k = 1, g:components() do
            table.insert(out.weights, weights[k] / 10)
            table.insert(out.means, means:row(k))
            table.insert(out.covs, g:covariance(k))
            table.insert(out.classes, class + 1)
        end
    end
    out.means = assay.matrix(out.means)
    return out
end

--- Each 28 x 28 image as 14 x 14 means of four pixels, over `unit` less `shift`.
local function pooled(images, unit, shift)
    local out = {}
    for i = 1, #images do
        local from, to = images:row(i), {}
        for line = 0, 13 do
            for column = 0, 13 do
                local at = line * 56 + column * 2 + 1
                to[#to + 1] = (from[at] + from[at + 1] + from[at + 28] + from[at + 29]) / 4 / unit - shift
            end
        end
        out[i] = to
    end
    return assay.matrix(out)
end

local function build(options, rng)
    local data = assay.data.load("fashion-mnist", { split = "train", count = options.images })
    local images = options.pool and pooled(data.images, 1, 0) or data.images
    local pca = assay.pca.fit(images, { components = options.dim })
    local sum = 0
    for _, variance in ipairs(pca.variances) do
        sum = sum + variance
    end
    local scale = options.pool and 1 or math.sqrt(sum / options.dim)
    local fitted = fit_classes(assay.pca.project(pca, images), data.labels, options, scale, rng)
    return { pca = pca, scale = scale, fitted = fitted,
        residual = (pca.total - sum) / math.max(1, #pca.mean - options.dim) }
end

--- Fashion-MNIST as a mixture of known score: principal coordinates of unit mean variance, and a
-- mixture of full covariances for each class. Returns { gmm, pca, scale }: an image is
-- assay.pca.reconstruct(pca, z * scale), in 0..255.
function testbed.fashion(cell, options)
    local o = { images = 60000, dim = 16, components = 3, rows = 3000 }
    for key, value in pairs(options or {}) do
        o[key] = value
    end
    local kept = cell:cache({ what = "fashion", images = o.images, dim = o.dim, components = o.components,
        rows = o.rows }, function(rng) return build(o, rng) end, { version = "1" })
    return { gmm = assay.gmm.new(kept.fitted), pca = kept.pca, scale = kept.scale }
end

--- The first rows of coordinates of that world (64, or `count`) as tiles of images, for cell:artifact.
function testbed.fashion_images(world, z, count)
    local some = {}
    for i = 1, math.min(count or 64, #z) do
        some[i] = z:row(i)
        for j = 1, #some[i] do
            some[i][j] = some[i][j] * world.scale
        end
    end
    return assay.image.grid(assay.pca.reconstruct(world.pca, some), { height = 28, columns = 8 })
end

--- Three Gaussians of the plane, of different weights and shapes.
function testbed.plane()
    return assay.gmm.new { weights = { 0.5, 0.3, 0.2 }, means = { { 2, 0 }, { -1, 1.5 }, { 0, -2 } },
        covs = { { { 0.2, 0.05 }, { 0.05, 0.1 } }, { { 0.05, 0 }, { 0, 0.3 } }, { { 0.1, -0.02 }, { -0.02, 0.08 } } } }
end

--- The same on 14 x 14 pixels in -1..1: the mixture of `dim` principal coordinates lifted to the space of
-- images, with the mean of the other variances outside. Returns { gmm, pca }.
function testbed.fashion_pixels(cell, options)
    local o = { images = 10000, dim = 40, components = 2, rows = 3000, pool = true }
    for key, value in pairs(options or {}) do
        o[key] = value
    end
    local kept = cell:cache({ what = "fashion pixels", images = o.images, dim = o.dim,
        components = o.components, rows = o.rows }, function(rng)
        local made = build(o, rng)
        local function unit(x, shift)
            return x / 127.5 - shift
        end
        for j, value in ipairs(made.pca.mean) do
            made.pca.mean[j] = unit(value, 1)
        end
        for k = 1, #made.fitted.means do
            for j = 1, o.dim do
                made.fitted.means[k][j] = unit(made.fitted.means[k][j], 0)
            end
        end
        for _, cov in ipairs(made.fitted.covs) do
            for i = 1, o.dim do
                for j = 1, o.dim do
                    cov[i][j] = cov[i][j] / 127.5 ^ 2
                end
            end
        end
        made.residual = made.residual / 127.5 ^ 2
        return made
    end, { version = "1" })
    return { gmm = assay.gmm.lift(kept.fitted, kept.pca, { residual = kept.residual }), pca = kept.pca }
end

-- With a straight way what went into the blocks reaches the output as it is: at high noise that is nearly the noise.
local function denoiser_layers(hidden, straight)
    local function block()
        return { "residual", { { "silu" }, { "dense", out = hidden }, { "silu" }, { "dense", out = hidden } } }
    end
    local layers = { { "time", count = 64, scale = 1000 }, { "dense", out = hidden }, block(), block() }
    layers[#layers + 1] = not straight and { "silu" } or nil
    layers[#layers + 1] = { "dense", out = 196 }
    return layers
end

local function unit_images(split, count)
    return pooled(assay.data.load("fashion-mnist", { split = split, count = count }).images, 127.5, 1)
end

--- A small network that denoises such images, trained here on a discrete schedule of 1000 linear betas: an
-- MLP of two residual blocks, weak on purpose. It predicts v, or the noise with { prediction = "eps" }: then it
-- errs most at high noise, where x_0 is that error times sigma / alpha, and samples gain variance on their way,
-- the more steps the more. Returns { net, early, train, test, pca, schedule }: averaged weights at the end and at
-- a tenth of the way, and images to compare with.
function testbed.fashion_denoiser(cell, options)
    local o = { images = 20000, hidden = 256, steps = 4000, kept = 4000, test = 2000, prediction = "v" }
    for key, value in pairs(options or {}) do
        o[key] = value
    end
    local schedule = assay.diffusion.schedule { kind = "discrete", N = 1000 }
    local kept = cell:cache({ what = "fashion denoiser", images = o.images, hidden = o.hidden, steps = o.steps,
        kept = o.kept, test = o.test, prediction = o.prediction ~= "v" and o.prediction or nil }, function(rng)
        local images = unit_images("train", o.images)
        local net = assay.net.new { input = { 197 }, layers = denoiser_layers(o.hidden, o.prediction == "eps"),
            seed = rng:integer(1, 1000000000) }
        local early
        net:train(images, nil, { prediction = o.prediction, noise = schedule, steps = o.steps, batch = 128, optimizer = "adam",
            lr = 1e-3, schedule = "cosine", ema = 0.995, threads = 2, on_step = function(step, _, trained)
                if step == math.max(1, o.steps // 10) then
                    early = trained:averaged()
                end
            end, progress = function(done, total) cell:progress(done, total) end })
        local train = {}
        for i = 1, math.min(o.kept, #images) do
            train[i] = images:row(i)
        end
        return { net = net:averaged(), early = early, train = assay.matrix(train), test = unit_images("test", o.test),
            pca = assay.pca.fit(images, { components = 20 }) }
    end, { version = "1" })
    kept.schedule = schedule
    return kept
end

assay.testbed = testbed
return testbed
