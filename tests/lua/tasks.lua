-- assay.task: generators and verifiers against code of this file's own, splits, partial credit, and
-- what is refused.
local tap = require "tap"
local assay = require "assay"

local PROBLEMS = 400

-- Every problem of a task is answered right, and by `solve`, which the task has no part in.
local function check(name, options, solve, what)
    local task = assay.task(name, options)
    local vocab, longest_prompt, longest_answer = task:vocab(), task:longest()
    local wrong
    for _, split in ipairs { "train", "test" } do
        for i = 1, PROBLEMS do
            local p = task:problem(i, { split = split, seed = 3 })
            local v = task:verify(p, p.answer)
            local good = v.correct == 1 and v.reward == 1 and v.error == nil
                and solve(p.prompt, p.answer, options or {})
                and #p.prompt <= longest_prompt and #p.answer <= longest_answer
                and vocab:decode(vocab:encode(p.prompt .. p.answer)) == p.prompt .. p.answer
            wrong = wrong or not good and p.prompt .. p.answer
        end
    end
    tap.ok(not wrong, name .. ": " .. what, wrong)
    return task
end

---- one task after the other ----

local function is_sum(prompt, answer)
    local sum = 0
    for number in prompt:gmatch "%d+" do
        sum = sum + tonumber(number)
    end
    return tostring(sum) == answer
end

check("add", nil, is_sum, "sums of two digits")
check("add", { digits = 5, operands = 4 }, is_sum, "four operands")
check("add", { reverse = true }, function(prompt, answer) return is_sum(prompt, answer:reverse()) end,
    "from the last digit on")
check("add", { pad = true, digits = 3 }, function(prompt, answer)
    return prompt:find "^%d%d%d%+%d%d%d=$" and #answer == 4 and is_sum(prompt, tostring(tonumber(answer)))
end, "padded")
check("add", { base = 2, digits = 20 }, function(prompt, answer)
    local a, b = prompt:match "^([01]+)%+([01]+)=$"
    return tonumber(a, 2) + tonumber(b, 2) == tonumber(answer, 2) and not answer:find "^0."
end, "base 2")
check("add", { base = 36, digits = 4 }, function(prompt, answer)
    local a, b = prompt:match "^(%w+)%+(%w+)=$"
    return tonumber(a, 36) + tonumber(b, 36) == tonumber(answer, 36)
end, "base 36")
-- 9...9 + 1 = 10...0, far beyond 64 bits
local nines = ("9"):rep(60)
tap.is(assay.task "add":verify(nines .. "+1=", "1" .. ("0"):rep(60)).correct, 1, "add: 60 digits")

local alphabets = { { "0", "+", "=" }, { "a", "&", ":" }, { "k", "_", ";" } }
local function digits(text)
    local of = alphabets[text:find "[:&]" and 2 or text:find "[;_]" and 3 or 1]
    local zero = of[1]:byte()
    return of, function(part)
        return (part:gsub("%w", function(c) return string.char(c:byte() - zero + 48) end))
    end
end
local seen = { 0, 0, 0 }
check("add", { alphabets = { 0.5, 0.3, 0.2 }, pad = true }, function(prompt, answer)
    local of, plain = digits(prompt)
    for i = 1, 3 do
        seen[i] = seen[i] + (of == alphabets[i] and 1 or 0)
    end
    local a, b = prompt:match("^(%w%w)%" .. of[2] .. "(%w%w)" .. of[3] .. "$")
    return tonumber(plain(a)) + tonumber(plain(b)) == tonumber(plain(answer))
end, "three alphabets")
-- 800 draws: 400, 240, 160, four standard deviations
tap.ok(math.abs(seen[1] - 400) < 57 and math.abs(seen[2] - 240) < 52 and math.abs(seen[3] - 160) < 46,
    "alphabets have their shares", table.concat(seen, " "))
