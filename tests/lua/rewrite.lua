-- A figure's table changed in an experiment's text: what is asked for and nothing else.
local tap = require "tap"
local assay = require "assay"
local rewrite = package.preload["assay.rewrite"]()
local null = assay.json.null

local head = [[
-- assay.experiment { figures = { { name = "share" } } } in a comment is none
local assay = require "assay"
local text = "assay.experiment { }"
return assay.experiment {
    name = "coin",
    run = function(cell) if cell then for i = 1, 2 do cell:log { n = i } end end end,
    figures = {
]]
local tail = [[
    },
    claims = {},
}
]]

local function script(figures)
    return head .. figures .. tail
end

local function becomes(before, changes, after, name)
    tap.is(rewrite.figure(script(before), "share", changes), script(after), name)
end

local function refused(text, why, name)
    local new, reason = rewrite.figure(text, "share", { logx = true })
    tap.ok(new == nil and reason:find(why, 1, true), name)
end

local one = '        { name = "share", x = "n", y = "share", logx = true, band = "sd" }, -- the first\n'

becomes(one, { band = "none" }, (one:gsub('"sd"', '"none"')), "a value is replaced")
becomes(one, { logx = null }, (one:gsub(" logx = true,", "")), "a field in the middle is taken away")
becomes(one, { band = null }, (one:gsub(', band = "sd"', "")), "the last field is taken away with its comma")
becomes(one, { title = null }, one, "what is not there can't be taken away")
becomes(one, { fit = "power" }, (one:gsub('"sd" }', '"sd", fit = "power" }')), "a field is added")
becomes(one, { by = { "a", "b" }, where = { ["a b"] = 1, c = "d" }, xrange = { 0.5, 2 } },
    (one:gsub('"sd" }', '"sd", by = { "a", "b" },\n            where = { ["a b"] = 1, c = "d" }, xrange = { 0.5, 2 } }')),
    "lists, tables and ranges; a line that is full is broken")
becomes(one, { ylabel = 'a "b" \\' }, (one:gsub('"sd" }', function() return [["sd", ylabel = "a \"b\" \\" }]] end)), "texts are quoted")

local long = [[
        {
            name = "share", -- its name
            x = "n",
            y = "share",
            logx = true,    -- goes away with its line's end
            band = "sd",
        },
        { name = "other", x = "n", y = "share", logx = true },
]]
becomes(long, { logy = true }, (long:gsub('band = "sd",', 'band = "sd", logy = true,')), "added behind a last comma")
becomes(long, { x = "m" }, (long:gsub('x = "n"', 'x = "m"', 1)), "only the figure of that name")
becomes(long:gsub("    %-%- goes[^\n]*", ""), { logx = null },
    (long:gsub("            logx[^\n]*\n", "")), "a line that held nothing else goes, too")

refused("return 1\n", "no calls of assay.experiment", "no experiment")
refused(script(one) .. script(one), "2 calls of assay.experiment", "two experiments")
refused(script(one .. one), "declares figure share more than once", "two figures of a name")
refused(script '        make("share"),\n', "code makes it", "a figure that code makes")
refused(script '        { name = "sha" .. "re", x = "n", y = "m" },\n', "code makes it", "a name that code makes")
refused((script(one):gsub("figures = {", "figures = list {")), "not written in the file as a table", "figures that code makes")

tap.done()
