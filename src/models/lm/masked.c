/* Sampling by unmasking; see masked.h. */
#include "models/lm/masked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* A batch of samples on their way; logits of the present tokens at the present times. */
struct walk {
    assay_lm *lm;
    const assay_lm_masked_options *options;
    size_t n, length;
    int32_t *token;
    size_t *lengths;
    double *time;   /* of each sample */
    assay_rng *rng; /* of each sample */
    float *logits;
    size_t *unmasked;
    size_t before; /* samples of earlier batches */
    const assay_progress *progress;
};

/* The time in [0, high] at which alpha is `wanted`: alpha falls with time. */
static int time_at(const assay_lm_masking *m, double wanted, double high, double *time)
{
    double low = 0;
    for (int i = 0; i < 60; i++) {
        double alpha;
        const double middle = (low + high) / 2;
        const int status = assay_lm_alpha(m, middle, &alpha);
        if (status != ASSAY_OK)
            return status;
        *(alpha > wanted ? &low : &high) = middle;
    }
    *time = (low + high) / 2;
    return ASSAY_OK;
}

static int forward(struct walk *w)
{
    const assay_lm_tokens tokens = {.sequences = w->n,
        .length = w->lengths,
        .token = w->token,
        .time = w->lm->config.cond != ASSAY_LM_NO_COND ? w->time : NULL};
    return assay_lm_logits(w->lm, &tokens, NULL, w->logits);
}

/* ---- draws ---- */

static double gumbel(assay_rng *rng)
{
    return -log(-log(assay_rng_uniform_open(rng)));
}

/* From a number of 24 bits, in single precision. */
static double truncated_gumbel(assay_rng *rng)
{
    uint32_t bits = assay_rng_u32(rng) >> 8;
    const float u = (float)(bits > 0 ? bits : 1) * 0x1p-24f;
    return (double)-logf(-logf(u));
}

/* The token of position j, whose MASK is to be replaced, and its log-probability. */
static int draw(struct walk *w, size_t sample, size_t j, int32_t *token, double *logp)
{
    const size_t vocab = w->lm->config.vocab;
    const float *z = w->logits + (sample * w->length + j) * vocab;
    const double temperature = w->options->temperature;
    double high = -INFINITY, sum = 0, best = -INFINITY;
    for (size_t k = 0; k < vocab; k++) {
        if (!isfinite(z[k]))
            return assay_fail(ASSAY_EINVAL, "lm: non-finite logits at token %zu of sample %zu",
                j + 1, w->before + sample + 1);
        if (k != ASSAY_MASK)
            high = fmax(high, (double)z[k]);
    }
    *token = -1;
    for (size_t k = 0; k < vocab; k++) {
        if (k == ASSAY_MASK)
            continue;
        sum += exp((double)z[k] - high);
        double score = (double)z[k];
        if (temperature > 0)
            score = score / temperature +
                    (w->options->truncated ? truncated_gumbel : gumbel)(&w->rng[sample]);
        if (*token < 0 || score > best) {
            best = score;
            *token = (int32_t)k;
        }
    }
    *logp = (double)z[*token] - high - log(sum);
    return ASSAY_OK;
}

/* ---- rules ---- */

static int replace(struct walk *w, size_t sample, size_t j, size_t step)
{
    double logp;
    int32_t token;
    const int status = draw(w, sample, j, &token, &logp);
    if (status == ASSAY_OK) {
        w->token[sample * w->length + j] = token;
        w->unmasked[step]++;
    }
    return status;
}

static int step_independent(struct walk *w, size_t sample, double share, size_t step)
{
    int status = ASSAY_OK;
    for (size_t j = 0; j < w->length && status == ASSAY_OK; j++)
        if (w->token[sample * w->length + j] == ASSAY_MASK &&
            assay_rng_uniform(&w->rng[sample]) < share)
            status = replace(w, sample, j, step);
    return status;
}

static size_t count_masks(const struct walk *w, size_t sample)
{
    size_t masks = 0;
    for (size_t j = 0; j < w->length; j++)
        masks += w->token[sample * w->length + j] == ASSAY_MASK;
    return masks;
}

/* Draw for every MASK, keep the `wanted` most probable. */
static int step_confident(struct walk *w, size_t sample, double share, size_t step)
{
    const size_t masks = count_masks(w, sample);
    size_t wanted = (size_t)ceil(share * (double)masks - 1e-9);
    int32_t *row = w->token + sample * w->length;
    int32_t *drawn = malloc(w->length * sizeof *drawn);
    double *logp = malloc(w->length * sizeof *logp);
    int status = drawn && logp
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", w->length);
    for (size_t j = 0; j < w->length && status == ASSAY_OK; j++) {
        logp[j] = -INFINITY;
        if (row[j] == ASSAY_MASK)
            status = draw(w, sample, j, &drawn[j], &logp[j]);
    }
    for (; status == ASSAY_OK && wanted > 0; wanted--) {
        size_t best = 0;
        for (size_t j = 1; j < w->length; j++)
            if (logp[j] > logp[best])
                best = j;
        if (logp[best] == -INFINITY)
            break;
        row[best] = drawn[best];
        logp[best] = -INFINITY;
        w->unmasked[step]++;
    }
    free(drawn);
    free(logp);
    return status;
}

