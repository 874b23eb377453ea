-- Declarations: what is refused, with which words, file, line and field.
local tap = require "tap"
local assay = require "assay"
local experiment = require "assay.experiment"
local json = require "assay.canonical"

-- What a script with this declaration says. "%s" is where the declaration stands, from line 3.
local path = os.tmpname()

local function declare(text)
    local file = assert(io.open(path, "w"))
    file:write('local assay = require "assay"\nlocal nan = 0 / 0\nreturn assay.experiment {\n', text, "\n}\n")
    file:close()
    return dofile(path)
end

local head = 'name = "demo", run = function() end,\n'

-- The message's file and line, then its text.
local function refused(line, wanted, text)
    local ok, message = pcall(declare, text)
    local expected = path .. ":" .. line .. ": " .. wanted
    tap.is(ok and "no error" or message, expected, wanted)
end

refused(3, "name: must be a string, got nil", "run = print")
refused(4, 'name: must be made of a-z, 0-9, _ and -, got "My Demo"', 'name = "My Demo", run = print')
refused(4, "name: must be a string, got 7", "name = 7, run = print")
refused(3, "run: must be a function, got nil", 'name = "demo"')
refused(5, 'run: must be a function, got "x"', 'name = "demo",\nrun = "x"')
refused(5, 'replicate: unknown field (did you mean "replicates"?)', head .. "replicate = 5")
refused(5, "[1]: unknown field (fields have names)", head .. "7")
refused(5, "replicates: must be a whole number >= 1, got 0", head .. "replicates = 0")
refused(5, "replicates: must be a whole number >= 1, got 2.5", head .. "replicates = 2.5")
refused(5, "replicates: must be a number, got \"3\"", head .. 'replicates = "3"')
refused(5, "title: must not be empty", head .. 'title = ""')
refused(5, "title: must be UTF-8 text without zero bytes", head .. 'title = "\\xff"')
refused(5, "description: must be UTF-8 text without zero bytes", head .. 'description = "a\\0b"')
refused(5, "method: must be a string, got 3", head .. "method = 3")
refused(5, "method: unknown value \"monkey\" (did you mean \"monkeys\"?)", head .. "method = \"monkey\"")
refused(6, "method[2]: must be a string, got false", head .. 'method = { "monkeys",\nfalse }')

refused(5, "params: must be a table, got 3", head .. "params = 3")
refused(5, "params: must be a table, got false", head .. "params = false")
refused(5, "claims: must be a table, got false", head .. "claims = false")
refused(5, "params[1]: parameters have names: NAME = { default = ... }", head .. "params = { 3 }")
refused(6, "params.2x: must be made of letters, digits and _, no digit first, got \"2x\"",
    head .. 'params = {\n["2x"] = 3 }')
refused(5, "params.cell: is the name of a column that every row has", head .. "params = { cell = 1 }")
refused(7, "params.t.min: is 3, larger than max = 2",
    head .. "params = { t = {\ndefault = 2,\nmin = 3, max = 2 } }")
refused(6, "params.t.default: must be >= 1, got 0", head .. "params = { t = {\ndefault = 0, min = 1 } }")
refused(6, "params.t.default[2]: must be <= 1, got 2",
    head .. "params = { t = {\ndefault = { 0, 2 }, max = 1 } }")
refused(5, "params.t.default: is missing", head .. "params = { t = { min = 0 } }")
refused(5, "params.t: empty grid: a list needs at least one value", head .. "params = { t = {} }")
refused(5, "params.t.default: empty grid: a list needs at least one value",
    head .. "params = { t = { default = {} } }")
refused(5, "params.t[2]: is a string, but params.t[1] is a integer", head .. 'params = { t = { 1, "a" } }')
refused(5, "params.t[3]: 1 stands twice in the list", head .. "params = { t = { 1, 2, 1 } }")
refused(5, "params.t: must be a number, got NaN", head .. "params = { t = nan }")
refused(5, "params.t: must be finite, got inf", head .. "params = { t = math.huge }")
refused(5, "params.t: must be within -2^53..2^53, got 9007199254740993",
    head .. "params = { t = 9007199254740993 }")
refused(5, "params.t: must be a number, a boolean, a string or a list of one of them, got a function",
    head .. "params = { t = print }")
refused(5, 'params.t.defualt: unknown field (did you mean "default"?)',
    head .. "params = { t = { defualt = 1 } }")
refused(5, "params.t.min: is for numbers, but the default is a string",
    head .. 'params = { t = { default = "a", min = 1 } }')
refused(5, "params.t.min: must be a number, got NaN", head .. "params = { t = { default = 1, min = nan } }")
refused(5, 'params.t.default: must be one of "a", "b", got "c"',
    head .. 'params = { t = { default = "c", choices = { "a", "b" } } }')
refused(5, "params.t.choices: must have at least one entry",
    head .. 'params = { t = { default = "c", choices = {} } }')
refused(5, "params.t.doc: must be a string, got 3", head .. "params = { t = { default = 1, doc = 3 } }")

local params = "params = { samples = { default = 10, min = 1 } },\n"
refused(6, 'presets.quick.sampels: unknown parameter (did you mean "samples"?)',
    head .. params .. "presets = { quick = { sampels = 3 } }")
refused(7, "presets.quick.samples: must be >= 1, got 0",
    head .. params .. "presets = { quick = {\nsamples = 0 } }")
