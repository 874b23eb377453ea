/* Layers from JSON; see layers.h. A kind of layer is a row of the table at the end: its name, its
 * options and the function that fits it to its input. */
#include "models/net/layers.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { LEARNS = ASSAY_PARAM_TRAINABLE };
enum { DEEPEST = 8, MOST_LAYERS = 10000, MOST_SIZE = 1 << 24 };

struct kind;

struct parser {
    const assay_rng *rng;
    size_t most;
    assay_params *params;
    assay_layers *layers;
    int seen[64]; /* of each kind */
    int depth;
};

struct kind {
    const char *name;
    assay_op_id op;
    int (*fit)(struct parser *p, assay_layer *layer, const json_t *json);
    const char *options; /* with spaces between */
};

/* ---- words ---- */

static void show(const assay_layer_shape *shape, char *out, size_t size)
{
    if (shape->image)
        snprintf(out, size, "[%zu, %zu, %zu]", shape->n[0], shape->n[1], shape->n[2]);
    else
        snprintf(out, size, "[%zu]", shape->n[0]);
}

static int fail(const assay_layer *layer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(const assay_layer *layer, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return assay_fail(ASSAY_EINVAL, "net: layer %s: %s", layer->name, text);
}

/* ---- options ---- */

static int whole(const assay_layer *layer, const json_t *json, const char *key, long long absent,
    long long least, size_t *out)
{
    const json_t *value = json_object_get(json, key);
    if (!value && absent >= 0) {
        *out = (size_t)absent;
        return ASSAY_OK;
    }
    if (!value)
        return fail(layer, "%s must be given", key);
    const double x = json_is_number(value) ? json_number_value(value) : -1;
    if (!(x == floor(x) && x >= (double)least && x <= MOST_SIZE))
        return fail(layer, "%s must be a whole number in %lld..%d", key, least, MOST_SIZE);
    *out = (size_t)x;
    return ASSAY_OK;
}

static int number(const assay_layer *layer, const json_t *json, const char *key, double least,
    double below, double *out)
{
    const json_t *value = json_object_get(json, key);
    if (!value)
        return ASSAY_OK;
    if (!json_is_number(value))
        return fail(layer, "%s must be a number", key);
    *out = json_number_value(value);
    if (!(*out >= least && *out < below))
        return fail(
            layer, "%s must be at least %g and less than %g, got %g", key, least, below, *out);
    return ASSAY_OK;
}

static int flag(const assay_layer *layer, const json_t *json, const char *key, bool *out)
{
    const json_t *value = json_object_get(json, key);
    if (!value)
        return ASSAY_OK;
    if (!json_is_boolean(value))
        return fail(layer, "%s must be true or false", key);
    *out = json_boolean_value(value);
    return ASSAY_OK;
}

/* Is `word` one of the words of `list`? */
static bool listed(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

static int check_options(const assay_layer *layer, const struct kind *kind, const json_t *json)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)json, key,
        value) if (strcmp(key, "type") != 0 && !listed(kind->options, key)) return fail(layer,
        "unknown option \"%.64s\" (there are: %s)", key, *kind->options ? kind->options : "none");
    return ASSAY_OK;
}

/* ---- parameters ---- */

static int add_param(struct parser *p, const assay_layer *layer, const char *what, int rank,
    const size_t *n, unsigned flags, int *position)
{
    char name[ASSAY_PARAM_NAME];
    size_t index = 0, size = 1;
    snprintf(name, sizeof name, "%s.%s", layer->name, what);
    for (int i = 0; i < rank; i++)
        size = size && n[i] > SIZE_MAX / size ? SIZE_MAX : size * n[i];
    if (size > p->most)
        return fail(layer, "%s has more numbers than there is room for, %zu", what, p->most);
    p->most -= size;
    const int status = assay_params_add(p->params, name, rank, n, flags, &index);
    *position = (int)index;
    return status;
}

