/*
 * What a cell kept, shown as what it is: an image, a table, a set of points, a text in lines, or
 * bytes; y shows it as the next of these that it can be. Left and right page through the artifacts
 * of the same name in the run's other cells (its replicates), < and > through the other artifacts
 * of the cell (its steps); tiled, cells stand side by side and take the same step together.
 */
#include "tui/artifact.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"
#include "tui/save.h"
#include "tui/sixel.h"
#include "tui/words.h"

enum { WIDEST_COLUMN = 24, MEASURED_ROWS = 200 };

struct artifact {
    struct tui_view view;
    struct tui_list list; /* lines of text, rows or bytes */
    int64_t run, index;   /* index and name: of the one that is wanted */
    char *name;
    size_t at;                        /* its place in found.all, when it is there */
    bool there, reading, again, anew; /* anew: read it though it seems to be the same */
    char *trouble;                    /* why there is none */
    struct artifact_found found;      /* what is shown; what is wanted may still be read */
    enum artifact_way way, wanted; /* wanted: by the user, when `chosen`; not all can be shown so */
    bool chosen;
    struct tui_sight sight; /* of points */
    size_t shift;           /* columns of a table that are left out at the left */
    int *widths;            /* of its columns */
    bool tiled;
    struct tui_sixel sixels[1 + ARTIFACT_TILES]; /* of what is shown, and of the tiles */
    unsigned long generation;                    /* of what is shown */
    bool painting, unpaintable;
    bool held; /* points, by the mouse */
    int held_y, held_x;
};

static int entry_width(const struct artifact *self, size_t row, size_t column)
{
    char text[4 * TUI_SHORT];
    assay_datum datum = assay_table_get(self->found.content.table, row, column);
    assay_datum_text(&datum, text, sizeof text);
    return tui_width(text);
}

static int measure_table(struct artifact *self)
{
    const assay_table *table = self->found.content.table;
    size_t columns = assay_table_columns(table), rows = assay_table_rows(table);
    self->widths = calloc(columns + 1, sizeof *self->widths);
    if (!self->widths)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    for (size_t c = 0; c < columns; c++) {
        int width = tui_width(assay_table_name(table, c));
        for (size_t row = 0; row < rows && row < MEASURED_ROWS; row++)
            width = entry_width(self, row, c) > width ? entry_width(self, row, c) : width;
        self->widths[c] = width < WIDEST_COLUMN ? width : WIDEST_COLUMN;
    }
    return ASSAY_OK;
}

/* How many lines the way has that is shown. */
static void count_lines(struct artifact *self)
{
    const struct artifact_content *content = &self->found.content;
    size_t count = 0;
    if (self->way == AS_TEXT)
        count = content->line_count;
    else if (self->way == AS_TABLE)
        count = assay_table_rows(content->table);
    else if (self->way == AS_BYTES)
        count = (content->size + ARTIFACT_BYTES - 1) / ARTIFACT_BYTES;
    tui_list_resize(&self->list, count);
    self->view.list = self->way == AS_IMAGE || self->way == AS_POINTS ? NULL : &self->list;
}

/* ---- reading, aside ---- */

static int start_reading(struct artifact *self);

static void show(struct artifact *self)
{
    if (self->found.content.table && measure_table(self) != ASSAY_OK)
        tui_failed(self->view.tui);
    self->there = true;
    self->way = self->chosen && self->found.content.can[self->wanted]
                    ? self->wanted
                    : artifact_first_way(&self->found.content);
    count_lines(self);
}

static void forget_sixels(struct artifact *self)
{
    self->generation++;
    self->unpaintable = false;
    for (size_t i = 0; i < 1 + ARTIFACT_TILES; i++)
        tui_sixel_free(&self->sixels[i]);
}

