/* Choosing one of a pool, and what the pool and the choice are worth. */
#include "methods/inference/multilingual.h"

#include <math.h>

#include "core/stats.h"
#include "core/status.h"

static size_t first_largest(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* ---- minimum Bayes risk ---- */

static int check_utilities(const char *name, const assay_matrix *u, bool with_diagonal)
{
    for (size_t i = 0; i < u->rows; i++)
        for (size_t j = 0; j < u->cols; j++)
            if ((with_diagonal || i != j) && !isfinite(*assay_matrix_at(u, i, j)))
                return assay_fail(ASSAY_EINVAL, "mbr: %s[%zu][%zu] must be finite, got %g", name,
                    i + 1, j + 1, *assay_matrix_at(u, i, j));
    return ASSAY_OK;
}

static int check_evidence(
    const assay_matrix *u, const assay_matrix *cross, double weight, bool self)
{
    const size_t from_cross = cross ? cross->cols : 0;
    if (u->rows == 0)
        return assay_fail(ASSAY_EINVAL, "mbr: u must have at least 1 candidate, got none");
    if (!self && u->rows != u->cols)
        return assay_fail(ASSAY_EINVAL, "mbr: u must be square without include_self, got %zu x %zu",
            u->rows, u->cols);
    if (from_cross > 0 && cross->rows != u->rows)
        return assay_fail(ASSAY_EINVAL, "mbr: u_cross must have %zu rows as u has, got %zu",
            u->rows, cross->rows);
    if (!(weight >= 0 && isfinite(weight)))
        return assay_fail(
            ASSAY_EINVAL, "mbr: cross_weight must be at least 0 and finite, got %g", weight);
    if ((double)(u->cols - (self || u->cols == 0 ? 0 : 1)) + weight * (double)from_cross > 0)
        return ASSAY_OK;
    return assay_fail(ASSAY_EINVAL,
        "mbr: there must be evidence: %zu candidate%s without itself "
        "has none",
        u->rows, u->rows == 1 ? "" : "s");
}

int assay_mbr(const assay_matrix *u, const assay_matrix *cross, double weight, bool include_self,
    double *scores, size_t *index)
{
    const size_t from_cross = cross ? cross->cols : 0;
    int status = check_evidence(u, cross, weight, include_self);
    if (!status)
        status = check_utilities("u", u, include_self);
    if (!status && from_cross > 0)
        status = check_utilities("u_cross", cross, true);
    if (status)
        return status;
    const double votes = (double)(u->cols - !include_self) + weight * (double)from_cross;
    for (size_t i = 0; i < u->rows; i++) {
        double own = 0, others = 0;
        for (size_t j = 0; j < u->cols; j++)
            own += include_self || i != j ? *assay_matrix_at(u, i, j) : 0;
        for (size_t j = 0; j < from_cross; j++)
            others += *assay_matrix_at(cross, i, j);
        scores[i] = (own + weight * others) / votes;
    }
    *index = first_largest(scores, u->rows);
    return ASSAY_OK;
}

/* ---- checklists and rewards ---- */

int assay_checklist_select(
    const assay_matrix *checks, const double *weights, double *scores, size_t *index)
{
    double sum = 0;
    if (checks->rows == 0 || checks->cols == 0)
        return assay_fail(ASSAY_EINVAL,
            "checklist_select: checks must have at least 1 candidate and 1 check, got %zu x %zu",
            checks->rows, checks->cols);
    for (size_t q = 0; q < checks->cols; q++) {
        const double w = weights ? weights[q] : 1;
        if (!(w >= 0 && isfinite(w)))
            return assay_fail(ASSAY_EINVAL,
                "checklist_select: weights[%zu] must be at least 0 and finite, got %g", q + 1, w);
        sum += w;
    }
    if (!(sum > 0))
        return assay_fail(ASSAY_EINVAL, "checklist_select: weights must not sum to 0");
    for (size_t i = 0; i < checks->rows; i++) {
        scores[i] = 0;
        for (size_t q = 0; q < checks->cols; q++) {
            const double b = *assay_matrix_at(checks, i, q);
            if (!(b >= 0 && b <= 1))
                return assay_fail(ASSAY_EINVAL,
                    "checklist_select: checks[%zu][%zu] must be in 0..1, got %g", i + 1, q + 1, b);
            scores[i] += (weights ? weights[q] : 1) * b;
        }
        scores[i] /= sum;
    }
    *index = first_largest(scores, checks->rows);
    return ASSAY_OK;
}

int assay_select_best(const double *rewards, size_t n, size_t *index)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "select_best: there must be at least 1 reward, got none");
    for (size_t i = 0; i < n; i++)
        if (isnan(rewards[i]))
            return assay_fail(
                ASSAY_EINVAL, "select_best: rewards[%zu] must be a number, got nan", i + 1);
    *index = first_largest(rewards, n);
    return ASSAY_OK;
}

