/* See points.h. The view is parallel: distance does not count, so that lengths can be compared. */
#include "tui/points.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tui/format.h"

/* ---- reading ---- */

static bool has_numbers(const assay_table *table, size_t column)
{
    for (size_t row = 0; row < assay_table_rows(table); row++) {
        assay_datum datum = assay_table_get(table, row, column);
        if (datum.kind == ASSAY_DATUM_NUMBER || datum.kind == ASSAY_DATUM_INTEGER)
            return true;
        if (datum.kind == ASSAY_DATUM_TEXT)
            return false;
    }
    return false;
}

/* How many columns were found: 0, 2 or 3. */
static size_t find_columns(const assay_table *table, size_t columns[3])
{
    static const char *const names[] = {"x", "y", "z"};
    size_t count = 0;
    for (size_t i = 0; i < assay_table_columns(table); i++)
        for (size_t d = 0; d < 3; d++)
            if (strcasecmp(assay_table_name(table, i), names[d]) == 0 && has_numbers(table, i)) {
                columns[d] = i;
                count |= (size_t)1 << d;
            }
    if (count == 3 || count == 7)
        return count == 7 ? 3 : 2;
    count = 0;
    for (size_t i = 0; i < assay_table_columns(table); i++)
        if (has_numbers(table, i) && count++ < 3)
            columns[count - 1] = i;
    return count < 2 ? 0 : count == 3 ? 3 : 2;
}

/* The column of texts, or that there is none: the number of columns. */
static size_t find_groups(const assay_table *table)
{
    size_t column = 0;
    while (column < assay_table_columns(table) &&
           !(assay_table_rows(table) && assay_table_get(table, 0, column).kind == ASSAY_DATUM_TEXT))
        column++;
    return column;
}

static unsigned char group_of(struct tui_points *self, const char *text)
{
    size_t i = 0;
    for (; i < TUI_POINT_GROUPS && self->groups[i]; i++)
        if (strcmp(self->groups[i], text) == 0)
            return (unsigned char)i;
    if (i < TUI_POINT_GROUPS) {
        self->groups[i] = strdup(text);
        return (unsigned char)i;
    }
    free(self->groups[i - 1]);
    self->groups[i - 1] = strdup("others");
    return (unsigned char)(i - 1);
}

static void add_row(struct tui_points *self, const assay_table *table, size_t row,
    const size_t columns[3], size_t groups)
{
    double *at = self->at[self->count];
    at[2] = 0;
    for (size_t d = 0; d < self->dims; d++) {
        assay_datum datum = assay_table_get(table, row, columns[d]);
        if ((datum.kind != ASSAY_DATUM_NUMBER && datum.kind != ASSAY_DATUM_INTEGER) ||
            !isfinite(datum.number))
            return;
        at[d] = datum.number;
    }
    for (size_t d = 0; d < 3; d++) {
        self->low[d] = self->count ? fmin(self->low[d], at[d]) : at[d];
        self->high[d] = self->count ? fmax(self->high[d], at[d]) : at[d];
    }
    assay_datum group = {0};
    if (groups < assay_table_columns(table))
        group = assay_table_get(table, row, groups);
    self->group[self->count++] = group.kind == ASSAY_DATUM_TEXT ? group_of(self, group.text) : 0;
}

bool tui_points_read(const assay_table *table, struct tui_points *out)
{
    size_t columns[3], rows = assay_table_rows(table), groups = find_groups(table);
    *out = (struct tui_points){.dims = find_columns(table, columns)};
    if (!out->dims)
        return false;
    out->at = calloc(rows + 1, sizeof *out->at);
    out->group = calloc(rows + 1, 1);
    for (size_t d = 0; d < out->dims; d++)
        out->names[d] = strdup(assay_table_name(table, columns[d]));
    for (size_t row = 0; out->at && out->group && row < rows; row++)
        add_row(out, table, row, columns, groups);
    if (!out->count)
        tui_points_free(out);
    return out->count > 0;
}

void tui_points_free(struct tui_points *points)
{
    for (size_t i = 0; i < TUI_POINT_GROUPS; i++)
        free(points->groups[i]);
    for (size_t d = 0; d < 3; d++)
        free(points->names[d]);
    free(points->at);
    free(points->group);
    *points = (struct tui_points){0};
}

/* ---- drawing ---- */

/* Dots and, of each character, the group that was drawn there last. */
struct canvas {
    int rows, cols; /* of characters */
    unsigned char *dots;
    signed char *group; /* -1: an axis */
};

static void set_dot(struct canvas *canvas, double x, double y, int group)
{
    int col = (int)lround(x), row = (int)lround(y);
    if (!(x > -1 && y > -1) || col < 0 || row < 0 || col >= 2 * canvas->cols ||
        row >= 4 * canvas->rows)
        return;
    size_t at = (size_t)(row / 4 * canvas->cols + col / 2);
    if (group < 0 && canvas->group[at] >= 0)
        return;
    canvas->dots[at] |= (unsigned char)tui_dot(row % 4, col % 2);
    canvas->group[at] = (signed char)group;
}