/* Steps at equal distances in time; the last leaves no MASK. */
static int walk_steps(struct walk *w)
{
    const size_t steps = w->options->steps;
    int status = ASSAY_OK;
    for (size_t k = 0; k < steps && status == ASSAY_OK; k++) {
        const double t = 1 - (double)k / (double)steps, s = 1 - (double)(k + 1) / (double)steps;
        double at_t = 0, at_s = 1;
        status = assay_lm_alpha(&w->options->masking, t, &at_t);
        if (status == ASSAY_OK && k + 1 < steps)
            status = assay_lm_alpha(&w->options->masking, s, &at_s);
        const double share = k + 1 == steps ? 1 : at_t < 1 ? (at_s - at_t) / (1 - at_t) : 0;
        for (size_t i = 0; i < w->n; i++)
            w->time[i] = t;
        if (status == ASSAY_OK)
            status = forward(w);
        for (size_t i = 0; i < w->n && status == ASSAY_OK; i++)
            status = w->options->rule == ASSAY_LM_INDEPENDENT ? step_independent(w, i, share, k)
                                                              : step_confident(w, i, share, k);
        if (status == ASSAY_OK)
            status = assay_progress_report(w->progress, (double)k + 1, (double)steps);
    }
    return status;
}

/* The k-th of the sample's positions that are MASK. */
static size_t find_mask(const struct walk *w, size_t sample, uint64_t k)
{
    size_t j = 0;
    for (;; j++)
        if (w->token[sample * w->length + j] == ASSAY_MASK && k-- == 0)
            return j;
}

static int walk_first_hitting(struct walk *w)
{
    int status = ASSAY_OK;
    for (size_t i = 0; i < w->n; i++)
        w->time[i] = 1;
    for (size_t k = 0; k < w->length && status == ASSAY_OK; k++) {
        const size_t left = w->length - k;
        for (size_t i = 0; i < w->n && status == ASSAY_OK; i++) {
            double alpha;
            status = assay_lm_alpha(&w->options->masking, w->time[i], &alpha);
            const double u = assay_rng_uniform_open(&w->rng[i]);
            const double next = 1 - (1 - alpha) * pow(u, 1 / (double)left);
            if (status == ASSAY_OK)
                status = time_at(&w->options->masking, next, w->time[i], &w->time[i]);
        }
        if (status == ASSAY_OK)
            status = forward(w);
        for (size_t i = 0; i < w->n && status == ASSAY_OK; i++)
            status = replace(w, i, find_mask(w, i, assay_rng_below(&w->rng[i], left)), k);
        if (status == ASSAY_OK)
            status = assay_progress_report(w->progress, (double)k + 1, (double)w->length);
    }
    return status;
}

/* ---- the whole ---- */

static int check(const assay_lm *lm, const assay_lm_masked_options *o)
{
    if (lm->config.causal || lm->config.head != ASSAY_LM_TOKENS || lm->config.vocab <= ASSAY_MASK)
        return assay_fail(ASSAY_EINVAL,
            "lm: unmasking needs a model with causal = false, a head of tokens and MASK, %d",
            ASSAY_MASK);
    if (o->length < 1 || o->length > lm->config.ctx)
        return assay_fail(ASSAY_EINVAL, "lm: length must be in 1..%zu, the context, got %zu",
            lm->config.ctx, o->length);
    if (o->steps < 1)
        return assay_fail(ASSAY_EINVAL, "lm: steps must be at least 1, got 0");
    if (!(o->temperature >= 0 && isfinite(o->temperature)))
        return assay_fail(
            ASSAY_EINVAL, "lm: temperature must be finite and at least 0, got %g", o->temperature);
    return ASSAY_OK;
}

/* The batch whose samples are token's, w->n of them. */
static int walk_batch(struct walk *w, const assay_rng *rng)
{
    for (size_t i = 0; i < w->n; i++)
        w->rng[i] = assay_rng_split(rng, w->options->first + w->before + i);
    for (size_t j = 0; j < w->n * w->length; j++)
        w->token[j] = ASSAY_MASK;
    return w->options->rule == ASSAY_LM_FIRST_HITTING ? walk_first_hitting(w) : walk_steps(w);
}

static int make_walk(struct walk *w, size_t most)
{
    w->lengths = malloc(most * sizeof *w->lengths);
    w->time = malloc(most * sizeof *w->time);
    w->rng = malloc(most * sizeof *w->rng);
    w->logits = malloc(most * w->length * w->lm->config.vocab * sizeof *w->logits);
    if (!w->lengths || !w->time || !w->rng || !w->logits)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu samples", most);
    for (size_t i = 0; i < most; i++)
        w->lengths[i] = w->length;
    return ASSAY_OK;
}

int assay_lm_sample_masked(assay_lm *lm, size_t n, const assay_lm_masked_options *options,
    const assay_rng *rng, const assay_progress *progress, int32_t *token, size_t *unmasked)
{
    int status = check(lm, options);
    if (status != ASSAY_OK || n == 0)
        return status;
    const size_t length = options->length;
    const size_t full = (ASSAY_LM_BATCH_ROWS + length - 1) / length, most = full < n ? full : n;
    const bool hitting = options->rule == ASSAY_LM_FIRST_HITTING;
    struct walk w = {.lm = lm, .options = options, .length = length, .unmasked = unmasked};
    memset(unmasked, 0, (hitting ? length : options->steps) * sizeof *unmasked);
    status = make_walk(&w, most);
    for (; w.before < n && status == ASSAY_OK; w.before += w.n) {
        w.n = n - w.before < most ? n - w.before : most;
        assay_progress_stretch stretch = {
            progress, (double)w.before / (double)n, (double)(w.before + w.n) / (double)n};
        const assay_progress own = assay_progress_of(&stretch);
        w.progress = &own;
        w.token = token + w.before * length;
        status = walk_batch(&w, rng);
    }
    free(w.lengths);
    free(w.time);
    free(w.rng);
    free(w.logits);
    return status;
}
