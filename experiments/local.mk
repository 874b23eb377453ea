# Experiments are installed as they stand here, their data beside them.
nobase_dist_pkgdata_DATA = experiments/inference/monkeys.lua