local rare = assay.task("add", { alphabets = { 0, 0, 1 }, pad = true })
tap.is(rare:problem(1).prompt:find "[^k-t_;]", nil, "one alphabet alone")
tap.is(assay.task("add", { pad = true }):problem(1).prompt,
    (select(2, digits(rare:problem(1).prompt))(rare:problem(1).prompt):gsub("_", "+"):gsub(";", "=")),
    "the same sums in each")
tap.is(rare:verify("np_or;", "kst").answer, "89", "an answer's number is in plain digits") -- 35 + 47 is 82
tap.is(rare:verify("np_or;", "kss").correct, 0, "88 is not 82")
tap.is(rare:verify("np_or;", "ksm").correct, 1, "082 is")
tap.is(rare:verify("np_or;", "82").error, "parse", "in another alphabet it is none")

check("modarith", { p = 13 }, function(prompt, answer)
    local a, op, b, p = prompt:match "^(%d+)([-+*/])(%d+)%%(%d+)=$"
    a, b, p, answer = tonumber(a), tonumber(b), tonumber(p), tonumber(answer)
    local holds = { ["+"] = (a + b) % p == answer, ["-"] = (a - b) % p == answer,
        ["*"] = a * b % p == answer, ["/"] = b ~= 0 and answer * b % p == a }
    return holds[op] and p == 13 and answer < p and a < p and b < p
end, "four operations modulo 13")
check("modarith", { p = 30, ops = { "/" } }, function(prompt, answer)
    local a, b = prompt:match "^(%d+)/(%d+)%%30=$"
    return tonumber(answer) * tonumber(b) % 30 == tonumber(a)
end, "division by what has an inverse")
tap.is(assay.task "modarith":verify("2147483645*2147483644%2147483647=", "6").correct, 1,
    "modarith: (-2)(-3) modulo 2^31-1")
tap.is(assay.task "modarith":verify("37*45%97=", "113").correct, 0, "modarith: 16 + 97 is not 16")

