-- The whole battery on 10^6 answers, which are held in an array (as numpy holds its own) or in a list;
-- prints seconds a pass.
--     binary_battery.lua array|list
local assay = require "assay"

local x = assay.inference.binary_chain { n = 1000000, switch = { 0.55, 0.6, 0.65, 0.7 }, rng = assay.rng(1) }
if arg[1] == "array" then
    x = assay.matrix { x }
end
local passes, start = 0, os.clock()
while passes == 0 or os.clock() - start < 0.5 do
    assay.inference.binary_battery(x)
    passes = passes + 1
end
print((os.clock() - start) / passes)
