-- Applications to tables of one thing: boxes that a detector found, measured learning curves, images.
local assay, import = ...
local check = import "check"
local kind = import "apply_kind"
local lists = import "lists"
local balance = assay.balance

-- ---- columns ----

local function numbers(input, name, flag)
    local column = kind.column(input, name, flag)
    for i, value in ipairs(column) do
        if type(value) ~= "number" or value ~= value then
            check.fail(flag, "must name columns with a number in each row, got %s in row %d of %s",
                value ~= value and "none" or check.show(value), i, check.show(name))
        end
    end
    return column
end

-- A column that may be absent.
local function numbers_if_there(input, name, flag)
    return lists.contains(input.source.names, name) and numbers(input, name, flag) or nil
end

-- Positions of the rows that agree in all these columns, set by set in the order met.
local function sets_of(input, names, flag)
    local sets, by_key, columns = {}, {}, {}
    for j, name in ipairs(names) do
        columns[j] = kind.column(input, name, flag)
    end
    for i = 1, input.rows do
        local parts = lists.map(columns, function(column) return string.format("%q", column[i]) end)
        local key = table.concat(parts, ",")
        if not by_key[key] then
            by_key[key] = {}
            sets[#sets + 1] = by_key[key]
        end
        table.insert(by_key[key], i)
    end
    return sets
end

-- ---- detections ----

local function nms(input, o)
    local boxes = o.boxes or { "x1", "y1", "x2", "y2" }
    if #boxes ~= 4 then
        check.fail("--boxes", "must name 4 columns, the left, upper, right and lower sides, got %d", #boxes)
    end
    local sides = lists.map(boxes, function(name) return numbers(input, name, "--boxes") end)
    local scores, index = numbers(input, o.score, "--score"), {}
    local by = o.by or lists.filter({ "image", "class" }, function(name)
        return lists.contains(input.source.names, name)
    end)
    for _, rows in ipairs(sets_of(input, by, "--by")) do
        local places = lists.map(rows, function(i) return { sides[1][i], sides[2][i], sides[3][i], sides[4][i] } end)
        local of_rows = lists.map(rows, function(i) return scores[i] end)
        for _, at in ipairs(balance.nms(places, of_rows, { iou = o.iou, most = o.most }).keep) do
            index[#index + 1] = rows[at]
        end
    end
    table.sort(index)
    return { index = index }
end

-- ---- budgets ----

-- What a group's rows all have in a column; `fallback` where there is no such column.
local function common(column, rows, name, group, fallback)
    if not column then
        return fallback
    end
    for _, i in ipairs(rows) do
        if column[i] ~= column[rows[1]] then
            check.fail(string.format('column "%s"', name), "must have one value a group, got %s and %s for %s",
                check.show(column[rows[1]]), check.show(column[i]), check.show(group))
        end
    end
    return column[rows[1]]
end

-- A group's name, fitted curve, largest size, cost and weight.
local function group_of(columns, rows, law)
    local name = columns.group[rows[1]]
    local n = lists.map(rows, function(i) return columns.n[i] end)
    local curve = balance.learning_curve_fit(n, lists.map(rows, function(i) return columns.value[i] end), { law = law })
    return { name = name, curve = curve, start = math.max(table.unpack(n)),
        cost = common(columns.cost, rows, "cost", name, 1), weight = common(columns.weight, rows, "weight", name, 1) }
end

local laws = { power = { "a", "b", "c" }, saturating = { "a", "s" }, log = { "a", "b" } }

local function allocate(input, o)
    local columns, groups = { cost = numbers_if_there(input, "cost", "--cost"),
        weight = numbers_if_there(input, "weight", "--weight"), group = kind.column(input, o.group, "--group"),
        n = numbers(input, o.n, "--n"), value = numbers(input, o.value, "--value") }, {}
    for _, rows in ipairs(sets_of(input, { o.group }, "--group")) do
        groups[#groups + 1] = group_of(columns, rows, o.law)
    end
    local function each(field)
        return lists.map(groups, function(group) return group[field] end)
    end
    local start = each "start"
    local found = balance.allocate(each "curve", { budget = o.budget, start = start, cost = each "cost",
        weight = each "weight", risk = o.risk, method = o.method, step = o.method == "greedy" and o.step or nil,
        whole = o.method ~= "greedy" or nil })
    local out = { names = { o.group, "start", "n", "more", "expected" }, rows = #groups, utility = found.utility,
        columns = { start = start, n = found.n, expected = found.value, more = {} } }
    out.columns[o.group] = each "name"
    for g, n in ipairs(found.n) do
        out.columns.more[g] = n - start[g]
    end
    for _, name in ipairs(laws[o.law]) do
        out.names[#out.names + 1] = name
        out.columns[name] = lists.map(groups, function(group) return group.curve[name] end)
    end
    out.spent = found.spent
    out.doubtful = #lists.filter(groups, function(group) return group.curve.few or group.curve.decreasing end)
    return out
end

local function spent(result)
    local notes = { { "spent", result.spent } }
    if result.doubtful > 0 then
        notes[2] = { "groups whose curve is of fewer than 3 sizes, or falls", result.doubtful }
    end
    return notes
end

-- ---- images ----

-- Sides of the images: given, else those of an array, else of a square.
local function sides_of(input, o)
    local shape, pixels = input.source.shape or {}, input.X:cols()
    local channels = o.channels or shape[4] or 1
    local height = o.height or #shape > 2 and shape[2] or o.width and pixels // (o.width * channels)
        or math.tointeger(math.sqrt(pixels / channels))
    local width = o.width or height and pixels // (height * channels)
    if not height or height < 1 or height * width * channels ~= pixels then
        check.fail("--height", "and --width must be given: %d numbers are no images of %s x %s x %d", pixels,
            height or "?", width or "?", channels)
    end
    return height, width, channels
end

-- f(images, options) of images, with what `more` takes of the options.
local function images(f, more)
    return function(input, o)
        local how = more(o, input.X:rows())
        how.height, how.width, how.channels = sides_of(input, o)
        how.rng = o.rng
        return { matrix = f(input.X, how), in_place = true }
    end
end

local function strong(X, how)
    local flags = how.flags
    how.flags = nil
    return balance.diverse_augment(X, flags, how)
end

local function of_strong(o, rows)
    local flags = {}
    for i = 1, rows do
        flags[i] = o.diverse and 1 or 0
    end
    return { flags = flags, n = o.n, cutout = o.cutout }
end

local function of_weak(o)
    return { flip = not o.no_flip, pad = o.pad }
end

local sides = {
    { "height", type = "integer", min = 1, doc = "of an image; a square unless the array tells" },
    { "width", type = "integer", min = 1, doc = "of an image" },
    { "channels", type = "integer", min = 1, max = 3, doc = "1 or 3 numbers a pixel" },
}

local function of_images(name, title, run, options)
    return { name = name, method = "saa", title = title, input = "points", random = true, run = run,
        options = table.move(sides, 1, #sides, #options + 1, options) }
end

return {
    { name = "nms", method = "sampling-free", title = "Detections without those that overlap a better one",
        input = "table", run = nms, options = {
            { "boxes", type = "list", argument = "L,U,R,D",
                doc = "columns of the left, upper, right and lower sides; x1,y1,x2,y2 if not given" },
            { "score", default = "score", argument = "COLUMN", doc = "the column of scores" },
            { "iou", default = 0.5, min = 0, max = 1, doc = "overlap above which the lower score goes" },
            { "most", type = "integer", min = 1, doc = "detections that are kept of a set, at most" },
            { "by", type = "list", doc = "columns that tell the sets apart; image and class where there are any" } } },
    { name = "allocate", method = "equitable", title = "A budget of examples over groups, by their learning curves",
        input = "table", run = allocate, notes = spent, options = {
            { "budget", type = "number", above = 0, required = true, doc = "to spend on more examples" },
            { "group", default = "group", argument = "COLUMN", doc = "the column of groups" },
            { "n", default = "n", argument = "COLUMN", doc = "the column of numbers of examples" },
            { "value", default = "value", argument = "COLUMN", doc = "the column of performances with so many" },
            { "law", default = "power", choices = { "power", "saturating", "log" }, doc = "of the learning curves" },
            { "risk", default = 0.0, min = 0, doc = "aversion to inequality: 0 is the mean, 1 its logarithm" },
            { "method", default = "greedy", choices = { "greedy", "water", "maxmin" },
                doc = "step by step, all at once, or the lowest group first" },
            { "step", default = 1, min = 1, doc = "examples of a step (greedy)" } } },
    of_images("augment", "Images changed at random (RandAugment and a filled square)", images(strong, of_strong), {
        { "n", default = 3, min = 1, max = 100, doc = "operations on an image" },
        { "cutout", default = 0.5, min = 0, max = 1, doc = "side of the square, in widths, at most" },
        { "diverse", type = "flag", doc = "two such views of an image, a half of each" } }),
    of_images("augment-weak", "Images mirrored and moved at random", images(balance.weak_augment, of_weak), {
        { "no_flip", type = "flag", doc = "never mirrored" },
        { "pad", default = 4, min = 0, max = 10000, doc = "pixels that it moves, at most" } }),
}
