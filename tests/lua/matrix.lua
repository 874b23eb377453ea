-- Matrices as Lua values: making, reading, writing, views, bounds; and the words of bad arguments.
local tap = require "tap"
local assay = require "assay"
local matrix = assay.matrix

local m = matrix { { 1, 2, 3 }, { 4, 5, 6 } }
tap.is({ #m, m:rows(), m:cols() }, { 2, 2, 3 }, "shape")
tap.is(m:totable(), { { 1.0, 2.0, 3.0 }, { 4.0, 5.0, 6.0 } }, "nested lists come in and go out")
tap.is(matrix(2, 2):totable(), { { 0.0, 0.0 }, { 0.0, 0.0 } }, "zeroed")
tap.is(matrix(1, 2, 7):totable(), { { 7.0, 7.0 } }, "filled")
tap.is({ #matrix {}, matrix {}:cols(), matrix(0, 3):cols(), matrix(3, 0):rows() }, { 0, 0, 3, 3 },
    "empty ones")
tap.is(m[2][3], 6.0, "m[i][j]")
tap.is({ m:row(2), m:column(2) }, { { 4.0, 5.0, 6.0 }, { 2.0, 5.0 } }, "rows and columns as lists")
tap.is(m:transpose():totable(), { { 1.0, 4.0 }, { 2.0, 5.0 }, { 3.0, 6.0 } }, "transpose")
tap.is({ tostring(m), tostring(m[1]), tostring(matrix(1, 9)[1]) },
    { "matrix 2 x 3", "{1.0, 2.0, 3.0}", "{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ...}" }, "text")

local copy = m:copy()
copy:set(1, 1, 10)
copy[1][2] = 20
copy[2] = { 7, 8, 9 }
tap.is(copy:totable(), { { 10.0, 20.0, 3.0 }, { 7.0, 8.0, 9.0 } }, "writing")
tap.is(m[1][1], 1.0, "a copy is a copy")
copy[1] = copy[2]
tap.is(copy:row(1), { 7.0, 8.0, 9.0 }, "a row is assigned to a row")
copy:set(1, 1, 0 / 0)
tap.ok(copy:get(1, 1) ~= copy:get(1, 1), "NaN may be stored")

tap.ok(m == matrix { { 1, 2, 3 }, { 4, 5, 6 } }, "equal")
tap.ok(m ~= matrix { { 1, 2, 3 }, { 4, 5, 7 } }, "a different number")
tap.ok(matrix(2, 3) ~= matrix(3, 2), "a different shape")
tap.ok(copy ~= copy:copy(), "NaN equals nothing")
tap.ok(m[1] == matrix { { 1, 2, 3 } }[1], "rows are equal by their numbers")

local seen = {}
for i, row in ipairs(m) do
    for j, x in ipairs(row) do
        seen[#seen + 1] = i * 100 + j * 10 + x
    end
end
tap.is(seen, { 111.0, 122.0, 133.0, 214.0, 225.0, 236.0 }, "ipairs over rows and over a row")
tap.is({ table.unpack(m[2]) }, { 4.0, 5.0, 6.0 }, "a row unpacks")

local row = matrix(1000, 100, 3)[500]
collectgarbage()
collectgarbage()
tap.is(row[100], 3.0, "a row keeps its matrix alive")

tap.is(matrix { m[1], { 0, 0, 0 }, m[2] }:column(3), { 3.0, 0.0, 6.0 }, "a matrix from rows")
local proxy = setmetatable({}, { __index = { { 1, 2 }, { 3, 4 } }, __len = function() return 2 end })
tap.is(matrix(proxy):totable(), { { 1.0, 2.0 }, { 3.0, 4.0 } }, "proxies are read through")

local line = "%.lua:%d+: "
tap.error(line .. "matrix: i must be in 1%.%.2, got 0$", function() return m[0] end)
tap.error("matrix: i must be in 1..2, got 4", function() return m[4] end)
tap.is(m[3], nil, "one past the end is nil, as ipairs needs it")
tap.error("row: j must be in 1..3, got -1", function() return m[1][-1] end)
tap.error("row: j must be in 1..3, got 4", function() m[1][4] = 1 end)
tap.error("row: value must be a number, got a string", function() m[1][1] = "1" end)
tap.error("matrix: i must be in 1..2, got 3", function() m[3] = { 1, 2, 3 } end)
tap.error("matrix: row must have 3 numbers, got 2", function() m[1] = { 1, 2 } end)
tap.error("matrix:get: j must be in 1..3, got 4", function() return m:get(1, 4) end)
tap.error("matrix:get: i must be an integer, got 1.5", function() return m:get(1.5, 1) end)
tap.error("matrix:set: value must be a number, got nil", function() m:set(1, 1) end)
tap.error("matrix: rows[2] must have 2 numbers as the first row, got 1",
    function() matrix { { 1, 2 }, { 3 } } end)
tap.error("matrix: rows[1] must be a list of numbers (a row), got 1", function() matrix { 1, 2 } end)
tap.error("matrix: rows[2][1] must be a number, got a string", function() matrix { { 1 }, { "2" } } end)
tap.error("matrix: rows must be a matrix or a list of rows, got a string", function() matrix "a" end)
tap.error('got a table with the key "k"', function() matrix { k = 1 } end)
tap.error("matrix: rows must be in 0..", function() matrix(-1, 2) end)
tap.error("memory", function() matrix(1 << 47, 1 << 47) end)
tap.error("memory", function() matrix(1 << 44, 1) end)
tap.error("matrix:get: call it with a colon", function() m.get(1, 2) end)
tap.is(getmetatable(m), "matrix", "the type can't be changed from a script")
tap.error("index", function() return m.unknown.x end)

tap.done()