/* What was read is shown from now on; of what is on the screen already, only the list is new. */
static void take(struct artifact *self, struct artifact_reading *reading)
{
    if (reading->same) {
        assay_artifact_list old = self->found.all;
        self->found.all = reading->found.all;
        self->found.at = reading->found.at;
        reading->found.all = old;
        self->at = self->found.at;
        return;
    }
    artifact_found_clear(&self->found);
    forget_sixels(self);
    free(self->widths);
    self->widths = NULL;
    self->found = reading->found;
    reading->found = (struct artifact_found){0};
    self->at = self->found.at;
    show(self);
}

/* Back to what is on the screen. */
static void take_back(struct artifact *self)
{
    const assay_artifact_info *info = &self->found.all.artifacts[self->found.at];
    char *name = strdup(info->name);
    if (!name)
        return;
    free(self->name);
    self->name = name;
    self->index = info->index;
    self->at = self->found.at;
}

/* It was deleted while it was looked at, or can't be read. */
static void lose(struct artifact *self, int status, const char *message)
{
    tui_failed(self->view.tui);
    if (self->there && status != ASSAY_ENOTFOUND) {
        take_back(self);
        return;
    }
    artifact_found_clear(&self->found);
    forget_sixels(self);
    self->there = false;
    tui_list_resize(&self->list, 0);
    self->trouble =
        strdup(status == ASSAY_ENOTFOUND ? "This artifact is not there any more." : message);
}

static void was_read(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct artifact *self = (struct artifact *)view;
    struct artifact_reading *reading = (struct artifact_reading *)job;
    if (self) {
        bool again = self->again;
        self->reading = self->again = false;
        free(self->trouble);
        self->trouble = NULL;
        if (again && start_reading(self) != ASSAY_OK)
            tui_failed(tui);
        else if (!again && job->status == ASSAY_OK)
            take(self, reading);
        else if (!again)
            lose(self, job->status, job->message);
    }
    artifact_reading_clear(reading);
}

/* Is what is on the screen what is wanted? */
static bool is_shown(const struct artifact *self)
{
    const assay_artifact_info *info =
        self->there ? &self->found.all.artifacts[self->found.at] : NULL;
    return info && info->index == self->index && strcmp(info->name, self->name) == 0;
}

static int start_reading(struct artifact *self)
{
    struct artifact_reading *reading;
    if (self->reading) {
        self->again = true;
        return ASSAY_OK;
    }
    reading = calloc(1, sizeof *reading);
    if (!reading)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    reading->job.work = artifact_read;
    reading->job.done = was_read;
    reading->job.view = self->view.serial;
    reading->run = self->run;
    reading->index = self->index;
    reading->tiled = self->tiled;
    reading->database = strdup(tui_database(self->view.tui));
    reading->name = strdup(self->name);
    if (is_shown(self) && !self->anew && !self->tiled) {
        const assay_artifact_info *info = &self->found.all.artifacts[self->found.at];
        reading->known_type = strdup(info->type);
        reading->known_size = info->size;
    }
    self->anew = false;
    if (!reading->database || !reading->name) {
        artifact_reading_clear(reading);
        free(reading);
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    }
    self->reading = true;
    return tui_aside(self->view.tui, &reading->job);
}

static int load(struct tui_view *view)
{
    return tui_store(view->tui) ? start_reading((struct artifact *)view) : ASSAY_OK;
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct artifact *self = (struct artifact *)view;
    self->run = target->run;
    self->index = target->index;
    self->name = target->name ? strdup(target->name) : NULL;
    if (!self->name)
        return assay_fail(ASSAY_ENOTFOUND, "which artifact?");
    self->sight = (struct tui_sight){30, 25, 1};
    self->list.pager = true;
    view->list = &self->list;
    return ASSAY_OK;
}

static bool shows(struct tui_view *view, const struct tui_target *target)
{
    const struct artifact *self = (struct artifact *)view;
    return self->run == target->run && self->index == target->index && target->name &&
           strcmp(self->name, target->name) == 0;
}

static void close_view(struct tui_view *view)
{
    struct artifact *self = (struct artifact *)view;
    artifact_found_clear(&self->found);
    forget_sixels(self);
    free(self->widths);
    free(self->trouble);
    free(self->name);
}

/* ---- drawing ---- */

