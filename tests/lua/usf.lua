-- Solver schedules against the solvers that they contain, polynomials, closed forms; the search.
local tap = require "tap"
local assay = require "assay"
local diffusion = assay.diffusion

local schedule = diffusion.schedule { kind = "vp_linear" }
local mixture = assay.gmm.new {
    weights = { 0.5, 0.3, 0.2 }, means = { { 2, 0 }, { -1, 1.5 }, { 0, -2 } },
    covs = { { { 0.2, 0.05 }, { 0.05, 0.1 } }, { { 0.05, 0 }, { 0, 0.3 } }, { { 0.1, -0.02 }, { -0.02, 0.08 } } },
}
local calls = 0
local exact = diffusion.gmm_eps(mixture, schedule)
local model = diffusion.model { function(x, t)
    calls = calls + 1
    return exact(x, t)
end, schedule = schedule }
local xT = { { 0.3, -1.1 }, { -0.8, 0.4 }, { 1.5, 1.2 } }

-- ---- special cases ----

local function same(name, decisions, options, tol)
    decisions.schedule, decisions.steps, decisions.t_end = schedule, decisions.steps or 8, 1e-3
    options.steps, options.t_end = decisions.steps, 1e-3
    decisions.spacing, options.spacing = "logsnr", "logsnr"
    local got = diffusion.usf_sample(exact, xT, diffusion.usf_from(decisions))
    tap.near(got.x:totable(), diffusion.sample(exact, xT, options).x:totable(), tol or 1e-10, name)
end
for prediction, solver in assay.sorted_pairs { noise = "dpm", data = "dpmpp" } do
    same("DDIM, " .. prediction, { solver = "ddim", prediction = prediction }, { solver = "ddim" })
    for _, kind in ipairs { "dpmsolver", "taylor" } do
        same(("multistep 2, %s, %s"):format(prediction, kind),
            { order = 2, prediction = prediction, solver_type = kind }, { solver = solver, order = 2, solver_type = kind })
    end
    same("multistep 3, " .. prediction, { order = 3, prediction = prediction }, { solver = solver, order = 3, d2 = "exact" })
    same("singlestep 2, " .. prediction, { solver = "singlestep", prediction = prediction },
        { solver = solver, order = 2, method = "singlestep" })
    for _, variant in ipairs { "bh1", "bh2" } do
        for order = 1, 3 do
            same(("UniPC-%d %s, %s"):format(order, variant, prediction),
                { solver = "unipc", order = order, variant = variant, prediction = prediction },
                { solver = "unipc", order = order, variant = variant, predict_x0 = prediction == "data" })
        end
    end
end

-- ---- parts ----

