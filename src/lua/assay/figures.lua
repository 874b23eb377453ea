-- The figures of a declaration. What the keys mean stands in src/plot/figure.h; here they are read
-- and refused with the script's line, long before a run has rows to draw.
local _, import = ...
local check = import "check"

local figures = {}

local fields = {
    "name", "x", "y", "by", "facet", "unit", "title", "xlabel", "ylabel", "logx", "logy", "band", "fit",
    "fit_space", "style", "key", "xrange", "yrange", "where", "lines",
}

local function range(value, path)
    if check.sequence(value, path) ~= 2 then
        check.fail(path, "must be {low, high}")
    end
    local low, high = value[1], value[2]
    check.finite(low, check.join(path, 1))
    check.finite(high, check.join(path, 2))
    if low >= high then
        check.fail(path, "low must be smaller than high, got {%s, %s}", low, high)
    end
    return { low, high }
end

local function where(value, path)
    local out = {}
    for column, wanted in pairs(check.kind(value, "table", path)) do
        check.words(column, path)
        local kind = type(wanted)
        if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
            check.fail(check.join(path, column), "must be a number, a string or a boolean, got %s",
                check.show(wanted))
        end
        out[column] = wanted
    end
    return next(out) and out or nil
end

local function line(value, path)
    check.fields(value, path, { "y", "label" })
    return {
        y = check.finite(value.y, check.join(path, "y")),
        label = check.optional(value.label, check.text, check.join(path, "label")),
    }
end

local function one_of(...)
    local choices = { ... }
    return function(value, path)
        return check.one_of(value, path, choices)
    end
end

local readers = {
    by = check.texts,
    facet = check.words,
    unit = check.words,
    title = check.text,
    xlabel = check.text,
    ylabel = check.text,
    logx = check.boolean,
    logy = check.boolean,
    band = one_of("ci95", "sd", "minmax", "none"),
    fit = one_of("power", "exp_power", "log_linear", "saturating"),
    fit_space = one_of("linear", "log", "loglog"),
    style = one_of("lines", "points", "linespoints"),
    key = one_of("left", "right", "below", "off"),
    xrange = range,
    yrange = range,
    where = where,
    lines = function(value, path)
        return check.list(value, path, line)
    end,
}

function figures.read(value, path)
    check.fields(value, path, fields)
    local figure = {
        name = check.slug(value.name, check.join(path, "name")),
        x = check.words(value.x, check.join(path, "x")),
        y = check.words(value.y, check.join(path, "y")),
    }
    for field, read in pairs(readers) do
        figure[field] = check.optional(value[field], read, check.join(path, field))
    end
    if figure.fit_space and not figure.fit then
        check.fail(check.join(path, "fit_space"), "is the space of a fit, but there is no fit")
    end
    return figure
end

return figures
