-- Files of an application as tables, whatever their format: { names, columns, rows, matrix }. An array's
-- columns are x1, x2, ..., a cloud's x, y, z; both have the matrix, and lists of their columns only once
-- these are asked for.
local assay, import = ...
local check = import "check"
local lists = import "lists"

local file = {}

file.formats = { "csv", "jsonl", "npy", "ply", "off", "obj", "xyz" }

local clouds = { ply = true, off = true, obj = true, xyz = true }
local ends = { ndjson = "jsonl" }

function file.is_cloud(format)
    return clouds[format] or false
end

-- The format that a file's name tells, or nil.
function file.format_of(path)
    local ending = string.match(string.lower(string.gsub(path, "%.gz$", "")), "%.(%w+)$")
    ending = ends[ending] or ending
    return lists.contains(file.formats, ending) and ending or nil
end

-- The table of a matrix whose columns are called so.
function file.of_matrix(matrix, names)
    local columns = setmetatable({}, { __index = function(columns, name)
        for j, known in ipairs(names) do
            if known == name then
                columns[name] = matrix:column(j)
                return columns[name]
            end
        end
    end })
    return { names = names, columns = columns, rows = matrix:rows(), matrix = matrix }
end

local function read_array(path)
    local matrix, shape = assay.data.npy(path)
    if #shape > 2 then
        check.fail(path, "must hold a list or a matrix of numbers, got %d sides", #shape)
    end
    local names = {}
    for j = 1, matrix:cols() do
        names[j] = "x" .. j
    end
    return file.of_matrix(matrix, names)
end

-- format: of a log "samples", where it comes as JSON lines.
function file.read(path, format)
    if clouds[format] then
        return file.of_matrix(assay.data.mesh(path).vertices, { "x", "y", "z" })
    elseif format == "npy" then
        return read_array(path)
    end
    local read = assay.data.table(path, { format = format })
    read.rows = read.names[1] and #read.columns[read.names[1]] or 0
    return read
end

-- The columns as a matrix; texts and missing entries are refused by `what` they are for.
function file.matrix(source, names, what)
    if source.matrix and #names == #source.names then
        return source.matrix
    end
    local columns = {}
    for j, name in ipairs(names) do
        columns[j] = source.columns[name]
        for i, value in ipairs(columns[j]) do
            if type(value) == "string" then
                check.fail(string.format('column "%s"', name), "has the text %s in row %d, but %s",
                    check.show(value), i, what)
            end
        end
    end
    return assay.matrix(columns):transpose()
end

local function cloud_of(result)
    for _, name in ipairs { "x", "y", "z" } do
        if not lists.contains(result.names, name) then
            check.fail("a cloud", "has the columns x, y and z, but the result has %s",
                table.concat(result.names, ", "))
        end
    end
    return file.matrix(result, { "x", "y", "z" }, "coordinates are numbers")
end

function file.write(path, format, result)
    if clouds[format] then
        assay.data.write_mesh(path, { vertices = cloud_of(result) })
    elseif format == "npy" then
        assay.data.write_npy(path, file.matrix(result, result.names, "an array holds numbers alone"))
    else
        assay.data.write_table(path, result, { format = format })
    end
end

return file