/* ---- hope and risk ---- */

static int check_quality(const assay_matrix *quality, const double *greedy)
{
    if (quality->rows == 0 || quality->cols == 0)
        return assay_fail(ASSAY_EINVAL,
            "hope_risk: quality must have at least 1 prompt and 1 sample, got %zu x %zu",
            quality->rows, quality->cols);
    for (size_t i = 0; i < quality->rows; i++) {
        if (!isfinite(greedy[i]))
            return assay_fail(
                ASSAY_EINVAL, "hope_risk: greedy[%zu] must be finite, got %g", i + 1, greedy[i]);
        for (size_t j = 0; j < quality->cols; j++)
            if (!isfinite(*assay_matrix_at(quality, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "hope_risk: quality[%zu][%zu] must be finite, got %g", i + 1, j + 1,
                    *assay_matrix_at(quality, i, j));
    }
    return ASSAY_OK;
}

int assay_hope_risk(const assay_matrix *quality, const double *greedy, assay_hope_risk_result *out)
{
    const int status = check_quality(quality, greedy);
    const double prompts = (double)quality->rows;
    double of_greedy = 0;
    if (status)
        return status;
    *out = (assay_hope_risk_result){0};
    for (size_t i = 0; i < quality->rows; i++) {
        const double *q = assay_matrix_row(quality, i);
        double best = q[0], worst = q[0];
        for (size_t j = 1; j < quality->cols; j++) {
            best = fmax(best, q[j]);
            worst = fmin(worst, q[j]);
        }
        out->hope += (best - greedy[i]) / prompts;
        out->risk += (worst - greedy[i]) / prompts;
        out->mean_gain += (assay_mean(q, quality->cols) - greedy[i]) / prompts;
        of_greedy += greedy[i] / prompts;
    }
    out->hope_percent = of_greedy != 0 ? 100 * out->hope / of_greedy : (double)NAN;
    out->risk_percent = of_greedy != 0 ? 100 * out->risk / of_greedy : (double)NAN;
    return ASSAY_OK;
}

/* ---- win rates ---- */

int assay_win_rate(double wins, double ties, double losses, assay_win_rate_result *out)
{
    const double all = wins + ties + losses;
    assay_interval wilson;
    if (!(wins >= 0 && ties >= 0 && losses >= 0 && isfinite(all)))
        return assay_fail(ASSAY_EINVAL,
            "win_rate: wins, ties and losses must be at least 0 and finite, got %g, %g and %g",
            wins, ties, losses);
    if (all == 0)
        return assay_fail(ASSAY_EINVAL, "win_rate: there must be at least 1 comparison, got 0");
    const int status = assay_wilson_interval(wins + ties / 2, all, 0.95, &wilson);
    out->win_rate = wilson.estimate;
    out->low = wilson.low;
    out->high = wilson.high;
    out->win_minus_loss = (wins - losses) / all;
    return status;
}

int assay_win_rate_swapped(
    const double *first, const double *second, size_t n, assay_swapped_result *out)
{
    *out = (assay_swapped_result){0};
    if (n == 0)
        return assay_fail(
            ASSAY_EINVAL, "win_rate_swapped: there must be at least 1 prompt, got none");
    for (size_t i = 0; i < n; i++) {
        const double both = first[i] + second[i];
        if (!(first[i] >= 0 && first[i] <= 1 && second[i] >= 0 && second[i] <= 1))
            return assay_fail(ASSAY_EINVAL,
                "win_rate_swapped: scores of prompt %zu must be in 0..1, got %g and %g", i + 1,
                first[i], second[i]);
        out->wins += both > 1;
        out->ties += both == 1;
        out->losses += both < 1;
        out->position_bias += (first[i] - second[i]) / (double)n;
        out->consistent += (first[i] == second[i]) / (double)n;
    }
    return ASSAY_OK;
}
