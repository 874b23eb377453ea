src_libassay_la_SOURCES += src/data/table.c
nobase_assayinclude_HEADERS += src/data/table.h
