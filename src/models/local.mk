src_libassay_la_SOURCES += src/models/sat.c
modelsinclude_HEADERS += src/models/sat.h
