-- The prelude's main chunk: adds what is written in Lua to the table `assay`.
local assay, import = ...
local lists = import "lists"

import "bare"
import "grid"
import "image"
import "rows"
import "testbed"

assay.experiment = assay.prelude.located(import("experiment").declare)
assay.claims = { all = import("claims").all, each = import("claims").each }
assay.inference.score_table = import("pool").score_table
assay.inference.filter_items = import("pool").filter_items
assay.sorted_pairs = lists.sorted_pairs
assay.numbers = lists.numbers
assay.attempt = import "attempt"
assay.prelude = nil
