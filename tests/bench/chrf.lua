-- The chrF of every pair of 40 texts of 30 words: "seconds" a pass, or the "values" of the matrix.
local assay = require "assay"

local vocabulary = { "la", "maison", "bleue", "über", "straße", "дом", "стоит", "на", "горе", "the", "house", "stands",
    "hill", "and", "river", "中文", "文本", "例子" }

local function texts(count, words)
    local state, out = 1, {}
    for i = 1, count do
        local line = {}
        for j = 1, words do
            state = (state * 1103515245 + 12345) % 2147483648
            line[j] = vocabulary[state // 65536 % #vocabulary + 1]
        end
        out[i] = table.concat(line, " ")
    end
    return out
end

local lines = texts(40, 30)
if arg[1] == "values" then
    local u = assay.inference.utility(lines, lines)
    for i = 1, #lines do
        local row = {}
        for j = 1, #lines do
            row[j] = string.format("%.15f", u[i][j])
        end
        print(table.concat(row, " "))
    end
    return
end
local passes, start = 0, os.clock()
while passes == 0 or os.clock() - start < 0.5 do
    assay.inference.utility(lines, lines)
    passes = passes + 1
end
print((os.clock() - start) / passes)
