-- How the prelude reads a declaration: small readers of fields that refuse with the field's path.
--
-- A refusal is an error object { path, message }; assay.experiment turns it into one line with the
-- script's position. Texts must be UTF-8 without zero bytes, since they end in JSON and SQLite.
local assay, import = ...
local lists = import "lists"
local suggest = assay.prelude.suggest

local check = { suggest = suggest } -- assay.prelude is gone when a module is imported late

local Refusal = {}

function check.fail(path, format, ...)
    error(setmetatable({ path = path, message = string.format(format, ...) }, Refusal))
end

function check.is_refusal(err)
    return getmetatable(err) == Refusal
end

-- The words of an error: a refusal as one line, any other as it is.
function check.explain(err)
    if check.is_refusal(err) then
        return err.path .. ": " .. err.message
    end
    return err
end

-- f, with its refusals as such lines.
function check.explained(f)
    return function(...)
        local ok, result = pcall(f, ...)
        if ok then
            return result
        end
        error(check.explain(result), 0)
    end
end

-- A value as a message shows it.
function check.show(value)
    local kind = type(value)
    if kind == "string" then
        return '"' .. (#value > 40 and string.sub(value, 1, 37) .. "..." or value) .. '"'
    elseif kind == "number" or kind == "boolean" or kind == "nil" then
        return tostring(value)
    end
    return "a " .. kind
end

function check.join(path, key)
    if type(key) == "number" then
        return path .. "[" .. key .. "]"
    end
    key = type(key) == "string" and key or check.show(key)
    return path == "" and key or path .. "." .. key
end

function check.kind(value, kind, path)
    if type(value) ~= kind then
        check.fail(path, "must be a %s, got %s", kind, check.show(value))
    end
    return value
end

function check.text(value, path)
    check.kind(value, "string", path)
    if not utf8.len(value) or string.find(value, "\0", 1, true) then
        check.fail(path, "must be UTF-8 text without zero bytes")
    end
    -- a terminal would obey them
    if string.find(value, "[\1-\8\11-\31\127]") or string.find(value, "\xc2[\x80-\x9f]") then
        check.fail(path, "must be text without control characters, got %s", check.show(value))
    end
    return value
end

-- A text that is not empty.
function check.words(value, path)
    if string.find(check.text(value, path), "^%s*$") then
        check.fail(path, "must not be empty")
    end
    return value
end

function check.optional(value, read, path, ...)
    if value == nil then
        return nil
    end
    return read(value, path, ...)
end

function check.boolean(value, path)
    return check.kind(value, "boolean", path)
end

-- Finite or infinite, never NaN.
function check.number(value, path)
    check.kind(value, "number", path)
    if value ~= value then
        check.fail(path, "must be a number, got NaN")
    end
    return value
end

function check.finite(value, path)
    check.number(value, path)
    if value == math.huge or value == -math.huge then
        check.fail(path, "must be finite, got %s", check.show(value))
    end
    return value
end

-- A whole number in min..max, as a Lua integer.
function check.whole(value, path, min, max)
    local whole = math.tointeger(check.finite(value, path))
    if not whole or whole < min or (max and whole > max) then
        local range = max and string.format("in %d..%d", min, max) or ">= " .. min
        check.fail(path, "must be a whole number %s, got %s", range, check.show(value))
    end
    return whole
end

function check.matches(value, path, pattern, what)
    if not string.find(check.kind(value, "string", path), pattern) then
        check.fail(path, "must be made of %s, got %s", what, check.show(value))
    end
    return value
end

-- [a-z0-9_-]+: what experiments, presets, figures and claims are called.
function check.slug(value, path)
    return check.matches(value, path, "^[a-z0-9_-]+$", "a-z, 0-9, _ and -")
end

function check.identifier(value, path)
    return check.matches(value, path, "^[%a_][%w_]*$", "letters, digits and _, no digit first")
end

function check.one_of(value, path, choices)
    check.kind(value, "string", path)
    for _, choice in ipairs(choices) do
        if choice == value then
            return value
        end
    end
    check.fail(path, "unknown value %s%s", check.show(value), suggest(value, choices))
end

-- A function, or a table that can be called.
function check.callable(value, path)
    local meta = type(value) == "table" and getmetatable(value)
    if type(value) ~= "function" and not (type(meta) == "table" and meta.__call) then
        check.fail(path, "must be a function, got %s", check.show(value))
    end
    return value
end

-- A table with none but the known keys.
function check.fields(value, path, known)
    check.kind(value, "table", path)
    for key in pairs(value) do
        if type(key) ~= "string" then
            check.fail(check.join(path, key), "unknown field (fields have names)")
        end
    end
    for _, key in ipairs(lists.sorted_keys(value)) do
        if not lists.contains(known, key) then
            check.fail(check.join(path, key), "unknown field%s", suggest(key, known))
        end
    end
    return value
end

-- A table with 1..n and nothing else; returns n.
function check.sequence(value, path)
    check.kind(value, "table", path)
    local count = 0
    for _ in pairs(value) do
        count = count + 1
    end
    for i = 1, count do
        if value[i] == nil then
            check.fail(path, "must be a list without names or holes")
        end
    end
    return count
end

-- Every entry through read(entry, path); the new list.
function check.list(value, path, read, ...)
    local out = {}
    for i = 1, check.sequence(value, path) do
        out[i] = read(value[i], check.join(path, i), ...)
    end
    return out
end

-- A list of records whose `name` no other has.
function check.named_list(value, path, read, ...)
    local out, first = check.list(value, path, read, ...), {}
    for i, entry in ipairs(out) do
        if first[entry.name] then
            check.fail(check.join(check.join(path, i), "name"), "%s is the name of %s too",
                check.show(entry.name), check.join(path, first[entry.name]))
        end
        first[entry.name] = i
    end
    return out
end

-- One text or a list of them; a list.
function check.texts(value, path)
    if type(value) == "table" then
        return check.list(value, path, check.words)
    end
    return { check.words(value, path) }
end

return check
