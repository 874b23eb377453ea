-- Kits: what experiments can be composed of. A kit is about one kind of thing that methods work on:
--
--   about       that kind, in words
--   family      the Lua table assay.FAMILY that its code calls
--   testbeds    what gives such things: { name, title, code, params, gives }
--   arms        what is compared: { name, doc, method (a slug of the catalogue), baseline, code, params
--               (names in arm_params), needs (what a testbed has to give) }
--   params      parameters of every experiment of the kit; x names the one that is usually swept. One
--               that is swept by default has values, and log where its axis is logarithmic
--   measures    { name, title, better ("more" or "less"), tolerance, log, only (a field that an arm must
--               have, else why) }
--   signature   the arguments of an arm's function; that of a testbed has p, rng, cell
--   constants, helpers, run, run_for, run_end
--               the rest of the script; uses[helper] lists the arms and testbeds that need it (absent:
--               always), run_for[measure] what only that measure needs
--
-- Code is Lua text as it will stand in the experiment, indented in common.
local _, import = ...

return {
    import "kit_samples", import "kit_tables", import "kit_solvers", import "kit_rankings", import "kit_flips",
    import "kit_paths", import "kit_clouds", import "kit_budgets", import "kit_detectors",
}
