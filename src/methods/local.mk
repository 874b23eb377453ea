src_libassay_la_SOURCES += src/methods/inference/monkeys.c src/methods/inference/monkeys_pdist.c \
	src/methods/inference/monkeys_vote.c src/methods/inference/monkeys_cost.c
inferenceinclude_HEADERS += src/methods/inference/monkeys.h
src_libassay_la_SOURCES += src/methods/inference/binary_bias.c \
	src/methods/inference/binary_bias_exact.c src/methods/inference/binary_bias_rates.c \
	src/methods/inference/binary_bias_text.c src/methods/inference/binary_bias_series.c
inferenceinclude_HEADERS += src/methods/inference/binary_bias.h
src_libassay_la_SOURCES += src/methods/catalogue.c
methodsinclude_HEADERS += src/methods/catalogue.h
