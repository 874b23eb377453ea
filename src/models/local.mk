src_libassay_la_SOURCES += src/models/sat.c
nobase_assayinclude_HEADERS += src/models/sat.h
