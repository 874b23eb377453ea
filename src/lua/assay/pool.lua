-- Pools of test items: tables of scores out of a file's columns, and items by what is said of them.
--
-- Errors are those of the bindings, "FUNCTION: ...", at the caller's line.
local assay, import = ...
local lists = import "lists"
local suggest = assay.prelude.suggest

local pool = {}

local function refuse(name, format, ...)
    error(string.format("%s: " .. format, name, ...), 3)
end

local function names_of(columns)
    local names = {}
    for name in lists.sorted_pairs(columns) do
        names[#names + 1] = name
    end
    return names
end

-- Whether it is columns by name, lists of one length; that length.
local function columns_length(columns)
    local length
    if type(columns) ~= "table" then
        return nil, "must be lists by column name, got a " .. type(columns)
    end
    for name, column in pairs(columns) do
        if type(name) ~= "string" or type(column) ~= "table" then
            return nil, string.format("must be lists by column name, see %s", tostring(name))
        end
    end
    for _, name in ipairs(names_of(columns)) do
        length = length or #columns[name]
        if #columns[name] ~= length then
            return nil, string.format(
                "must have lists of one length, see %s with %d", name, #columns[name])
        end
    end
    return length or 0
end

local function all_numbers(column)
    for _, value in ipairs(column) do
        if type(value) ~= "number" then
            return false
        end
    end
    return true
end

-- Number the distinct values of a column in the order met: { value... }, { value = number }.
local function number(column)
    local values, at = {}, {}
    for _, value in ipairs(column) do
        if not at[value] then
            values[#values + 1] = value
            at[value] = #values
        end
    end
    return values, at
end

-- One measurement a row; repeated ones are averaged. What else a row says is its item's, if it is
-- the item's first.
local function from_long(columns, names, length)
    local models, model_at = number(columns[names.model])
    local items, item_at = number(columns[names.item])
    local scores = assay.matrix(#models, #items, 0 / 0)
    local count, tags = assay.matrix(#models, #items), {}
    for row = 1, length do
        local i, j = model_at[columns[names.model][row]], item_at[columns[names.item][row]]
        local y = columns[names.score][row]
        if y == y then
            count[i][j] = count[i][j] + 1
            scores[i][j] = count[i][j] == 1 and y or scores[i][j] + (y - scores[i][j]) / count[i][j]
        end
    end
    for name, column in pairs(columns) do
        if name ~= names.model and name ~= names.item and name ~= names.score then
            tags[name] = {}
            for row = length, 1, -1 do
                tags[name][item_at[columns[names.item][row]]] = column[row]
            end
        end
    end
    return { scores = scores, models = models, items = items, tags = tags }
end

-- An item a row, a model a column.
local function from_wide(columns, item, models, length)
    local scores, tags, is_model = assay.matrix(#models, length), {}, {}
    for i, model in ipairs(models) do
        is_model[model] = true
        for j, y in ipairs(columns[model]) do
            scores[i][j] = y
        end
    end
    for name, column in pairs(columns) do
        if not is_model[name] and name ~= item then
            tags[name] = column
        end
    end
    local items = columns[item] or {}
    for j = #items + 1, length do
        items[j] = j
    end
    return { scores = scores, models = models, items = items, tags = tags }
end

-- The columns of numbers that are not tags, sorted by name.
local function wide_models(columns, item, tags)
    local models = {}
    for _, name in ipairs(names_of(columns)) do
        if name ~= item and not lists.contains(tags, name) and all_numbers(columns[name]) then
            models[#models + 1] = name
        end
    end
    return models
end

local option_kinds = { item = "string", model = "string", score = "string", models = "table", tags = "table" }

-- score_table(columns [, {item="item", model="model", score="score", models=, tags=}])
function pool.score_table(columns, options)
    local length, trouble = columns_length(columns)
    if not length then
        refuse("score_table", "columns %s", trouble)
    end
    options = options or {}
    for key, value in pairs(options) do
        if not option_kinds[key] then
            refuse("score_table", 'unknown option "%s"%s', tostring(key),
                suggest(tostring(key), names_of(option_kinds)))
        elseif type(value) ~= option_kinds[key] then
            refuse("score_table", "%s must be a %s, got a %s", key,
                option_kinds[key] == "table" and "list" or "string", type(value))
        end
    end
    local names = { item = options.item or "item", model = options.model or "model",
        score = options.score or "score" }
    if columns[names.model] and columns[names.score] and columns[names.item] then
        if not all_numbers(columns[names.score]) then
            refuse("score_table", "the column %s must have numbers", names.score)
        end
        return from_long(columns, names, length)
    end
    local models = options.models or wide_models(columns, names.item, options.tags or {})
    if #models == 0 then
        refuse("score_table", "there must be columns %s, %s and %s, or columns of numbers named "
            .. "after models", names.model, names.item, names.score)
    end
    for _, model in ipairs(models) do
        if not columns[model] then
            refuse("score_table", "no column %s%s", tostring(model),
                suggest(tostring(model), names_of(columns)))
        elseif not all_numbers(columns[model]) then
            refuse("score_table", "the column %s must have numbers", model)
        end
    end
    return from_wide(columns, names.item, models, length)
end

local function is_met(value, wanted)
    if type(wanted) == "function" then
        return wanted(value)
    elseif type(wanted) == "table" then
        return lists.contains(wanted, value)
    end
    return value == wanted
end

-- filter_items(tags, { name = value, one of a list, or a function })
function pool.filter_items(tags, conditions)
    local length, trouble = columns_length(tags)
    if not length then
        refuse("filter_items", "tags %s", trouble)
    elseif type(conditions) ~= "table" then
        refuse("filter_items", "conditions must be a table, got a %s", type(conditions))
    end
    for _, name in ipairs(names_of(conditions)) do
        if not tags[name] then
            refuse("filter_items", "no tag %s%s", name, suggest(name, names_of(tags)))
        end
    end
    local found = {}
    for j = 1, length do
        local met = true
        for name, wanted in pairs(conditions) do
            met = met and is_met(tags[name][j], wanted)
        end
        found[#found + 1] = met and j or nil
    end
    return found
end

return pool
