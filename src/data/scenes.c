/* Scenes of pasted images (scenes.h). */
#include "data/scenes.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { TRIES = 50, DRAWS = 10000 };

struct scene {
    const assay_array *images;
    const uint8_t *label;
    const assay_scene_options *o;
    assay_rng rng;
    double *canvas;
    double *item; /* largest x largest, an object resized */
    assay_scene_object *object;
    size_t objects;
};

static int check(const assay_array *images, const assay_array *labels, const assay_scene_options *o)
{
    if (images->type != ASSAY_U8 || images->rank != 3 || labels->type != ASSAY_U8 ||
        labels->rank != 1 || labels->shape[0] != images->shape[0] || images->shape[0] == 0 ||
        images->shape[1] < 2 || images->shape[2] < 2)
        return assay_fail(ASSAY_EINVAL, "scenes need images of bytes and a label for each");
    if (o->smallest < 2 || o->smallest > o->largest)
        return assay_fail(
            ASSAY_EINVAL, "smallest must be in 2..%zu (largest), got %zu", o->largest, o->smallest);
    if (o->side < o->largest || o->side > 1 << 12)
        return assay_fail(
            ASSAY_EINVAL, "size must be in %zu (largest)..4096, got %zu", o->largest, o->side);
    if (o->items < 1 || o->classes < 1)
        return assay_fail(ASSAY_EINVAL, "items and classes must be at least 1, got %zu and %zu",
            o->items, o->classes);
    if (!(o->noise >= 0 && o->noise <= 1 && o->dark >= 0 && o->dark < 1 && o->most_overlap >= 0 &&
            o->most_overlap <= 1))
        return assay_fail(ASSAY_EINVAL,
            "noise and overlap must be in 0..1 and dark below 1, got %g, %g and %g", o->noise,
            o->most_overlap, o->dark);
    return ASSAY_OK;
}

static size_t between(struct scene *s, size_t least, size_t most)
{
    return least + (size_t)assay_rng_below(&s->rng, most - least + 1);
}

static double pixel(const struct scene *s, size_t image, size_t y, size_t x)
{
    const size_t h = s->images->shape[1], w = s->images->shape[2];
    return ((const uint8_t *)s->images->data)[(image * h + y) * w + x] / 255.0;
}

static size_t fit(size_t wanted, size_t image, size_t canvas)
{
    const size_t most = image < canvas ? image : canvas;
    return wanted < most ? wanted : most;
}

/* A strip of an image, 3 to 6 wide and 8 to 16 long where that fits, lying or standing. */
static void paste_strip(struct scene *s)
{
    const size_t n = s->images->shape[0], image = (size_t)assay_rng_below(&s->rng, n);
    const bool lies = assay_rng_below(&s->rng, 2) == 0;
    const size_t thick = between(s, 3, 6), length = between(s, 8, 16);
    const size_t h = fit(lies ? thick : length, s->images->shape[1], s->o->side),
                 w = fit(lies ? length : thick, s->images->shape[2], s->o->side);
    const size_t y0 = between(s, 0, s->images->shape[1] - h),
                 x0 = between(s, 0, s->images->shape[2] - w);
    const size_t top = between(s, 0, s->o->side - h), left = between(s, 0, s->o->side - w);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            const double value = pixel(s, image, y0 + y, x0 + x);
            if (value > s->o->dark)
                s->canvas[(top + y) * s->o->side + left + x] = value;
        }
}

/* The image as side x side, by linear interpolation between the centres of pixels. */
static void resize(struct scene *s, size_t image, size_t side)
{
    const double h = (double)s->images->shape[1], w = (double)s->images->shape[2];
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            const double v = fmin(fmax(((double)y + 0.5) * h / (double)side - 0.5, 0), h - 1);
            const double u = fmin(fmax(((double)x + 0.5) * w / (double)side - 0.5, 0), w - 1);
            const size_t i = (size_t)fmin(floor(v), h - 2), j = (size_t)fmin(floor(u), w - 2);
            const double b = v - (double)i, a = u - (double)j;
            s->item[y * side + x] =
                (1 - b) * ((1 - a) * pixel(s, image, i, j) + a * pixel(s, image, i, j + 1)) +
                b * ((1 - a) * pixel(s, image, i + 1, j) + a * pixel(s, image, i + 1, j + 1));
        }
}

