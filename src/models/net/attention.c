/*
 * Scaled dot-product attention (Vaswani et al., arXiv:1706.03762) of packed sequences: rows of x
 * are [q, k, v], each of `heads` heads of d numbers, and a row sees rows of its own sequence: all
 * of them, the earlier ones and itself (causal), its block of positions and the blocks before
 * (blocks), or those that attend[i][j] says for positions i, j. For a head of a sequence of T rows,
 *
 *     P = softmax(Q K^T / sqrt d),  Y = P V;
 *     dV += P^T G,  dP = G V^T,  dS = P (dP - rowsum(dP P)),
 *     dQ += dS K / sqrt d,  dK += dS^T Q / sqrt d.
 *
 * A row that sees nothing has P = 0, hence Y = 0 and no gradient.
 *
 * At T <= 64 a product is too small for BLAS (a call costs what 32^3 multiplications do), so each
 * head's K and V are copied once, K transposed, into rows padded to whole vectors, and the products
 * are made four rows at a time over the positions that these rows see. A row's sums therefore
 * don't depend on the rows beside it. P is kept for backward when there is one.
 *
 * With a cache the rows of a sequence are its next positions: their k and v join what the cache
 * holds of it, and they see all earlier ones. What the cache keeps is what a head's copies are.
 */
#include "models/net/kernel.h"
#include "models/net/lanes.h"

enum { BLOCK = 4 }; /* rows of a tile */

