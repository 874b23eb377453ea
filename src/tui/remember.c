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

/* ---- the lines of the prompt ---- */

static const char history_key[] = "prompt/history";

void tui_frame_keep_history(struct tui *tui)
{
    json_t *list = json_array();
    for (size_t i = 0; i < tui->history_count; i++)
        json_array_append_new(list, json_string(tui->history[i]));
    tui_memory_set(&tui->memory, history_key, list);
}

static void recall_history(struct tui *tui)
{
    const json_t *list = tui_memory_get(&tui->memory, history_key), *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one) || tui->history_count == TUI_HISTORY)
            continue;
        tui->history[tui->history_count] = strdup(json_string_value(one));
        tui->history_count += tui->history[tui->history_count] != NULL;
    }
    tui->history_at = tui->history_count;
}

int tui_frame_remember(struct tui *tui, const char *path)
{
    int status = tui_memory_open(&tui->memory, path);
    recall_history(tui);
    if (status != ASSAY_OK)
        tui_failed(tui); /* it goes on without */
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
