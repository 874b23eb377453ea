-- The Gaussian and teleportation against tests/golden/gaussian-teleport.json: the official functions in
-- float64, and numpy for the rest.
local tap = require "tap"
local golden = require "golden"

golden.run("gaussian-teleport")

tap.done()
