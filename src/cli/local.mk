bin_PROGRAMS += src/assay
src_assay_SOURCES = src/cli/main.c src/cli/cli.h src/cli/options.c src/cli/common.c \
	src/cli/columns.c src/cli/running.h src/cli/running.c src/cli/tui.c src/cli/new.c \
	src/cli/run.c src/cli/ls.c src/cli/show.c src/cli/watch.c src/cli/cancel.c src/cli/resume.c \
	src/cli/reproduce.c src/cli/plot.c src/cli/table.c src/cli/claims.c \
	src/cli/methods.c src/cli/data.c src/cli/lua.c src/cli/sql.c src/cli/import.c src/cli/serve.c src/cli/rm.c \
	src/cli/scripting.h src/cli/scripting.c src/cli/output.h src/cli/output.c src/cli/apply.c \
	src/cli/gc.c src/cli/diff.c
src_assay_SOURCES += src/cli/doctor.c
src_assay_LDADD = src/libworkbench.la