/* A point of the cube -1..1 as it is seen, in dots. */
struct lens {
    double turn[2], tilt[2]; /* cosine and sine */
    double scale[2], middle[2];
    bool solid;
};

static void look(const struct lens *lens, const double at[3], double *x, double *y)
{
    double across = at[0], up = at[1];
    if (lens->solid) {
        across = lens->turn[0] * at[0] - lens->turn[1] * at[1];
        double away = lens->turn[1] * at[0] + lens->turn[0] * at[1];
        up = lens->tilt[0] * at[2] + lens->tilt[1] * away;
    }
    *x = lens->middle[0] + lens->scale[0] * across;
    *y = lens->middle[1] - lens->scale[1] * up;
}

static struct lens make_lens(
    const struct tui_points *points, const struct tui_sight *sight, const struct canvas *canvas)
{
    static const double degree = 0.017453292519943295;
    double half[2] = {(2 * canvas->cols - 1) / 2.0, (4 * canvas->rows - 1) / 2.0};
    struct lens lens = {{cos(sight->turn * degree), sin(sight->turn * degree)},
        {cos(sight->tilt * degree), sin(sight->tilt * degree)}, {half[0], half[1]},
        {half[0], half[1]}, points->dims == 3};
    if (lens.solid) /* a cube stays one, and its corners within */
        lens.scale[0] = lens.scale[1] = fmin(half[0], half[1]) / sqrt(3) * 1.2;
    lens.scale[0] *= sight->zoom;
    lens.scale[1] *= sight->zoom;
    return lens;
}

/* To -1..1. Flat sets fill the screen, each axis by itself. */
static void to_cube(const struct tui_points *points, const double at[3], double out[3])
{
    for (size_t d = 0; d < 3; d++) {
        double range = points->high[d] - points->low[d];
        out[d] = range > 0 ? 2 * (at[d] - points->low[d]) / range - 1 : 0;
    }
}

/* The three edges of the cube that meet in the lowest corner, with their names at the ends. */
static void draw_axes(const struct tui_points *points, const struct lens *lens,
    struct canvas *canvas, struct tui_area area)
{
    for (size_t d = 0; d < 3; d++) {
        double at[3] = {-1, -1, -1}, x, y;
        for (int i = 0; i <= 60; i++) {
            at[d] = -1 + i / 30.0;
            look(lens, at, &x, &y);
            set_dot(canvas, x, y, -1);
        }
        at[d] = 1.1;
        look(lens, at, &x, &y);
        int row = (int)(y / 4), col = (int)(x / 2);
        if (x >= 0 && y >= 0 && row < canvas->rows && col < canvas->cols)
            tui_put(area.y + row, area.x + col, canvas->cols - col, TUI_BOLD, points->names[d]);
    }
}

static void put_canvas(const struct canvas *canvas, struct tui_area area)
{
    bool ascii = tui_screen_pixels() == TUI_LETTERS;
    for (int row = 0; row < canvas->rows; row++)
        for (int col = 0; col < canvas->cols; col++) {
            size_t at = (size_t)(row * canvas->cols + col);
            int group = canvas->group[at];
            unsigned letter = group < 0 ? '.' : (unsigned char)"*o+x#%@"[group];
            if (canvas->dots[at])
                tui_put_code(area.y + row, area.x + col, group < 0 ? TUI_DIM : TUI_SERIES + group,
                    ascii ? letter : 0x2800u | canvas->dots[at]);
        }
}

static void draw_legend(const struct tui_points *points, struct tui_area area)
{
    char low[TUI_SHORT], high[TUI_SHORT];
    int y = area.y + area.rows - 1, x = 0;
    for (size_t d = 0; d < points->dims && x < area.cols; d++) {
        tui_format_estimate(points->low[d], low);
        tui_format_estimate(points->high[d], high);
        x += tui_putf(
            y, area.x + x, area.cols - x, TUI_DIM, "%s %s..%s  ", points->names[d], low, high);
    }
    for (size_t i = 0; i < TUI_POINT_GROUPS && points->groups[i] && x < area.cols; i++)
        x += tui_putf(y, area.x + x, area.cols - x, TUI_SERIES + (int)i, "%s  ", points->groups[i]);
}

void tui_points_draw(
    const struct tui_points *points, const struct tui_sight *sight, struct tui_area area)
{
    struct canvas canvas = {area.rows - 1, area.cols, NULL, NULL};
    if (canvas.rows < 1 || canvas.cols < 1)
        return;
    size_t size = (size_t)(canvas.rows * canvas.cols);
    canvas.dots = calloc(size, 1);
    canvas.group = calloc(size, 1);
    if (canvas.dots && canvas.group) {
        memset(canvas.group, -1, size);
        struct lens lens = make_lens(points, sight, &canvas);
        for (size_t i = 0; i < points->count; i++) {
            double at[3], x, y;
            to_cube(points, points->at[i], at);
            look(&lens, at, &x, &y);
            set_dot(&canvas, x, y, points->group[i]);
        }
        if (lens.solid)
            draw_axes(points, &lens, &canvas, area);
        put_canvas(&canvas, area);
    }
    free(canvas.dots);
    free(canvas.group);
    draw_legend(points, area);
}
