-- The key of what cell:cache keeps: a text or plain data, as canonical JSON, so that equal keys have
-- equal text. 1 and 1.0 are different keys, as they are different parameters.
local _, import = ...
local canonical, check = import "canonical", import "check"

local cache = {}

local deepest = 16

local read

local function read_table(value, path, depth)
    if depth > deepest then
        check.fail(path, "stands deeper than %d tables", deepest)
    end
    local named = #value == 0
    if not named then
        check.sequence(value, path)
    end
    for key, entry in pairs(value) do
        if named and type(key) ~= "string" then
            check.fail(path, "must have names or be a list, got %s as a name", check.show(key))
        end
        read(entry, check.join(path, key), depth + 1)
    end
end

function read(value, path, depth)
    local kind = type(value)
    if kind == "table" then
        read_table(value, path, depth)
    elseif kind == "number" then
        check.finite(value, path)
    elseif kind ~= "string" and kind ~= "boolean" then
        check.fail(path, "must be a text, a number, a boolean or a table of these, got %s",
            check.show(value))
    end
end

-- The text of a key. Refuses what is not plain data, and parameters that are not finite.
function cache.key(value)
    read(value, "key", 0)
    return canonical.encode(value)
end

cache.key = check.explained(cache.key)

return cache
