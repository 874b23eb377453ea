-- Fashion-MNIST: a perceptron learns part of it in a moment. With ASSAY_SLOW=1 the accuracies that the
-- engine promises, for three seeds, on all of it (about 15 s).
local tap = require "tap"
local assay = require "assay"

local slow = os.getenv "ASSAY_SLOW"

local function load(split, n)
    local set = assay.data.load("fashion-mnist", { split = split, count = not slow and n or nil })
    for i = 1, #set.images do
        local row = set.images[i]
        for j = 1, 784 do
            row[j] = row[j] / 255 - 0.2860
        end
    end
    return set.images, set.labels
end

local found, images, labels = pcall(load, "train", 4000)
if not found then
    print "1..0 # SKIP Fashion-MNIST is not here (apt-get install dataset-fashion-mnist)"
    os.exit(0)
end
local eval = { load("test", 1000) }

local function accuracy(net, options)
    options.batch, options.eval = 64, eval
    local r = net:train(images, labels, options)
    return r.evals[#r.evals].accuracy
end

for seed = 1, slow and 3 or 1 do
    local net = assay.net.mlp { 784, 256, 10, seed = seed }
    local right = accuracy(net, { epochs = 3, optimizer = "sgd", lr = 0.05, momentum = 0.9 })
    tap.ok(right >= (slow and 0.845 or 0.78), "784-256-10, 3 epochs of SGD, seed " .. seed, right)
end

local net = assay.net.new { input = { 1, 28, 28 }, seed = 1, layers = { { "conv", out = 8, k = 3, pad = 1 }, { "relu" },
    { "maxpool", k = 2 }, { "conv", out = 16, k = 3, pad = 1 }, { "relu" }, { "maxpool", k = 2 }, { "flatten" },
    { "dense", out = 10 } } }
local right = accuracy(net, { epochs = 1, optimizer = "adam", lr = 2e-3 })
tap.ok(right >= (slow and 0.84 or 0.65), "convolutions of 8 and 16, one epoch of Adam", right)

tap.done()
