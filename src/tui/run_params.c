/* A run's parameters beside their defaults, and what else it was started with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"

enum { NAME = 18, VALUE = 22 };

static const json_t *param_at(const struct run *self, size_t index)
{
    return json_array_get(json_object_get(self->declaration, "params"), index);
}

static int load(struct run *self)
{
    tui_list_resize(
        &self->lists[RUN_PARAMS], json_array_size(json_object_get(self->declaration, "params")));
    return ASSAY_OK;
}

static void clear(struct run *self)
{
    (void)self;
}

static void heading(struct run *self, int y, int cols)
{
    (void)self;
    tui_put(y, 2, NAME, TUI_DIM, "PARAMETER");
    tui_put(y, 3 + NAME, VALUE, TUI_DIM, "VALUE");
    tui_put(y, 4 + NAME + VALUE, cols - 4 - NAME - VALUE, TUI_DIM, "DEFAULT, MEANING");
}

/* The run's value; a run that was not given one has the default. */
static char *value_text(const struct run *self, const json_t *param)
{
    json_t *params = json_loads(self->info.params, 0, NULL);
    const json_t *value = json_object_get(params, tui_declared_text(param, "name"));
    char *text = tui_value_text(value ? value : json_object_get(param, "default"));
    json_decref(params);
    return text;
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const json_t *param = param_at(self, index);
    char *value = value_text(self, param),
         *usual = tui_value_text(json_object_get(param, "default"));
    bool changed = value && usual && strcmp(value, usual) != 0;
    int x = 4 + NAME + VALUE;
    tui_put(y, 2, NAME, TUI_NORMAL | mark, tui_declared_text(param, "name"));
    tui_put(y, 3 + NAME, VALUE, (changed ? TUI_BOLD : TUI_NORMAL) | mark, value ? value : "");
    if (changed)
        x += tui_putf(y, x, cols - x, TUI_DIM | mark, "%s  ", usual);
    tui_put(y, x, cols - x, TUI_NORMAL | mark, tui_declared_text(param, "doc"));
    free(value);
    free(usual);
}

static void describe(struct run *self, struct tui_detail *detail, size_t index)
{
    const json_t *param = param_at(self, index);
    char *value = value_text(self, param),
         *usual = tui_value_text(json_object_get(param, "default")), range[256];
    tui_param_range(param, range, sizeof range);
    tui_detail_add(
        detail, TUI_BOLD, 2, "%s = %s", tui_declared_text(param, "name"), value ? value : "");
    tui_detail_add(detail, TUI_NORMAL, 2, "%s", tui_declared_text(param, "doc"));
    tui_detail_add(detail, TUI_DIM, 2, "%s, default %s", range, usual ? usual : "");
    free(value);
    free(usual);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    const json_t *param = param_at(self, index);
    char *value = value_text(self, param);
    snprintf(out, size, "%s %s %s", tui_declared_text(param, "name"), value ? value : "",
        tui_declared_text(param, "doc"));
    free(value);
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "The experiment declares no parameters.";
}

const struct run_tab run_params_tab = {
    .name = "params",
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .describe = describe,
    .text = text,
    .empty = empty,
};