local function items(list)
    local all = {}
    for item in list:gmatch "%S" do
        all[#all + 1] = item
    end
    return all
end
local function is_sorted(prompt, answer)
    local all = items(prompt:match "^sort (.*)=$")
    table.sort(all)
    return table.concat(all, " ") == answer
end
check("sort", nil, is_sorted, "six digits")
check("sort", { k = 12, alphabet = "letters" }, is_sorted, "twelve letters")
check("sort", { k = 10, duplicates = false }, function(_, answer)
    return answer == "0 1 2 3 4 5 6 7 8 9"
end, "ten different digits")
check("maxk", { k = 3 }, function(prompt, answer)
    local all = items(prompt:match "^max3 (.*)=$")
    table.sort(all, function(a, b) return a > b end)
    return table.concat(all, " ", 1, 3) == answer and #all == 8
end, "the three largest")
check("copy", { length = 5 }, function(prompt, answer)
    return prompt == "copy " .. answer .. "=" and answer:find "^%l%l%l%l%l$"
end, "five letters")
local lengths = {}
check("reverse", { length = 4, shortest = 2, alphabet = "digits" }, function(prompt, answer)
    lengths[#answer] = true
    return prompt == "reverse " .. answer:reverse() .. "=" and answer:find "^%d+$"
end, "two to four digits")
tap.is(lengths, { [2] = true, [3] = true, [4] = true }, "all lengths come")
check("parity", nil, function(prompt, answer)
    return tostring(select(2, prompt:gsub("1", "")) % 2) == answer and #prompt == 16
end, "eight bits")

-- Balanced: what is innermost goes first, until nothing is left.
local function balanced(word)
    local n
    repeat
        word, n = word:gsub("%(%)", "")
        local m = n
        for _, pair in ipairs { "%[%]", "{}", "<>" } do
            word, n = word:gsub(pair, "")
            m = m + n
        end
    until m == 0
    return word == ""
end
local yes = 0
check("bracket", { types = 4, length = 10 }, function(prompt, answer)
    yes = yes + (answer == "y" and 1 or 0)
    return balanced(prompt:sub(1, -2)) == (answer == "y") and #prompt <= 11 and #prompt % 2 == 1
end, "told from spoiled ones")
tap.ok(yes > 300 and yes < 500, "bracket: half of them are balanced", yes)
check("bracket", { types = 1, length = 12, depth = 2, mode = "complete" }, function(prompt, answer)
    return balanced(prompt .. answer) and answer:find "^%)%)?$" and #prompt < 12
end, "completed, two deep")
local complete = assay.task("bracket", { mode = "complete", length = 8 })
local agree = true
for code = 0, 4 ^ 6 - 1 do
    local answer, rest = "", code
    for _ = 1, 6 do
        answer, rest = answer .. ("()[]"):sub(rest % 4 + 1, rest % 4 + 1), rest // 4
    end
    for size = 0, 6 do
        local cut = answer:sub(1, size)
        local right = balanced("([" .. cut)
        agree = agree and complete:verify("([", cut).correct == (right and 1 or 0)
    end
end
tap.ok(agree, "bracket: every completion up to six brackets is judged as here")
tap.is(complete:verify("([", "])()()()").error, "length", "bracket: balanced, but beyond the length")

-- The value of an expression as Lua has it: doubles, which small fractions do not deceive.
local function lua_value(text)
    return text:find "^[%d%+%-%*/%(%)]+$" and load("return " .. text:gsub("(%d+)", "%1.0"))()
end
for _, use in ipairs { "all", "any" } do
    check("countdown", { use = use }, function(prompt, answer)
        local left, target = {}, prompt:match ": (%d+)=$"
        for number in prompt:match "^(.*):":gmatch "%d+" do
            left[number] = (left[number] or 0) + 1
        end
        local most = 4
        for number in answer:gmatch "%d+" do
            left[number], most = (left[number] or 0) - 1, most - 1
            if left[number] < 0 then
                return false
            end
        end
        return math.abs(lua_value(answer) - tonumber(target)) < 1e-9 and (use == "any" or most == 0)
            and (use == "all" or not (" " .. prompt:match "^(.*):" .. " "):find(" " .. target .. " "))
    end, "values and numbers, use = " .. use)
end
local countdown = assay.task "countdown"
tap.is({ countdown:solutions "1 1: 2=" }, { 1, 4 }, "solutions: equal numbers are one")
tap.is({ countdown:solutions "1 2: 3=" }, { 2, 8 }, "1+2 and 2+1 are two")
tap.is({ countdown:solutions "8 3 8 3: 24=" }, { 1, 6 * 320 }, "8/(3-8/3) alone gives 24")
tap.is({ assay.task("countdown", { use = "any" }):solutions "2 3: 3=" }, { 1, 10 }, "a number alone")
for answer, error in assay.sorted_pairs {
    ["7/0"] = "division", ["7/(5-5)"] = "division", ["99999999999999999999"] = "overflow",
    ["9223372036854775807+9223372036854775807"] = "overflow", ["3*5*7"] = "numbers",
    ["+3"] = "parse", ["3 + 5"] = "parse", ["3**5"] = "parse", ["()"] = "parse", ["3)"] = "parse",
    ["3(5)"] = "parse", [""] = "parse", ["3*7+5-2\0"] = "parse", ["0x3"] = "parse", ["3.0"] = "parse",
    ["-3"] = "parse", ["7-(-3)"] = "parse", ["24"] = "numbers",
    [("("):rep(2000) .. "3" .. (")"):rep(2000)] = "parse", [("("):rep(5000)] = "length",
} do
    local v = countdown:verify("3 5 7 2: 24=", answer)
    tap.is({ v.correct, v.error, v.reward }, { 0, error, 0.0 }, ("countdown: %q"):format(answer:sub(1, 30)))
end
tap.is(countdown:verify("3 5 7 2: 24=", "((3)*7)+(5-2)").correct, 1, "needless parentheses")
tap.is(countdown:verify("2 5 3: 1=", "3/2-5").error, nil, "a wrong value is no error")

local text = ("abcdefghij"):rep(10)
local corpus = assay.task("text", { text = text, window = 7, held = 0.25 })
local fine, ends = true, { train = 0, test = 0 }
for _, split in ipairs { "train", "test" } do
    for i = 1, PROBLEMS do
        local p = corpus:problem(i, { split = split })
        fine = fine and p.prompt == "" and p.answer == text:sub(p.at, p.at + 6)
            and (split == "train" and p.at + 6 <= 75 or split == "test" and p.at > 75)
        ends[split] = math.max(ends[split], p.at + 6)
    end
end
tap.ok(fine, "text: windows of either side of the border")
tap.is(ends, { train = 75, test = 100 }, "up to both ends")
tap.is({ corpus:vocab():size(), #corpus:options() > 64 }, { 14, true }, "its own vocabulary; a checksum in its options")

---- problems are functions of their arguments ----

local add = assay.task "add"
tap.is(add:problem(5, { seed = 7 }), assay.task("add", { digits = 2 }):problem(5, { seed = 7 }), "the same problem again")
local different = {}
for i = 1, 50 do
    for seed = 1, 4 do
        different[add:problem(i, { seed = seed }).prompt] = true
    end
end
local count = 0
for _ in pairs(different) do
    count = count + 1
end
tap.ok(count > 150, "seeds and indices have problems of their own", count)

-- All values of a small task, both splits, several seeds: none on both sides.
local function sides(options)
    local task, side, both, test = assay.task("add", options), {}, 0, 0
    for i = 1, 600 do
        for _, split in ipairs { "train", "test" } do
            local prompt = task:problem(i, { split = split, seed = i % 3 }).prompt
            both = both + (side[prompt] and side[prompt] ~= split and 1 or 0)
            test = test + (not side[prompt] and split == "test" and 1 or 0)
            side[prompt] = side[prompt] or split
        end
    end
    return both, test, side
end
local both, held, side = sides { digits = 1 }
tap.ok(both == 0 and held >= 3 and held <= 22, "holdout by value: a tenth of 100 sums is never trained on", held)
tap.ok(sides { digits = 1, holdout = "index" } > 0, "by index they meet")
local _, _, other = sides { digits = 1, fold = 1 }
local moved = 0
for prompt, split in pairs(side) do
    moved = moved + (other[prompt] ~= split and 1 or 0)
end
tap.ok(moved > 3, "another fold holds out others", moved)
local folded, reordered = assay.task("countdown", { numbers = 2, max = 6 }), 0
local by_numbers = {}
for i = 1, 600 do
    for _, split in ipairs { "train", "test" } do
        local a, b, target = folded:problem(i, { split = split }).prompt:match "(%d+) (%d+): (%d+)="
        local key = math.min(a, b) .. " " .. math.max(a, b) .. " " .. target
        reordered = reordered + (by_numbers[key] and by_numbers[key] ~= split and 1 or 0)
        by_numbers[key] = split
    end
end
tap.is(reordered, 0, "countdown: the same numbers in another order are the same problem")

---- partial credit ----

for _, case in ipairs {
    { "add", nil, "37+45=", "92", 0.5 }, { "add", nil, "37+45=", "182", 2 / 3 },
    { "add", { reverse = true }, "37+45=", "29", 0.5 }, { "add", nil, "37+45=", "x", 0 },
    { "modarith", nil, "37*45%97=", "17", 0.5 },
    { "sort", nil, "sort 5 2 9 1=", "1 2 9 5", 0.5 }, { "sort", nil, "sort 5 2 9 1=", "1 2 5 9 9", 0.8 },
    { "sort", nil, "sort 5 2 9 1=", "1 2", 0.5 }, { "copy", nil, "copy abcd=", "abce", 0.75 },
    { "reverse", nil, "reverse abcd=", "abcd", 0 }, { "parity", nil, "parity 11=", "1", 0 },
    { "maxk", nil, "max2 1 5 3=", "5 1", 0.5 },
    { "bracket", { mode = "complete" }, "([{", "}]", 2 / 3 },
    { "bracket", { mode = "complete" }, "([{", "}]))", 0.75 },
    { "bracket", { mode = "complete" }, "([{", "", 0 }, { "bracket", nil, "([)]?", "y", 0 },
    { "bracket", { mode = "complete" }, "([{", "}])()()()(", 3 / 5 },
    { "countdown", nil, "3 5 7 2: 24=", "3*7+5+2", 0 },
} do
    local name, options, prompt, answer, reward = table.unpack(case, 1, 5)
    local with = { partial = true }
    for key, value in pairs(options or {}) do
        with[key] = value
    end
    local v = assay.task(name, with):verify(prompt, answer)
    tap.ok(v.correct == 0 and math.abs(v.reward - reward) < 1e-12,
        ("%s: %s%s is worth %.3g"):format(name, prompt, answer, reward), v.reward)
    tap.is(assay.task(name, options):verify(prompt, answer).reward, 0.0, "... and nothing without partial")
end

---- votes ----

local padded = assay.task("add", { pad = true })
tap.is(padded:verify("37+45=", "082").answer, padded:verify("37+45=", "82").answer, "082 and 82 say the same")
tap.is(padded:verify("00+00=", "000").answer, "0", "nothing is 0")
tap.is(add:verify("37+45=", "82~").answer, "", "a malformed answer says nothing")

---- refusals ----

for _, bad in ipairs {
    { 'task: there is no task "sortt" (did you mean "sort"?)', function() assay.task "sortt" end },
    { 'task: add: unknown option "digit" (did you mean "digits"?)', function() assay.task("add", { digit = 1 }) end },
    { "task: add: digits must be a whole number in 1..64, got 0", function() assay.task("add", { digits = 0 }) end },
    { "task: add: digits must be a whole number in 1..64, got 2.5", function() assay.task("add", { digits = 2.5 }) end },
    { 'task: add: digits must be a whole number in 1..64, got "2"', function() assay.task("add", { digits = "2" }) end },
    { "task: add: pad must be true or false, got 1", function() assay.task("add", { pad = 1 }) end },
    { "task: add: base must be in 2..10 for other alphabets, got 16", function() assay.task("add", { base = 16, alphabets = { 1, 1, 0 } }) end },
    { "task: add: alphabets must be a list of 3 weights", function() assay.task("add", { alphabets = { 1, 1 } }) end },
    { "task: add: alphabets must be a list of 3 weights", function() assay.task("add", { alphabets = { 1, -1, 1 } }) end },
    { "task: add: held must be in 0..1 and less than 1, got 1", function() assay.task("add", { held = 1 }) end },
    { 'task: add: holdout must be one of "value", "index", got "no"', function() assay.task("add", { holdout = "no" }) end },
    { 'task: modarith: ops must be a list of some of "+", "-", "*", "/", got []', function() assay.task("modarith", { ops = assay.json.array {} }) end },
    { "task: sort: k must be in 1..10 without duplicates, got 11", function() assay.task("sort", { k = 11, duplicates = false }) end },
    { "task: sort: k must be a whole number in 1..1024, got 1025", function() assay.task("sort", { k = 1025 }) end },
    { "task: maxk: k must be in 1..8, the length, got 9", function() assay.task("maxk", { k = 9 }) end },
    { "task: copy: shortest must be in 1..8", function() assay.task("copy", { shortest = 9 }) end },
    { "task: bracket: length must be even, got 7", function() assay.task("bracket", { length = 7 }) end },
    { "task: countdown: target_min must be in 0..5, target_max, got 6", function() assay.task("countdown", { target_min = 6, target_max = 5 }) end },
    { "task: text: needs a text", function() assay.task "text" end },
    { "task: text: window must be in 1..3, the text's size, got 64", function() assay.task("text", { text = "abc" }) end },
    { "task: add: takes no text of its own", function() assay.task("add", { text = "abc" }) end },
    { "task: give either file or text", function() assay.task("text", { text = "abc", file = "x" }) end },
    { "/no/such/file", function() assay.task("text", { file = "/no/such/file" }) end },
    { "task: value.digits is a function", function() assay.task("add", { digits = print }) end },
    { "task: options must be a table, got a number", function() assay.task("add", 3) end },
    { 'task:verify: add: prompt "37*45=" is not of the form "37+45="', function() add:verify("37*45=", "1") end },
    { "task:verify: add: prompt", function() add:verify("37=", "1") end },
    { "task:verify: add: prompt", function() add:verify("+=", "1") end },
    { "task:verify: sort: prompt", function() assay.task "sort":verify("sort =", "") end },
    { "task:verify: modarith: prompt", function() assay.task "modarith":verify("3/0%97=", "") end },
    { "task:verify: modarith: prompt", function() assay.task "modarith":verify("99+1%97=", "") end },
    { "task:verify: modarith: prompt", function() assay.task "modarith":verify("1+1%99999999999999999999=", "") end },
    { "task:verify: maxk: prompt", function() assay.task "maxk":verify("max3 1 2=", "") end },
    { "task:verify: bracket: prompt", function() complete:verify("(]", "") end },
    { "task:verify: bracket: prompt", function() assay.task "bracket":verify("(a)?", "y") end },
    { "task:verify: countdown: prompt", function() countdown:verify("3 5: =", "") end },
    { "task:verify: countdown: prompt", function() countdown:verify(("1 "):rep(3000) .. ": 1=", "") end },
    { "task:verify: text: a corpus has no right answers", function() corpus:verify("", "a") end },
    { "task:verify: answer must be a string, got 2", function() add:verify("1+1=", 2) end },
    { "task:solutions: countdown: solutions are counted for at most 4 numbers, the prompt has 5", function() countdown:solutions "1 2 3 4 5: 6=" end },
    { "task:solutions: add: solutions are counted for the task countdown only", function() add:solutions "1+1=" end },
    { "task:problem: i must be at least 1, got 0", function() add:problem(0) end },
    { 'task:problem: split must be one of', function() add:problem(1, { split = "dev" }) end },
    { 'task:problem: unknown option "seeds"', function() add:problem(1, { seeds = 1 }) end },
    { "task:problem: parity: with held = 0.1 no value of 1000000 drawn ones is of the test split", function() assay.task("parity", { length = 1 }):problem(1, { split = "test" }) end },
    { "task:problem: countdown: no expression of 100000", function() assay.task("countdown", { max = 1, target_min = 50, numbers = 2 }):problem(1) end },
    { "task:problem: called on a table", function() add.problem({}, 1) end },
    { "vocab:encode: vocabulary: character 0x00 at position 2", function() assay.vocab():encode "1\0" end },
    { "vocab: vocabulary: the text is empty", function() assay.vocab "" end },
    { 'vocab:encode: vocabulary: character "A" at position 2', function() assay.vocab():encode "1A" end },
    { "vocab:decode: tokens[2] must be in 0..63, got 64", function() assay.vocab():decode { 1, 64 } end },
} do
    tap.error(bad[1], bad[2])
end

---- the table, and vocabularies ----

local names = {}
for i, entry in ipairs(assay.tasks()) do
    names[i] = entry.name
    tap.ok(#entry.summary > 5, entry.name .. ": " .. entry.summary)
end
tap.is(table.concat(names, " "), "add modarith sort bracket countdown copy reverse parity maxk text", "all tasks")
tap.is({ add:name(), add:options() }, { "add", '{"alphabets":[1.0,0.0,0.0],"base":10,"digits":2,"fold":0,"held":0.1,'
    .. '"holdout":"value","operands":2,"pad":false,"partial":false,"reverse":false}' }, "name and options")
tap.is({ add:longest() }, { 6, 3 }, "the longest prompt and answer")
tap.is({ tostring(assay.vocab()), assay.vocab():encode "0z", assay.vocab():decode { 1, 4, 60, 2, 4 } },
    { "vocabulary of 64 tokens", { 4, 60 }, "0z" }, "the vocabulary of tasks")
tap.is(assay.vocab "abca":encode "cab", { 6, 4, 5 }, "that of a text")

tap.done()
