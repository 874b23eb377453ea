src_libworkbench_la_SOURCES += src/run/run.h src/run/batch.c src/run/batch.h src/run/bytes.c \
	src/run/bytes.h src/run/check.c src/run/claims.c src/run/claims.h src/run/coordinator.c \
	src/run/coordinator.h src/run/detach.c src/run/detach.h src/run/diff.h src/run/diff.c src/run/diff_table.c src/run/diff_measures.c src/run/discover.c src/run/figures.c \
	src/run/frame.c src/run/imported.h src/run/imported.c src/run/frame.h src/run/machine.c src/run/machine.h src/run/pool.c \
	src/run/pool.h src/run/progress.c src/run/doctor.h src/run/doctor.c src/run/doctor_host.c \
	src/run/doctor_store.c src/run/serve.h src/run/serve.c src/run/start.c
