-- assay.models.endpoint as scripts see it. What it does with servers is tested in tests/models/endpoint.c
-- and tests/cli/endpoint.sh; nothing here reaches one.
local assay = require "assay"
local tap = dofile(os.getenv "srcdir" .. "/tests/lua/tap.lua")

local nobody = { url = "http://127.0.0.1:1/v1", model = "m", keep = false, retries = 0 }
local e = assay.models.endpoint(nobody)
tap.is(tostring(e), "endpoint", "an endpoint says nothing of itself")

local function with(changes)
    local options = { url = nobody.url, model = "m", keep = false, retries = 0 }
    for name, value in pairs(changes) do
        options[name] = value
    end
    return function() return assay.models.endpoint(options) end
end

for message, changes in assay.sorted_pairs {
    ["url must begin with http"] = { url = "ftp://h" },
    ["url must be given"] = { url = "" },
    ["kind must be"] = { kind = "both" },
    ["in_flight must be in 1..1024"] = { in_flight = 0 },
    ["batch must be"] = { batch = 0 },
    ["keep must be true, false or a directory, got a number"] = { keep = 1 },
    ["prompt_price must be"] = { prompt_price = -1 },
    ["timeout must be"] = { timeout = 0 },
    ["environment variable ASSAY_NO_SUCH_KEY"] = { key = "ASSAY_NO_SUCH_KEY" },
    ["unknown option \"modell\" %(did you mean \"model\"%?%)"] = { modell = "m" },
} do
    tap.error(message, with(changes), "refused: " .. message)
end

local function asking(prompts, options)
    return function() return e:sample(prompts, options) end
end

tap.error("127.0.0.1:1/v1 does not answer", asking { "a" }, "nobody there")
tap.error("prompts must be a list, got a string", asking "a", "prompts as one text")
tap.error("prompts%[2%] must be a text or a list of messages, got a number", asking { "a", 2 }, "a prompt as number")
tap.error("prompts%[1%] must be a text or a list of messages", asking { {} }, "no messages")
tap.error("prompts 1 and 2 are equal", asking { { { role = "user", content = "a" } }, { { content = "a", role = "user" } } },
    "equal messages")
tap.error("problems must be 1 names, one a prompt, got 2", asking({ "a" }, { problems = { "a", "b" } }), "names")
tap.error("problems%[1%] must be a text", asking({ "a" }, { problems = { 1 } }), "a number as name")
tap.error("n must be in", asking({ "a" }, { n = 0 }), "no samples")
tap.error("top_p must be in", asking({ "a" }, { top_p = 2 }), "top_p")
tap.error("stop%[2%] must be a text", asking({ "a" }, { stop = { "x", 1 } }), "stop")
tap.error("extra must be a table", asking({ "a" }, { extra = "{}" }), "extra")
tap.error("extra can't set \"n\"", asking({ "a" }, { extra = { n = 2 } }), "extra with what has an option")
tap.error("called on a table", function() e.sample({}, {}) end, "as a function")
local log, usage = e:sample({}, { n = 3 })
tap.is(log.problem, {}, "no prompts, no samples")
tap.is(usage.requests, 0, "  and no requests")
local told
tap.error("cancelled", asking({ "a" }, { progress = function(done, total)
    told = { done, total }
    return true
end }), "progress can stop it")
tap.is(told, { 0.0, 1.0 }, "  and says how far it is")
tap.error("at the call", asking({ "a" }, { progress = function() error "at the call" end }), "its errors are raised")

tap.done()
