/* Polygenic scores in a population of groups; see polygenic.h. */
#include "models/polygenic.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "core/topk.h"

enum { BLOCK = 128 };

extern void dposv_(const char *uplo, const int *n, const int *columns, double *a, const int *lda,
    double *b, const int *ldb, int *info, size_t);

/* People of one group: rows of genotypes, and sums over all of them. */
struct people {
    size_t n, capacity;
    double *X, *y;
    double *gram, *moment; /* X'X, lower triangle, and X'y */
    double squares;        /* y'y */
};

struct assay_polygenic {
    struct assay_polygenic_options o;
    double *fst, *h2;
    double *freq, *effect; /* groups x loci */
    assay_rng rng;
    struct people *learn, *validation, *test; /* of each group */
};

/* ---- frequencies, genotypes, expectations ---- */

int assay_balance_balding_nichols(
    size_t loci, size_t groups, const double *fst, assay_rng *rng, assay_matrix *freq)
{
    for (size_t g = 0; g < groups; g++)
        if (!(fst[g] > 0 && fst[g] < 1))
            return assay_fail(ASSAY_EINVAL,
                "polygenic_world: fst of group %zu must be greater than 0 and less than 1, got %g",
                g + 1, fst[g]);
    for (size_t l = 0; l < loci; l++) {
        const double p0 = 0.05 + 0.9 * assay_rng_uniform(rng);
        for (size_t g = 0; g < groups; g++) {
            const double spread = (1 - fst[g]) / fst[g];
            const double p = assay_rng_beta(rng, p0 * spread, (1 - p0) * spread);
            *assay_matrix_at(freq, g, l) = fmin(0.995, fmax(0.005, p));
        }
    }
    return ASSAY_OK;
}

int assay_balance_genotypes(
    const double *freq, size_t loci, size_t n, assay_rng *rng, assay_matrix *X)
{
    for (size_t l = 0; l < loci; l++)
        if (!(freq[l] >= 0 && freq[l] <= 1))
            return assay_fail(
                ASSAY_EINVAL, "genotypes: frequency %zu must be in 0..1, got %g", l + 1, freq[l]);
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < loci; l++) {
            const double u = assay_rng_uniform(rng), p = freq[l], q = 1 - p;
            *assay_matrix_at(X, i, l) = (u >= q * q) + (u >= 1 - p * p);
        }
    return ASSAY_OK;
}

int assay_prs_expected_r2(double n, double h2, double segments, bool refined, double *r2)
{
    if (!(n >= 0 && isfinite(n)))
        return assay_fail(ASSAY_EINVAL, "prs_expected_r2: n must be at least 0, got %g", n);
    if (!(h2 >= 0 && h2 <= 1))
        return assay_fail(ASSAY_EINVAL, "prs_expected_r2: h2 must be in 0..1, got %g", h2);
    if (!(segments > 0 && isfinite(segments)))
        return assay_fail(
            ASSAY_EINVAL, "prs_expected_r2: segments must be greater than 0, got %g", segments);
    const double half = n * h2 + segments;
    /* the smaller root as 2 c / (b + sqrt(b^2 - 4 a c)), which loses no digits */
    *r2 = refined
              ? 2 * n * h2 * h2 / (half + sqrt(fmax(0, half * half - 4 * segments * n * h2 * h2)))
              : h2 * n * h2 / half;
    return ASSAY_OK;
}

int assay_targeting_benefit(
    const double *score, const double *benefit, size_t n, double share, double *out)
{
    if (n == 0)
        return assay_fail(ASSAY_EINVAL, "targeting_benefit: score must have at least 1 value");
    if (!(share >= 0 && share <= 1))
        return assay_fail(ASSAY_EINVAL, "targeting_benefit: share must be in 0..1, got %g", share);
    const size_t treated = (size_t)ceil(share * (double)n - 1e-9);
    size_t *order = malloc((treated + 1) * sizeof *order);
    if (!order)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu scores", treated);
    int status = assay_topk(score, n, treated, order);
    double sum = 0;
    for (size_t i = 0; i < treated && !status; i++)
        sum += benefit[order[i]];
    free(order);
    if (!status && !isfinite(sum))
        return assay_fail(ASSAY_EINVAL, "targeting_benefit: benefit must be of finite numbers");
    *out = sum / (double)n;
    return status;
}

/* ---- the world ---- */

struct assay_polygenic_options assay_polygenic_defaults(void)
{
    return (struct assay_polygenic_options){.loci = 250,
        .causal = 60,
        .rho = 0.3,
        .others = 0.3,
        .ridge = 120,
        .threshold = 2,
        .treated = 0.2,
        .validation = 400,
        .test = 2000};
}