/* "00000010  41 42 43 ..  ABC" */
static void bytes_text(const struct artifact_content *content, size_t index, char *out, size_t size)
{
    size_t from = index * ARTIFACT_BYTES, length = (size_t)snprintf(out, size, "%08zx ", from);
    for (size_t i = from; i < from + ARTIFACT_BYTES; i++)
        length += (size_t)(i < content->size
                               ? snprintf(out + length, size - length, " %02x", content->data[i])
                               : snprintf(out + length, size - length, "   "));
    length += (size_t)snprintf(out + length, size - length, "  ");
    for (size_t i = from; i < from + ARTIFACT_BYTES && i < content->size && length + 1 < size; i++)
        out[length++] = isprint(content->data[i]) ? (char)content->data[i] : '.';
    out[length] = '\0';
}

static void row_text(const assay_table *table, size_t row, char *out, size_t size)
{
    char entry[4 * TUI_SHORT];
    size_t length = 0;
    *out = '\0';
    for (size_t c = 0; c < assay_table_columns(table) && length < size; c++) {
        assay_datum datum = assay_table_get(table, row, c);
        assay_datum_text(&datum, entry, sizeof entry);
        length += (size_t)snprintf(out + length, size - length, "%s ", entry);
    }
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct artifact_content *content = &((struct artifact *)view)->found.content;
    if (((struct artifact *)view)->way == AS_BYTES) {
        bytes_text(content, index, out, size);
    } else if (((struct artifact *)view)->way == AS_TABLE) {
        row_text(content->table, index, out, size);
    } else {
        size_t from = content->lines[index], length = content->lines[index + 1] - from;
        while (length && strchr("\r\n", content->data[from + length - 1]))
            length--;
        snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1),
            (const char *)content->data + from);
    }
    return out;
}

/* Long lines go on in the next ones, until the screen is full. */
static void draw_lines(struct artifact *self, struct tui_area area)
{
    char words[4096];
    int y = 0;
    tui_list_show(&self->list, (size_t)area.rows);
    tui_zone(&self->view, TUI_ZONE_ROWS, area, 0);
    for (size_t i = self->list.top; i < self->list.count && y < area.rows; i++) {
        text(&self->view, i, words, sizeof words);
        struct tui_area rest = {area.y + y, area.x, area.rows - y, area.cols};
        int used = *words ? tui_put_wrapped(rest, 0, TUI_NORMAL, words) : 1;
        y += used > 0 ? used : 1;
    }
}

/* A line of the table, or its heading: numbers to the right, texts to the left. */
static void draw_row(const struct artifact *self, size_t row, bool heading, struct tui_area area)
{
    const assay_table *table = self->found.content.table;
    char entry[4 * TUI_SHORT];
    int x = 0;
    for (size_t c = self->shift; c < assay_table_columns(table) && x < area.cols; c++) {
        int width = self->widths[c] < area.cols - x ? self->widths[c] : area.cols - x;
        assay_datum datum = {0};
        if (assay_table_rows(table))
            datum = assay_table_get(table, row, c);
        assay_datum_text(&datum, entry, sizeof entry);
        (datum.kind == ASSAY_DATUM_TEXT ? tui_put : tui_put_right)(area.y, area.x + x, width,
            heading ? TUI_DIM : TUI_NORMAL, heading ? assay_table_name(table, c) : entry);
        x += self->widths[c] + 2;
    }
    if (heading && self->shift)
        tui_put(area.y, 0, 1, TUI_DIM, tui_glyph(TUI_LEFT));
    if (heading && x > area.cols + 2)
        tui_put(area.y, area.x + area.cols, 1, TUI_DIM, tui_glyph(TUI_RIGHT));
}

static void draw_table(struct artifact *self, struct tui_area area)
{
    draw_row(self, 0, true, area);
    tui_list_show(&self->list, (size_t)(area.rows - 1));
    for (int y = 1; y < area.rows && self->list.top + (size_t)y - 1 < self->list.count; y++)
        draw_row(self, self->list.top + (size_t)y - 1, false,
            (struct tui_area){area.y + y, area.x, 1, area.cols});
}

