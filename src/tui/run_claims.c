/* A run's claims: verdict, estimate and interval; below, the test and the reason in full. */
#include <math.h>
#include <stdio.h>

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

static void heading(struct run *self, int y, int cols)
{
    (void)self;
    tui_put(y, 2, 15, TUI_DIM, "VERDICT");
    tui_put(y, 18, cols - 18, TUI_DIM, "CLAIM");
    tui_put_right(y, cols - 30, 30, TUI_DIM, "ESTIMATE  [INTERVAL]");
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_claim_result *claim = &self->claims.claims[index];
    char estimate[TUI_SHORT], low[TUI_SHORT], high[TUI_SHORT], words[256];
    int style = tui_verdict_style(claim->verdict) | mark, right = cols >= 76 ? 34 : 26;
    tui_format_estimate(claim->estimate, estimate);
    tui_format_estimate(claim->low, low);
    tui_format_estimate(claim->high, high);
    tui_put(y, 2, 1, style, tui_verdict_mark(claim->verdict));
    tui_put(y, 4, 13, style, claim->verdict);
    tui_put(
        y, 18, cols - 18 - right - 1, TUI_NORMAL | mark, claim->text ? claim->text : claim->name);
    if (!isnan(claim->low) || !isnan(claim->high))
        snprintf(words, sizeof words, "%s  [%s, %s]", estimate, low, high);
    else
        snprintf(words, sizeof words, "%s", estimate);
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
