-- Files of an application as tables, whatever their format: { names, columns, rows, matrix, shape }. An
-- array's columns are x1, x2, ... (all sides but the first one behind the other: the shape tells them), a
-- cloud's x, y, z; both have the matrix, and lists of their columns only once these are asked for.
local assay, import = ...
local check = import "check"
local lists = import "lists"

local file = {}

file.formats = { "csv", "jsonl", "npy", "idx", "ply", "off", "obj", "xyz" }

local clouds = { ply = true, off = true, obj = true, xyz = true }
local ends = { ndjson = "jsonl" }

function file.is_cloud(format)
    return clouds[format] or false
end

-- The format that a file's name tells, or nil.
function file.format_of(path)
    local name = string.lower(string.gsub(path, "%.gz$", ""))
    local ending = string.find(name, "idx%d+%-ubyte$") and "idx" or string.match(name, "%.(%w+)$")
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

local function read_array(read, path)
    local matrix, shape = read(path)
    local names = {}
    for j = 1, matrix:cols() do
        names[j] = "x" .. j
    end
    local out = file.of_matrix(matrix, names)
    out.shape = shape
    return out
end

-- format: of a log "samples", where it comes as JSON lines.
function file.read(path, format)
    if clouds[format] then
        return file.of_matrix(assay.data.mesh(path).vertices, { "x", "y", "z" })
    elseif format == "npy" then
        return read_array(assay.data.npy, path)
    elseif format == "idx" then
        return read_array(assay.data.idx, path)
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

-- An array with the sides of the one that it was made of, where it is as large; images as bytes.
local function write_array(write, path, result)
    local matrix = file.matrix(result, result.names, "an array holds numbers alone")
    write(path, matrix, { shape = result.shape, type = result.type })
end

function file.write(path, format, result)
    if clouds[format] then
        assay.data.write_mesh(path, { vertices = cloud_of(result) })
    elseif format == "npy" then
        write_array(assay.data.write_npy, path, result)
    elseif format == "idx" then
        write_array(assay.data.write_idx, path, result)
    else
        assay.data.write_table(path, result, { format = format })
    end
end

return file