static size_t padded(size_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

/* ---- a product of up to four rows ---- */

/* c[i][0..width) = sum over k in [first, last) of a[i step_i + k step_k] b[k stride_b + ...], for
 * `rows` rows; width is a multiple of LANES, and b and c are padded to it. */
struct rows_product {
    const real *a;
    size_t step_i, step_k;
    const real *b;
    size_t stride_b;
    real *c;
    size_t stride_c;
    size_t first, last;
};

static void tile_4x2(const struct rows_product *p, size_t column)
{
    lanes c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    const real *a0 = p->a, *a1 = a0 + p->step_i, *a2 = a1 + p->step_i, *a3 = a2 + p->step_i;
    const real *b = p->b + column;
    for (size_t k = p->first; k < p->last; k++) {
        const lanes b0 = lanes_at(b + k * p->stride_b), b1 = lanes_at(b + k * p->stride_b + LANES);
        const size_t at = k * p->step_k;
        c00 += a0[at] * b0;
        c01 += a0[at] * b1;
        c10 += a1[at] * b0;
        c11 += a1[at] * b1;
        c20 += a2[at] * b0;
        c21 += a2[at] * b1;
        c30 += a3[at] * b0;
        c31 += a3[at] * b1;
    }
    real *c = p->c + column;
    lanes_put(c00, c);
    lanes_put(c01, c + LANES);
    lanes_put(c10, c += p->stride_c);
    lanes_put(c11, c + LANES);
    lanes_put(c20, c += p->stride_c);
    lanes_put(c21, c + LANES);
    lanes_put(c30, c += p->stride_c);
    lanes_put(c31, c + LANES);
}

static void tile_1x1(const struct rows_product *p, size_t row, size_t column)
{
    lanes sum = {0};
    const real *a = p->a + row * p->step_i, *b = p->b + column;
    for (size_t k = p->first; k < p->last; k++)
        sum += a[k * p->step_k] * lanes_at(b + k * p->stride_b);
    lanes_put(sum, p->c + row * p->stride_c + column);
}

static void multiply_rows(const struct rows_product *p, size_t rows, size_t width)
{
    size_t column = 0;
    if (rows == BLOCK)
        for (; column + 2 * LANES <= width; column += 2 * LANES)
            tile_4x2(p, column);
    for (; column < width; column += LANES)
        for (size_t row = 0; row < rows; row++)
            tile_1x1(p, row, column);
}

/* ---- shapes ---- */

struct shape {
    size_t rows, width, heads, d, dp, sequences; /* width = heads d; rows of x have 3 width */
    const size_t *length;
    size_t longest;
    size_t kept; /* numbers of P: sum of length * padded(length) */
};

static int check_lengths(const assay_node *node, struct shape *s)
{
    size_t sum = 0;
    s->kept = s->longest = 0;
    for (size_t i = 0; i < s->sequences; i++) {
        if (s->length[i] < 1 || s->length[i] > s->rows - sum)
            break;
        sum += s->length[i];
        s->kept += s->length[i] * padded(s->length[i]);
        s->longest = s->length[i] > s->longest ? s->length[i] : s->longest;
    }
    if (sum != s->rows)
        return assay_node_fail(
            node, "lengths must be at least 1 and sum to the %zu rows of x", s->rows);
    return ASSAY_OK;
}

static int check_mask(const assay_node *node, const struct shape *s)
{
    const assay_op_options *o = &node->options;
    if ((o->causal ? 1 : 0) + (o->blocks > 0 ? 1 : 0) + (o->attend ? 1 : 0) > 1)
        return assay_node_fail(node, "give one of causal, blocks and attend");
    if (o->attend && o->attend_side < s->longest)
        return assay_node_fail(node, "attend must have a row for each of %zu positions, got %zu",
            s->longest, o->attend_side);
    return ASSAY_OK;
}

static int shape_of(const assay_tape *tape, const assay_node *node, struct shape *s)
{
    const assay_tensor *x = input(tape, node, 0);
    const size_t cols = tensor_cols(x);
    s->rows = tensor_rows(x);
    s->heads = node->options.heads;
    if (s->heads < 1 || cols % 3 != 0 || cols / 3 % s->heads != 0)
        return assay_node_fail(node,
            "x must have 3 * heads * d columns (q, k, v), got %zu for %zu heads", cols, s->heads);
    s->width = cols / 3;
    s->d = s->width / s->heads;
    s->dp = padded(s->d);
    s->length = node->options.lengths ? node->options.lengths : &s->rows;
    s->sequences = node->options.lengths ? node->options.n_lengths : 1;
    return check_lengths(node, s);
}

/* ---- what a row sees: positions [0, seen) less those that the mask hides ---- */

static size_t seen_by(const assay_op_options *o, size_t position, size_t n)
{
    if (o->causal)
        return position + 1;
    if (o->blocks == 0)
        return n;
    const size_t end = (position / o->blocks + 1) * o->blocks;
    return end < n ? end : n;
}

/* The first position that sees this one (all between it and the end may). */
static size_t first_that_sees(const assay_op_options *o, size_t position)
{
    if (o->causal)
        return position;
    return o->blocks ? position / o->blocks * o->blocks : 0;
}

/* A row of scores to probabilities; those not seen are 0. */
static void softmax(real *p, size_t seen, size_t whole, const unsigned char *mask)
{
    const size_t width = padded(seen);
    memset(p + width, 0, (whole - width) * sizeof *p);
    for (size_t i = seen; i < width; i++)
        p[i] = -(real)INFINITY;
    for (size_t i = 0; mask && i < seen; i++)
        p[i] = mask[i] ? p[i] : -(real)INFINITY;
    real highs[LANES], high = -(real)INFINITY, sum = 0;
    for (size_t l = 0; l < LANES; l++)
        highs[l] = high;
    for (size_t i = 0; i < width; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            highs[l] = p[i + l] > highs[l] ? p[i + l] : highs[l];
    for (size_t l = 0; l < LANES; l++)
        high = highs[l] > high ? highs[l] : high;
    if (high == -(real)INFINITY)
        high = 0; /* nothing is seen (or all is NaN): exp gives 0 (or NaN) */
    for (size_t i = 0; i < width; i++)
        p[i] = real_exp(p[i] - high);
    lanes sums = {0};
    for (size_t i = 0; i < width; i += LANES)
        sums += lanes_at(p + i);
    for (size_t l = 0; l < LANES; l++)
        sum += sums[l];
    const real share = sum == 0 ? 0 : 1 / sum;
    for (size_t i = 0; i < width; i++)
        p[i] *= share;
}

/* ---- copies of a head's rows ---- */

/* to[r][0..dp) = factor from[r][0..d), 0 after */
static void copy_rows(
    const real *from, size_t stride, size_t n, size_t d, size_t dp, real factor, real *to)
{
    for (size_t r = 0; r < n; r++) {
        for (size_t c = 0; c < d; c++)
            to[r * dp + c] = factor * from[r * stride + c];
        for (size_t c = d; c < dp; c++)
            to[r * dp + c] = 0;
    }
}

/* to[c][r] = factor from[r][c] */
static void transpose_rows(
    const real *from, size_t stride, size_t n, size_t d, real factor, real *to, size_t to_stride)
{
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < d; c++)
            to[c * to_stride + r] = factor * from[r * stride + c];
}

static void clear_columns(real *x, size_t rows, size_t stride, size_t first)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = first; c < stride; c++)
            x[r * stride + c] = 0;
}

