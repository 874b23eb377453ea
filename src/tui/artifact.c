/*
 * What a cell kept, shown as what it is: an image (PGM or PPM) in half blocks, two pixels a
 * character, averaged where the screen is smaller; a text in lines; anything else as bytes. Left
 * and right page through the artifacts of the same name in the run's other cells.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/format.h"
#include "tui/run.h"
#include "tui/save.h"

enum shape { IMAGE, TEXT, BYTES };
enum { BYTES_A_LINE = 16 };

struct artifact {
    struct tui_view view;
    struct tui_list list; /* lines of text or bytes */
    int64_t run;
    assay_artifact_list all; /* of the run */
    size_t at;
    char *name;
    int64_t index;
    unsigned char *data;
    size_t size;
    enum shape shape;
    size_t width, height, channels; /* of an image, whose pixels stand at `pixels` */
    const unsigned char *pixels;
    double scale; /* of a sample to 0..255 */
};

/* ---- images ---- */

/* The next number of a PNM header, with the comments before it. */
static const unsigned char *read_number(
    const unsigned char *at, const unsigned char *end, size_t *number)
{
    while (at < end && (isspace(*at) || *at == '#')) {
        if (*at == '#')
            while (at < end && *at != '\n')
                at++;
        else
            at++;
    }
    *number = 0;
    const unsigned char *start = at;
    for (; at < end && isdigit(*at) && *number < 100000000; at++)
        *number = 10 * *number + (size_t)(*at - '0');
    return at > start ? at : NULL;
}

/* Binary PGM (P5) and PPM (P6) with samples of one byte. */
static bool is_image(struct artifact *self)
{
    const unsigned char *at = self->data + 2, *end = self->data + self->size;
    size_t most;
    if (self->size < 8 || self->data[0] != 'P' || (self->data[1] != '5' && self->data[1] != '6'))
        return false;
    self->channels = self->data[1] == '6' ? 3 : 1;
    at = read_number(at, end, &self->width);
    at = at ? read_number(at, end, &self->height) : NULL;
    at = at ? read_number(at, end, &most) : NULL;
    if (!at || at >= end || !self->width || !self->height || most < 1 || most > 255)
        return false;
    self->pixels = at + 1;
    self->scale = 255.0 / (double)most;
    return self->height <= (size_t)(end - self->pixels) / self->width / self->channels;
}

/* The mean of the samples of a box, in grey. */
static double box_mean(const struct artifact *self, size_t y0, size_t y1, size_t x0, size_t x1)
{
    double sum = 0;
    for (size_t y = y0; y < y1; y++)
        for (size_t i = x0 * self->channels; i < x1 * self->channels; i++)
            sum += self->pixels[y * self->width * self->channels + i];
    return self->scale * sum / (double)((y1 - y0) * (x1 - x0) * self->channels);
}

/* Pixels are as wide as half a character is high: one a column, two a line, never enlarged. */
static void draw_image(const struct artifact *self, struct tui_area area)
{
    size_t cols = (size_t)area.cols, rows = 2 * (size_t)area.rows;
    double step = 1;
    if ((double)self->width / (double)cols > step)
        step = (double)self->width / (double)cols;
    if ((double)self->height / (double)rows > step)
        step = (double)self->height / (double)rows;
    size_t across = (size_t)((double)self->width / step),
           down = (size_t)((double)self->height / step);
    across = across ? across : 1;
    down = down ? down : 1;
    for (size_t r = 0; r < (down + 1) / 2 && r < (size_t)area.rows; r++)
        for (size_t c = 0; c < across && c < cols; c++) {
            double level[2] = {0, 0};
            for (size_t half = 0; half < 2 && 2 * r + half < down; half++) {
                size_t y = 2 * r + half;
                level[half] = box_mean(self, y * self->height / down, (y + 1) * self->height / down,
                    c * self->width / across, (c + 1) * self->width / across);
            }
            tui_put_pixels(area.y + (int)r, area.x + (int)c, level[0], level[1]);
        }
}

/* ---- reading ---- */

