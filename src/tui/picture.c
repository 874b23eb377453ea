/*
 * Images in characters. The image is first brought to the pixels that the area has (two a
 * character, or 2 x 4 dots), each the mean of what it covers. Dots are on or off: the error is
 * handed on to the neighbours (Floyd and Steinberg), so that greys stay greys.
 */
#include "tui/picture.h"

#include <ctype.h>
#include <math.h>
#include <png.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* No larger image is read: it would not be seen, and could be a bomb. */
static const size_t most_pixels = (size_t)1 << 26;

/* ---- reading ---- */

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

static bool make(struct tui_picture *out, size_t width, size_t height)
{
    if (!width || !height || width > most_pixels / height)
        return false;
    *out = (struct tui_picture){width, height, malloc(3 * width * height)};
    return out->rgb != NULL;
}

static bool read_pnm(const unsigned char *data, size_t size, struct tui_picture *out)
{
    const unsigned char *at = data + 2, *end = data + size;
    size_t width, height, most, channels = data[1] == '6' ? 3 : 1;
    at = read_number(at, end, &width);
    at = at ? read_number(at, end, &height) : NULL;
    at = at ? read_number(at, end, &most) : NULL;
    if (!at || at >= end || most < 1 || most > 65535)
        return false;
    size_t bytes = most > 255 ? 2 : 1, room = (size_t)(end - ++at) / channels / bytes;
    if (!width || height > room / width || !make(out, width, height))
        return false;
    for (size_t i = 0; i < 3 * width * height; i++) {
        const unsigned char *sample = at + bytes * (channels == 3 ? i : i / 3);
        size_t level = bytes == 2 ? (size_t)sample[0] << 8 | sample[1] : sample[0];
        out->rgb[i] = (unsigned char)((255 * (level < most ? level : most) + most / 2) / most);
    }
    return true;
}

/* What is transparent is black, as the screen is. */
static bool read_png(const void *data, size_t size, struct tui_picture *out)
{
    static const png_color black = {0, 0, 0};
    png_image image = {.version = PNG_IMAGE_VERSION};
    bool good = png_image_begin_read_from_memory(&image, data, size) != 0;
    image.format = PNG_FORMAT_RGB;
    good = good && make(out, image.width, image.height);
    if (good && !png_image_finish_read(&image, &black, out->rgb, 0, NULL)) {
        tui_picture_free(out);
        good = false;
    }
    png_image_free(&image);
    return good;
}

bool tui_picture_read(const void *data, size_t size, struct tui_picture *out)
{
    const unsigned char *bytes = data;
    *out = (struct tui_picture){0};
    if (size < 8)
        return false;
    if (bytes[0] == 'P' && (bytes[1] == '5' || bytes[1] == '6'))
        return read_pnm(bytes, size, out);
    return png_sig_cmp(bytes, 0, 8) == 0 && read_png(data, size, out);
}

void tui_picture_free(struct tui_picture *picture)
{
    free(picture->rgb);
    *picture = (struct tui_picture){0};
}

/* ---- drawing ---- */

/* The mean colour of a box. */
static void box_mean(const struct tui_picture *self, size_t y0, size_t y1, size_t x0, size_t x1,
    unsigned char rgb[3])
{
    uint64_t sum[3] = {0};
    for (size_t y = y0; y < y1; y++)
        for (size_t x = x0; x < x1; x++)
            for (size_t c = 0; c < 3; c++)
                sum[c] += self->rgb[3 * (y * self->width + x) + c];
    for (size_t c = 0; c < 3; c++)
        rgb[c] = (unsigned char)(sum[c] / ((y1 - y0) * (x1 - x0)));
}

