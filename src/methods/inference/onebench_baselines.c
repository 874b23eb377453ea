/*
 * What Plackett-Luce is compared with, and how two rankings agree; see onebench.h.
 *
 * LMArena's rating is the same model with another weight of a tie: there a win counts twice a side
 * of a tie, in the paper's counts (wins + ties) as much as one.
 */
#include "methods/inference/onebench.h"

#include <math.h>
#include <stdlib.h>

#include "core/rank.h"
#include "core/status.h"
#include "core/topk.h"
#include "methods/inference/onebench_checks.h"

static int check_wins_and_ties(const char *who, const assay_matrix *wins, const assay_matrix *ties)
{
    int status = assay_counts_check(who, "wins", wins);
    if (!status)
        status = assay_counts_check(who, "ties", ties);
    if (!status && ties->rows != wins->rows)
        status = assay_fail(ASSAY_EINVAL, "%s: ties must be %zu x %zu as wins, got %zu x %zu", who,
            wins->rows, wins->rows, ties->rows, ties->rows);
    for (size_t i = 0; i < ties->rows && !status; i++)
        for (size_t j = 0; j < i && !status; j++)
            if (*assay_matrix_at(ties, i, j) != *assay_matrix_at(ties, j, i))
                status = assay_fail(ASSAY_EINVAL,
                    "%s: ties must be symmetric, got ties[%zu][%zu] = %.14g, ties[%zu][%zu] = "
                    "%.14g",
                    who, j + 1, i + 1, *assay_matrix_at(ties, j, i), i + 1, j + 1,
                    *assay_matrix_at(ties, i, j));
    return status;
}

/* ---- ratings ---- */

static int check_scale(const char *who, double scale, double base, double init)
{
    if (!(isfinite(scale) && scale > 0))
        return assay_fail(
            ASSAY_EINVAL, "%s: scale must be finite and greater than 0, got %g", who, scale);
    if (!(isfinite(base) && base > 1))
        return assay_fail(
            ASSAY_EINVAL, "%s: base must be finite and greater than 1, got %g", who, base);
    if (!isfinite(init))
        return assay_fail(ASSAY_EINVAL, "%s: init must be finite, got %g", who, init);
    return ASSAY_OK;
}

int assay_bradley_terry_rating(const assay_matrix *wins, const assay_matrix *ties, double scale,
    double base, double init, double alpha, double *rating)
{
    const size_t n = wins->rows;
    const assay_pl_opts o = {.method = ASSAY_PL_NEWTON, .alpha = alpha};
    assay_matrix counts = {0};
    int status = check_wins_and_ties("bradley_terry", wins, ties);
    if (!status)
        status = check_scale("bradley_terry", scale, base, init);
    if (!status)
        status = assay_matrix_alloc(n, n, &counts);
    for (size_t i = 0; i < n && !status; i++)
        for (size_t j = 0; j < n; j++)
            *assay_matrix_at(&counts, i, j) =
                2 * *assay_matrix_at(wins, i, j) + *assay_matrix_at(ties, i, j);
    if (!status)
        status = assay_pl_pairwise_dense(&counts, &o, rating, NULL);
    for (size_t i = 0; i < n && !status; i++)
        rating[i] = scale * rating[i] / log(base) + init;
    assay_matrix_free(&counts);
    return status;
}

int assay_elo(const assay_match *match, size_t matches, size_t models, const assay_elo_opts *o,
    double *rating)
{
    int status = check_scale("elo", o->scale, o->base, o->init);
    if (!status && !(isfinite(o->k) && o->k >= 0))
        status = assay_fail(ASSAY_EINVAL, "elo: k must be finite and at least 0, got %g", o->k);
    for (size_t i = 0; i < models && !status; i++)
        rating[i] = o->init;
    const double rate = log(o->base) / o->scale;
    for (size_t m = 0; m < matches && !status; m++) {
        const size_t i = match[m].i, j = match[m].j;
        const double result = match[m].result;
        if (i >= models || j >= models || i == j)
            return assay_fail(ASSAY_EINVAL,
                "elo: match %zu must be of two of 1..%zu, got %zu and %zu", m + 1, models, i + 1,
                j + 1);
        if (!(result >= 0 && result <= 1))
            return assay_fail(ASSAY_EINVAL,
                "elo: match %zu must have a result in 0..1 (1: the first won, 0.5: a tie), got %g",
                m + 1, isnan(result) ? (double)NAN : result);
        const double gain = o->k * (result - 1 / (1 + exp(rate * (rating[j] - rating[i]))));
        rating[i] += gain;
        rating[j] -= gain;
    }
    return status;
}

/* ---- votes ---- */

/* win + loss + tie, weighted, of every model */
static int weigh_outcomes(const char *who, const assay_matrix *wins, const assay_matrix *ties,
    double win, double loss, double tie, double *score)
{
    const int status = check_wins_and_ties(who, wins, ties);
    for (size_t i = 0; i < wins->rows && !status; i++) {
        score[i] = 0;
        for (size_t j = 0; j < wins->rows; j++)
            score[i] += win * *assay_matrix_at(wins, i, j) + loss * *assay_matrix_at(wins, j, i) +
                        tie * *assay_matrix_at(ties, i, j);
    }
    return status;
}

