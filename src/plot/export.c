/*
 * Export to files. gnuplot works in a directory of its own beside the target, on the very script
 * and data that are kept: the files move to their places only after it made the picture, so a
 * failure leaves nothing half, and what is kept is known to run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"
#include "plot/figure.h"
#include "plot/gnuplot.h"
#include "plot/script.h"

typedef struct place {
    char *directory; /* "plots" */
    char *name;      /* "coverage" */
    char *work;      /* "plots/.assay-k2j4h1" */
} place;

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for an export");
}

static int open_place(const char *base, place *p)
{
    const char *slash = strrchr(base, '/');
    p->name = strdup(slash ? slash + 1 : base);
    p->directory = !slash          ? strdup(".")
                   : slash == base ? strdup("/")
                                   : strndup(base, (size_t)(slash - base));
    if (!p->name || !p->directory)
        return no_memory();
    if (p->name[0] == '\0')
        return assay_fail(
            ASSAY_EINVAL, "\"%s\" is a directory; a figure needs a file's name", base);
    if (asprintf(&p->work, "%s/.assay-XXXXXX", p->directory) < 0) {
        p->work = NULL;
        return no_memory();
    }
    if (!mkdtemp(p->work)) {
        int error = errno;
        free(p->work);
        p->work = NULL;
        return assay_fail(
            ASSAY_EIO, "can't write into the directory \"%s\": %s", p->directory, strerror(error));
    }
    return ASSAY_OK;
}

/* directory/name.extension; NULL without memory. */
static char *path_of(const char *directory, const char *name, const char *extension)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s%s", directory, name, extension[0] ? "." : "", extension) < 0
               ? NULL
               : path;
}

static void close_place(place *p)
{
    DIR *work = p->work ? opendir(p->work) : NULL;
    for (struct dirent *entry; work && (entry = readdir(work));) {
        char *path = path_of(p->work, entry->d_name, "");
        if (path && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(path);
        free(path);
    }
    if (work)
        closedir(work);
    if (p->work)
        rmdir(p->work);
    free(p->work);
    free(p->name);
    free(p->directory);
}

static int open_file(const place *p, const char *extension, FILE **out)
{
    char *path = path_of(p->work, p->name, extension);
    *out = path ? fopen(path, "we") : NULL;
    int status = *out   ? ASSAY_OK
                 : path ? assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno))
                        : no_memory();
    free(path);
    return status;
}

static int close_file(FILE *file, const place *p, const char *extension)
{
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    return failed ? assay_fail(ASSAY_EIO, "%s/%s.%s could not be written: %s", p->directory,
                        p->name, extension, strerror(errno))
                  : ASSAY_OK;
}

/* A file is moved to its place; one that a format does not make is left out. */
static int move(const place *p, const char *extension, bool needed)
{
    char *from = path_of(p->work, p->name, extension),
         *to = path_of(p->directory, p->name, extension);
    struct stat info;
    int status = from && to ? ASSAY_OK : no_memory();
    if (status)
        goto cleanup;
    if (stat(from, &info) || info.st_size == 0)
        status = needed ? assay_fail(ASSAY_EIO, "gnuplot made no %s", to) : ASSAY_OK;
    else if (rename(from, to))
        status = assay_fail(ASSAY_EIO, "%s: %s", to, strerror(errno));
cleanup:
    free(from);
    free(to);
    return status;
}

static int write_data(const assay_figure *figure, const assay_series_set *set, const place *p)
{
    FILE *file;
    int status = open_file(p, "dat", &file);
    if (status)
        return status;
    assay_script_data(figure, set, file);
    return close_file(file, p, "dat");
}

static int write_script(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, double wide, double tall, const place *p)
{
    FILE *file;
    int status = open_file(p, "gp", &file);
    if (status)
        return status;
    status = assay_script_write_sized(figure, set, terminal, p->name, wide, tall, file);
    int closed = close_file(file, p, "gp");
    return status ? status : closed;
}

static int run_script(const place *p)
{
    char *script = NULL;
    if (asprintf(&script, "%s.gp", p->name) < 0)
        return no_memory();
    int status = assay_gnuplot_run(p->work, script);
    free(script);
    return status;
}

static int export_by_gnuplot(const assay_figure *figure, const assay_series_set *set,
    const assay_terminal *terminal, const place *p)
{
    int status = write_script(figure, set, terminal, 0, 0, p);
    if (!status)
        status = run_script(p);
    if (!status)
        status = move(p, terminal->extension, true);
    if (!status && strcmp(terminal->format, "tex") == 0)
        status = move(p, "pdf", true);
    if (!status)
        status = move(p, "gp", true);
    return status;
}

