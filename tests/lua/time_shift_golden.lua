-- Time shifts against tests/golden/time-shift.json: the official code in float64, and numpy.
local tap = require "tap"
local golden = require "golden"
local diffusion = require("assay").diffusion

-- The first cases call alpha_bar without its room.
local function alpha_bar(input)
    local a, out = diffusion.alpha_bar(input.ab), {}
    for i, k in ipairs(input.index0) do
        out[i] = a[k + 1]
    end
    return out
end

-- The file has 12 digits and a tolerance of 1e-12.
local function variance(input)
    local out = {}
    for i, value in ipairs(diffusion.ts_variance(input.x)) do
        out[i] = tonumber(("%.12g"):format(value))
    end
    return out
end

golden.run("time-shift", {
    ["state variance (unbiased, over all coordinates of a sample)"] = variance,
    ["alpha_bar linear"] = alpha_bar, ["alpha_bar quad"] = alpha_bar, ["alpha_bar cosine"] = alpha_bar,
})

tap.done()
