-- Lists and tables: what the prelude needs of them.
--
-- The prelude calls string.find(s, ...), never s:find(...): while an experiment is only listed, the
-- methods of strings are the script's guarded ones (bare.c), and the prelude has the real ones.
local lists = {}

function lists.contains(list, value)
    for _, entry in ipairs(list) do
        if entry == value then
            return true
        end
    end
    return false
end

function lists.sorted_keys(t)
    local keys = {}
    for key in pairs(t) do
        keys[#keys + 1] = key
    end
    table.sort(keys)
    return keys
end

-- As pairs, in the order of the keys. A stock Lua's own order differs from process to process, so a `run` that
-- draws or sums while it goes through a table uses this one.
function lists.sorted_pairs(t)
    local keys, i = lists.sorted_keys(t), 0
    return function()
        i = i + 1
        return keys[i], t[keys[i]]
    end
end

function lists.map(list, f)
    local out = {}
    for i, entry in ipairs(list) do
        out[i] = f(entry)
    end
    return out
end

function lists.filter(list, wanted)
    local out = {}
    for _, entry in ipairs(list) do
        if wanted(entry) then
            out[#out + 1] = entry
        end
    end
    return out
end

-- The numbers of a text such as "6, 9, 12", in its order; whole ones are integers.
function lists.numbers(text)
    local out = {}
    for word in string.gmatch(text, "[^,%s]+") do
        local number = tonumber(word)
        if not number then
            error("numbers: not a number: " .. word, 0)
        end
        out[#out + 1] = math.tointeger(number) or number
    end
    return out
end

return lists
