/* A run's claims: verdict, estimate and interval; below, the test and the reason in full. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"

static void clear(struct run *self)
{
    assay_claim_list_clear(&self->claims);
    self->claims = (assay_claim_list){0};
}

static int load(struct run *self)
{
    int status = assay_store_claims_get(tui_store(self->view.tui), self->id, &self->claims);
    tui_list_resize(&self->lists[RUN_CLAIMS], self->claims.count);
    return status;
}

/* "0.3  [0.28, 0.32]" */
static void estimate_text(const assay_claim_result *claim, char out[4 * TUI_SHORT])
{
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT];
    tui_format_estimate(claim->estimate, estimate);
    tui_format_estimate(claim->low, low);
    tui_format_estimate(claim->high, high);
    if (!isnan(claim->low) || !isnan(claim->high))
        snprintf(out, 4 * TUI_SHORT, "%s  [%s, %s]", estimate, low, high);
    else
        snprintf(out, 4 * TUI_SHORT, "%s", estimate);
}

enum { TEXT = 18 }; /* where the claims' texts begin */

/* The columns of the estimates: what they take, so that the texts get the rest. */
static int estimate_columns(const struct run *self)
{
    int width = (int)strlen("ESTIMATE  [INTERVAL]");
    char words[4 * TUI_SHORT];
    for (size_t i = 0; i < self->claims.count; i++) {
        estimate_text(&self->claims.claims[i], words);
        width = tui_width(words) > width ? tui_width(words) : width;
    }
    return width;
}

static void heading(struct run *self, int y, int cols)
{
    int right = estimate_columns(self);
    tui_put(y, 2, 15, TUI_DIM, "VERDICT");
    tui_put(y, TEXT, cols - TEXT, TUI_DIM, "CLAIM");
    tui_put_right(y, cols - right, right, TUI_DIM, "ESTIMATE  [INTERVAL]");
}

/* A text may take the room that its own estimate leaves. */
static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    char words[4 * TUI_SHORT];
    int style = tui_verdict_style(claim->verdict) | mark;
    estimate_text(claim, words);
    int right = tui_width(words);
    tui_put(y, 2, 1, style, tui_verdict_mark(claim->verdict));
    tui_put(y, 4, 13, style, claim->verdict);
    tui_put(y, TEXT, cols - TEXT - right - 2, TUI_NORMAL | mark,
        claim->text ? claim->text : claim->name);
    tui_put_right(y, cols - right, right, TUI_NORMAL | mark, words);
}

static void describe(struct run *self, struct tui_detail *detail, size_t index)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT], p[TUI_SHORT];
    tui_format_estimate(claim->estimate, estimate);
    tui_format_estimate(claim->low, low);
    tui_format_estimate(claim->high, high);
    tui_format_estimate(claim->p, p);
    tui_detail_add(detail, TUI_BOLD, 2, "%s: %s", claim->name, claim->text ? claim->text : "");
    tui_detail_add(detail, tui_verdict_style(claim->verdict), 2, "%s", claim->verdict);
    tui_detail_add(detail, TUI_NORMAL, 2, "estimate %s, interval %s to %s, p %s, n %lld%s%s",
        estimate, low, high, p, (long long)claim->n, claim->test ? ", " : "",
        claim->test ? claim->test : "");
    if (claim->message)
        tui_detail_add(detail, TUI_NORMAL, 2, "%s", claim->message);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    snprintf(out, size, "%s %s %s", claim->name, claim->verdict, claim->text ? claim->text : "");
}

static const char *empty(const struct run *self)
{
    return self->view.live ? "Claims are checked when the run has ended."
                           : "No claims: the experiment declares none, or they were not checked. "
                             "assay claims checks them anew.";
}

const struct run_tab run_claims_tab = {
    .name = "claims",
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .describe = describe,
    .text = text,
    .empty = empty,
};
