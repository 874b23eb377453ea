-- Diffusion samplers against tests/golden/dpm-solver-pp.json: the official DPM-Solver and UniPC code
-- in float64, and numpy for the rest.
local tap = require "tap"
local golden = require "golden"

golden.run("dpm-solver-pp")

tap.done()