static int check_options(const struct assay_polygenic_options *o)
{
    if (o->groups == 0 || o->loci == 0)
        return assay_fail(ASSAY_EINVAL, "polygenic_world: groups and loci must be at least 1");
    if (o->causal > o->loci)
        return assay_fail(
            ASSAY_EINVAL, "polygenic_world: causal must be in 0..%zu, got %zu", o->loci, o->causal);
    for (size_t g = 0; g < o->groups; g++)
        if (!(o->h2[g] >= 0 && o->h2[g] < 1))
            return assay_fail(ASSAY_EINVAL,
                "polygenic_world: h2 of group %zu must be at least 0 and less than 1, got %g",
                g + 1, o->h2[g]);
    if (!(o->rho >= 0 && o->rho <= 1))
        return assay_fail(ASSAY_EINVAL, "polygenic_world: rho must be in 0..1, got %g", o->rho);
    if (!(o->others >= 0 && isfinite(o->others)))
        return assay_fail(
            ASSAY_EINVAL, "polygenic_world: others must be at least 0, got %g", o->others);
    if (!(o->ridge > 0 && isfinite(o->ridge)))
        return assay_fail(
            ASSAY_EINVAL, "polygenic_world: ridge must be greater than 0, got %g", o->ridge);
    if (!(o->treated > 0 && o->treated <= 1))
        return assay_fail(ASSAY_EINVAL,
            "polygenic_world: treated must be greater than 0 and at most 1, got %g", o->treated);
    if (o->validation < 2 || o->test < 2)
        return assay_fail(ASSAY_EINVAL,
            "polygenic_world: every group needs at least 2 people for validation and 2 for test, "
            "got %zu and %zu",
            o->validation, o->test);
    return ASSAY_OK;
}

static void draw_effects(assay_polygenic *w, assay_rng *rng, double *shared, size_t *causal)
{
    const size_t loci = w->o.loci;
    const double own = sqrt(1 - w->o.rho * w->o.rho);
    for (size_t c = 0; c < w->o.causal; c++)
        shared[c] = assay_rng_normal(rng);
    for (size_t g = 0; g < w->o.groups; g++) {
        double *beta = w->effect + g * loci, variance = 0;
        const double *p = w->freq + g * loci;
        for (size_t c = 0; c < w->o.causal; c++) {
            const size_t l = causal[c];
            beta[l] = w->o.rho * shared[c] + own * assay_rng_normal(rng);
            variance += 2 * p[l] * (1 - p[l]) * beta[l] * beta[l];
        }
        for (size_t l = 0; l < loci; l++)
            beta[l] *= sqrt(w->h2[g] / variance);
    }
}

static int draw_population(assay_polygenic *w, assay_rng *rng)
{
    const size_t loci = w->o.loci;
    assay_matrix freq = assay_matrix_view(w->freq, w->o.groups, loci);
    int status = assay_balance_balding_nichols(loci, w->o.groups, w->fst, rng, &freq);
    double *shared = malloc(loci * sizeof *shared);
    size_t *causal = malloc(loci * sizeof *causal);
    if (!status && (!shared || !causal))
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu loci", loci);
    if (!status)
        status = assay_rng_sample(rng, loci, w->o.causal, causal);
    if (!status)
        draw_effects(w, rng, shared, causal);
    free(shared);
    free(causal);
    return status;
}

int assay_polygenic_draw(
    const assay_polygenic *w, size_t g, size_t n, assay_rng *rng, assay_matrix *X, double *y)
{
    const size_t loci = w->o.loci;
    const double *p = w->freq + g * loci, *beta = w->effect + g * loci;
    const double noise = sqrt(1 - w->h2[g]);
    int status = assay_balance_genotypes(p, loci, n, rng, X);
    for (size_t i = 0; i < n && !status; i++) {
        double *row = assay_matrix_row(X, i);
        y[i] = 0;
        for (size_t l = 0; l < loci; l++) {
            row[l] -= 2 * p[l];
            y[i] += row[l] * beta[l];
            if (w->o.standardise)
                row[l] /= sqrt(2 * p[l] * (1 - p[l]));
        }
        y[i] += noise * assay_rng_normal(rng);
    }
    return status;
}

/* ---- people at hand ---- */

static int reserve(struct people *people, size_t n, size_t loci)
{
    if (n <= people->capacity)
        return ASSAY_OK;
    const size_t capacity = n < 2 * people->capacity ? 2 * people->capacity : n;
    double *X = realloc(people->X, capacity * loci * sizeof *X);
    if (X)
        people->X = X;
    double *y = realloc(people->y, capacity * sizeof *y);
    if (y)
        people->y = y;
    if (!X || !y)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu people of %zu loci", capacity, loci);
    people->capacity = capacity;
    return ASSAY_OK;
}

