-- Options of an application: their declaration, what --help says of one, and the reading of the texts
-- that a command line has.
--
-- An option is { NAME, type=, default=, min=, max=, above=, choices=, required=, doc= }. NAME is that of
-- the Lua function's option; on the command line "_" is "-". The type is the default's, or one of
--     integer, number, string, flag
--     list      texts, separated by commas
--     columns   columns by name, of those that are compared: the function gets their positions
--     class     one of the labels: the function gets its number
-- The last two are known only once the file is read (apply_kind.lua).
local _, import = ...
local canonical = import "canonical"
local check = import "check"
local lists = import "lists"
local parameter = import "parameter"

local option = {}

local words = { integer = "N", number = "X", string = "NAME", list = "A,B", columns = "A,B", class = "LABEL" }
local fields = { "type", "default", "min", "max", "above", "choices", "required", "doc", "argument" }
local exact = 2 ^ 53

local function type_of(spec)
    if type(spec.default) == "number" then
        return math.type(spec.default) == "integer" and "integer" or "number"
    end
    return "string"
end

-- "in 1..10", "at least 1", ...; nil where all numbers will do.
local function range_of(self)
    if self.min and self.max then
        return string.format("in %s..%s", canonical.number(self.min), canonical.number(self.max))
    elseif self.above and self.max then
        return string.format("above %s and at most %s", canonical.number(self.above), canonical.number(self.max))
    elseif self.min or self.above then
        return (self.min and "at least " or "above ") .. canonical.number(self.min or self.above)
    end
    return self.max and "at most " .. canonical.number(self.max)
end

local function shown(value)
    return type(value) == "number" and canonical.number(value) or tostring(value)
end

-- What --help says.
local function help_of(self)
    local text = table.concat({ self.doc, range_of(self) }, "; ")
    if self.required then
        return text .. " (required)"
    end
    return self.default ~= nil and string.format("%s (default: %s)", text, shown(self.default)) or text
end

-- A declaration, checked, as { name, flag, argument, help, ... }.
function option.declare(spec)
    local name = check.identifier(spec[1], "option")
    local self = { name = name, flag = string.gsub(name, "_", "-") }
    for key, value in pairs(spec) do
        if key ~= 1 and not lists.contains(fields, key) then
            check.fail(name, "unknown field %s", check.show(key))
        end
        self[key] = value
    end
    check.words(self.doc, check.join(name, "doc"))
    self.type = self.type or type_of(self)
    if self.type ~= "flag" then
        self.argument = self.argument or self.choices and table.concat(self.choices, "|")
            or words[self.type]
        check.words(self.argument, check.join(name, "type"))
    end
    self.help = help_of(self)
    return self
end

local function number(self, text, path)
    local value = tonumber(text)
    local whole = self.type == "integer"
    if whole then
        value = value and math.tointeger(value)
    end
    local range = range_of(self)
    if not value or value ~= value or math.abs(value) > (whole and exact or math.huge)
        or self.min and value < self.min or self.max and value > self.max or self.above and value <= self.above
        or value == math.huge or value == -math.huge then
        check.fail(path, "must be %s%s, got %s", whole and "a whole number" or "a number",
            range and " " .. range or "", check.show(text))
    end
    return whole and value or value + 0.0
end

-- The value that a text means.
function option.read(self, text)
    local path = "--" .. self.flag
    if self.type == "flag" then
        return true
    elseif self.type == "integer" or self.type == "number" then
        return number(self, text, path)
    elseif self.choices and not lists.contains(self.choices, text) then
        check.fail(path, "must be one of %s, got %s", table.concat(self.choices, ", "), check.show(text))
    elseif self.type == "list" or self.type == "columns" then
        return parameter.split(text, path)
    end
    return text
end

return option