/* to[r][0..d) += factor from[r][0..d), from padded */
static void add_rows(
    const real *from, size_t n, size_t d, size_t dp, real factor, real *to, size_t stride)
{
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < d; c++)
            to[r * stride + c] += factor * from[r * dp + c];
}

/* ---- forward ---- */

/* One head of one sequence: rows at positions past .. past + n - 1 of what `kt` [d][stride] (times
 * 1 / sqrt d) and `v` [.][dp] hold. p: n x width, or BLOCK x width when it isn't kept. */
struct head {
    const real *q; /* in x */
    const real *kt, *v;
    size_t kt_stride, n, past;
    real *p, *out; /* out: BLOCK x dp of scratch */
    size_t width;
    bool kept;
};

static void head_forward(
    const struct head *h, const struct shape *s, const assay_op_options *o, real *y)
{
    const size_t all = h->past + h->n;
    for (size_t t = 0; t < h->n; t += BLOCK) {
        const size_t rows = h->n - t < BLOCK ? h->n - t : BLOCK;
        const size_t seen = seen_by(o, h->past + t + rows - 1, all);
        real *p = h->kept ? h->p + t * h->width : h->p;
        const struct rows_product scores = {
            h->q + t * 3 * s->width, 3 * s->width, 1, h->kt, h->kt_stride, p, h->width, 0, s->d};
        multiply_rows(&scores, rows, padded(seen));
        for (size_t r = 0; r < rows; r++) {
            const size_t position = h->past + t + r;
            softmax(p + r * h->width, seen_by(o, position, all), h->width,
                o->attend ? o->attend + position * o->attend_side : NULL);
        }
        const struct rows_product mix = {p, h->width, 1, h->v, s->dp, h->out, s->dp, 0, seen};
        multiply_rows(&mix, rows, s->dp);
        for (size_t r = 0; r < rows; r++)
            memcpy(y + (t + r) * s->width, h->out + r * s->dp, s->d * sizeof *y);
    }
}

static int check_cache(const assay_node *node, const struct shape *s)
{
    const assay_kv *kv = node->options.cache;
    if (kv->heads != s->heads || kv->d != s->d)
        return assay_node_fail(node, "the cache is of %zu heads of %zu numbers, x of %zu of %zu",
            kv->heads, kv->d, s->heads, s->d);
    if (!node->options.causal)
        return assay_node_fail(node, "a cache needs a causal mask");
    for (size_t i = 0; i < s->sequences; i++)
        if (kv->slot[i] >= kv->slots || kv->past[i] + s->length[i] > kv->positions)
            return assay_node_fail(node,
                "sequence %zu: slot %zu of %zu and position %zu of %zu are not in the cache", i + 1,
                kv->slot[i], kv->slots, kv->past[i] + s->length[i], kv->positions);
    return ASSAY_OK;
}

/* Scratch of a head: K transposed, V, a tile of outputs, and P when it isn't kept. */
struct scratch {
    real *kt, *v, *out, *p;
};

static int make_scratch(assay_tape *tape, const struct shape *s, size_t width, struct scratch *to)
{
    to->kt = assay_arena_alloc(&tape->arena, s->d * width, sizeof(real));
    to->v = assay_arena_alloc(&tape->arena, s->longest * s->dp, sizeof(real));
    to->out = assay_arena_alloc(&tape->arena, BLOCK * s->dp, sizeof(real));
    to->p = assay_arena_alloc(&tape->arena, BLOCK * width, sizeof(real));
    return to->kt && to->v && to->out && to->p ? ASSAY_OK : ASSAY_ENOMEM;
}

static void sequence_forward(const struct shape *s, const assay_op_options *o, const real *x,
    size_t n, const struct scratch *scratch, real *kept, real *y)
{
    const size_t stride = 3 * s->width, width = padded(n);
    const real factor = 1 / real_sqrt((real)s->d);
    for (size_t h = 0; h < s->heads; h++) {
        const real *q = x + h * s->d, *k = q + s->width, *v = k + s->width;
        transpose_rows(k, stride, n, s->d, factor, scratch->kt, width);
        clear_columns(scratch->kt, s->d, width, n);
        copy_rows(v, stride, n, s->d, s->dp, 1, scratch->v);
        const struct head head = {q, scratch->kt, scratch->v, width, n, 0,
            kept ? kept + h * n * width : scratch->p, scratch->out, width, kept != NULL};
        head_forward(&head, s, o, y + h * s->d);
    }
}

