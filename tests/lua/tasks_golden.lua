-- The verifiers against the golden cases of the language model testbed; lm_golden.lua has the others.
local golden = require "golden"
local tap = require "tap"
local assay = require "assay"

-- An expected error is a malformed answer here, not a call that raises.
local function verify(input, case)
    local verdict = assay.task(input.task, input.options):verify(input.prompt, input.answer)
    if case.expected.error then
        return {
            error = verdict.correct == case.expected.correct and verdict.error == case.expected.error,
        }
    end
    return verdict
end

golden.run("_testbed-lm", { ["assay.task(task, options):verify(prompt, answer)"] = verify },
    function(case) return case.name:find "^verify " end)
tap.done()
