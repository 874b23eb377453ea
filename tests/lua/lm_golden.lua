-- The language model against its golden cases (PyTorch 1.13 in double; independent Python for the
-- choice of tokens), in double and, to 2e-4, in single precision. tasks_golden.lua has the verifiers.
local golden = require "golden"
local tap = require "tap"
local assay = require "assay"

local call = "assay.lm.check{config=config, params=params, tokens=tokens, targets=targets}"

local function is_ours(case)
    return not case.name:find "^verify "
end

golden.run("_testbed-lm", {}, is_ours)

local file = (os.getenv "srcdir" or ".") .. "/tests/golden/_testbed-lm.json"
local handle <close> = assert(io.open(file))
for _, case in ipairs(assay.json.decode(handle:read "a").cases) do
    if case.call == call then
        case.input.precision = "single"
        local r = assay.lm.check(case.input)
        tap.near(r.loss, case.expected.loss, 2e-4, "single precision: loss")
        for t = 1, 3 do
            tap.near(r.logits[t], case.expected.logits[t], 2e-4, "single precision: logits")
        end
        for name, norm in assay.sorted_pairs(case.expected.grad_norm) do
            tap.near(r.grad_norm[name], norm, 2e-4, "single precision: gradient of " .. name)
        end
    end
end
tap.done()