static void where_text(const struct artifact *self, size_t at, char out[TUI_SHORT])
{
    int64_t index = self->found.all.artifacts[at].index;
    if (index >= 0)
        snprintf(out, TUI_SHORT, "cell %lld", (long long)index);
    else
        snprintf(out, TUI_SHORT, "run");
}

/* ---- in pixels: encoded aside, one picture at a time ---- */

struct painting {
    struct tui_job job;
    struct tui_picture picture;
    size_t slot, width, height;
    unsigned long generation;
    struct tui_sixel sixel;
};

static int paint(struct tui_job *job)
{
    struct painting *self = (struct painting *)job;
    return tui_sixel_encode(&self->picture, self->width, self->height, &self->sixel)
               ? ASSAY_OK
               : assay_fail(ASSAY_ENOMEM, "out of memory for a picture");
}

static void was_painted(struct tui *tui, struct tui_view *view, struct tui_job *job)
{
    struct artifact *self = (struct artifact *)view;
    struct painting *painting = (struct painting *)job;
    (void)tui;
    if (self) {
        self->painting = false;
        if (self->generation == painting->generation && painting->sixel.text) {
            tui_sixel_free(&self->sixels[painting->slot]);
            self->sixels[painting->slot] = painting->sixel;
            painting->sixel.text = NULL;
        }
        self->unpaintable = self->unpaintable || job->status != ASSAY_OK;
    }
    tui_sixel_free(&painting->sixel);
    tui_picture_free(&painting->picture);
}

static void start_painting(struct artifact *self, size_t slot, const struct tui_picture *picture,
    size_t width, size_t height)
{
    struct painting *painting = self->painting ? NULL : calloc(1, sizeof *painting);
    size_t size = 3 * picture->width * picture->height;
    if (!painting)
        return;
    painting->job.work = paint;
    painting->job.done = was_painted;
    painting->job.view = self->view.serial;
    painting->slot = slot;
    painting->width = width;
    painting->height = height;
    painting->generation = self->generation;
    painting->picture = (struct tui_picture){picture->width, picture->height, malloc(size)};
    if (!painting->picture.rgb) {
        free(painting);
        return;
    }
    memcpy(painting->picture.rgb, picture->rgb, size);
    self->painting = tui_aside(self->view.tui, &painting->job) == ASSAY_OK;
}

/* Is it drawn in pixels? While they are made it is drawn in characters. */
static bool draw_pixels(
    struct artifact *self, size_t slot, const struct tui_picture *picture, struct tui_area area)
{
    struct tui_sixel *sixel = &self->sixels[slot];
    size_t width, height;
    double line;
    if (!tui_screen_sixels() || self->unpaintable)
        return false;
    tui_screen_pixel_size(area, &width, &height, &line);
    if (sixel->text && sixel->width == width && sixel->height == height) {
        tui_put_sixels(area, sixel->text, sixel->size, sixel->id);
        return true;
    }
    start_painting(self, slot, picture, width, height);
    return false;
}

static void draw_picture(struct artifact *self, size_t slot, const struct artifact_content *content,
    struct tui_area area)
{
    if (self->way == AS_POINTS && content->can[AS_POINTS])
        tui_points_draw(&content->points, &self->sight, area);
    else if (content->can[AS_IMAGE] && draw_pixels(self, slot, &content->picture, area))
        return;
    else if (content->can[AS_IMAGE])
        tui_picture_draw(&content->picture, area);
    else
        tui_put(area.y, area.x, area.cols, TUI_DIM, "no picture");
}

