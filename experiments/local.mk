# Experiments are installed as they stand here, their data beside them.
nobase_dist_pkgdata_DATA = experiments/inference/monkeys.lua experiments/inference/binary-bias.lua
nobase_dist_pkgdata_DATA += experiments/inference/onebench.lua
nobase_dist_pkgdata_DATA += experiments/inference/selection.lua experiments/inference/multilingual.lua
nobase_dist_pkgdata_DATA += experiments/data/monkeys/PROVENANCE.md \
	experiments/data/monkeys/math_pythia_counts.csv \
	experiments/data/monkeys/cruxeval_output_codellama7b.csv
nobase_dist_pkgdata_DATA += experiments/data/onebench/PROVENANCE.md \
	experiments/data/onebench/livecodebench_scores.csv
nobase_dist_pkgdata_DATA += experiments/inference/tts-var.lua
nobase_dist_pkgdata_DATA += experiments/data/pointsp/PROVENANCE.md \
	experiments/data/pointsp/bed_01.off experiments/data/pointsp/bed_02.off \
	experiments/data/pointsp/bed_03.off experiments/data/pointsp/bed_04.off \
	experiments/data/pointsp/bed_05.off experiments/data/pointsp/bed_06.off \
	experiments/data/pointsp/bottle_01.off experiments/data/pointsp/bottle_02.off \
	experiments/data/pointsp/bottle_03.off experiments/data/pointsp/bottle_04.off \
	experiments/data/pointsp/bottle_05.off experiments/data/pointsp/bottle_06.off \
	experiments/data/pointsp/bottle_07.off experiments/data/pointsp/building_01.off \
	experiments/data/pointsp/building_02.off experiments/data/pointsp/building_03.off \
	experiments/data/pointsp/building_04.off experiments/data/pointsp/building_05.off \
	experiments/data/pointsp/building_06.off experiments/data/pointsp/building_07.off \
	experiments/data/pointsp/building_08.off experiments/data/pointsp/cabinet_01.off \
	experiments/data/pointsp/cabinet_02.off experiments/data/pointsp/cabinet_03.off \
	experiments/data/pointsp/cabinet_04.off experiments/data/pointsp/cabinet_05.off \
	experiments/data/pointsp/cabinet_06.off experiments/data/pointsp/cabinet_07.off \
	experiments/data/pointsp/cabinet_08.off experiments/data/pointsp/cactus_01.off \
	experiments/data/pointsp/cactus_02.off experiments/data/pointsp/cactus_03.off \
	experiments/data/pointsp/cactus_04.off experiments/data/pointsp/car_01.off \
	experiments/data/pointsp/car_02.off experiments/data/pointsp/car_03.off \
	experiments/data/pointsp/car_04.off experiments/data/pointsp/car_05.off \
	experiments/data/pointsp/chair_01.off experiments/data/pointsp/chair_02.off \
	experiments/data/pointsp/chair_03.off experiments/data/pointsp/chair_04.off \
	experiments/data/pointsp/chair_05.off experiments/data/pointsp/chair_06.off \
	experiments/data/pointsp/frame_01.off experiments/data/pointsp/frame_02.off \
	experiments/data/pointsp/frame_03.off experiments/data/pointsp/frame_04.off \
	experiments/data/pointsp/frame_05.off experiments/data/pointsp/frame_06.off \
	experiments/data/pointsp/frame_07.off experiments/data/pointsp/frame_08.off \
	experiments/data/pointsp/plate_01.off experiments/data/pointsp/plate_02.off \
	experiments/data/pointsp/plate_03.off experiments/data/pointsp/plate_04.off \
	experiments/data/pointsp/plate_05.off experiments/data/pointsp/plate_06.off \
	experiments/data/pointsp/shelf_01.off experiments/data/pointsp/shelf_02.off \
	experiments/data/pointsp/shelf_03.off experiments/data/pointsp/shelf_04.off \
	experiments/data/pointsp/shelf_05.off experiments/data/pointsp/shelf_06.off \
	experiments/data/pointsp/shelf_07.off experiments/data/pointsp/sofa_01.off \
	experiments/data/pointsp/sofa_02.off experiments/data/pointsp/sofa_03.off \
	experiments/data/pointsp/sofa_04.off experiments/data/pointsp/table_01.off \
	experiments/data/pointsp/table_02.off experiments/data/pointsp/table_03.off \
	experiments/data/pointsp/table_04.off experiments/data/pointsp/table_05.off \
	experiments/data/pointsp/table_06.off experiments/data/pointsp/table_07.off \
	experiments/data/pointsp/table_08.off
nobase_dist_pkgdata_DATA += experiments/data/smote/PROVENANCE.md \
	experiments/data/smote/letter.csv experiments/data/smote/pima.csv \
	experiments/data/smote/satimage.csv experiments/data/smote/vehicle.csv \
	experiments/data/smote/votes.csv
nobase_dist_pkgdata_DATA += experiments/diffusion/dpm-solver-pp.lua experiments/diffusion/unified-solver.lua \
	experiments/diffusion/time-shift.lua experiments/diffusion/gaussian-teleport.lua
nobase_dist_pkgdata_DATA += experiments/balance/smote.lua experiments/balance/sampling-free.lua \
	experiments/balance/equitable.lua experiments/balance/saa.lua experiments/balance/pointsp.lua
