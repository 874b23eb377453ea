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
tap.error("path must be", function() assay.data.csv {} end, "an argument of the wrong type")

write '{"problem": "a", "correct": true, "answer": "4"}\n{"problem": "a", "correct": false}\n'
local log = assay.data.samples(path)
tap.is(log.problem[1], "a", "samples: problem")
tap.is(log.correct[1], 1, "samples: correct is 1 or 0")
tap.is(log.answer[2], "", "samples: a missing answer is empty")
write '{"problem": "a", "correct": true}\n{"problem": 1.5}\n'
tap.error(":2", function() assay.data.samples(path) end, "samples: a wrong line is named")
os.remove(path)

tap.error("nothing%-here", function() assay.data.find "nothing-here.csv" end, "find names what it lacks")
tap.done()
