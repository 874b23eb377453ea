src_libassay_la_SOURCES += src/data/table.c src/data/csv.c src/data/samples.c
datainclude_HEADERS += src/data/table.h src/data/csv.h src/data/samples.h
