-- Sampling of point clouds against tests/golden/pointsp.json: numpy code that follows the reference
-- repository.
local tap = require "tap"
local golden = require "golden"
local assay = require "assay"
local balance = assay.balance

golden.run("pointsp", {
    ["assay.balance.resample_ratio(u)"] = function(input)
        local ratios = balance.resample_ratio(input)
        for i, ratio in ipairs(ratios) do
            ratios[i] = tonumber(("%.12g"):format(ratio)) -- the file has 12 digits, and a tolerance of 1e-12
        end
        return ratios
    end,
    ["assay.balance.pc_normals(P, {k=6})"] = function(input, case)
        local normals, signed = balance.pc_normals(input.P, { k = input.k }), {}
        for i, row in ipairs(input.rows) do
            local wanted, dot = case.expected.normals_up_to_sign[i], 0
            for j = 1, 3 do
                dot = dot + normals[row][j] * wanted[j]
            end
            signed[i] = {}
            for j = 1, 3 do
                signed[i][j] = dot < 0 and -normals[row][j] or normals[row][j]
            end
        end
        return { normals_up_to_sign = signed }
    end,
    ["assay.balance.corrupt_rotation(P, {angles={theta,gamma,beta}})"] = function(input)
        return balance.corrupt_rotation(input.P, { angles = input.angles })
    end,
    ["assay.balance.corrupt_shear(P, {b=,d=,e=,f=})"] = function(input)
        return balance.corrupt_shear(input.P, { b = input.b, d = input.d, e = input.e, f = input.f })
    end,
    ["assay.balance.corrupt_ffd(P, {displacement=mu, normalize=false})"] = function(input)
        return balance.corrupt_ffd(input.P, { displacement = input.displacement, normalize = false })
    end,
}, function(case) return case.name ~= "errors" end)

-- The case of errors is words: each of its calls, and what its refusal says.
local P = { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }
tap.error("fps: m must be in 1..4 (points), got 5", function() balance.fps(P, 5, { start = 1 }) end)
tap.error("keypoint_weights: k must be in 2..4 (points), got 5", function() balance.keypoint_weights(P, { k = 5 }) end)
tap.error("ffps: m must be in 1..2 (of 4 points those that are kept), got 3", function()
    balance.ffps(P, 3, { k = 2, keep = 0.7, start = 1 })
end)

tap.done()
