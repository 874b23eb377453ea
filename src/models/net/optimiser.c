/* Steps of SGD, Adam and AdamW, and clipping; the equations are in optimiser.h. */
#include "models/net/optimiser.h"

enum { CHUNK = 4096 };

/* Both are compiled twice, without and with a list of what decays. */
static inline __attribute__((always_inline)) void sgd(const assay_optimiser_options *o, real lr,
    size_t n, real *restrict w, const real *restrict grad, real *restrict m,
    const unsigned char *restrict decay)
{
    const real mu = (real)o->momentum, wd = (real)o->weight_decay;
    if (!(mu > 0)) {
        for (size_t i = 0; i < n; i++)
            w[i] -= lr * (grad[i] + (decay && !decay[i] ? 0 : wd) * w[i]);
        return;
    }
    const real now = o->nesterov ? 1 : 0, past = o->nesterov ? mu : 1; /* of the step */
    for (size_t i = 0; i < n; i++) {
        const real g = grad[i] + (decay && !decay[i] ? 0 : wd) * w[i];
        const real velocity = mu * m[i] + g;
        m[i] = velocity;
        w[i] -= lr * (now * g + past * velocity);
    }
}

static inline __attribute__((always_inline)) void adam(const assay_optimiser_options *o,
    double rate, uint64_t step, size_t n, real *restrict w, const real *restrict grad,
    real *restrict m, real *restrict v, const unsigned char *restrict decay)
{
    const bool decoupled = o->kind == ASSAY_ADAMW;
    const real b1 = (real)o->beta1, b2 = (real)o->beta2, eps = (real)o->eps;
    const real c1 = (real)(1 - o->beta1), c2 = (real)(1 - o->beta2);
    const real size = (real)(rate / (1 - pow(o->beta1, (double)step)));
    const real root = (real)(1 / sqrt(1 - pow(o->beta2, (double)step)));
    const real added = decoupled ? 0 : (real)o->weight_decay;
    const real kept = decoupled ? (real)(1 - rate * o->weight_decay) : 1;
    for (size_t i = 0; i < n; i++) {
        const bool decays = !decay || decay[i];
        const real g = grad[i] + (decays ? added : 0) * w[i];
        const real mean = b1 * m[i] + c1 * g, square = b2 * v[i] + c2 * g * g;
        m[i] = mean;
        v[i] = square;
        w[i] = (decays ? kept : 1) * w[i] - size * mean / (real_sqrt(square) * root + eps);
    }
}

void assay_optimiser_step(const assay_optimiser_options *options, uint64_t step, size_t n, real *w,
    const real *grad, real *m, real *v, const unsigned char *decay)
{
    const double rate = assay_learning_rate(options, step);
    if (options->kind == ASSAY_SGD && decay)
        sgd(options, (real)rate, n, w, grad, m, decay);
    else if (options->kind == ASSAY_SGD)
        sgd(options, (real)rate, n, w, grad, m, NULL);
    else if (!decay)
        adam(options, rate, step, n, w, grad, m, v, NULL);
    else
        adam(options, rate, step, n, w, grad, m, v, decay);
}

static double chunk_norm2(const real *g, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)g[i] * (double)g[i];
    return sum;
}

/* Halves at multiples of CHUNK: the tree depends on n alone. */
static double tree_norm2(const real *g, size_t n)
{
    if (n <= CHUNK)
        return chunk_norm2(g, n);
    const size_t chunks = (n + CHUNK - 1) / CHUNK, half = (chunks + 1) / 2 * CHUNK;
    return tree_norm2(g, half) + tree_norm2(g + half, n - half);
}

double assay_clip_norm(real *g, size_t n, double most)
{
    const double norm = sqrt(tree_norm2(g, n));
    if (norm > most)
        for (size_t i = 0; i < n; i++)
            g[i] *= (real)(most / norm);
    return norm;
}
