/* The figures that a run's experiment declares; Enter draws one. */
#include <stdio.h>
#include <stdlib.h>

#include "core/status.h"
#include "tui/run.h"

enum { NAME = 18 };

static const json_t *figure_at(const struct run *self, size_t index)
{
    return json_array_get(json_object_get(self->declaration, "figures"), index);
}

static int load(struct run *self)
{
    tui_list_resize(
        &self->lists[RUN_FIGURES], json_array_size(json_object_get(self->declaration, "figures")));
    return ASSAY_OK;
}

static void clear(struct run *self)
{
    (void)self;
}

static void heading(struct run *self, int y, int cols)
{
    (void)self;
    tui_put(y, 2, NAME, TUI_DIM, "FIGURE");
    tui_put(y, 3 + NAME, cols - 3 - NAME, TUI_DIM, "WHAT");
}

/* "share over n by bias" */
static void axes_text(const json_t *figure, char *out, size_t size)
{
    char *by = tui_value_text(json_object_get(figure, "by"));
    snprintf(out, size, "%s over %s%s%s", tui_declared_text(figure, "y"),
        tui_declared_text(figure, "x"), by && *by ? " by " : "", by ? by : "");
    free(by);
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const json_t *figure = figure_at(self, index);
    char axes[512];
    axes_text(figure, axes, sizeof axes);
    int x = 3 + NAME;
    tui_put(y, 2, NAME, TUI_BOLD | mark, tui_declared_text(figure, "name"));
    x += tui_putf(y, x, cols - x, TUI_NORMAL | mark, "%s  ", axes);
    tui_put(y, x, cols - x, TUI_DIM | mark, tui_declared_text(figure, "title"));
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    const json_t *figure = figure_at(self, index);
    char axes[512];
    axes_text(figure, axes, sizeof axes);
    snprintf(out, size, "%s %s %s", tui_declared_text(figure, "name"), axes,
        tui_declared_text(figure, "title"));
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "The experiment declares no figures: add some to the `figures` of its file "
           "(man 5 assay-experiment).";
}

static void select_figure(struct run *self)
{
    const json_t *figure = figure_at(self, self->lists[RUN_FIGURES].cursor);
    struct tui_target target = {.run = self->id, .name = tui_declared_text(figure, "name")};
    if (figure && tui_open(self->view.tui, &tui_figure_view, &target) != ASSAY_OK)
        tui_failed(self->view.tui);
}

const struct run_tab run_figures_tab = {
    .name = "figures",
    .plain = true,
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .text = text,
    .empty = empty,
    .select = select_figure,
};