/* Drawn by ourselves, 100 x 30; it has no script, since gnuplot could not make it again. */
static int export_text(const assay_figure *figure, const assay_series_set *set, const place *p)
{
    assay_raster *raster;
    assay_screen screen = {0};
    FILE *file;
    int status = assay_raster_open(&raster);
    if (status)
        return status;
    status = assay_figure_draw(raster, figure, set, 30, 100, false, &screen);
    assay_raster_close(raster);
    if (!status)
        status = open_file(p, "txt", &file);
    if (!status) {
        status = assay_screen_print(&screen, file, false);
        int closed = close_file(file, p, "txt");
        status = status ? status : closed;
    }
    assay_screen_free(&screen);
    return status ? status : move(p, "txt", true);
}

static int no_data(const assay_figure *figure)
{
    char where[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < figure->where_count && used < sizeof where; i++)
        used += (size_t)snprintf(where + used, sizeof where - used, "%s%s = %s",
            i ? ", " : " where ", figure->where[i].column, figure->where[i].value);
    return assay_fail(ASSAY_EINVAL,
        "figure \"%s\" has no data yet: no row%s has a finite %s and %s", figure->name, where,
        figure->x, figure->y);
}

int assay_figure_export(
    const assay_figure *figure, const assay_series_set *set, const char *format, const char *base)
{
    const assay_terminal *terminal = NULL;
    bool text = strcmp(format, "txt") == 0;
    place p = {0};
    int status = text ? ASSAY_OK : assay_terminal_find(format, &terminal);
    if (status)
        return status;
    if (set->count == 0)
        return no_data(figure);
    status = open_place(base, &p);
    if (!status)
        status = write_data(figure, set, &p);
    if (!status)
        status = text ? export_text(figure, set, &p) : export_by_gnuplot(figure, set, terminal, &p);
    if (!status)
        status = move(&p, "dat", true);
    close_place(&p);
    return status;
}

/* ---- for a screen ---- */

static int read_made(const place *p, const char *extension, void **data, size_t *size)
{
    char *path = path_of(p->work, p->name, extension);
    FILE *file = path ? fopen(path, "re") : NULL;
    struct stat info;
    int status = ASSAY_OK;
    if (!file || fstat(fileno(file), &info) || info.st_size <= 0 ||
        !(*data = malloc((size_t)info.st_size)))
        status = assay_fail(ASSAY_EIO, "gnuplot made no picture");
    else if (fread(*data, 1, (size_t)info.st_size, file) != (size_t)info.st_size)
        status = assay_fail(ASSAY_EIO, "the picture could not be read");
    else
        *size = (size_t)info.st_size;
    if (file)
        fclose(file);
    free(path);
    return status;
}

/* pngcairo's terminal for so many pixels an inch: of a paper's figure, 6.5 point are 33 of 369. */
static void screen_terminal(double inch, char *set, size_t size)
{
    double scale = inch / 369;
    snprintf(set, size,
        "pngcairo enhanced size %%1$.0f,%%2$.0f background '#ffffff' font 'Sans,6.5' fontscale "
        "%.3f "
        "linewidth %.2f pointscale %.2f dashlength 0.8",
        5.13 * scale, 4 * scale, 4 * scale);
}

int assay_figure_png(const assay_figure *figure, const assay_series_set *set, size_t width,
    size_t height, double line, void **data, size_t *size)
{
    double inch = line / 0.117; /* a line of text takes so much of a figure */
    char terminal_set[256], base[512];
    const char *temporary = getenv("TMPDIR");
    place p = {0};
    screen_terminal(inch, terminal_set, sizeof terminal_set);
    assay_terminal terminal = {.format = "png",
        .extension = "png",
        .needs = "",
        .markup = ASSAY_MARKUP_ENHANCED,
        .set = terminal_set,
        .unit = inch};
    *data = NULL;
    *size = 0;
    if (set->count == 0)
        return no_data(figure);
    snprintf(base, sizeof base, "%.400s/figure", temporary && *temporary ? temporary : "/tmp");
    int status = open_place(base, &p);
    if (!status)
        status = write_data(figure, set, &p);
    if (!status)
        status =
            write_script(figure, set, &terminal, (double)width / inch, (double)height / inch, &p);
    if (!status)
        status = run_script(&p);
    if (!status)
        status = read_made(&p, "png", data, size);
    close_place(&p);
    if (status) {
        free(*data);
        *data = NULL;
    }
    return status;
}