int assay_borda(const assay_matrix *wins, const assay_matrix *ties, double *score)
{
    return weigh_outcomes("borda", wins, ties, 1, 0, 0, score);
}

int assay_dowdall(const assay_matrix *wins, const assay_matrix *ties, double *score)
{
    return weigh_outcomes("dowdall", wins, ties, 1, 0.5, 0.75, score);
}

/* ---- means ---- */

static double row_mean(const assay_matrix *scores, size_t i, const size_t *group, size_t wanted)
{
    double sum = 0, n = 0;
    for (size_t j = 0; j < scores->cols; j++) {
        const double y = *assay_matrix_at(scores, i, j);
        if (isnan(y) || (group && group[j] != wanted))
            continue;
        sum += y;
        n++;
    }
    return n > 0 ? sum / n : (double)NAN;
}

/* Add the group's means, scaled to 0..1, to the sums of the models that have one. */
static void add_group(const assay_matrix *scores, const size_t *group, size_t wanted, double *mean,
    double *sum, double *groups)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < scores->rows; i++) {
        mean[i] = row_mean(scores, i, group, wanted);
        least = fmin(least, mean[i]); /* which pass over NaN */
        most = fmax(most, mean[i]);
    }
    for (size_t i = 0; i < scores->rows; i++)
        if (!isnan(mean[i])) {
            sum[i] += most > least ? (mean[i] - least) / (most - least) : 0.5;
            groups[i]++;
        }
}

/* Whether an item before j is of its group. */
static bool seen_before(const size_t *group, size_t j)
{
    for (size_t i = 0; i < j; i++)
        if (!group || group[i] == group[j])
            return true;
    return false;
}

int assay_mean_score(
    const assay_matrix *scores, const size_t *group, double *mean, double *normalized)
{
    const size_t n = scores->rows;
    const int status = assay_scores_check("mean_score", scores);
    for (size_t i = 0; i < n && !status; i++)
        mean[i] = row_mean(scores, i, NULL, 0);
    if (status || !normalized)
        return status;
    double *memory = calloc(3 * n + 1, sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "mean_score: no memory for %zu models", n);
    double *sum = memory + n, *groups = memory + 2 * n;
    for (size_t j = 0; j < scores->cols; j++)
        if (!seen_before(group, j))
            add_group(scores, group, group ? group[j] : 0, memory, sum, groups);
    for (size_t i = 0; i < n; i++)
        normalized[i] = groups[i] > 0 ? sum[i] / groups[i] : (double)NAN;
    free(memory);
    return ASSAY_OK;
}

/* ---- agreement ---- */

int assay_top_k_precision(const double *a, const double *b, size_t n, size_t k, double *precision)
{
    if (k == 0 || k > n)
        return assay_fail(ASSAY_EINVAL, "top_k_precision: k must be in 1..%zu, got %zu", n, k);
    size_t *top = calloc(2 * k, sizeof *top), common = 0;
    if (!top)
        return assay_fail(ASSAY_ENOMEM, "top_k_precision: no memory for k = %zu", k);
    int status = assay_topk(a, n, k, top);
    if (!status)
        status = assay_topk(b, n, k, top + k);
    for (size_t i = 0; i < k && !status; i++)
        for (size_t j = 0; j < k; j++)
            common += top[i] == top[k + j];
    *precision = (double)common / (double)k;
    free(top);
    return status;
}

int assay_rank_distance(const double *a, const double *b, size_t n, double *distance)
{
    double *rank = calloc(2 * n + 1, sizeof *rank);
    if (!rank)
        return assay_fail(ASSAY_ENOMEM, "rank_distance: no memory for %zu ranks", n);
    int status = assay_ranks(a, n, rank);
    if (!status)
        status = assay_ranks(b, n, rank + n);
    double sum = 0;
    for (size_t i = 0; i < n && !status; i++)
        sum += fabs(rank[i] - rank[n + i]);
    *distance = n > 0 ? sum / (double)n : (double)NAN;
    free(rank);
    return status;
}

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

int assay_separability(const double *first, const double *second, const double *full, size_t n,
    double *share, size_t *consistent)
{
    size_t kept = 0;
    *consistent = 0;
    for (size_t i = 0; i < n; i++)
        if (isnan(first[i]) || isnan(second[i]) || isnan(full[i]))
            return assay_fail(ASSAY_EINVAL,
                "separability: the score of model %zu must be a number, got nan", i + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const int order = sign(first[i] - first[j]);
            if (order == 0 || order != sign(second[i] - second[j]))
                continue;
            ++*consistent;
            kept += order == sign(full[i] - full[j]);
        }
    *share = *consistent > 0 ? (double)kept / (double)*consistent : (double)NAN;
    return ASSAY_OK;
}