static bool is_text(const struct artifact *self)
{
    for (size_t i = 0; i < self->size; i++)
        if (self->data[i] < ' ' && !strchr("\n\r\t\f", self->data[i]))
            return false;
    return true;
}

static size_t count_lines(const struct artifact *self)
{
    size_t lines = self->size > 0 && self->data[self->size - 1] != '\n';
    if (self->shape == BYTES)
        return (self->size + BYTES_A_LINE - 1) / BYTES_A_LINE;
    for (size_t i = 0; i < self->size; i++)
        lines += self->data[i] == '\n';
    return lines;
}

static int read_data(struct artifact *self)
{
    void *data = NULL;
    size_t size = 0;
    const assay_artifact_info *info = &self->all.artifacts[self->at];
    int status = assay_store_artifact_get(
        tui_store(self->view.tui), self->run, info->index, info->name, &data, &size);
    if (status)
        return status;
    free(self->data);
    self->data = data;
    self->size = size;
    self->shape = is_image(self) ? IMAGE : is_text(self) ? TEXT : BYTES;
    tui_list_resize(&self->list, self->shape == IMAGE ? 0 : count_lines(self));
    return ASSAY_OK;
}

static int load(struct tui_view *view)
{
    struct artifact *self = (struct artifact *)view;
    if (!tui_store(view->tui))
        return ASSAY_OK;
    assay_artifact_list_free(&self->all);
    self->all = (assay_artifact_list){0};
    int status = assay_store_artifacts(tui_store(view->tui), self->run, &self->all);
    for (self->at = 0; status == ASSAY_OK && self->at < self->all.count; self->at++)
        if (self->all.artifacts[self->at].index == self->index &&
            strcmp(self->all.artifacts[self->at].name, self->name) == 0)
            return read_data(self);
    free(self->data);
    self->data = NULL;
    tui_list_resize(&self->list, 0);
    return status ? status
                  : assay_fail(ASSAY_ENOTFOUND, "the run has no artifact \"%s\" there any more",
                        self->name);
}

static int open_view(struct tui_view *view, const struct tui_target *target)
{
    struct artifact *self = (struct artifact *)view;
    self->run = target->run;
    self->index = target->index;
    self->name = target->name ? strdup(target->name) : NULL;
    if (!self->name)
        return assay_fail(ASSAY_ENOTFOUND, "which artifact?");
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
    assay_artifact_list_free(&self->all);
    free(self->name);
    free(self->data);
}

/* ---- drawing ---- */

static const char *line_at(const struct artifact *self, size_t index, size_t *length)
{
    const char *at = (const char *)self->data, *end = at + self->size;
    for (; index > 0; index--) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (!next)
            break;
        at = next + 1;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *length = (size_t)((stop ? stop : end) - at);
    return at;
}

/* "00000010  41 42 43 ..  ABC" */
static void bytes_text(const struct artifact *self, size_t index, char *out, size_t size)
{
    size_t from = index * BYTES_A_LINE, length = (size_t)snprintf(out, size, "%08zx ", from);
    for (size_t i = from; i < from + BYTES_A_LINE; i++)
        length +=
            (size_t)(i < self->size ? snprintf(out + length, size - length, " %02x", self->data[i])
                                    : snprintf(out + length, size - length, "   "));
    length += (size_t)snprintf(out + length, size - length, "  ");
    for (size_t i = from; i < from + BYTES_A_LINE && i < self->size && length + 1 < size; i++)
        out[length++] = isprint(self->data[i]) ? (char)self->data[i] : '.';
    out[length] = '\0';
}

static const char *text(struct tui_view *view, size_t index, char *out, size_t size)
{
    const struct artifact *self = (struct artifact *)view;
    size_t length;
    if (self->shape == BYTES) {
        bytes_text(self, index, out, size);
    } else {
        const char *line = line_at(self, index, &length);
        snprintf(out, size, "%.*s", (int)(length < size ? length : size - 1), line);
    }
    return out;
}

