/*
 * fakequant: x as it would be after quantisation, in full precision, so that a net can be trained
 * or judged with it. What shares a scale, a unit, is a row, `group` columns of a row, a square of
 * `block` rows and columns, or the tensor. Three kinds:
 *
 * uniform   y = s (clamp(rint(x / s) + z, low, high) - z) with codes -2^(b-1) .. 2^(b-1) - 1 and z
 * = 0 (symmetric), or 0 .. 2^b - 1. Without a scale among the inputs, with the unit's smallest and
 * largest numbers lo <= 0 <= hi times clip: s = max(-lo, hi) / (2^(b-1) - 1), or s = (hi - lo) /
 * (2^b - 1) and z = rint(-lo / s)   (QuaRot, arXiv:2404.00456) floating  the nearest number with
 * `exponent` and `mantissa` bits, ties to even, with subnormals, saturating; where units are asked
 * for, of x over the power of two that lifts the unit's largest number to the format's last
 * exponent (OCP microscaling) noise     x + R D, D = max|x| 2^(1-b) of the unit, R = rint(n / 2)
 * with n ~ N(0, 1); then floating if asked for; x alone (cast) unless the tape has random keys
 * (GaussWS, arXiv:2505.11170)
 *
 * Rounding passes gradients straight through; with `mask`, not those of numbers that were clamped.
 * Ranges count as constants. Learned step sizes as in LSQ (Esser et al., arXiv:1902.08153): ds =
 * sum g (rint(x / s) - x / s), where clamped g (code - z); dz = -s g where clamped. db = -ln 2 D
 * sum g R.
 *
 * The noise is keyed by (seed, step, node, row) without the row's place in the batch: it is meant
 * for weights, which all shards must see alike.
 */
#include "core/rng.h"
#include "models/net/kernel.h"

enum { X, SCALE, ZERO, BITS };

struct units {
    size_t rows, cols, height, width, across, count;
    bool scaled; /* units were asked for */
};

struct codes {
    real low, high;
};

struct format {
    int mantissa, least, last; /* the smallest exponent of normal numbers, and the largest */
    double most;
};

static struct units units_of(const assay_tape *tape, const assay_node *node)
{
    const assay_op_options *o = &node->options;
    const size_t rows = tensor_rows(input(tape, node, X)), cols = tensor_cols(input(tape, node, X));
    struct units u = {rows, cols, 1, cols, 1, 0, o->group || o->block || o->tensor};
    if (o->block) {
        u.height = o->block;
        u.width = o->block;
    } else if (o->tensor) {
        u.height = rows;
    } else if (o->group) {
        u.width = o->group;
    }
    u.across = (cols + u.width - 1) / u.width;
    u.count = (rows + u.height - 1) / u.height * u.across;
    return u;
}

/* One row of unit k: its first number and how many there are; 0 behind the unit's last row. */
static size_t span_of(const struct units *u, size_t k, size_t line, size_t *first)
{
    const size_t row = k / u->across * u->height + line, col = k % u->across * u->width;
    if (line == u->height || row >= u->rows)
        return 0;
    *first = row * u->cols + col;
    return u->cols - col < u->width ? u->cols - col : u->width;
}

static int check(const assay_tape *tape, const assay_node *node, const struct units *u)
{
    const assay_op_options *o = &node->options;
    if ((o->group != 0) + (o->block != 0) + o->tensor > 1)
        return assay_node_fail(node, "only one of group, block and tensor can be given");
    if (o->group && u->cols % o->group != 0)
        return assay_node_fail(
            node, "group must divide the %zu columns of x, got %zu", u->cols, o->group);
    for (int slot = SCALE; slot <= BITS; slot++)
        if (has_input(node, slot) && tensor_size(input(tape, node, slot)) != u->count)
            return assay_node_fail(node, "%s must have one number for each of %zu units, got %zu",
                node->op->inputs[slot], u->count, tensor_size(input(tape, node, slot)));
    if (has_input(node, ZERO) && (!has_input(node, SCALE) || o->symmetric))
        return assay_node_fail(node, "zero needs a scale and symmetric = false");
    if ((has_input(node, SCALE) && (o->exponent || o->noise)) ||
        (has_input(node, BITS) && !o->noise))
        return assay_node_fail(node, "scale is of uniform steps, bits of noise");
    if (o->exponent && (o->exponent < 2 || o->exponent > 8 || o->mantissa < 1 || o->mantissa > 10))
        return assay_node_fail(node,
            "exponent must be in 2..8 and mantissa in 1..10, got %zu and %zu", o->exponent,
            o->mantissa);
    if (!o->exponent && !o->noise && !(o->bits >= 2 && o->bits <= 16 && o->bits == floor(o->bits)))
        return assay_node_fail(node, "bits must be a whole number in 2..16, got %g", o->bits);
    if (!(o->clip > 0 && o->clip <= 1))
        return assay_node_fail(node, "clip must be greater than 0 and at most 1, got %g", o->clip);
    return ASSAY_OK;
}

/* ---- uniform ---- */

