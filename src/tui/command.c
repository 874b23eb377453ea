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
#include "tui/declaration.h"
#include "tui/frame.h"
#include "tui/words.h"

struct command {
    const char *name, *argument, *help;
    int (*run)(struct tui *tui, const char *argument);
    void (*words)(struct tui *tui, const char *argument, struct tui_words *words); /* or NULL */
};

static int save_screen(struct tui *tui, const char *path)
{
    if (!*path)
        return assay_fail(ASSAY_EINVAL, "save-screen: a file's name is missing");
    tui_frame_draw_whole(tui);
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
    tui_frame_draw_whole(tui);
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

/* ---- what their arguments may be ---- */

static void experiment_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    const assay_found_list *found = tui_found(tui);
    (void)argument;
    words->separators = ""; /* an experiment may be a path */
    for (size_t i = 0; found && i < found->count; i++)
        tui_words_add(words, found->items[i].name);
}

static void runs_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    experiment_words(tui, argument, words);
    tui_words_add(words, "all");
}

/* The newest, by number and by what they are called. */
static void run_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    enum { NEWEST = 50 };
    assay_run_list list = {0};
    char number[32];
    (void)argument;
    tui_words_add(words, "last");
    if (!tui_store(tui) || assay_store_run_list(tui_store(tui), NULL, NEWEST, 0, &list) != ASSAY_OK)
        return;
    for (size_t i = 0; i < list.count; i++) {
        snprintf(number, sizeof number, "%lld", (long long)list.runs[i].id);
        tui_words_add(words, number);
    }
    assay_run_list_free(&list);
}

static void tag_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    enum { NEWEST = 200 };
    assay_run_list list = {0};
    const bool off = *argument == '-';
    char *at = NULL, tag[128];
    if (!tui_store(tui) || assay_store_run_list(tui_store(tui), NULL, NEWEST, 0, &list) != ASSAY_OK)
        return;
    for (size_t i = 0; i < list.count; i++)
        for (char *word = list.runs[i].tags ? strtok_r(list.runs[i].tags, " ", &at) : NULL; word;
             word = strtok_r(NULL, " ", &at)) {
            snprintf(tag, sizeof tag, "%s%s", off ? "-" : "", word);
            tui_words_add(words, tag);
        }
    assay_run_list_free(&list);
}

/* A run, then the name of one of its figures. */
static void figure_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    const char *space = strchr(argument, ' ');
    char name[64];
    int64_t run;
    char *text = NULL;
    if (!space) {
        run_words(tui, argument, words);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(space - argument), argument);
    if (find_run(tui, name, &run) != ASSAY_OK ||
        assay_store_run_describe(tui_store(tui), run, &text) != ASSAY_OK)
        return;
    json_t *declared = json_loads(text, 0, NULL), *figure;
    size_t i;
    json_array_foreach(json_object_get(declared, "figures"), i, figure)
        tui_words_add(words, tui_declared_text(figure, "name"));
    json_decref(declared);
    free(text);
}

static void file_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    (void)tui;
    tui_words_add_files(words, argument);
}

static void state_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    (void)tui;
    if (!strchr(argument, ' '))
        for (int i = ASSAY_RUN_QUEUED; i <= ASSAY_RUN_INTERRUPTED; i++)
            tui_words_add(words, assay_run_state_name((assay_run_state)i));
}

static void setting_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    static const char *const names[] = {
        "sixel=on", "sixel=off", "clock=", "database=", "state=", NULL};
    (void)tui;
    (void)argument;
    words->separators = "";
    tui_words_add_all(words, names);
}

static void all_words(struct tui *tui, const char *argument, struct tui_words *words)
{
    (void)tui;
    (void)argument;
    tui_words_add(words, "all");
}

