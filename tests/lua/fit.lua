-- Scaling laws in Lua: laws are recovered from exact data; the log-linear fit is ordinary least
-- squares, whose estimates, intervals and forecasts have closed forms.
local tap = require "tap"
local assay = require "assay"
local fit = assay.fit

local x = { 1, 2, 5, 10, 30, 100, 1000 }
local function curve(law)
    local y = {}
    for i, v in ipairs(x) do
        y[i] = law(v)
    end
    return y
end

local power = fit("power", x, curve(function(v) return 3 * v ^ -0.5 end), { space = "loglog" })
tap.near({ power.a, power.b }, { 3, -0.5 }, 1e-10, "power")
tap.is({ power.law, power.space, power.points, power.dropped, power.level, power.c },
    { "power", "loglog", 7, 0, 0.95 }, "what was fitted")
for _, space in ipairs { "linear", "log", "loglog" } do
    local f = fit("exp_power", x, curve(function(v) return math.exp(-2 * v ^ -0.4) end), { space = space })
    tap.near({ f.a, f.b }, { -2, -0.4 }, 1e-7, "exp_power, space " .. space)
end
local saturating = fit("saturating", x, curve(function(v) return 0.2 + 0.7 * v ^ -1 end))
tap.near({ saturating.a, saturating.b, saturating.c }, { 0.7, -1, 0.2 }, 1e-6, "saturating")
tap.is(saturating.space, "linear", "linear is the default space")

-- y = a + b log10 x by hand
local y = { 0.1, 0.35, 0.6, 0.9, 1.3, 1.7, 2.9 }
local n, mx, my, sxx, sxy, syy = #x, 0, 0, 0, 0, 0
local u = {}
for i = 1, n do
    u[i] = math.log(x[i], 10)
    mx, my = mx + u[i] / n, my + y[i] / n
end
for i = 1, n do
    sxx, sxy, syy = sxx + (u[i] - mx) ^ 2, sxy + (u[i] - mx) * (y[i] - my), syy + (y[i] - my) ^ 2
end
local b = sxy / sxx
local a = my - b * mx
local rss = syy - b * sxy
local t = 2.5705818356363146 -- t_{5, 0.975}
local s = math.sqrt(rss / (n - 2))
local line = fit("log_linear", x, y)
tap.near({ line.a, line.b }, { a, b }, 1e-12, "least squares")
tap.near({ line.rss, line.r2, line.aic }, { rss, 1 - rss / syy, n * math.log(rss / n) + 2 * 3 }, 1e-10,
    "rss, r2, aic")
tap.near({ line.low.b, line.high.b }, { b - t * s / math.sqrt(sxx), b + t * s / math.sqrt(sxx) }, 1e-9,
    "the slope's interval")
tap.near(line:predict(1e4), a + 4 * b, 1e-12, "predict")
tap.near(line:predict { 10, 100 }, { a + b, a + 2 * b }, 1e-12, "predict a list")
local forecast = line:forecast(1e4)
local half = t * s * math.sqrt(1 / n + (4 - mx) ^ 2 / sxx)
tap.near({ forecast.estimate, forecast.low, forecast.high }, { a + 4 * b, a + 4 * b - half, a + 4 * b + half },
    1e-9, "forecast with the interval of the mean")
tap.is(line:forecast { 1e4, 1e5 } [1], forecast, "forecast a list")
tap.ok(fit("log_linear", x, y, { level = 0.5 }).high.b < line.high.b, "a lower level is narrower")
tap.ok(line.text:find("log", 1, true), "text: " .. line.text)
tap.ok(assay.json.decode(assay.json.encode(line)).low.a == line.low.a, "a fit is plain data for JSON")

-- Weight 2 is the point twice; weight 0 leaves it out.
local twice = fit("log_linear", { 1, 10, 100, 100 }, { 1, 2.5, 2.7, 2.7 })
local weighted = fit("log_linear", { 1, 10, 100 }, { 1, 2.5, 2.7 }, { weights = { 1, 1, 2 } })
tap.near({ weighted.a, weighted.b }, { twice.a, twice.b }, 1e-12, "weights")
local without = fit("log_linear", { 1, 10, 100, 5 }, { 1, 2.5, 2.7, 99 }, { weights = { 1, 1, 1, 0 } })
local three = fit("log_linear", { 1, 10, 100 }, { 1, 2.5, 2.7 })
tap.near({ without.a, without.b, without.low.b }, { three.a, three.b, three.low.b }, 1e-10, "weight 0")

local exact = fit("log_linear", { 1, 10 }, { 0, 1 })
tap.is({ exact.low, exact.high }, { {}, {} }, "as many points as parameters: no intervals")
tap.is(fit("power", { 1, 2, 4, 8 }, { 1, 0, 4, 8 }, { space = "log" }).dropped, 1, "dropped points are counted")

for _, bad in ipairs {
    { "power_law", function() fit("power_law", x, y) end },
    { "fit: law must be a string, got nil", function() fit() end },
    { "fit: y must have 7 values as x has, got 2", function() fit("power", x, { 1, 2 }) end },
    { "fit: space must be one of \"linear\", \"log\", \"loglog\", got \"logloq\" (did you mean",
        function() fit("power", x, y, { space = "logloq" }) end },
    { "fit: weights[2] must be at least 0 and finite, got -1",
        function() fit("log_linear", { 1, 2, 3 }, { 1, 2, 3 }, { weights = { 1, -1, 1 } }) end },
    { "fit: weights must be a number or a list of 7 numbers, got 1",
        function() fit("power", x, y, { weights = { 1 } }) end },
    { "fit: ", function() fit("power", { 1 }, { 1 }) end },
    { "fit:predict: x must be greater than 0 and finite, got 0", function() line:predict(0) end },
    { "fit:predict: x[2] must be greater than 0 and finite, got -1", function() line:predict { 1, -1 } end },
    { "fit:forecast: x must be a list of numbers, got nil", function() line:forecast() end },
} do
    tap.error(bad[1], bad[2])
end
tap.error("fit: law must be power, exp_power, log_linear or saturating, got", function() fit("zzzzzz", x, y) end, "an unknown law lists them")

tap.done()
