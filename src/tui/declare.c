/* See declare.h. */
#include "tui/declare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/linediff.h"
#include "core/status.h"
#include "lua/rewrite.h"
#include "tui/save.h"

/* A text file, whole; the caller frees. */
static int read_file(const char *path, char **out)
{
    size_t size = 0;
    *out = NULL;
    FILE *in = fopen(path, "re");
    if (!in)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    ssize_t length = getdelim(out, &size, '\0', in); /* a NUL ends what can be a script */
    bool whole = length >= 0 && !ferror(in) && feof(in);
    fclose(in);
    if (whole)
        return ASSAY_OK;
    free(*out);
    *out = NULL;
    return assay_fail(ASSAY_EIO, "%s can't be read as a text", path);
}

static int add_diff(struct tui_proposal *self)
{
    char *diff = NULL;
    int status = assay_line_diff(
        self->before, self->after, self->path, "as it is shown", 3, &diff, NULL, NULL);
    for (const char *at = diff; status == ASSAY_OK && *at;) {
        size_t length = strcspn(at, "\n");
        int style = *at == '+'   ? TUI_GOOD
                    : *at == '-' ? TUI_BAD
                    : *at == '@' ? TUI_KEY
                                 : TUI_NORMAL;
        tui_detail_add(&self->diff, style, 4, "%.*s", (int)length, at);
        at += length + (at[length] == '\n');
    }
    free(diff);
    return status;
}

int tui_proposal_make(
    struct tui_proposal *self, const char *path, const char *figure, const json_t *changes)
{
    tui_proposal_clear(self);
    self->path = strdup(path);
    int status =
        self->path ? read_file(path, &self->before) : assay_fail(ASSAY_ENOMEM, "out of memory");
    if (status == ASSAY_OK && access(path, W_OK) != 0)
        status = assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    if (status == ASSAY_OK)
        status = assay_rewrite_figure(path, self->before, figure, changes, &self->after);
    if (status == ASSAY_OK && strcmp(self->before, self->after) == 0)
        status = assay_fail(ASSAY_EINVAL, "%s declares figure %s so already", path, figure);
    if (status == ASSAY_OK)
        status = add_diff(self);
    if (status != ASSAY_OK)
        tui_proposal_clear(self);
    return status;
}

void tui_proposal_clear(struct tui_proposal *self)
{
    free(self->path);
    free(self->before);
    free(self->after);
    tui_detail_clear(&self->diff);
    *self = (struct tui_proposal){0};
}

int tui_proposal_write(const struct tui_proposal *self, struct tui *tui)
{
    char *now = NULL;
    int status = read_file(self->path, &now);
    if (status == ASSAY_OK && strcmp(now, self->before) != 0)
        status = assay_fail(ASSAY_EBUSY, "%s was changed meanwhile: w looks again", self->path);
    if (status == ASSAY_OK) {
        tui_look_for_experiments(tui, self->path);
        status = tui_save(tui, self->path, self->after, strlen(self->after));
    }
    free(now);
    return status;
}
