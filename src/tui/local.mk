src_libworkbench_la_SOURCES += src/tui/tui.h src/tui/tui.c src/tui/frame.h src/tui/view.h \
	src/tui/screen.h src/tui/screen.c src/tui/terminal.h src/tui/terminal.c \
	src/tui/keymap.h src/tui/keymap.c src/tui/list.h src/tui/list.c \
	src/tui/detail.h src/tui/detail.c src/tui/prompt.h src/tui/prompt.c src/tui/words.h src/tui/words.c \
	src/tui/format.h src/tui/format.c src/tui/declaration.h src/tui/declaration.c \
	src/tui/command.c src/tui/script.c src/tui/aside.c \
	src/tui/experiments.c src/tui/form.c src/tui/runs.c src/tui/run.h src/tui/run.c src/tui/figure.h src/tui/figure.c src/tui/figure_read.c src/tui/figure_draw.c \
	src/tui/declare.h src/tui/declare.c src/tui/glance.h src/tui/glance.c \
	src/tui/compare.c src/tui/help.c src/tui/launch.h src/tui/launch.c \
	src/tui/run_cells.c src/tui/run_claims.c src/tui/run_notes.c src/tui/run_rows.c \
	src/tui/run_params.c src/tui/run_figures.c src/tui/run_artifacts.c src/tui/run_script.c \
	src/tui/artifact.c src/tui/sql.c src/tui/messages.c src/tui/again.h src/tui/again.c src/tui/marks.h src/tui/marks.c
src_libworkbench_la_SOURCES += src/tui/compose.c src/tui/artifact.h src/tui/artifact_read.c src/tui/artifact_aside.c src/tui/picture.h src/tui/picture.c src/tui/sixel.h src/tui/sixel.c \
	src/tui/points.h src/tui/points.c src/tui/expect.h src/tui/expect.c src/tui/save.h src/tui/save.c
# The user's configuration, the mouse, and what is remembered.
src_libworkbench_la_SOURCES += src/tui/colour.h src/tui/colour.c src/tui/config.h src/tui/config.c \
	src/tui/memory.h src/tui/memory.c src/tui/remember.c src/tui/mouse.c
