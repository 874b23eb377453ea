-- The whole battery on 10^6 answers; prints seconds a pass.
local assay = require "assay"

local x = assay.inference.binary_chain { n = 1000000, switch = { 0.55, 0.6, 0.65, 0.7 }, rng = assay.rng(1) }
local passes, start = 0, os.clock()
while passes == 0 or os.clock() - start < 0.5 do
    assay.inference.binary_battery(x)
    passes = passes + 1
end
print((os.clock() - start) / passes)