/* weight and, unless "bias" is false, bias of `outputs`, both uniform in 1 / sqrt(inputs) */
static int add_weights(struct parser *p, assay_layer *layer, const json_t *json, int rank,
    const size_t *n, size_t outputs, size_t inputs)
{
    bool bias = true;
    const double bound = 1 / sqrt((double)inputs);
    int status = flag(layer, json, "bias", &bias);
    if (status == ASSAY_OK)
        status = add_param(
            p, layer, "weight", rank, n, LEARNS | ASSAY_PARAM_DECAY | ASSAY_PARAM_QUANT, &layer->w);
    if (status == ASSAY_OK)
        assay_params_set(p->params, (size_t)layer->w, ASSAY_INIT_UNIFORM, bound, p->rng);
    if (status != ASSAY_OK || !bias)
        return status;
    status = add_param(p, layer, "bias", 1, &outputs, LEARNS, &layer->b);
    if (status == ASSAY_OK)
        assay_params_set(p->params, (size_t)layer->b, ASSAY_INIT_UNIFORM, bound, p->rng);
    return status;
}

static int add_gain(struct parser *p, assay_layer *layer, size_t n, bool bias)
{
    int status = add_param(p, layer, "gain", 1, &n, LEARNS, &layer->w);
    if (status == ASSAY_OK)
        assay_params_set(p->params, (size_t)layer->w, ASSAY_INIT_CONSTANT, 1, p->rng);
    return status == ASSAY_OK && bias ? add_param(p, layer, "bias", 1, &n, LEARNS, &layer->b) : status;
}

/* Numbers that don't learn, all `value` at first. */
static int add_kept(
    struct parser *p, const assay_layer *layer, const char *what, size_t n, double value, int *at)
{
    const int status = add_param(p, layer, what, 1, &n, 0, at);
    if (status == ASSAY_OK)
        assay_params_set(p->params, (size_t)*at, ASSAY_INIT_CONSTANT, value, p->rng);
    return status;
}

/* ---- fitting a layer to its input ---- */

static int needs_image(const assay_layer *layer)
{
    return layer->in.image
               ? ASSAY_OK
               : fail(layer, "the input must be an image [channels, height, width], got [%zu]",
                     layer->in.n[0]);
}

static int needs_vector(const assay_layer *layer)
{
    char shape[96];
    show(&layer->in, shape, sizeof shape);
    return layer->in.image
               ? fail(layer, "the input must be a vector, got %s: put a flatten before it", shape)
               : ASSAY_OK;
}

static int fit_dense(struct parser *p, assay_layer *layer, const json_t *json)
{
    size_t out = 0;
    int status = needs_vector(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "out", -1, 1, &out);
    if (status != ASSAY_OK)
        return status;
    const size_t in = layer->in.n[0], n[] = {out, in};
    layer->out = (assay_layer_shape){{out, 1, 1}, false};
    return add_weights(p, layer, json, 2, n, out, in);
}

static int read_window(assay_layer *layer, const json_t *json, long long k, bool pad)
{
    assay_op_options *o = &layer->options;
    int status = needs_image(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "k", k, 1, &o->k);
    if (status == ASSAY_OK)
        status = whole(layer, json, "stride", pad ? 1 : (long long)o->k, 1, &o->stride);
    o->pad = 0;
    if (status == ASSAY_OK && pad)
        status = whole(layer, json, "pad", 0, 0, &o->pad);
    o->dilation = 1;
    memcpy(o->shape, layer->in.n, sizeof o->shape);
    return status;
}

/* What a window covers from its first number to its last. */
static size_t side_of(const assay_op_options *o)
{
    return (o->k - 1) * o->dilation + 1;
}

static int pad_fits(const assay_layer *layer)
{
    const assay_op_options *o = &layer->options;
    return o->pad < side_of(o) ? ASSAY_OK
                               : fail(layer, "pad must be less than %s, %zu, got %zu",
                                     o->dilation > 1 ? "the dilated k" : "k", side_of(o), o->pad);
}

static int windows_fit(const assay_layer *layer)
{
    const assay_op_options *o = &layer->options;
    for (int i = 1; i < 3; i++)
        if (layer->in.n[i] + 2 * o->pad < side_of(o))
            return fail(layer, "a window of %zu doesn't fit images of %zu x %zu with pad %zu",
                side_of(o), layer->in.n[1], layer->in.n[2], o->pad);
    return ASSAY_OK;
}