/* n more; person i comes from the stream's child i. */
static int add_people(
    const assay_polygenic *w, struct people *people, size_t g, const assay_rng *rng, size_t n)
{
    const size_t loci = w->o.loci;
    int status = reserve(people, people->n + n, loci);
    for (size_t i = people->n; i < people->n + n && !status; i++) {
        assay_rng own = assay_rng_split(rng, i);
        assay_matrix row = assay_matrix_view(people->X + i * loci, 1, loci);
        status = assay_polygenic_draw(w, g, 1, &own, &row, people->y + i);
    }
    if (!status)
        people->n += n;
    return status;
}

/* gram += sign X'X, moment += sign X'y over rows of X. */
static void add_products(
    double sign, const double *X, const double *y, size_t rows, size_t loci, struct people *to)
{
    if (rows == 0)
        return;
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)loci, (int)rows, sign, X, (int)loci, 1,
        to->gram, (int)loci);
    cblas_dgemv(CblasRowMajor, CblasTrans, (int)rows, (int)loci, sign, X, (int)loci, y, 1, 1,
        to->moment, 1);
    to->squares += sign * cblas_ddot((int)rows, y, 1, y, 1);
}

int assay_polygenic_collect(assay_polygenic *w, size_t g, size_t n)
{
    struct people *people = &w->learn[g];
    const size_t before = people->n;
    const assay_rng stream = assay_rng_split(&w->rng, 3 * g);
    const int status = add_people(w, people, g, &stream, n);
    if (!status)
        add_products(1, people->X + before * w->o.loci, people->y + before, n, w->o.loci, people);
    return status;
}

static int fill(assay_polygenic *w)
{
    const size_t loci = w->o.loci;
    int status = ASSAY_OK;
    for (size_t g = 0; g < w->o.groups && !status; g++) {
        const assay_rng validation = assay_rng_split(&w->rng, 3 * g + 1),
                        test = assay_rng_split(&w->rng, 3 * g + 2);
        w->learn[g].gram = calloc(loci * loci, sizeof(double));
        w->learn[g].moment = calloc(loci, sizeof(double));
        if (!w->learn[g].gram || !w->learn[g].moment)
            return assay_fail(ASSAY_ENOMEM, "no memory for %zu loci", loci);
        status = add_people(w, &w->validation[g], g, &validation, w->o.validation);
        if (!status)
            status = add_people(w, &w->test[g], g, &test, w->o.test);
    }
    return status;
}

int assay_polygenic_new(
    const struct assay_polygenic_options *options, assay_rng *rng, assay_polygenic **out)
{
    int status = check_options(options);
    const size_t groups = options->groups, loci = options->loci;
    assay_polygenic *w = status ? NULL : calloc(1, sizeof *w);
    *out = w;
    if (status)
        return status;
    if (!w)
        return assay_fail(ASSAY_ENOMEM, "no memory for a world");
    w->o = *options;
    w->o.causal = options->causal ? options->causal : loci;
    w->fst = calloc(2 * groups * (loci + 1), sizeof *w->fst);
    w->learn = calloc(3 * groups, sizeof *w->learn);
    if (!w->fst || !w->learn) {
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu groups of %zu loci", groups, loci);
    } else {
        w->h2 = w->fst + groups;
        w->freq = w->h2 + groups;
        w->effect = w->freq + groups * loci;
        w->validation = w->learn + groups;
        w->test = w->validation + groups;
        memcpy(w->fst, options->fst, groups * sizeof *w->fst);
        memcpy(w->h2, options->h2, groups * sizeof *w->h2);
        w->o.fst = w->fst;
        w->o.h2 = w->h2;
        w->rng = assay_rng_split(rng, assay_rng_u64(rng));
        assay_rng population = assay_rng_split_name(&w->rng, "population");
        status = draw_population(w, &population);
    }
    if (!status)
        status = fill(w);
    if (status) {
        assay_polygenic_free(w);
        *out = NULL;
    }
    return status;
}

void assay_polygenic_free(assay_polygenic *w)
{
    if (!w)
        return;
    for (size_t i = 0; w->learn && i < 3 * w->o.groups; i++) {
        free(w->learn[i].X);
        free(w->learn[i].y);
        free(w->learn[i].gram);
        free(w->learn[i].moment);
    }
    free(w->learn);
    free(w->fst);
    free(w);
}

size_t assay_polygenic_groups(const assay_polygenic *w)
{
    return w->o.groups;
}

size_t assay_polygenic_loci(const assay_polygenic *w)
{
    return w->o.loci;
}

size_t assay_polygenic_size(const assay_polygenic *w, size_t g)
{
    return w->learn[g].n;
}

/* ---- scores ---- */

/* Products of `size` people of a group, those of index[0..size) of a permutation: of themselves, or
 * of all less the rest, whichever are fewer. */
