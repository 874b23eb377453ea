/*
 * The search over paths; see tts_var.h.
 *
 * Rewards of a path are kept for every scale and move with the path, so that a potential is made of
 * the path's own line, also after copies were made [the released code does not track them].
 */
#include "methods/inference/tts_var.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/topk.h"

typedef struct search {
    const assay_path_model *model;
    const assay_tts_opts *o;
    const assay_rng *rng;
    size_t widest, paths;                   /* b_0, and how many there are */
    double *history;                        /* widest x scales */
    double *moved;                          /* the same, while paths move */
    double *reward, *potential, *weight;    /* widest */
    size_t *parent, *label;                 /* widest */
    assay_matrix features, centres, before; /* before: the rewards of earlier scales */
    size_t *ancestor;
} search;

static const char who[] = "tts_var";

static bool has(const bool *flags, size_t scale)
{
    return flags && flags[scale];
}

/* ---- checks ---- */

static int check_scale(const assay_path_model *model, const assay_tts_opts *o, size_t s)
{
    const size_t from = o->kept[s > 0 ? s - 1 : 0], to = o->kept[s];
    if (!has(o->extract, s))
        return ASSAY_OK;
    if (has(o->resample, s))
        return assay_fail(ASSAY_EINVAL, "%s: scale %zu is both in extract and in resample", who, s);
    if (to >= from)
        return assay_fail(ASSAY_EINVAL,
            "%s: extract needs a reduction at scale %zu, but %zu of %zu paths are kept", who, s, to,
            from);
    if (!model->features)
        return assay_fail(ASSAY_EINVAL, "%s: extract needs the model's features", who);
    return ASSAY_OK;
}

static int check_options(const assay_path_model *model, const assay_tts_opts *o, double *total)
{
    double *ones = calloc(o->scales + 1, sizeof *ones);
    size_t *generated = calloc(o->scales + 1, sizeof *generated);
    int status =
        ones && generated ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "%s: no memory for scales", who);
    for (size_t s = 0; s < o->scales && !status; s++)
        ones[s] = 1;
    if (!status)
        status =
            assay_schedule_cost(o->kept, o->cost ? o->cost : ones, o->scales, generated, total);
    if (!status && !isfinite(o->lambda))
        status = assay_fail(ASSAY_EINVAL, "%s: lambda must be finite, got %g", who,
            isnan(o->lambda) ? (double)NAN : o->lambda);
    if (!status && o->kind == ASSAY_POTENTIAL_TOPK && o->top == 0)
        status = assay_fail(ASSAY_EINVAL, "%s: top must be at least 1, got 0", who);
    for (size_t s = 0; s < o->scales && !status; s++)
        status = check_scale(model, o, s);
    free(ones);
    free(generated);
    return status;
}

/* ---- one scale ---- */