static void cached_forward(const struct shape *s, const assay_op_options *o, const real *x,
    size_t sequence, const struct scratch *scratch, real *y)
{
    const assay_kv *kv = o->cache;
    const size_t stride = 3 * s->width, columns = padded(kv->positions), n = s->length[sequence];
    const size_t past = kv->past[sequence], width = padded(past + n);
    const real factor = 1 / real_sqrt((real)s->d);
    for (size_t h = 0; h < s->heads; h++) {
        const real *q = x + h * s->d, *k = q + s->width, *v = k + s->width;
        real *kt = (real *)kv->k + (kv->slot[sequence] * s->heads + h) * s->d * columns;
        real *cv = (real *)kv->v + (kv->slot[sequence] * s->heads + h) * kv->positions * s->dp;
        transpose_rows(k, stride, n, s->d, factor, kt + past, columns);
        copy_rows(v, stride, n, s->d, s->dp, 1, cv + past * s->dp);
        const struct head head = {
            q, kt, cv, columns, n, past, scratch->p, scratch->out, width, false};
        head_forward(&head, s, o, y + h * s->d);
    }
}

static int attention_forward(assay_tape *tape, assay_node *node)
{
    struct shape s;
    real *y;
    const assay_op_options *o = &node->options;
    int status = shape_of(tape, node, &s);
    if (status == ASSAY_OK)
        status = check_mask(node, &s);
    if (status == ASSAY_OK && o->cache)
        status = check_cache(node, &s);
    if (status == ASSAY_OK)
        status = assay_node_output(tape, node, s.rows, s.width, &y);
    if (status != ASSAY_OK)
        return status;
    const bool learns = tape->value[node->in[0]].wants_grad;
    if (learns && o->cache)
        return assay_node_fail(node, "a cache has no gradients");
    struct scratch scratch;
    real *p = NULL;
    status = make_scratch(tape, &s, padded(o->cache ? o->cache->positions : s.longest), &scratch);
    if (status == ASSAY_OK && learns &&
        !(p = assay_arena_alloc(&tape->arena, s.heads * s.kept, sizeof *p)))
        status = ASSAY_ENOMEM;
    if (status != ASSAY_OK)
        return status;
    node->saved[0] = p;
    const real *x = input(tape, node, 0)->data;
    for (size_t i = 0; i < s.sequences; i++) {
        const size_t n = s.length[i];
        if (o->cache)
            cached_forward(&s, o, x, i, &scratch, y);
        else
            sequence_forward(&s, o, x, n, &scratch, p, y);
        p = p ? p + s.heads * n * padded(n) : NULL;
        x += n * 3 * s.width;
        y += n * s.width;
    }
    return ASSAY_OK;
}

/* ---- backward ---- */

/* dS from dP in place, a row; what is not seen has P = 0 */
static void softmax_backward(real *dp, const real *p, size_t width)
{
    lanes sums = {0};
    real sum = 0;
    for (size_t i = 0; i < width; i += LANES)
        sums += lanes_at(dp + i) * lanes_at(p + i);
    for (size_t l = 0; l < LANES; l++)
        sum += sums[l];
    for (size_t i = 0; i < width; i++)
        dp[i] = p[i] * (dp[i] - sum);
}

struct backward_scratch {
    real *q, *k, *g, *vt; /* copies: n x dp, and V^T d x width */
    real *ds, *out;       /* n x width, n x dp */
};

static int make_backward_scratch(
    assay_tape *tape, const struct shape *s, struct backward_scratch *to)
{
    const size_t rows = s->longest * s->dp, width = padded(s->longest);
    to->q = assay_arena_alloc(&tape->arena, rows, sizeof(real));
    to->k = assay_arena_alloc(&tape->arena, rows, sizeof(real));
    to->g = assay_arena_alloc(&tape->arena, rows, sizeof(real));
    to->out = assay_arena_alloc(&tape->arena, rows, sizeof(real));
    to->vt = assay_arena_alloc(&tape->arena, s->d * width, sizeof(real));
    to->ds = assay_arena_alloc(&tape->arena, s->longest * width, sizeof(real));
    return to->q && to->k && to->g && to->out && to->vt && to->ds ? ASSAY_OK : ASSAY_ENOMEM;
}

