-- Composed experiments: every kit's parts fit together, what does not fit says why, and the text is an
-- experiment (tests/cli/compose.sh runs one of each kit).
local tap = require "tap"
local assay = require "assay"
local compose = package.preload["assay.compose"]()
local kits = package.preload["assay.kits"]()

local function field(result, name)
    for _, f in ipairs(result.fields) do
        if f.name == name then
            return f
        end
    end
end

local function option(result, name, value)
    for _, choice in ipairs(field(result, name).choices) do
        if choice.value == value then
            return choice
        end
    end
end

local function has(list, value)
    for _, entry in ipairs(list or {}) do
        if entry == value then
            return true
        end
    end
    return false
end

-- The chunk of a composed text, whose first line is for the shell.
local function script(result)
    return assert(load((assert(result.text, result.problem):gsub("^#[^\n]*", "")), "=made"))
end

-- ---- the kits ----

local function fitting_arms(kit, bed, measure)
    local arms = {}
    for _, arm in ipairs(kit.arms) do
        local fits = not measure.only or arm[measure.only]
        for _, need in ipairs(arm.needs or {}) do
            fits = fits and has(bed.gives, need)
        end
        arms[#arms + 1] = fits and arm.name or nil
    end
    return arms
end

local slugs, names, twice, strangers, idle, broken, made = assay.catalogue.slugs(), {}, {}, {}, {}, {}, 0
for _, kit in ipairs(kits) do
    for _, arm in ipairs(kit.arms) do
        twice[#twice + 1] = names[arm.name] and arm.name or nil
        names[arm.name] = arm
        strangers[#strangers + 1] = not has(slugs, arm.method) and arm.name or nil
    end
    for name in pairs(kit.arm_params) do
        local used = false
        for _, arm in ipairs(kit.arms) do
            used = used or has(arm.params, name)
        end
        idle[#idle + 1] = not used and name or nil
    end
    for _, bed in ipairs(kit.testbeds) do
        for _, measure in ipairs(kit.measures) do
            local result = compose.apply("made", { methods = fitting_arms(kit, bed, measure), testbed = bed.name,
                measure = measure.name })
            local ok, declared = pcall(function() return script(result)() end)
            if ok and declared.figures[1].y == measure.name and #declared.claims == 1 then
                made = made + 1
            else
                table.insert(broken, bed.name .. ", " .. measure.name .. ": " .. tostring(declared))
            end
        end
    end
end
tap.is(twice, {}, "no two methods have one name")
tap.is(strangers, {}, "every method's slug is in the catalogue")
tap.is(idle, {}, "every parameter of methods has one that reads it")
tap.is(broken, {}, "each testbed with each measure and all methods that fit makes an experiment")
tap.ok(made > 40, "there are many")

-- ---- what goes with what ----

local nothing = compose.apply("e", {})
tap.is(nothing.problem, "choose at least one method", "nothing chosen")
tap.is(nothing.text, nil, "  makes no experiment")
for _, slug in ipairs(slugs) do
    local there = false
    for _, choice in ipairs(field(nothing, "methods").choices) do
        there = there or choice.group == slug
    end
    tap.ok(there, slug .. " is offered, or says why not")
end

local smote = compose.apply("e", { methods = { "SMOTE" } })
tap.is(option(smote, "methods", "majority").why, "is for samples of answers to problems", "methods of another kind say so")
tap.is(option(smote, "methods", "copies").why, nil, "those of the same kind don't")
tap.is(option(smote, "testbed", "LiveCodeBench").why, "is for methods on tables of models' scores", "testbeds, too")
tap.is(option(smote, "x", "classifier").why, "is not a number", "x is a number")
tap.is(field(smote, "x").value, "amount", "the usual x")
tap.is(field(smote, "claims").value, { "SMOTE is better at the largest amount than at the smallest" }, "a claim of one method")

tap.is(compose.apply("e", { methods = { "SMOTE", "majority" } }).problem,
    "majority is for samples of answers to problems", "both at once")
local walks = compose.apply("e", { methods = "majority", testbed = "random walks on formulas" })
tap.is(walks.problem, "majority needs answers to compare, which random walks on formulas lacks", "walks have no answers")
tap.is(option(walks, "testbed", "random walks on formulas").why, "lacks answers to compare, which majority needs", "  said from both sides")
tap.is(field(compose.apply("e", { methods = "best of k" }), "testbed").value, "planted answers", "a testbed that fits")
local rmse = compose.apply("e", { methods = "DDIM,DDPM", measure = "rmse" })
tap.is(rmse.problem, "rmse DDPM follows another path than the exact solution", "a measure that not all methods have")
tap.is(compose.apply("e", { methods = "DDIM", measure = "rmse" }).problem, nil, "  and one that has it")

-- ---- values ----

local function problem(choices)
    choices.methods = choices.methods or "SMOTE,copies"
    return compose.apply("e", choices).problem
end
tap.is(problem { amount = "200" }, "amount: the x axis needs at least two values, such as 50, 100, 200, 400", "one x")
tap.is(problem { amount = "0,100" }, "amount[1]: must be >= 1, got 0", "out of range")
tap.is(problem { k = "2.5" }, "k: must be an integer, got 2.5", "of another type")
tap.is(problem { classifier = "forest" }, 'classifier: must be one of "tree", "naive Bayes", got "forest"', "no such choice")
tap.is(problem { replicates = "0" }, 'replicates must be a whole number in 1..100000, got "0"', "replicates")
tap.is(problem { tolerance = "-1" }, 'tolerance must be a number > 0, got "-1"', "tolerance")
tap.is(problem { methods = "SMOT" }, 'unknown method "SMOT" (did you mean "SMOTE"?)', "a name with an error")
tap.is(problem { fit = "cubic" }:match "^unknown fit", "unknown fit", "a fit that there is not")
tap.is(problem { claims = { "SMOTE beats ENN at the largest amount" } }:match "^unknown claim", "unknown claim", "a claim about others")
tap.is(compose.apply("e", { methods = "SMOTE", kk = "3" }).unknown, 'unknown field "kk" (did you mean "k"?)', "a field that is none")

-- ---- the text ----

local function declare(choices)
    local result = compose.apply("mine", choices)
    return script(result)(), result.text
end
local e, text = declare { methods = { "Plackett-Luce", "mean score" }, missing = "0,0.5,0.9", models = "10,20",
    measure = "rank_error", replicates = "7", fit = "power", band = "sd", title = 'A "quoted" \\ title',
    claims = { "Plackett-Luce beats mean score at every missing", "Plackett-Luce and mean score differ by less than the tolerance at the largest missing" },
    tolerance = "0.125" }
tap.is({ e.name, e.title, e.replicates }, { "mine", 'A "quoted" \\ title', 7 }, "name, title, replicates")
tap.is(e.figures[1].by, { "method", "models" }, "what is swept beside x is a curve of its own")
tap.is({ e.figures[1].x, e.figures[1].y, e.figures[1].band, e.figures[1].fit }, { "missing", "rank_error", "sd", "power" }, "the figure")
tap.is(#e.claims, 2, "two claims")
tap.ok(text:find("below = 0", 1, true), "less is better: a claim is below 0")
tap.ok(text:find("within = { -0.125, 0.125 }", 1, true), "the tolerance stands in the claim")
tap.ok(text:find("2412.06745", 1, true), "the paper stands at the top")
local longest = 0
for line in text:gmatch "[^\n]+" do
    longest = math.max(longest, #line)
end
tap.ok(longest <= 140, "no line is longer than an editor's (" .. longest .. ")")
local lacks, uses = select(2, declare { methods = "one sample" }), select(2, declare { methods = "majority" })
tap.ok(not lacks:find("local function solved", 1, true) and uses:find("local function solved", 1, true), "helpers stand where they are used")
tap.is(declare { methods = "SMOTE,copies" }.figures[1].by, { "method" }, "by the method alone")

tap.done()
