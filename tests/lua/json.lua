-- JSON: what comes out, what goes in, and what is refused with which words.
local tap = require "tap"
local assay = require "assay"
local json = assay.json
local encode, decode = json.encode, json.decode

local function written(value, expected, options)
    tap.is(encode(value, options), expected, "encode " .. expected:gsub("\n", " "))
end

written({ b = 1, a = { 1, 2.5, true, "x" } }, '{"a":[1,2.5,true,"x"],"b":1}')
written({}, "{}")
written(json.array {}, "[]")
written(json.array(), "[]")
written({ list = json.array { 1 } }, '{"list":[1]}')
written(json.null, "null")
written({ json.null, 1 }, "[null,1]")
written(nil, "null")
written(math.maxinteger, "9223372036854775807")
written(math.mininteger, "-9223372036854775808")
written({ 0.1, 1 / 3, 1e300, 5e-324, 2.0, -0.0, 1e15, 123456789012345680.0 },
    "[0.1,0.3333333333333333,1e+300,4.94065645841247e-324,2.0,-0.0,1e+15,1.2345678901234568e+17]")
written('a"b\\c\n\t\1\127\0é€😀', [["a\"b\\c\n\t\u0001\u007f\u0000é€😀"]])
written(assay.matrix { { 1, 2 }, { 3, 4.5 } }, "[[1.0,2.0],[3.0,4.5]]")
written(assay.matrix { { 1, 2 } }[1], "[1.0,2.0]")
written({ a = { 1, { b = 2 } }, c = {} }, '{\n  "a": [\n    1,\n    {\n      "b": 2\n    }\n  ],\n  "c": {}\n}',
    { indent = 2 })
written({ 0 / 0, math.huge, -math.huge }, "[null,null,null]", { nan = "null" })
written(setmetatable({}, { __pairs = function() return next, { a = 1 } end }), '{"a":1}')
written(setmetatable({}, { __pairs = function() return next, { 7, 8 } end }), "[7,8]")
tap.ok(({ ['{"a":1,"b":2}'] = 1, ['{"b":2,"a":1}'] = 1 })[encode({ a = 1, b = 2 }, { sort = false })],
    "unsorted has every member")

tap.error("json.encode: value.a[2].b is nan, which JSON lacks (nan = \"null\" writes null)",
    function() encode { a = { 1, { b = 0 / 0 } } } end)
tap.error("value[1] is -inf", function() encode { -math.huge } end)
tap.error("value[2][1] is inf", function() encode(assay.matrix { { 1 }, { math.huge } }) end)
tap.error("value.f is a function, which JSON lacks", function() encode { f = print } end)
tap.error("value.r is a userdata", function() encode { r = assay.rng(1) } end)
tap.error("value.x has both positions and names", function() encode { x = { 1, a = 2 } } end)
tap.error("value has both positions and names", function() encode(json.array { 1, a = 2 }) end)
tap.error("value has 2 elements but the last position is 4", function() encode { 1, [4] = 2 } end)
tap.error("value has the key 1.5: keys must be names or positions from 1", function() encode { [1.5] = 2 } end)
tap.error("value has the key 0", function() encode { [0] = 2 } end)
tap.error("value has the key true", function() encode { [true] = 2 } end)
tap.error("value has a key with an embedded zero", function() encode { ["a\0b"] = 2 } end)
tap.error("value.s is a string that is not UTF-8 (byte 2 is 0xff)", function() encode { s = "a\xff" } end)
for name, text in pairs { overlong = "\xc0\x80", surrogate = "\xed\xa0\x80", cut = "\xe2\x82", beyond = "\xf4\x90\x80\x80" } do
    tap.error("not UTF-8", function() encode(text) end, "UTF-8: " .. name)
end
local knot = {}
knot.knot = knot
tap.error("nested deeper than 1000 tables (does one contain itself?)", function() encode(knot) end)
tap.error('unknown option "ident" (did you mean "indent"?)', function() encode({}, { ident = 2 }) end)
tap.error("indent must be in 0..16, got 17", function() encode({}, { indent = 17 }) end)

tap.is(decode '{"a": [1, 2.0, "x", true, false], "b": {}}', { a = { 1, 2.0, "x", true, false }, b = {} },
    "decode")
tap.is({ math.type(decode "1"), math.type(decode "1.0"), math.type(decode "1e0") },
    { "integer", "float", "float" }, "integers stay integers")
tap.is(decode "9223372036854775807", math.maxinteger, "the largest integer")
tap.is(decode '"\\u0000\\u00e9\\ud83d\\ude00"', "\0é😀", "escapes, an embedded zero")
tap.ok(decode "null" == json.null and decode "[null]" [1] == json.null, "null is a value of its own")
tap.is(decode("[null, 1]", { null = "nan" }), { 0 / 0, 1 }, "null as NaN")
tap.is(encode(decode "[[],{},[1]]"), "[[],{},[1]]", "empty arrays and objects survive")
local deep = ("["):rep(1000) .. ("]"):rep(1000)
tap.is(encode(decode(deep)), deep, "1000 levels")

tap.error("json.decode: line 2, column 5: '}' expected near ']'", function() decode '{"a":\n 1  ]' end)
tap.error("json.decode: line 1, column", function() decode "" end)
tap.error("json.decode: line 1, column 3: end of file expected near 'x'", function() decode "1 x" end)
tap.error("duplicate object key", function() decode '{"a":1,"a":2}' end)
tap.error("too big integer", function() decode "9223372036854775808" end)
tap.error("real number overflow", function() decode "1e999" end)
tap.error("unable to decode byte 0xff", function() decode '"\xff"' end)
tap.error("text is nested deeper than 1000 levels", function() decode(("["):rep(1001)) end)
tap.is(decode('"' .. ("["):rep(2000) .. '\\""'), ("["):rep(2000) .. '"', "brackets in strings don't count")
tap.error("json.decode: text must be a string, got 1", function() decode(1) end)
tap.error('null must be one of "null", "nan", got "NaN" (did you mean "nan"?)',
    function() decode("1", { null = "NaN" }) end)
tap.error("json.array: list must be a table, got a number", function() json.array(1) end)

-- Random values survive the round trip bitwise.
local rng = assay.rng(7)
local function random(depth)
    local kind = rng:integer(1, depth > 3 and 4 or 6)
    if kind == 1 then
        return rng:integer(math.mininteger, math.maxinteger)
    elseif kind == 2 then
        return string.unpack("d", string.pack("I8", rng:integer(0, 0x7fe) << 52 | rng:integer(0, (1 << 52) - 1)))
    elseif kind == 3 then
        return utf8.char(rng:integer(0, 0xd7ff), rng:integer(0xe000, 0x10ffff))
    elseif kind == 4 then
        return rng:integer(0, 1) == 1
    end
    local out = {}
    for i = 1, rng:integer(0, 5) do
        out[kind == 5 and i or utf8.char(rng:integer(1, 0x10000 - 0x2801))] = random(depth + 1)
    end
    return out
end
local kept = 0
for _ = 1, 300 do
    local value = random(0)
    local options = { indent = rng:integer(0, 3), sort = rng:integer(0, 1) == 1 }
    kept = kept + (tap.same(decode(encode(value, options)), value) and 1 or 0)
end
tap.is(kept, 300, "300 random values survive the round trip")

tap.done()
