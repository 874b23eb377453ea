-- Metrics of samples against tests/golden/_diffusion-metrics.json: scipy and numpy.
local tap = require "tap"
local golden = require "golden"

golden.run "_diffusion-metrics"

tap.done()