local nodes = { -2, -0.7, 0.4, 1.5, 1.9 }
for start = -5, -1 do
    local active = {}
    for a = -1, -5, -1 do
        active[#active + 1] = a ~= start and #active < 4 and a or nil
    end
    local at, most = nodes[6 + start], 0
    for derivative = 1, 4 do
        local w = diffusion.taylor_weights(nodes, { start = start, active = active, derivative = derivative })
        for degree = 1, 4 do
            local got, want = 0, 0
            for j, a in ipairs(active) do
                got = got + w[j] * ((nodes[6 + a]) ^ degree - at ^ degree)
            end
            if degree >= derivative then
                want = at ^ (degree - derivative)
                for k = degree - derivative + 1, degree do
                    want = want * k
                end
            end
            most = math.max(most, math.abs(got - want))
        end
    end
    tap.ok(most < 1e-9, ("derivatives of polynomials of degree 4 are exact at node %d"):format(start), most)
end
tap.near(diffusion.taylor_weights({ 1, 4 }, { active = { -2 } }), { -1 / 3 }, 1e-15, "two nodes: 1/d")
tap.error("two of the nodes have one lambda", function()
    diffusion.taylor_weights({ 1, 1, 2 }, { active = { -2, -3 }, derivative = 1 })
end)
for _, kind in ipairs { "dpmsolver-2", "unipc-bh1", "unipc-bh2", "0.5exp", "-0.5exp" } do
    for _, h in ipairs { 1e-12, -1e-5, 1e-3, -0.1 } do
        tap.ok(math.abs(diffusion.relax_factor(kind, h) - 1) < math.abs(h), ("relax %s is 1 + O(h) at %g"):format(kind, h))
    end
end
tap.near(diffusion.relax_factor("linear", { 2, -1 }, 0.25), { 1.5, 0.75 }, 1e-15, "linear")

-- ---- model calls ----

local function count(decisions, options)
    calls = 0
    local got = diffusion.usf_sample(model, xT, decisions, options)
    tap.is({ calls, diffusion.usf_nfe(decisions) }, { got.nfe, got.nfe }, "usf_nfe counts as a counting model")
    return got.nfe
end
local plain = diffusion.usf_from { schedule = schedule, order = 3, steps = 6, corrector = "pseudo" }
tap.is(count(plain), 6, "pseudo correctors cost nothing")
plain.afs = "mean_x0"
tap.is(count(plain, { mean_x0 = { 0.7, 0 } }), 5, "an analytic first step saves one")
tap.is(count(diffusion.usf_from { schedule = schedule, order = 2, steps = 6, corrector = "implicit" }), 11,
    "implicit correctors cost one each")
plain.correctors[6] = { type = "pseudo", start = -2, order = 2, derivs = { { active = { -1 } } } }
tap.is(count(plain, { mean_x0 = { 0, 0 } }), 6, "so does a corrector at the end")
local one = { timesteps = { 1, 0.01 }, orders = { 1 }, prediction = { "data" }, derivs = { {} } }
tap.is(count(one), 1, "one step")
tap.near(diffusion.usf_sample(exact, xT, one).x:totable(),
    diffusion.sample(exact, xT, { solver = "ddim", timesteps = { 1, 0.01 } }).x:totable(), 1e-12, "is DDIM's")

-- ---- refusals ----

local function refused(message, change)
    local d = diffusion.usf_from { schedule = schedule, order = 3, steps = 4, lower_order_final = false }
    change(d)
    tap.error(message, function() diffusion.usf_sample(exact, xT, d) end)
end
refused("step 2: the order of the predictor must be in 1..2, got 3", function(d)
    d.orders[2], d.derivs[2] = 3, { { active = { -2 } }, { active = { -2, -1 } } }
end)
refused("step 3: an active node must be in %-3..%-1, got %-4", function(d) d.derivs[3][1].active = { -4 } end)
refused("step 3: the start, %-1, must not be active", function(d) d.derivs[3][1].active = { -1 } end)
refused("step 3: node %-2 is active twice", function(d) d.derivs[3][1].active = { -2, -2 } end)
refused("step 1: timesteps must be strictly decreasing", function(d) d.timesteps[2] = 1 end)
refused("orders must have 4 values", function(d) d.orders[4] = nil end)
refused("relax must be", function(d) d.derivs[3][1].relax = "no" end)
refused("step 3: relax is for the first derivative", function(d) d.derivs[3][2].relax = "0.5exp" end)
refused("needs mean_x0", function(d) d.afs = "mean_x0" end)
refused("t_end must be", function(d) d.timesteps[5] = 0 end)

-- ---- convergence on one Gaussian ----

local function error_of(steps, order, corrector)
    local gaussian = diffusion.gmm_eps({ weights = { 1 }, means = { { 1, -2 } }, covs = { { { 4, 0 }, { 0, 0.25 } } } }, schedule)
    local start = { { 1, 0.5 }, { -0.7, 1.2 }, { 0, -1 } }
    local d = diffusion.usf_from { schedule = schedule, order = order, steps = steps, corrector = corrector,
        spacing = "logsnr", t_end = 0.01, lower_order_final = false, solver_type = "taylor" }
    local x = diffusion.usf_sample(gaussian, start, d).x
    local from, to = diffusion.schedule_at(schedule, 1), diffusion.schedule_at(schedule, 0.01)
    local exact_flow = {}
    for i = 1, 3 do
        exact_flow[i] = {}
        for j, v in ipairs { 4, 0.25 } do
            local mean = j == 1 and 1 or -2
            exact_flow[i][j] = to.alpha * mean + math.sqrt((to.alpha ^ 2 * v + to.sigma ^ 2) / (from.alpha ^ 2 * v + from.sigma ^ 2))
                * (start[i][j] - from.alpha * mean)
        end
    end
    return diffusion.rmse(x, exact_flow)
end
for _, case in ipairs { { 2, "none", 2.0 }, { 2, "pseudo", 3.0 }, { 3, "pseudo", 3.9 } } do
    local slope = math.log(error_of(96, case[1], case[2]) / error_of(192, case[1], case[2]), 2)
    tap.near(slope, case[3], 0.25, ("order %d, corrector %s: slope %.2f"):format(case[1], case[2], slope))
end

-- ---- the search ----

-- A constant data prediction makes every schedule exact: whatever is bred is consistent.
local mu = { 0.5, -1 }
local constant = diffusion.model { function(x)
    local out = {}
    for i = 1, #x do
        out[i] = mu
    end
    return out
end, schedule = schedule, type = "x_start" }
local from, to = diffusion.schedule_at(schedule, 1), diffusion.schedule_at(schedule, 1e-3)
local ratio, want = to.sigma / from.sigma, {}
for i = 1, 3 do
    want[i] = {}
    for j = 1, 2 do
        want[i][j] = ratio * xT[i][j] + (to.alpha - from.alpha * ratio) * mu[j]
    end
end
local rng = assay.rng(3)
local parents, wrong, off, tried = {}, 0, 0, 0
for i, spacing in ipairs { "time_uniform", "logsnr" } do
    parents[i] = diffusion.usf_from { schedule = schedule, steps = 7, order = i + 1, spacing = spacing, prediction = "data" }
end
for i = 1, 10000 do
    local child = diffusion.usf_crossover(parents[1], parents[2], { schedule = schedule, rng = rng })
    child = diffusion.usf_mutate(child, { schedule = schedule, rng = rng, afs = true })
    wrong = wrong + (diffusion.usf_nfe(child) == 7 and 0 or 1)
    parents[i % 2 + 1] = child
    if i % 50 == 0 and child.afs == "none" then
        local copy = assay.json.decode(assay.json.encode(child))
        for k = 1, #copy.prediction do
            copy.prediction[k] = "data"
        end
        tried = tried + 1
        off = math.max(off, (diffusion.rmse(diffusion.usf_sample(constant, xT, copy).x, want)))
    end
end
tap.is(wrong, 0, "10000 generations keep their model calls")
tap.ok(tried > 20 and off < 1e-9, "and integrate a constant exactly", off)

-- With a free budget a step comes in a fifth of the children and goes in another, and any chain of them is valid.
local more, fewer, least, most, broken = 0, 0, math.huge, 0, 0
local parent, chain = diffusion.usf_from { schedule = schedule, steps = 7, order = 3 }, parents
for i = 1, 10000 do
    local calls = diffusion.usf_nfe(diffusion.usf_mutate(parent, { schedule = schedule, rng = rng, free = true }))
    more, fewer = more + (calls == 8 and 1 or 0), fewer + (calls == 6 and 1 or 0)
    broken = broken + ((calls < 6 or calls > 8) and 1 or 0)
    local child = diffusion.usf_crossover(chain[1], chain[2], { schedule = schedule, rng = rng, free = true })
    child = diffusion.usf_mutate(child, { schedule = schedule, rng = rng, afs = true, free = true })
    calls = diffusion.usf_nfe(child)
    least, most = math.min(least, calls), math.max(most, calls)
    chain[i % 2 + 1] = child
end
tap.is(broken, 0, "a step comes or goes, not two")
tap.ok(math.abs(more - 2000) < 160 and math.abs(fewer - 2000) < 160, "each in a fifth of the children", more, fewer)
tap.ok(least == 1 and most > 10, "10000 generations with calls of their own, one at least", least, most)
tap.error("free", function() diffusion.usf_search { schedule = schedule, nfe = 4, rng = rng, free = true, objective = print } end)

local reference = diffusion.sample(exact, xT, { steps = 400, spacing = "logsnr" }).x
local function search(seed, more)
    local o = { schedule = schedule, nfe = 4, evaluations = 100, rng = assay.rng(seed), objective = function(d)
        return diffusion.rmse(diffusion.usf_sample(exact, xT, d).x, reference)
    end }
    for key, value in pairs(more or {}) do
        o[key] = value
    end
    return diffusion.usf_search(o)
end
local found = search(1)
tap.is(search(1), found, "a seed gives the same search, bit for bit")
local falls = true
for i = 2, #found.history do
    falls = falls and found.history[i] <= found.history[i - 1]
end
tap.ok(falls and found.history[100] == found.value, "the best never gets worse")
tap.is(found.handmade, 40, "40 schedules by hand")
tap.is(math.min(table.unpack(found.values, 1, 40)), found.handmade_value, "the best of them")
tap.ok(found.value < found.handmade_value, "evolution finds a better one")
tap.is(found.value, diffusion.rmse(diffusion.usf_sample(exact, xT, found.best).x, reference), "its value is its own")
tap.is(diffusion.usf_nfe(found.best), 4, "with the calls it was given")
local nan = search(2, { evaluations = 45, objective = function(d) return d.prediction[1] == "noise" and 0 / 0 or 1 end })
tap.is({ nan.value, nan.population[45].value }, { 1.0, math.huge }, "what is not finite is ranked last")

-- A predictor: learns an order that decisions tell, and chooses what the search tries.
local tried, worth, held, truth = {}, {}, {}, {}
for i, entry in ipairs(found.population) do
    local early = -entry.decisions.timesteps[2]
    if i % 4 == 0 then
        held[#held + 1], truth[#truth + 1] = entry.decisions, early
    else
        tried[#tried + 1], worth[#worth + 1] = entry.decisions, early
    end
end
local predictor, loss = diffusion.usf_predictor_train { schedule = { kind = "vp_linear" }, schedules = tried, values = worth,
    rng = assay.rng(1), steps = 120 }
local tau = assay.inference.kendall_tau(diffusion.usf_predictor_score(predictor, held), truth)
tap.ok(loss < 0.1 and tau > 0.6, "a predictor learns an order", loss, tau)
local staged = search(3, { predictor = true, evaluations = 64 })
tap.is(search(3, { predictor = true, evaluations = 64 }), staged, "a search with a predictor: the same of a seed")
tap.is({ #staged.history, diffusion.usf_nfe(staged.best) }, { 64, 4 }, "with as many trials and calls as without")
tap.ok(staged.value <= staged.handmade_value, "and nothing that was tried is lost")
local function refuses(words, f, ...)
    local ok, why = pcall(f, ...)
    tap.ok(not ok and tostring(why):find(words, 1, true), words .. " <- " .. tostring(why))
end
refuses("predictor needs select", search, 1, { predictor = true, select = false })
refuses("values must have 1 numbers", diffusion.usf_predictor_train, { schedule = { kind = "vp_linear" }, schedules = { tried[1] },
    values = {}, rng = assay.rng(1) })
refuses("at least 2 schedules", diffusion.usf_predictor_train, { schedule = { kind = "vp_linear" }, schedules = { tried[1] },
    values = { 1 }, rng = assay.rng(1) })
refuses("predictor must be one of usf_predictor_train", diffusion.usf_predictor_score, {}, {})

local thrown = { "from the objective" }
local done, message = pcall(search, 1, { objective = function() error(thrown) end })
tap.ok(not done and message == thrown, "errors of the objective come back whole")

tap.done()