/* out[t] = sum_j ds[t][j] k[j], or (across) out[j] = sum_t m[t][j] b[t]: over what is seen */
static void mix_rows(const assay_op_options *o, size_t n, size_t dp, const real *m, size_t width,
    const real *b, bool across, real *out)
{
    for (size_t t = 0; t < n; t += BLOCK) {
        const size_t rows = n - t < BLOCK ? n - t : BLOCK;
        const struct rows_product product = {across ? m + t : m + t * width, across ? 1 : width,
            across ? width : 1, b, dp, out + t * dp, dp, across ? first_that_sees(o, t) : 0,
            across ? n : seen_by(o, t + rows - 1, n)};
        multiply_rows(&product, rows, dp);
    }
}

static void head_backward(const struct shape *s, const assay_op_options *o, const real *q,
    const real *g, size_t n, const real *p, const struct backward_scratch *scratch, real *dq)
{
    const size_t stride = 3 * s->width, width = padded(n);
    const real *k = q + s->width, *v = k + s->width;
    real *dk = dq + s->width, *dv = dk + s->width;
    const real factor = 1 / real_sqrt((real)s->d);
    copy_rows(q, stride, n, s->d, s->dp, 1, scratch->q);
    copy_rows(k, stride, n, s->d, s->dp, 1, scratch->k);
    copy_rows(g, s->width, n, s->d, s->dp, 1, scratch->g);
    transpose_rows(v, stride, n, s->d, 1, scratch->vt, width);
    clear_columns(scratch->vt, s->d, width, n);
    mix_rows(o, n, s->dp, p, width, scratch->g, true, scratch->out);
    add_rows(scratch->out, n, s->d, s->dp, 1, dv, stride);
    for (size_t t = 0; t < n; t += BLOCK) {
        const size_t rows = n - t < BLOCK ? n - t : BLOCK;
        const size_t wide = padded(seen_by(o, t + rows - 1, n));
        const struct rows_product product = {scratch->g + t * s->dp, s->dp, 1, scratch->vt, width,
            scratch->ds + t * width, width, 0, s->d};
        multiply_rows(&product, rows, wide);
        for (size_t r = t; r < t + rows; r++) {
            softmax_backward(scratch->ds + r * width, p + r * width, wide);
            memset(scratch->ds + r * width + wide, 0, (width - wide) * sizeof *p);
        }
    }
    mix_rows(o, n, s->dp, scratch->ds, width, scratch->k, false, scratch->out);
    add_rows(scratch->out, n, s->d, s->dp, factor, dq, stride);
    mix_rows(o, n, s->dp, scratch->ds, width, scratch->q, true, scratch->out);
    add_rows(scratch->out, n, s->d, s->dp, factor, dk, stride);
}

static int attention_backward(assay_tape *tape, const assay_node *node)
{
    struct shape s;
    struct backward_scratch scratch;
    shape_of(tape, node, &s);
    const real *x = input(tape, node, 0)->data, *g = output_grad(tape, node), *p = node->saved[0];
    real *dx = input_grad(tape, node, 0);
    if (make_backward_scratch(tape, &s, &scratch) != ASSAY_OK)
        return ASSAY_ENOMEM;
    for (size_t i = 0; i < s.sequences; i++) {
        const size_t n = s.length[i];
        for (size_t h = 0; h < s.heads; h++, p += n * padded(n))
            head_backward(
                &s, &node->options, x + h * s.d, g + h * s.d, n, p, &scratch, dx + h * s.d);
        x += n * 3 * s.width;
        dx += n * 3 * s.width;
        g += n * s.width;
    }
    return ASSAY_OK;
}

static double attention_flops(const assay_tape *tape, const assay_node *node)
{
    struct shape s;
    if (shape_of(tape, node, &s) != ASSAY_OK)
        return 0;
    double pairs = 0;
    for (size_t i = 0; i < s.sequences; i++)
        pairs += (double)s.length[i] * (double)s.length[i];
    return 4 * pairs * (double)s.width;
}

const assay_op assay_op_attention = {.name = "attention",
    .inputs = {"x"},
    .required = 1,
    .options = "heads causal blocks attend lengths",
    .forward = attention_forward,
    .backward = attention_backward,
    .flops = attention_flops};
