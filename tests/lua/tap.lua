--[[ TAP for the Lua tests: tap.ok, tap.is, tap.near, tap.error, and tap.done at the end. A test that
dies before tap.done leaves no plan, which the harness counts as an error. ]]
local tap = { count = 0, failed = 0 }

local function show(value, depth)
    depth = depth or 0
    if type(value) == "string" then
        return string.format("%q", value)
    elseif type(value) ~= "table" or depth > 4 then
        return tostring(value)
    end
    local parts, n = {}, #value
    for i = 1, n do
        parts[i] = show(value[i], depth + 1)
    end
    local names = {}
    for key in pairs(value) do
        if not (math.type(key) == "integer" and key >= 1 and key <= n) then
            names[#names + 1] = key
        end
    end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(names) do
        parts[#parts + 1] = tostring(key) .. " = " .. show(value[key], depth + 1)
    end
    return "{" .. table.concat(parts, ", ") .. "}"
end
tap.show = show

local function comment(text)
    print("# " .. text:gsub("\n", "\n# "))
end

function tap.ok(right, name, ...)
    tap.count = tap.count + 1
    name = tostring(name or ""):gsub("#", "\\#")
    print((right and "ok " or "not ok ") .. tap.count .. " - " .. name)
    if not right then
        tap.failed = tap.failed + 1
        comment(debug.traceback("", 2):match("[^\n]*tests/lua/[%w_]+%.lua:%d+: in main chunk") or "")
        for _, text in ipairs { ... } do
            comment(text)
        end
    end
    return right
end

--- Equal type by type, tables key by key; 1 and 1.0 differ, NaN equals NaN.
local function same(a, b)
    if type(a) ~= type(b) or math.type(a) ~= math.type(b) then
        return false
    elseif type(a) ~= "table" then
        return a == b or (a ~= a and b ~= b)
    end
    for key, value in pairs(a) do
        if not same(value, b[key]) then
            return false
        end
    end
    for key in pairs(b) do
        if a[key] == nil then
            return false
        end
    end
    return true
end
tap.same = same

function tap.is(got, expected, name)
    return tap.ok(same(got, expected), name, "got      " .. show(got), "expected " .. show(expected))
end

--- |got - expected| <= tol; a list against a list element by element; NaN only equals NaN.
local function near(got, expected, tol)
    if type(expected) == "number" then
        return type(got) == "number"
            and (got == expected or (got ~= got and expected ~= expected)
                or math.abs(got - expected) <= tol)
    end
    if (type(got) ~= "table" and type(got) ~= "userdata") or #got ~= #expected then
        return false
    end
    for i = 1, #expected do
        if not near(got[i], expected[i], tol) then
            return false
        end
    end
    return true
end

function tap.near(got, expected, tol, name)
    return tap.ok(near(got, expected, tol), name, "got      " .. show(got),
        "expected " .. show(expected) .. " within " .. tol)
end

--- `f` raises an error whose text has `wanted`: plain text, or a pattern when it has "%" or "^".
function tap.error(wanted, f, name)
    local done, message = pcall(f)
    local plain = not wanted:find("[%%^]")
    local right = not done and tostring(message):find(wanted, 1, plain) ~= nil
    return tap.ok(right, name or wanted, done and "no error" or "error    " .. tostring(message),
        "expected " .. wanted)
end

function tap.done()
    print("1.." .. tap.count)
    os.exit(tap.failed == 0, true)
end

return tap