refused(6, "presets.quick.samples: must be an integer, got 2.5",
    head .. params .. "presets = { quick = { samples = 2.5 } }")

refused(5, 'limits.tiem: unknown field (did you mean "time"?)', head .. "limits = { tiem = 3 }")
refused(5, "limits.time: must be a number of seconds > 0, got 0", head .. "limits = { time = 0 }")
refused(5, 'limits.memory: must be a number of bytes or a text such as "2G", got "much"',
    head .. 'limits = { memory = "much" }')

refused(5, "figures[1].name: must be a string, got nil", head .. 'figures = { { x = "k", y = "c" } }')
refused(6, "figures[2].y: must be a string, got nil",
    head .. 'figures = { { name = "a", x = "k", y = "c" },\n{ name = "b", x = "k" } }')
refused(6, 'figures[2].name: "a" is the name of figures[1] too',
    head .. 'figures = { { name = "a", x = "k", y = "c" },\n{ name = "a", x = "k", y = "d" } }')
local figure = 'figures = { { name = "a", x = "k", y = "c",\n'
refused(6, 'figures[1].bnad: unknown field (did you mean "band"?)', head .. figure .. 'bnad = "sd" } }')
refused(6, 'figures[1].band: unknown value "ci" (there are: ci95, sd, minmax, none)',
    head .. figure .. 'band = "ci" } }')
refused(6, 'figures[1].fit: unknown value "powr" (did you mean "power"?)',
    head .. figure .. 'fit = "powr" } }')
refused(6, 'figures[1].key: unknown value "top" (there are: left, right, below, off)',
    head .. figure .. 'key = "top" } }')
refused(6, "figures[1].fit_space: is the space of a fit, but there is no fit",
    head .. figure .. 'fit_space = "log" } }')
refused(6, "figures[1].logx: must be a boolean, got 1", head .. figure .. "logx = 1 } }")
refused(6, "figures[1].xrange: low must be smaller than high, got {2, 1}",
    head .. figure .. "xrange = { 2, 1 } } }")
refused(6, "figures[1].lines[1].y: must be a number, got nil", head .. figure .. 'lines = { { label = "b" } } } }')
refused(6, "figures[1].where.k: must be a number, a string or a boolean, got a table",
    head .. figure .. "where = { k = {} } } }")

local claim = 'claims = { { name = "grows", text = "it grows",\n'
refused(6, "claims[1].check: must be a function, got true", head .. claim .. "check = true } }")
refused(5, "claims[1].text: must be a string, got nil", head .. 'claims = { { name = "a", check = print } }')

-- Fields that the text does not show have the line of what holds them, in the end that of the call.
refused(3, "params.t.min: is 3, larger than max = 2",
    head .. "[(function() return 'params' end)()] = { t = { default = 2, min = 3, max = 2 } }")
refused(8, "replicates: must be a whole number >= 1, got 0",
    'name = "demo", -- replicates = 1\nrun = function(cell)\nlocal replicates = 3 if cell then '
    .. "for i = 1, 2 do replicates = i end end\nend,\nreplicates = 0")
refused(7, "title: must not be empty",
    head .. 'description = [[ title = "x",\n }]], --[==[ title = ]==]\ntitle = "  "')

tap.error("assay.experiment: must be called with a table, got nil", function()
    assay.experiment()
end)

local full = declare [[
  name = "demo", title = "A title", method = { "monkeys" },
  params = { b = { default = { 1, 0.5 }, min = 0 }, a = true, c = { "x", "y" }, n = 3 },
  presets = { quick = { n = 2, b = { 2 } } },
  replicates = 4,
  limits = { time = 2, memory = "1.5 GiB" },
  run = function() end,
  figures = { { name = "f", x = "k", y = "c", by = "a", logx = true, lines = { { y = 0.5 } } } },
  claims = { { name = "grows", text = "it grows", check = print } },
]]
tap.ok(experiment.is(full), "a declaration gives an experiment")
tap.is(experiment.describe(full), '{"claims":[{"name":"grows","text":"it grows"}],'
    .. '"figures":[{"by":["a"],"lines":[{"y":0.5}],"logx":true,"name":"f","x":"k","y":"c"}],'
    .. '"limits":{"memory":1610612736,"time":2},"method":["monkeys"],"name":"demo","params":['
    .. '{"default":true,"name":"a","type":"boolean"},'
    .. '{"default":[1.0,0.5],"min":0,"name":"b","type":"number"},'
    .. '{"default":["x","y"],"name":"c","type":"string"},{"default":3,"name":"n","type":"integer"}],'
    .. '"presets":{"quick":{"b":2.0,"n":2}},"replicates":4,"title":"A title"}', "described")

-- Canonical JSON: as short as numbers round-trip, the type kept.
for _, case in ipairs { { 1, "1" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { 1e22, "1e+22" }, { -0.0, "-0.0" },
    { 0.1 + 0.2, "0.30000000000000004" }, { 5e-324, "5e-324" }, { 1 / 3, "0.3333333333333333" },
    { 1e100, "1e+100" }, { 123456789.0, "123456789.0" }, { math.mininteger, "-9223372036854775808" } } do
    tap.is(json.number(case[1]), case[2], "canonical " .. case[2])
end
tap.is(json.text('a"\\\n\1é'), '"a\\"\\\\\\n\\u0001é"', "canonical text")

os.remove(path)
tap.done()