/* Long lines go on in the next ones, until the screen is full. */
static void draw_lines(struct artifact *self, struct tui_area area)
{
    char words[4096];
    int y = 0;
    tui_list_show(&self->list, (size_t)area.rows);
    for (size_t i = self->list.top; i < self->list.count && y < area.rows; i++) {
        text(&self->view, i, words, sizeof words);
        struct tui_area rest = {area.y + y, area.x, area.rows - y, area.cols};
        int used = *words ? tui_put_wrapped(rest, 0, TUI_NORMAL, words) : 1;
        y += used > 0 ? used : 1;
    }
}

static void draw(struct tui_view *view, struct tui_area area)
{
    struct artifact *self = (struct artifact *)view;
    char size[TUI_SHORT], where[TUI_SHORT] = "run";
    struct tui_area body = {area.y + 2, 1, area.rows - 2, area.cols - 2};
    if (!self->data) {
        tui_put(area.y + 1, 2, area.cols - 2, TUI_WARN, "This artifact is not there any more.");
        return;
    }
    const assay_artifact_info *info = &self->all.artifacts[self->at];
    if (info->index >= 0)
        snprintf(where, sizeof where, "cell %lld", (long long)info->index);
    tui_format_count((int64_t)self->size, size);
    int x = tui_put(area.y, 0, area.cols, TUI_TITLE, info->name);
    x +=
        tui_putf(area.y, x, area.cols - x, TUI_BOLD, "  run %lld, %s", (long long)self->run, where);
    x += tui_putf(area.y, x, area.cols - x, TUI_NORMAL, "  %s, %s bytes", info->type, size);
    if (self->shape == IMAGE) {
        tui_putf(area.y, x, area.cols - x, TUI_NORMAL, ", %zu x %zu", self->width, self->height);
        draw_image(self, body);
    } else if (!self->size) {
        tui_put(body.y, body.x, body.cols, TUI_DIM, "It is empty.");
    } else {
        draw_lines(self, body);
    }
}

/* ---- keys ---- */

/* The next one of this name, or of any where there is no other. */
static void turn(struct artifact *self, size_t step)
{
    size_t n = self->all.count;
    for (int any = 0; any < 2; any++)
        for (size_t i = 1; i < n; i++) {
            size_t at = (self->at + i * step) % n;
            const assay_artifact_info *info = &self->all.artifacts[at];
            if (!any && strcmp(info->name, self->name) != 0)
                continue;
            char *name = strdup(info->name);
            if (!name)
                return;
            free(self->name);
            self->name = name;
            self->index = info->index;
            self->view.stale = true;
            return;
        }
    tui_say(self->view.tui, TUI_DIM, "there is no other artifact");
}

static int write_data(struct artifact *self, const char *path)
{
    char name[512];
    if (!self->data)
        return assay_fail(ASSAY_ENOTFOUND, "there is nothing to write");
    snprintf(name, sizeof name, "%.200s-%lld-%lld%s", self->name, (long long)self->run,
        (long long)self->index,
        self->shape != IMAGE  ? ""
        : self->channels == 3 ? ".ppm"
                              : ".pgm");
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '_' : *c;
    return tui_save(self->view.tui, path && *path ? path : name, self->data, self->size);
}

static bool key(struct tui_view *view, enum tui_request request)
{
    struct artifact *self = (struct artifact *)view;
    switch (request) {
    case TUI_BESIDE_RIGHT:
        turn(self, 1);
        return true;
    case TUI_BESIDE_LEFT:
        turn(self, self->all.count > 1 ? self->all.count - 1 : 1);
        return true;
    case TUI_WRITE:
        if (write_data(self, NULL) != ASSAY_OK)
            tui_failed(view->tui);
        return true;
    default:
        return false;
    }
}

static bool command(struct tui_view *view, const char *name, const char *argument, int *status)
{
    if (strcmp(name, "write") != 0)
        return false;
    *status = write_data((struct artifact *)view, argument);
    return true;
}

static int64_t run(struct tui_view *view)
{
    return ((struct artifact *)view)->run;
}

const struct view_ops tui_artifact_view = {
    .name = "artifact",
    .hint = "h/l:others of this name  w:save",
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
};
