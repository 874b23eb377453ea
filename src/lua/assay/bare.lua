-- The environment of a script that is only listed (see bare.c for what it must keep out).
--
-- What a script may not call while it is listed is there all the same, as a thing that says so when
-- it is called: `local pass_at_k = assay.inference.pass_at_k` at the top of a file is usual, and harmless.
local assay = ...

local safe = {
    "assert", "error", "getmetatable", "ipairs", "next", "pcall", "rawequal", "rawget",
    "rawlen", "rawset", "select", "tonumber", "tostring", "type", "xpcall", "_VERSION",
}

local unavailable = {
    "collectgarbage", "coroutine", "debug", "dofile", "io", "load", "loadfile", "os", "package", "warn",
}

local function absent(name)
    return setmetatable({}, {
        __index = function(_, key)
            return absent(name .. "." .. tostring(key))
        end,
        __newindex = function()
            error(name .. " can't be changed while an experiment is only listed", 2)
        end,
        __call = function()
            error(name .. " is not available while an experiment is only listed; call it in run", 2)
        end,
        __metatable = false,
    })
end

local function declared_assay()
    local usable = { experiment = assay.experiment, sorted_pairs = assay.sorted_pairs, version = assay.version }
    return setmetatable(usable, {
        __index = function(_, key)
            return absent("assay." .. tostring(key))
        end,
        __metatable = false,
    })
end

-- environment: the guarded functions of bare.c.
return function(environment)
    local declared = declared_assay()
    for _, name in ipairs(safe) do
        environment[name] = _G[name]
    end
    for _, name in ipairs(unavailable) do
        environment[name] = absent(name)
    end
    environment.math = {}
    for name, value in pairs(math) do
        environment.math[name] = value
    end
    environment.utf8.charpattern = utf8.charpattern
    environment.print = function() end
    environment.require = function(name)
        return name == "assay" and declared or absent('require "' .. tostring(name) .. '"')
    end
    environment._G = environment
    return environment
end
