/* assay plot: figures of a run to the terminal or to files. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/status.h"
#include "core/suggest.h"
#include "run/diff.h"
#include "run/run.h"

typedef struct plot_flags {
    const char *output; /* path, its extension tells the format */
    const char *format; /* --term */
    const char *with;   /* other runs, commas between them */
    int64_t columns, rows;
    bool ascii, list;
} plot_flags;

static const char *const formats[] = {"png", "svg", "pdf", "tex", "tikz", "txt"};
enum { FORMATS = sizeof formats / sizeof *formats };

static bool known_format(const char *name)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i], name) == 0)
            return true;
    return false;
}

/* Split -o PATH into base and format; --term wins over the extension. */
static int split_output(
    const cli_command *self, const plot_flags *flags, char *base, size_t size, const char **format)
{
    const char *slash = strrchr(flags->output, '/'), *dot = strrchr(flags->output, '.');
    bool has = dot && (!slash || dot > slash) && known_format(dot + 1);
    *format = flags->format ? flags->format : has ? dot + 1 : NULL;
    if (!*format)
        return cli_usage_error(
            self, "%s needs an extension (png, svg, pdf, tex, tikz, txt) or --term", flags->output);
    int length = has ? (int)(dot - flags->output) : (int)strlen(flags->output);
    snprintf(base, size, "%.*s", length, flags->output);
    return CLI_DONE;
}

static void terminal_size(const plot_flags *flags, size_t *rows, size_t *cols)
{
    struct winsize window = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    *cols = flags->columns > 0 ? (size_t)flags->columns : known ? window.ws_col : 80;
    *rows = flags->rows > 0 ? (size_t)flags->rows : known ? (size_t)window.ws_row - 2 : 22;
    if (flags->columns <= 0 && *cols > 120)
        *cols = 120;
    if (flags->rows <= 0 && *rows > 36)
        *rows = 36;
}

static int draw(const assay_figure *figure, const assay_series_set *set, const plot_flags *flags)
{
    size_t rows, cols;
    terminal_size(flags, &rows, &cols);
    assay_raster *raster = NULL;
    assay_screen screen = {0};
    int status = assay_raster_open(&raster);
    if (!status)
        status = assay_figure_draw(raster, figure, set, rows, cols, flags->ascii, &screen);
    if (!status)
        status = assay_screen_print(&screen, stdout, cli_colour());
    assay_screen_free(&screen);
    assay_raster_close(raster);
    return status ? cli_failed() : CLI_DONE;
}

static int export(const cli_command *self, const assay_figure *figure, const assay_series_set *set,
    const plot_flags *flags)
{
    char base[4096];
    const char *format;
    int status = split_output(self, flags, base, sizeof base, &format);
    if (status)
        return status;
    if (assay_figure_export(figure, set, format, base))
        return cli_failed();
    if (strcmp(format, "txt") == 0)
        printf("%s.txt\n", base);
    else
        printf("%s.%s (script %s.gp, data %s.dat)\n", base, format, base, base);
    if (set->skipped > 0)
        fprintf(stderr, "assay: %zu rows without a finite value were left out\n", set->skipped);
    return CLI_DONE;
}

static const assay_figure *choose(assay_figure **figures, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!name || strcmp(figures[i]->name, name) == 0)
            return figures[i];
    return NULL;
}

static int no_such_figure(assay_figure **figures, size_t count, const char *name)
{
    const char **names = malloc((count + 1) * sizeof *names);
    char hint[512] = "";
    for (size_t i = 0; names && i < count; i++)
        names[i] = figures[i]->name;
    if (names)
        assay_suggest(name ? name : "", names, count, hint, sizeof hint);
    free(names);
    if (name)
        fprintf(stderr, "assay: the run has no figure \"%s\"%s\n", name, hint);
    else
        fprintf(stderr, "assay: the run's experiment declares no figures\n");
    return CLI_FAILED;
}