/* Side by side and below each other, each with its cell. */
static void draw_tiles(struct artifact *self, struct tui_area area)
{
    char where[TUI_SHORT];
    int n = (int)self->found.tile_count, across = 1;
    while (across < n && area.cols / (across + 1) >= 24 && across * area.rows < 2 * area.cols / 3)
        across++;
    int down = (n + across - 1) / across, most = area.rows / 6 > 0 ? area.rows / 6 : 1;
    down = down < most ? down : most;
    int width = area.cols / across, height = area.rows / down;
    for (int i = 0; i < n && i < across * down; i++) {
        struct tui_area part = {
            area.y + i / across * height, area.x + i % across * width, height - 1, width - 2};
        where_text(self, self->found.tiles[i].at, where);
        tui_put(part.y++, part.x, part.cols, i ? TUI_DIM : TUI_BOLD, where);
        draw_picture(self, 1 + (size_t)i, &self->found.tiles[i].content, part);
    }
}

/* What is read now stands at the right; that it is large says why it takes so long. */
static int draw_reading(const struct artifact *self, int y, int cols)
{
    char where[TUI_SHORT], size[TUI_SHORT], words[512];
    const assay_artifact_info *info = &self->found.all.artifacts[self->at];
    where_text(self, self->at, where);
    tui_format_count(info->size, size);
    snprintf(words, sizeof words, "  reading %.200s, %s, %s bytes...", info->name, where, size);
    int width = tui_width(words) < cols ? tui_width(words) : cols;
    tui_put(y, cols - width, width, TUI_LIVE, words);
    return cols - width;
}

static void draw_header(const struct artifact *self, int y, int cols)
{
    const assay_artifact_info *info = &self->found.all.artifacts[self->found.at];
    const struct artifact_content *content = &self->found.content;
    char size[TUI_SHORT], where[TUI_SHORT];
    where_text(self, self->found.at, where);
    tui_format_count((int64_t)content->size, size);
    if (self->reading && !is_shown(self))
        cols = draw_reading(self, y, cols);
    int x = tui_put(y, 0, cols, TUI_TITLE, info->name);
    x += tui_putf(y, x, cols - x, TUI_BOLD, "  run %lld, %s", (long long)self->run, where);
    x += tui_putf(y, x, cols - x, TUI_NORMAL, "  %s, %s bytes", info->type, size);
    if (self->way == AS_IMAGE)
        tui_putf(y, x, cols - x, TUI_NORMAL, ", %zu x %zu", content->picture.width,
            content->picture.height);
    else if (self->way == AS_POINTS)
        tui_putf(y, x, cols - x, TUI_NORMAL, ", %zu points", content->points.count);
    else if (self->way == AS_TABLE)
        tui_putf(y, x, cols - x, TUI_NORMAL, ", %zu x %zu", assay_table_rows(content->table),
            assay_table_columns(content->table));
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct artifact *self = (struct artifact *)view;
    struct tui_area body = {area.y + 2, 1, area.rows - 2, area.cols - 2};
    bool pictures = self->way == AS_IMAGE || self->way == AS_POINTS;
    if (!self->there) {
        tui_putf(area.y + 1, 2, area.cols - 2, self->trouble ? TUI_WARN : TUI_LIVE, "%s%s%s",
            self->trouble ? self->trouble : "Reading ", self->trouble ? "" : self->name,
            self->trouble ? "" : "...");
        return;
    }
    draw_header(self, area.y, area.cols);
    if (self->tiled && pictures)
        draw_tiles(self, body);
    else if (pictures)
        draw_picture(self, 0, &self->found.content, body);
    else if (!self->found.content.size)
        tui_put(body.y, body.x, body.cols, TUI_DIM, "It is empty.");
    else if (self->way == AS_TABLE)
        draw_table(self, body);
    else
        draw_lines(self, body);
}

/* ---- turning over ---- */

static int go_to(struct artifact *self, size_t at)
{
    char *name = strdup(self->found.all.artifacts[at].name);
    if (!name)
        return assay_fail(ASSAY_ENOMEM, "out of memory");
    free(self->name);
    self->name = name;
    self->index = self->found.all.artifacts[at].index;
    self->at = at;
    self->view.stale = true;
    return ASSAY_OK;
}

