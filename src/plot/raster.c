/*
 * The rasteriser: one frame of `set term pbm` a layer, over the pipes of a gnuplot that stays.
 *
 * A layer has a monochrome frame of its own instead of a colour in a common one: a frame this small
 * costs a fraction of a millisecond, a pixel where two series cross belongs to both, and there is
 * no limit of eight colours. Layers are thinned before they are sent to what their pixels can show,
 * so that a curve of a million points costs no more than one of a thousand (for lines: the first,
 * least, largest and last point of each column of pixels, which gives the same pixels; Jugel et
 * al., M4, VLDB 2014).
 *
 * Points are sent as pixels with one decimal. The axes, log or not, are thereby computed in one
 * place (axis.c) for dots and text alike; and gnuplot reads its input a byte at a time, so that
 * bytes are what a frame costs. pbm rounds its size up to multiples of eight: the surplus lies at
 * the right and at the top, and is cut off.
 */
#include "plot/raster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "plot/gnuplot.h"

struct assay_raster {
    assay_gnuplot *gnuplot;
};

int assay_raster_open(assay_raster **out)
{
    *out = NULL;
    assay_raster *raster = calloc(1, sizeof *raster);
    if (!raster)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a raster");
    int status = assay_gnuplot_start(&raster->gnuplot);
    if (status)
        free(raster);
    else
        *out = raster;
    return status;
}

void assay_raster_close(assay_raster *raster)
{
    if (!raster)
        return;
    assay_gnuplot_stop(raster->gnuplot);
    free(raster);
}

typedef struct canvas {
    const assay_axis *x, *y;
    size_t width, height; /* wanted */
    size_t columns, rows; /* what gnuplot makes: multiples of eight */
} canvas;

/* Far outside is as good as a million pixels outside. */
static double pixel_of(const assay_axis *axis, double v, size_t pixels)
{
    return fmax(-1e6, fmin(1e6, assay_axis_place(axis, v) * (double)(pixels - 1)));
}

static void put_point(const canvas *c, const double *point, FILE *out)
{
    fprintf(out, "%.1f %.1f\n", pixel_of(c->x, point[0], c->width),
        pixel_of(c->y, point[1], c->height));
}

/* The pixel column of x, -1 left of the canvas, `width` right of it. */
static long column_of(const canvas *c, double x)
{
    double column = pixel_of(c->x, x, c->width);
    return column < -0.5 ? -1 : column >= (double)c->width - 0.5 ? (long)c->width : lround(column);
}

/* The end of a run of points in one pixel column, from `first`. */
static size_t column_end(const canvas *c, const assay_layer *layer, size_t first)
{
    long column = column_of(c, layer->points[first][0]);
    size_t end = first + 1;
    while (end < layer->count && !isnan(layer->points[end][0]) &&
           column_of(c, layer->points[end][0]) == column)
        end++;
    return end;
}

static void put_lines(const canvas *c, const assay_layer *layer, FILE *out)
{
    for (size_t i = 0, end; i < layer->count; i = end) {
        end = i + 1;
        if (isnan(layer->points[i][0])) {
            fputc('\n', out);
            continue;
        }
        end = column_end(c, layer, i);
        size_t least = i, most = i;
        for (size_t j = i; j < end; j++) {
            if (layer->points[j][1] < layer->points[least][1])
                least = j;
            if (layer->points[j][1] > layer->points[most][1])
                most = j;
        }
        const size_t kept[] = {
            i, least < most ? least : most, least < most ? most : least, end - 1};
        for (size_t k = 0; k < 4; k++)
            if (k == 0 || kept[k] != kept[k - 1])
                put_point(c, layer->points[kept[k]], out);
    }
}

/* Each pixel once. */
static int put_points(const canvas *c, const assay_layer *layer, FILE *out)
{
    unsigned char *seen = calloc(c->width, c->height);
    if (!seen)
        return assay_fail(ASSAY_ENOMEM, "out of memory for a raster");
    for (size_t i = 0; i < layer->count; i++) {
        long column = column_of(c, layer->points[i][0]);
        double row = pixel_of(c->y, layer->points[i][1], c->height);
        if (column < 0 || column >= (long)c->width || !(row > -0.5) ||
            row >= (double)c->height - 0.5)
            continue;
        unsigned char *pixel = &seen[(size_t)lround(row) * c->width + (size_t)column];
        if (!*pixel)
            put_point(c, layer->points[i], out);
        *pixel = 1;
    }
    free(seen);
    return ASSAY_OK;
}

