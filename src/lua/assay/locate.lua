-- Where in a script's text a field of its declaration stands, so that an error can name its line.
--
-- The text is read by a small lexer, not by Lua: Lua forgets the lines of table constructors once
-- they are built. A field that is not literal text (made by a loop, say) has the line of what holds
-- it, in the end that of the call.
local locate = {}

local opens = { ["("] = true, ["{"] = true, ["["] = true, ["function"] = true, ["if"] = true,
    ["do"] = true, ["repeat"] = true }
local closes = { [")"] = true, ["}"] = true, ["]"] = true, ["end"] = true, ["until"] = true }

local function skip_blank(text, at)
    while true do
        at = string.match(text, "^%s*()", at)
        local equals = string.match(text, "^%-%-%[(=*)%[", at)
        if equals then
            local _, last = string.find(text, "]" .. equals .. "]", at, true)
            at = (last or #text) + 1
        elseif string.find(text, "^%-%-", at) then
            at = string.match(text, "^[^\n]*()", at)
        else
            return at
        end
    end
end

local function quoted(text, at, quote)
    local stop = at + 1
    while stop <= #text and string.sub(text, stop, stop) ~= quote do
        stop = stop + (string.sub(text, stop, stop) == "\\" and 2 or 1)
    end
    return string.sub(text, at + 1, stop - 1), stop + 1
end

-- The token at or after `at`: its text, its position, what follows it, and whether it is a string.
function locate.token(text, at)
    at = skip_blank(text, at)
    local name, after = string.match(text, "^([%w_.]+)()", at)
    if name then
        return name, at, after
    end
    local first = string.sub(text, at, at)
    if first == '"' or first == "'" then
        local inside, stop = quoted(text, at, first)
        return inside, at, stop, true
    end
    local equals = string.match(text, "^%[(=*)%[", at)
    if equals then
        local _, last = string.find(text, "]" .. equals .. "]", at, true)
        return "", at, (last or #text) + 1, true
    end
    return first, at, at + 1
end

-- Past a value that begins at `at`: the position of its ",", ";" or closing "}".
function locate.skip_value(text, at)
    local depth = 0
    while true do
        local word, start, after, is_string = locate.token(text, at)
        if word == "" and not is_string then
            return nil
        elseif not is_string then
            if depth == 0 and (word == "," or word == ";" or word == "}") then
                return start
            end
            depth = depth + (opens[word] and 1 or closes[word] and -1 or 0)
        end
        at = after
    end
end

-- The key of the entry at `at` and where its value begins; nil for an entry without one.
function locate.entry_key(text, at)
    local word, start, after, is_string = locate.token(text, at)
    if word == "[" and not is_string then
        word, _, after, is_string = locate.token(text, after)
        local bracket, _, behind = locate.token(text, after)
        if not is_string or bracket ~= "]" then
            return nil, start
        end
        after = behind
    elseif is_string then
        return nil, start
    end
    local equals, _, value = locate.token(text, after)
    if equals == "=" and string.sub(text, value, value) ~= "=" then
        return word, start, value
    end
    return nil, start
end

-- The position of the field that segments[k..] name within the constructor whose "{" ends before
-- `at`; nil when it is not there.
local function find(text, at, segments, k)
    local count = 0
    while at do
        local word, start, after, is_string = locate.token(text, at)
        if word == "" and not is_string or word == "}" and not is_string then
            return nil
        elseif (word == "," or word == ";") and not is_string then
            at = after
        else
            local key, key_at, value = locate.entry_key(text, at)
            if not key then
                count = count + 1
                key, key_at, value = count, start, start
            end
            if key == segments[k] then
                local brace, _, inside = locate.token(text, value)
                return k < #segments and brace == "{" and find(text, inside, segments, k + 1)
                    or key_at
            end
            at = locate.skip_value(text, value)
        end
    end
end

local function split_path(path)
    local segments = {}
    for name, index in string.gmatch(path, "([^.%[%]]*)%[?(%d*)%]?%.?") do
        if name ~= "" then
            segments[#segments + 1] = name
        end
        if index ~= "" then
            segments[#segments + 1] = math.tointeger(index)
        end
    end
    return segments
end

local function line_start(text, line)
    local at = 1
    for _ = 2, line do
        at = string.match(text, "^[^\n]*\n?()", at)
    end
    return at
end

-- "FILE:LINE:" of the field `path`, given that of the call of assay.experiment and the script's text
-- (nil: unknown).
function locate.field(where, text, path)
    local file, line = string.match(where, "^(.*):(%d+):$")
    if not text or not file then
        return where
    end
    local start = line_start(text, math.tointeger(line))
    local open = string.match(text, "experiment%s*%(?%s*{()", start)
    local found = open and find(text, open, split_path(path), 1)
    if found then
        local _, newlines = string.gsub(string.sub(text, 1, found - 1), "\n", "")
        line = newlines + 1
    end
    return string.format("%s:%d:", file, line)
end

return locate