static void add_part(const struct people *people, const size_t *order, size_t size, double weight,
    size_t loci, double *block, struct people *to)
{
    const bool by_rest = 2 * size > people->n;
    const size_t from = by_rest ? size : 0, end = by_rest ? people->n : size;
    double y[BLOCK];
    if (by_rest) {
        cblas_daxpy((int)(loci * loci), weight, people->gram, 1, to->gram, 1);
        cblas_daxpy((int)loci, weight, people->moment, 1, to->moment, 1);
        to->squares += weight * people->squares;
    }
    for (size_t first = from; first < end; first += BLOCK) {
        const size_t rows = end - first < BLOCK ? end - first : BLOCK;
        for (size_t i = 0; i < rows; i++) {
            const size_t person = order[first + i];
            memcpy(block + i * loci, people->X + person * loci, loci * sizeof *block);
            y[i] = people->y[person];
        }
        add_products(by_rest ? -weight : weight, block, y, rows, loci, to);
    }
    to->n += size;
}

/* The effects, in place of the moments. */
static int learn_score(const struct assay_polygenic_options *o, struct people *sums)
{
    const size_t loci = o->loci;
    if (o->score == ASSAY_SCORE_RIDGE) {
        const int order = (int)loci, one = 1;
        int info = 0;
        for (size_t l = 0; l < loci; l++)
            sums->gram[l * loci + l] += o->ridge;
        /* by columns the lower triangle is the upper one */
        dposv_("U", &order, &one, sums->gram, &order, sums->moment, &order, &info, 1);
        return info ? assay_fail(ASSAY_ENONFINITE, "the ridge regression has no solution")
                    : ASSAY_OK;
    }
    const double sd = sqrt(sums->squares / fmax(1, (double)sums->n));
    for (size_t l = 0; l < loci; l++) {
        const double xx = sums->gram[l * loci + l], xy = sums->moment[l];
        const bool kept = xx > 0 && fabs(xy) >= o->threshold * sd * sqrt(xx);
        sums->moment[l] = kept ? xy / xx : 0;
    }
    return ASSAY_OK;
}

static double squared_correlation(const double *a, const double *b, size_t n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) {
        ma += a[i] / (double)n;
        mb += b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0;
}

static int judge(const struct assay_polygenic_options *o, const struct people *people,
    const double *effect, double *value)
{
    double *score = malloc(people->n * sizeof *score);
    int status = ASSAY_OK;
    if (!score)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu people", people->n);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)people->n, (int)o->loci, 1, people->X,
        (int)o->loci, effect, 1, 0, score, 1);
    if (o->measure == ASSAY_HEALTH_R2)
        *value = squared_correlation(score, people->y, people->n);
    else
        status = assay_targeting_benefit(score, people->y, people->n, o->treated, value);
    free(score);
    return status;
}

/* Sums over the parts of all groups, as group g weighs them. */
static int sum_parts(const assay_polygenic *w, size_t g, const size_t *sizes, assay_rng *rng,
    double *block, struct people *sums)
{
    for (size_t h = 0; h < w->o.groups; h++) {
        const struct people *people = &w->learn[h];
        const double weight = h == g ? 1 : w->o.others;
        if (sizes[h] == 0 || weight == 0)
            continue;
        size_t *order = malloc(people->n * sizeof *order);
        if (!order)
            return assay_fail(ASSAY_ENOMEM, "no memory for %zu people", people->n);
        if (sizes[h] < people->n)
            assay_rng_permutation(rng, people->n, order);
        add_part(people, order, sizes[h], weight, w->o.loci, block, sums);
        free(order);
    }
    return ASSAY_OK;
}

int assay_polygenic_performance(
    assay_polygenic *w, size_t g, const size_t *sizes, assay_rng *rng, bool on_test, double *value)
{
    const size_t loci = w->o.loci;
    for (size_t h = 0; h < w->o.groups; h++)
        if (sizes[h] > w->learn[h].n)
            return assay_fail(ASSAY_EINVAL,
                "the size of group %zu must be in 0..%zu, got %zu", h + 1,
                w->learn[h].n, sizes[h]);
    struct people sums = {
        .gram = calloc(loci * loci, sizeof(double)), .moment = calloc(loci, sizeof(double))};
    double *block = malloc(BLOCK * loci * sizeof *block);
    int status = ASSAY_OK;
    if (!sums.gram || !sums.moment || !block)
        status = assay_fail(ASSAY_ENOMEM, "no memory for %zu loci", loci);
    if (!status)
        status = sum_parts(w, g, sizes, rng, block, &sums);
    if (!status)
        status = learn_score(&w->o, &sums);
    if (!status)
        status = judge(&w->o, on_test ? &w->test[g] : &w->validation[g], sums.moment, value);
    free(sums.gram);
    free(sums.moment);
    free(block);
    return status;
}
