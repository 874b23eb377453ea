-- The text of a composed experiment (compose.lua): readable Lua, to be edited by hand ever after.
local assay, import = ...
local canonical = import "canonical"
local lists = import "lists"

local compose_text = {}

local WIDTH = 110

-- ---- lines ----

-- Code without its common indentation, each line behind `indent`.
local function block(code, indent)
    local least
    code = code:gsub("%s+$", "")
    for spaces in (code .. "\n"):gmatch "( *)[^\n]*\n" do
        least = math.min(least or #spaces, #spaces)
    end
    local first = code:match "^ *"
    local out = {}
    for line in (code .. "\n"):gmatch "([^\n]*)\n" do
        line = line:sub((first == "" and 0 or least) + 1)
        out[#out + 1] = line == "" and "" or indent .. line
    end
    return table.concat(out, "\n") .. "\n"
end

-- Words as comment lines.
local function comment(words, indent)
    local out, line = {}, indent .. "--"
    for word in words:gmatch "%S+" do
        if #line + 1 + #word > WIDTH then
            out[#out + 1], line = line, indent .. "--"
        end
        line = line .. " " .. word
    end
    out[#out + 1] = line
    return table.concat(out, "\n") .. "\n"
end

local function quoted(s)
    return '"' .. s:gsub('[\\"]', "\\%0") .. '"'
end

local function literal(value)
    return type(value) == "number" and canonical.number(value) or type(value) == "string" and quoted(value) or tostring(value)
end

local function list_of(values)
    return "{ " .. table.concat(lists.map(values, literal), ", ") .. " }"
end

local function sentence(words)
    return words:sub(1, 1):upper() .. words:sub(2)
end

-- ---- parts ----

local function header(plan)
    local slugs, out = {}, { "#!/usr/bin/env -S assay run\n" }
    for _, arm in ipairs(plan.arms) do
        slugs[arm.method] = true
    end
    local names = lists.map(plan.arms, function(arm) return arm.name end)
    out[#out + 1] = comment(string.format("%s: %s on %s.", plan.title, table.concat(names, ", "), plan.bed.title), "")
    out[#out + 1] = "--\n"
    for slug in lists.sorted_pairs(slugs) do
        local paper = assay.catalogue.method(slug)
        out[#out + 1] = comment(string.format("%s: %s, %s (%d, arXiv %s).", slug, paper.authors, paper.title, paper.year, paper.arxiv), "")
    end
    out[#out + 1] = string.format("--\n-- Rows: %s a cell.\n", table.concat(lists.map(plan.kit.measures, function(m) return m.name end), ", "))
    return table.concat(out), lists.sorted_keys(slugs)
end

local function is_used(plan, helper)
    local users = (plan.kit.uses or {})[helper.name]
    if not users or lists.contains(users, plan.bed.name) then
        return true
    end
    for _, arm in ipairs(plan.arms) do
        if lists.contains(users, arm.name) then
            return true
        end
    end
    return false
end

local function functions(plan)
    local kit, out = plan.kit, {}
    if kit.constants then
        out[#out + 1] = block(kit.constants, "") .. "\n"
    end
    for _, helper in ipairs(kit.helpers) do
        if is_used(plan, helper) then
            out[#out + 1] = block(helper.code, "") .. "\n"
        end
    end
    out[#out + 1] = comment("The testbed: " .. plan.bed.title .. ".", "")
    out[#out + 1] = "local function testbed(p, rng, cell)\n" .. block(plan.bed.code, "    ") .. "end\n\n"
    out[#out + 1] = "-- What is compared.\nlocal methods = {}\n"
    for _, arm in ipairs(plan.arms) do
        out[#out + 1] = "\n" .. comment(sentence(arm.doc) .. " (" .. arm.method .. (arm.baseline and ", a baseline)." or ")."), "")
        out[#out + 1] = string.format("methods[%s] = function(%s)\n%send\n", quoted(arm.name), kit.signature, block(arm.code, "    "))
    end
    return table.concat(out)
end

local function param_line(spec)
    local parts = { "default = " .. (#spec.chosen == 1 and literal(spec.chosen[1]) or list_of(spec.chosen)) }
    for _, key in ipairs { "min", "max" } do
        if spec[key] then
            parts[#parts + 1] = key .. " = " .. literal(spec[key])
        end
    end
    if spec.choices then
        parts[#parts + 1] = "choices = " .. list_of(spec.choices)
    end
    local line = string.format("        %s = { %s,", spec.name, table.concat(parts, ", "))
    local doc = "doc = " .. quoted(spec.doc) .. " },\n"
    return #line + #doc <= WIDTH and line .. " " .. doc or line .. "\n            " .. doc
end

local function params(plan)
    local names = lists.map(plan.arms, function(arm) return arm.name end)
    local out = { "    params = {\n" }
    out[#out + 1] = string.format("        method = { default = %s,\n", list_of(names))
    out[#out + 1] = string.format("            choices = %s, doc = \"what is compared\" },\n", list_of(names))
    for _, spec in ipairs(plan.specs) do
        out[#out + 1] = param_line(spec)
    end
    return table.concat(out) .. "    },\n"
end

-- " by = ...," and " facet = ...,", where there are any.
local function groups(plan)
    local out = ""
    if #plan.by > 0 then
        out = string.format(" by = %s,", #plan.by == 1 and quoted(plan.by[1]) or list_of(plan.by))
    end
    return plan.facet == "none" and out or out .. string.format(" facet = %s,", quoted(plan.facet))
end

local function figure(plan)
    local out = { string.format("            name = %s, x = %s, y = %s,%s", quoted(plan.measure), quoted(plan.x), quoted(plan.measure), groups(plan)) }
    local flags = {}
    for _, axis in ipairs { "logx", "logy" } do
        if plan[axis] == "yes" then
            flags[#flags + 1] = axis .. " = true"
        end
    end
    flags[#flags + 1] = "band = " .. quoted(plan.band)
    if plan.fit ~= "none" then
        flags[#flags + 1] = "fit = " .. quoted(plan.fit)
    end
    out[#out + 1] = "            " .. table.concat(flags, ", ") .. ","
    out[#out + 1] = string.format("            xlabel = %s, ylabel = %s,", quoted(plan.x_spec.doc), quoted(plan.measured.title))
    return "    figures = {\n        {\n" .. table.concat(out, "\n") .. "\n        },\n    },\n"
end

-- ---- claims ----

local function at(arm, place, x)
    return string.format("{ method = %s, %s = %s }", quoted(arm.name), x, place)
end

local function compare(plan, a, b, bound)
    return string.format("r:compare { measure = %s, %s,\n%s    a = %s, b = %s }", quoted(plan.measure), bound, "%s", a, b)
end

local check = {}

function check.beats(plan, claim, bound)
    local place = string.format("r:max %s", quoted(plan.x))
    return "                return " .. compare(plan, at(claim.a, place, plan.x), at(claim.b, place, plan.x), bound):format((" "):rep(16)) .. "\n"
end

function check.always(plan, claim, bound)
    local call = compare(plan, at(claim.a, "x", plan.x), at(claim.b, "x", plan.x), bound):format((" "):rep(20))
    return string.format("                local all = {}\n                for _, x in ipairs(r:distinct %s) do\n"
        .. "                    table.insert(all, %s)\n                end\n                return assay.claims.all(all)\n",
        quoted(plan.x), call)
end

function check.gains(plan, claim, bound)
    local call = compare(plan, at(claim.a, "r:max " .. quoted(plan.x), plan.x), at(claim.a, "r:min " .. quoted(plan.x), plan.x), bound)
    return "                return " .. call:format((" "):rep(16)) .. "\n"
end

function check.same(plan, claim)
    local t = canonical.number(plan.tolerance)
    return check.beats(plan, claim, string.format("within = { -%s, %s }", t, t))
end

local function claims(plan)
    local out, bound = {}, plan.measured.better == "more" and "above = 0" or "below = 0"
    for i, checked in ipairs(plan.checked) do
        local words = checked.claim.kind == "same" and checked.text:gsub("the tolerance", canonical.number(plan.tolerance)) or checked.text
        out[#out + 1] = string.format("        {\n            name = \"claim-%d\", text = %s,\n            check = function(r)\n%s            end,\n        },\n",
            i, quoted(words), check[checked.claim.kind](plan, checked.claim, bound))
    end
    if #out == 0 then
        return ""
    end
    return "    -- " .. (plan.measured.better == "more" and "More" or "Less") .. " is better; differences are paired by replicate.\n"
        .. "    claims = {\n" .. table.concat(out) .. "    },\n"
end

-- ---- all of it ----

local function run(plan)
    local kit = plan.kit
    return "    run = function(cell)\n" .. block(kit.run, "        ")
        .. (kit.run_for and kit.run_for[plan.measure] and block(kit.run_for[plan.measure], "        ") or "")
        .. (kit.run_end and block(kit.run_end, "        ") or "") .. "    end,\n\n"
end

function compose_text.write(name, plan)
    local head, slugs = header(plan)
    return table.concat {
        head, 'local assay = require "assay"\n',
        string.format("local %s = assay.%s\n\n", plan.kit.family, plan.kit.family),
        functions(plan), "\nreturn assay.experiment {\n",
        string.format("    name = %s,\n    title = %s,\n", quoted(name), quoted(plan.title)),
        "    method = " .. (#slugs == 1 and quoted(slugs[1]) or list_of(slugs)) .. ",\n\n",
        "    -- A list is swept; assay run NAME=VALUE,VALUE changes it.\n", params(plan),
        string.format("    replicates = %d,\n\n", plan.replicates),
        "    -- Once a cell: a point of the grid and a replicate. Streams with a name are the same in all cells of a\n",
        "    -- replicate, so that the methods work on the same draw.\n",
        run(plan), figure(plan), "\n", claims(plan), "}\n",
    }
end

return compose_text
