src_libassay_la_SOURCES += src/models/sat.c
modelsinclude_HEADERS += src/models/sat.h
src_libassay_la_SOURCES += src/models/schedule.c src/models/gmm.c src/models/gmm_fit.c
modelsinclude_HEADERS += src/models/schedule.h src/models/gmm.h
