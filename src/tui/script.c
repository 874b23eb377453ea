/* Scripts of keys and commands (tui.h describes the language). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/frame.h"

enum { SETTLE = 30000 };

/* <mouse click COL,ROW>; COL and ROW from 1, as terminals count. */
static int use_mouse(struct tui *tui, const char *text, size_t *used)
{
    static const struct {
        const char *name;
        enum tui_mouse_kind kinds[4];
    } ways[] = {
        {"click", {TUI_MOUSE_PRESS, TUI_MOUSE_RELEASE}},
        {"double", {TUI_MOUSE_PRESS, TUI_MOUSE_RELEASE, TUI_MOUSE_PRESS, TUI_MOUSE_RELEASE}},
        {"press", {TUI_MOUSE_PRESS}},
        {"drag", {TUI_MOUSE_DRAG}},
        {"release", {TUI_MOUSE_RELEASE}},
        {"up", {TUI_MOUSE_WHEEL_UP}},
        {"down", {TUI_MOUSE_WHEEL_DOWN}},
    };
    char way[16];
    int col, row, length = 0;
    if (sscanf(text, "<mouse %15s %d,%d>%n", way, &col, &row, &length) != 3 || !length)
        return assay_fail(ASSAY_EINVAL, "the mouse is used so: <mouse click COL,ROW>");
    *used = (size_t)length;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, way) != 0)
            continue;
        for (int k = 0; k < 4 && ways[i].kinds[k] && !tui->quit; k++) {
            tui_frame_mouse(tui, (struct tui_mouse){ways[i].kinds[k], row - 1, col - 1});
            int status = tui_frame_settle(tui, SETTLE);
            if (status != ASSAY_OK)
                return status;
        }
        return ASSAY_OK;
    }
    return assay_fail(
        ASSAY_EINVAL, "a mouse does click, double, press, drag, release, up and down, not %s", way);
}

static int press_keys(struct tui *tui, const char *text)
{
    while (*text && !tui->quit) {
        int key;
        if (strncmp(text, "<mouse ", 7) == 0) {
            size_t used = 0;
            int status = use_mouse(tui, text, &used);
            if (status != ASSAY_OK)
                return status;
            text += used;
            continue;
        }
        size_t n = tui_key_parse(text, &key);
        if (n == 0)
            return assay_fail(
                ASSAY_EINVAL, "no key has the name %.*s", (int)strcspn(text, ">") + 1, text);
        text += n;
        if (n == 1 && key == ' ')
            continue;
        tui_frame_key(tui, key);
        int status = tui_frame_settle(tui, SETTLE);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

/* Looking at the screen leaves on it what was said; all else begins anew. */
static bool only_looks(const char *line)
{
    return strncmp(line, ":expect", 7) == 0 || strncmp(line, ":save-screen", 12) == 0;
}

static int carry_out(struct tui *tui, const char *line)
{
    if (!only_looks(line))
        *tui->message = '\0';
    int status = line[0] == ':' && line[1] ? tui_command(tui, line) : press_keys(tui, line);
    if (status == ASSAY_OK && !tui->quit)
        status = tui_frame_settle(tui, SETTLE);
    return status;
}

int tui_script(struct tui *tui, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    int status = ASSAY_OK;
    long number = 0;
    if (!file) {
        fprintf(stderr, "assay: can't read the script %s\n", path);
        return 1;
    }
    status = tui_frame_settle(tui, SETTLE);
    while (status == ASSAY_OK && !tui->quit && getline(&line, &size, file) > 0) {
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (*line && *line != '#')
            status = carry_out(tui, line);
    }
    if (status != ASSAY_OK)
        fprintf(stderr, "%s:%ld: %s\n", path, number, assay_errmsg());
    free(line);
    fclose(file);
    return status == ASSAY_OK ? 0 : 1;
}
