-- Schedules and mixtures against tests/golden/gmm.json: the official DPM-Solver code and numpy.
local tap = require "tap"
local golden = require "golden"

golden.run("gmm")

tap.done()
