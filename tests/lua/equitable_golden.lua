-- Learning curves, allocations and polygenic expectations against tests/golden/equitable.json: closed forms,
-- exhaustive search and SLSQP.
local tap = require "tap"
local golden = require "golden"

golden.run("equitable", {})

tap.done()
