/*
 * A run's view, for the files that make it up: run.c is the frame with the header and the tabs,
 * each tab is a file of its own that ends in its `struct run_tab`.
 */
#ifndef ASSAY_TUI_RUN_H
#define ASSAY_TUI_RUN_H

#include <jansson.h>

#include "run/run.h"
#include "tui/declaration.h"
#include "tui/detail.h"
#include "tui/view.h"

enum run_section {
    RUN_CELLS,
    RUN_CLAIMS,
    RUN_NOTES,
    RUN_ROWS,
    RUN_PARAMS,
    RUN_FIGURES,
    RUN_ARTIFACTS,
    RUN_SCRIPT,
    RUN_SECTIONS
};

enum { RUN_PAGE = 200, RUN_ROW_PAGE = 128 };

struct run {
    struct tui_view view;
    int64_t id;
    assay_run_info info;
    bool known;
    char *title;
    json_t *swept;       /* the parameters of which the run has several values */
    json_t *declaration; /* of the experiment, as it was run */
    enum run_section section;
    struct tui_list lists[RUN_SECTIONS];
    struct tui_detail detail;
    size_t detailed; /* the line that the detail is of */
    bool detail_known;

    assay_cell_brief *briefs; /* of all cells */
    size_t brief_count;
    assay_cell_list page; /* of cells */
    size_t first;         /* index of its first */

    assay_claim_list claims;
    assay_note_list notes;
    assay_artifact_list artifacts;

    size_t *row_ends;  /* rows up to and with each cell */
    assay_table *rows; /* a page of them */
    size_t first_row;
    char **columns; /* as they were seen, in order */
    int *widths;
    size_t column_count, column_shift;

    char **script_lines; /* what is said of the script, line by line */
    size_t script_count;
    bool script_known;
};

struct run_tab {
    const char *name;
    bool plain;                    /* lines that need no words below them */
    int (*load)(struct run *self); /* its list's count; the run's record is there already */
    void (*clear)(struct run *self);
    void (*heading)(struct run *self, int y, int cols);
    void (*line)(struct run *self, size_t index, int y, int cols, int mark);
    void (*describe)(struct run *self, struct tui_detail *detail, size_t index); /* unless plain */
    void (*text)(struct run *self, size_t index, char *out, size_t size); /* to be searched */
    const char *(*empty)(const struct run *self);
    /* optional: */
    bool (*key)(struct run *self, enum tui_request request);
    void (*select)(struct run *self);
    int (*write)(struct run *self, const char *path); /* NULL or "": a name of its own */
};

extern const struct run_tab run_cells_tab, run_claims_tab, run_notes_tab, run_rows_tab,
    run_params_tab, run_figures_tab, run_artifacts_tab, run_script_tab;

/* {"a": 1, "b": [1, 2]} as "a=1  b=1,2"; of a cell, only what its run sweeps, when it does. The
 * caller frees. */
char *run_settings_text(const char *json, const json_t *swept);

#endif