static int draw_scale(search *s, size_t scale)
{
    const assay_rng of_scale = assay_rng_split(s->rng, scale);
    for (size_t p = 0; p < s->paths; p++) {
        assay_rng of_path = assay_rng_split(&of_scale, p);
        int status = s->model->step(s->model->context, p, scale, &of_path);
        if (!status)
            status = assay_progress_report(s->o->progress, (double)scale, (double)s->o->scales);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static bool is_rewarded(const search *s, size_t scale)
{
    return !s->o->reward || s->o->reward[scale] || has(s->o->resample, scale) ||
           scale + 1 == s->o->scales;
}

static int reward_scale(search *s, size_t scale)
{
    for (size_t p = 0; p < s->paths; p++) {
        double reward = NAN;
        if (is_rewarded(s, scale)) {
            const int status = s->model->reward(s->model->context, p, scale, &reward);
            if (status)
                return status;
            if (isnan(reward))
                return assay_fail(ASSAY_EINVAL,
                    "%s: the reward of path %zu at scale %zu must be a number, got nan", who, p + 1,
                    scale);
        }
        s->history[p * s->o->scales + scale] = s->reward[p] = reward;
    }
    return ASSAY_OK;
}

/* ---- thinning ---- */

static int read_features(search *s, size_t scale)
{
    for (size_t p = 0; p < s->paths; p++) {
        const double *x = NULL;
        size_t n = 0;
        int status = s->model->features(s->model->context, p, scale, &x, &n);
        if (!status && p == 0) {
            assay_matrix_free(&s->features);
            status = assay_matrix_alloc(s->paths, n, &s->features);
        }
        if (!status && n != s->features.cols)
            status = assay_fail(ASSAY_EINVAL,
                "%s: path %zu has %zu features at scale %zu, path 1 has %zu", who, p + 1, n, scale,
                s->features.cols);
        if (status)
            return status;
        if (n > 0)
            memcpy(assay_matrix_row(&s->features, p), x, n * sizeof *x);
    }
    return ASSAY_OK;
}

static int cluster(search *s, size_t scale, size_t kept, assay_rng *rng)
{
    const size_t restarts = s->o->restarts ? s->o->restarts : 10;
    int status = read_features(s, scale);
    if (status)
        return status;
    if (s->features.cols == 0)
        return assay_fail(ASSAY_EINVAL, "%s: no features at scale %zu", who, scale);
    assay_matrix_free(&s->centres);
    status = assay_matrix_alloc(kept, s->features.cols, &s->centres);
    if (!status)
        status = assay_diversity_select(
            &s->features, kept, NULL, restarts, rng, s->parent, s->label, &s->centres, NULL);
    return status;
}

static int resample(search *s, size_t scale, size_t kept, assay_rng *rng)
{
    size_t earlier = 0;
    for (size_t t = 0; t < scale; t++)
        earlier += is_rewarded(s, t);
    assay_matrix history = assay_matrix_view(s->before.data, s->paths, earlier);
    for (size_t t = 0, column = 0; t < scale; t++)
        if (is_rewarded(s, t)) {
            for (size_t p = 0; p < s->paths; p++)
                *assay_matrix_at(&history, p, column) = s->history[p * s->o->scales + t];
            column++;
        }
    const int status = assay_potential(s->reward, &history, s->paths, s->o->kind, s->o->lambda,
        s->o->top, s->potential, s->weight);
    return status
               ? status
               : assay_resample_draw(s->weight, s->paths, kept, s->o->resampling, rng, s->parent);
}

static int by_number(const void *p, const void *q)
{
    const size_t x = *(const size_t *)p, y = *(const size_t *)q;
    return (x > y) - (x < y);
}

static int thin_at_random(search *s, size_t kept, assay_rng *rng)
{
    const int status = assay_rng_sample(rng, s->paths, kept, s->parent);
    if (!status)
        qsort(s->parent, kept, sizeof *s->parent, by_number);
    return status;
}

/* The paths in `parent` are those that go on. */
static int move_paths(search *s, size_t kept)
{
    const size_t scales = s->o->scales;
    const int status = s->model->select(s->model->context, s->parent, kept);
    if (status)
        return status;
    for (size_t p = 0; p < kept; p++) {
        memcpy(
            s->moved + p * scales, s->history + s->parent[p] * scales, scales * sizeof *s->moved);
        s->potential[p] = s->reward[s->parent[p]];
    }
    memcpy(s->history, s->moved, kept * scales * sizeof *s->history);
    memcpy(s->reward, s->potential, kept * sizeof *s->reward);
    s->paths = kept;
    return ASSAY_OK;
}

static int thin(search *s, size_t scale)
{
    const size_t kept = s->o->kept[scale];
    const bool resampled = has(s->o->resample, scale);
    const assay_rng named = assay_rng_split_name(s->rng, "select");
    assay_rng rng = assay_rng_split(&named, scale);
    int status = ASSAY_OK;
    if (kept == s->paths && !resampled) {
        for (size_t p = 0; p < kept; p++)
            s->ancestor[scale * s->widest + p] = p;
        return ASSAY_OK;
    }
    if (has(s->o->extract, scale))
        status = cluster(s, scale, kept, &rng);
    else if (resampled)
        status = resample(s, scale, kept, &rng);
    else
        status = thin_at_random(s, kept, &rng);
    if (status)
        return status;
    memcpy(s->ancestor + scale * s->widest, s->parent, kept * sizeof *s->parent);
    return move_paths(s, kept);
}

/* ---- the whole ---- */

static int search_alloc(search *s)
{
    const size_t n = s->widest, scales = s->o->scales;
    s->history = calloc(2 * n * scales + 3 * n, sizeof *s->history);
    s->parent = calloc(2 * n, sizeof *s->parent);
    s->ancestor = malloc(n * scales * sizeof *s->ancestor);
    const int status = assay_matrix_alloc(n, scales, &s->before);
    if (!s->history || !s->parent || !s->ancestor || status)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu paths", who, n);
    s->moved = s->history + n * scales;
    s->reward = s->moved + n * scales;
    s->potential = s->reward + n;
    s->weight = s->potential + n;
    s->label = s->parent + n;
    for (size_t i = 0; i < n * scales; i++)
        s->ancestor[i] = SIZE_MAX;
    return ASSAY_OK;
}

/* The best of the last paths, or one drawn by its reward. */
static int answer(search *s, assay_tts_result *out)
{
    int status = ASSAY_OK;
    if (s->o->sample_last) {
        const assay_rng named = assay_rng_split_name(s->rng, "select");
        assay_rng rng = assay_rng_split(&named, s->o->scales);
        status = assay_potential(s->reward, NULL, s->paths, ASSAY_POTENTIAL_VALUE, s->o->lambda, 0,
            s->potential, s->weight);
        if (!status)
            status = assay_resample_draw(
                s->weight, s->paths, 1, ASSAY_RESAMPLE_MULTINOMIAL, &rng, &out->best);
    } else {
        status = assay_topk(s->reward, s->paths, 1, &out->best);
    }
    if (!status)
        status = assay_matrix_alloc(s->paths, s->o->scales, &out->history);
    if (status)
        return status;
    memcpy(out->history.data, s->history, s->paths * s->o->scales * sizeof *s->history);
    out->reward = s->reward[out->best];
    out->ancestor = s->ancestor;
    s->ancestor = NULL;
    return ASSAY_OK;
}

void assay_tts_result_free(assay_tts_result *result)
{
    assay_matrix_free(&result->history);
    free(result->ancestor);
    *result = (assay_tts_result){0};
}

int assay_tts_var(const assay_path_model *model, const assay_tts_opts *o, const assay_rng *rng,
    assay_tts_result *out)
{
    search s = {.model = model, .o = o, .rng = rng};
    *out = (assay_tts_result){0};
    int status = check_options(model, o, &out->cost);
    if (status)
        return status;
    s.widest = s.paths = o->kept[0];
    status = search_alloc(&s);
    if (!status) {
        assay_rng first = assay_rng_split_name(rng, "begin");
        status = model->begin(model->context, s.paths, &first);
    }
    for (size_t scale = 0; scale < o->scales && !status; scale++) {
        status = draw_scale(&s, scale);
        if (!status)
            status = reward_scale(&s, scale);
        /* of the last paths the best is the answer: no thinning before it that wasn't asked for */
        if (!status && (scale + 1 < o->scales || has(o->extract, scale) || has(o->resample, scale)))
            status = thin(&s, scale);
    }
    for (size_t p = 0; p < s.paths && !status; p++)
        if (s.ancestor[(o->scales - 1) * s.widest + p] == SIZE_MAX)
            s.ancestor[(o->scales - 1) * s.widest + p] = p;
    if (!status)
        status = answer(&s, out);
    free(s.history);
    free(s.parent);
    free(s.ancestor);
    assay_matrix_free(&s.features);
    assay_matrix_free(&s.centres);
    assay_matrix_free(&s.before);
    return status;
}
