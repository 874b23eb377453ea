/* Corruptions of clouds; see corrupt.h. One row of the table at the end is one corruption. */
#include "methods/balance/corrupt.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/status.h"
#include "core/suggest.h"

struct kind;

/* *out has been allocated by no one yet. */
typedef int corrupt(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out);

struct kind {
    const char *name;
    corrupt *make;
    double amount[ASSAY_SEVERITIES];
    bool shares; /* amounts divide the number of points */
    bool counts; /* the amount is a whole number */
    double most;
    bool inverse; /* of radial basis functions */
};

static const struct kind kinds[ASSAY_CORRUPTIONS];

static double around(double centre, double half_width, assay_rng *rng)
{
    const double size = centre + half_width * (2 * assay_rng_uniform(rng) - 1);
    return assay_rng_below(rng, 2) ? size : -size;
}

static double within(double half_width, assay_rng *rng)
{
    return half_width * (2 * assay_rng_uniform(rng) - 1);
}

/* A copy of P with room for `more` rows. */
static int begin(const assay_matrix *P, size_t more, assay_matrix *out)
{
    const int status = assay_matrix_alloc(P->rows + more, 3, out);
    for (size_t i = 0; i < P->rows && !status; i++)
        memcpy(assay_matrix_row(out, i), assay_matrix_row(P, i), 3 * sizeof *P->data);
    return status;
}

/* ---- linear maps ---- */

/* Rows times m (row by row); normalised. */
static int transform(const assay_matrix *P, const double m[9], assay_matrix *out)
{
    const int status = assay_cloud_check(P);
    for (size_t i = 0; i < P->rows && !status; i++) {
        const double *row = assay_matrix_row(P, i), x[3] = {row[0], row[1], row[2]};
        for (size_t j = 0; j < 3; j++)
            *assay_matrix_at(out, i, j) = x[0] * m[j] + x[1] * m[3 + j] + x[2] * m[6 + j];
    }
    return status ? status : assay_cloud_normalize(out, out);
}

