/* assay.balance: augmentation of 8-bit images (core/augment.h). An image is a matrix of height
 * rows, a set of images a matrix with a row for each; the channels of a pixel stand together. */
#include "core/augment.h"

#include <math.h>
#include <string.h>

#include "core/status.h"
#include "lua/args.h"
#include "lua/balance/balance.h"

enum { LEVELS = 256 };

/* ---- images from and to matrices ---- */

/* The numbers of a matrix as bytes. Pushes a value. */
static unsigned char *bytes_of(lua_State *L, const assay_matrix *m, const char *name)
{
    unsigned char *bytes = assay_lua_scratch(L, m->rows * m->cols + 1, 1);
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            const double level = *assay_matrix_at(m, i, j);
            if (!(level >= 0 && level < LEVELS && level == floor(level)))
                assay_arg_error(L, "%s[%d][%d] must be a whole number in 0..255, got %g", name,
                    (int)i + 1, (int)j + 1, level);
            bytes[i * m->cols + j] = (unsigned char)level;
        }
    return bytes;
}

static void push_bytes(lua_State *L, const unsigned char *bytes, size_t rows, size_t cols)
{
    const assay_matrix m = assay_push_matrix(L, rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        m.data[i] = bytes[i];
}

static size_t channels_option(lua_State *L, int at)
{
    const size_t channels = (size_t)assay_opt_integer(L, at, "channels", 1, 1, 3);
    if (channels == 2)
        assay_arg_error(L, "channels must be 1 or 3, got 2");
    return channels;
}

/* The image at `at`, of height x (width channels) numbers. Pushes values. */
static assay_image image_argument(lua_State *L, int at, const char *name, size_t channels)
{
    const assay_matrix m = assay_arg_matrix(L, at, name);
    if (m.rows == 0 || m.cols == 0 || m.cols % channels != 0)
        assay_arg_error(L, "%s must have rows of pixels of %d channels, got %d x %d numbers", name,
            (int)channels, (int)m.rows, (int)m.cols);
    return (assay_image){m.rows, m.cols / channels, channels, bytes_of(L, &m, name)};
}

/* Memory for another one. Pushes a value. */
static assay_image same_shape(lua_State *L, const assay_image *as)
{
    assay_image image = *as;
    image.data = assay_lua_scratch(L, assay_image_size(as), 1);
    return image;
}

static void push_image(lua_State *L, const assay_image *image)
{
    push_bytes(L, image->data, image->height, image->width * image->channels);
}

/* augment_op(image, op, magnitude [, {channels=1}]) */
static int augment_op(lua_State *L)
{
    static const char *const known[] = {"channels", NULL};
    const char *names[ASSAY_AUGMENTS + 1] = {NULL};
    for (int op = 0; op < ASSAY_AUGMENTS; op++)
        names[op] = assay_augment_name((assay_augment)op);
    assay_opts_check(L, 4, known);
    const assay_image in = image_argument(L, 1, "image", channels_option(L, 4));
    const assay_augment op = (assay_augment)assay_arg_choice(L, 2, "op", names);
    const double magnitude = assay_arg_number(L, 3, "magnitude", -ASSAY_FINITE, ASSAY_FINITE);
    assay_image out = same_shape(L, &in);
    assay_arg_status(L, assay_augment_op(op, &in, magnitude, &out));
    push_image(L, &out);
    return 1;
}

/* augment_cutout(image, {size=, x=, y=, fill=, channels=1}) */
static int augment_cutout(lua_State *L)
{
    static const char *const known[] = {"size", "x", "y", "fill", "channels", NULL};
    assay_opts_check(L, 2, known);
    assay_image image = image_argument(L, 1, "image", channels_option(L, 2));
    const double size = assay_opt_required(L, 2, "size", 0, 1);
    const double x = assay_opt_required(L, 2, "x", 0, 1), y = assay_opt_required(L, 2, "y", 0, 1);
    const int fill = (int)assay_opt_integer(L, 2, "fill", -1, 0, LEVELS - 1);
    assay_arg_status(L, assay_augment_cutout(&image, size, x, y, fill));
    push_image(L, &image);
    return 1;
}

static void check_same(lua_State *L, const assay_image *a, const assay_image *b)
{
    if (a->height != b->height || a->width != b->width)
        assay_arg_error(L, "views must have the same shape, got %d x %d and %d x %d",
            (int)a->height, (int)a->width, (int)b->height, (int)b->width);
}

/* patch_mix(view1, view2 [, {split="left", channels=1}]) */
static int patch_mix(lua_State *L)
{
    static const char *const known[] = {"split", "channels", NULL};
    static const char *const splits[] = {"left", "top", NULL};
    assay_opts_check(L, 3, known);
    const size_t channels = channels_option(L, 3);
    const bool left = assay_opt_choice(L, 3, "split", 0, splits) == 0;
    const assay_image first = image_argument(L, 1, "view1", channels);
    const assay_image second = image_argument(L, 2, "view2", channels);
    const assay_image *const views[] = {&second, &first};
    check_same(L, &first, &second);
    assay_image out = same_shape(L, &first);
    assay_arg_status(L, assay_patch_mix(views, left ? 1 : 2, left ? 2 : 1, &out));
    push_image(L, &out);
    return 1;
}

/* patch_mix_grid(views, {rows=, cols=, channels=1}) */
static int patch_mix_grid(lua_State *L)
{
    static const char *const known[] = {"rows", "cols", "channels", NULL};
    assay_opts_check(L, 2, known);
    const size_t channels = channels_option(L, 2);
    const size_t rows = (size_t)assay_opt_required(L, 2, "rows", 1, 64);
    const size_t cols = (size_t)assay_opt_required(L, 2, "cols", 1, 64);
    if (!lua_istable(L, 1) || lua_rawlen(L, 1) != rows * cols)
        assay_arg_error(L, "views must be a list of %d images", (int)(rows * cols));
    assay_image *images = assay_lua_scratch(L, rows * cols, sizeof *images);
    const assay_image **views = assay_lua_scratch(L, rows * cols, sizeof *views);
    luaL_checkstack(L, (int)(rows * cols) * 4 + 20, NULL);
    for (size_t v = 0; v < rows * cols; v++) {
        lua_rawgeti(L, 1, (lua_Integer)v + 1);
        images[v] = image_argument(L, -1, "views", channels);
        views[v] = &images[v];
        check_same(L, &images[0], &images[v]);
    }
    assay_image out = same_shape(L, &images[0]);
    assay_arg_status(L, assay_patch_mix(views, rows, cols, &out));
    push_image(L, &out);
    return 1;
}

/* ---- sets of images ---- */

#define SHAPE "height", "width", "channels"

struct set {
    size_t n, size;
    assay_image in, out; /* views, moved from image to image */
    assay_rng rng;       /* child i is the stream of image i */
};

/* The set at argument 1 with the options at `at`, which have a stream. Pushes values. */
static struct set set_argument(lua_State *L, int at)
{
    struct set set = {0};
    const assay_matrix m = assay_arg_matrix(L, 1, "images");
    const size_t channels = channels_option(L, at);
    const size_t side = (size_t)floor(sqrt((double)m.cols / (double)channels) + 0.5);
    set.n = m.rows;
    set.size = m.cols;
    set.in.channels = channels;
    set.in.height =
        (size_t)assay_opt_integer(L, at, "height", (int64_t)(side ? side : 1), 1, 1 << 12);
    const size_t width = set.in.height ? m.cols / channels / set.in.height : 0;
    set.in.width =
        (size_t)assay_opt_integer(L, at, "width", (int64_t)(width ? width : 1), 1, 1 << 12);
    if (m.rows > 0 && set.in.height * set.in.width * channels != m.cols)
        assay_arg_error(L, "images must have rows of %d x %d x %d numbers, got %d",
            (int)set.in.height, (int)set.in.width, (int)channels, (int)m.cols);
    set.out = set.in;
    set.in.data = bytes_of(L, &m, "images");
    set.out.data = assay_lua_scratch(L, m.rows * m.cols + 1, 1);
    assay_rng *rng = assay_required_rng(L, at);
    set.rng = assay_rng_split(rng, assay_rng_u64(rng));
    return set;
}

static assay_image image_at(const assay_image *first, const struct set *set, size_t i)
{
    assay_image image = *first;
    image.data += i * set->size;
    return image;
}

static int push_set(lua_State *L, const struct set *set)
{
    push_bytes(L, set->out.data, set->n, set->size);
    return 1;
}

static struct assay_rand_augment_options strong_options(lua_State *L, int at)
{
    return (struct assay_rand_augment_options){
        .n = (size_t)assay_opt_integer(L, at, "n", 3, 0, 1000),
        .cutout = assay_opt_number(L, at, "cutout", 0.5, 0, 1)};
}

/* rand_augment(images, {n=3, cutout=0.5, height=, width=, channels=1, rng=}) */
static int rand_augment(lua_State *L)
{
    static const char *const known[] = {"n", "cutout", SHAPE, "rng", NULL};
    assay_opts_check(L, 2, known);
    const struct assay_rand_augment_options o = strong_options(L, 2);
    const struct set set = set_argument(L, 2);
    for (size_t i = 0; i < set.n; i++) {
        const assay_image in = image_at(&set.in, &set, i);
        assay_image out = image_at(&set.out, &set, i);
        assay_rng own = assay_rng_split(&set.rng, i), view = assay_rng_split(&own, 0);
        assay_arg_status(L, assay_rand_augment(&in, &o, &view, &out));
    }
    return push_set(L, &set);
}

/* Option grid: "half" or {rows, cols}. */
static void read_grid(lua_State *L, struct assay_diverse_options *o)
{
    static const char *const words[] = {"half", NULL};
    size_t n = 0;
    o->views = (size_t)assay_opt_integer(L, 3, "views", 0, 2, 64);
    if (assay_opt_push(L, 3, "grid") && lua_type(L, -1) != LUA_TSTRING) {
        const size_t *grid = assay_arg_indices(L, -1, "grid", 1, 64, &n);
        if (n != 2)
            assay_arg_error(L, "grid must be \"half\" or {rows, cols}, got %d numbers", (int)n);
        o->rows = grid[0] + 1;
        o->cols = grid[1] + 1;
    } else {
        assay_opt_choice(L, 3, "grid", 0, words);
        if (o->views > 2)
            assay_arg_error(L, "views must be 2 for halves, got %d", (int)o->views);
    }
}

/* diverse_augment(images, flags, {views=2, grid="half", n=3, cutout=0.5, height=, width=,
 * channels=1, rng=}) */
static int diverse_augment(lua_State *L)
{
    static const char *const known[] = {"views", "grid", "n", "cutout", SHAPE, "rng", NULL};
    size_t flags = 0;
    luaL_checkstack(L, 20, NULL);
    assay_opts_check(L, 3, known);
    struct assay_diverse_options o = {.strong = strong_options(L, 3)};
    read_grid(L, &o);
    const unsigned char *diverse = assay_arg_flags(L, 2, "flags", &flags);
    const struct set set = set_argument(L, 3);
    if (flags != set.n)
        assay_arg_error(
            L, "flags must have %d values as images has rows, got %d", (int)set.n, (int)flags);
    for (size_t i = 0; i < set.n; i++) {
        const assay_image in = image_at(&set.in, &set, i);
        assay_image out = image_at(&set.out, &set, i);
        assay_rng own = assay_rng_split(&set.rng, i), view = assay_rng_split(&own, 0);
        assay_arg_status(L, diverse[i] ? assay_diverse_augment(&in, &o, &own, &out)
                                       : assay_rand_augment(&in, &o.strong, &view, &out));
    }
    return push_set(L, &set);
}

/* weak_augment(images, {flip=true, pad=4, height=, width=, channels=1, rng=}) */
static int weak_augment(lua_State *L)
{
    static const char *const known[] = {"flip", "pad", SHAPE, "rng", NULL};
    assay_opts_check(L, 2, known);
    const bool flip = assay_opt_boolean(L, 2, "flip", true);
    const size_t pad = (size_t)assay_opt_integer(L, 2, "pad", 4, 0, 1 << 12);
    const struct set set = set_argument(L, 2);
    for (size_t i = 0; i < set.n; i++) {
        const assay_image in = image_at(&set.in, &set, i);
        assay_image out = image_at(&set.out, &set, i);
        assay_rng own = assay_rng_split(&set.rng, i);
        assay_arg_status(L, assay_weak_augment(&in, flip, pad, &own, &out));
    }
    return push_set(L, &set);
}

const luaL_Reg assay_lua_augment[] = {
    {"augment_op", augment_op},
    {"augment_cutout", augment_cutout},
    {"patch_mix", patch_mix},
    {"patch_mix_grid", patch_mix_grid},
    {"rand_augment", rand_augment},
    {"diverse_augment", diverse_augment},
    {"weak_augment", weak_augment},
    {NULL, NULL},
};
