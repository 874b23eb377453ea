-- What experiments on samples of answers are composed of (kits.lua says what a kit is).
local function selector(name, curve, doc, more)
    local arm = { name = name, method = "monkeys", doc = doc, code = ("return solved(%q, log, p, rng)"):format(curve) }
    for key, value in pairs(more or {}) do
        arm[key] = value
    end
    return arm
end

return {
    about = "samples of answers to problems",
    family = "inference",
    x = "k",
    params = {
        { name = "k", default = 8, min = 1, max = 100000, values = { 1, 2, 4, 8, 16, 32 }, log = true, doc = "samples of a problem that are looked at" },
    },
    testbeds = {
        {
            name = "planted answers", title = "problems of random difficulty, answers drawn from their chances",
            gives = { "answers", "rewards" },
            params = {
                { name = "problems", default = 100, min = 2, max = 100000, doc = "problems" },
                { name = "samples", default = 64, min = 1, max = 100000, doc = "samples drawn of each, at least k" },
                { name = "hard", default = 1.0, min = 0.01, max = 100, values = { 0.5, 1, 2 }, doc = "chances to be right are Beta(0.7, hard)" },
                { name = "wrong", default = 4, min = 1, max = 1000, doc = "wrong answers, the first more frequent than the next" },
                { name = "noise", default = 0.5, min = 0, max = 100, values = { 0, 0.5, 1, 2 }, doc = "of the rewards (a right answer has 1, a wrong one 0)" },
            },
            code = [[
                local log = { problem = {}, answer = {}, correct = {}, reward = {} }
                for problem = 1, p.problems do
                    local chance = rng:beta(0.7, p.hard)
                    for _ = 1, p.samples do
                        local wrong = 1
                        while wrong < p.wrong and rng:uniform() < 0.5 do
                            wrong = wrong + 1
                        end
                        local right = rng:uniform() < chance
                        table.insert(log.problem, problem)
                        table.insert(log.answer, right and "right" or "wrong " .. wrong)
                        table.insert(log.correct, right and 1 or 0)
                        table.insert(log.reward, (right and 1 or 0) + p.noise * rng:normal())
                    end
                end
                return log]],
        },
        {
            name = "random walks on formulas", title = "WalkSAT on random 3-SAT: solved or not", gives = {},
            params = {
                { name = "problems", default = 32, min = 2, max = 100000, doc = "formulas" },
                { name = "samples", default = 64, min = 1, max = 100000, doc = "walks on each, at least k" },
                { name = "variables", default = 50, min = 3, max = 100000, values = { 30, 50, 80 }, doc = "of a formula" },
                { name = "ratio", default = 4.0, min = 0.1, max = 20, values = { 3.5, 4, 4.26 }, doc = "clauses a variable" },
            },
            code = [[
                local log = { problem = {}, correct = {} }
                for problem = 1, p.problems do
                    local stream = rng:split(problem)
                    local formula = assay.models.sat.problem { variables = p.variables, ratio = p.ratio, rng = stream:split "formula" }
                    for _, correct in ipairs(formula:sample { samples = p.samples, rng = stream:split "walks" }.correct) do
                        table.insert(log.problem, problem)
                        table.insert(log.correct, correct)
                    end
                    cell:progress(problem, p.problems)
                end
                return log]],
        },
        {
            name = "a small language model", title = "a transformer trained here on sums", gives = { "answers", "rewards" },
            params = {
                { name = "problems", default = 50, min = 2, max = 5000, doc = "sums" },
                { name = "samples", default = 64, min = 1, max = 100000, doc = "samples drawn of each, at least k" },
                { name = "temperature", default = 1.0, min = 0.01, max = 10, values = { 0.6, 1, 1.4 }, doc = "of sampling" },
                { name = "training", default = 300, min = 1, max = 100000, values = { 150, 300, 600 }, doc = "training steps; the model is kept" },
            },
            code = [[
                local task = assay.task("add", { digits = 2, pad = true })
                local model = cell:cache({ what = "sums", training = p.training, replicate = cell.replicate }, function()
                    local lm = assay.lm.new { vocab = "tasks", d = 64, layers = 2, heads = 4, ctx = 16, seed = cell.replicate }
                    lm:train { task = task, steps = p.training, batch = 64, lr = 3e-3, warmup = 20, schedule = "linear",
                        seed = cell.replicate, on_step = function(s) cell:progress(s.step, p.training) end }
                    return lm
                end)
                local prompts = {}
                for i = 1, p.problems do
                    prompts[i] = task:problem(i, { split = "test", seed = cell.replicate }).prompt
                end
                local log = model:sample(prompts, { n = p.samples, task = task, temperature = p.temperature, max_tokens = 5,
                    rng = rng }).samples
                log.reward = log.logprob -- how sure the model is
                return log]],
        },
        {
            name = "CodeLlama-7B on CRUXEval", title = "published answers: 800 problems, ten samples each", gives = { "answers" },
            code = [[
                local file = assay.data.csv(assay.data.find "monkeys/cruxeval_output_codellama7b.csv")
                local log = { problem = {}, answer = {}, correct = {} }
                for i, classes in ipairs(file.answers) do
                    for digit in tostring(classes):gmatch "%x" do -- a digit is a class of equal answers; 0 is none
                        local class = tonumber(digit, 16)
                        table.insert(log.problem, file.problem_id[i])
                        table.insert(log.answer, class == 0 and "" or digit)
                        table.insert(log.correct, tonumber(file.class_correct[i]:sub(class, class)) or 0)
                    end
                end
                return inference.resample_log(log, { over = "problems", rng = rng })]],
        },
        {
            name = "a log of samples", title = "samples of a model of your own", gives = { "answers", "rewards" },
            params = { { name = "log", default = "samples:mine", doc = "a file of samples, or samples:NAME (assay import samples)" } },
            code = [[return inference.resample_log(cell:samples(p.log), { over = "problems", rng = rng })]],
        },
    },
    arms = {
        { name = "one sample", method = "monkeys", baseline = true, doc = "the first sample",
            code = [[return inference.selection_curves(log, { k = { 1 }, reward = false, rng = rng }).coverage[1] ]] },
        selector("an oracle", "coverage", "is any of the k samples right (pass@k)"),
        selector("majority", "majority", "the most frequent answer", { needs = { "answers" } }),
        selector("best of k", "best_of_n", "the sample of the largest reward", { needs = { "rewards" } }),
        selector("MBR", "mbr", "the answer that agrees best with the others", { method = "multilingual", needs = { "answers" }, params = { "utility" } }),
    },
    arm_params = {
        utility = { default = "edit", choices = { "exact", "token_f1", "chrf", "edit" }, doc = "MBR: how answers are compared" },
    },
    signature = "p, log, rng",
    measures = {
        { name = "success", title = "share of problems solved", better = "more", tolerance = 0.02 },
    },
    uses = { solved = { "an oracle", "majority", "best of k", "MBR" } },
    helpers = {
        { name = "solved", code = [[
            -- The share of problems that a selector solves with k samples, in expectation.
            local function solved(selector, log, p, rng)
                local curves = inference.selection_curves(log, {
                    k = { p.k }, rng = rng, reward = selector == "best_of_n" and "reward",
                    utility = selector == "mbr" and p.utility or nil,
                })
                return curves[selector][1]
            end]] },
    },
    run = [[
        local p = cell.params
        local log = testbed(p, cell:rng "testbed", cell)
        cell:log { success = methods[p.method](p, log, cell:rng "method") }]],
}
