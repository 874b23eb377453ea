-- Networks as models of samplers: of files written here byte by byte, trained ones, vectors and images.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local scratch = os.tmpname()
local vp = diffusion.schedule { kind = "vp_linear" }

-- A file of the layout that assay-lua(3) tells, by no code of the library: tensors are { name, shape, numbers }.
local function write(architecture, prediction, tensors)
    local entries, data = {}, {}
    local at = 0
    for i, tensor in ipairs(tensors) do
        local size = 4 * #tensor[3]
        entries[i] = ('"%s":{"dtype":"F32","shape":[%s],"data_offsets":[%d,%d]}'):format(tensor[1],
            table.concat(tensor[2], ","), at, at + size)
        for j, number in ipairs(tensor[3]) do
            tensor[3][j] = string.pack("<f", number)
        end
        data[i], at = table.concat(tensor[3]), at + size
    end
    local header = ('{"__metadata__":{"format":"assay.net","version":"1","architecture":%s%s},%s}'):format(
        ("%q"):format(architecture), prediction and (',"prediction":"%d"'):format(prediction) or "", table.concat(entries, ","))
    local file <close> = assert(io.open(scratch, "wb"))
    file:write(string.pack("<I8", #header), header, table.concat(data))
end

-- x_0 is a constant: any solver of the data prediction is exact in any number of steps.
local mu = { 0.5, -1.25, 2, 0.25 }
local function exact(xT, from, to)
    local s, t = diffusion.schedule_at(vp, from), diffusion.schedule_at(vp, to)
    local out = {}
    for i = 1, #xT do
        out[i] = {}
        for j = 1, 4 do
            out[i][j] = t.sigma / s.sigma * xT[i][j] + (t.alpha - s.alpha * t.sigma / s.sigma) * mu[j]
        end
    end
    return out
end

local xT = assay.rng(1):normal(3, 4)
local zeros = {}
for i = 1, 20 do
    zeros[i] = 0
end
write('{"input":[5],"layers":[{"type":"dense","out":4}]}', 2,
    { { "dense1.weight", { 4, 5 }, { table.unpack(zeros) } }, { "dense1.bias", { 4 }, { table.unpack(mu) } } })
local vectors = diffusion.net_eps(scratch, vp)
for _, options in ipairs { { steps = 1, order = 1 }, { steps = 7, order = 3 }, { steps = 6, order = 3, method = "singlestep" },
    { solver = "unipc", order = 3, steps = 5 }, { solver = "ddim", steps = 4 } } do
    options.t_end = 0.01
    tap.near(diffusion.sample(vectors, xT, options).x:totable(), exact(xT, 1, 0.01), 1e-6,
        ("a file's net of vectors, %s %d"):format(options.solver or "dpmpp", options.steps))
end

-- Images of 2 x 1 x 2 and a channel of the time; a convolution of one position, channel by channel.
write('{"input":[3,1,2],"layers":[{"type":"conv","out":2,"k":1}]}', 2,
    { { "conv1.weight", { 2, 3, 1, 1 }, { 0, 0, 0, 0, 0, 0 } }, { "conv1.bias", { 2 }, { 0.5, -1.25 } } })
mu = { 0.5, 0.5, -1.25, -1.25 }
tap.near(diffusion.sample(diffusion.net_eps(scratch, vp), xT, { steps = 5, t_end = 0.01 }).x:totable(), exact(xT, 1, 0.01),
    1e-6, "a file's net of images")

-- The time comes in: eps = t in every pixel.
write('{"input":[2,2,2],"layers":[{"type":"conv","out":1,"k":1}]}', 1,
    { { "conv1.weight", { 1, 2, 1, 1 }, { 0, 1 } }, { "conv1.bias", { 1 }, { 0 } } })
local timed = diffusion.net_eps(scratch, vp)
tap.near(timed(xT, { 0.25, 0.5, 1 }):totable(), { { 0.25, 0.25, 0.25, 0.25 }, { 0.5, 0.5, 0.5, 0.5 }, { 1, 1, 1, 1 } }, 1e-7,
    "a channel of the time, one a row")
write('{"input":[5],"layers":[{"type":"dense","out":4}]}', nil,
    { { "dense1.weight", { 4, 5 }, { table.unpack(zeros) } }, { "dense1.bias", { 4 }, { table.unpack(mu) } } })
tap.near(diffusion.sample(diffusion.net_eps(scratch, vp, { prediction = "x0" }), xT, { steps = 5, t_end = 0.01 }).x:totable(),
    exact(xT, 1, 0.01), 1e-6, "a file that doesn't say what its net predicts")
local unknown = assay.net.load(scratch)

-- Trained here: the model is net:eps, called by any sampler.
local mass = {}
for i = 1, 64 do
    mass[i] = { 0.5, -1, 0.5, -1 }
end
local discrete = diffusion.schedule { kind = "discrete", N = 100, beta_start = 1e-3, beta_end = 0.1 }
local alpha_bar = diffusion.alpha_bar(discrete)
local image = assay.net.new { input = { 2, 2, 2 }, seed = 3,
    layers = { { "conv", out = 16, k = 1 }, { "silu" }, { "conv", out = 16, k = 2, pad = 1 }, { "silu" }, { "conv", out = 1, k = 2 } } }
local vector = assay.net.denoiser { dim = 4, hidden = { 32, 32 }, seed = 1 }
for name, net in assay.sorted_pairs { images = image, vectors = vector } do
    for _, prediction in ipairs { "eps", "x0", "v" } do
        local own = net:clone()
        own:train(mass, nil, { prediction = prediction, noise = discrete, t_min = 0.01, steps = 300, batch = 32, lr = 3e-3, schedule = "cosine" })
        local model = diffusion.net_eps(own, discrete)
        tap.near(model(xT, 0.4):totable(), own:eps(xT, 0.4, { noise = discrete }):totable(), 1e-12,
            name .. ", " .. prediction .. ": the model is net:eps")
        local by_label = diffusion.net_eps_index(own, discrete)
        local options = { solver = "ddim", timesteps = { 0.9, 0.6, 0.3, 0.01 } }
        local wrapped = diffusion.model { function(x, t) return own:eps(x, t, { noise = discrete }) end, schedule = discrete }
        local samples = diffusion.sample(model, xT, options).x
        tap.near(samples:totable(), diffusion.sample(wrapped, xT, options).x:totable(), 1e-9,
            name .. ", " .. prediction .. ": and a Lua function around it")
        local off = diffusion.rmse(samples, { mass[1], mass[1], mass[1] })
        tap.ok(off < 0.35, name .. ", " .. prediction .. ": samples of a point mass are near it", off)
        if prediction == "eps" then
            tap.is(by_label(xT, 39):totable(), model(xT, 0.4):totable(), name .. ": label t is the time (t + 1) / N")
        end
        local shifted = diffusion.ts_sample(by_label, xT, alpha_bar, { mode = "none", steps = 10, grid = "full" })
        tap.ok(shifted.nfe > 0 and diffusion.rmse(shifted.x, { mass[1], mass[1], mass[1] }) < 0.5,
            name .. ", " .. prediction .. ": time shifts sample it by labels")
        own:save(scratch)
        tap.is(diffusion.net_eps(scratch, discrete)(xT, 0.4):totable(), model(xT, 0.4):totable(),
            name .. ", " .. prediction .. ": and as a file")
        local before = model(xT, 0.4):totable()
        own:train(mass, nil, { prediction = prediction, noise = discrete, t_min = 0.01, steps = 5 })
        tap.is(model(xT, 0.4):totable(), before, name .. ", " .. prediction .. ": a model is a copy")
    end
end

-- Refusals.
local function refuses(words, f, ...)
    local done, message = pcall(f, ...)
    tap.ok(not done and tostring(message):find(words, 1, true), words .. " <- " .. tostring(message))
end
local trained = vector:clone()
trained:train(mass, nil, { prediction = "x0", noise = discrete, t_min = 0.01, steps = 1 })
refuses("net must be a net or the path of its file, got a table", diffusion.net_eps, {}, vp)
refuses("prediction must be given", diffusion.net_eps, unknown, vp)
refuses("the net was trained to predict x0, not v", diffusion.net_eps, trained, vp, { prediction = "v" })
refuses("labels need a discrete schedule", diffusion.net_eps_index, trained, vp)
refuses("called with labels", diffusion.net_eps_index(trained, discrete), xT, 3)
refuses("called with labels", diffusion.sample, diffusion.net_eps_index(trained, discrete), xT)
refuses("to denoise x of 3 columns a net takes 4 numbers", diffusion.net_eps(trained, vp), { { 1, 2, 3 } }, 0.5)
refuses("No such file", diffusion.net_eps, scratch .. ".none", vp)
trained:weight_hook("dense1.weight", { forward = function(w) return w end })
refuses("net has hooks", diffusion.net_eps, trained, vp)

os.remove(scratch)
tap.done()
