src_libassay_la_SOURCES += src/data/table.c src/data/csv.c src/data/csv_plain.h src/data/csv_plain.c src/data/samples_forms.h src/data/samples_forms.c \
	src/data/completion.h src/data/completion.c src/data/samples.c src/data/array.c \
	src/data/input.h src/data/input.c src/data/swap.h src/data/decimal.h src/data/idx.c src/data/npy.c \
	src/data/lines.h src/data/lines.c src/data/jsonl.c src/data/mesh.c src/data/mesh_view.c src/data/text.c src/data/dataset.c
datainclude_HEADERS += src/data/table.h src/data/csv.h src/data/samples.h src/data/array.h \
	src/data/idx.h src/data/npy.h src/data/jsonl.h src/data/mesh.h src/data/mesh_view.h src/data/text.h src/data/dataset.h
# Scenes of pasted images.
src_libassay_la_SOURCES += src/data/scenes.c
datainclude_HEADERS += src/data/scenes.h