static size_t windows(const assay_layer *layer, int dimension)
{
    const assay_op_options *o = &layer->options;
    return (layer->in.n[dimension] + 2 * o->pad - side_of(o)) / o->stride + 1;
}

static int fit_conv(struct parser *p, assay_layer *layer, const json_t *json)
{
    size_t out = 0;
    int status = read_window(layer, json, -1, true);
    if (status == ASSAY_OK)
        status = whole(layer, json, "dilation", 1, 1, &layer->options.dilation);
    if (status == ASSAY_OK)
        status = pad_fits(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "out", -1, 1, &out);
    if (status == ASSAY_OK)
        status = windows_fit(layer);
    if (status != ASSAY_OK)
        return status;
    const size_t k = layer->options.k, in = layer->in.n[0], n[] = {out, in, k, k};
    layer->out = (assay_layer_shape){{out, windows(layer, 1), windows(layer, 2)}, true};
    return add_weights(p, layer, json, 4, n, out, in * k * k);
}

/* h' = (h - 1) stride + k - 2 pad; w [in, out, k, k] as PyTorch's, which takes out k k for the fan
 */
static int fit_conv_transpose(struct parser *p, assay_layer *layer, const json_t *json)
{
    size_t out = 0, side[3] = {0};
    const assay_op_options *o = &layer->options;
    int status = read_window(layer, json, -1, true);
    if (status == ASSAY_OK)
        status = pad_fits(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "out", -1, 1, &out);
    for (int i = 1; i < 3 && status == ASSAY_OK; i++) {
        side[i] = (layer->in.n[i] - 1) * o->stride + o->k;
        if (side[i] <= 2 * o->pad || side[i] > MOST_SIZE)
            status = fail(layer, "stride %zu, k %zu and pad %zu leave no image of %zu x %zu",
                o->stride, o->k, o->pad, layer->in.n[1], layer->in.n[2]);
        side[i] -= 2 * o->pad;
    }
    if (status != ASSAY_OK)
        return status;
    const size_t n[] = {layer->in.n[0], out, o->k, o->k};
    layer->out = (assay_layer_shape){{out, side[1], side[2]}, true};
    return add_weights(p, layer, json, 4, n, out, out * o->k * o->k);
}

static int fit_pool(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    int status = read_window(layer, json, 2, false);
    if (status == ASSAY_OK)
        status = windows_fit(layer);
    if (status == ASSAY_OK)
        layer->out =
            (assay_layer_shape){{layer->in.n[0], windows(layer, 1), windows(layer, 2)}, true};
    return status;
}

static int fit_global(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    (void)json;
    memcpy(layer->options.shape, layer->in.n, sizeof layer->options.shape);
    layer->out = (assay_layer_shape){{layer->in.n[0], 1, 1}, false};
    return needs_image(layer);
}

static int fit_upsample(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    (void)json;
    const size_t *n = layer->in.n;
    memcpy(layer->options.shape, n, sizeof layer->options.shape);
    layer->out = (assay_layer_shape){{n[0], 2 * n[1], 2 * n[2]}, true};
    return needs_image(layer);
}

static int fit_elementwise(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    layer->out = layer->in;
    return number(layer, json, "slope", -1e6, 1e6, &layer->options.slope);
}

static int fit_dropout(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    layer->out = layer->in;
    return number(layer, json, "p", 0, 1, &layer->options.p);
}

static int fit_swiglu(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    (void)json;
    const int status = needs_vector(layer);
    if (status == ASSAY_OK && layer->in.n[0] % 2 != 0)
        return fail(layer, "the input must have an even size, got [%zu]", layer->in.n[0]);
    layer->out = (assay_layer_shape){{layer->in.n[0] / 2, 1, 1}, false};
    return status;
}

static int fit_norm(struct parser *p, assay_layer *layer, const json_t *json)
{
    int status = needs_vector(layer);
    if (status == ASSAY_OK)
        status = number(layer, json, "eps", 1e-12, 1e6, &layer->options.eps);
    layer->out = layer->in;
    return status == ASSAY_OK ? add_gain(p, layer, layer->in.n[0], layer->op == ASSAY_OP_LAYERNORM)
                              : status;
}

