/* Numbers, times and states. */
#include "tui/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/screen.h"

void tui_format_count(int64_t count, char out[TUI_SHORT])
{
    static const char units[] = "kMGT";
    double scaled = (double)count;
    int unit = -1;
    while (scaled >= 999.95 && unit < 3) {
        scaled /= 1000;
        unit++;
    }
    if (count < 10000)
        snprintf(out, TUI_SHORT, "%lld", (long long)count);
    else
        snprintf(out, TUI_SHORT, "%.1f%c", scaled, units[unit]);
}

void tui_format_number(double number, char out[TUI_SHORT])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, TUI_SHORT, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            break;
    }
    if (fabs(number) < 1e15 && number == floor(number)) /* 100000, not 1e+05 */
        snprintf(out, TUI_SHORT, "%.0f", number);
}

void tui_format_estimate(double number, char out[TUI_SHORT])
{
    if (isnan(number))
        snprintf(out, TUI_SHORT, "-");
    else
        snprintf(out, TUI_SHORT, "%.4g", number);
}

void tui_format_duration(double seconds, char out[TUI_SHORT])
{
    long long whole = (long long)(isfinite(seconds) && seconds > 0 ? seconds : 0);
    if (isnan(seconds))
        snprintf(out, TUI_SHORT, "-");
    else if (seconds < 0.9995)
        snprintf(out, TUI_SHORT, "%.0fms", seconds > 0 ? 1e3 * seconds : 0.0);
    else if (whole < 10)
        snprintf(out, TUI_SHORT, "%.1fs", floor(seconds * 10) / 10);
    else if (whole < 3600)
        snprintf(out, TUI_SHORT, "%lld:%02lld", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(out, TUI_SHORT, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(out, TUI_SHORT, "%lldd %lldh", whole / 86400, whole / 3600 % 24);
}

void tui_format_ago(double then, double now, char out[TUI_SHORT])
{
    long long seconds = (long long)(now > then ? now - then : 0);
    if (then <= 0)
        snprintf(out, TUI_SHORT, "-");
    else if (seconds < 60)
        snprintf(out, TUI_SHORT, "%llds ago", seconds);
    else if (seconds < 3600)
        snprintf(out, TUI_SHORT, "%lldm ago", seconds / 60);
    else if (seconds < 86400)
        snprintf(out, TUI_SHORT, "%lldh ago", seconds / 3600);
    else
        snprintf(out, TUI_SHORT, "%lldd ago", seconds / 86400);
}

void tui_format_date(double then, char out[TUI_SHORT])
{
    time_t seconds = (time_t)then;
    struct tm date;
    if (then <= 0 || !localtime_r(&seconds, &date))
        snprintf(out, TUI_SHORT, "-");
    else
        strftime(out, TUI_SHORT, "%Y-%m-%d %H:%M", &date);
}

static bool is_live(const assay_run_info *run)
{
    return run->state == ASSAY_RUN_RUNNING || run->state == ASSAY_RUN_QUEUED;
}

double tui_run_left(const assay_run_info *run)
{
    int64_t ended = run->cells_done + run->cells_failed;
    if (!is_live(run) || ended <= 0 || run->cells <= 0)
        return NAN;
    return run->elapsed * (double)(run->cells - ended) / (double)ended;
}

double tui_run_fraction(const assay_run_info *run)
{
    if (run->cells <= 0)
        return 0;
    return (double)(run->cells_done + run->cells_failed) / (double)run->cells;
}

void tui_run_rate(const assay_run_info *run, char out[TUI_SHORT])
{
    double rate = run->elapsed > 0 ? (double)run->rows / run->elapsed : 0;
    out[0] = '\0';
    if (rate >= 1000) {
        tui_format_count((int64_t)rate, out);
        strcat(out, "/s");
    } else if (rate > 0) {
        snprintf(out, TUI_SHORT, "%.3g/s", rate);
    }
}

int tui_run_style(assay_run_state state)
{
    switch (state) {
    case ASSAY_RUN_RUNNING:
        return TUI_LIVE;
    case ASSAY_RUN_DONE:
        return TUI_GOOD;
    case ASSAY_RUN_FAILED:
        return TUI_BAD;
    case ASSAY_RUN_CANCELLED:
    case ASSAY_RUN_INTERRUPTED:
        return TUI_WARN;
    default:
        return TUI_NORMAL;
    }
}

int tui_cell_style(assay_cell_state state)
{
    switch (state) {
    case ASSAY_CELL_RUNNING:
        return TUI_LIVE;
    case ASSAY_CELL_DONE:
        return TUI_GOOD;
    case ASSAY_CELL_FAILED:
        return TUI_BAD;
    default:
        return TUI_NORMAL;
    }
}

static const struct {
    const char *verdict;
    enum tui_glyph mark;
    int style;
} verdicts[] = {
    {"supported", TUI_CHECK, TUI_GOOD},
    {"not supported", TUI_CROSS, TUI_BAD},
    {"inconclusive", TUI_UNSURE, TUI_WARN},
    {"error", TUI_TROUBLE, TUI_BAD},
};

static size_t verdict_index(const char *verdict)
{
    size_t i = 0;
    while (i < sizeof verdicts / sizeof *verdicts &&
           (!verdict || strcmp(verdict, verdicts[i].verdict) != 0))
        i++;
    return i;
}

const char *tui_verdict_mark(const char *verdict)
{
    size_t i = verdict_index(verdict);
    return tui_glyph(i < sizeof verdicts / sizeof *verdicts ? verdicts[i].mark : TUI_NEVER);
}

int tui_verdict_style(const char *verdict)
{
    size_t i = verdict_index(verdict);
    return i < sizeof verdicts / sizeof *verdicts ? verdicts[i].style : TUI_DIM;
}
