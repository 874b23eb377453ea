/* What a run's cells kept: images, texts and the like; Enter shows one, w saves it. */
#include <stdio.h>
#include <stdlib.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"

static void clear(struct run *self)
{
    assay_artifact_list_free(&self->artifacts);
    self->artifacts = (assay_artifact_list){0};
}

static int load(struct run *self)
{
    int status = assay_store_artifacts(tui_store(self->view.tui), self->id, &self->artifacts);
    tui_list_resize(&self->lists[RUN_ARTIFACTS], self->artifacts.count);
    return status;
}

static void heading(struct run *self, int y, int cols)
{
    (void)self;
    tui_put(y, 2, 8, TUI_DIM, "FROM");
    tui_put(y, 12, 28, TUI_DIM, "ARTIFACT");
    tui_put_right(y, 41, 7, TUI_DIM, "SIZE");
    tui_put(y, 50, cols - 50, TUI_DIM, "TYPE");
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const assay_artifact_info *artifact = &self->artifacts.artifacts[index];
    char size[TUI_SHORT], cell[TUI_SHORT] = "run";
    tui_format_count(artifact->size, size);
    if (artifact->index >= 0)
        snprintf(cell, sizeof cell, "cell %lld", (long long)artifact->index);
    tui_put(y, 2, 9, TUI_NORMAL | mark, cell);
    tui_put(y, 12, 28, TUI_BOLD | mark, artifact->name);
    tui_put_right(y, 41, 7, TUI_NORMAL | mark, size);
    tui_put(y, 50, cols - 50, TUI_DIM | mark, artifact->type);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    const assay_artifact_info *artifact = &self->artifacts.artifacts[index];
    snprintf(out, size, "%s %s", artifact->name, artifact->type);
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "No artifacts: cell:artifact(name, value) keeps an image, a text or anything else.";
}

static void select_artifact(struct run *self)
{
    size_t at = self->lists[RUN_ARTIFACTS].cursor;
    if (at >= self->artifacts.count)
        return;
    struct tui_target target = {.run = self->id,
        .index = self->artifacts.artifacts[at].index,
        .name = self->artifacts.artifacts[at].name};
    if (tui_open(self->view.tui, &tui_artifact_view, &target) != ASSAY_OK)
        tui_failed(self->view.tui);
}

const struct run_tab run_artifacts_tab = {
    .name = "artifacts",
    .plain = true,
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .text = text,
    .empty = empty,
    .select = select_artifact,
};