/* The run's rows, or those of the other runs beside them. */
static int read_series(assay_store *store, int64_t run, const assay_figure *figure,
    const plot_flags *flags, assay_series_set **out)
{
    int64_t runs[ASSAY_DIFF_MOST] = {run};
    size_t count = 1;
    assay_diff *diff = NULL;
    char *words = flags->with ? strdup(flags->with) : NULL;
    int status = ASSAY_OK;
    for (char *word = words ? strtok(words, ",") : NULL; word && !status && count < ASSAY_DIFF_MOST;
         word = strtok(NULL, ","))
        status = assay_store_run_find(store, word, &runs[count++]);
    free(words);
    if (status || count == 1)
        return status ? status : assay_run_series(store, run, figure, out);
    status =
        assay_diff_runs(store, runs, count, &(assay_diff_options){.only_settings = true}, &diff);
    if (!status)
        status = assay_diff_series(store, diff, figure, out);
    assay_diff_free(diff);
    return status;
}

static int plot_run(const cli_command *self, assay_store *store, int64_t run, const char *name,
    const plot_flags *flags)
{
    assay_figure **figures = NULL;
    size_t count = 0;
    if (assay_run_figures(store, run, &figures, &count))
        return cli_failed();
    int status = CLI_DONE;
    const assay_figure *figure = choose(figures, count, name);
    for (size_t i = 0; flags->list && i < count; i++)
        printf("%-20s %s\n", figures[i]->name, figures[i]->title ? figures[i]->title : "");
    if (!figure && !flags->list) {
        status = no_such_figure(figures, count, name);
    } else if (!flags->list) {
        assay_series_set *set = NULL;
        if (read_series(store, run, figure, flags, &set))
            status = cli_failed();
        else
            status = flags->output ? export(self, figure, set, flags) : draw(figure, set, flags);
        assay_series_set_free(set);
    }
    assay_run_figures_free(figures, count);
    return status;
}

static int plot(const cli_command *self, int argc, char **argv)
{
    const char *database = NULL;
    plot_flags flags = {0};
    const cli_option options[] = {
        {"output", 'o', CLI_TEXT, "FILE",
            "write FILE (.png .svg .pdf .tex .tikz .txt), its .gp and .dat", &flags.output},
        {"term", 't', CLI_TEXT, "FORMAT", "png, svg, pdf, tex, tikz or txt, whatever FILE ends in",
            &flags.format},
        {"with", 'w', CLI_TEXT, "RUN,...", "these runs beside it, told apart by what differs",
            &flags.with},
        {"list", 'l', CLI_FLAG, NULL, "list the run's figures", &flags.list},
        {"width", 0, CLI_COUNT, "N", "columns in the terminal", &flags.columns},
        {"height", 0, CLI_COUNT, "N", "lines in the terminal", &flags.rows},
        {"ascii", 0, CLI_FLAG, NULL, "no characters beyond ASCII", &flags.ascii}, CLI_DB(&database),
        CLI_OPTIONS_END};
    int first, status = cli_parse(self, options, argc, argv, &first);
    if (status >= 0)
        return status;
    if (argc - first > 2)
        return cli_usage_error(self, "unexpected \"%s\"", argv[first + 2]);
    if (flags.format && !known_format(flags.format))
        return cli_usage_error(
            self, "--term must be png, svg, pdf, tex, tikz or txt, got \"%s\"", flags.format);
    if (flags.format && !flags.output)
        return cli_usage_error(self, "--term needs --output FILE");
    assay_store *store;
    int64_t run;
    const char *name = argc - first == 2 ? argv[first + 1] : NULL;
    status = cli_open_run(
        self, database, ASSAY_STORE_READ, true, argc - (name != NULL), argv, first, &store, &run);
    if (status == CLI_DONE)
        status = plot_run(self, store, run, name, &flags);
    assay_store_close(store);
    return status;
}

const cli_command cli_plot = {"plot", "[RUN [FIGURE]]",
    "Draw a run's figure, or export it for a paper",
    "RUN is \"last\" unless named, FIGURE the first that the experiment declares. Beside FILE "
    "stand the\n"
    "gnuplot script and the data, so that the figure can be restyled and made again.",
    plot};
