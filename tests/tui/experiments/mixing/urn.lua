-- Never run by the tests: what a declaration without much looks like.
local assay = require "assay"

return assay.experiment {
    name = "urn",
    title = "Größe einer Urne — 壺の大きさ",
    params = { balls = { default = 10, min = 1, doc = "Kugeln, 球" } },
    run = function(cell)
        cell:log { balls = cell.params.balls }
    end,
}