/* The box of what is not dark, relative to the item; false: all is. */
static bool trim(const struct scene *s, size_t side, double box[4])
{
    box[0] = box[1] = (double)side;
    box[2] = box[3] = 0;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            if (s->item[y * side + x] > s->o->dark) {
                box[0] = fmin(box[0], (double)x);
                box[1] = fmin(box[1], (double)y);
                box[2] = fmax(box[2], (double)x + 1);
                box[3] = fmax(box[3], (double)y + 1);
            }
    return box[2] > box[0];
}

static double overlap(const double a[4], const double b[4])
{
    const double w = fmin(a[2], b[2]) - fmax(a[0], b[0]);
    const double h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    const double common = w > 0 && h > 0 ? w * h : 0;
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common);
}

static bool has_room(const struct scene *s, const double box[4])
{
    for (size_t i = 0; i < s->objects; i++)
        if (overlap(box, s->object[i].box) > s->o->most_overlap)
            return false;
    return true;
}

static void paste_item(
    struct scene *s, size_t image, size_t side, size_t left, size_t top, const double box[4])
{
    assay_scene_object *object = &s->object[s->objects++];
    object->label = (size_t)s->label[image] + 1;
    memcpy(object->box, box, sizeof object->box);
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            if (s->item[y * side + x] > s->o->dark)
                s->canvas[(top + y) * s->o->side + left + x] = s->item[y * side + x];
}

/* A random image of the classes that is not all dark, at a place with room for it. */
static int add_object(struct scene *s)
{
    const size_t n = s->images->shape[0], side = between(s, s->o->smallest, s->o->largest);
    double own[4], box[4];
    size_t image = n, draws = 0;
    for (; draws < DRAWS; draws++) {
        image = (size_t)assay_rng_below(&s->rng, n);
        if (s->label[image] >= s->o->classes)
            continue;
        resize(s, image, side);
        if (trim(s, side, own))
            break;
    }
    if (draws == DRAWS)
        return assay_fail(
            ASSAY_EINVAL, "no image of the first %zu classes among %d drawn", s->o->classes, DRAWS);
    for (size_t t = 0; t < TRIES; t++) {
        const size_t left = between(s, 0, s->o->side - side),
                     top = between(s, 0, s->o->side - side);
        for (int k = 0; k < 4; k++)
            box[k] = own[k] + (double)(k % 2 ? top : left);
        if (has_room(s, box)) {
            paste_item(s, image, side, left, top, box);
            break;
        }
    }
    return ASSAY_OK;
}

int assay_scene(const assay_array *images, const assay_array *labels,
    const assay_scene_options *options, const assay_rng *rng, size_t number, double *canvas,
    assay_scene_object *object, size_t *objects)
{
    struct scene s = {.images = images,
        .label = labels->data,
        .o = options,
        .rng = assay_rng_split(rng, number),
        .canvas = canvas,
        .object = object};
    *objects = 0;
    int status = check(images, labels, options);
    if (status)
        return status;
    s.item = malloc(options->largest * options->largest * sizeof *s.item);
    if (!s.item)
        return assay_fail(ASSAY_ENOMEM, "no memory for items of %zu pixels", options->largest);
    for (size_t i = 0; i < options->side * options->side; i++)
        canvas[i] = options->noise * assay_rng_uniform(&s.rng);
    for (size_t i = 0; i < options->clutter; i++)
        paste_strip(&s);
    const size_t wanted = between(&s, 1, options->items);
    for (size_t i = 0; i < wanted && !status; i++)
        status = add_object(&s);
    *objects = s.objects;
    free(s.item);
    return status;
}
