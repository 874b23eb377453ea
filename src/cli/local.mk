bin_PROGRAMS += src/assay
src_assay_SOURCES = src/cli/main.c
src_assay_LDADD = src/libworkbench.la
