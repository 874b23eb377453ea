/*
 * The `:` prompt. A line is a name and an argument: the view's own commands are asked first, then
 * the table at the end of this file, then (without an argument) the names of the keymap, so that
 * the prompt can do all that keys do.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/status.h"
#include "core/suggest.h"
#include "tui/frame.h"

struct command {
    const char *name, *argument, *help;
    int (*run)(struct tui *tui, const char *argument);
};

static int save_screen(struct tui *tui, const char *path)
{
    if (!*path)
        return assay_fail(ASSAY_EINVAL, "save-screen: a file's name is missing");
    tui_frame_draw(tui);
    return tui_screen_save(path);
}

static int resize(struct tui *tui, const char *size)
{
    int rows, cols, used = 0;
    if (sscanf(size, "%dx%d%n", &cols, &rows, &used) != 2 || size[used])
        return assay_fail(ASSAY_EINVAL, "resize wants COLSxROWS, got \"%s\"", size);
    tui->dirty = true;
    return tui_screen_resize(rows, cols);
}

static int expect(struct tui *tui, const char *text)
{
    tui_frame_draw(tui);
    if (!tui_screen_shows(text))
        return assay_fail(ASSAY_ENOTFOUND, "the screen does not show \"%s\"", text);
    return ASSAY_OK;
}

static int set(struct tui *tui, const char *setting)
{
    char *end;
    if (strncmp(setting, "clock=", 6) == 0) {
        double clock = strtod(setting + 6, &end);
        if (end == setting + 6 || *end || !(clock >= 0))
            return assay_fail(ASSAY_EINVAL, "set clock wants Unix seconds (0: the real time)");
        tui->clock = clock;
    } else if (strncmp(setting, "database=", 9) == 0) {
        snprintf(tui->label, sizeof tui->label, "%s", setting + 9);
    } else if (strcmp(setting, "sixel=on") == 0 || strcmp(setting, "sixel=off") == 0) {
        tui_screen_want_sixels(strcmp(setting, "sixel=on") == 0);
        tui->dirty = true;
    } else if (strncmp(setting, "state=", 6) == 0 && setting[6]) {
        tui_frame_save(tui, true);
        return tui_frame_remember(tui, setting + 6);
    } else {
        return assay_fail(
            ASSAY_EINVAL, "set knows sixel=on|off, clock=SECONDS, database=LABEL and state=FILE");
    }
    return ASSAY_OK;
}

static int search(struct tui *tui, const char *text)
{
    if (!*text)
        return tui_frame_request(tui, TUI_SEARCH) ? ASSAY_OK : ASSAY_EINVAL;
    snprintf(tui->needle, sizeof tui->needle, "%s", text);
    return tui_frame_search(tui, true);
}

static int go_to(struct tui *tui, const char *number)
{
    char *end;
    long line = strtol(number, &end, 10);
    struct tui_list *list = tui->top->list;
    if (end == number || *end || line < 1)
        return assay_fail(ASSAY_EINVAL, "goto wants the number of a line, got \"%s\"", number);
    if (!list || !list->count)
        return assay_fail(ASSAY_ENOTFOUND, "there are no lines here");
    tui_list_move_to(list, (size_t)line - 1);
    return ASSAY_OK;
}

static int find_run(struct tui *tui, const char *text, int64_t *run)
{
    if (!tui_store(tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    return assay_store_run_find(tui_store(tui), text, run);
}

static int open_run(struct tui *tui, const char *text)
{
    struct tui_target target = {0};
    int status = find_run(tui, *text ? text : "last", &target.run);
    return status == ASSAY_OK ? tui_open(tui, &tui_run_view, &target) : status;
}

static int open_runs(struct tui *tui, const char *name)
{
    if (!*name)
        return tui_frame_request(tui, TUI_RUNS) ? ASSAY_OK : ASSAY_EINVAL;
    return tui_open(
        tui, &tui_runs_view, &(struct tui_target){.name = strcmp(name, "all") == 0 ? NULL : name});
}

static int open_figure(struct tui *tui, const char *argument)
{
    char run[64] = "", name[256] = "";
    struct tui_target target = {.name = name};
    if (!*argument)
        return tui_frame_request(tui, TUI_FIGURE) ? ASSAY_OK : ASSAY_EINVAL;
    sscanf(argument, "%63s %255[^\n]", run, name);
    if (!*name)
        target.name = NULL;
    int status = find_run(tui, run, &target.run);
    return status == ASSAY_OK ? tui_open(tui, &tui_figure_view, &target) : status;
}

/* The named runs, or the marked ones. */
static int open_compare(struct tui *tui, const char *names)
{
    int64_t runs[64];
    char name[128];
    struct tui_target target = {.runs = runs};
    int used, status = ASSAY_OK;
    if (!*names)
        return tui_frame_request(tui, TUI_COMPARE) ? ASSAY_OK : ASSAY_EINVAL;
    while (
        status == ASSAY_OK && target.run_count < 64 && sscanf(names, "%127s%n", name, &used) == 1) {
        names += used;
        status = find_run(tui, name, &runs[target.run_count++]);
    }
    return status == ASSAY_OK ? tui_open(tui, &tui_compare_view, &target) : status;
}

