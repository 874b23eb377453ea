src_libassay_la_SOURCES += src/methods/inference/monkeys.c src/methods/inference/monkeys_pdist.c \
	src/methods/inference/monkeys_vote.c src/methods/inference/monkeys_cost.c
nobase_assayinclude_HEADERS += src/methods/inference/monkeys.h
src_libassay_la_SOURCES += src/methods/catalogue.c
nobase_assayinclude_HEADERS += src/methods/catalogue.h
