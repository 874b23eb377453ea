-- The prelude's main chunk: adds what is written in Lua to the table `assay`.
local assay, import = ...
local lists = import "lists"

import "bare"
import "grid"

assay.experiment = assay.prelude.located(import("experiment").declare)
assay.sorted_pairs = lists.sorted_pairs
assay.prelude = nil
