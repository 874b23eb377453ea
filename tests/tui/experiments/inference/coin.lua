#!/usr/bin/env -S assay run
-- A biased coin, thrown ever more often: small enough to be run by the tests of the screens.
local assay = require "assay"

return assay.experiment {
    name = "coin",
    title = "The share of heads approaches the coin's bias",
    method = "monkeys",
    description = "Throws a coin of known bias n times and logs the share of heads and its distance "
        .. "from the bias, for n up to the number of throws.",
    params = {
        bias = { default = { 0.3, 0.6 }, min = 0, max = 1, doc = "chance of heads" },
        throws = { default = 1000, min = 1, max = 1000000, doc = "throws of the coin" },
        stream = { default = "shared", choices = { "shared", "own" }, doc = "whose random numbers" },
        fail = { default = false, doc = "let the second replicate fail" },
    },
    presets = { quick = { throws = 100 }, full = { throws = 100000 } },
    replicates = 3,
    run = function(cell)
        local p = cell.params
        local rng = cell:rng("throws")
        local heads, n = 0, 1
        for i = 1, p.throws do
            if rng:uniform() < p.bias then
                heads = heads + 1
            end
            if i == n or i == p.throws then
                cell:log { n = i, share = heads / i, distance = math.abs(heads / i - p.bias) }
                n = n * 2
            end
        end
        if p.fail and cell.replicate == 2 then
            error("the coin rolled under the table")
        end
        cell:note("thrown " .. p.throws .. " times")
    end,
    figures = {
        { name = "share", title = "Share of heads", x = "n", y = "share", by = "bias", logx = true, band = "minmax" },
        { name = "distance", title = "Distance from the bias", x = "n", y = "distance", by = "bias", logx = true,
            logy = true },
    },
    claims = {
        { name = "near", text = "the last share is within 0.1 of the bias", check = function(r)
            return r:estimate { measure = "distance", where = { bias = 0.3 }, below = 0.5 }
        end },
        { name = "fair", text = "the coin is fair", check = function()
            return false
        end },
    },
}
