-- assay.experiment: a declaration becomes an experiment, or is refused with
-- FILE:LINE: FIELD: what is wrong. The line is the field's own where the text tells (locate.lua),
-- else that of the call.
--
-- An experiment is a table: name, title, description, methods, params (a list sorted by name),
-- presets (name -> parameter -> values), replicates, run, filter, figures, claims, limits, where.
local assay, import = ...
local canonical = import "canonical"
local check = import "check"
local figures = import "figures"
local lists = import "lists"
local locate = import "locate"
local parameter = import "parameter"
local suggest = assay.prelude.suggest

local experiment = {}

local Experiment = { __name = "assay.experiment" }

local fields = {
    "name", "title", "description", "method", "params", "presets", "replicates", "run", "figures",
    "claims", "limits", "filter",
}

function experiment.is(value)
    return type(value) == "table" and getmetatable(value) == Experiment
end

-- "2G" or a number of bytes.
local factors = { [""] = 1, k = 2 ^ 10, m = 2 ^ 20, g = 2 ^ 30, t = 2 ^ 40 }

local function bytes(value, path)
    if type(value) == "string" then
        local number, unit = string.match(string.lower(value), "^%s*([%d.]+)%s*([kmgt]?)i?b?%s*$")
        if not number or not tonumber(number) then
            check.fail(path, 'must be a number of bytes or a text such as "2G", got %s',
                check.show(value))
        end
        value = tonumber(number) * factors[unit] // 1
    end
    return check.whole(value, path, 1)
end

local function seconds(value, path)
    if check.finite(value, path) <= 0 then
        check.fail(path, "must be a number of seconds > 0, got %s", check.show(value))
    end
    return value
end

local function read_limits(value, path)
    check.fields(value, path, { "time", "memory" })
    return {
        time = check.optional(value.time, seconds, check.join(path, "time")),
        memory = check.optional(value.memory, bytes, check.join(path, "memory")),
    }
end

local function read_params(value, path)
    local params = {}
    for name in pairs(check.kind(value, "table", path)) do
        if type(name) ~= "string" then
            check.fail(check.join(path, name), "parameters have names: NAME = { default = ... }")
        end
    end
    for i, name in ipairs(lists.sorted_keys(value)) do
        params[i] = parameter.declare(name, value[name], check.join(path, name))
    end
    return params
end

function experiment.parameter(self, name, path)
    for _, param in ipairs(self.params) do
        if param.name == name then
            return param
        end
    end
    local names = lists.map(self.params, function(param)
        return param.name
    end)
    check.fail(path, "unknown parameter%s", suggest(name, names))
end

local function read_preset(self, value, path)
    local preset = {}
    for name, wanted in pairs(check.kind(value, "table", path)) do
        local at = check.join(path, name)
        preset[name] = parameter.values(experiment.parameter(self, check.kind(name, "string", at), at),
            wanted, at)
    end
    return preset
end

local function read_presets(self, value, path)
    local presets = {}
    for name, preset in pairs(check.kind(value, "table", path)) do
        local at = check.join(path, name)
        presets[check.slug(name, at)] = read_preset(self, preset, at)
    end
    return presets
end

local function read_claim(value, path)
    check.fields(value, path, { "name", "text", "check" })
    return {
        name = check.slug(value.name, check.join(path, "name")),
        text = check.words(value.text, check.join(path, "text")),
        check = check.callable(value.check, check.join(path, "check")),
    }
end

local function read_methods(value, path)
    local methods = check.texts(value, path)
    for i, slug in ipairs(methods) do
        local at = type(value) == "table" and check.join(path, i) or path
        check.one_of(slug, at, assay.catalogue.slugs())
    end
    return methods
end

local function or_empty(value)
    if value == nil then
        return {}
    end
    return value
end

local function read(declaration)
    check.fields(declaration, "", fields)
    local self = setmetatable({}, Experiment)
    self.name = check.slug(declaration.name, "name")
    self.title = check.optional(declaration.title, check.words, "title")
    self.description = check.optional(declaration.description, check.text, "description")
    self.methods = check.optional(declaration.method, read_methods, "method") or {}
    self.params = read_params(or_empty(declaration.params), "params")
    self.presets = read_presets(self, or_empty(declaration.presets), "presets")
    self.replicates = check.optional(declaration.replicates, check.whole, "replicates", 1) or 1
    self.run = check.callable(declaration.run, "run")
    self.filter = check.optional(declaration.filter, check.callable, "filter")
    self.figures = check.named_list(or_empty(declaration.figures), "figures", figures.read)
    self.claims = check.named_list(or_empty(declaration.claims), "claims", read_claim)
    self.limits = read_limits(or_empty(declaration.limits), "limits")
    return self
end

-- The text of the script that a stock interpreter runs.
local function file_text(where)
    local file = io and io.open(string.match(where, "^(.*):%d+:$") or "")
    if file then
        local text = file:read("a")
        file:close()
        return text
    end
end

-- `where` is the "FILE:LINE:" of the caller ("" when it has none) and `text` the script's text (nil
-- when unknown), as assay.prelude.located finds them.
function experiment.declare(where, text, declaration)
    if type(declaration) ~= "table" then
        error(where .. " assay.experiment: must be called with a table, got "
            .. check.show(declaration), 0)
    end
    local ok, result = pcall(read, declaration)
    if ok then
        result.where = where
        return result
    elseif not check.is_refusal(result) then
        error(result, 0)
    end
    local place = locate.field(where, text or file_text(where), result.path)
    error(string.format("%s %s: %s", place, result.path, result.message), 0)
end

local function describe_param(param)
    return {
        name = param.name,
        type = param.type,
        default = parameter.concrete(param.values),
        min = param.min,
        max = param.max,
        choices = param.choices,
        doc = param.doc,
    }
end

local function describe_presets(presets)
    local out = {}
    for name, preset in pairs(presets) do
        out[name] = {}
        for key, values in pairs(preset) do
            out[name][key] = parameter.concrete(values)
        end
    end
    return out
end

-- The declaration as JSON (its shape stands in engine.h).
function experiment.describe(self)
    return canonical.encode {
        name = self.name,
        title = self.title or self.name,
        description = self.description,
        method = canonical.list(self.methods),
        params = canonical.list(lists.map(self.params, describe_param)),
        presets = describe_presets(self.presets),
        replicates = self.replicates,
        limits = self.limits,
        figures = canonical.list(self.figures),
        claims = canonical.list(lists.map(self.claims, function(claim)
            return { name = claim.name, text = claim.text }
        end)),
    }
end

return experiment
