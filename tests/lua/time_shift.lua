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

for _, method in ipairs { "ddim", "s_pndm", "f_pndm", "dpmpp", "deis" } do
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
for method, options in assay.sorted_pairs { dpmpp = { solver = "dpmpp", order = 2 }, deis = { solver = "deis", order = 2 } } do
    options.timesteps = times
    tap.near(run { method = method, mode = "none" }.x:totable(), diffusion.sample(discrete, xT, options).x:totable(), 1e-9,
        "so is plain " .. method)
end

-- Steps of order 2 and 3 of which each row has its own, against numpy: 8 steps, window 60, cutoff 200. There the
-- integrals of DEIS are taken from label to label.
local small = diffusion.gmm_eps_index({ weights = { 0.4, 0.6 }, means = { { 1, 0, -1, 0.5 }, { -1, 0.5, 0, 1 } },
    vars = { 0.1, 0.2 } }, alpha_bar)
local starts = { { 0.5, -1.2, 0.3, 0.9 }, { -0.4, 0.1, 1.6, -0.7 }, { 1.4, 0.2, -0.6, 0.05 } }
for _, case in ipairs {
    { "dpmpp", "none",
        { { 1.49449978431, -0.517454779588, -1.03806705154, 0.731464623535 }, { -1.16508052641, 0.533057749227, 0.90438672426, 0.55639201516 }, { 1.48193708594, 0.0731127663474, -1.19450357505, 0.508578671605 } } },
    { "dpmpp", "label",
        { { 1.33504950716, -0.437814472642, -1.00763326204, 0.810271320478 }, { -1.2032663653, 0.554519648389, 0.882259617264, 0.611621448951 }, { 1.5651511118, 0.0473436273997, -1.29310690941, 0.54259450353 } } },
    { "dpmpp", "consistent",
        { { 1.40640120196, -0.497515953422, -0.99290997397, 0.755370168915 }, { -1.23324020434, 0.550245822268, 0.923618084455, 0.582191921977 }, { 1.53982660804, 0.0533022200592, -1.22472877014, 0.490546757924 } } },
    { "dpmpp", "paper",
        { { 1.50829908335, -0.495988427594, -1.0587566905, 0.707025799487 }, { -1.2521769704, 0.549797902176, 0.935161895063, 0.576116233319 }, { 1.55695502837, 0.0400162859939, -1.23520227096, 0.479999987382 } } },
    { "dpmpp", "target",
        { { 1.48350465096, -0.554106033756, -1.00057161882, 0.740331661901 }, { -1.10502100002, 0.48954291202, 1.01368535652, 0.408832418597 }, { 1.4729958199, 0.0820817700333, -1.19511762887, 0.522283083495 } } },
    { "deis", "none",
        { { 0.941384917999, -0.261807916202, -0.823844274584, 0.763905931145 }, { -0.997969583154, 0.493890588764, 0.559190069119, 0.668971738433 }, { 1.19628965377, 0.0846330108626, -1.06604570374, 0.540054305565 } } },
    { "deis", "label",
        { { 0.844139560858, -0.20857197441, -0.810278957119, 0.81445024257 }, { -1.10006730898, 0.541698142383, 0.530596037168, 0.781389336684 }, { 1.18062724646, 0.0817457612477, -1.05323043746, 0.532542228339 } } },
    { "deis", "consistent",
        { { 0.899230076404, -0.251210169957, -0.802798207942, 0.774391405626 }, { -1.01143411612, 0.497341160626, 0.557459595585, 0.677330537694 }, { 1.18769049552, 0.0861198036654, -1.06190515371, 0.541762003395 } } },
    { "deis", "paper",
        { { 0.947829855458, -0.221660241098, -0.857425823621, 0.746368525703 }, { -1.01833231114, 0.500125225156, 0.539465526179, 0.693275996841 }, { 1.20611234507, 0.0683774185069, -1.08595514764, 0.540571725506 } } },
    { "deis", "target",
        { { 0.937925642888, -0.297896952938, -0.793167022022, 0.773334438437 }, { -0.949906227268, 0.463633327348, 0.626801310835, 0.570711589403 }, { 1.18606933747, 0.0963759969913, -1.04644266266, 0.535934879716 } } },
} do
    local r = diffusion.ts_sample(small, starts, alpha_bar, { method = case[1], mode = case[2], steps = 8, window = 60, cutoff = 200 })
    tap.near(r.x:totable(), case[3], case[1] == "deis" and 2e-6 or 1e-9, ("%s, %s, row by row"):format(case[1], case[2]))
    tap.is(r.nfe, 7, "a call a step")
end

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

local labels_of_100 = diffusion.ts_timesteps(1000, 100)
-- Labels in steps of 10 and windows of 2, 80: steps turn back in the second alone. 5 rows of 99 steps.
local fine, coarse = run { mode = "paper", steps = 100, window = 2 }, run { mode = "paper", steps = 100, window = 80 }
tap.is({ fine.inversions, fine.warning }, { 0 }, "a window within the spacing has nothing to warn of")
tap.ok(coarse.warning:find(("^%d of 495 steps of rows do not go down"):format(coarse.inversions)), "a larger one warns", coarse.warning)
local few, picks = 0, coarse.picks
for k = 1, 99 do
    for r = 1, 5 do
        few = few + (picks[k][r] <= (k < 99 and labels_of_100[99 - k] or 0) and 1 or 0)
    end
end
tap.is(coarse.inversions, few, "which are steps from a label to one that is not below it")

tap.is(#diffusion.ts_timesteps(1000, 600), 999, "600 steps of 1000 labels are one by one")
tap.is(run({ mode = "none", steps = 600 }).nfe, 999, "and so many steps")

tap.error("no schedule", function() diffusion.sample(model, xT) end)
tap.error("noise needs draws or rng", function() run { method = "ddpm" } end)
tap.error("at least 2 columns", function() diffusion.ts_sample(function(x) return x end, { { 1 } }, alpha_bar) end)
tap.error("alpha_bar must fall", function() diffusion.ts_sample(constantly, xT, { 0.2, 0.5 }, { steps = 2 }) end)
tap.error("eta must be in 0..1", function() run { eta = 2 } end)
tap.error("eta is not an option of f_pndm; methods that read it: ddim", function() run { method = "f_pndm", eta = 0.5 } end)
tap.error("eta is not an option of ddpm; methods that read it: ddim", function() run { method = "ddpm", eta = 1 } end)
tap.error("rng is not an option of dpmpp; methods that read it: ddim, ddpm",
    function() run { method = "dpmpp", rng = assay.rng(1) } end)

tap.done()
