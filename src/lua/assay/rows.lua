-- Statistics of rows: what a claim's check(r) says about a run.
--
-- compare, estimate and statistic return a verdict table (claims.lua): estimate, interval and which
-- side of the claimed bound the interval lies on. The unit of replication is a column ("replicate"
-- unless said otherwise): rows of one unit are averaged first, for many rows of one replicate are
-- not many replicates.
local assay, import = ...
local check = import "check"
local claims = import "claims"
local stats = assay.stats

local located = assay.prelude.located
local methods = getmetatable(assay.rows {}).__index

-- ---- options ----

local bounds = { "above", "below", "within" }
local judged = { "measure", "unit", "level", "test", "resamples", "where", "above", "below", "within" }
local compared = { "measure", "unit", "level", "test", "resamples", "a", "b", "paired", "above", "below",
    "within" }
local statistical = { "unit", "level", "resamples", "where", "value", "above", "below", "within" }
local fitted = { "x", "y", "law", "space", "unit", "where", "level" }

-- A method whose errors read "FILE:LINE: rows:compare: level: must be ...". The place comes from C
-- (located), for `return r:compare {...}` is a tail call, which leaves no frame of the check.
local function method(name, f)
    methods[name] = located(function(where, _, ...)
        local results = table.pack(pcall(f, ...))
        if results[1] then
            return table.unpack(results, 2, results.n)
        end
        local err = results[2]
        if check.is_refusal(err) then
            error(string.format("%s rows:%s: %s", where, name, check.explain(err)), 0)
        elseif type(err) == "string" then
            err = string.gsub(err, "^assay/%w+%.lua:%d+: rows:[%w_]+", where .. " rows:" .. name, 1)
        end
        error(err, 0)
    end)
end

local function read_within(value, path)
    if check.sequence(value, path) ~= 2 then
        check.fail(path, "must be {low, high}")
    end
    local low, high = check.number(value[1], path .. "[1]"), check.number(value[2], path .. "[2]")
    if low > high then
        check.fail(path, "low must not be larger than high, got {%s, %s}", low, high)
    end
    return { low = low, high = high }
end

