local assay = require "assay"
-- Rows of every kind: numbers, integers, booleans, texts, NaN; one cell that fails; slow enough to be killed.
return assay.experiment {
    name = "coins",
    title = "Tosses of a coin",
    params = {
        bias = { default = { 0.3, 0.5 }, min = 0, max = 1, doc = "of the coin" },
        tosses = { default = 8, min = 1, doc = "of the coin" },
        broken = { default = false, doc = "cells with bias 0.5 fail" },
        pause = { default = 0.0, min = 0, doc = "seconds a cell rests" },
    },
    replicates = 3,
    run = function(cell)
        local p, rng, heads = cell.params, cell:rng("tosses"), 0
        if p.broken and p.bias == 0.5 then error("the coin broke") end
        for i = 1, p.tosses do
            local up = rng:uniform() < p.bias
            heads = heads + (up and 1 or 0)
            cell:log { toss = i, up = up, share = heads / i, odds = heads == 0 and 0 / 0 or (i - heads) / heads,
                side = up and "heads" or "tails" }
        end
        cell:note("%d heads", heads)
        cell:artifact("tosses", ("x"):rep(heads))
        if p.pause > 0 then os.execute("sleep " .. p.pause) end
    end,
    figures = { { name = "share", x = "toss", y = "share", by = "bias", fit = "power" } },
    claims = { { name = "fair", text = "the fair coin has more heads", check = function(r)
        return r:compare { measure = "share", a = { bias = 0.5 }, b = { bias = 0.3 }, above = 0 } end } },
}
