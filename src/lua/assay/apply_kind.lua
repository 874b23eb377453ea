-- What an application takes: each kind of input has its options, makes of a file's table what the function
-- works on, and makes of the function's result the table that is written.
--
--     labelled   rows of numbers with a class each; the result is { X, y } (the rows that came, then new
--                ones), { keep } (of those), or both
--     points     rows of numbers; the result is { index } (rows that are kept, in order), { columns =
--                { { name, list }, ... } } that join the table, or { matrix } of new rows in its stead;
--                with in_place these are the rows that came, as bytes, and other columns stay
--     table      any columns; the result as for points, or { names, columns, rows } in its stead
--     log        a log of samples, graded or not; the result is as for a table
local assay, import = ...
local check = import "check"
local file = import "apply_file"
local lists = import "lists"

local kind = {}

local features_option = { "features", type = "list",
    doc = "columns of numbers that are compared; without it all others" }
local drop_option = { "drop_missing", type = "flag", doc = "leave out rows with a missing entry" }

-- ---- columns ----

local function column_of(source, name, flag)
    local column = lists.contains(source.names, name) and source.columns[name]
    if not column then
        check.fail(flag, "%s %s%s", string.find(flag, "^%-") and "must be a column of the input, got"
            or "has no column", check.show(name), check.suggest(name, source.names))
    end
    return column
end

