/* Augmentation of 8-bit images; see augment.h. Blends are of single precision and geometry is
 * in 16.16 fixed point, as in Pillow: in doubles a few pixels of rotated images differ. */
#include "core/augment.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { LEVELS = 256, ON_STACK = 1 << 13, MOST = 1 << 24, MOST_VIEWS = 64 };

static const unsigned char cutout_colour[3] = {125, 123, 114};
enum { CUTOUT_GREY = 123 };

static const struct {
    const char *name;
    double low, high; /* of magnitudes drawn */
} operations[ASSAY_AUGMENTS] = {
    [ASSAY_AUGMENT_AUTOCONTRAST] = {"autocontrast", 0, 1},
    [ASSAY_AUGMENT_BRIGHTNESS] = {"brightness", 0.05, 0.95},
    [ASSAY_AUGMENT_COLOUR] = {"colour", 0.05, 0.95},
    [ASSAY_AUGMENT_CONTRAST] = {"contrast", 0.05, 0.95},
    [ASSAY_AUGMENT_EQUALIZE] = {"equalize", 0, 1},
    [ASSAY_AUGMENT_IDENTITY] = {"identity", 0, 1},
    [ASSAY_AUGMENT_POSTERIZE] = {"posterize", 4, 8},
    [ASSAY_AUGMENT_ROTATE] = {"rotate", -30, 30},
    [ASSAY_AUGMENT_SHARPNESS] = {"sharpness", 0.05, 0.95},
    [ASSAY_AUGMENT_SHEAR_X] = {"shear_x", -0.3, 0.3},
    [ASSAY_AUGMENT_SHEAR_Y] = {"shear_y", -0.3, 0.3},
    [ASSAY_AUGMENT_SOLARIZE] = {"solarize", 0, 256},
    [ASSAY_AUGMENT_TRANSLATE_X] = {"translate_x", -0.3, 0.3},
    [ASSAY_AUGMENT_TRANSLATE_Y] = {"translate_y", -0.3, 0.3},
};

const char *assay_augment_name(assay_augment op)
{
    return operations[op].name;
}

/* ---- levels ---- */

static void apply_table(
    const assay_image *in, size_t channel, const unsigned char *table, assay_image *out)
{
    for (size_t i = channel; i < assay_image_size(in); i += in->channels)
        out->data[i] = table[in->data[i]];
}

static void count_levels(const assay_image *in, size_t channel, size_t *count)
{
    memset(count, 0, LEVELS * sizeof *count);
    for (size_t i = channel; i < assay_image_size(in); i += in->channels)
        count[in->data[i]]++;
}

