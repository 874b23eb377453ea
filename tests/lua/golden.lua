--[[ The golden runner: cases of tests/golden/*.json against the library.

A case is { name, call, input, expected, tol [, tol_kind] }. `call` is a Lua expression over the
fields of `input` (and assay); JSON's null comes in as NaN. A call that is words is evaluated by an
adaptor, a function of (input, case), given under the case's name or call; a case with neither fails,
and so does an adaptor that no case wants.

    golden.run("monkeys", { ["coverage curve"] = function(input) ... end })

How close is close enough: `tol`, absolute unless the case (tol_kind) or the file (its "tolerance"
text) says otherwise.
  absolute  |d| <= tol
  relative  |d| <= tol |expected|
  either    one of both
  scaled    |d| <= tol max(1, largest |expected|)   ]]
local assay = require "assay"
local tap = require "tap"

local golden = {}

local function read(path)
    local file <close> = assert(io.open(path, "rb"))
    return file:read "a"
end

-- ---- tolerance ----

local function kind_of(case, file)
    local text = file.tolerance or ""
    if case.tol_kind then
        return case.tol_kind
    elseif text:find("max(1,", 1, true) then
        return "scaled"
    elseif text:find("absolute or relative", 1, true) or text:find("tol*|expected|", 1, true) then
        return "either"
    end
    return "absolute"
end

local function tolerance_of(case, file)
    return case.tol or tonumber((file.tolerance or ""):match "absolute (%d[%d.e+-]*)")
end

local function largest(value)
    if type(value) == "number" then
        return value == value and math.abs(value) < math.huge and math.abs(value) or 0
    elseif type(value) ~= "table" then
        return 0
    end
    local most = 0
    for _, element in pairs(value) do
        most = math.max(most, largest(element))
    end
    return most
end

--- limit(expected number) is how far off a result may be.
local function limit_of(kind, tol, expected)
    if kind == "absolute" then
        return function() return tol end
    elseif kind == "relative" then
        return function(e) return tol * math.abs(e) end
    elseif kind == "either" then
        return function(e) return tol * math.max(1, math.abs(e)) end
    elseif kind == "scaled" then
        local scale = math.max(1, largest(expected))
        return function() return tol * scale end
    end
    error("unknown tol_kind " .. tostring(kind))
end

-- ---- comparison: nil when equal, else the text of the difference ----

local compare

local function is_indexable(value)
    return type(value) == "table" or type(value) == "userdata"
end

local function differs(path, got, expected)
    return ("%s: got %s, expected %s"):format(path, tap.show(got), tap.show(expected))
end

local function compare_number(got, expected, limit, path)
    if expected ~= expected then -- null: NaN, missing or -infinity
        if got == nil or got == -math.huge or (type(got) == "number" and got ~= got) then
            return nil
        end
    elseif type(got) == "number" and (got == expected or math.abs(got - expected) <= limit(expected)) then
        return nil
    end
    return differs(path, got, expected)
end

local function compare_list(got, expected, limit, path)
    if not is_indexable(got) then
        return differs(path, got, expected)
    end
    local done, n = pcall(function() return #got end)
    if not done or n ~= #expected then
        return ("%s: got %s elements, expected %d"):format(path, done and n or "no", #expected)
    end
    for i = 1, n do
        local difference = compare(got[i], expected[i], limit, path .. "[" .. i .. "]")
        if difference then
            return difference
        end
    end
end

local function field(value, key)
    local done, got = pcall(function() return value[key] end)
    if done then
        return got
    end
end

local function compare_names(got, expected, limit_for, path)
    for key, value in pairs(expected) do
        local here = path .. "." .. key
        local difference = compare(field(got, key), value, limit_for(value), here)
        if difference then
            return difference
        end
    end
end

local function is_list(value)
    return #value > 0 or next(value) == nil
end

function compare(got, expected, limit, path)
    if type(expected) == "number" then
        return compare_number(got, expected, limit, path)
    elseif expected == "inf" or expected == "-inf" then
        local value = expected == "inf" and math.huge or -math.huge
        return got ~= value and differs(path, got, expected) or nil
    elseif type(expected) ~= "table" then
        return got ~= expected and differs(path, got, expected) or nil
    elseif is_list(expected) then
        return compare_list(got, expected, limit, path)
    elseif not is_indexable(got) then
        return differs(path, got, expected)
    end
    return compare_names(got, expected, function() return limit end, path)
end

--- A result against `expected` as a whole: by name, or directly when the only name is not in it.
local function compare_result(got, case, kind, tol)
    local expected = case.expected
    local function limit_for(value) return limit_of(kind, tol, value) end
    if type(expected) ~= "table" or is_list(expected) then
        return compare(got, expected, limit_for(expected), "result")
    end
    local key, value = next(expected)
    local single = next(expected, key) == nil
    if single and (not is_indexable(got) or field(got, key) == nil) then
        return compare(got, value, limit_for(value), "result")
    elseif not is_indexable(got) then
        return differs("result", got, expected)
    end
    return compare_names(got, expected, limit_for, "result")
end

-- ---- cases ----

--- Lua's own complaint: the call itself is wrong (a function that does not exist), which is not the
--- refusal that a case asks for.
local function is_broken_call(message)
    return tostring(message):find("attempt to ", 1, true) ~= nil
end

--- pcall for calls such as "not pcall(assay.f, x)".
local function strict_pcall(f, ...)
    local results = table.pack(pcall(f, ...))
    if not results[1] and is_broken_call(results[2]) then
        error(results[2], 0)
    end
    return table.unpack(results, 1, results.n)
end

--- The case's call as a function, or nil when it is words. No "..." inside: that is an ellipsis.
local function compiled(case)
    local env = setmetatable({ assay = assay, pcall = strict_pcall }, { __index = _G })
    for name, value in pairs(case.input or {}) do
        env[name] = value
    end
    local chunk = load("return function() return " .. case.call .. "\nend", "=call", "t", env)
    return chunk and chunk()
end

local function adaptor_for(case, adaptors)
    local adaptor = adaptors[case.name] or adaptors[case.call]
    return adaptor, adaptors[case.name] and case.name or case.call
end

local function has_word(text, word)
    return text:find("%f[%w_]" .. word:gsub("%p", "%%%0") .. "%f[^%w_]") ~= nil
end

--- Must raise; `wanted` true, or a word that the message has. An adaptor of several calls may return
--- { error = true } itself, once each of them raised.
local function check_raises(wanted, done, result)
    if done then
        return not (type(result) == "table" and result.error == true)
            and "no error, got " .. tap.show(result) or nil
    elseif is_broken_call(result) then
        return "error of the call itself: " .. tostring(result)
    elseif type(wanted) == "string" and not has_word(tostring(result), wanted) then
        return ("the error %q does not name %q"):format(tostring(result), wanted)
    end
end

--- nil when the case holds, else what is wrong; `used` collects the adaptors that were wanted.
local function check_case(case, file, adaptors, used)
    local adaptor, key = adaptor_for(case, adaptors)
    local call = compiled(case)
    if adaptor then
        used[key] = true
        call = function() return adaptor(case.input, case) end
    elseif not call then
        return "the call is words, and there is no adaptor: " .. case.call
    end
    if case.expected == nil then
        return "the case has no expected value"
    end
    local done, result = pcall(call)
    local wanted = type(case.expected) == "table" and case.expected.error
    if wanted then
        return check_raises(wanted, done, result)
    elseif not done then
        return "error: " .. tostring(result)
    end
    local tol = tolerance_of(case, file)
    if not tol then
        return "the case has no tolerance"
    end
    return compare_result(result, case, kind_of(case, file), tol)
end

--- All cases of a file, or those that `wanted(case)` says: a list of { name, difference = nil | text }.
--- An adaptor that was not wanted is a difference too, and so is a file without a wanted case.
function golden.check(path, adaptors, wanted)
    adaptors = adaptors or {}
    local file = assay.json.decode(read(path), { null = "nan" })
    local results, used = {}, {}
    for i, case in ipairs(file.cases) do
        if not wanted or wanted(case) then
            local name = ("%s %d: %s"):format(path:match "[^/]*$", i, case.name)
            table.insert(results, { name = name, difference = check_case(case, file, adaptors, used) })
        end
    end
    if #results == 0 then
        results[1] = { name = path:match "[^/]*$", difference = "no case is wanted" }
    end
    for key in pairs(adaptors) do
        if not used[key] then
            local name = path:match "[^/]*$" .. " adaptor: " .. key
            results[#results + 1] = { name = name, difference = "no case wants this adaptor" }
        end
    end
    return results
end

--- Every case of tests/golden/SLUG.json as a TAP line; of a file that two tests share, those that
--- `wanted(case)` says.
function golden.run(slug, adaptors, wanted)
    local path = (os.getenv "srcdir" or ".") .. "/tests/golden/" .. slug .. ".json"
    for _, result in ipairs(golden.check(path, adaptors, wanted)) do
        tap.ok(not result.difference, result.name, result.difference)
    end
end

--- For adaptors of error cases: { error = true } when every call raised, else what did not.
function golden.all_raise(calls)
    for i, call in ipairs(calls) do
        local done, result = pcall(call)
        if done or is_broken_call(result) then
            return ("call %d did not raise a refusal, got %s"):format(i, tap.show(result))
        end
    end
    return { error = true }
end

return golden
