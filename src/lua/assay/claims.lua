-- Claims: verdicts, and the checking of an experiment's claims over a run's rows.
--
-- A verdict is "supported" when the whole interval lies where the claim says, "not supported" when
-- it lies wholly outside, else "inconclusive": a wide interval is no evidence either way.
local assay, import = ...
local canonical = import "canonical"
local check = import "check"
local lists = import "lists"

local claims = {}

local verdicts = { "supported", "not supported", "inconclusive" }
local not_a_number = 0 / 0

-- bound is { low, high }; a one-sided bound itself is outside.
function claims.verdict(low, high, bound)
    if bound.at and low > bound.low and high < bound.high then
        return "supported"
    elseif not bound.at and low >= bound.low and high <= bound.high then
        return "supported"
    elseif bound.at and (high <= bound.low or low >= bound.high) then
        return "not supported"
    elseif not bound.at and (high < bound.low or low > bound.high) then
        return "not supported"
    end
    return "inconclusive"
end

-- 'k = 1, method = "vote"'
function claims.criteria_text(where)
    local parts = {}
    for name, value in lists.sorted_pairs(where) do
        parts[#parts + 1] = tostring(name) .. " = " .. check.show(value)
    end
    return table.concat(parts, ", ")
end

-- ---- streams for resampling: one a call, in the order of the calls within a claim ----

local streams = { root = nil, used = 0 }

function claims.next_stream()
    streams.used = streams.used + 1
    return (streams.root or assay.rng(1)):split(streams.used)
end

local function begin_streams(root)
    streams.root, streams.used = root, 0
end

-- ---- what a check returns ----

local function as_verdict(result, path)
    if type(result) == "boolean" then
        return { verdict = result and "supported" or "not supported" }
    elseif type(result) ~= "table" then
        check.fail(path, "must be true, false or a verdict (a table with verdict = ...), got %s", check.show(result))
    end
    check.one_of(result.verdict, path .. ".verdict", verdicts)
    for _, field in ipairs { "estimate", "low", "high", "p", "n" } do
        if result[field] ~= nil and result[field] ~= false then
            check.kind(result[field], "number", path .. "." .. field)
        end
    end
    check.optional(result.test, check.text, path .. ".test")
    check.optional(result.message, check.text, path .. ".message")
    return result
end

local function first_with(results, verdict)
    for i, result in ipairs(results) do
        if result.verdict == verdict then
            return result, i
        end
    end
end

-- claims.all { verdict, verdict, ... }: supported when all are. Else the first that is not supported
-- (or, when there is none, the first that is inconclusive) speaks for all.
claims.all = check.explained(function(parts)
    local results = {}
    for i = 1, check.sequence(parts, "claims.all") do
        results[i] = as_verdict(parts[i], "claims.all[" .. i .. "]")
    end
    if #results == 0 then
        check.fail("claims.all", "needs at least one verdict")
    end
    local failing, i = first_with(results, "not supported")
    if not failing then
        failing, i = first_with(results, "inconclusive")
    end
    local out = {}
    for key, value in pairs(failing or results[1]) do
        out[key] = value
    end
    local place = failing and string.format("part %d of %d", i, #results) or string.format("all %d parts", #results)
    out.message = out.message and place .. ": " .. out.message or place
    return out
end)

-- claims.each(values, f): the verdicts of f(value) as one; values whose verdict is nil (a cell that this run
-- hasn't, a place the claim isn't about) are left out, and with none left nothing can be said.
function claims.each(values, f)
    local parts = {}
    for _, value in ipairs(values) do
        parts[#parts + 1] = f(value)
    end
    if #parts == 0 then
        return { verdict = "inconclusive", message = "no such cells in this run" }
    end
    return claims.all(parts)
end

-- ---- checking ----

local function error_text(err)
    local meta = getmetatable(err)
    if type(err) == "string" or type(meta) == "table" and meta.__tostring then
        return tostring(err)
    end
    return "the error is a " .. type(err) .. " value"
end

local function check_one(claim, rows, root)
    begin_streams(root:split("claims"):split(claim.name))
    local ok, result = pcall(function()
        return as_verdict(claim.check(rows), "check's result")
    end)
    begin_streams(nil)
    if not ok then
        return { verdict = "error", message = error_text(check.explain(result)) }
    end
    return result
end

local function number(x)
    return x or not_a_number
end

-- NaN encodes as null.
local function record(claim, result)
    return {
        name = claim.name,
        text = claim.text,
        verdict = result.verdict,
        estimate = number(result.estimate),
        low = number(result.low),
        high = number(result.high),
        p = number(result.p),
        n = number(result.n),
        test = result.test or not_a_number,
        message = result.message or not_a_number,
    }
end

-- The verdicts of all claims as JSON (the shape stands in engine.h). seed is the run's.
function claims.check(self, rows, seed)
    local root, out = assay.rng(seed), {}
    for i, claim in ipairs(self.claims) do
        out[i] = record(claim, check_one(claim, rows, root))
    end
    return canonical.encode(canonical.list(out))
end

return claims
