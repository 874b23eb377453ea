/*
 * Augmentation of 8-bit images, bit for bit as Pillow's operations: RandAugment (Cubuk et al. 2020)
 * as FixMatch draws it, cutout (DeVries, Taylor 2017), flips and crops, and images glued from
 * patches of several.
 *
 * A channel's numbers stand together for each pixel: data[(y width + x) channels + c], of 1 channel
 * (grey) or 3 (red, green, blue). Images of a call have the same shape; in and out are different
 * memory unless said otherwise.
 */
#ifndef ASSAY_CORE_AUGMENT_H
#define ASSAY_CORE_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rng.h"

typedef struct assay_image {
    size_t height, width, channels;
    unsigned char *data;
} assay_image;

static inline size_t assay_image_size(const assay_image *image)
{
    return image->height * image->width * image->channels;
}

/* In the order in which RandAugment draws them, with the range of its magnitudes. */
typedef enum assay_augment {
    ASSAY_AUGMENT_AUTOCONTRAST, /* each channel stretched to 0..255 */
    ASSAY_AUGMENT_BRIGHTNESS,   /* 0.05..0.95: a share of the image, the rest black */
    ASSAY_AUGMENT_COLOUR,       /* 0.05..0.95: the rest grey; of grey images the identity */
    ASSAY_AUGMENT_CONTRAST,     /* 0.05..0.95: the rest the mean grey */
    ASSAY_AUGMENT_EQUALIZE,     /* equal numbers of pixels at all levels */
    ASSAY_AUGMENT_IDENTITY,
    ASSAY_AUGMENT_POSTERIZE,   /* 4..8: bits that stay, truncated */
    ASSAY_AUGMENT_ROTATE,      /* -30..30 degrees */
    ASSAY_AUGMENT_SHARPNESS,   /* 0.05..0.95: the rest smoothed */
    ASSAY_AUGMENT_SHEAR_X,     /* -0.3..0.3 */
    ASSAY_AUGMENT_SHEAR_Y,     /* -0.3..0.3 */
    ASSAY_AUGMENT_SOLARIZE,    /* 0..256: levels from there on are inverted */
    ASSAY_AUGMENT_TRANSLATE_X, /* -0.3..0.3 of the width */
    ASSAY_AUGMENT_TRANSLATE_Y, /* -0.3..0.3 of the height */
    ASSAY_AUGMENTS
} assay_augment;

const char *assay_augment_name(assay_augment op);

/* One operation; magnitude is finite (posterize: 0..8), and ignored where it has no meaning. Pixels
 * from outside are 0. */
int assay_augment_op(assay_augment op, const assay_image *in, double magnitude, assay_image *out);

/* A square of side size x width about (x width, y height) is filled, grey 123 or (125, 123, 114),
 * in place: columns from the truncated left end to the truncated right one, which is within. size
 * 0: nothing. fill: the level of all channels, or -1 for these. */
int assay_augment_cutout(assay_image *image, double size, double x, double y, int fill);

struct assay_rand_augment_options {
    size_t n;      /* operations, drawn with replacement */
    double cutout; /* the largest size of the square, drawn from 0 on; 0: none */
};

/* n operations of uniform magnitudes, then cutout. The image is at most 2^24 numbers. */
int assay_rand_augment(const assay_image *in, const struct assay_rand_augment_options *options,
    assay_rng *rng, assay_image *out);

/* Mirrored with probability 1/2, where so said, and moved by -pad..pad pixels each way; zeros from
 * outside. */
int assay_weak_augment(
    const assay_image *in, bool flip, size_t pad, assay_rng *rng, assay_image *out);

/* rows x cols patches, the one at (r, c) from views[r cols + c]; they end at floor(r height /
 * rows). */
int assay_patch_mix(const assay_image *const *views, size_t rows, size_t cols, assay_image *out);

/* How a diverse image is glued. rows = 0: halves, with probability 1/2 the left one, else the upper
 * one, of a second view in place of the first's; else a grid whose patch j is of view j modulo
 * `views` (0: as many as patches). */
struct assay_diverse_options {
    struct assay_rand_augment_options strong;
    size_t rows, cols, views;
};

/* Several strong views of an image, glued. View v is that of stream child v, so that the first is
 * the one of assay_rand_augment with the child 0. */
int assay_diverse_augment(const assay_image *in, const struct assay_diverse_options *options,
    assay_rng *rng, assay_image *out);

#endif
