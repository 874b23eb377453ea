-- The grid of a run: which values every parameter takes, and the parameters of cell i.
--
-- Points are the product of the parameters' values in alphabetical order, the last one fastest;
-- replicates are slowest. A cell is decoded from its index when it is asked for, so that a grid of a
-- million cells takes no memory; a filter keeps the list of the points that it lets through.
local assay, import = ...
local canonical = import "canonical"
local check = import "check"
local experiment = import "experiment"
local lists = import "lists"
local parameter = import "parameter"
local suggest = assay.prelude.suggest

local grid = {}

local most_points = 2 ^ 40
local most_filtered = 10 ^ 7

-- A parameter that does not exist is an error where it is read, not a nil that travels.
local Params = { __name = "cell.params" }

function Params.__index(params, name)
    error("there is no parameter " .. check.show(name)
        .. suggest(tostring(name), lists.sorted_keys(params)), 2)
end

local function preset_values(self, name)
    if name == nil then
        return {}
    end
    local names = lists.sorted_keys(self.presets)
    if not lists.contains(names, name) then
        local there = #names == 0 and " (the experiment has no presets)" or suggest(name, names)
        check.fail("preset", "unknown preset %s%s", check.show(name), there)
    end
    return self.presets[name]
end

-- settings: a list of { name, text }.
local function override_values(self, settings)
    local values = {}
    for _, setting in ipairs(settings) do
        local name, text = setting[1], setting[2]
        local param = experiment.parameter(self, name, name)
        if values[name] then
            check.fail(name, "is set twice (a sweep is one list: %s=a,b)", name)
        end
        values[name] = parameter.parse(param, text, name)
    end
    return values
end

local function count_points(plan)
    plan.points = 1
    for _, axis in ipairs(plan.axes) do
        plan.points = plan.points * #axis.values
        if plan.points > most_points then
            check.fail(axis.name, "the grid is too large: more than 2^40 points")
        end
    end
end

-- The parameters of point i (0-based).
local function point(plan, i)
    local params = {}
    for a = #plan.axes, 1, -1 do
        local axis = plan.axes[a]
        params[axis.name] = axis.values[i % #axis.values + 1]
        i = i // #axis.values
    end
    return setmetatable(params, Params)
end

local function filter_points(plan, filter)
    if plan.points > most_filtered then
        check.fail("filter", "goes through every point, and the grid has %d (at most 10^7)",
            plan.points)
    end
    local kept = {}
    for i = 0, plan.points - 1 do
        if filter(point(plan, i)) then
            kept[#kept + 1] = i
        end
    end
    if #kept == 0 then
        check.fail("filter", "empty grid: it keeps none of %d points", plan.points)
    end
    plan.kept, plan.points = kept, #kept
end

-- values: parameter -> list of values, for those that are not at their default.
local function build(self, values, replicates)
    local plan = { replicates = replicates > 0 and replicates or self.replicates }
    plan.axes = lists.map(self.params, function(param)
        return { name = param.name, values = values[param.name] or param.values }
    end)
    count_points(plan)
    if self.filter then
        filter_points(plan, self.filter)
    end
    plan.cells = plan.points * plan.replicates
    return plan
end

-- Overrides win over the preset, the preset over the defaults. replicates 0: the declaration's.
grid.plan = check.explained(function(self, preset, settings, replicates)
    local values = {}
    for name, list in pairs(preset_values(self, preset)) do
        values[name] = list
    end
    for name, list in pairs(override_values(self, settings)) do
        values[name] = list
    end
    return build(self, values, replicates)
end)

-- From a run's stored parameters, as JSON.
grid.restore = check.explained(function(self, json, replicates)
    local stored = check.kind(assay.json.decode(json), "table", "params")
    local values = {}
    for _, name in ipairs(lists.sorted_keys(stored)) do
        values[name] = parameter.values(experiment.parameter(self, name, name), stored[name], name)
    end
    for _, param in ipairs(self.params) do
        if not values[param.name] then
            check.fail(param.name, "the stored run has no value for it")
        end
    end
    return build(self, values, replicates)
end)

-- The concrete parameters as JSON: lists where swept.
function grid.params(plan)
    local params = {}
    for _, axis in ipairs(plan.axes) do
        params[axis.name] = parameter.concrete(axis.values)
    end
    return canonical.encode(params)
end

-- Cell `index` (0-based): parameters, their canonical JSON, replicate (1-based).
function grid.cell(plan, index)
    local i = index % plan.points
    local params = point(plan, plan.kept and plan.kept[i + 1] or i)
    return params, canonical.encode(params), index // plan.points + 1
end

return grid
