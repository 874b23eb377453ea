/*
 * A sixel is a column of six pixels in one colour; a band of the picture is drawn once for each of
 * its colours, one over another. Colours are counted with five bits a channel, and each such class
 * is shown as the mean of its pixels, so that a drawing keeps its colours to the bit nearly always.
 */
#include "tui/sixel.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 1 << 15, COLOURS = 256, BAND = 6 };

struct colour_class {
    uint64_t sum[3];
    uint32_t count;
    int index; /* in the palette */
};

struct palette {
    unsigned char rgb[COLOURS][3];
    size_t count;
};

static size_t class_of(const unsigned char rgb[3])
{
    return (size_t)(rgb[0] >> 3) << 10 | (size_t)(rgb[1] >> 3) << 5 | (size_t)(rgb[2] >> 3);
}

static void mean_of(const struct colour_class *class, unsigned char rgb[3])
{
    for (size_t c = 0; c < 3; c++)
        rgb[c] = (unsigned char)(class->sum[c] / class->count);
}

struct ranked {
    uint32_t count;
    uint32_t class;
};

static int by_count(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return (a->class > b->class) - (a->class < b->class);
}

static int nearest(const struct palette *palette, const unsigned char rgb[3])
{
    int best = 0, least = 1 << 30;
    for (size_t i = 0; i < palette->count; i++) {
        int distance = 0;
        for (size_t c = 0; c < 3; c++) {
            int d = palette->rgb[i][c] - rgb[c];
            distance += d * d;
        }
        if (distance < least) {
            least = distance;
            best = (int)i;
        }
    }
    return best;
}

/* The palette, and the class's index there for every class that occurs. */
static bool choose_colours(
    const struct tui_picture *picture, struct colour_class *classes, struct palette *palette)
{
    struct ranked *ranked = malloc(CLASSES * sizeof *ranked);
    size_t n = 0;
    if (!ranked)
        return false;
    for (size_t i = 0; i < picture->width * picture->height; i++) {
        const unsigned char *rgb = &picture->rgb[3 * i];
        struct colour_class *class = &classes[class_of(rgb)];
        for (size_t c = 0; c < 3; c++)
            class->sum[c] += rgb[c];
        class->count++;
    }
    for (uint32_t i = 0; i < CLASSES; i++)
        if (classes[i].count)
            ranked[n++] = (struct ranked){classes[i].count, i};
    qsort(ranked, n, sizeof *ranked, by_count);
    palette->count = n < COLOURS ? n : COLOURS;
    for (size_t i = 0; i < palette->count; i++) {
        mean_of(&classes[ranked[i].class], palette->rgb[i]);
        classes[ranked[i].class].index = (int)i;
    }
    for (size_t i = palette->count; i < n; i++) {
        unsigned char rgb[3];
        mean_of(&classes[ranked[i].class], rgb);
        classes[ranked[i].class].index = nearest(palette, rgb);
    }
    free(ranked);
    return true;
}

static void put_run(char sixel, size_t count, FILE *out)
{
    if (count > 3)
        fprintf(out, "!%zu%c", count, sixel);
    else
        for (size_t i = 0; i < count; i++)
            fputc(sixel, out);
}

/* The columns of one colour in a band, up to the last that has any. */
static void put_colour(const unsigned char *bits, size_t width, FILE *out)
{
    size_t end = width;
    while (end && !bits[end - 1])
        end--;
    for (size_t x = 0, run; x < end; x += run) {
        run = 1;
        while (x + run < end && bits[x + run] == bits[x])
            run++;
        put_run((char)('?' + bits[x]), run, out);
    }
}

static void put_band(const struct tui_picture *picture, const struct colour_class *classes,
    size_t top, unsigned char *bits, FILE *out)
{
    size_t width = picture->width;
    bool used[COLOURS] = {false}, first = true;
    memset(bits, 0, COLOURS * width);
    for (size_t y = top; y < top + BAND && y < picture->height; y++)
        for (size_t x = 0; x < width; x++) {
            int colour = classes[class_of(&picture->rgb[3 * (y * width + x)])].index;
            used[colour] = true;
            bits[(size_t)colour * width + x] |= (unsigned char)(1 << (y - top));
        }
    for (size_t colour = 0; colour < COLOURS; colour++) {
        if (!used[colour])
            continue;
        fprintf(out, "%s#%zu", first ? "" : "$", colour);
        first = false;
        put_colour(bits + colour * width, width, out);
    }
    fputc('-', out);
}

/* Colours are percentages; pixels are square, and what is not drawn stays as it is. */
static bool encode(const struct tui_picture *picture, FILE *out)
{
    struct palette palette = {.count = 0};
    struct colour_class *classes = calloc(CLASSES, sizeof *classes);
    unsigned char *bits = malloc(COLOURS * picture->width);
    bool good = classes && bits && choose_colours(picture, classes, &palette);
    if (good)
        fprintf(out, "\033P0;1;0q\"1;1;%zu;%zu", picture->width, picture->height);
    for (size_t i = 0; good && i < palette.count; i++)
        fprintf(out, "#%zu;2;%d;%d;%d", i, (palette.rgb[i][0] * 100 + 127) / 255,
            (palette.rgb[i][1] * 100 + 127) / 255, (palette.rgb[i][2] * 100 + 127) / 255);
    for (size_t top = 0; good && top < picture->height; top += BAND)
        put_band(picture, classes, top, bits, out);
    fputs("\033\\", out);
    free(classes);
    free(bits);
    return good;
}

bool tui_sixel_encode(
    const struct tui_picture *picture, size_t width, size_t height, struct tui_sixel *out)
{
    static atomic_ulong ids;
    struct tui_picture small;
    *out =
        (struct tui_sixel){.width = width, .height = height, .id = atomic_fetch_add(&ids, 1) + 1};
    if (!width || !height || !tui_picture_fit(picture, width, height, &small))
        return false;
    FILE *stream = open_memstream(&out->text, &out->size);
    bool good = stream && encode(&small, stream);
    if (stream && fclose(stream) != 0)
        good = false;
    tui_picture_free(&small);
    if (!good)
        tui_sixel_free(out);
    return good;
}

void tui_sixel_free(struct tui_sixel *sixel)
{
    free(sixel->text);
    sixel->text = NULL;
}