/* The next one of this name, or of any where there is no other. */
static void turn(struct artifact *self, size_t step)
{
    size_t n = self->found.all.count;
    if (!self->there)
        return;
    for (int any = 0; any < 2; any++)
        for (size_t i = 1; i < n; i++) {
            size_t at = (self->at + i * step) % n;
            if (!any && strcmp(self->found.all.artifacts[at].name, self->name) != 0)
                continue;
            if (go_to(self, at) != ASSAY_OK)
                tui_failed(self->view.tui);
            return;
        }
    tui_say(self->view.tui, TUI_DIM, "there is no other artifact");
}

/* The nearest name after this one, or before, of the same cell: step-9 comes before step-10. */
static void take_step(struct artifact *self, int direction)
{
    size_t nearest = self->found.all.count;
    if (!self->there)
        return;
    for (size_t i = 0; i < self->found.all.count; i++) {
        const assay_artifact_info *info = &self->found.all.artifacts[i];
        if (info->index != self->index || direction * strverscmp(info->name, self->name) <= 0)
            continue;
        if (nearest == self->found.all.count ||
            direction * strverscmp(info->name, self->found.all.artifacts[nearest].name) < 0)
            nearest = i;
    }
    if (nearest == self->found.all.count)
        tui_say(self->view.tui, TUI_DIM, "that is the %s artifact of the cell",
            direction > 0 ? "last" : "first");
    else if (go_to(self, nearest) != ASSAY_OK)
        tui_failed(self->view.tui);
}

static void tile(struct artifact *self)
{
    if (self->way != AS_IMAGE && self->way != AS_POINTS) {
        tui_say(self->view.tui, TUI_DIM, "images and points are tiled");
        return;
    }
    self->tiled = !self->tiled;
    self->view.stale = true;
}

/* ---- ways ---- */

static void show_as(struct artifact *self, enum artifact_way way)
{
    self->way = self->wanted = way;
    self->chosen = true;
    count_lines(self);
    tui_say(self->view.tui, TUI_DIM, "as %s", artifact_way_name(way));
}

static void next_way(struct artifact *self)
{
    enum artifact_way way = self->way;
    do
        way = (way + 1) % ARTIFACT_WAYS;
    while (!self->found.content.can[way]);
    show_as(self, way);
}

static int show_as_named(struct artifact *self, const char *name)
{
    for (enum artifact_way way = AS_IMAGE; way < ARTIFACT_WAYS; way++) {
        if (strcmp(artifact_way_name(way), name) != 0)
            continue;
        if (!self->there || !self->found.content.can[way])
            return assay_fail(ASSAY_EINVAL, "this artifact can't be shown as %s", name);
        show_as(self, way);
        return ASSAY_OK;
    }
    return assay_fail(
        ASSAY_EINVAL, "as wants image, table, points, text or bytes, got \"%s\"", name);
}

static int write_data(struct artifact *self, const char *path)
{
    const struct artifact_content *content = &self->found.content;
    char name[512];
    const char *ending = "";
    if (!self->there)
        return assay_fail(ASSAY_ENOTFOUND, "there is nothing to write");
    if (content->can[AS_IMAGE])
        ending = content->data[0] != 'P' ? ".png" : content->data[1] == '6' ? ".ppm" : ".pgm";
    snprintf(name, sizeof name, "%.200s-%lld-%lld%s", self->name, (long long)self->run,
        (long long)self->index, ending);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '_' : *c;
    return tui_save(self->view.tui, path && *path ? path : name, content->data, content->size);
}

/* ---- keys ---- */

