-- A figure's declaration changed in an experiment's text, and nothing else of the text: comments, order
-- and layout stay. Only a table that stands there literally can be changed; a figure that code makes is
-- refused in words. Whether the changed text declares what it should is the caller's to see (rewrite.h).
local assay, import = ...
local canonical = import "canonical"
local lists = import "lists"
local locate = import "locate"

local rewrite = {}

local WIDTH = 120

-- ---- what stands there ----

-- The entries of the constructor whose "{" ends before `at`: { key, start, value, stop }, where stop is the
-- position of what follows (a separator or "}"); and the position of its "}".
local function entries(text, at)
    local out = {}
    while true do
        local word, start, after, is_string = locate.token(text, at)
        if word == "" and not is_string then
            return nil
        elseif word == "}" and not is_string then
            return out, start
        elseif (word == "," or word == ";") and not is_string then
            at = after
        else
            local key, key_at, value = locate.entry_key(text, at)
            local _, first = locate.token(text, value or start)
            local stop = locate.skip_value(text, first)
            if not stop then
                return nil
            end
            out[#out + 1] = { key = key, start = key_at, value = first, stop = stop }
            at = stop
        end
    end
end

local function named(list, key)
    for _, entry in ipairs(list) do
        if entry.key == key then
            return entry
        end
    end
end

-- The position behind the "{" of a value that is a constructor and nothing more.
local function inside(text, entry)
    local brace, _, after = locate.token(text, entry.value)
    if brace == "{" then
        return after
    end
end

-- Is the value that text, as a literal?
local function is_text(text, entry, wanted)
    local word, _, after, is_string = locate.token(text, entry.value)
    local _, next_at = locate.token(text, after)
    return is_string and word == wanted and next_at == entry.stop
end

-- Where the text of an entry ends, without what is blank or a comment before the separator.
local function value_end(text, entry)
    local at, last = entry.value, entry.value
    while at < entry.stop do
        local _, start, after = locate.token(text, at)
        if start >= entry.stop then
            break
        end
        at, last = after, after
    end
    return last - 1
end

-- The constructors of calls of assay.experiment, outside of comments and texts.
local function calls(text)
    local out, at, before = {}, 1, nil
    while true do
        local word, _, after, is_string = locate.token(text, at)
        if word == "" and not is_string then
            return out
        end
        if not is_string and (word == "assay.experiment" or word == "experiment") and before ~= "local" and before ~= "function" then
            local brace, _, behind = locate.token(text, after)
            if brace == "(" then
                brace, _, behind = locate.token(text, behind)
            end
            if brace == "{" then
                out[#out + 1] = behind
            end
        end
        at, before = after, word
    end
end

-- The constructor of the figure: the position behind its "{".
local function find(text, name)
    local found = calls(text)
    if #found ~= 1 then
        return nil, string.format("the file has %s calls of assay.experiment { ... }", #found == 0 and "no" or #found)
    end
    local fields = entries(text, found[1])
    local figures = fields and named(fields, "figures")
    local list = figures and inside(text, figures)
    local made = list and entries(text, list)
    if not made then
        return nil, "the figures are not written in the file as a table"
    end
    local out
    for _, entry in ipairs(made) do
        local at = not entry.key and inside(text, entry)
        local own = at and entries(text, at)
        local slug = own and named(own, "name")
        if slug and is_text(text, slug, name) then
            if out then
                return nil, string.format("the file declares figure %s more than once", name)
            end
            out = at
        end
    end
    if not out then
        return nil, string.format("figure %s is not written in the file as a table: code makes it", name)
    end
    return out
end

-- ---- what shall stand there ----

local function literal(value)
    if type(value) == "string" then
        return '"' .. value:gsub('[\\"]', "\\%0"):gsub("\n", "\\n") .. '"'
    elseif type(value) ~= "table" then
        return type(value) == "number" and canonical.number(value) or tostring(value)
    elseif #value > 0 then
        return "{ " .. table.concat(lists.map(value, literal), ", ") .. " }"
    end
    local out = {}
    for key, one in lists.sorted_pairs(value) do
        out[#out + 1] = (key:match "^[%a_][%w_]*$" and key or "[" .. literal(key) .. "]") .. " = " .. literal(one)
    end
    return "{ " .. table.concat(out, ", ") .. " }"
end

local function splice(text, from, to, new)
    return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

-- Without the entry and its separator; a line that held nothing else goes with it.
local function without(text, own, entry)
    local from, to = entry.start, value_end(text, entry)
    local separator = text:match("^[%s]*[,;]()", to + 1)
    if separator then
        to = separator - 1
    elseif own[#own] == entry and #own > 1 then
        from = value_end(text, own[#own - 1]) + 1 -- the separator before it
        return splice(text, from, to, "")
    end
    local blank = text:sub(1, from - 1):match "()[ \t]*$"
    if blank == 1 or text:sub(blank - 1, blank - 1) == "\n" then
        local line = text:match("^[ \t]*\n()", to + 1)
        if line then
            return splice(text, blank, line - 1, "")
        end
    end
    return splice(text, from, (text:match("^[ \t]*()", to + 1)) - 1, "")
end

-- The line that a position stands on, up to it, and its indentation.
local function line_before(text, at)
    local line = text:sub(1, at):match "[^\n]*$"
    return line, line:match "^%s*"
end

local function with(text, own, key, value)
    local new = key .. " = " .. literal(value)
    local last = own[#own]
    local to = value_end(text, last)
    local separator = text:match("^%s*([,;])", to + 1)
    local at = separator and text:match("^%s*[,;]()", to + 1) - 1 or to
    local line, indent = line_before(text, at)
    if line:match "^%s*{" then
        indent = indent .. "    "
    end
    local gap = #line + #new + 4 > WIDTH and "\n" .. indent or " "
    return splice(text, at + 1, at, (separator and "" or ",") .. gap .. new .. (separator and "," or ""))
end

-- `changes`: fields of the figure and their values; assay.json.null takes a field away. The changed text,
-- or nil and why there is none.
function rewrite.figure(text, name, changes)
    for _, key in ipairs(lists.sorted_keys(changes)) do
        local value = changes[key]
        local at, why = find(text, name)
        local own = at and entries(text, at)
        if not own then
            return nil, why or "the figure's table does not end"
        end
        local entry = named(own, key)
        if value == assay.json.null then
            text = entry and without(text, own, entry) or text
        elseif entry then
            text = splice(text, entry.value, value_end(text, entry), literal(value))
        else
            text = with(text, own, key, value)
        end
    end
    return text
end

function rewrite.figure_json(text, name, changes)
    return rewrite.figure(text, name, assay.json.decode(changes))
end

return rewrite
