-- One parameter: its declaration, and the reading of values by it, whether they come from the
-- script (default, presets), as text (command line, form) or from a stored run.
--
-- A parameter is { name, type, values, min, max, choices, doc }; `values` is the default as a list,
-- one entry unless it is swept. The type is the default's: integer, number, boolean or string.
local _, import = ...
local canonical = import "canonical"
local check = import "check"
local lists = import "lists"

local parameter = {}

local fields = { "default", "min", "max", "choices", "doc" }
local taken = { "run", "cell", "replicate" }
local exact = 2 ^ 53

local function type_of(value, path)
    if type(value) == "number" then
        return math.type(value) == "integer" and "integer" or "number"
    elseif type(value) == "boolean" or type(value) == "string" then
        return type(value)
    end
    check.fail(path, "must be a number, a boolean, a string or a list of one of them, got %s",
        check.show(value))
end

-- A list that mixes whole and other numbers holds numbers.
local function common_type(values, path)
    local kind = type_of(values[1], check.join(path, 1))
    for i = 2, #values do
        local other = type_of(values[i], check.join(path, i))
        if other ~= kind then
            if type(values[1]) ~= "number" or type(values[i]) ~= "number" then
                check.fail(check.join(path, i), "is a %s, but %s is a %s", other,
                    check.join(path, 1), kind)
            end
            kind = "number"
        end
    end
    return kind
end

local function as_integer(value, path)
    local whole = type(value) == "number" and math.tointeger(check.finite(value, path))
    if not whole then
        check.fail(path, "must be an integer, got %s", check.show(value))
    end
    if whole > exact or whole < -exact then
        check.fail(path, "must be within -2^53..2^53, got %s", check.show(value))
    end
    return whole
end

local convert = {
    integer = as_integer,
    number = function(value, path)
        return check.finite(value, path) + 0.0
    end,
    boolean = check.boolean,
    string = check.text,
}

local function check_range(self, value, path)
    if self.min and value < self.min then
        check.fail(path, "must be >= %s, got %s", canonical.number(self.min), check.show(value))
    elseif self.max and value > self.max then
        check.fail(path, "must be <= %s, got %s", canonical.number(self.max), check.show(value))
    end
end

-- One value by the declaration.
function parameter.value(self, value, path)
    value = convert[self.type](value, path)
    check_range(self, value, path)
    if self.choices and not lists.contains(self.choices, value) then
        local choices = table.concat(lists.map(self.choices, check.show), ", ")
        check.fail(path, "must be one of %s, got %s", choices, check.show(value))
    end
    return value
end

-- One value or a list of them; a list without duplicates.
function parameter.values(self, value, path)
    if type(value) ~= "table" then
        return { parameter.value(self, value, path) }
    end
    local seen = {}
    local function read(entry, at)
        entry = parameter.value(self, entry, at)
        if seen[entry] then
            check.fail(at, "%s stands twice in the list", check.show(entry))
        end
        seen[entry] = true
        return entry
    end
    local values = check.list(value, path, read)
    if #values == 0 then
        check.fail(path, "empty grid: a list needs at least one value")
    end
    return values
end

local function read_bounds(self, spec, path)
    if spec.min == nil and spec.max == nil then
        return
    end
    if self.type ~= "integer" and self.type ~= "number" then
        local key = spec.min ~= nil and "min" or "max"
        check.fail(check.join(path, key), "is for numbers, but the default is a %s", self.type)
    end
    self.min = check.optional(spec.min, check.finite, check.join(path, "min"))
    self.max = check.optional(spec.max, check.finite, check.join(path, "max"))
    if self.min and self.max and self.min > self.max then
        check.fail(check.join(path, "min"), "is %s, larger than max = %s", self.min, self.max)
    end
end

local function read_choices(self, choices, path)
    if choices == nil then
        return
    end
    if check.sequence(choices, path) == 0 then
        check.fail(path, "must have at least one entry")
    end
    self.choices = parameter.values(self, choices, path)
end

local function full_spec(spec)
    if type(spec) == "table" and (spec.default ~= nil or next(spec) ~= nil and #spec == 0) then
        return spec, true
    end
    return { default = spec }, false
end

function parameter.declare(name, spec, path)
    check.identifier(name, path)
    if lists.contains(taken, name) then
        check.fail(path, "is the name of a column that every row has")
    end
    local full
    spec, full = full_spec(spec)
    local at = full and check.join(path, "default") or path
    check.fields(spec, path, fields)
    if spec.default == nil then
        check.fail(at, "is missing")
    end
    local defaults = type(spec.default) == "table" and spec.default or { spec.default }
    if check.sequence(defaults, at) == 0 then
        check.fail(at, "empty grid: a list needs at least one value")
    end
    local listed = type(spec.default) == "table"
    local kind = listed and common_type(defaults, at) or type_of(spec.default, at)
    local self = { name = name, type = kind }
    self.doc = check.optional(spec.doc, check.text, check.join(path, "doc"))
    read_bounds(self, spec, path)
    read_choices(self, spec.choices, check.join(path, "choices"))
    self.values = parameter.values(self, spec.default, at)
    return self
end

local booleans = {
    ["true"] = true, yes = true, on = true, ["1"] = true,
    ["false"] = false, no = false, off = false, ["0"] = false,
}

local function from_text(self, text, path)
    if self.type == "string" then
        return text
    elseif self.type == "boolean" then
        local value = booleans[string.lower(text)]
        if value == nil then
            check.fail(path, "must be true or false, got %s", check.show(text))
        end
        return value
    end
    local number = tonumber(text)
    if not number then
        check.fail(path, "must be %s, got %s",
            self.type == "integer" and "an integer" or "a number", check.show(text))
    end
    return number
end

-- "a,b,c" to its parts. A part in double quotes may hold commas; "" in it is one quote.
function parameter.split(text, path)
    local parts, at = {}, 1
    repeat
        local quoted, after = string.match(text, '^%s*"([^"]*)()', at)
        if quoted then
            while string.find(text, '^""', after) do
                local more, next_after = string.match(text, '^""([^"]*)()', after)
                quoted, after = quoted .. '"' .. more, next_after
            end
            after = string.match(text, '^"%s*()', after)
            if not after or not string.find(text, "^,", after) and after <= #text then
                check.fail(path, "has a quote that is not closed before a comma: %s",
                    check.show(text))
            end
            parts[#parts + 1] = quoted
        else
            local part
            part, after = string.match(text, "^%s*([^,]*)()", at)
            parts[#parts + 1] = string.match(part, "^(.-)%s*$")
        end
        at = after + 1
    until after > #text
    return parts
end

-- What stands in the JSON: one value, or the list of a sweep.
function parameter.concrete(values)
    if #values == 1 then
        return values[1]
    end
    return values
end

-- The values that a text such as "0.6,1" means.
function parameter.parse(self, text, path)
    check.text(text, path)
    local values = {}
    for i, part in ipairs(parameter.split(text, path)) do
        values[i] = from_text(self, part, path)
    end
    return parameter.values(self, parameter.concrete(values), path)
end

return parameter