static void multiply(const double a[9], const double b[9], double out[9])
{
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

int assay_corrupt_rotation(const assay_matrix *P, const double angle[3], assay_matrix *out)
{
    const double cx = cos(angle[0]), sx = sin(angle[0]), cy = cos(angle[1]), sy = sin(angle[1]);
    const double cz = cos(angle[2]), sz = sin(angle[2]);
    const double x[9] = {1, 0, 0, 0, cx, -sx, 0, sx, cx}, y[9] = {cy, 0, sy, 0, 1, 0, -sy, 0, cy};
    const double z[9] = {cz, -sz, 0, sz, cz, 0, 0, 0, 1};
    double xy[9], xyz[9];
    multiply(x, y, xy);
    multiply(xy, z, xyz);
    return transform(P, xyz, out);
}

int assay_corrupt_shear(const assay_matrix *P, const double factor[4], assay_matrix *out)
{
    const double m[9] = {1, 0, factor[0], factor[1], 1, factor[2], factor[3], 0, 1};
    return transform(P, m, out);
}

static int rotate(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    const double pi = acos(-1.0);
    double angle[3];
    for (size_t a = 0; a < 3; a++)
        angle[a] = around(amount, ASSAY_ROTATION_HALF_WIDTH, rng) * pi / 180;
    const int status = begin(P, 0, out);
    return status ? status : assay_corrupt_rotation(P, angle, out);
}

static int shear(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    double factor[4];
    for (size_t i = 0; i < 4; i++)
        factor[i] = around(amount, ASSAY_SHEAR_HALF_WIDTH, rng);
    const int status = begin(P, 0, out);
    return status ? status : assay_corrupt_shear(P, factor, out);
}

/* One axis keeps its length. */
static int scale(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    const size_t kept = (size_t)assay_rng_below(rng, 3);
    double sign = assay_rng_below(rng, 2) ? 1 : -1, m[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    for (size_t a = 0; a < 3; a++) {
        if (a == kept)
            continue;
        m[4 * a] += sign * amount;
        sign = -sign;
    }
    const int status = begin(P, 0, out);
    return status ? status : transform(P, m, out);
}

/* ---- noise ---- */

static int jitter_uniform(const struct kind *kind, const assay_matrix *P, double amount,
    assay_rng *rng, assay_matrix *out)
{
    (void)kind;
    const int status = begin(P, 0, out);
    for (size_t i = 0; i < 3 * P->rows && !status; i++)
        out->data[i] += within(amount, rng);
    return status ? status : assay_cloud_normalize(out, out);
}

static int jitter_normal(const struct kind *kind, const assay_matrix *P, double amount,
    assay_rng *rng, assay_matrix *out)
{
    (void)kind;
    const int status = begin(P, 0, out);
    for (size_t i = 0; i < 3 * P->rows && !status; i++)
        out->data[i] = fmax(-1, fmin(1, out->data[i] + amount * assay_rng_normal(rng)));
    return status;
}

static int add_background(const struct kind *kind, const assay_matrix *P, double amount,
    assay_rng *rng, assay_matrix *out)
{
    (void)kind;
    const int status = begin(P, (size_t)amount, out);
    for (size_t i = 3 * P->rows; !status && i < 3 * out->rows; i++)
        out->data[i] = within(1, rng);
    return status ? status : assay_cloud_normalize(out, out);
}

/* Distinct points of P. */
static int choose(const assay_matrix *P, double amount, assay_rng *rng, size_t **chosen)
{
    *chosen = NULL;
    if (amount > (double)P->rows)
        return assay_fail(
            ASSAY_EINVAL, "amount must be in 0..%zu (points), got %g", P->rows, amount);
    *chosen = calloc((size_t)amount + 1, sizeof **chosen);
    return *chosen ? assay_rng_sample(rng, P->rows, (size_t)amount, *chosen)
                   : assay_fail(ASSAY_ENOMEM, "no memory for %g points", amount);
}

static int add_copies(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    size_t *chosen;
    int status = choose(P, amount, rng, &chosen);
    if (!status)
        status = begin(P, (size_t)amount, out);
    for (size_t i = P->rows; !status && i < out->rows; i++)
        for (size_t j = 0; j < 3; j++)
            *assay_matrix_at(out, i, j) =
                *assay_matrix_at(P, chosen[i - P->rows], j) + within(0.05, rng);
    free(chosen);
    return status ? status : assay_cloud_normalize(out, out);
}

static int add_impulses(const struct kind *kind, const assay_matrix *P, double amount,
    assay_rng *rng, assay_matrix *out)
{
    (void)kind;
    size_t *chosen;
    int status = choose(P, amount, rng, &chosen);
    if (!status)
        status = begin(P, 0, out);
    for (size_t i = 0; !status && i < (size_t)amount; i++)
        for (size_t j = 0; j < 3; j++)
            *assay_matrix_at(out, chosen[i], j) +=
                assay_rng_below(rng, 2) ? ASSAY_IMPULSE_SIZE : -ASSAY_IMPULSE_SIZE;
    free(chosen);
    return status ? status : assay_cloud_normalize(out, out);
}

/* ---- what is left of a cloud ---- */

/* Points that are left, in their order in P, and room for the nearest of them. */
struct rest {
    assay_matrix points;
    size_t *row, *near;
    double *scratch;
};

static void rest_free(struct rest *r)
{
    assay_matrix_free(&r->points);
    free(r->row);
    free(r->near);
    free(r->scratch);
}

static int rest_of(const assay_matrix *P, struct rest *r)
{
    *r = (struct rest){0};
    int status = assay_cloud_check(P);
    if (status)
        return status;
    r->row = calloc(P->rows, sizeof *r->row);
    r->near = calloc(P->rows, sizeof *r->near);
    r->scratch = calloc(P->rows, sizeof *r->scratch);
    if (!r->row || !r->near || !r->scratch)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu points", P->rows);
    for (size_t i = 0; i < P->rows; i++)
        r->row[i] = i;
    return begin(P, 0, &r->points);
}

/* The `size` nearest to one of those left, as positions in r->near. */
static int find_nearest(struct rest *r, size_t centre, size_t size)
{
    if (size >= r->points.rows)
        return assay_fail(ASSAY_EINVAL,
            "P must have more than %zu points left to take %zu from, got %zu", size, size,
            r->points.rows);
    return assay_cloud_nearest(
        &r->points, assay_matrix_row(&r->points, centre), size, r->scratch, r->near);
}

/* Without those `count` of r->near. */
static void take_away(struct rest *r, const size_t *near, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        r->row[near[i]] = SIZE_MAX;
    for (size_t i = 0; i < r->points.rows; i++) {
        if (r->row[i] == SIZE_MAX)
            continue;
        r->row[left] = r->row[i];
        memmove(assay_matrix_row(&r->points, left++), assay_matrix_row(&r->points, i),
            3 * sizeof(double));
    }
    r->points.rows = left;
}

static size_t position_of(const struct rest *r, size_t row)
{
    for (size_t i = 0; i < r->points.rows; i++)
        if (r->row[i] == row)
            return i;
    return 0;
}

int assay_corrupt_cutout(
    const assay_matrix *P, const size_t *centre, size_t centres, size_t size, unsigned char *gone)
{
    struct rest r;
    int status = rest_of(P, &r);
    if (!status)
        memset(gone, 1, P->rows);
    for (size_t c = 0; c < centres && !status; c++) {
        if (centre[c] >= P->rows)
            status = assay_fail(ASSAY_EINVAL, "centers[%zu] must be in 1..%zu (points), got %zu",
                c + 1, P->rows, centre[c] + 1);
        else
            status = find_nearest(&r, position_of(&r, centre[c]), size);
        if (!status)
            take_away(&r, r.near, size);
    }
    for (size_t i = 0; i < r.points.rows && !status; i++)
        gone[r.row[i]] = 0;
    rest_free(&r);
    return status;
}

/* What is left becomes the result. */
static int end(struct rest *r, int status, assay_matrix *out)
{
    if (!status) {
        *out = r->points;
        r->points = (assay_matrix){0};
    }
    rest_free(r);
    return status;
}

static int cut_out(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    struct rest r;
    int status = rest_of(P, &r);
    for (size_t c = 0; c < (size_t)amount && !status; c++) {
        status = find_nearest(&r, (size_t)assay_rng_below(rng, r.points.rows), ASSAY_CUTOUT_POINTS);
        if (!status)
            take_away(&r, r.near, ASSAY_CUTOUT_POINTS);
    }
    return end(&r, status, out);
}

static int thin_out(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    size_t chosen[ASSAY_DENSITY_DROPPED], away[ASSAY_DENSITY_DROPPED];
    struct rest r;
    int status = rest_of(P, &r);
    for (size_t c = 0; c < (size_t)amount && !status; c++) {
        status =
            find_nearest(&r, (size_t)assay_rng_below(rng, r.points.rows), ASSAY_DENSITY_POINTS);
        if (!status)
            status = assay_rng_sample(rng, ASSAY_DENSITY_POINTS, ASSAY_DENSITY_DROPPED, chosen);
        for (size_t i = 0; i < ASSAY_DENSITY_DROPPED && !status; i++)
            away[i] = r.near[chosen[i]];
        if (!status)
            take_away(&r, away, ASSAY_DENSITY_DROPPED);
    }
    return end(&r, status, out);
}

static void copy_row(const assay_matrix *from, size_t i, const assay_matrix *to, size_t j)
{
    memcpy(assay_matrix_row(to, j), assay_matrix_row(from, i), 3 * sizeof(double));
}

static int crowd(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    struct rest r;
    size_t made = 0;
    int status = rest_of(P, &r);
    if (!status && P->rows <= ASSAY_DENSITY_INC_POINTS)
        status = assay_fail(ASSAY_EINVAL, "P must have more than %d points, got %zu",
            ASSAY_DENSITY_INC_POINTS, P->rows);
    if (!status)
        status = assay_matrix_alloc(ASSAY_DENSITY_INC_POINTS, 3, out);
    for (size_t c = 0; c < (size_t)amount && !status; c++) {
        status =
            find_nearest(&r, (size_t)assay_rng_below(rng, r.points.rows), ASSAY_DENSITY_POINTS);
        for (size_t i = 0; i < ASSAY_DENSITY_POINTS && !status; i++)
            copy_row(&r.points, r.near[i], out, made++);
        if (!status)
            take_away(&r, r.near, ASSAY_DENSITY_POINTS);
    }
    for (; made < ASSAY_DENSITY_INC_POINTS && !status; made++)
        copy_row(&r.points, (size_t)assay_rng_below(rng, r.points.rows), out, made);
    rest_free(&r);
    return status;
}

/* ---- deformations ---- */

static int bend(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    (void)kind;
    enum { POINTS = ASSAY_LATTICE * ASSAY_LATTICE * ASSAY_LATTICE };
    static const size_t side[3] = {ASSAY_LATTICE, ASSAY_LATTICE, ASSAY_LATTICE};
    double mu[3 * POINTS];
    const assay_matrix moves = assay_matrix_view(mu, POINTS, 3);
    for (size_t i = 0; i < 3 * POINTS; i++)
        mu[i] = within(amount, rng);
    int status = begin(P, 0, out);
    if (!status)
        status = assay_corrupt_ffd(P, side, &moves, out);
    return status ? status : assay_cloud_normalize(out, out);
}

static int pull(const struct kind *kind, const assay_matrix *P, double amount, assay_rng *rng,
    assay_matrix *out)
{
    enum { POINTS = ASSAY_LATTICE * ASSAY_LATTICE * ASSAY_LATTICE };
    const double pi = acos(-1.0);
    double alpha[POINTS], gamma[POINTS], moves[3 * POINTS];
    assay_matrix move = assay_matrix_view(moves, POINTS, 3);
    for (size_t i = 0; i < POINTS; i++)
        alpha[i] = within(pi, rng);
    for (size_t i = 0; i < POINTS; i++)
        gamma[i] = within(pi, rng);
    assay_rbf_moves(alpha, gamma, amount, &move);
    int status = begin(P, 0, out);
    if (!status)
        status = assay_corrupt_rbf(P, kind->inverse, ASSAY_LATTICE, &move, out);
    return status ? status : assay_cloud_normalize(out, out);
}

/* ---- the table ---- */

const char *assay_corruption_name(assay_corruption kind)
{
    return kinds[kind].name;
}

int assay_corruption_find(const char *name, assay_corruption *kind)
{
    const char *names[ASSAY_CORRUPTIONS];
    char hint[512];
    for (size_t i = 0; i < ASSAY_CORRUPTIONS; i++) {
        names[i] = kinds[i].name;
        if (strcmp(name, names[i]) == 0) {
            *kind = (assay_corruption)i;
            return ASSAY_OK;
        }
    }
    assay_suggest(name, names, ASSAY_CORRUPTIONS, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no corruption \"%s\"%s", name, hint);
}

int assay_corruption_amount(assay_corruption kind, int severity, size_t n, double *amount)
{
    if (severity < 1 || severity > ASSAY_SEVERITIES)
        return assay_fail(
            ASSAY_EINVAL, "severity must be in 1..%d, got %d", ASSAY_SEVERITIES, severity);
    *amount = kinds[kind].amount[severity - 1];
    if (kinds[kind].shares)
        *amount = floor((double)n / *amount);
    return ASSAY_OK;
}

int assay_corrupt_by(
    const assay_matrix *P, assay_corruption kind, double amount, assay_rng *rng, assay_matrix *out)
{
    const struct kind *k = &kinds[kind];
    *out = (assay_matrix){0};
    int status = assay_cloud_check(P);
    if (status)
        return status;
    if (!(amount >= 0 && amount <= k->most) || (k->counts && amount != floor(amount)))
        return assay_fail(ASSAY_EINVAL, "amount of %s must be a %snumber in 0..%g, got %g", k->name,
            k->counts ? "whole " : "", k->most, amount);
    status = k->make(k, P, amount, rng, out);
    if (status)
        assay_matrix_free(out);
    return status;
}

int assay_corrupt(
    const assay_matrix *P, assay_corruption kind, int severity, assay_rng *rng, assay_matrix *out)
{
    double amount = 0;
    *out = (assay_matrix){0};
    const int status = assay_corruption_amount(kind, severity, P->rows, &amount);
    return status ? status : assay_corrupt_by(P, kind, amount, rng, out);
}

#define MOST_POINTS 1e9

static const struct kind kinds[ASSAY_CORRUPTIONS] = {
    [ASSAY_CORRUPT_ROTATION] = {"rotation", rotate, {2.5, 5, 7.5, 10, 15}, .most = 180},
    [ASSAY_CORRUPT_SHEAR] = {"shear", shear, {0.05, 0.1, 0.15, 0.2, 0.25}, .most = 1e3},
    [ASSAY_CORRUPT_SCALE] = {"scale", scale, {0.1, 0.2, 0.3, 0.4, 0.5}, .most = 0.99},
    [ASSAY_CORRUPT_UNIFORM] = {"uniform", jitter_uniform, {0.01, 0.02, 0.03, 0.04, 0.05},
        .most = 1e3},
    [ASSAY_CORRUPT_GAUSSIAN] = {"gaussian", jitter_normal, {0.01, 0.015, 0.02, 0.025, 0.03},
        .most = 1e3},
    [ASSAY_CORRUPT_BACKGROUND] = {"background", add_background, {45, 40, 35, 30, 20},
        .shares = true, .counts = true, .most = MOST_POINTS},
    [ASSAY_CORRUPT_UPSAMPLING] = {"upsampling", add_copies, {5, 4, 3, 2, 1}, .shares = true,
        .counts = true, .most = MOST_POINTS},
    [ASSAY_CORRUPT_IMPULSE] = {"impulse", add_impulses, {30, 25, 20, 15, 10}, .shares = true,
        .counts = true, .most = MOST_POINTS},
    [ASSAY_CORRUPT_CUTOUT] = {"cutout", cut_out, {2, 3, 5, 7, 10}, .counts = true,
        .most = MOST_POINTS},
    [ASSAY_CORRUPT_DENSITY] = {"density", thin_out, {1, 2, 3, 4, 5}, .counts = true,
        .most = MOST_POINTS},
    [ASSAY_CORRUPT_DENSITY_INC] = {"density_inc", crowd, {1, 2, 3, 4, 5}, .counts = true,
        .most = ASSAY_DENSITY_INC_POINTS / ASSAY_DENSITY_POINTS},
    [ASSAY_CORRUPT_FFD] = {"ffd", bend, {0.1, 0.2, 0.3, 0.4, 0.5}, .most = 1e3},
    [ASSAY_CORRUPT_RBF] = {"rbf", pull, {0.025, 0.05, 0.075, 0.1, 0.125}, .most = 1e3},
    [ASSAY_CORRUPT_RBF_INV] = {"rbf_inv", pull, {0.025, 0.05, 0.075, 0.1, 0.125}, .most = 1e3,
        .inverse = true},
};