static int open_sql(struct tui *tui, const char *query)
{
    int status = tui_open(tui, &tui_sql_view, NULL);
    if (status != ASSAY_OK || !*query)
        return status;
    tui_sql_view.command(tui->top, "sql", query, &status);
    return status;
}

static int open_form(struct tui *tui, const char *name)
{
    if (!*name)
        return assay_fail(ASSAY_EINVAL, "form: an experiment's name is missing");
    return tui_open(tui, &tui_form_view, &(struct tui_target){.name = name});
}

/* Of the marked runs, or the one here. */
static int about_runs(struct tui *tui, enum tui_request what, const char *text)
{
    const struct view_ops *ops = tui->top->ops;
    int64_t run = ops->run ? ops->run(tui->top) : 0;
    return tui_marks_command(tui, what, text, run, ops == &tui_runs_view);
}

static int label(struct tui *tui, const char *text)
{
    return about_runs(tui, TUI_LABEL, text);
}

static int tag(struct tui *tui, const char *text)
{
    return about_runs(tui, TUI_TAG, text);
}

static int note(struct tui *tui, const char *text)
{
    return about_runs(tui, TUI_NOTE, text);
}

static int only_scripts(struct tui *tui, const char *name)
{
    if (!tui->options.script)
        return assay_fail(ASSAY_EINVAL, "%s is for scripts: it would stop the keyboard", name);
    return ASSAY_OK;
}

static void sleep_a_little(void)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
}

static int state_of(struct tui *tui, int64_t run, assay_run_state *state)
{
    assay_run_info info;
    int status = assay_store_run_get(tui_store(tui), run, &info);
    if (status != ASSAY_OK)
        return status;
    *state = info.state;
    assay_run_info_clear(&info);
    return ASSAY_OK;
}

/* Which run is waited for: the one that the view is on, else the newest. */
static int awaited(struct tui *tui, int64_t *run)
{
    *run = tui->top->ops->run ? tui->top->ops->run(tui->top) : 0;
    return *run ? ASSAY_OK : find_run(tui, "last", run);
}

static int wait_for(struct tui *tui, const char *argument)
{
    char wanted[32] = "";
    double seconds = 30;
    int64_t run;
    assay_run_state state = ASSAY_RUN_QUEUED;
    int status = only_scripts(tui, "wait");
    if (status == ASSAY_OK)
        status = awaited(tui, &run);
    sscanf(argument, "%31s %lf", wanted, &seconds);
    for (double end = seconds; status == ASSAY_OK; end -= 0.02) {
        status = state_of(tui, run, &state);
        if (status != ASSAY_OK || strcmp(assay_run_state_name(state), wanted) == 0)
            return status;
        if (end <= 0 || (state != ASSAY_RUN_QUEUED && state != ASSAY_RUN_RUNNING))
            return assay_fail(ASSAY_EBUSY, "wait: run %lld is %s, not %s", (long long)run,
                assay_run_state_name(state), wanted);
        tui_frame_look(tui);
        tui_frame_draw(tui);
        sleep_a_little();
    }
    return status;
}

static int wait_idle(struct tui *tui, const char *milliseconds)
{
    int status = only_scripts(tui, "wait-idle");
    if (status != ASSAY_OK)
        return status;
    return tui_frame_settle(tui, *milliseconds ? atoi(milliseconds) : 30000);
}

/* What the view on top has remembered, of all that it was opened on; or everything. */
static int forget(struct tui *tui, const char *what)
{
    char prefix[128];
    if (*what && strcmp(what, "all") != 0)
        return assay_fail(ASSAY_EINVAL, "forget takes nothing or all, got \"%s\"", what);
    snprintf(prefix, sizeof prefix, "%s/", tui->top->ops->name);
    size_t count = tui_memory_forget(&tui->memory, *what ? "" : prefix);
    tui_say(tui, TUI_NORMAL, "%zu %s forgotten", count, count == 1 ? "thing" : "things");
    return ASSAY_OK;
}

