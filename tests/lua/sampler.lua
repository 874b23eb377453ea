-- assay.diffusion.sample and its models in Lua: every kind of model gives the same, errors come back
-- whole, calls are counted.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local mixture = assay.gmm.new {
    weights = { 0.5, 0.2, 0.3 }, means = { { 2, 0 }, { -1, 1.5 }, { 0, -2 } }, vars = { 0.2, 0.1, 0.3 },
    classes = { 1, 2, 2 },
}
local schedule = diffusion.schedule { kind = "vp_linear" }
local model = diffusion.gmm_eps(mixture, schedule)
local normal, rows = assay.rng(1), {}
for i = 1, 130 do
    rows[i] = { normal:normal(), normal:normal() }
end
local xT = assay.matrix(rows)
local options = { order = 2, steps = 12, spacing = "logsnr" }
local reference = diffusion.sample(model, xT, options)

-- ---- models of Lua functions ----

local calls, sizes = 0, {}
local function noise(x, t)
    calls = calls + 1
    sizes[#x] = true
    return model(x, t)
end
for name, same in assay.sorted_pairs {
    model = diffusion.model { noise, schedule = schedule },
    callable = setmetatable({ schedule = schedule }, { __call = function(_, x, t) return noise(x, t) end }),
} do
    calls = 0
    local r = diffusion.sample(same, xT, options)
    tap.is(r.x:totable(), reference.x:totable(), name .. ": a Lua model of the same noise")
    tap.is({ calls, r.nfe }, { 12, 12 }, name .. ": one call a step for the whole batch")
end
tap.is(diffusion.sample(noise, xT, { order = 2, steps = 12, spacing = "logsnr", schedule = schedule }).x:totable(),
    reference.x:totable(), "a function with a schedule")
tap.is(sizes, { [130] = true }, "all rows at once")

local function level(t)
    return diffusion.schedule_at(schedule, t)
end
local types = {
    x_start = function(x, t)
        return assay.gmm.denoise(mixture, x, { alpha = level(t).alpha, sigma = level(t).sigma })
    end,
    score = function(x, t)
        return assay.gmm.score(mixture, x, { alpha = level(t).alpha, sigma = level(t).sigma })
    end,
}
for kind, f in assay.sorted_pairs(types) do
    local other = diffusion.model { f, schedule = schedule, type = kind }
    tap.near(diffusion.sample(other, xT, options).x:totable(), reference.x:totable(), 1e-7, "type " .. kind)
    tap.near(other(xT, 0.3):totable(), model(xT, 0.3):totable(), 1e-9, kind .. " called gives noise")
end

-- ---- one time a row ----

local t, alone = {}, {}
for i = 1, 130 do
    t[i] = i % 3 == 0 and 0.2 or 0.01 * (i % 7 + 1)
    alone[i] = model({ { xT[i][1], xT[i][2] } }, t[i]):totable()[1]
end
tap.near(model(xT, t):totable(), alone, 1e-13, "rows of different times are those alone")

-- ---- errors ----

local sentinel = { "a table as an error" }
local done, message = pcall(diffusion.sample, diffusion.model { function() error(sentinel) end, schedule = schedule }, xT)
tap.ok(not done and message == sentinel, "a model's error comes back as it was thrown")
tap.error("the model's result must be 130 x 2 as x, got 1 x 1",
    function() diffusion.sample(diffusion.model { function() return { { 1 } } end, schedule = schedule }, xT) end)
tap.error("model has no schedule", function() diffusion.sample(print, xT) end)
tap.error("model must be a model or a function", function() diffusion.sample(3, xT) end)
tap.error("give either draws or rng", function()
    diffusion.sample(model, xT, { solver = "ddpm", rng = assay.rng(1), draws = {} })
end)
tap.error("draws must have a matrix for each step: step 2 has none", function()
    diffusion.sample(model, xT, { solver = "ddpm", draws = { xT } })
end)
tap.error("threshold takes either clip", function() diffusion.sample(model, xT, { threshold = { clip = 1, ratio = 1 } }) end)
tap.error("cancelled", function() diffusion.sample(model, xT, { progress = function() return true end }) end)
tap.is(reference.x[1][1], diffusion.sample(model, xT, options).x[1][1], "a run after failures is the same")

-- ---- options that nothing would read ----

-- Who reads what, told apart from the C table by hand: an option, a value, and the solvers that take it.
local all_but_sigmas = "dpmpp dpm sde_dpmpp sde_dpm ddim ddpm unipc deis ipndm s_pndm f_pndm"
local readers = {
    { "solver_type", "taylor", "dpmpp dpm sde_dpmpp sde_dpm" }, { "d2", "exact", "dpmpp dpm" },
    { "lower_order_final", false, "dpmpp dpm sde_dpmpp sde_dpm unipc" },
    { "threshold", { clip = 1 }, "dpmpp sde_dpmpp ddim ddpm unipc" }, { "eta", 0, "ddim" },
    { "variant", "default", "unipc deis" }, { "predict_x0", true, "unipc" }, { "corrector", false, "unipc" },
    { "sigma_min", 0.01, "euler heun" }, { "sigma_max", 10, "euler heun" }, { "s_churn", 0, "euler heun" },
    { "s_tmin", 0.1, "euler heun" }, { "s_tmax", 9, "euler heun" }, { "s_noise", 1, "euler heun" },
    { "rng", assay.rng(1), "sde_dpmpp sde_dpm ddim ddpm euler heun" }, { "spacing", "karras", all_but_sigmas },
    { "t_start", 0.9, all_but_sigmas }, { "t_end", 0.01, all_but_sigmas },
    { "denoise_to_zero", false, all_but_sigmas .. " euler heun" }, { "trajectory", true, all_but_sigmas .. " euler heun" },
}
local on_edm = diffusion.gmm_eps(mixture, { kind = "edm" })
for _, case in ipairs(readers) do
    local option, value, who = case[1], case[2], " " .. case[3] .. " "
    local wrong = {}
    for _, solver in ipairs(diffusion.solvers()) do
        if solver ~= "usf" and solver ~= "ts" then
            local with = { solver = solver, steps = 4, [option] = value }
            if who:find(" " .. solver .. " ", 1, true) and (solver:find "^sde_" or solver == "ddpm") then
                with.rng = assay.rng(1)
            elseif solver:find "^sde_" or solver == "ddpm" then
                with.draws = { xT, xT, xT, xT }
            end
            local taken, why = pcall(diffusion.sample, (solver == "euler" or solver == "heun") and on_edm or model, xT, with)
            local read = who:find(" " .. solver .. " ", 1, true) ~= nil
            if taken ~= read or not read and not why:find(option .. " is not an option of " .. solver, 1, true) then
                wrong[#wrong + 1] = ("%s: %s"):format(solver, why)
            end
        end
    end
    tap.is(wrong, {}, option .. " is taken where it is read")
end
local function refused(with, words, message)
    tap.error(words, function() diffusion.sample(with.solver == "heun" and on_edm or model, xT, with) end, message)
end
refused({ solver = "ddim", d2 = "exact" }, "sample: d2 is not an option of ddim; solvers that read it: dpmpp, dpm")
refused({ solver = "heun", t_end = 0.1 }, "t_end is not an option of heun; solvers that read it: all but euler, heun")
refused({ atol = 0.1 }, "atol is not an option of dpmpp's method multistep; methods that read it: adaptive")
refused({ method = "singlestep", t_err = 0.1 }, "t_err is not an option of dpmpp's method singlestep")
refused({ solver = "ipndm", h_init = 0.1 }, "h_init is not an option of ipndm; solvers that read it: dpmpp, dpm")
refused({ method = "adaptive", steps = 9 }, "steps is not an option of dpmpp's method adaptive; methods that read it: those but")
refused({ method = "adaptive", spacing = "logsnr" }, "spacing is not an option of dpmpp's method adaptive")
refused({ method = "singlestep", order = 3, d2 = "exact" }, "d2 is not an option of dpmpp's method singlestep")
refused({ rho = 7 }, "rho is not an option of spacing time_uniform; it is read by spacing karras")
for option, value in assay.sorted_pairs { steps = 2, spacing = "logsnr", t_start = 0.9, t_end = 0.1, rho = 3 } do
    refused({ timesteps = { 0.9, 0.5, 0.1 }, [option] = value }, option .. " is not read where timesteps are given")
end
refused({ solver = "heun", timesteps = { 9, 0 }, sigma_max = 9 }, "sigma_max is not read where timesteps are given")
refused({ schedule = schedule }, "schedule is for a function that has none")
tap.is(diffusion.sample(model, xT, { method = "singlestep", order = 2, steps = 6, lower_order_final = "auto10" }).x:totable(),
    diffusion.sample(model, xT, { method = "singlestep", order = 2, steps = 6 }).x:totable(),
    "lower_order_final has nothing to lower in singlestep")

-- ---- guidance ----

local conditional = diffusion.gmm_eps(mixture, schedule, { class = 2 })
local guided = diffusion.gmm_eps(mixture, schedule, { class = 2, scale = 3 })
local cfg = diffusion.cfg(model, conditional, 3)
local want = guided(xT, 0.4):totable()
tap.near(cfg(xT, 0.4):totable(), want, 1e-12, "cfg of two mixtures is the guided mixture")
-- grad ln p(c | x) is the difference of the scores
local by_classifier = diffusion.classifier(model, function(x, at)
    local u, c = model(x, at), conditional(x, at)
    local gradient = {}
    for i = 1, #x do
        gradient[i] = { (u[i][1] - c[i][1]) / level(at).sigma, (u[i][2] - c[i][2]) / level(at).sigma }
    end
    return gradient
end, 3)
tap.near(by_classifier(xT, 0.4):totable(), want, 1e-9, "a Bayes classifier guides the same way")
local function cost(m)
    local r = diffusion.sample(m, xT, { steps = 5 })
    return { r.nfe, r.nfe_net }
end
tap.is({ cost(model), cost(conditional), cost(guided), cost(cfg), cost(diffusion.cfg(model, conditional, 1)),
    cost(diffusion.cfg(model, conditional, 0)) }, { { 5, 5 }, { 5, 5 }, { 5, 10 }, { 5, 10 }, { 5, 5 }, { 5, 5 } },
    "calls, and networks run in them")

-- ---- rows and batches ----

local function part(first, last)
    local some = {}
    for i = first, last do
        some[#some + 1] = { xT[i][1], xT[i][2] }
    end
    return some
end
local whole, parts = reference.x:totable(), {}
for _, range in ipairs { { 1, 64 }, { 65, 128 }, { 129, 130 } } do
    for _, row in ipairs(diffusion.sample(model, part(range[1], range[2]), options).x:totable()) do
        parts[#parts + 1] = row
    end
end
tap.is(parts, whole, "a batch in parts of 64 gives the same bits")
tap.is(diffusion.sample(model, assay.matrix(0, 2), options).nfe, 0, "no rows, no calls")
local r = diffusion.sample(model, xT, { order = 2, steps = 4, trajectory = true, method = "singlestep" })
tap.is({ #r.trajectory, r.orders, r.nfe }, { 3, { 2, 2 }, 4 }, "trajectory")
tap.is(r.trajectory[1]:totable(), xT:totable(), "from xT")
tap.is(r.trajectory[3]:totable(), r.x:totable(), "to x")
tap.is(xT[1][1], r.trajectory[1][1][1], "xT stays as it was")

-- ---- thresholds ----

local clipped = diffusion.sample(model, xT, { steps = 5, threshold = { clip = 0.5 }, denoise_to_zero = true }).x
local most = 0
for i = 1, 130 do
    most = math.max(most, math.abs(clipped[i][1]), math.abs(clipped[i][2]))
end
tap.is(most, 0.5, "static threshold bounds the data prediction")
tap.is(diffusion.dynamic_threshold({ { 4, -1, 0, 2 }, { 0.5, 0, 0, 0 } }, { ratio = 1 }):totable(),
    { { 1.0, -0.25, 0.0, 0.5 }, { 0.5, 0.0, 0.0, 0.0 } }, "dynamic threshold by hand")

-- ---- the same draws ----

local rng = assay.rng(5)
local again = assay.rng(5)
local first = diffusion.sample(model, xT, { solver = "sde_dpmpp", steps = 6, rng = rng })
local second = diffusion.sample(model, xT, { solver = "sde_dpmpp", steps = 6, rng = again })
tap.is(first.x:totable(), second.x:totable(), "the same stream gives the same bits")
tap.ok(diffusion.sample(model, xT, { solver = "sde_dpmpp", steps = 6, rng = again }).x[1][1] ~= first.x[1][1],
    "the stream is advanced")

tap.done()