static int fit_groupnorm(struct parser *p, assay_layer *layer, const json_t *json)
{
    assay_op_options *o = &layer->options;
    int status = needs_image(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "groups", 1, 1, &o->groups);
    if (status == ASSAY_OK && layer->in.n[0] % o->groups != 0)
        status =
            fail(layer, "groups must divide the %zu channels, got %zu", layer->in.n[0], o->groups);
    if (status == ASSAY_OK)
        status = number(layer, json, "eps", 1e-12, 1e6, &o->eps);
    memcpy(o->shape, layer->in.n, sizeof o->shape);
    layer->out = layer->in;
    return status == ASSAY_OK ? add_gain(p, layer, layer->in.n[0], true) : status;
}

/* Statistics are parameters that don't learn, so that they are saved, copied and averaged with the
 * weights. */
static int fit_batchnorm(struct parser *p, assay_layer *layer, const json_t *json)
{
    const size_t *n = layer->in.n;
    int status = number(layer, json, "eps", 1e-12, 1e6, &layer->options.eps);
    if (layer->in.image)
        memcpy(layer->options.shape, n, sizeof layer->options.shape);
    layer->out = layer->in;
    if (status == ASSAY_OK)
        status = add_gain(p, layer, n[0], true);
    if (status == ASSAY_OK)
        status = add_kept(p, layer, "mean", n[0], 0, &layer->mean);
    return status == ASSAY_OK ? add_kept(p, layer, "variance", n[0], 1, &layer->variance) : status;
}

static int fit_flatten(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    (void)json;
    layer->role = ASSAY_LAYER_FLATTEN;
    layer->out = (assay_layer_shape){{assay_layer_size(&layer->in), 1, 1}, false};
    return ASSAY_OK;
}

/* [x, t] to [x, sin, cos of scale t], `count` numbers */
static int fit_time(struct parser *p, assay_layer *layer, const json_t *json)
{
    (void)p;
    assay_op_options *o = &layer->options;
    layer->role = ASSAY_LAYER_TIME;
    int status = needs_vector(layer);
    if (status == ASSAY_OK)
        status = whole(layer, json, "count", 32, 4, &o->count);
    if (status == ASSAY_OK && o->count % 2 != 0)
        status = fail(layer, "count must be even, got %zu", o->count);
    if (status == ASSAY_OK && layer->in.n[0] < 2)
        status = fail(layer,
            "the input must have at least 2 numbers, the last of them the time, got [%zu]",
            layer->in.n[0]);
    if (status == ASSAY_OK)
        status = number(layer, json, "scale", 1e-6, 1e9, &o->scale);
    layer->out = (assay_layer_shape){{layer->in.n[0] - 1 + o->count, 1, 1}, false};
    return status;
}

static int fit_block(struct parser *p, assay_layer *layer, const json_t *json);

