-- Canonical JSON: the one text that equal values have. Keys are sorted, numbers are as short as they
-- round-trip, and a float always shows a point or an exponent, so that its type survives.
--
-- assay.json (jansson) prints any data; this is its own because a cell's stream is derived from the
-- text, which therefore must not change with a library's number formatting.
local _, import = ...
local lists = import "lists"

local canonical = {}

local List = {}

-- Marks a table as a list, so that an empty one is "[]".
function canonical.list(t)
    return setmetatable(t, List)
end

function canonical.number(x)
    if math.type(x) == "integer" then
        return string.format("%d", x)
    end
    if x ~= x or x == math.huge or x == -math.huge then
        return "null"
    end
    for precision = 1, 17 do
        local text = string.format("%." .. precision .. "g", x)
        if tonumber(text) == x then
            return string.find(text, "[.e]") and text or text .. ".0"
        end
    end
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

function canonical.text(s)
    local function escape(c)
        return escapes[c] or string.format("\\u%04x", string.byte(c))
    end
    return '"' .. string.gsub(s, '[%c"\\]', escape) .. '"'
end

local function elements(list)
    local out = {}
    for i, value in ipairs(list) do
        out[i] = canonical.encode(value)
    end
    return "[" .. table.concat(out, ",") .. "]"
end

local function members(object)
    local out = {}
    for i, key in ipairs(lists.sorted_keys(object)) do
        out[i] = canonical.text(key) .. ":" .. canonical.encode(object[key])
    end
    return "{" .. table.concat(out, ",") .. "}"
end

function canonical.encode(value)
    local kind = type(value)
    if kind == "number" then
        return canonical.number(value)
    elseif kind == "string" then
        return canonical.text(value)
    elseif kind == "boolean" then
        return tostring(value)
    elseif getmetatable(value) == List or #value > 0 then
        return elements(value)
    end
    return members(value)
end

return canonical
