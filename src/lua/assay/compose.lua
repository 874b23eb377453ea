-- Composing an experiment without writing Lua: choices become fields, each with what may be chosen and
-- why the rest may not, and the text of the experiment once the choices are whole (compose_text.lua).
--
-- Choices are a table: field -> text, or list of texts for the fields methods and claims. What is not
-- chosen has a default that fits the rest. A field of the result is
--
--   { name, title, kind = "one" | "many" | "text", value (text or list), doc, error, choices = {
--     { value, doc, group, why } ... } }      why: the reason that it can't be chosen now
local assay, import = ...
local canonical = import "canonical"
local kits = import "kits"
local lists = import "lists"
local parameter = import "parameter"
local text = import "compose_text"
local check = import "check"
local suggest = check.suggest

local compose = {}

local function named(list, name)
    for _, entry in ipairs(list) do
        if entry.name == name then
            return entry
        end
    end
end

-- The kit that has an arm or a testbed of that name, and the entry.
local function find(part, name)
    for _, kit in ipairs(kits) do
        local entry = named(kit[part], name)
        if entry then
            return kit, entry
        end
    end
end

local function names_of(part)
    local names = {}
    for _, kit in ipairs(kits) do
        for _, entry in ipairs(kit[part]) do
            names[#names + 1] = entry.name
        end
    end
    return names
end

local function as_list(value)
    if type(value) == "table" then
        return value
    end
    return value and value ~= "" and lists.map(parameter.split(value, "choices"), tostring) or {}
end

-- ---- what is missing for an arm on a testbed ----

local wants = { answers = "answers to compare", rewards = "rewards of samples" }

local function misfit(arm, testbed)
    for _, need in ipairs(arm.needs or {}) do
        if not lists.contains(testbed.gives or {}, need) then
            return string.format("needs %s, which %s lacks", wants[need], testbed.name)
        end
    end
end

local function lacks_for_any(arms, testbed)
    for _, arm in ipairs(arms) do
        for _, need in ipairs(arm.needs or {}) do
            if not lists.contains(testbed.gives or {}, need) then
                return string.format("lacks %s, which %s needs", wants[need], arm.name)
            end
        end
    end
end

-- ---- fields ----

-- Adds to the plan a field whose value must be one of its choices.
local function add(plan, field)
    plan.fields[#plan.fields + 1] = field
    plan[field.name] = field.value
    local chosen = field.kind == "many" and field.value or field.value ~= "" and { field.value } or {}
    for _, value in ipairs(field.kind ~= "text" and chosen or {}) do
        local known = lists.map(field.choices, function(choice) return choice.value end)
        for _, choice in ipairs(field.choices) do
            if choice.value == value and choice.why then
                field.error = field.error or value .. " " .. choice.why
            end
        end
        if not lists.contains(known, value) then
            local why = string.format("unknown %s %s%s", field.title, check.show(value), suggest(value, known))
            field.error = field.error or why
            table.insert(field.choices, { value = value, why = why }) -- so that it can be taken back
        end
    end
    return field
end

local function add_methods(plan, chosen)
    local field = { name = "methods", title = "method", kind = "many", value = chosen, choices = {},
        doc = "what is compared, with baselines; the first decides what it works on" }
    for _, kit in ipairs(kits) do
        for _, arm in ipairs(kit.arms) do
            local why = plan.kit and kit ~= plan.kit and "is for " .. kit.about
                or plan.bed and misfit(arm, plan.bed) or nil
            table.insert(field.choices, { value = arm.name, group = arm.method, why = why,
                doc = arm.doc .. (arm.baseline and " (baseline)" or "") })
        end
    end
    if #chosen == 0 then
        field.error = "choose at least one method"
    end
    add(plan, field)
end

local function add_without_parts(plan)
    local covered = {}
    for _, kit in ipairs(kits) do
        for _, arm in ipairs(kit.arms) do
            covered[arm.method] = true
        end
    end
    for _, slug in ipairs(assay.catalogue.slugs()) do
        if not covered[slug] then
            table.insert(plan.fields[1].choices, { value = slug, group = slug,
                why = "has an experiment of its own only: assay run " .. slug })
        end
    end
end

local function add_testbed(plan, chosen)
    local field = { name = "testbed", title = "testbed", kind = "one", value = chosen or "", choices = {},
        doc = "what the methods work on" }
    for _, kit in ipairs(kits) do
        for _, bed in ipairs(kit.testbeds) do
            local why = plan.kit and kit ~= plan.kit and "is for methods on " .. kit.about
                or lacks_for_any(plan.arms, bed)
            table.insert(field.choices, { value = bed.name, group = kit.about, doc = bed.title, why = why })
            if field.value == "" and plan.kit == kit and not why then
                field.value, plan.bed = bed.name, bed
            end
        end
    end
    if field.value == "" and plan.kit then
        field.error = "no testbed fits all of these methods"
    end
    add(plan, field)
end

-- The parameters of the experiment: the kit's, the testbed's, and those of the arms that are compared.
local function params_of(plan)
    local specs, seen = {}, {}
    local function take(spec, name)
        if not seen[name] then
            seen[name] = true
            local copy = { name = name }
            for key, value in pairs(spec) do
                copy[key] = value
            end
            specs[#specs + 1] = copy
        end
    end
    for _, spec in ipairs(plan.kit.params) do
        take(spec, spec.name)
    end
    for _, arm in ipairs(plan.arms) do
        for _, name in ipairs(arm.params or {}) do
            take(plan.kit.arm_params[name], name)
        end
    end
    for _, spec in ipairs(plan.bed.params or {}) do
        take(spec, spec.name)
    end
    return specs
end

local function add_x(plan, chosen)
    local field = { name = "x", title = "x axis", kind = "one", choices = {}, doc = "the parameter along the x axis, which is swept" }
    local first
    for _, spec in ipairs(plan.specs) do
        if type(spec.default) == "number" then
            table.insert(field.choices, { value = spec.name, doc = spec.doc })
            first = first or spec.values and spec.name
        else
            table.insert(field.choices, { value = spec.name, doc = spec.doc, why = "is not a number" })
        end
    end
    field.value = chosen or (named(plan.specs, plan.kit.x) and plan.kit.x) or first
    add(plan, field)
    plan.x_spec = named(plan.specs, field.value)
end

local function listed(values)
    return table.concat(lists.map(values, canonical.number), ", ")
end

local function default_text(spec, swept)
    local value = spec.default
    if swept and spec.values then
        return listed(spec.values)
    end
    return type(value) == "number" and canonical.number(value) or tostring(value)
end

-- Sets spec.chosen, the list of values that a text means, or the field's error.
local function add_param(plan, spec, chosen)
    local swept = spec == plan.x_spec
    local field = { name = spec.name, title = spec.name, kind = "text", value = chosen or default_text(spec, swept),
        doc = spec.doc, choices = {} }
    for _, choice in ipairs(spec.choices or {}) do
        table.insert(field.choices, { value = choice })
    end
    local known, values = pcall(function()
        local declared = parameter.declare(spec.name,
            { default = spec.default, min = spec.min, max = spec.max, choices = spec.choices }, spec.name)
        return parameter.parse(declared, field.value, spec.name)
    end)
    if not known then
        field.error = tostring(check.explain(values))
    elseif swept and #values < 2 then
        field.error = spec.name .. ": the x axis needs at least two values, such as " .. listed(spec.values or { spec.default, 2 * spec.default })
    end
    spec.chosen = known and values or nil
    add(plan, field)
end

local function add_measure(plan, chosen)
    local field = { name = "measure", title = "measure", kind = "one", value = chosen or plan.kit.measures[1].name, choices = {},
        doc = "what is on the y axis, and what claims are about" }
    for _, measure in ipairs(plan.kit.measures) do
        local why
        for _, arm in ipairs(measure.only and plan.arms or {}) do
            why = why or not arm[measure.only] and arm.name .. " " .. measure.why or nil
        end
        table.insert(field.choices, { value = measure.name, doc = measure.title, why = why })
    end
    add(plan, field)
    plan.measured = named(plan.kit.measures, field.value)
end

local function add_one(plan, name, title, default, doc, choices, chosen)
    local field = { name = name, title = title, kind = "one", value = chosen or default, doc = doc, choices = {} }
    for _, choice in ipairs(choices) do
        table.insert(field.choices, { value = choice[1] or choice, doc = choice[2] })
    end
    add(plan, field)
end

local function add_whole(plan, name, default, min, max, doc, chosen)
    local field = { name = name, title = name, kind = "text", value = chosen or tostring(default), doc = doc, choices = {} }
    local value = math.tointeger(tonumber(field.value))
    if not value or value < min or value > max then
        field.error = string.format("%s must be a whole number in %d..%d, got %s", name, min, max, check.show(field.value))
    end
    add(plan, field)
    plan[name] = value
end

-- ---- claims ----

local function claim_candidates(plan)
    local out, x = {}, plan.x
    local function candidate(value, doc, claim)
        out[#out + 1] = { value = value, doc = doc, claim = claim }
    end
    for _, a in ipairs(plan.arms) do
        for _, b in ipairs(plan.arms) do
            if a ~= b then
                candidate(string.format("%s beats %s at the largest %s", a.name, b.name, x), nil, { kind = "beats", a = a, b = b })
            end
        end
    end
    for _, a in ipairs(plan.arms) do
        for _, b in ipairs(plan.arms) do
            if a ~= b then
                candidate(string.format("%s beats %s at every %s", a.name, b.name, x), nil, { kind = "always", a = a, b = b })
            end
        end
    end
    for _, a in ipairs(plan.arms) do
        candidate(string.format("%s is better at the largest %s than at the smallest", a.name, x), nil, { kind = "gains", a = a })
    end
    for i, a in ipairs(plan.arms) do
        for j = i + 1, #plan.arms do
            local b = plan.arms[j]
            candidate(string.format("%s and %s differ by less than the tolerance at the largest %s", a.name, b.name, x), nil,
                { kind = "same", a = a, b = b })
        end
    end
    return out
end

-- The first method that is no baseline against the first other one; of a single method, that it gains.
local function usual_claims(plan)
    local ours, other
    for _, arm in ipairs(plan.arms) do
        ours = ours or not arm.baseline and arm or nil
    end
    ours = ours or plan.arms[1]
    for _, arm in ipairs(plan.arms) do
        other = other or arm ~= ours and arm or nil
    end
    return { other and string.format("%s beats %s at the largest %s", ours.name, other.name, plan.x)
        or string.format("%s is better at the largest %s than at the smallest", ours.name, plan.x) }
end

local function add_claims(plan, chosen)
    local candidates = claim_candidates(plan)
    add(plan, { name = "claims", title = "claim", kind = "many", value = chosen or usual_claims(plan), choices = candidates,
        doc = "what is checked over replicates, with intervals" })
    plan.checked = {}
    for _, value in ipairs(plan.claims) do
        for _, candidate in ipairs(candidates) do
            if candidate.value == value and candidate.claim then
                table.insert(plan.checked, { text = value, claim = candidate.claim })
            end
        end
    end
end

local function add_tolerance(plan, chosen)
    local field = { name = "tolerance", title = "tolerance", kind = "text", choices = {},
        value = chosen or canonical.number(plan.measured and plan.measured.tolerance or 0.01),
        doc = "below which a difference of the measure does not count" }
    plan.tolerance = tonumber(field.value)
    if not plan.tolerance or plan.tolerance <= 0 or plan.tolerance == math.huge then
        field.error = "tolerance must be a number > 0, got " .. check.show(field.value)
    end
    local value = plan.tolerance
    add(plan, field)
    plan.tolerance = value
end

-- Besides x, what has several values: one of it may have a picture a value, the others are curves.
local function swept(plan)
    local names = { "method" }
    for _, spec in ipairs(plan.specs) do
        if spec ~= plan.x_spec and #(spec.chosen or {}) > 1 then
            names[#names + 1] = spec.name
        end
    end
    return names
end

local function has_one_value(plan, name)
    return name == plan.x and "is the x axis" or "has one value"
end

local function all_columns(plan)
    local names = { "method" }
    for _, spec in ipairs(plan.specs) do
        names[#names + 1] = spec.name
    end
    return names
end

local function doc_of(plan, name)
    return name == "method" and "what is compared" or named(plan.specs, name).doc
end

local function add_facet(plan, chosen)
    local field = { name = "facet", title = "column", kind = "one", value = chosen or "none", choices = { { value = "none", doc = "one picture" } },
        doc = "a picture for each value of it, all on the same axes" }
    local several = swept(plan)
    for _, name in ipairs(all_columns(plan)) do
        table.insert(field.choices, { value = name, doc = doc_of(plan, name),
            why = not lists.contains(several, name) and has_one_value(plan, name) or nil })
    end
    add(plan, field)
end

-- What is left out here is averaged over, as replicates are.
local function add_by(plan, chosen)
    local field = { name = "by", title = "column", kind = "many", value = {}, choices = {},
        doc = "what has a curve for each value; what is left out is averaged" }
    local several = swept(plan)
    for _, name in ipairs(all_columns(plan)) do
        local why = name == plan.facet and "has a picture for each value" or not lists.contains(several, name) and has_one_value(plan, name) or nil
        table.insert(field.choices, { value = name, doc = doc_of(plan, name), why = why })
        if not why then
            table.insert(field.value, name)
        end
    end
    field.value = chosen or field.value
    add(plan, field)
end

local yes_no = { "yes", "no" }

local function add_figure(plan, choices)
    add_facet(plan, choices.facet)
    add_by(plan, choices.by and as_list(choices.by))
    add_one(plan, "logx", "log x", plan.x_spec and plan.x_spec.log and "yes" or "no", "a logarithmic x axis", yes_no, choices.logx)
    add_one(plan, "logy", "log y", plan.measured and plan.measured.log and "yes" or "no", "a logarithmic y axis", yes_no, choices.logy)
    add_one(plan, "band", "band", "ci95", "what the bands show",
        { { "ci95", "95 % interval of the mean" }, { "sd", "standard deviation" }, { "minmax", "all of it" }, { "none" } }, choices.band)
    add_one(plan, "fit", "fit", "none", "the law that is fitted to each curve", { { "none" }, { "power", "c x^b" },
        { "exp_power", "exp(a x^b)" }, { "log_linear", "a + b log x" }, { "saturating", "towards a limit" } }, choices.fit)
end

-- ---- all of it ----

local function read_arms(plan, chosen)
    plan.arms = {}
    for _, name in ipairs(chosen) do
        local kit, arm = find("arms", name)
        if arm and (not plan.kit or plan.kit == kit) then
            plan.kit = kit
            table.insert(plan.arms, arm)
        end
    end
end

local function begin(choices)
    local plan = { fields = {} }
    local chosen = as_list(choices.methods)
    read_arms(plan, chosen)
    local kit, bed = find("testbeds", choices.testbed or "")
    plan.kit = plan.kit or kit
    plan.bed = kit == plan.kit and bed or nil
    add_methods(plan, chosen)
    add_without_parts(plan)
    add_testbed(plan, choices.testbed)
    return plan
end

local function problem_of(plan)
    for _, field in ipairs(plan.fields) do
        if field.error then
            return field.error
        end
    end
end

local function plan_of(choices)
    local plan = begin(choices)
    if #plan.arms == 0 or not plan.bed then
        return plan
    end
    plan.specs = params_of(plan)
    add_x(plan, choices.x)
    for _, spec in ipairs(plan.specs) do
        add_param(plan, spec, choices[spec.name])
    end
    add_measure(plan, choices.measure)
    add_whole(plan, "replicates", 10, 1, 100000, "each point is run so often, with other random numbers", choices.replicates)
    add_figure(plan, choices)
    add_claims(plan, choices.claims and as_list(choices.claims))
    add_tolerance(plan, choices.tolerance)
    plan.title = choices.title or string.format("%s by %s", plan.measured and plan.measured.title or plan.measure, plan.x)
    plan.title = plan.title:sub(1, 1):upper() .. plan.title:sub(2)
    add(plan, { name = "title", title = "title", kind = "text", value = plan.title, choices = {}, doc = "of the experiment" })
    return plan
end

local function unknown_fields(plan, choices)
    local names = lists.map(plan.fields, function(field) return field.name end)
    for _, name in ipairs(lists.sorted_keys(choices)) do
        if not lists.contains(names, name) then
            return string.format("unknown field %s%s", check.show(name), suggest(name, names))
        end
    end
end

local function plain_field(field)
    local out = { name = field.name, title = field.title, kind = field.kind, doc = field.doc, error = field.error,
        value = field.kind == "many" and canonical.list(field.value) or field.value, choices = canonical.list {} }
    for i, choice in ipairs(field.choices) do
        out.choices[i] = { value = choice.value, doc = choice.doc, group = choice.group, why = choice.why }
    end
    return out
end

-- The name of the experiment and choices, all of them as JSON: {"fields": [...], "problem": what keeps
-- it from being an experiment, "unknown": a choice that is none, "text": the experiment}.
function compose.apply(name, choices)
    local plan = plan_of(choices)
    local result = { fields = canonical.list(lists.map(plan.fields, plain_field)), problem = problem_of(plan),
        unknown = unknown_fields(plan, choices) }
    if not result.problem then
        result.text = text.write(name, plan)
    end
    return result
end

function compose.apply_json(name, choices)
    return canonical.encode(compose.apply(name, assay.json.decode(choices)))
end

return compose