static const struct kind kinds[] = {
    {"dense", ASSAY_OP_LINEAR, fit_dense, "out bias"},
    {"conv", ASSAY_OP_CONV2D, fit_conv, "out k stride pad dilation bias"},
    {"conv_transpose", ASSAY_OP_CONV2D_TRANSPOSE, fit_conv_transpose, "out k stride pad bias"},
    {"maxpool", ASSAY_OP_MAXPOOL, fit_pool, "k stride"},
    {"avgpool", ASSAY_OP_AVGPOOL, fit_pool, "k stride"},
    {"globalmean", ASSAY_OP_GLOBALMEAN, fit_global, ""},
    {"globalmax", ASSAY_OP_GLOBALMAX, fit_global, ""},
    {"upsample", ASSAY_OP_UPSAMPLE, fit_upsample, ""},
    {"flatten", ASSAY_OP_STOP, fit_flatten, ""},
    {"relu", ASSAY_OP_RELU, fit_elementwise, ""},
    {"leaky", ASSAY_OP_LEAKY, fit_elementwise, "slope"},
    {"gelu", ASSAY_OP_GELU, fit_elementwise, ""},
    {"gelu_exact", ASSAY_OP_GELU_EXACT, fit_elementwise, ""},
    {"silu", ASSAY_OP_SILU, fit_elementwise, ""},
    {"tanh", ASSAY_OP_TANH, fit_elementwise, ""},
    {"sigmoid", ASSAY_OP_SIGMOID, fit_elementwise, ""},
    {"softplus", ASSAY_OP_SOFTPLUS, fit_elementwise, ""},
    {"swiglu", ASSAY_OP_SWIGLU, fit_swiglu, ""},
    {"dropout", ASSAY_OP_DROPOUT, fit_dropout, "p"},
    {"layernorm", ASSAY_OP_LAYERNORM, fit_norm, "eps"},
    {"rmsnorm", ASSAY_OP_RMSNORM, fit_norm, "eps"},
    {"groupnorm", ASSAY_OP_GROUPNORM, fit_groupnorm, "groups eps"},
    {"batchnorm", ASSAY_OP_BATCHNORM, fit_batchnorm, "eps"},
    {"time", ASSAY_OP_SINUSOIDAL, fit_time, "count scale"},
    {"residual", ASSAY_OP_ADD, fit_block, "layers"},
    {"concat", ASSAY_OP_CONCAT, fit_block, "layers"},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- the list ---- */

static int append(struct parser *p, const assay_layer *layer)
{
    assay_layers *l = p->layers;
    if (l->count >= MOST_LAYERS)
        return assay_fail(ASSAY_EINVAL, "net: there may be at most %d layers", MOST_LAYERS);
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 16;
        assay_layer *at = realloc(l->at, room * sizeof *at);
        if (!at)
            return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu layers", room);
        l->at = at;
        l->room = room;
    }
    l->at[l->count++] = *layer;
    return ASSAY_OK;
}

static int find_kind(const char *type, size_t position, size_t *kind)
{
    char list[512] = "";
    size_t at = 0;
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, type) == 0) {
            *kind = i;
            return ASSAY_OK;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", kinds[i].name);
    }
    return assay_fail(ASSAY_EINVAL, "net: layers[%zu]: there is no layer \"%.64s\" (there are: %s)",
        position, type, list);
}

static int check_output(const assay_layer *layer)
{
    char shape[96];
    const size_t *n = layer->out.n;
    if (n[0] <= MOST_SIZE && n[1] <= MOST_SIZE / n[0] && n[2] <= MOST_SIZE / n[0] / n[1])
        return ASSAY_OK;
    show(&layer->out, shape, sizeof shape);
    return fail(layer, "the output %s has more than %d numbers", shape, MOST_SIZE);
}

/* One layer, whose input is `*shape`, which becomes its output. */
static int parse_layer(
    struct parser *p, const json_t *json, size_t position, assay_layer_shape *shape)
{
    size_t k = 0;
    const char *type = json_string_value(json_object_get(json, "type"));
    if (!type)
        return assay_fail(ASSAY_EINVAL, "net: layers[%zu] must have a type", position);
    int status = find_kind(type, position, &k);
    if (status != ASSAY_OK)
        return status;
    assay_layer layer = {
        .op = kinds[k].op, .options = ASSAY_OP_DEFAULTS, .w = -1, .b = -1, .mean = -1, .variance = -1, .in = *shape};
    snprintf(layer.name, sizeof layer.name, "%s%d", type, ++p->seen[k]);
    status = check_options(&layer, &kinds[k], json);
    if (status == ASSAY_OK)
        status = kinds[k].fit(p, &layer, json);
    if (status == ASSAY_OK)
        status = check_output(&layer);
    if (status == ASSAY_OK)
        status = append(p, &layer);
    *shape = layer.out;
    return status;
}

static int parse_list(struct parser *p, const json_t *list, assay_layer_shape *shape)
{
    int status = ASSAY_OK;
    if (!json_is_array(list))
        return assay_fail(ASSAY_EINVAL, "net: layers must be a list");
    for (size_t i = 0; i < json_array_size(list) && status == ASSAY_OK; i++)
        status = parse_layer(p, json_array_get(list, i), i + 1, shape);
    return status;
}

