-- Time shifts: what must not change anything, what must agree with other samplers, and refusals.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local alpha_bar = diffusion.alpha_bar { kind = "linear", N = 1000 }
local rng, means, xT = assay.rng(1), {}, {}
for k = 1, 2 do
    means[k] = rng:normal(6)
end
for i = 1, 5 do
    xT[i] = rng:normal(6)
end
local mixture = assay.gmm.new { weights = { 0.4, 0.6 }, means = means, vars = { 0.1, 0.2 } }
local model = diffusion.gmm_eps_index(mixture, alpha_bar)

local function run(options, start)
    return diffusion.ts_sample(model, start or xT, alpha_bar, options)
end

for _, method in ipairs { "ddim", "s_pndm", "f_pndm" } do
    local plain = run { method = method, mode = "none", steps = 10 }.x:totable()
    for _, mode in ipairs { "paper", "target", "label", "consistent" } do
        tap.is(run { method = method, mode = mode, window = 1 }.x:totable(), plain, ("%s, %s: no window, no shift"):format(method, mode))
        tap.is(run { method = method, mode = mode, cutoff = 1000 }.x:totable(), plain, ("%s, %s: all below the cutoff"):format(method, mode))
        local shifted = run { method = method, mode = mode, window = 80 }
        tap.ok(shifted.x[1][1] ~= plain[1][1], ("%s, %s: a window shifts"):format(method, mode))
        local turned = {}
        for i = 1, 5 do
            turned[i] = xT[6 - i]
        end
        local again, permuted = run({ method = method, mode = mode, window = 80 }, turned).x:totable(), true
        for i = 1, 5 do
            for j = 1, 6 do
                permuted = permuted and math.abs(again[6 - i][j] - shifted.x[i][j]) < 1e-12
            end
        end
        tap.ok(permuted, ("%s, %s: a row's shift is its own"):format(method, mode))
    end
end
tap.is(run { mode = "source" }.x:totable(), run { mode = "paper" }.x:totable(), "source is another name of paper")

-- The same sampler by its other name: time (t + 1) / N of the discrete schedule is label t.
local labels, times = diffusion.ts_timesteps(1000, 10), {}
for i = #labels, 1, -1 do
    times[#times + 1] = (labels[i] + 1) / 1000
end
times[#times + 1] = 1 / 1000
local discrete = diffusion.gmm_eps(mixture, { kind = "discrete", alphas_cumprod = alpha_bar })
tap.near(run { mode = "none" }.x:totable(), diffusion.sample(discrete, xT, { solver = "ddim", timesteps = times }).x:totable(),
    1e-10, "plain DDIM is that of sample")

-- A constant noise prediction: any sequence of transfers is one.
local constant = { 0.3, -1, 0.2, 0.5, 0, 1 }
local function constantly(x)
    local out = {}
    for i = 1, #x do
        out[i] = constant
    end
    return out
end
local whole = diffusion.ts_sample(constantly, xT, alpha_bar, { method = "f_pndm", mode = "none" })
local from, to, want = alpha_bar[802], alpha_bar[1], {}
for i = 1, 5 do
    want[i] = {}
    for j = 1, 6 do
        local x0 = (xT[i][j] - math.sqrt(1 - from) * constant[j]) / math.sqrt(from)
        want[i][j] = math.sqrt(to) * x0 + math.sqrt(1 - to) * constant[j]
    end
end
tap.near(whole.x:totable(), want, 1e-10, "F-PNDM of a constant is one transfer")
tap.is(whole.nfe, 18, "of 18 calls")

-- Variance is brought to what the schedule says.
local scaled = run { mode = "none", normalize_variance = true }
local expected = {}
for i = #labels, 1, -1 do
    expected[#expected + 1] = 1 - alpha_bar[labels[i] + 1]
end
tap.near(scaled.mean_variance, expected, 1e-12, "normalize_variance")
tap.is({ scaled.picks:rows(), scaled.picks:cols() }, { 9, 5 }, "picks: steps x rows")
tap.near(run({ mode = "none", eps_scale = { 1.02, 0 } }).x:totable(), run({ mode = "none", eps_scale = 1.02 }).x:totable(), 0,
    "eps_scale by its parts")
tap.ok(run({ mode = "paper", steps = 100, window = 80 }).inversions > 0, "windows beyond the spacing turn back, counted")

tap.is(#diffusion.ts_timesteps(1000, 600), 999, "600 steps of 1000 labels are one by one")
tap.is(run({ mode = "none", steps = 600 }).nfe, 999, "and so many steps")

tap.error("no schedule", function() diffusion.sample(model, xT) end)
tap.error("noise needs draws or rng", function() run { method = "ddpm" } end)
tap.error("at least 2 columns", function() diffusion.ts_sample(function(x) return x end, { { 1 } }, alpha_bar) end)
tap.error("alpha_bar must fall", function() diffusion.ts_sample(constantly, xT, { 0.2, 0.5 }, { steps = 2 }) end)
tap.error("eta must be in 0..1", function() run { eta = 2 } end)

tap.done()
