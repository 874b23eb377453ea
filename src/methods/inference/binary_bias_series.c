/*
 * Series: the generators that tests and experiments compare with, and the envelope of a battery
 * over reference series of the same shape.
 */
#include "methods/inference/binary_bias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/status.h"

/* ---- chains ---- */

static int check_chain(double p_first, const double *switch_by_streak, size_t levels)
{
    if (!(p_first >= 0 && p_first <= 1))
        return assay_fail(ASSAY_EINVAL, "binary_chain: p_first must be in 0..1, got %g", p_first);
    if (levels == 0)
        return assay_fail(ASSAY_EINVAL, "binary_chain: switch must have at least 1 value");
    for (size_t i = 0; i < levels; i++)
        if (!(switch_by_streak[i] >= 0 && switch_by_streak[i] <= 1))
            return assay_fail(ASSAY_EINVAL, "binary_chain: switch[%zu] must be in 0..1, got %g",
                i + 1, switch_by_streak[i]);
    return ASSAY_OK;
}

/* The answer after x, whose run is *run long so far. */
static unsigned char step(
    unsigned char x, double u, const double *chance, size_t levels, size_t *run)
{
    const bool switches = u < chance[*run < levels ? *run - 1 : levels - 1];
    *run = switches ? 1 : *run + 1;
    return switches ? !x : x;
}

int assay_binary_chain_core(const double *u, size_t n, double p_first,
    const double *switch_by_streak, size_t levels, unsigned char *x)
{
    const int status = check_chain(p_first, switch_by_streak, levels);
    size_t run = 1;
    if (status || n == 0)
        return status;
    x[0] = u[0] < p_first;
    for (size_t i = 1; i < n; i++)
        x[i] = step(x[i - 1], u[i], switch_by_streak, levels, &run);
    return ASSAY_OK;
}

int assay_binary_chain(assay_rng *rng, size_t n, double p_first, const double *switch_by_streak,
    size_t levels, unsigned char *x)
{
    const int status = check_chain(p_first, switch_by_streak, levels);
    size_t run = 1;
    if (status || n == 0)
        return status;
    x[0] = assay_rng_uniform(rng) < p_first;
    for (size_t i = 1; i < n; i++)
        x[i] = step(x[i - 1], assay_rng_uniform(rng), switch_by_streak, levels, &run);
    return ASSAY_OK;
}

/* ---- fair flips ---- */

static int fill_from_system(unsigned char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t got = getrandom(bytes, size, 0);
        if (got < 0 && errno != EINTR)
            return assay_fail(
                ASSAY_EIO, "random_reference: no entropy of the system: %s", strerror(errno));
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        }
    }
    return ASSAY_OK;
}

int assay_fair_flips(assay_rng *rng, unsigned char *x, size_t n)
{
    enum { BYTES = 256 };
    unsigned char bytes[BYTES];
    uint32_t word = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t bit = i % (8 * (size_t)BYTES);
        if (!rng && bit == 0) {
            const size_t left = (n - i + 7) / 8;
            const int status = fill_from_system(bytes, left < BYTES ? left : BYTES);
            if (status)
                return status;
        }
        if (rng && i % 32 == 0)
            word = assay_rng_u32(rng);
        x[i] = (unsigned char)(rng ? word >> (i % 32) & 1 : bytes[bit / 8] >> (bit % 8) & 1);
    }
    return ASSAY_OK;
}

/* ---- reference series ---- */

int assay_binary_reference(const size_t *batch_length, size_t batches, const assay_binary_opts *o,
    size_t reps, assay_rng *rng, const unsigned char *series, const assay_progress *progress,
    assay_matrix *statistics, assay_matrix *p)
{
    size_t n = 0;
    int status = ASSAY_OK;
    for (size_t b = 0; b < batches; b++)
        n += batch_length[b];
    unsigned char *drawn = malloc(n + 1);
    assay_binary_report *report = malloc(sizeof *report);
    if (!drawn || !report)
        status = assay_fail(ASSAY_ENOMEM, "random_reference: out of memory");
    for (size_t r = 0; !status && r < reps; r++) {
        if (!series)
            status = assay_fair_flips(rng, drawn, n);
        if (!status)
            status = assay_binary_battery(
                series ? series + r * n : drawn, batch_length, batches, o, report);
        if (!status && statistics)
            assay_binary_statistics(report, assay_matrix_row(statistics, r));
        if (!status && p)
            assay_binary_p_values(report, assay_matrix_row(p, r));
        if (!status)
            status = assay_progress_report(progress, (double)(r + 1), (double)reps);
    }
    free(drawn);
    free(report);
    return status;
}