static int close_block(assay_layer *layer, const assay_layer_shape *inner)
{
    char outside[96], inside[96];
    show(&layer->in, outside, sizeof outside);
    show(inner, inside, sizeof inside);
    const size_t *a = layer->in.n, *b = inner->n;
    const bool planes = a[1] == b[1] && a[2] == b[2] && layer->in.image == inner->image;
    layer->out = layer->in;
    if (layer->role == ASSAY_LAYER_ADD)
        return planes && a[0] == b[0]
                   ? ASSAY_OK
                   : fail(layer, "the input %s and the layers' output %s don't fit: equal shapes",
                         outside, inside);
    layer->out.n[0] += b[0];
    return planes ? ASSAY_OK
                  : fail(layer,
                        "the input %s and the layers' output %s don't fit: images of equal height "
                        "and width, or vectors",
                        outside, inside);
}

static int fit_block(struct parser *p, assay_layer *layer, const json_t *json)
{
    assay_layer open = *layer;
    assay_layer_shape shape = layer->in;
    open.role = ASSAY_LAYER_OPEN;
    open.name[0] = '\0';
    open.out = open.in;
    layer->role = layer->op == ASSAY_OP_ADD ? ASSAY_LAYER_ADD : ASSAY_LAYER_CONCAT;
    if (p->depth == DEEPEST)
        return fail(layer, "blocks stand at most %d deep", DEEPEST);
    p->depth++;
    int status = append(p, &open);
    if (status == ASSAY_OK)
        status = parse_list(p, json_object_get(json, "layers"), &shape);
    p->depth--;
    return status == ASSAY_OK ? close_block(layer, &shape) : status;
}

/* ---- the whole ---- */

static int parse_input(const json_t *json, assay_layer_shape *shape)
{
    const size_t rank = json_array_size(json);
    *shape = (assay_layer_shape){{1, 1, 1}, rank == 3};
    if (!json_is_array(json) || (rank != 1 && rank != 3))
        return assay_fail(ASSAY_EINVAL,
            "net: input must be {size} or {channels, height, width}, got %zu numbers", rank);
    for (size_t i = 0; i < rank; i++) {
        const json_t *value = json_array_get(json, i);
        const double x = json_is_number(value) ? json_number_value(value) : -1;
        if (!(x == floor(x) && x >= 1 && x <= MOST_SIZE))
            return assay_fail(
                ASSAY_EINVAL, "net: input[%zu] must be a whole number in 1..%d", i + 1, MOST_SIZE);
        shape->n[i] = (size_t)x;
    }
    return shape->n[0] * shape->n[1] <= MOST_SIZE && assay_layer_size(shape) <= MOST_SIZE
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "net: input may have at most %d numbers", MOST_SIZE);
}

int assay_layers_parse(
    const char *text, const assay_rng *rng, size_t most, assay_params *params, assay_layers *out)
{
    json_error_t error;
    *out = (assay_layers){0};
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return assay_fail(
            ASSAY_EFORMAT, "net: the description is not JSON, line %d: %s", error.line, error.text);
    struct parser p = {.rng = rng, .most = most, .params = params, .layers = out};
    int status = parse_input(json_object_get(json, "input"), &out->input);
    out->output = out->input;
    if (status == ASSAY_OK)
        status = parse_list(&p, json_object_get(json, "layers"), &out->output);
    if (status == ASSAY_OK && out->count == 0)
        status = assay_fail(ASSAY_EINVAL, "net: layers must have at least one layer");
    json_decref(json);
    if (status != ASSAY_OK)
        assay_layers_free(out);
    return status;
}

bool assay_layers_mix(const assay_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        if (layers->at[i].op == ASSAY_OP_BATCHNORM)
            return true;
    return false;
}

void assay_layers_free(assay_layers *layers)
{
    free(layers->at);
    *layers = (assay_layers){0};
}

int assay_layers_find(const assay_layers *layers, const char *name, size_t *index)
{
    char list[1024] = "";
    size_t at = 0;
    for (size_t i = 0; i < layers->count; i++) {
        if (!*layers->at[i].name)
            continue;
        if (strcmp(layers->at[i].name, name) == 0) {
            *index = i;
            return ASSAY_OK;
        }
        if (at < sizeof list)
            at += (size_t)snprintf(
                list + at, sizeof list - at, "%s%s", at ? ", " : "", layers->at[i].name);
    }
    return assay_fail(
        ASSAY_ENOTFOUND, "net: there is no layer \"%.64s\" (there are: %s)", name, list);
}
