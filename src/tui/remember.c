/* What the frame keeps between sessions: views name it, memory.c writes it. */
#include <stdio.h>
#include <string.h>

#include "core/status.h"
#include "tui/frame.h"

static void make_key(const struct view_ops *ops, const char *what, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", ops->name, what);
}

const json_t *tui_recall(struct tui *tui, const struct view_ops *ops, const char *what)
{
    char key[1024];
    make_key(ops, what, key, sizeof key);
    return tui_memory_get(&tui->memory, key);
}

void tui_remember(struct tui *tui, const struct view_ops *ops, const char *what, json_t *value)
{
    char key[1024];
    make_key(ops, what, key, sizeof key);
    if (tui->memory.values) {
        tui_memory_set(&tui->memory, key, value);
        return;
    }
    /* without a file it is kept for as long as we are here */
    tui->memory.values = json_object();
    tui->memory.changed = json_object();
    tui_memory_set(&tui->memory, key, value);
}

int tui_frame_remember(struct tui *tui, const char *path)
{
    int status = tui_memory_open(&tui->memory, path);
    if (status == ASSAY_OK)
        return status;
    tui_failed(tui);
    return ASSAY_OK;
}

/* Another interface that holds the file is waited for only at the end. */
void tui_frame_save(struct tui *tui, bool last)
{
    int status = tui_memory_save(&tui->memory);
    for (int i = 0; last && status == ASSAY_EBUSY && i < 20; i++)
        status = tui_memory_save(&tui->memory);
    if (status == ASSAY_OK || status == ASSAY_EBUSY)
        return;
    tui_failed(tui);
    *tui->memory.path = '\0'; /* once is enough to be told */
}
