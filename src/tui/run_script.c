/* Where a run came from: its script as it was run, how the file of today differs from it, and the
 * versions of what it was run with. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/linediff.h"
#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"
#include "tui/save.h"

enum { MOST_BYTES = 1 << 24 };

static void clear(struct run *self)
{
    (void)self; /* a script does not change; today's file is looked at once */
}

static int add_line(struct run *self, const char *text, size_t length)
{
    char **grown = realloc(self->script_lines, (self->script_count + 1) * sizeof *grown);
    if (grown)
        self->script_lines = grown;
    char *copy = grown ? strndup(text, length) : NULL;
    if (!copy)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a script");
    grown[self->script_count++] = copy;
    return ASSAY_OK;
}

static int add_text(struct run *self, const char *text)
{
    int status = ASSAY_OK;
    while (*text && status == ASSAY_OK) {
        size_t length = strcspn(text, "\n");
        status = add_line(self, text, length);
        text += length + (text[length] == '\n');
    }
    return status;
}

static int add_heading(struct run *self, const char *format, const char *words)
{
    char text[PATH_MAX];
    int length = snprintf(text, sizeof text, format, words);
    return add_line(self, text, length < 0 ? 0 : strlen(text));
}

/* The file as it is now; NULL when it can't be read. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(MOST_BYTES) : NULL;
    size_t size = text ? fread(text, 1, MOST_BYTES - 1, file) : 0;
    if (text)
        text[size] = '\0';
    if (file)
        fclose(file);
    return text;
}

static int add_today(struct run *self, const char *script)
{
    char *today = read_file(self->info.path), *diff = NULL;
    int status;
    if (!today) {
        status = add_heading(self, "= The file is not there any more: %s", self->info.path);
    } else if (strcmp(today, script) == 0) {
        status = add_heading(self, "= The file of today is the same: %s", self->info.path);
    } else {
        status = assay_line_diff(script, today, "as it was run", "today", 3, &diff, NULL, NULL);
        if (status == ASSAY_OK)
            status = add_heading(self, "= The file of today differs: %s", self->info.path);
        if (status == ASSAY_OK)
            status = add_text(self, diff);
    }
    free(diff);
    free(today);
    return status;
}

static int add_versions(struct run *self)
{
    json_t *versions = json_loads(self->info.versions, 0, NULL), *value;
    const char *name;
    char text[512];
    int status =
        add_heading(self, "= Run with%s", json_object_size(versions) ? "" : " unknown versions");
    json_object_foreach(versions, name, value)
    {
        char *words = tui_value_text(value);
        snprintf(text, sizeof text, "%-10s %s", name, words ? words : "");
        free(words);
        if (status == ASSAY_OK)
            status = add_line(self, text, strlen(text));
    }
    snprintf(text, sizeof text, "%-10s %s, process %lld", "host",
        self->info.host ? self->info.host : "?", (long long)self->info.pid);
    if (status == ASSAY_OK)
        status = add_line(self, text, strlen(text));
    snprintf(text, sizeof text, "%-10s %s", "uuid", self->info.uuid);
    if (status == ASSAY_OK)
        status = add_line(self, text, strlen(text));
    json_decref(versions);
    return status;
}

/* Only when somebody looks at it. */
static int load(struct run *self)
{
    char *script = NULL;
    if (self->script_known || self->section != RUN_SCRIPT)
        return ASSAY_OK;
    int status = assay_store_run_script(tui_store(self->view.tui), self->id, &script);
    if (status == ASSAY_OK)
        status = add_today(self, script);
    if (status == ASSAY_OK)
        status = add_versions(self);
    if (status == ASSAY_OK)
        status = add_heading(self, "= The script as it was run%s", "");
    if (status == ASSAY_OK)
        status = add_text(self, script);
    free(script);
    self->script_known = true;
    tui_list_resize(&self->lists[RUN_SCRIPT], self->script_count);
    return status;
}

static void heading(struct run *self, int y, int cols)
{
    tui_put(y, 2, cols - 2, TUI_DIM, self->info.path);
}

static void line(struct run *self, size_t index, int y, int cols, int mark)
{
    const char *text = self->script_lines[index];
    int style = *text == '+' ? TUI_GOOD : *text == '-' && text[1] != '-' ? TUI_BAD : TUI_NORMAL;
    if (*text == '=' && text[1] == ' ')
        tui_put(y, 2, cols - 2, TUI_TITLE | mark, text + 2);
    else
        tui_put(y, 2, cols - 2, (*text == '@' ? TUI_KEY : style) | mark, text);
}

static void text(struct run *self, size_t index, char *out, size_t size)
{
    snprintf(out, size, "%s", self->script_lines[index]);
}

static const char *empty(const struct run *self)
{
    (void)self;
    return "The run has no script.";
}

static int write_script(struct run *self, const char *path)
{
    char *script = NULL, name[256];
    snprintf(name, sizeof name, "%.120s-%lld.lua", self->info.experiment, (long long)self->id);
    int status = tui_store(self->view.tui)
                     ? assay_store_run_script(tui_store(self->view.tui), self->id, &script)
                     : assay_fail(ASSAY_ENOTFOUND, "the database is gone");
    if (status == ASSAY_OK)
        status = tui_save(self->view.tui, path && *path ? path : name, script, strlen(script));
    free(script);
    return status;
}

const struct run_tab run_script_tab = {
    .name = "script",
    .plain = true,
    .load = load,
    .clear = clear,
    .heading = heading,
    .line = line,
    .text = text,
    .empty = empty,
    .write = write_script,
};