-- What is claimed as { low, high }: above 3 is { 3, inf }.
local function read_bound(opts, default)
    local given = {}
    for _, name in ipairs(bounds) do
        given[#given + 1] = opts[name] ~= nil and name or nil
    end
    if #given > 1 then
        check.fail(given[2], "and %s are two claims; give one of above, below, within", given[1])
    elseif opts.within then
        return read_within(opts.within, "within")
    elseif opts.below then
        return { low = -math.huge, high = check.finite(opts.below, "below"), at = opts.below }
    end
    local above = opts.above or default
    if above == nil then
        check.fail("above", "is missing: say what is claimed by above, below or within")
    end
    return { low = check.finite(above, "above"), high = math.huge, at = above }
end

local function read_level(opts)
    local level = opts.level == nil and 0.95 or check.finite(opts.level, "level")
    if level <= 0 or level >= 1 then
        check.fail("level", "must be greater than 0 and less than 1, got %s", level)
    end
    return level
end

local function read_unit(opts)
    return opts.unit == nil and { "replicate" } or check.texts(opts.unit, "unit")
end

local function read_resamples(opts)
    return opts.resamples == nil and 1000 or check.whole(opts.resamples, "resamples", 1, 10 ^ 7 | 0)
end

local function read_test(opts, tests)
    return opts.test == nil and "t" or check.one_of(opts.test, "test", tests)
end

local function chosen(self, where, path)
    if where == nil then
        return self
    end
    local rows = self:where(check.kind(where, "table", path))
    if rows:count() == 0 then
        check.fail(path, "no row is there where %s", claims.criteria_text(where))
    end
    return rows
end

-- ---- intervals ----

local function numbers(interval)
    return { estimate = interval.estimate, low = interval.low, high = interval.high, p = interval.p,
        n = interval.n }
end

local function quantiles(values, level)
    return table.unpack(stats.quantile(values, { (1 - level) / 2, (1 + level) / 2 }))
end

local function draw_mean(x, rng)
    local sum = 0
    for _ = 1, #x do
        sum = sum + x[rng:integer(1, #x)]
    end
    return sum / #x
end

-- Percentile bootstrap of mean(a) - mean(b), each side resampled for itself.
local function bootstrap_difference(a, b, level, resamples)
    local rng, draws = claims.next_stream(), {}
    for i = 1, resamples do
        draws[i] = draw_mean(a, rng) - draw_mean(b, rng)
    end
    local low, high = quantiles(draws, level)
    return { estimate = stats.mean(a) - stats.mean(b), low = low, high = high, n = #a + #b }
end

-- Welch's interval; its p is that of difference = mu.
local function welch(a, b, mu, level)
    local shifted = {}
    for i, x in ipairs(a) do
        shifted[i] = x - mu
    end
    local out = stats.welch(a, b, { level = level })
    out.p = stats.welch(shifted, b, { level = level }).p
    return numbers(out)
end

local function one_sample(x, bound, level, test, resamples)
    if test == "bootstrap" then
        return numbers(stats.bootstrap(x, { level = level, resamples = resamples, rng = claims.next_stream() }))
    end
    local out = numbers(stats.t_interval(x, { level = level, mu = bound.at or 0 }))
    out.p = bound.at and out.p
    return out
end

local function wilson(x, names, level)
    local successes = 0
    for i, value in ipairs(x) do
        if value ~= 0 and value ~= 1 then
            check.fail("test", 'wilson is for units that are 0 or 1, but unit "%s" is %s', names[i], value)
        end
        successes = successes + value
    end
    return numbers(stats.wilson(successes, #x, { level = level }))
end

local function over(unit)
    return " over " .. table.concat(unit, ", ")
end

-- One observation has no interval, and says nothing.
local function judge(interval, bound, test, few)
    interval.test = test
    if few then
        interval.low, interval.high, interval.p = nil, nil, nil
        interval.verdict, interval.message = "inconclusive", few
        return interval
    end
    interval.verdict = claims.verdict(interval.low, interval.high, bound)
    return interval
end

local function too_few(unit, ...)
    for _, x in ipairs { ... } do
        if #x < 2 then
            return string.format("one %s has no interval: at least 2 are needed", table.concat(unit, ", "))
        end
    end
end

-- ---- compare ----

-- b's means in the order of a's units, or nil and a unit that only one side has.
local function aligned(a_names, b_names, b)
    local at, out = {}, {}
    for i, name in ipairs(b_names) do
        at[name] = i
    end
    for i, name in ipairs(a_names) do
        if not at[name] then
            return nil, name, "a"
        end
        out[i], at[name] = b[at[name]], nil
    end
    local rest = next(at)
    if rest then
        return nil, rest, "b"
    end
    return out
end

local function differences(a, b)
    local out = {}
    for i, x in ipairs(a) do
        out[i] = x - b[i]
    end
    return out
end

local function compare_paired(a, b, o)
    local kind = o.test == "bootstrap" and "paired bootstrap" or "paired t"
    return judge(one_sample(differences(a, b), o.bound, o.level, o.test, o.resamples), o.bound,
        kind .. over(o.unit), too_few(o.unit, a))
end

local function compare_unpaired(a, b, o)
    local few = too_few(o.unit, a, b)
    if few then
        return judge({ estimate = stats.mean(a) - stats.mean(b), n = #a + #b }, o.bound, "Welch t" .. over(o.unit), few)
    elseif o.test == "bootstrap" then
        return judge(bootstrap_difference(a, b, o.level, o.resamples), o.bound, "bootstrap" .. over(o.unit))
    end
    local interval = welch(a, b, o.bound.at or 0, o.level)
    interval.p, interval.n = o.bound.at and interval.p, #a + #b
    return judge(interval, o.bound, "Welch t" .. over(o.unit))
end

-- rows:compare { measure=, a={...}, b={...}, unit=, paired=, above|below|within=, level=, test=, resamples= }
-- mean(a) - mean(b); paired when both sides have the same units, unless `paired` says otherwise.
method("compare", function(self, opts)
    check.fields(opts, "options", compared)
    local measure = check.words(opts.measure, "measure")
    local o = { unit = read_unit(opts), level = read_level(opts), bound = read_bound(opts, 0),
        test = read_test(opts, { "t", "bootstrap" }), resamples = read_resamples(opts) }
    check.optional(opts.paired, check.boolean, "paired")
    local a, a_names = chosen(self, check.kind(opts.a, "table", "a"), "a"):unit_means(measure, o.unit)
    local b, b_names = chosen(self, check.kind(opts.b, "table", "b"), "b"):unit_means(measure, o.unit)
    local partner, odd, side = aligned(a_names, b_names, b)
    if opts.paired and not partner then
        check.fail("paired", "%s %s is on side %s only", table.concat(o.unit, ", "), odd, side)
    elseif partner and opts.paired ~= false then
        return compare_paired(a, partner, o)
    end
    return compare_unpaired(a, b, o)
end)

-- ---- estimate ----

-- rows:estimate { measure=, where=, unit=, above|below|within=, level=, test=, resamples= }: a mean
method("estimate", function(self, opts)
    check.fields(opts, "options", judged)
    local measure = check.words(opts.measure, "measure")
    local bound, level, unit = read_bound(opts), read_level(opts), read_unit(opts)
    local test = read_test(opts, { "t", "bootstrap", "wilson" })
    local x, names = chosen(self, opts.where, "where"):unit_means(measure, unit)
    if test == "wilson" then
        return judge(wilson(x, names, level), bound, "Wilson" .. over(unit))
    end
    return judge(one_sample(x, bound, level, test, read_resamples(opts)), bound, test .. over(unit),
        too_few(unit, x))
end)

-- ---- statistic ----

local function value_of(f, rows)
    local value = f(rows)
    if type(value) ~= "number" or value ~= value then
        check.fail("value", "must return a number, returned %s", check.show(value))
    end
    return value
end

-- rows:statistic { value=function(rows), unit=, where=, above|below|within=, level=, resamples= }
-- Percentile bootstrap over units of any statistic of the rows, such as a fitted exponent.
method("statistic", function(self, opts)
    check.fields(opts, "options", statistical)
    local value, bound = check.callable(opts.value, "value"), read_bound(opts)
    local unit, level, resamples = read_unit(opts), read_level(opts), read_resamples(opts)
    local rows = chosen(self, opts.where, "where")
    local units = rows:split(unit)
    local out = { estimate = value_of(value, rows), n = #units }
    local few = too_few(unit, units)
    if not few then
        local rng, draws = claims.next_stream(), {}
        for i = 1, resamples do
            draws[i] = value_of(value, rows:resample(units, rng:integer(1, #units, #units)))
        end
        out.low, out.high = quantiles(draws, level)
    end
    return judge(out, bound, "bootstrap" .. over(unit), few)
end)

-- ---- plain numbers ----

-- rows:mean(column [, { unit= }]): the mean of the units' means
method("mean", function(self, column, opts)
    opts = check.fields(opts or {}, "options", { "unit" })
    return stats.mean((self:unit_means(check.words(column, "column"), read_unit(opts))))
end)

-- for value, rows in r:groups("k") do ... end; several columns: for a, b, rows in r:groups("a", "b")
function methods.groups(self, ...)
    local parts, keys = self:split { ... }
    local width, i = select("#", ...), 0
    return function()
        i = i + 1
        if parts[i] then
            local key = keys[i]
            key[width + 1] = parts[i]
            return table.unpack(key, 1, width + 1)
        end
    end
end

-- rows:fit { x=, y=, law=, space=, unit=, where=, level= }: assay.fit over one point an x, the mean
-- over units, as figures draw it
method("fit", function(self, opts)
    check.fields(opts, "options", fitted)
    local x, y, law = check.words(opts.x, "x"), check.words(opts.y, "y"), check.words(opts.law, "law")
    local rows, xs, ys = chosen(self, opts.where, "where"), {}, {}
    for value, part in rows:groups(x) do
        if value ~= nil then
            xs[#xs + 1], ys[#ys + 1] = value, part:mean(y, { unit = read_unit(opts) })
        end
    end
    return assay.fit(law, xs, ys, { space = opts.space, level = opts.level })
end)

return methods
