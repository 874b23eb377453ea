-- Solver schedules against tests/golden/unified-solver.json: the official UniSampler in float64.
local tap = require "tap"
local golden = require "golden"

golden.run "unified-solver"

tap.done()
