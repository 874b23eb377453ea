/* The machine's side: program, libraries, processor, gnuplot, locale, terminal. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "run/doctor.h"

#include <curses.h>
#include <jansson.h>
#include <langinfo.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#include "core/status.h"
#include "models/machine.h"
#include "plot/gnuplot.h"
#include "run/machine.h"

static const char *text_of(const json_t *versions, const char *key)
{
    const char *text = json_string_value(json_object_get(versions, key));
    return text ? text : "unknown";
}

static int look_at_versions(assay_finding_list *list)
{
    char *text = assay_machine_versions();
    json_t *versions = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (!versions)
        return assay_fail(ASSAY_ENOMEM, "not enough memory for versions");
    int status = assay_doctor_add(list, "program", ASSAY_FINDING_GOOD, NULL,
        "assay %s (build %s), Lua %s, %s", PACKAGE_VERSION, text_of(versions, "build"),
        text_of(versions, "lua"), text_of(versions, "os"));
    bool older = sqlite3_libversion_number() < SQLITE_VERSION_NUMBER;
    if (!status)
        status = assay_doctor_add(list, "libraries",
            older ? ASSAY_FINDING_WARNING : ASSAY_FINDING_GOOD,
            older ? "assay was built with a newer SQLite (" SQLITE_VERSION "); build it again here"
                  : NULL,
            "SQLite %s, GSL %s, libc %s, %s", text_of(versions, "sqlite"), text_of(versions, "gsl"),
            text_of(versions, "libc"), text_of(versions, "blas"));
    json_decref(versions);
    return status;
}

static int look_at_processor(assay_finding_list *list)
{
    if (assay_machine_check())
        return assay_doctor_add(list, "processor", ASSAY_FINDING_BAD,
            "build assay on this machine, or with --with-march=no", "%s", assay_errmsg());
    return assay_doctor_add(list, "processor", ASSAY_FINDING_GOOD, NULL,
        "%d cores, %.3g GiB of memory", assay_machine_cores(),
        (double)assay_machine_memory() / (1 << 30));
}

/* ---- gnuplot ---- */

enum { VERSION_SIZE = 16, TERMINALS_SIZE = 4000, REPLY_SIZE = VERSION_SIZE + TERMINALS_SIZE + 1 };

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += size)
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || !at[size]))
            return true;
    return false;
}

/* A reply of a fixed length holds version and terminals, padded with spaces. */
static int ask_gnuplot(char reply[REPLY_SIZE + 1])
{
    static const char question[] =
        "set print '-'\nprint sprintf('%-16.16s%-4000.4000s', "
        "sprintf('%.1f.%s', GPVAL_VERSION, GPVAL_PATCHLEVEL), GPVAL_TERMINALS)\n";
    assay_gnuplot *gnuplot = NULL;
    int status = assay_gnuplot_start(&gnuplot);
    if (!status)
        status = assay_gnuplot_exchange(
            gnuplot, question, strlen(question), (unsigned char *)reply, REPLY_SIZE);
    assay_gnuplot_stop(gnuplot);
    reply[REPLY_SIZE] = '\0';
    return status;
}

static int look_at_gnuplot(assay_finding_list *list)
{
    static const char *const wanted[] = {
        "pbm", "pngcairo", "pdfcairo", "svg", "cairolatex", "tikz"};
    char reply[REPLY_SIZE + 1], path[4096], missing[128] = "";
    if (assay_gnuplot_path(path, sizeof path) || ask_gnuplot(reply))
        return assay_doctor_add(list, "gnuplot", ASSAY_FINDING_WARNING,
            "figures need it: apt-get install gnuplot-nox, or name another one in ASSAY_GNUPLOT",
            "%s", assay_errmsg());
    reply[REPLY_SIZE - 1] = '\0';
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!has_word(reply + VERSION_SIZE, wanted[i])) {
            strcat(missing, missing[0] ? " " : "");
            strcat(missing, wanted[i]);
        }
    if (missing[0])
        return assay_doctor_add(list, "gnuplot", ASSAY_FINDING_WARNING,
            "figures in those formats need a gnuplot with Cairo: apt-get install gnuplot-nox",
            "%s %.*s lacks the terminals %s", path, (int)strcspn(reply, " "), reply, missing);
    return assay_doctor_add(list, "gnuplot", ASSAY_FINDING_GOOD, NULL,
        "%s %.*s with all terminals that figures use", path, (int)strcspn(reply, " "), reply);
}

/* ---- what one sees ---- */

static int look_at_locale(assay_finding_list *list)
{
    const char *codes = nl_langinfo(CODESET);
    if (strcmp(codes, "UTF-8") == 0)
        return assay_doctor_add(list, "locale", ASSAY_FINDING_GOOD, NULL, "%s", codes);
    return assay_doctor_add(list, "locale", ASSAY_FINDING_WARNING,
        "figures and lines are drawn in ASCII until the locale is one of UTF-8: export "
        "LC_ALL=C.UTF-8",
        "%s", codes);
}

static int look_at_terminal(assay_finding_list *list)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    int error;
    if (!term || !*term)
        return assay_doctor_add(list, "terminal", ASSAY_FINDING_WARNING,
            "the terminal interface needs it: export TERM=xterm-256color", "TERM is not set");
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return assay_doctor_add(list, "terminal", ASSAY_FINDING_WARNING,
            "the terminal interface needs it: export TERM=xterm-256color, or install its "
            "description (apt-get install ncurses-term)",
            "TERM=%s is not known here", term);
    char capability[][8] = {"colors", "cup"};
    int colours = tigetnum(capability[0]);
    const char *move = tigetstr(capability[1]);
    bool places = move && move != (char *)-1;
    const char *advice = !places       ? "the terminal interface can't draw on it: export "
                                         "TERM=xterm-256color where that is true"
                         : colours < 8 ? "states and series are told apart by signs only: export "
                                         "TERM=xterm-256color where that is true"
                                       : NULL;
    int status = assay_doctor_add(list, "terminal",
        advice ? ASSAY_FINDING_WARNING : ASSAY_FINDING_GOOD, advice, "TERM=%s, %d colours%s%s",
        term, colours > 0 ? colours : 0, places ? "" : ", no way to place the cursor",
        no_color && *no_color ? ", not used (NO_COLOR)" : "");
    del_curterm(cur_term);
    return status;
}

int assay_doctor_host(assay_finding_list *list)
{
    static int (*const looks[])(assay_finding_list *) = {
        look_at_versions, look_at_processor, look_at_gnuplot, look_at_locale, look_at_terminal};
    int status = ASSAY_OK;
    for (size_t i = 0; i < sizeof looks / sizeof *looks && !status; i++)
        status = looks[i](list);
    return status;
}