static const struct command commands[] = {
    {"form", "EXPERIMENT", "its parameters, to start a run", open_form, experiment_words},
    {"run", "[RUN]", "open a run (an id, the start of a uuid, last)", open_run, run_words},
    {"runs", "[EXPERIMENT]", "its runs (all: every run)", open_runs, runs_words},
    {"figure", "[RUN [NAME]]", "a figure of a run", open_figure, figure_words},
    {"compare", "[RUN RUN ...]", "compare these runs, or the marked ones", open_compare, run_words},
    {"sql", "[QUERY]", "ask the database", open_sql, NULL},
    {"label", "[TEXT]", "call the marked runs, or this one, so", label, NULL},
    {"tag", "[-]TAG", "put a tag on them, or take it off", tag, tag_words},
    {"note", "TEXT", "add a note to them", note, NULL},
    {"search", "[TEXT]", "search the list", search, NULL},
    {"goto", "LINE", "go to a line", go_to, NULL},
    {"set", "NAME=VALUE", "sixel=on|off, clock=SECONDS, database=LABEL, state=FILE", set,
        setting_words},
    {"divider", "PERCENT", "how much of the screen the list gets", divider, NULL},
    {"forget", "[all]", "what this view remembered, or all views", forget, all_words},
    {"source", "[FILE]", "read a configuration anew (config.lua)", source, file_words},
    {"save-screen", "FILE", "write the screen as text", save_screen, file_words},
    {"expect", "TEXT", "scripts: fail unless the screen shows it", expect, NULL},
    {"resize", "COLSxROWS", "scripts: another size", resize, NULL},
    {"wait", "STATE [SECONDS]", "scripts: until the run is in STATE", wait_for, state_words},
    {"wait-idle", "[MS]", "scripts: until nothing is done aside", wait_idle, NULL},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

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
    const struct command *command = find(name);
    if (command)
        return command->run(tui, argument);
    const struct tui_key *key = tui_keymap_find(name);
    if (!key)
        return unknown(name);
    if (*argument)
        return assay_fail(ASSAY_EINVAL, "%s takes no argument", name);
    if (!tui_frame_request(tui, key->request))
        return assay_fail(ASSAY_EINVAL, "%s does nothing in this view", name);
    return ASSAY_OK;
}

/* ---- completion ---- */

static void add_names(struct tui *tui, struct tui_words *words)
{
    const struct view_ops *ops = tui->top->ops;
    if (ops->words)
        ops->words(tui->top, "", "", words);
    for (size_t i = 0; i < COMMANDS; i++)
        tui_words_add(words, commands[i].name);
    for (size_t i = 0; i < tui_keymap_size; i++)
        tui_words_add(words, tui_keymap[i].name);
}

/* What may follow a command and the beginning of its argument: the view on top is asked first. */
static void add_arguments(
    struct tui *tui, const char *name, const char *argument, struct tui_words *words)
{
    const struct view_ops *ops = tui->top->ops;
    const struct command *command = find(name);
    words->separators = " ,=";
    if (ops->words)
        ops->words(tui->top, name, argument, words);
    if (!words->count && command && command->words)
        command->words(tui, argument, words);
}

void tui_command_complete(struct tui *tui, struct tui_line *line, char *told, size_t size)
{
    struct tui_words words = {0};
    char name[64], argument[sizeof line->text];
    const size_t lead = strspn(line->text, ": "), length = strcspn(line->text + lead, " ");
    size_t from = lead;
    if (line->cursor <= lead + length) {
        add_names(tui, &words);
    } else {
        from = lead + length + strspn(line->text + lead + length, " ");
        from = from < line->cursor ? from : line->cursor;
        snprintf(name, sizeof name, "%.*s", (int)length, line->text + lead);
        snprintf(argument, sizeof argument, "%.*s", (int)(line->cursor - from), line->text + from);
        add_arguments(tui, name, argument, &words);
    }
    const size_t count = tui_words_complete(&words, line, from, told, size);
    if (words.count && !count)
        snprintf(told, size, " nothing begins so");
    else if (count == 1)
        *told = '\0';
    tui_words_clear(&words);
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