static struct codes codes_of(const assay_op_options *o)
{
    const double levels = ldexp(1, (int)o->bits);
    return o->symmetric ? (struct codes){(real)(-levels / 2), (real)(levels / 2 - 1)}
                        : (struct codes){0, (real)(levels - 1)};
}

static void range_of(const struct units *u, size_t k, const real *x, real *low, real *high)
{
    size_t first, n;
    *low = *high = 0;
    for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
        for (size_t i = first; i < first + n; i++) {
            *low = x[i] < *low ? x[i] : *low;
            *high = x[i] > *high ? x[i] : *high;
        }
}

/* Scale and zero of unit k, from the inputs or from the range. */
static int set_step(const assay_tape *tape, const assay_node *node, const struct units *u, size_t k,
    real *scale, real *zero)
{
    const assay_op_options *o = &node->options;
    const struct codes codes = codes_of(o);
    *zero = 0;
    if (has_input(node, SCALE)) {
        *scale = input(tape, node, SCALE)->data[k];
        if (!(*scale > 0 && isfinite(*scale)))
            return assay_node_fail(node, "scale[%zu] must be finite and greater than 0, got %g",
                k + 1, (double)*scale);
        if (has_input(node, ZERO))
            *zero = real_rint(input(tape, node, ZERO)->data[k]);
        return ASSAY_OK;
    }
    real low, high;
    range_of(u, k, input(tape, node, X)->data, &low, &high);
    low *= (real)o->clip;
    high *= (real)o->clip;
    if (o->symmetric) {
        const real most = -low > high ? -low : high;
        *scale = most > 0 ? most / codes.high : 1;
        return ASSAY_OK;
    }
    if (low == 0 && high == 0) {
        low = -1;
        high = 1;
    }
    *scale = (high - low) / codes.high;
    *zero = real_rint(-low / *scale);
    return ASSAY_OK;
}

static inline real clamp(real code, struct codes codes)
{
    return code < codes.low ? codes.low : (code > codes.high ? codes.high : code);
}

static int uniform_forward(
    assay_tape *tape, assay_node *node, const struct units *u, const real *x, real *restrict y)
{
    const struct codes codes = codes_of(&node->options);
    real *step = assay_arena_alloc(&tape->arena, 2 * u->count, sizeof *step);
    if (!step)
        return ASSAY_ENOMEM;
    node->saved[0] = step;
    for (size_t k = 0, first, n; k < u->count; k++) {
        const int status = set_step(tape, node, u, k, &step[2 * k], &step[2 * k + 1]);
        const real scale = step[2 * k], zero = step[2 * k + 1];
        if (status != ASSAY_OK)
            return status;
        for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
            for (size_t i = first; i < first + n; i++)
                y[i] = scale * (clamp(real_rint(x[i] / scale) + zero, codes) - zero);
    }
    return ASSAY_OK;
}

static void uniform_backward(assay_tape *tape, const assay_node *node, const struct units *u)
{
    const struct codes codes = codes_of(&node->options);
    const real *g = output_grad(tape, node), *x = input(tape, node, X)->data,
               *step = node->saved[0];
    real *dx = input_grad(tape, node, X);
    real *dscale = input_grad(tape, node, SCALE), *dzero = input_grad(tape, node, ZERO);
    for (size_t k = 0, first, n; k < u->count; k++) {
        const real scale = step[2 * k], zero = step[2 * k + 1];
        double of_scale = 0, of_zero = 0;
        for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
            for (size_t i = first; i < first + n; i++) {
                const real code = real_rint(x[i] / scale) + zero, kept = clamp(code, codes);
                const bool inside = code == kept;
                if (dx)
                    dx[i] += inside || !node->options.mask ? g[i] : 0;
                of_scale += (double)(g[i] * (kept - zero - (inside ? x[i] / scale : 0)));
                of_zero += inside ? 0 : (double)(-scale * g[i]);
            }
        if (dscale)
            dscale[k] += (real)of_scale;
        if (dzero)
            dzero[k] += (real)of_zero;
    }
}

/* ---- floating ---- */

/* Of up to four exponent bits all codes are numbers, but for the NaN of e4m3; of more the last
 * exponent is infinity's. */
static struct format format_of(const assay_op_options *o)
{
    const int bias = (1 << (o->exponent - 1)) - 1, m = (int)o->mantissa;
    const int last = o->exponent <= 4 ? bias + 1 : bias;
    const double lost = o->exponent == 4 && m == 3 ? 2 : 1;
    return (struct format){m, 1 - bias, last, ldexp(2 - lost * ldexp(1, -m), last)};
}

static double cast(double x, const struct format *f)
{
    if (isnan(x))
        return x;
    if (fabs(x) > f->most)
        return copysign(f->most, x);
    if (x == 0)
        return x;
    const int e = ilogb(x) > f->least ? ilogb(x) : f->least;
    const double y = ldexp(rint(ldexp(x, f->mantissa - e)), e - f->mantissa);
    return fabs(y) > f->most ? copysign(f->most, x) : y;
}

