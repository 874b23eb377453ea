/* Numbers, times and states as the views show them, short and always in the same words. */
#ifndef ASSAY_TUI_FORMAT_H
#define ASSAY_TUI_FORMAT_H

#include <stddef.h>

#include "store/store.h"

enum { TUI_SHORT = 64 };

void tui_format_count(int64_t count, char out[TUI_SHORT]);        /* "950", "12.3k", "4.5M" */
void tui_format_number(double number, char out[TUI_SHORT]);       /* shortest that reads back */
void tui_format_estimate(double number, char out[TUI_SHORT]);     /* 4 digits; "-" for NaN */
void tui_format_duration(double seconds, char out[TUI_SHORT]);    /* "120ms", "3.2s", "4:05", "1:02:03", "3d 4h" */
void tui_format_ago(double then, double now, char out[TUI_SHORT]); /* "5m ago" */
void tui_format_date(double then, char out[TUI_SHORT]);           /* local time, to the minute */

/* Seconds that a run still needs, by its cells so far (NaN: not known), and how much is done. */
double tui_run_left(const assay_run_info *run);
double tui_run_fraction(const assay_run_info *run);
void tui_run_rate(const assay_run_info *run, char out[TUI_SHORT]); /* rows a second: "3.2/s", or "" */

int tui_run_style(assay_run_state state);
int tui_cell_style(assay_cell_state state);
/* The mark and the style of a claim's verdict; NULL: there is none yet. */
const char *tui_verdict_mark(const char *verdict);
int tui_verdict_style(const char *verdict);

#endif