/* A layer without a point inside still makes a frame: the invisible curve beyond the axes does. */
static int put_layer(const canvas *c, const assay_layer *layer, FILE *out)
{
    int status = ASSAY_OK;
    fputs("$l << E\n", out);
    if (layer->lines)
        put_lines(c, layer, out);
    else
        status = put_points(c, layer, out);
    fprintf(out, "E\nplot -9 with dots, $l with %s linetype -1\n", layer->lines ? "lines" : "dots");
    return status;
}

static int write_commands(const canvas *c, const assay_layer *layers, size_t count, FILE *out)
{
    int status = ASSAY_OK;
    fprintf(out, "set terminal pbm monochrome size %zu,%zu\n", c->columns, c->rows);
    fprintf(out, "set xrange [0:%zu]\nset yrange [0:%zu]\n", c->columns - 1, c->rows - 1);
    fputs("set lmargin 0\nset rmargin 0\nset tmargin 0\nset bmargin 0\nunset border\nunset tics\n"
          "unset key\nset clip two\nset samples 2\n",
        out);
    for (size_t i = 0; i < count && !status; i++)
        status = put_layer(c, &layers[i], out);
    return status;
}

/* "P4\n160 96\n" and the packed rows. */
static size_t header_of(const canvas *c, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "P4\n%zu %zu\n", c->columns, c->rows);
}

static int unpack(const canvas *c, const unsigned char *reply, size_t count, unsigned char *pixels)
{
    char header[64];
    size_t length = header_of(c, header, sizeof header);
    for (size_t i = 0; i < count; i++) {
        if (memcmp(reply, header, length) != 0)
            return assay_fail(
                ASSAY_EIO, "gnuplot's frame is not a bitmap of %zu x %zu", c->columns, c->rows);
        reply += length;
        const unsigned char *top = reply + (c->rows - c->height) * (c->columns / 8);
        for (size_t y = 0; y < c->height; y++)
            for (size_t x = 0; x < c->width; x++)
                *pixels++ = top[y * (c->columns / 8) + x / 8] >> (7 - x % 8) & 1;
        reply += c->columns / 8 * c->rows;
    }
    return ASSAY_OK;
}

/* Once more with a new gnuplot when the old one has died. */
static int exchange(
    assay_raster *raster, const char *commands, size_t size, unsigned char *reply, size_t want)
{
    int status = raster->gnuplot
                     ? assay_gnuplot_exchange(raster->gnuplot, commands, size, reply, want)
                     : ASSAY_EIO;
    if (status != ASSAY_EIO)
        return status;
    assay_gnuplot_stop(raster->gnuplot);
    raster->gnuplot = NULL;
    status = assay_gnuplot_start(&raster->gnuplot);
    if (!status)
        status = assay_gnuplot_exchange(raster->gnuplot, commands, size, reply, want);
    if (status && raster->gnuplot) {
        assay_gnuplot_stop(raster->gnuplot);
        raster->gnuplot = NULL;
    }
    return status;
}

int assay_raster_draw(assay_raster *raster, const assay_axis *x, const assay_axis *y,
    const assay_layer *layers, size_t count, size_t width, size_t height, unsigned char *pixels)
{
    canvas c = {x, y, width, height, (width + 7) / 8 * 8, (height + 7) / 8 * 8};
    char header[64], *commands = NULL;
    size_t size = 0, want = count * (header_of(&c, header, sizeof header) + c.columns / 8 * c.rows);
    unsigned char *reply = malloc(want + 1);
    FILE *out = open_memstream(&commands, &size);
    int status = reply && out ? write_commands(&c, layers, count, out)
                              : assay_fail(ASSAY_ENOMEM, "out of memory for a raster");
    if (out && fclose(out) && !status)
        status = assay_fail(ASSAY_ENOMEM, "out of memory for a raster");
    if (!status)
        status = exchange(raster, commands, size, reply, want);
    if (!status)
        status = unpack(&c, reply, count, pixels);
    free(commands);
    free(reply);
    return status;
}