/* s of unit k: a power of two, 1 where units weren't asked for or are all 0. */
static double lift(const struct units *u, size_t k, const real *x, const struct format *f)
{
    real low, high;
    if (!u->scaled)
        return 1;
    range_of(u, k, x, &low, &high);
    const double most = (double)(-low > high ? -low : high);
    return most > 0 && isfinite(most) ? ldexp(1, ilogb(most) - f->last) : 1;
}

static int floating_forward(
    assay_tape *tape, assay_node *node, const struct units *u, const real *x, real *y)
{
    const struct format f = format_of(&node->options);
    unsigned char *clamped = assay_arena_alloc(&tape->arena, u->rows * u->cols, 1);
    if (!clamped)
        return ASSAY_ENOMEM;
    node->saved[0] = clamped;
    for (size_t k = 0, first, n; k < u->count; k++) {
        const double s = lift(u, k, x, &f);
        for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
            for (size_t i = first; i < first + n; i++) {
                clamped[i] = fabs((double)x[i] / s) > f.most;
                y[i] = (real)(s * cast((double)x[i] / s, &f));
            }
    }
    return ASSAY_OK;
}

/* ---- noise ---- */

/* R of all elements */
static void draw(const assay_tape *tape, const assay_node *node, const struct units *u, real *r)
{
    const assay_rng root = assay_rng_seed(tape->seed), step = assay_rng_split(&root, tape->step);
    const assay_rng own = assay_rng_split(&step, (uint64_t)node->index);
    for (size_t row = 0; row < u->rows; row++) {
        assay_rng rng = assay_rng_split(&own, row);
        for (size_t i = row * u->cols; i < (row + 1) * u->cols; i++)
            r[i] = tape->random ? (real)rint(assay_rng_normal(&rng) / 2) : 0;
    }
}

static int noise_forward(
    assay_tape *tape, assay_node *node, const struct units *u, const real *x, real *y)
{
    real *r = assay_arena_alloc(&tape->arena, u->rows * u->cols, sizeof *r);
    real *delta = assay_arena_alloc(&tape->arena, u->count, sizeof *delta);
    if (!r || !delta)
        return ASSAY_ENOMEM;
    draw(tape, node, u, r);
    for (size_t k = 0, first, n; k < u->count; k++) {
        const double bits =
            has_input(node, BITS) ? (double)input(tape, node, BITS)->data[k] : node->options.bits;
        if (!(bits >= 1 && bits <= 24))
            return assay_node_fail(node, "bits must be in 1..24, got %g for unit %zu", bits, k + 1);
        real low, high;
        range_of(u, k, x, &low, &high);
        delta[k] = (-low > high ? -low : high) * (real)exp2(1 - bits);
        for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
            for (size_t i = first; i < first + n; i++)
                y[i] = x[i] + r[i] * delta[k];
    }
    node->saved[1] = r;
    node->saved[2] = delta;
    return ASSAY_OK;
}

static void noise_backward(assay_tape *tape, const assay_node *node, const struct units *u)
{
    const real *g = output_grad(tape, node), *r = node->saved[1], *delta = node->saved[2];
    real *dbits = input_grad(tape, node, BITS);
    for (size_t k = 0, first, n; dbits && k < u->count; k++) {
        double sum = 0;
        for (size_t line = 0; (n = span_of(u, k, line, &first)) > 0; line++)
            for (size_t i = first; i < first + n; i++)
                sum += (double)g[i] * (double)r[i];
        dbits[k] -= (real)(0.69314718055994531 * (double)delta[k] * sum);
    }
}

/* ---- the operation ---- */

static int fakequant_forward(assay_tape *tape, assay_node *node)
{
    const assay_op_options *o = &node->options;
    const struct units u = units_of(tape, node);
    real *y;
    int status = check(tape, node, &u);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, u.rows, u.cols, &y);
    if (status != ASSAY_OK)
        return status;
    const real *x = input(tape, node, X)->data;
    if (!o->noise)
        return o->exponent ? floating_forward(tape, node, &u, x, y)
                           : uniform_forward(tape, node, &u, x, y);
    status = noise_forward(tape, node, &u, x, y);
    const struct units whole = {u.rows, u.cols, u.rows, u.cols, 1, 1, false};
    return status == ASSAY_OK && o->exponent ? floating_forward(tape, node, &whole, y, y) : status;
}

static int fakequant_backward(assay_tape *tape, const assay_node *node)
{
    const assay_op_options *o = &node->options;
    const struct units u = units_of(tape, node);
    if (!o->noise && !o->exponent) {
        uniform_backward(tape, node, &u);
        return ASSAY_OK;
    }
    const real *g = output_grad(tape, node);
    const unsigned char *clamped = o->mask ? node->saved[0] : NULL;
    real *dx = input_grad(tape, node, X);
    for (size_t i = 0; dx && i < u.rows * u.cols; i++)
        dx[i] += clamped && clamped[i] ? 0 : g[i];
    if (o->noise)
        noise_backward(tape, node, &u);
    return ASSAY_OK;
}

const assay_op assay_op_fakequant = {.name = "fakequant",
    .inputs = {"x", "scale", "zero", "bits"},
    .required = 1,
    .options = "bits symmetric clip mask exponent mantissa noise group block tensor",
    .forward = fakequant_forward,
    .backward = fakequant_backward};
