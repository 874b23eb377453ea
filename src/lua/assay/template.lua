#!/usr/bin/env -S assay run
--[[
@NAME@: an experiment to start from. It runs as it stands:

    assay run @NAME@.lua --preset quick      a first look, in a second
    assay run @NAME@.lua                     the parameters below
    assay run @NAME@.lua points=1e5,1e6      other values; a list is swept
    assay plot last                          its figure
    assay claims last                        what became of its claims

The question here: how fast does a Monte Carlo estimate of pi get better with more points? Replace
the parameters, `run`, the figures and the claims by your own. `man assay-experiment` has every field.
]]
local assay = require "assay"

-- The share of uniform points of the unit square that lie in the quarter circle is pi / 4.
local function estimate_pi(rng, points)
    local x, y = rng:uniform(points), rng:uniform(points)
    local inside = 0
    for i = 1, points do
        if x[i] ^ 2 + y[i] ^ 2 < 1 then
            inside = inside + 1
        end
    end
    return 4 * inside / points
end

return assay.experiment {
    name = "@NAME@",
    title = "The error of Monte Carlo falls with the square root of the points",
    description = "Estimates pi from uniform points and measures the mean absolute error.",

    -- A parameter's type is that of its default; a list is swept. The grid is all combinations.
    params = {
        points = { default = { 10, 100, 1000, 10000 }, min = 1, max = 1e7, doc = "points an estimate" },
        estimates = { default = 50, min = 1, doc = "estimates a cell, whose errors are averaged" },
    },

    -- Named sets of values: --preset quick.
    presets = {
        quick = { points = { 10, 100, 1000 }, estimates = 20 },
        full = { points = { 10, 100, 1000, 10000, 100000 }, estimates = 200 },
    },

    -- Every point of the grid is run so often, each time with other random numbers; the bands of
    -- figures and the intervals of claims come from them.
    replicates = 10,

    -- A cell may take so much before it is stopped; the others go on.
    limits = { time = 600, memory = "1G" },

    -- Called once a cell, in a process of its own. All randomness comes from the cell's streams, so
    -- that the same seed gives the same rows: cell:rng() is the cell's own, cell:rng("name") the same
    -- in all cells of one replicate (to compare methods on the same draw).
    run = function(cell)
        local p, rng = cell.params, cell:rng()
        local sum = 0
        for i = 1, p.estimates do
            sum = sum + math.abs(estimate_pi(rng, p.points) - math.pi)
            cell:progress(i, p.estimates)
        end
        cell:log { error = sum / p.estimates }
    end,

    -- x, y and by name measures or parameters; rows with the same x are averaged.
    figures = {
        {
            name = "error", x = "points", y = "error", logx = true, logy = true, band = "ci95",
            fit = "power", fit_space = "loglog", xlabel = "points", ylabel = "mean absolute error",
        },
    },

    -- A claim is supported when its whole interval lies where the claim says, not supported when it
    -- lies elsewhere, else inconclusive.
    claims = {
        {
            name = "more-is-better",
            text = "the error at the most points is smaller than at the fewest",
            check = function(r)
                return r:compare {
                    measure = "error", below = 0,
                    a = { points = r:max("points") }, b = { points = r:min("points") },
                }
            end,
        },
        {
            name = "square-root",
            text = "the error falls as points^b with b within -0.5 +- 0.1",
            check = function(r)
                return r:statistic {
                    within = { -0.6, -0.4 },
                    value = function(rows)
                        return rows:fit({ x = "points", y = "error", law = "power", space = "loglog" }).b
                    end,
                }
            end,
        },
    },
}
