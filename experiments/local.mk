# Experiments are installed as they stand here, their data beside them.
nobase_dist_pkgdata_DATA = experiments/inference/monkeys.lua
nobase_dist_pkgdata_DATA += experiments/data/monkeys/PROVENANCE.md \
	experiments/data/monkeys/math_pythia_counts.csv \
	experiments/data/monkeys/cruxeval_output_codellama7b.csv