/* The side from which points are seen, else the columns of a table. */
static bool sight_key(struct artifact *self, enum tui_request request)
{
    bool points = self->way == AS_POINTS;
    size_t columns = self->found.content.table ? assay_table_columns(self->found.content.table) : 0;
    if (request == TUI_SHIFT_RIGHT && points)
        self->sight.turn += 15;
    else if (request == TUI_SHIFT_LEFT && points)
        self->sight.turn -= 15;
    else if (request == TUI_SHIFT_RIGHT && self->way == AS_TABLE)
        self->shift += self->shift + 1 < columns;
    else if (request == TUI_SHIFT_LEFT && self->way == AS_TABLE)
        self->shift -= self->shift > 0;
    else if (request == TUI_DETAIL_UP && points)
        self->sight.tilt += self->sight.tilt < 90 ? 15 : 0;
    else if (request == TUI_DETAIL_DOWN && points)
        self->sight.tilt -= self->sight.tilt > -90 ? 15 : 0;
    else if (request == TUI_ZOOM_IN && points)
        self->sight.zoom *= self->sight.zoom < 100 ? 1.25 : 1;
    else if (request == TUI_ZOOM_OUT && points)
        self->sight.zoom /= self->sight.zoom > 0.01 ? 1.25 : 1;
    else if (request == TUI_CLEAR && points)
        self->sight = (struct tui_sight){30, 25, 1};
    else
        return false;
    return true;
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct artifact *self = (struct artifact *)view;
    switch (request) {
    case TUI_BESIDE_RIGHT:
        turn(self, 1);
        return true;
    case TUI_BESIDE_LEFT:
        turn(self, self->found.all.count > 1 ? self->found.all.count - 1 : 1);
        return true;
    case TUI_PAN_RIGHT:
        take_step(self, 1);
        return true;
    case TUI_PAN_LEFT:
        take_step(self, -1);
        return true;
    case TUI_GRID:
        tile(self);
        return true;
    case TUI_REFRESH:
        self->anew = true;
        return false; /* and all else */
    case TUI_AS:
        if (self->there)
            next_way(self);
        return true;
    case TUI_WRITE:
        if (write_data(self, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    default:
        return sight_key(self, request);
    }
}

/* The wheel zooms points, a drag turns and tilts them. */
static bool mouse(struct tui_view *view, struct tui_mouse mouse)
{
    struct artifact *self = (struct artifact *)view;
    if (!self->there || self->way != AS_POINTS)
        return false;
    if (mouse.kind == TUI_MOUSE_WHEEL_UP || mouse.kind == TUI_MOUSE_WHEEL_DOWN)
        return sight_key(self, mouse.kind == TUI_MOUSE_WHEEL_UP ? TUI_ZOOM_IN : TUI_ZOOM_OUT);
    if (mouse.kind != TUI_MOUSE_PRESS && !self->held)
        return false;
    if (mouse.kind != TUI_MOUSE_PRESS) {
        self->sight.turn += 3 * (mouse.x - self->held_x);
        self->sight.tilt = fmax(-90, fmin(90, self->sight.tilt + 6 * (mouse.y - self->held_y)));
    }
    self->held = mouse.kind != TUI_MOUSE_RELEASE;
    self->held_y = mouse.y;
    self->held_x = mouse.x;
    return true;
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    struct artifact *self = (struct artifact *)view;
    if (strcmp(name, "write") == 0)
        *status = write_data(self, argument);
    else if (strcmp(name, "as") == 0 && *argument)
        *status = show_as_named(self, argument);
    else
        return false;
    return true;
}

static int64_t run(struct tui_view *view)
{
    return ((struct artifact *)view)->run;
}

static void words(
    struct tui_view *view, const char *name, const char *argument, struct tui_words *words)
{
    const struct artifact *self = (const struct artifact *)view;
    if (!*name) {
        tui_words_add(words, "as");
        tui_words_add(words, "write");
    } else if (strcmp(name, "write") == 0) {
        tui_words_add_files(words, argument);
    }
    for (int way = AS_IMAGE; strcmp(name, "as") == 0 && self->there && way < ARTIFACT_WAYS; way++)
        if (self->found.content.can[way])
            tui_words_add(words, artifact_way_name((enum artifact_way)way));
}

const struct view_ops tui_artifact_view = {
    .name = "artifact",
    .hint = "h/l:cells  </>:steps  m:tiles  y:as  w:save",
    .size = sizeof(struct artifact),
    .open = open_view,
    .load = load,
    .draw = draw,
    .key = key,
    .close = close_view,
    .shows = shows,
    .text = text,
    .run = run,
    .command = command,
    .words = words,
    .mouse = mouse,
};
