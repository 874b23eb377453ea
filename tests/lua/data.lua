-- assay.data: files as tables of columns.
local assay = require "assay"
local tap = dofile(os.getenv "srcdir" .. "/tests/lua/tap.lua")

local path = os.tmpname()
local function write(text)
    local file <close> = assert(io.open(path, "w"))
    file:write(text)
end

write 'id,score,name\n1,0.5,a\n2,NA,b\n3,2,"c, d"\n'
local columns = assay.data.csv(path)
tap.is(columns.id[3], 3, "integers stay integers")
tap.is(math.type(columns.id[3]), "integer", "  by type")
tap.ok(columns.score[2] ~= columns.score[2], "a missing number is NaN")
tap.is(#columns.score, 3, "  and leaves no hole")
tap.is(columns.name[3], "c, d", "a quoted comma")
tap.error("nowhere", function() assay.data.csv "nowhere.csv" end, "a missing file is named")
tap.error("csv: cancelled", function() assay.data.csv(path, { progress = function() return true end }) end, "reading stops")
tap.error("path must be", function() assay.data.csv {} end, "an argument of the wrong type")

write '{"a": 1, "b": "x"}\n{"a": 2.5, "c": true}\n'
columns = assay.data.jsonl(path)
tap.is(columns.a, { 1, 2.5 }, "jsonl: numbers")
tap.is(columns.b, { "x", "" }, "jsonl: texts")
tap.is(columns.c[2], 1, "jsonl: true is 1")
tap.error(":1: each line must be an object", function() write "7"; assay.data.jsonl(path) end, "jsonl: no object")

write '{"problem": "a", "correct": true, "answer": "4"}\n{"problem": "a", "correct": false}\n'
local log = assay.data.samples(path)
tap.is(log.problem[1], "a", "samples: problem")
tap.is(log.correct[1], 1, "samples: correct is 1 or 0")
tap.is(log.answer[2], "", "samples: a missing answer is empty")
write '{"problem": "a", "correct": true}\n{"problem": 1.5}\n'
tap.error(":2", function() assay.data.samples(path) end, "samples: a wrong line is named")

write '{"custom_id": "a", "response": {"body": {"choices": [{"text": "6*7=42"}, {"text": "x"}]}}}\n'
log = assay.data.samples(path)
tap.is(log.text, { "6*7=42", "x" }, "samples: of a batch")
tap.is(log.correct, nil, "  are not graded")
tap.error("correct of row 1 is missing", function() assay.inference.selection_curves(log) end,
    "  and not taken for graded ones")
log.correct, log.reward = {}, { 0 / 0, 0.1 }
for i, text in ipairs(log.text) do
    log.correct[i] = text:find "42" ~= nil
end
assay.data.write_samples(path, log)
local file <close> = io.open(path)
tap.is(file:read "a", '{"problem": "a", "sample": 1, "correct": true, "text": "6*7=42"}\n' ..
    '{"problem": "a", "sample": 2, "correct": false, "reward": 0.1, "text": "x"}\n', "samples: written")
tap.is(assay.data.samples(path).correct, { 1, 0 }, "  and read back")
tap.error("there is no metric", function()
    write '{"doc_id": 1, "resps": [["a"]], "acc": 1}\n'
    assay.data.samples(path, { metric = "f1" })
end, "samples: another metric")
for message, wrong in pairs {
    ["log must have the column problem"] = { text = { "a" } },
    ["columns by name"] = { problem = { 1 }, correct = true },
    ["correct of row 1 must be true or false, got 2"] = { problem = { 1 }, correct = { 2 } },
    ["answer of row 1 must be a text, a number or a boolean, got a table"] = { problem = { 1 }, answer = { {} } },
    ["reward has 2 entries, but there are 1 problems"] = { problem = { 1 }, reward = { 1, 2 } },
    ["zero byte"] = { problem = { 1 }, text = { "a\0b" } },
    ["not UTF%-8"] = { problem = { 1 }, text = { "\xff" } },
    ["no infinity"] = { problem = { 1 }, reward = { 1 / 0 } },
} do
    tap.error(message, function() assay.data.write_samples(path, wrong) end, "samples not written: " .. message)
end

-- ---- arrays ----
local data = assay.data
local m = assay.matrix { { 1, 2, 3 }, { 4, 5, 6 } }
data.write_npy(path, m, { type = "i16", shape = { 3, 2 } })
local back, shape = data.npy(path)
tap.is({ #back, back[3][2], table.unpack(shape) }, { 3, 6.0, 3, 2 }, "npy: there and back")
data.write_npz(path, { m = m, list = { 7, 8 } })
local arrays, shapes = data.npz(path)
tap.is({ arrays.m[2][3], arrays.list[2][1], shapes.list, shapes.m }, { 6.0, 8.0, { 2, 1 }, { 2, 3 } },
    "npz: there and back")
data.write_idx(path, { 5, 6, 255 }, { type = "u8" })
local part, sides = data.idx(path, { first = 2, count = 5 })
tap.is({ #part, part[2][1], sides[1] }, { 2, 255.0, 2 }, "idx: a part")
tap.error("first must be in 1..3, got 4", function() data.idx(path, { first = 4 }) end, "idx: behind the end")
tap.error("0..255, got 256", function() data.write_idx(path, { 256 }, { type = "u8" }) end, "idx: too large")
tap.error("IDX holds", function() data.write_idx(path, { 1 }, { type = "u64" }) end, "idx: a type it lacks")
tap.error("shape must make up 3 numbers", function()
    data.write_npy(path, { 1, 2, 3 }, { shape = { 2, 2 } })
end, "a wrong shape")
tap.error("type must be", function() data.write_npy(path, { 1 }, { type = "f16" }) end, "a wrong type")
data.write_npy(path, m, { type = "i16", shape = { 3, 2 } })
local middle, side = data.npy(path, { first = 2, count = 1 })
tap.is({ middle[1][1], middle[1][2], side[1], side[2] }, { 3.0, 4.0, 1, 2 }, "  an item of it")
tap.error("npy: first must be in 1%.%.3, got 4", function() data.npy(path, { first = 4 }) end, "  behind the last")
data.write_npz(path, { m = m })
tap.error("no NPY file", function() data.npy(path) end, "npy: another format")

-- ---- meshes and texts ----
local ply = path .. ".ply"
data.write_mesh(ply, { vertices = { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0.1 } }, faces = { { 1, 2, 3 } } })
local mesh = data.mesh(ply)
tap.is({ #mesh.vertices, mesh.vertices[3][3], #mesh.faces, mesh.faces[1][3] }, { 3, 0.1, 1, 3.0 },
    "mesh: there and back")
tap.error("1..3, got 4", function()
    data.write_mesh(ply, { vertices = mesh.vertices, faces = { { 1, 2, 4 } } })
end, "mesh: a corner that is none")
os.remove(ply)
write "one\ntwo\n\nthree\r\n"
tap.is(data.text(path), "one\ntwo\n\nthree\r\n", "text: whole")
tap.is(data.text(path, { split = "lines" }), { "one", "two", "", "three" }, "text: lines")
tap.is(data.text(path, { split = "paragraphs" }), { "one\ntwo", "three" }, "text: paragraphs")
-- tables whose columns have an order
write 'b,a,c\n1,x,0.1\n2,,-3\n'
local csv = path .. ".csv"
os.rename(path, csv)
local ordered = assay.data.table(csv)
tap.is(ordered.names, { "b", "a", "c" }, "table: names in their order")
tap.is(ordered.columns.a, { "x", "" }, "  with their columns")
assay.data.write_table(csv, ordered)
tap.is(assay.data.text(csv), 'b,a,c\n1,x,0.1\n2,,-3\n', "  written as it was")
assay.data.write_table(csv, ordered, { format = "jsonl" })
tap.is(assay.data.text(csv), '{"b":1,"a":"x","c":0.1}\n{"b":2,"c":-3.0}\n', "  and as JSON lines")
tap.is(assay.data.table(csv, { format = "jsonl" }), ordered, "  read back")
tap.error('must be one of "csv", "jsonl", "samples"', function() assay.data.table(csv, { format = "xml" }) end,
    "table: another format")
tap.error("needs the option format", function() assay.data.table "x.txt" end, "table: a name that tells nothing")
tap.error("columns must have the list b, got a nil", function()
    assay.data.write_table(csv, { names = { "b" }, columns = {} }) end, "write_table: a column that is not there")
tap.error("names must differ", function()
    assay.data.write_table(csv, { names = { "b", "b" }, columns = { b = { 1 } } }) end, "write_table: a name twice")
tap.error("b of row 1 must be a text, a number or a boolean, got a table", function()
    assay.data.write_table(csv, { names = { "b" }, columns = { b = { {} } } }) end, "write_table: an odd entry")
os.remove(csv)

os.remove(path)

-- ---- sets by name (run.sh points at the source's data) ----
local pima = data.load "pima"
local sick = 0
for _, class in ipairs(pima.class) do
    sick = sick + (class == "minority" and 1 or 0)
end
tap.is({ #pima.class, sick }, { 768, 268 }, "pima: the counts of the paper")
tap.is(#data.load("smote/pima.csv").age, 768, "a file by its name")
for _, set in ipairs(data.sets()) do
    if set.licence ~= "not cleared" and set.format == "csv" then
        tap.ok(next(data.load(set.name)), set.name .. " has the checksum and size of the registry")
    elseif set.licence == "not cleared" then
        tap.error("licence not cleared", function() data.load(set.name) end, set.name .. " is not shipped")
    end
end
tap.is(#data.load "pointsp", 77, "pointsp: all meshes")
local cars = data.load("pointsp", { split = "car" })
tap.is({ #cars, cars[1].class }, { 5, "car" }, "  a class")
for _, car in ipairs(cars) do
    local low, high = math.huge, -math.huge
    for i = 1, #car.vertices do
        for j = 1, 3 do
            low, high = math.min(low, car.vertices[i][j]), math.max(high, car.vertices[i][j])
        end
    end
    tap.is({ low, high }, { -1.0, 1.0 }, "  its longest side is 2")
end
tap.error('mean "pima"', function() data.load "pimo" end, "an unknown set")
tap.error("split must be one of", function() data.load("pima", { split = "train" }) end, "a split it has not")
if pcall(data.load, "fashion-mnist", { split = "test", count = 1 }) then
    local test = data.load("fashion-mnist", { split = "test", count = 10 })
    tap.is(test.labels, { 9, 2, 1, 1, 6, 1, 4, 6, 5, 7 }, "fashion-mnist: the first labels of the test split")
    tap.is(test.shape, { 10, 28, 28 }, "  and their images")
end

-- Progress goes from 0 to 1 over the files of a set, and stops where it is asked to.
local last, calls, grows = 0, 0, true
data.load("pointsp", { split = "car", progress = function(done, total)
    grows, last, calls = grows and done >= last and total == 1, done, calls + 1
end })
tap.ok(grows and calls >= 5 and last <= 1, "load tells how far it is", calls .. " " .. last)
tap.error("load: cancelled", function() data.load("pima", { progress = function() return true end }) end, "load is stopped")
tap.error("mine", function() data.load("pima", { progress = function() error "mine" end }) end, "load passes errors on")
local big = path .. ".npy"
data.write_npy(big, assay.matrix(1 << 18, 1))
tap.error("npy: cancelled", function() data.npy(big, { progress = function() return true end }) end, "a reader is stopped")
tap.is(#data.npy(big), 1 << 18, "  or not")
os.remove(big)

-- Debian's licence texts, where they are.
if io.open "/usr/share/common-licenses/GPL-3" then
    local gpl = data.load("licences", { split = "GPL-3" })
    tap.ok(gpl:find("GNU GENERAL PUBLIC LICENSE", 1, true), "licences: the GPL")
    local all = data.load "licences"
    tap.ok(#all > 120000 and all:find(gpl, 1, true), "  among them all", #all)
    local task = assay.task("text", { text = all, window = 32 })
    tap.is(#task:problem(1).answer, 32, "  in windows")
end

for _, name in ipairs { "nothing-here.off.gz", "nothing-here.obj.gz", "nothing-here.ply.gz" } do
    tap.error("load: there is no nothing", function() assay.data.load(name) end, name .. " is looked for")
end
tap.error("nothing%-here", function() assay.data.find "nothing-here.csv" end, "find names what it lacks")
tap.done()
