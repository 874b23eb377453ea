-- The network engine against tests/golden/_testbed-net.json (PyTorch 1.13 in double, numpy): the
-- double build to each case's tolerance, the engine's single precision to 2e-4.
local tap = require "tap"
local golden = require "golden"
local assay = require "assay"

golden.run "_testbed-net"

-- The same cases in single precision: the calls again, with every tolerance 2e-4.
local path = (os.getenv "srcdir" or ".") .. "/tests/golden/_testbed-net.json"
local file <close> = assert(io.open(path))
local cases = assay.json.decode(file:read "a")
for _, case in ipairs(cases.cases) do
    case.input.options.precision = "single"
    case.tol = 2e-4
end
local single = os.tmpname()
local out <close> = assert(io.open(single, "w"))
out:write(assay.json.encode(cases))
out:flush()
for _, result in ipairs(golden.check(single)) do
    tap.ok(not result.difference, "single: " .. result.name, result.difference)
end
os.remove(single)

tap.done()