local function feature_names(source, given, label)
    local names = {}
    for _, name in ipairs(given or source.names) do
        column_of(source, name, "--features")
        if name == label and given then
            check.fail("--features", "names the label, %s", check.show(name))
        elseif lists.contains(names, name) then
            check.fail("--features", "names %s twice", check.show(name))
        elseif name ~= label then
            names[#names + 1] = name
        end
    end
    if #names == 0 then
        check.fail("the input", "has no column besides the label")
    end
    return names
end

local function is_missing(value)
    return value == "" or value ~= value
end

-- The source without rows that lack an entry of `names`; without --drop-missing there must be none.
local function complete(source, names, drop)
    local index = {}
    for i = 1, source.rows do
        index[i] = i
    end
    for _, name in ipairs(names) do
        local column, kept = source.columns[name], {}
        for _, i in ipairs(index) do
            if not is_missing(column[i]) then
                kept[#kept + 1] = i
            elseif not drop then
                check.fail(string.format('column "%s"', name),
                    "has no entry in row %d: fill it in, or give --drop-missing, or leave the column out by "
                        .. "--features", i)
            end
        end
        index = kept
    end
    if #index == 0 then
        check.fail("the input", "has no row that is complete")
    end
    return #index < source.rows and kind.rows(source, index) or source
end

-- The table of some rows.
function kind.rows(source, index)
    local out = { names = source.names, columns = {}, rows = #index }
    for _, name in ipairs(source.names) do
        local from, to = source.columns[name], {}
        for r, i in ipairs(index) do
            to[r] = from[i]
        end
        out.columns[name] = to
    end
    return out
end

-- ---- codes of texts ----

local function before(a, b)
    if type(a) ~= type(b) then
        return type(a) == "number"
    end
    return a < b
end

-- The distinct values in order, and the list as numbers from 0 of these.
local function coded(column)
    local values, number = {}, {}
    for _, value in ipairs(column) do
        if not number[value] then
            number[value] = true
            values[#values + 1] = value
        end
    end
    table.sort(values, before)
    for i, value in ipairs(values) do
        number[value] = i - 1
    end
    local codes = {}
    for i, value in ipairs(column) do
        codes[i] = number[value]
    end
    return codes, values
end

-- ---- labelled rows ----

local labelled = { options = {
    { "label", type = "string", required = true, argument = "COLUMN", doc = "the column of classes" },
    features_option, drop_option } }
kind.labelled = labelled

local compares = "distances are of numbers: choose columns by --features, or say by --nominal (smotenc) or "
    .. "with smoten that it names categories"

-- X with categories as codes from 0; which features those are.
local function features_matrix(source, names, nominal)
    local read, categories = { names = names, columns = {}, rows = source.rows }, {}
    for j, name in ipairs(names) do
        read.columns[name] = source.columns[name]
        if nominal == true or nominal and lists.contains(nominal, name) then
            read.columns[name], categories[j] = coded(source.columns[name])
        end
    end
    if not next(categories) and source.matrix and #names == #source.names then
        read.matrix = source.matrix
    end
    return file.matrix(read, names, compares), categories
end

function labelled.read(source, o, entry)
    column_of(source, o.label, "--label")
    local names = feature_names(source, o.features, o.label)
    local needed = { o.label, table.unpack(names) }
    source = complete(source, needed, o.drop_missing)
    local input = { source = source, features = names, label = o.label }
    input.X, input.categories = features_matrix(source, names, entry.nominal or o.nominal)
    input.y, input.classes = coded(source.columns[o.label])
    if #input.classes < 2 then
        check.fail("--label", "must be a column of at least 2 classes, got %s with %d", check.show(o.label),
            #input.classes)
    end
    return input
end

-- Options that name columns or classes, as the function wants them.
local function positions(input, names, flag)
    local out = {}
    for i, name in ipairs(names) do
        for j, feature in ipairs(input.features) do
            out[i] = feature == name and j or out[i]
        end
        if not out[i] then
            check.fail(flag, "must be among the compared columns, got %s%s", check.show(name),
                check.suggest(name, input.features))
        end
    end
    return out
end

local function class_number(input, text, flag)
    for c, value in ipairs(input.classes) do
        if tostring(value) == text or value == tonumber(text) then
            return c - 1
        end
    end
    check.fail(flag, "must be one of %s, got %s", table.concat(lists.map(input.classes, tostring), ", "),
        check.show(text))
end

function labelled.bind(input, option, value)
    if option.type == "columns" then
        return positions(input, value, "--" .. option.flag)
    elseif option.type == "class" then
        return class_number(input, value, "--" .. option.flag)
    end
    return value
end

-- Counts of the classes 0, 1, ...
local function class_counts(y, classes)
    local count = {}
    for c = 1, classes do
        count[c] = 0
    end
    for _, label in ipairs(y) do
        count[label + 1] = count[label + 1] + 1
    end
    return count
end

local function decoded(list, values)
    return values and lists.map(list, function(code) return values[code + 1] end) or list
end

-- Row r of the result is row origin[r] of the source, or a new one where that is beyond its rows.
local function made_column(input, name, j, result, origin)
    local out, from = {}, input.source.columns[name]
    local new = j and decoded(result.X:column(j), input.categories[j])
    for r, i in ipairs(origin) do
        if i <= input.source.rows then
            out[r] = from[i]
        elseif name == input.label then
            out[r] = input.classes[result.y[r] + 1]
        else
            out[r] = new and new[r] or 0 / 0
        end
    end
    return out
end

function labelled.finish(input, result)
    local source, origin = input.source, {}
    for r = 1, #result.y do
        origin[r] = result.keep and result.keep[r] or r
    end
    local out = { names = source.names, columns = {}, rows = #origin }
    for _, name in ipairs(source.names) do
        local at
        for j, feature in ipairs(input.features) do
            at = feature == name and j or at
        end
        out.columns[name] = made_column(input, name, at, result, origin)
    end
    local before_, after = class_counts(input.y, #input.classes), class_counts(result.y, #input.classes)
    local classes = lists.map(input.classes, function(value) return { label = tostring(value) } end)
    for c, class in ipairs(classes) do
        class.before, class.after = before_[c], after[c]
    end
    return out, classes
end

-- ---- points, tables and logs ----

local function as_is(_, _, value)
    return value
end

-- The source with other numbers in the compared columns.
local function in_place(input, matrix)
    local source = input.source
    if #input.features == #source.names then
        local out = file.of_matrix(matrix, source.names)
        out.shape, out.type = source.shape, "u8"
        return out
    end
    local out = { names = source.names, columns = {}, rows = source.rows, type = "u8" }
    for _, name in ipairs(source.names) do
        out.columns[name] = source.columns[name]
    end
    for j, name in ipairs(input.features) do
        out.columns[name] = matrix:column(j)
    end
    return out
end

local function finish_table(input, result)
    local source = input.source
    if result.index then
        return kind.rows(source, result.index)
    elseif result.names then
        return result
    elseif result.in_place then
        return in_place(input, result.matrix)
    elseif result.matrix then
        return file.of_matrix(result.matrix, input.features)
    end
    local out = { names = table.move(source.names, 1, #source.names, 1, {}), columns = {}, rows = source.rows }
    for _, name in ipairs(source.names) do
        out.columns[name] = source.columns[name]
    end
    for _, column in ipairs(result.columns) do
        if lists.contains(source.names, column[1]) then
            check.fail("the input", "has a column %s, which is to be made", check.show(column[1]))
        end
        out.names[#out.names + 1] = column[1]
        out.columns[column[1]] = column[2]
    end
    return out
end

kind.points = { options = { features_option, drop_option }, bind = as_is, finish = finish_table }

function kind.points.read(source, o)
    local names = feature_names(source, o.features)
    source = complete(source, names, o.drop_missing)
    return { source = source, features = names,
        X = file.matrix(source, names, "distances are of numbers: choose columns by --features") }
end

kind.table = { options = {}, bind = as_is, finish = finish_table }

function kind.table.read(source)
    return { source = source, rows = source.rows, columns = source.columns }
end

kind.log = { options = {}, bind = as_is, finish = finish_table }

-- `problems`: { name, rows = { positions of its samples } } in the order met.
function kind.log.read(source)
    local problem = column_of(source, "problem", "the log")
    local input = { source = source, rows = source.rows, columns = source.columns, problems = {} }
    local met = {}
    for i, name in ipairs(problem) do
        if not met[name] then
            met[name] = { name = name, rows = {} }
            table.insert(input.problems, met[name])
        end
        table.insert(met[name].rows, i)
    end
    return input
end

-- A column of the log or the table, which an option names.
function kind.column(input, name, flag)
    return column_of(input.source, name, flag)
end

return kind