bool tui_picture_fit(
    const struct tui_picture *self, size_t cols, size_t rows, struct tui_picture *out)
{
    double scale = fmin((double)cols / (double)self->width, (double)rows / (double)self->height);
    scale = scale >= 1 ? floor(scale) : scale;
    size_t across = (size_t)fmax(1, (double)self->width * scale),
           down = (size_t)fmax(1, (double)self->height * scale);
    if (!make(out, across, down))
        return false;
    for (size_t y = 0; y < down; y++)
        for (size_t x = 0; x < across; x++) {
            size_t y0 = y * self->height / down, y1 = (y + 1) * self->height / down;
            size_t x0 = x * self->width / across, x1 = (x + 1) * self->width / across;
            box_mean(self, y0, y1 > y0 ? y1 : y0 + 1, x0, x1 > x0 ? x1 : x0 + 1,
                &out->rgb[3 * (y * across + x)]);
        }
    return true;
}

static void draw_halves(const struct tui_picture *small, struct tui_area area)
{
    static const unsigned char black[3];
    for (size_t y = 0; y < small->height; y += 2)
        for (size_t x = 0; x < small->width; x++) {
            const unsigned char *above = &small->rgb[3 * (y * small->width + x)];
            tui_put_halves(area.y + (int)(y / 2), area.x + (int)x, above,
                y + 1 < small->height ? above + 3 * small->width : black);
        }
}

static double grey(const unsigned char rgb[3]) /* Rec. 601 luma */
{
    return (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255;
}

static void draw_letters(const struct tui_picture *small, struct tui_area area)
{
    static const char letters[] = " .:-=+*#%@";
    for (size_t y = 0; y < small->height; y += 2)
        for (size_t x = 0; x < small->width; x++) {
            const unsigned char *above = &small->rgb[3 * (y * small->width + x)];
            double level = grey(above);
            if (y + 1 < small->height)
                level = (level + grey(above + 3 * small->width)) / 2;
            tui_put_code(area.y + (int)(y / 2), area.x + (int)x, TUI_NORMAL,
                (unsigned char)letters[(int)(9 * level + 0.5)]);
        }
}

/* Rows of greys become 0 and 1. */
static void dither(double *level, size_t width, size_t height)
{
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            double *at = &level[y * width + x], on = *at >= 0.5, error = *at - on;
            *at = on;
            if (x + 1 < width)
                at[1] += error * 7 / 16;
            if (y + 1 == height)
                continue;
            if (x)
                at[width - 1] += error * 3 / 16;
            at[width] += error * 5 / 16;
            if (x + 1 < width)
                at[width + 1] += error / 16;
        }
}

static void draw_dots(const struct tui_picture *small, struct tui_area area)
{
    size_t width = small->width, height = small->height;
    double *level = malloc(width * height * sizeof *level);
    for (size_t i = 0; level && i < width * height; i++)
        level[i] = grey(&small->rgb[3 * i]);
    if (level)
        dither(level, width, height);
    for (size_t y = 0; level && y < height; y += 4)
        for (size_t x = 0; x < width; x += 2) {
            unsigned dots = 0;
            for (size_t i = y; i < y + 4 && i < height; i++)
                for (size_t j = x; j < x + 2 && j < width; j++)
                    if (level[i * width + j] > 0.5)
                        dots |= tui_dot((int)(i - y), (int)(j - x));
            if (dots)
                tui_put_code(
                    area.y + (int)(y / 4), area.x + (int)(x / 2), TUI_NORMAL, 0x2800 | dots);
        }
    free(level);
}

void tui_picture_draw(const struct tui_picture *picture, struct tui_area area)
{
    enum tui_pixels pixels = tui_screen_pixels();
    struct tui_picture small;
    size_t dots = pixels == TUI_DOTS;
    if (area.rows < 1 || area.cols < 1 ||
        !tui_picture_fit(
            picture, (size_t)area.cols << dots, (size_t)area.rows << (1 + dots), &small))
        return;
    if (pixels == TUI_HALVES)
        draw_halves(&small, area);
    else if (pixels == TUI_DOTS)
        draw_dots(&small, area);
    else
        draw_letters(&small, area);
    tui_picture_free(&small);
}
