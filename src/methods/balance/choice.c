/* Which anchors a heuristic trains on (detection.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/balance/detection.h"
#include "methods/balance/internal.h"

struct keyed {
    double key;
    size_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Of n anchors the `most` of smallest keys are chosen. */
static void choose_smallest(struct keyed *at, size_t n, size_t most, unsigned char *chosen)
{
    if (n > most)
        qsort(at, n, sizeof *at, by_key);
    for (size_t i = 0; i < n && i < most; i++)
        chosen[at[i].index] = 1;
}

static int check_keys(const char *name, const double *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(keys[i]))
            return assay_fail(ASSAY_EINVAL, "%s[%zu] must be finite, got %g", name, i + 1, keys[i]);
    return ASSAY_OK;
}

/* Anchors of one sort: positive, or background; their keys, and how many they are. */
static size_t gather(
    const int *target, const double *keys, double sign, size_t n, bool positive, struct keyed *at)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (positive ? target[i] > 0 : target[i] == 0)
            at[found++] = (struct keyed){sign * keys[i], i};
    return found;
}

static size_t choose_all_valid(const int *target, size_t n, unsigned char *chosen)
{
    size_t valid = 0;
    for (size_t i = 0; i < n; i++)
        valid += chosen[i] = target[i] >= 0;
    return valid;
}

/* Positives of a biased choice; how many background anchors may follow. */
static size_t choose_positives(const int *target, const double *draws, size_t n, size_t size,
    double fraction, struct keyed *at, unsigned char *chosen)
{
    const size_t found = gather(target, draws, 1, n, true, at),
                 most = (size_t)floor((double)size * fraction);
    choose_smallest(at, found, most, chosen);
    return size - (found < most ? found : most);
}

static int begin(const double *draws, size_t n, size_t size, double fraction, struct keyed **at)
{
    if (size < 1)
        return assay_fail(ASSAY_EINVAL, "size must be at least 1, got 0");
    if (!(fraction >= 0 && fraction <= 1))
        return assay_fail(ASSAY_EINVAL, "fraction must be in 0..1, got %g", fraction);
    const int status = check_keys("draws", draws, n);
    *at = status ? NULL : malloc((n + 1) * sizeof **at);
    return status || *at ? status : assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", n);
}

int assay_sample_anchors(const int *target, const double *draws, size_t n, size_t size,
    double fraction, unsigned char *chosen)
{
    struct keyed *at = NULL;
    const int status = begin(draws, n, size, fraction, &at);
    if (!status && choose_all_valid(target, n, chosen) > size) {
        memset(chosen, 0, n);
        const size_t left = choose_positives(target, draws, n, size, fraction, at, chosen);
        choose_smallest(at, gather(target, draws, 1, n, false, at), left, chosen);
    }
    free(at);
    return status;
}

/* Background anchors of one bin of overlaps; `bin` == bins: all that are not chosen yet. */
static size_t gather_bin(const int *target, const double *draws, const double *iou, size_t n,
    size_t bin, size_t bins, double most, const unsigned char *chosen, struct keyed *at)
{
    size_t found = 0;
    const double width = most / (double)bins;
    for (size_t i = 0; i < n; i++) {
        const size_t own = iou[i] < most ? (size_t)(iou[i] / width) : bins;
        if (target[i] == 0 && !chosen[i] && (bin == bins || own == bin))
            at[found++] = (struct keyed){draws[i], i};
    }
    return found;
}

static int check_overlaps(const double *iou, size_t n, size_t bins, double most)
{
    if (bins < 1)
        return assay_fail(ASSAY_EINVAL, "iou_bins must be at least 1, got 0");
    if (!(most > 0 && most <= 1))
        return assay_fail(
            ASSAY_EINVAL, "iou_most must be greater than 0 and at most 1, got %g", most);
    for (size_t i = 0; i < n; i++)
        if (!(iou[i] >= 0 && iou[i] <= 1))
            return assay_fail(ASSAY_EINVAL, "iou[%zu] must be in 0..1, got %g", i + 1, iou[i]);
    return ASSAY_OK;
}

int assay_sample_anchors_by_iou(const int *target, const double *draws, const double *iou, size_t n,
    size_t size, double fraction, size_t bins, double most, unsigned char *chosen)
{
    struct keyed *at = NULL;
    int status = check_overlaps(iou, n, bins, most);
    if (!status)
        status = begin(draws, n, size, fraction, &at);
    if (!status && choose_all_valid(target, n, chosen) > size) {
        memset(chosen, 0, n);
        size_t left = choose_positives(target, draws, n, size, fraction, at, chosen);
        const size_t each = left / bins;
        for (size_t bin = 0; bin <= bins; bin++) {
            const size_t found = gather_bin(target, draws, iou, n, bin, bins, most, chosen, at);
            const size_t wanted = bin < bins ? each : left;
            choose_smallest(at, found, wanted, chosen);
            left -= found < wanted ? found : wanted;
        }
    }
    free(at);
    return status;
}

int assay_choose_hard(
    const int *target, const double *loss, size_t n, double ratio, unsigned char *chosen)
{
    if (!(ratio >= 0 && isfinite(ratio)))
        return assay_fail(ASSAY_EINVAL, "ratio must be finite and at least 0, got %g", ratio);
    const int status = check_keys("loss", loss, n);
    struct keyed *at = status ? NULL : malloc((n + 1) * sizeof *at);
    if (status || !at)
        return status ? status : assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", n);
    size_t positive = 0;
    for (size_t i = 0; i < n; i++)
        positive += chosen[i] = target[i] > 0;
    const double wanted = fmin(floor(ratio * (double)positive), (double)n);
    choose_smallest(at, gather(target, loss, -1, n, false, at), (size_t)wanted, chosen);
    free(at);
    return ASSAY_OK;
}

int assay_choose_hard_regions(const int *target, const double *loss, const assay_matrix *boxes,
    size_t n, size_t k, double overlap, unsigned char *chosen)
{
    size_t valid = 0, kept = 0;
    assay_matrix own = {0};
    if (boxes->cols != 4)
        return assay_check_boxes("boxes", boxes);
    size_t *index = malloc((2 * n + 1) * sizeof *index);
    double *score = malloc((n + 1) * sizeof *score);
    int status = index && score ? assay_matrix_alloc(n, 4, &own)
                                : assay_fail(ASSAY_ENOMEM, "no memory for %zu anchors", n);
    for (size_t i = 0; i < n && !status; i++)
        if (target[i] >= 0) {
            memcpy(assay_matrix_row(&own, valid), assay_matrix_row(boxes, i), 4 * sizeof *score);
            score[valid] = loss[i];
            index[valid++] = i;
        }
    own.rows = valid;
    if (!status)
        status = assay_nms(&own, score, overlap, k, index + n, &kept);
    memset(chosen, 0, n);
    for (size_t i = 0; i < kept && !status; i++)
        chosen[index[index[n + i]]] = 1;
    assay_matrix_free(&own);
    free(index);
    free(score);
    return status;
}