static void stretched(const size_t *count, unsigned char *table)
{
    int low = 0, high = LEVELS - 1;
    while (low < LEVELS - 1 && count[low] == 0)
        low++;
    while (high > 0 && count[high] == 0)
        high--;
    const double scale = high > low ? 255.0 / (high - low) : 1,
                 offset = high > low ? -low * scale : 0;
    for (int i = 0; i < LEVELS; i++) {
        const int level = (int)(i * scale + offset);
        table[i] = (unsigned char)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
}

static void equalized(const size_t *count, unsigned char *table)
{
    size_t total = 0, last = 0, step = 0;
    for (int i = 0; i < LEVELS; i++) {
        total += count[i];
        last = count[i] ? count[i] : last;
    }
    step = (total - last) / 255;
    size_t n = step / 2;
    for (int i = 0; i < LEVELS; i++) {
        const size_t level = step ? n / step : (size_t)i;
        table[i] = (unsigned char)(level > 255 ? 255 : level);
        n += count[i];
    }
}

static void by_histogram(
    const assay_image *in, void (*make)(const size_t *, unsigned char *), assay_image *out)
{
    size_t count[LEVELS];
    unsigned char table[LEVELS];
    for (size_t c = 0; c < in->channels; c++) {
        count_levels(in, c, count);
        make(count, table);
        apply_table(in, c, table, out);
    }
}

static void posterize(const assay_image *in, int bits, assay_image *out)
{
    const unsigned char mask = (unsigned char)~((1 << (8 - bits)) - 1);
    for (size_t i = 0; i < assay_image_size(in); i++)
        out->data[i] = in->data[i] & mask;
}

static void solarize(const assay_image *in, double from, assay_image *out)
{
    unsigned char table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = (unsigned char)(i < from ? i : 255 - i);
    for (size_t c = 0; c < in->channels; c++)
        apply_table(in, c, table, out);
}

/* ---- blends: d + a (x - d) in single precision, truncated ---- */

static unsigned char blend(unsigned char degenerate, unsigned char x, float a)
{
    const float level = (float)degenerate + a * (float)((int)x - (int)degenerate);
    return (unsigned char)(level <= 0 ? 0 : level >= 255 ? 255 : level);
}

static unsigned char grey_of(const assay_image *in, size_t pixel)
{
    const unsigned char *p = in->data + pixel * in->channels;
    return in->channels == 1
               ? *p
               : (unsigned char)((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
}

static void blend_with_level(const assay_image *in, unsigned char level, float a, assay_image *out)
{
    unsigned char table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = blend(level, (unsigned char)i, a);
    for (size_t c = 0; c < in->channels; c++)
        apply_table(in, c, table, out);
}

static void contrast(const assay_image *in, float a, assay_image *out)
{
    const size_t pixels = in->height * in->width;
    double sum = 0;
    for (size_t i = 0; i < pixels; i++)
        sum += grey_of(in, i);
    blend_with_level(in, (unsigned char)(int)(sum / (double)pixels + 0.5), a, out);
}

static void colour(const assay_image *in, float a, assay_image *out)
{
    for (size_t i = 0; i < in->height * in->width; i++) {
        const unsigned char grey = grey_of(in, i);
        for (size_t c = 0; c < in->channels; c++)
            out->data[i * in->channels + c] = blend(grey, in->data[i * in->channels + c], a);
    }
}

/* The degenerate image is smoothed by (1 1 1; 1 5 1; 1 1 1) / 13, but for its border. */
static void sharpness(const assay_image *in, float a, assay_image *out)
{
    const size_t w = in->width, c = in->channels, line = w * c;
    for (size_t y = 0; y < in->height; y++)
        for (size_t i = 0; i < line; i++) {
            const unsigned char *p = in->data + y * line + i;
            unsigned char smooth = *p;
            if (y > 0 && y + 1 < in->height && i >= c && i + c < line) {
                int sum = 4 * *p;
                for (int dy = -1; dy <= 1; dy++) {
                    const unsigned char *row = p + dy * (ptrdiff_t)line;
                    sum += row[-(ptrdiff_t)c] + row[0] + row[c];
                }
                smooth = (unsigned char)((2 * sum + 13) / 26);
            }
            out->data[y * line + i] = blend(smooth, *p, a);
        }
}

/* ---- geometry: out(x, y) = in(a0 x + a1 y + a2, a3 x + a4 y + a5) at pixel centres ---- */

static void copy_pixel(const assay_image *in, size_t from, size_t to, assay_image *out)
{
    memcpy(out->data + to * in->channels, in->data + from * in->channels, in->channels);
}

static int64_t fixed(double v)
{
    return (int64_t)floor(v * 65536.0 + 0.5);
}

static void affine(const assay_image *in, const double *a, assay_image *out)
{
    const int64_t right_x = fixed(a[0]), down_x = fixed(a[1]), right_y = fixed(a[3]),
                  down_y = fixed(a[4]);
    int64_t line_x = fixed(a[2] + a[0] * 0.5 + a[1] * 0.5),
            line_y = fixed(a[5] + a[3] * 0.5 + a[4] * 0.5);
    memset(out->data, 0, assay_image_size(out));
    for (size_t y = 0; y < in->height; y++, line_x += down_x, line_y += down_y) {
        int64_t at_x = line_x, at_y = line_y;
        for (size_t x = 0; x < in->width; x++, at_x += right_x, at_y += right_y) {
            const int64_t from_x = at_x >> 16, from_y = at_y >> 16;
            if (from_x >= 0 && from_x < (int64_t)in->width && from_y >= 0 &&
                from_y < (int64_t)in->height)
                copy_pixel(in, (size_t)from_y * in->width + (size_t)from_x, y * in->width + x, out);
        }
    }
}

static void rotate(const assay_image *in, double degrees, assay_image *out)
{
    const double t = -degrees * M_PI / 180, c = cos(t), s = sin(t);
    const double cx = (double)in->width / 2, cy = (double)in->height / 2;
    const double a[6] = {c, s, -c * cx - s * cy + cx, -s, c, s * cx - c * cy + cy};
    affine(in, a, out);
}

/* Whole lines move, without fixed point (Pillow scales such images). */
static void translate(const assay_image *in, double dx, double dy, assay_image *out)
{
    memset(out->data, 0, assay_image_size(out));
    for (size_t y = 0; y < in->height; y++) {
        const double from_y = (double)y + 0.5 + dy;
        if (from_y < 0 || from_y >= (double)in->height)
            continue;
        for (size_t x = 0; x < in->width; x++) {
            const double from_x = (double)x + 0.5 + dx;
            if (from_x >= 0 && from_x < (double)in->width)
                copy_pixel(in, (size_t)from_y * in->width + (size_t)from_x, y * in->width + x, out);
        }
    }
}

/* ---- one operation ---- */

static int check_image(const assay_image *in)
{
    if (in->channels != 1 && in->channels != 3)
        return assay_fail(
            ASSAY_EINVAL, "augment: an image has 1 or 3 channels, got %zu", in->channels);
    if (in->height == 0 || in->width == 0)
        return assay_fail(ASSAY_EINVAL, "augment: an image must have pixels, got %zu x %zu",
            in->height, in->width);
    return ASSAY_OK;
}

static void operate(assay_augment op, const assay_image *in, double v, assay_image *out)
{
    const double shear_x[6] = {1, v, 0, 0, 1, 0}, shear_y[6] = {1, 0, 0, v, 1, 0};
    switch (op) {
    case ASSAY_AUGMENT_AUTOCONTRAST:
        by_histogram(in, stretched, out);
        break;
    case ASSAY_AUGMENT_BRIGHTNESS:
        blend_with_level(in, 0, (float)v, out);
        break;
    case ASSAY_AUGMENT_COLOUR:
        colour(in, in->channels == 1 ? 1 : (float)v, out);
        break;
    case ASSAY_AUGMENT_CONTRAST:
        contrast(in, (float)v, out);
        break;
    case ASSAY_AUGMENT_EQUALIZE:
        by_histogram(in, equalized, out);
        break;
    case ASSAY_AUGMENT_POSTERIZE:
        posterize(in, (int)v, out);
        break;
    case ASSAY_AUGMENT_ROTATE:
        rotate(in, v, out);
        break;
    case ASSAY_AUGMENT_SHARPNESS:
        sharpness(in, (float)v, out);
        break;
    case ASSAY_AUGMENT_SHEAR_X:
        affine(in, shear_x, out);
        break;
    case ASSAY_AUGMENT_SHEAR_Y:
        affine(in, shear_y, out);
        break;
    case ASSAY_AUGMENT_SOLARIZE:
        solarize(in, v, out);
        break;
    case ASSAY_AUGMENT_TRANSLATE_X:
        translate(in, v * (double)in->width, 0, out);
        break;
    case ASSAY_AUGMENT_TRANSLATE_Y:
        translate(in, 0, v * (double)in->height, out);
        break;
    default:
        memcpy(out->data, in->data, assay_image_size(in));
    }
}

int assay_augment_op(assay_augment op, const assay_image *in, double magnitude, assay_image *out)
{
    const int status = check_image(in);
    if (status)
        return status;
    if (!isfinite(magnitude) || fabs(magnitude) > 1e6)
        return assay_fail(
            ASSAY_EINVAL, "augment_op: magnitude must be in -1e6..1e6, got %g", magnitude);
    if (op == ASSAY_AUGMENT_POSTERIZE && !(magnitude >= 0 && magnitude <= 8))
        return assay_fail(ASSAY_EINVAL,
            "augment_op: the magnitude of posterize must be in 0..8, got %g", magnitude);
    operate(op, in, magnitude, out);
    return ASSAY_OK;
}

int assay_augment_cutout(assay_image *image, double size, double x, double y, int fill)
{
    const int status = check_image(image);
    if (status)
        return status;
    if (!(size >= 0 && size <= 1 && x >= 0 && x <= 1 && y >= 0 && y <= 1))
        return assay_fail(ASSAY_EINVAL,
            "augment_cutout: size, x and y must be in 0..1, got %g, %g and %g", size, x, y);
    const double w = (double)image->width, h = (double)image->height, side = size * w;
    if (side <= 0)
        return ASSAY_OK;
    const size_t left = (size_t)fmax(0, x * w - side / 2), top = (size_t)fmax(0, y * h - side / 2);
    const size_t right = (size_t)fmin(w, (double)left + side),
                 bottom = (size_t)fmin(h, (double)top + side);
    for (size_t i = top; i <= bottom && i < image->height; i++)
        for (size_t j = left; j <= right && j < image->width; j++)
            for (size_t c = 0; c < image->channels; c++)
                image->data[(i * image->width + j) * image->channels + c] =
                    fill >= 0              ? (unsigned char)fill
                    : image->channels == 1 ? CUTOUT_GREY
                                           : cutout_colour[c];
    return ASSAY_OK;
}

/* ---- draws ---- */

static void draw_strong(const struct assay_rand_augment_options *o, assay_rng *rng,
    assay_image *from, assay_image *to, assay_image *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const assay_augment op = (assay_augment)assay_rng_below(rng, ASSAY_AUGMENTS);
        const double low = operations[op].low, high = operations[op].high;
        operate(op, from, low + (high - low) * assay_rng_uniform(rng), to);
        const assay_image swapped = *from;
        *from = *to;
        *to = swapped;
    }
    memcpy(out->data, from->data, assay_image_size(out));
}

int assay_rand_augment(const assay_image *in, const struct assay_rand_augment_options *options,
    assay_rng *rng, assay_image *out)
{
    const size_t size = assay_image_size(in);
    unsigned char stack[2 * ON_STACK], *buffer = stack;
    int status = check_image(in);
    if (status)
        return status;
    if (size > MOST)
        return assay_fail(
            ASSAY_EINVAL, "rand_augment: an image may have %d numbers, got %zu", MOST, size);
    if (!(options->cutout >= 0 && options->cutout <= 1))
        return assay_fail(
            ASSAY_EINVAL, "rand_augment: cutout must be in 0..1, got %g", options->cutout);
    if (size > ON_STACK && !(buffer = malloc(2 * size)))
        return assay_fail(ASSAY_ENOMEM, "no memory for an image of %zu numbers", size);
    assay_image from = *in, to = *in;
    from.data = buffer;
    to.data = buffer + size;
    memcpy(from.data, in->data, size);
    draw_strong(options, rng, &from, &to, out);
    if (options->cutout > 0) {
        const double side = options->cutout * assay_rng_uniform(rng);
        const double x = assay_rng_uniform(rng), y = assay_rng_uniform(rng);
        status = assay_augment_cutout(out, side, x, y, -1);
    }
    if (buffer != stack)
        free(buffer);
    return status;
}

int assay_weak_augment(
    const assay_image *in, bool flip, size_t pad, assay_rng *rng, assay_image *out)
{
    const int status = check_image(in);
    if (status)
        return status;
    const bool mirrored = flip && assay_rng_below(rng, 2);
    const size_t dx = (size_t)assay_rng_below(rng, 2 * (uint64_t)pad + 1),
                 dy = (size_t)assay_rng_below(rng, 2 * (uint64_t)pad + 1);
    memset(out->data, 0, assay_image_size(out));
    for (size_t y = 0; y < in->height; y++)
        for (size_t x = 0; x < in->width; x++) {
            const size_t from_y = y + dy - pad, from_x = x + dx - pad; /* wraps where outside */
            if (from_y < in->height && from_x < in->width)
                copy_pixel(in, from_y * in->width + (mirrored ? in->width - 1 - from_x : from_x),
                    y * in->width + x, out);
        }
    return ASSAY_OK;
}

int assay_patch_mix(const assay_image *const *views, size_t rows, size_t cols, assay_image *out)
{
    if (rows == 0 || cols == 0)
        return assay_fail(ASSAY_EINVAL,
            "patch_mix: rows and cols must be at least 1, got %zu and %zu", rows, cols);
    for (size_t v = 0; v < rows * cols; v++)
        if (views[v]->height != out->height || views[v]->width != out->width ||
            views[v]->channels != out->channels)
            return assay_fail(
                ASSAY_EINVAL, "patch_mix: views must have the same shape, view %zu hasn't", v + 1);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            const size_t left = c * out->width / cols, right = (c + 1) * out->width / cols;
            for (size_t y = r * out->height / rows; y < (r + 1) * out->height / rows; y++) {
                const size_t at = (y * out->width + left) * out->channels;
                memcpy(
                    out->data + at, views[r * cols + c]->data + at, (right - left) * out->channels);
            }
        }
    return ASSAY_OK;
}

static int strong_views(const assay_image *in, const struct assay_diverse_options *o,
    const assay_rng *rng, size_t views, assay_image *view)
{
    int status = ASSAY_OK;
    for (size_t v = 0; v < views && !status; v++) {
        assay_rng own = assay_rng_split(rng, v);
        status = assay_rand_augment(in, &o->strong, &own, &view[v]);
    }
    return status;
}

int assay_diverse_augment(const assay_image *in, const struct assay_diverse_options *options,
    assay_rng *rng, assay_image *out)
{
    const bool halves = options->rows == 0;
    const size_t patches = halves ? 2 : options->rows * options->cols;
    const size_t views = halves || options->views == 0 ? patches : options->views;
    const size_t size = assay_image_size(in);
    if (patches == 0 || patches > MOST_VIEWS || views < 2 || views > patches)
        return assay_fail(ASSAY_EINVAL,
            "diverse_augment: there must be 2..%d patches and 2 views up to as many, got %zu and "
            "%zu",
            MOST_VIEWS, patches, views);
    unsigned char *buffer = malloc(views * size + 1);
    if (!buffer)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu views", views);
    assay_image view[MOST_VIEWS];
    const assay_image *patch[MOST_VIEWS];
    for (size_t v = 0; v < views; v++) {
        view[v] = *in;
        view[v].data = buffer + v * size;
    }
    int status = strong_views(in, options, rng, views, view);
    for (size_t p = 0; p < patches; p++)
        patch[p] = &view[halves ? 1 - p : p % views]; /* the second view is to the left, or above */
    assay_rng choice = assay_rng_split_name(rng, "half");
    const bool left = halves && assay_rng_below(&choice, 2);
    if (!status)
        status = assay_patch_mix(patch, halves ? (left ? 1 : 2) : options->rows,
            halves ? (left ? 2 : 1) : options->cols, out);
    /* halves of one row or column are empty: the first view stays */
    if (!status && halves && (in->width < 2 || in->height < 2) &&
        (left ? in->width : in->height) < 2)
        memcpy(out->data, view[0].data, size);
    free(buffer);
    return status;
}
