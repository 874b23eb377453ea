-- `assay apply`: functions of methods, applied to a file.
--
-- An application is one entry of a list in apply_balance.lua, apply_inference.lua, apply_points.lua or
-- apply_tables.lua:
--
--     { name =, method = a slug of the catalogue, title =, input = a kind (apply_kind.lua),
--       options = { option... } (apply_option.lua), random = does it draw?, threads = does it take them?,
--       run = function(input, o) -> result, notes = function(result) -> { { name, value }... } }
--
-- The command line's parser, --help, the completion, the checks, the reading and the writing come of the
-- entry. `run` gets the options by their names, with o.rng and o.threads where it asks for them.
local assay, import = ...
local check = import "check"
local file = import "apply_file"
local kind = import "apply_kind"
local lists = import "lists"
local option = import "apply_option"

local apply = {}

local seed_option = { "seed", default = 1, doc = "seed of all randomness" }
local threads_option = { "threads", type = "integer", min = 1, max = 256,
    doc = "threads that compute, which changes no number; without it one for each processor" }
local fields = { "name", "method", "title", "about", "input", "nominal", "options", "random", "threads", "run",
    "notes", "format" }

local function declare(entry)
    check.fields(entry, "application", fields)
    check.matches(entry.name, "name", "^[a-z0-9-]+$", "a-z, 0-9 and -")
    check.words(entry.title, entry.name .. ".title")
    check.one_of(entry.input, entry.name .. ".input", lists.sorted_keys { labelled = 1, points = 1, table = 1,
        log = 1 })
    local self = { own = {} }
    for key, value in pairs(entry) do
        self[key] = value
    end
    self.options = {}
    local function add(list, own)
        for _, spec in ipairs(list) do
            local declared = option.declare(spec)
            self.options[#self.options + 1] = declared
            self.own[declared.name] = own or nil
        end
    end
    add(entry.options or {}, true)
    add(kind[entry.input].options)
    add(entry.random and { seed_option } or {})
    add(entry.threads and { threads_option } or {})
    return self
end

apply.all = {}
for _, group in ipairs { "apply_balance", "apply_points", "apply_tables", "apply_inference" } do
    for _, entry in ipairs(import(group)) do
        apply.all[#apply.all + 1] = declare(entry)
    end
end

local function find(name)
    local names = {}
    for i, entry in ipairs(apply.all) do
        names[i] = entry.name
        if entry.name == name then
            return entry
        end
    end
    check.fail("there is no application", "%s%s", check.show(name), check.suggest(name, names))
end

-- ---- what there is ----

local takes = {
    labelled = "a table of numbers with a column of classes, or an array",
    points = "a table of numbers, an array or a cloud of points",
    table = "a table",
    log = "a log of samples, or a table with a column problem",
}

local function described(entry)
    local options = assay.json.array {}
    for i, o in ipairs(entry.options) do
        options[i] = { name = o.name, flag = o.flag, argument = o.argument, help = o.help, type = o.type,
            default = o.default, min = o.min, max = o.max, above = o.above, required = o.required,
            choices = o.choices and assay.json.array(o.choices) }
    end
    return { name = entry.name, title = entry.title, method = entry.method, about = entry.about,
        input = entry.input, takes = takes[entry.input], options = options }
end

-- All of them, or the one of that name, as JSON.
function apply.describe(name)
    if name then
        return assay.json.encode(described(find(name)))
    end
    return assay.json.encode(assay.json.array(lists.map(apply.all, described)))
end

-- ---- one application ----

local function read_options(entry, given)
    local o = {}
    for _, declared in ipairs(entry.options) do
        local text = given[declared.name]
        if text ~= nil then
            o[declared.name] = option.read(declared, text)
        elseif declared.required then
            check.fail("--" .. declared.flag, "must be given: %s", declared.doc)
        else
            o[declared.name] = declared.default
        end
    end
    return o
end

local function check_format(format, flag)
    if format and not lists.contains(file.formats, format) then
        check.fail(flag, "must be one of %s, got %s", table.concat(file.formats, ", "), check.show(format))
    end
    return format
end

local function input_format(request)
    local format = check_format(request.from, "--from") or file.format_of(request.input)
    if not format then
        check.fail("--from", "must say what %s is (%s): its name doesn't end so",
            request.input == "-" and "the standard input" or check.show(request.input),
            table.concat(file.formats, ", "))
    end
    return format
end

local function output_format(request, from)
    local format = check_format(request.to, "--to")
    if format or request.output == "-" then
        return format or from
    end
    format = file.format_of(request.output)
    if not format or string.find(request.output, "%.gz$") then
        check.fail("--to", "must say what to write to %s (%s): its name doesn't end so",
            check.show(request.output), table.concat(file.formats, ", "))
    end
    return format
end

-- What the command line asks for, checked before anything is read. request: { name, input, output, from,
-- to, processors, options = texts by name }, as JSON. Returns what apply.run takes, and as JSON the
-- formats { from, to }.
function apply.prepare(text)
    local request = assay.json.decode(text)
    local entry = find(request.name)
    local o = read_options(entry, request.options)
    local from = input_format(request)
    local plan = { entry = entry, o = o, request = request, from = from, to = output_format(request, from) }
    return plan, assay.json.encode { from = plan.from, to = plan.to }
end

-- The options of the function itself.
local function own_options(plan, input)
    local own = {}
    for _, declared in ipairs(plan.entry.options) do
        local value = plan.o[declared.name]
        if value ~= nil and plan.entry.own[declared.name] then
            own[declared.name] = kind[plan.entry.input].bind(input, declared, value)
        end
    end
    own.threads = plan.entry.threads and (plan.o.threads or plan.request.processors) or nil
    own.rng = plan.entry.random and assay.rng(plan.o.seed) or nil
    return own
end

local function count(rows)
    return rows == 1 and "1 row" or rows .. " rows"
end

local function words_of(summary)
    local parts = { string.format("%s: %s in, %s out", summary.name, count(summary.rows_in),
        count(summary.rows_out)) }
    for _, class in ipairs(summary.classes or {}) do
        parts[#parts + 1] = string.format("%s %d -> %d", class.label, class.before, class.after)
    end
    for _, note in ipairs(summary.notes) do
        parts[#parts + 1] = string.format("%s %s", note[1], tostring(note[2]))
    end
    return table.concat(parts, "; ")
end

local function as_json(summary)
    local notes = {}
    for _, note in ipairs(summary.notes) do
        notes[string.gsub(note[1], "[^%w]+", "_")] = note[2]
    end
    return assay.json.encode { name = summary.name, method = summary.method, input = summary.input,
        output = summary.output, rows_in = summary.rows_in, rows_out = summary.rows_out,
        classes = summary.classes and assay.json.array(summary.classes), seed = summary.seed,
        notes = next(notes) and notes }
end

-- Read FROM, apply, write TO; the summary in words and as JSON.
function apply.run(plan, from, to)
    local entry, o = plan.entry, plan.o
    -- a log is read, and written, as one
    local function form(format)
        return entry.input == "log" and format == "jsonl" and "samples" or format
    end
    local source = file.read(from, form(plan.from))
    if source.rows == 0 then
        check.fail(plan.request.input, "has no rows")
    end
    local input = kind[entry.input].read(source, o, entry)
    local result = entry.run(input, own_options(plan, input))
    local out, classes = kind[entry.input].finish(input, result)
    file.write(to, out.columns.problem and form(plan.to) or plan.to, out)
    local summary = { name = entry.name, method = entry.method, input = plan.request.input,
        output = plan.request.output, rows_in = source.rows, rows_out = out.rows, classes = classes,
        seed = o.seed, notes = entry.notes and entry.notes(result) or {} }
    return words_of(summary), as_json(summary)
end

-- Errors as a user of the command line reads them: "--k must be ...", and no place in the sources.
local function told(f)
    return function(...)
        local result = table.pack(pcall(f, ...))
        if result[1] then
            return table.unpack(result, 2, result.n)
        end
        local err = result[2]
        if check.is_refusal(err) then
            error(err.path .. " " .. err.message, 0)
        end
        error(type(err) == "string" and string.gsub(err, "^assay/[%w_]+%.lua:%d+: ", "") or err, 0)
    end
end

for _, name in ipairs { "describe", "prepare", "run" } do
    apply[name] = told(apply[name])
end

return apply
