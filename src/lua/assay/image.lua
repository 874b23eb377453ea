-- assay.image: matrices that a cell keeps as images (cell:artifact): tiles, and points.
local assay = ...

local image = {}

local function known(options, name, ...)
    local names, there = {}, { ... }
    for _, key in ipairs(there) do
        names[key] = true
    end
    for key in pairs(options) do
        if not names[key] then
            error(("%s: unknown option %q (there are: %s)"):format(name, tostring(key), table.concat(there, ", ")), 3)
        end
    end
end

local function at_least(value, least, name)
    if math.type(value) ~= "integer" or value < least then
        error(("%s must be a whole number of at least %d, got %s"):format(name, least, tostring(value)), 3)
    end
    return value
end

--- Rows of `images` (each height x width numbers) as tiles of one matrix, from the upper left; numbers
-- between low and high become 0..255, with a pixel of 0 between tiles.
function image.grid(images, options)
    options = options or {}
    known(options, "grid", "height", "width", "columns", "low", "high")
    local height = at_least(options.height or 28, 1, "grid: height")
    local width = at_least(options.width or height, 1, "grid: width")
    local n = #images
    local columns = at_least(options.columns or math.max(1, math.ceil(math.sqrt(n))), 1, "grid: columns")
    local low, high = options.low or 0, options.high or 255
    local lines = math.max(1, math.ceil(n / columns))
    local out = assay.matrix(lines * (height + 1) - 1, columns * (width + 1) - 1)
    for k = 1, n do
        local tile = images[k]
        if #tile ~= height * width then
            error(("grid: image %d has %d numbers, not %d x %d"):format(k, #tile, height, width), 2)
        end
        local top = (k - 1) // columns * (height + 1)
        local left = (k - 1) % columns * (width + 1)
        for i = 1, height do
            local line = out[top + i]
            for j = 1, width do
                local level = (tile[(i - 1) * width + j] - low) / (high - low)
                line[left + j] = math.floor(255 * math.min(math.max(level, 0), 1) + 0.5)
            end
        end
    end
    return out
end

--- Sets of points (matrices or lists of {x, y}) drawn into one matrix of 0..255, y upwards; the last set
-- is the brightest. What lies outside of the ranges is left out.
function image.points(sets, options)
    options = options or {}
    known(options, "points", "size", "xrange", "yrange")
    local size = at_least(options.size or 320, 2, "points: size")
    local xrange, yrange = options.xrange or { -3, 3 }, options.yrange or { -3, 3 }
    local out = assay.matrix(size, size)
    local function place(value, range)
        return math.floor((value - range[1]) / (range[2] - range[1]) * (size - 1) + 0.5) + 1
    end
    for k, points in ipairs(sets) do
        local level = math.floor(60 + 195 * k / #sets)
        for i = 1, #points do
            local column, line = place(points[i][1], xrange), size + 1 - place(points[i][2], yrange)
            if column >= 1 and column <= size and line >= 1 and line <= size then
                out[line][column] = math.max(out[line][column], level)
            end
        end
    end
    return out
end

assay.image = image
return image
