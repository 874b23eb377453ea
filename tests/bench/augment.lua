-- RandAugment (three operations) and cutout of 2,000 grey images of 28 x 28: prints seconds a pass, and the mean
-- level of 20 passes to 2.5 levels, which draws do not move; augment.py does the same.
local assay = require "assay"

local images = assay.matrix(2000, 784)
for i = 1, 2000 do
    for p = 1, 784 do
        images[i][p] = (i * 31 + p * p * 7 + p * i) % 251
    end
end
local rng = assay.rng(1)

local function mean(made)
    local sum = 0
    for _, row in ipairs(made:totable()) do
        for _, level in ipairs(row) do
            sum = sum + level
        end
    end
    return sum / (2000 * 784)
end

local passes, sum, seconds = 0, 0, 0
repeat
    local begin = os.clock()
    local made = assay.balance.rand_augment(images, { n = 3, cutout = 0.5, height = 28, rng = rng:split(passes) })
    seconds, passes = seconds + os.clock() - begin, passes + 1
    sum = sum + (passes <= 20 and mean(made) or 0)
until passes >= 20 and seconds > 0.5
print(seconds / passes, math.floor(sum / 20 / 2.5 + 0.5) * 2.5)