static int divider(struct tui *tui, const char *percent)
{
    char *end;
    double share = strtod(percent, &end);
    if (end == percent || (*end && strcmp(end, "%") != 0) || !(share >= 0 && share <= 100))
        return assay_fail(ASSAY_EINVAL, "divider wants a percentage of the screen, 0..100");
    return tui_divide(tui, share / 100);
}

static int source(struct tui *tui, const char *path)
{
    return tui_frame_configure(tui, *path ? path : NULL);
}

static const struct command commands[] = {
    {"form", "EXPERIMENT", "its parameters, to start a run", open_form},
    {"run", "[RUN]", "open a run (an id, the start of a uuid, last)", open_run},
    {"runs", "[EXPERIMENT]", "its runs (all: every run)", open_runs},
    {"figure", "[RUN [NAME]]", "a figure of a run", open_figure},
    {"compare", "[RUN RUN ...]", "compare these runs, or the marked ones", open_compare},
    {"sql", "[QUERY]", "ask the database", open_sql},
    {"label", "[TEXT]", "call the marked runs, or this one, so", label},
    {"tag", "[-]TAG", "put a tag on them, or take it off", tag},
    {"note", "TEXT", "add a note to them", note},
    {"search", "[TEXT]", "search the list", search},
    {"goto", "LINE", "go to a line", go_to},
    {"set", "NAME=VALUE", "sixel=on|off, clock=SECONDS, database=LABEL, state=FILE", set},
    {"divider", "PERCENT", "how much of the screen the list gets", divider},
    {"forget", "[all]", "what this view remembered, or all views", forget},
    {"source", "[FILE]", "read a configuration anew (config.lua)", source},
    {"save-screen", "FILE", "write the screen as text", save_screen},
    {"expect", "TEXT", "scripts: fail unless the screen shows it", expect},
    {"resize", "COLSxROWS", "scripts: another size", resize},
    {"wait", "STATE [SECONDS]", "scripts: until the run is in STATE", wait_for},
    {"wait-idle", "[MS]", "scripts: until nothing is done aside", wait_idle},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int unknown(const char *name)
{
    const char *known[COMMANDS + 64];
    size_t count = 0;
    char hint[128];
    for (; count < COMMANDS; count++)
        known[count] = commands[count].name;
    for (size_t i = 0; i < tui_keymap_size && count < COMMANDS + 64; i++)
        known[count++] = tui_keymap[i].name;
    assay_suggest(name, known, count, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no command \"%s\"%s", name, hint);
}

int tui_command(struct tui *tui, const char *line)
{
    char name[64];
    int status = ASSAY_OK;
    line += strspn(line, ": ");
    size_t length = strcspn(line, " ");
    snprintf(name, sizeof name, "%.*s", (int)length, line);
    const char *argument = line + length + strspn(line + length, " ");
    if (!*name)
        return ASSAY_OK;
    tui_frame_load(tui);
    if (tui->top->ops->command && tui->top->ops->command(tui->top, name, argument, &status))
        return status;
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(tui, argument);
    const struct tui_key *key = tui_keymap_find(name);
    if (!key)
        return unknown(name);
    if (*argument)
        return assay_fail(ASSAY_EINVAL, "%s takes no argument", name);
    if (!tui_frame_request(tui, key->request))
        return assay_fail(ASSAY_EINVAL, "%s does nothing in this view", name);
    return ASSAY_OK;
}

static void candidate(const char *name, const char *start, const char **completion, size_t *count)
{
    if (strncmp(name, start, strlen(start)) != 0 || (*count && strcmp(*completion, name) == 0))
        return;
    *completion = name;
    ++*count;
}

size_t tui_command_complete(const char *start, const char **completion)
{
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++)
        candidate(commands[i].name, start, completion, &count);
    for (size_t i = 0; i < tui_keymap_size; i++) {
        bool twice = false;
        for (size_t j = 0; j < COMMANDS; j++)
            twice = twice || strcmp(commands[j].name, tui_keymap[i].name) == 0;
        if (!twice)
            candidate(tui_keymap[i].name, start, completion, &count);
    }
    return count;
}

const char *tui_command_help(size_t index, const char **usage)
{
    static char text[COMMANDS][64];
    if (index >= COMMANDS)
        return NULL;
    snprintf(text[index], sizeof *text, ":%s %s", commands[index].name, commands[index].argument);
    *usage = text[index];
    return commands[index].help;
}
