/* Runs started again, and files edited, from wherever they are seen. */
#include "tui/again.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/status.h"
#include "tui/declaration.h"
#include "tui/launch.h"

static void started(struct tui *tui, struct tui_view *view, int64_t run)
{
    (void)view;
    if (!run)
        return;
    tui_say(tui, TUI_GOOD, "run %lld started", (long long)run);
    tui_look_at_store(tui);
    if (tui_open(tui, &tui_run_view, &(struct tui_target){.run = run}) != ASSAY_OK)
        tui_failed(tui);
}

static bool add(char **words, size_t *count, const char *format, const char *name, const char *text)
{
    return asprintf(&words[*count], format, name, text) >= 0 && ++*count > 0;
}

/* run --detach --db=FILE ... FILE NAME=VALUE ... */
static char **words_of(struct tui *tui, const assay_run_info *info, const char *path)
{
    json_t *params = json_loads(info->params, 0, NULL), *value;
    char **words = calloc(json_object_size(params) + 10, sizeof *words), number[32];
    const char *name;
    size_t count = 0;
    bool good = words && add(words, &count, "%s%s", "run", "") &&
                add(words, &count, "%s%s", "--detach", "") &&
                add(words, &count, "--%s=%s", "db", tui_database(tui));
    if (good && info->preset)
        good = add(words, &count, "--%s=%s", "preset", info->preset);
    snprintf(number, sizeof number, "%lld", (long long)info->replicates);
    good = good && add(words, &count, "--%s=%s", "replicates", number);
    snprintf(number, sizeof number, "%llu", (unsigned long long)info->seed);
    good = good && add(words, &count, "--%s=%s", "seed", number) &&
           add(words, &count, "%s%s", path, "");
    json_object_foreach(params, name, value)
    {
        char *text = tui_value_text(value);
        good = good && text && add(words, &count, "%s=%s", name, text);
        free(text);
    }
    json_decref(params);
    if (good)
        return words;
    for (size_t i = 0; words && i < count; i++)
        free(words[i]);
    free(words);
    return NULL;
}

int tui_run_again(struct tui *tui, struct tui_view *view, int64_t run)
{
    assay_run_info info;
    if (!tui_store(tui))
        return assay_fail(ASSAY_ENOTFOUND, "there is no database yet, and no run");
    int status = assay_store_run_get(tui_store(tui), run, &info);
    if (status)
        return status;
    const assay_found *found = tui_find_experiment(tui, info.experiment);
    const char *path = found ? found->path : info.path;
    char **words = NULL;
    if (access(path, R_OK) != 0)
        status = assay_fail(
            ASSAY_ENOTFOUND, "the file of %s is not there any more: %s", info.experiment, path);
    else if (!(words = words_of(tui, &info, path)))
        status = assay_fail(ASSAY_ENOMEM, "out of memory");
    else
        tui_say(tui, TUI_NORMAL, "starting %s...", info.experiment);
    if (status == ASSAY_OK)
        status = tui_launch(tui, view, (const char *const *)words, started);
    for (char **word = words; word && *word; word++)
        free(*word);
    free(words);
    assay_run_info_clear(&info);
    return status;
}

/* The shell splits the editor's words; the path is a parameter, so nothing in it counts. */
static int run_editor(const char *path)
{
    const char *editor = getenv("VISUAL");
    struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
    char script[1024];
    int code = 0;
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    snprintf(script, sizeof script, "%s \"$1\"", editor && *editor ? editor : "vi");
    sigaction(SIGINT, &ignore, &interrupt); /* Ctrl-C is the editor's */
    sigaction(SIGQUIT, &ignore, &quit);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        execl("/bin/sh", "sh", "-c", script, "sh", path, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &code, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    if (child < 0 || !WIFEXITED(code) || WEXITSTATUS(code) != 0)
        return assay_fail(
            ASSAY_EIO, "the editor did not end well: %.200s (set VISUAL or EDITOR)", script);
    return ASSAY_OK;
}

int tui_edit_file(struct tui *tui, const char *path)
{
    if (access(path, R_OK) != 0)
        return assay_fail(ASSAY_ENOTFOUND, "the file is not there any more: %s", path);
    tui_screen_suspend();
    int status = run_editor(path);
    tui_screen_resume();
    if (status == ASSAY_OK)
        tui_look_for_experiments(tui, path);
    return status;
}
