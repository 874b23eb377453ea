/* k-means; see kmeans.h. One job assigns a block of rows and adds them up for the next means: the
 * rows are read once an iteration. */
#include "core/kmeans.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance.h"
#include "core/single.h"
#include "core/status.h"

enum { LANES = 16, TILE = 128, BLOCKS = 16, MOST_ITERATIONS = 300 };

struct lloyd {
    const assay_matrix *x;
    assay_matrix *centres;
    size_t k, lanes; /* centres, and that padded to LANES */
    assay_single single;
    float *rows, *heart; /* x and the centres in single precision */
    double *norm;        /* of rows */
    float *heart_norm;   /* padded with infinity */
    double *norms;       /* of centres */
    double reach;        /* the largest of them */
    size_t *label, *block_changed;
    double *sum;   /* BLOCKS x k x d */
    size_t *count; /* BLOCKS x k */
    bool first;
};

/* The exact nearest of the centres whose value is within `slack` of the least. */
static size_t nearest(const struct lloyd *l, size_t row, const float *product)
{
    float least[LANES];
    for (size_t i = 0; i < LANES; i++)
        least[i] = INFINITY;
    for (size_t c = 0; c < l->lanes; c += LANES)
        for (size_t i = 0; i < LANES; i++) {
            const float value = l->heart_norm[c + i] + product[c + i];
            least[i] = value < least[i] ? value : least[i];
        }
    float lowest = least[0];
    for (size_t i = 1; i < LANES; i++)
        lowest = least[i] < lowest ? least[i] : lowest;
    const double slack = 2 * (l->single.error * (l->norm[row] + l->reach) + 1e-30);
    const float limit = nextafterf((float)((double)lowest + slack), INFINITY);
    const double *x = assay_matrix_row(l->x, row);
    size_t best = 0, candidates = 0;
    double best_distance = INFINITY;
    for (size_t c = 0; c < l->lanes; c += LANES) {
        int some = 0;
        for (size_t i = 0; i < LANES; i++)
            some |= l->heart_norm[c + i] + product[c + i] <= limit;
        for (size_t i = 0; some && i < LANES; i++) {
            if (!(l->heart_norm[c + i] + product[c + i] <= limit))
                continue;
            /* the first is compared only when there is a second */
            if (candidates == 1)
                best_distance =
                    assay_squared_distance(x, assay_matrix_row(l->centres, best), l->x->cols);
            if (candidates++ == 0) {
                best = c + i;
                continue;
            }
            const double squared =
                assay_squared_distance(x, assay_matrix_row(l->centres, c + i), l->x->cols);
            if (squared < best_distance) {
                best_distance = squared;
                best = c + i;
            }
        }
    }
    return best;
}

static size_t block_start(const struct lloyd *l, size_t block)
{
    return l->x->rows / BLOCKS * block +
           (block < l->x->rows % BLOCKS ? block : l->x->rows % BLOCKS);
}

static void add(const struct lloyd *l, size_t block, size_t row, size_t label)
{
    const size_t d = l->x->cols;
    const double *x = assay_matrix_row(l->x, row);
    double *sum = l->sum + (block * l->k + label) * d;
    for (size_t j = 0; j < d; j++)
        sum[j] += x[j];
    l->count[block * l->k + label]++;
}

static int assign_block(void *context, size_t block)
{
    const struct lloyd *l = context;
    const size_t d = l->x->cols, end = block_start(l, block + 1);
    float *product = malloc(TILE * l->lanes * sizeof *product);
    if (!product)
        return assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for k = %zu", l->k);
    memset(l->sum + block * l->k * d, 0, l->k * d * sizeof *l->sum);
    memset(l->count + block * l->k, 0, l->k * sizeof *l->count);
    l->block_changed[block] = 0;
    for (size_t row = block_start(l, block); row < end; row += TILE) {
        const size_t rows = end - row < TILE ? end - row : TILE;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)l->lanes, (int)d, -2,
            l->rows + row * d, (int)d, l->heart, (int)d, 0, product, (int)l->lanes);
        for (size_t i = 0; i < rows; i++) {
            const size_t label = nearest(l, row + i, product + i * l->lanes);
            l->block_changed[block] += l->first || label != l->label[row + i];
            l->label[row + i] = label;
            add(l, block, row + i, label);
        }
    }
    free(product);
    return ASSAY_OK;
}

static void convert_centres(struct lloyd *l)
{
    assay_single_convert(&l->single, l->centres, l->heart, l->norms);
    l->reach = 0;
    for (size_t c = 0; c < l->lanes; c++) {
        l->heart_norm[c] = c < l->k ? (float)l->norms[c] : INFINITY;
        if (c < l->k)
            l->reach = fmax(l->reach, l->norms[c]);
    }
}

/* Blocks are added in their order. */
static void add_up(struct lloyd *l)
{
    const size_t each = l->k * l->x->cols;
    for (size_t block = 1; block < BLOCKS; block++) {
        for (size_t i = 0; i < each; i++)
            l->sum[i] += l->sum[block * each + i];
        for (size_t c = 0; c < l->k; c++)
            l->count[c] += l->count[block * l->k + c];
    }
}

static void move(struct lloyd *l, size_t row, size_t to)
{
    const size_t from = l->label[row], d = l->x->cols;
    const double *x = assay_matrix_row(l->x, row);
    for (size_t j = 0; j < d; j++) {
        l->sum[from * d + j] -= x[j];
        l->sum[to * d + j] += x[j];
    }
    l->count[from]--;
    l->count[to]++;
    l->label[row] = to;
}

/* Each empty cluster, in order, takes the row farthest from its centre among those of clusters that
 * hold several; a row that was taken counts as at distance 0. */
static int mend(struct lloyd *l, const size_t *before, size_t *changed)
{
    double *squared = NULL;
    for (size_t c = 0; c < l->k; c++) {
        if (l->count[c] > 0)
            continue;
        if (!squared) {
            squared = malloc(l->x->rows * sizeof *squared);
            if (!squared)
                return assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for %zu rows", l->x->rows);
            for (size_t i = 0; i < l->x->rows; i++)
                squared[i] = assay_squared_distance(assay_matrix_row(l->x, i),
                    assay_matrix_row(l->centres, l->label[i]), l->x->cols);
        }
        size_t far = l->x->rows;
        for (size_t i = 0; i < l->x->rows; i++)
            if (l->count[l->label[i]] > 1 && (far == l->x->rows || squared[i] > squared[far]))
                far = i;
        move(l, far, c);
        squared[far] = 0;
    }
    if (squared) {
        *changed = 0;
        for (size_t i = 0; i < l->x->rows; i++)
            *changed += l->first || before[i] != l->label[i];
    }
    free(squared);
    return ASSAY_OK;
}

static void take_means(struct lloyd *l)
{
    const size_t d = l->x->cols;
    for (size_t c = 0; c < l->k; c++)
        for (size_t j = 0; l->count[c] > 0 && j < d; j++)
            *assay_matrix_at(l->centres, c, j) = l->sum[c * d + j] / (double)l->count[c];
}

static int iterate(
    struct lloyd *l, const struct assay_kmeans_options *o, struct assay_kmeans_result *result)
{
    const size_t most = o->max_iterations ? o->max_iterations : MOST_ITERATIONS;
    size_t *before = malloc(l->x->rows * sizeof *before);
    int status = before
                     ? ASSAY_OK
                     : assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for %zu rows", l->x->rows);
    *result = (struct assay_kmeans_result){0};
    for (l->first = true; status == ASSAY_OK && result->iterations < most; l->first = false) {
        status = assay_progress_report(o->progress, (double)result->iterations, (double)most);
        if (status != ASSAY_OK)
            break;
        memcpy(before, l->label, l->x->rows * sizeof *before);
        convert_centres(l);
        status = assay_threads_run(o->pool, BLOCKS, assign_block, l);
        if (status != ASSAY_OK)
            break;
        size_t changed = 0;
        for (size_t block = 0; block < BLOCKS; block++)
            changed += l->block_changed[block];
        add_up(l);
        if (!o->keep_empty)
            status = mend(l, before, &changed);
        if (status == ASSAY_OK && changed == 0) {
            result->converged = true;
            break;
        }
        take_means(l);
        result->iterations++;
    }
    free(before);
    return status;
}

static int check(const assay_matrix *x, size_t k)
{
    if (x->rows == 0 || x->cols == 0)
        return assay_fail(
            ASSAY_EINVAL, "kmeans: x must have rows and columns, got %zu x %zu", x->rows, x->cols);
    if (k < 1 || k > x->rows)
        return assay_fail(ASSAY_EINVAL, "kmeans: k must be in 1..%zu (rows), got %zu", x->rows, k);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "kmeans: x must be finite, row %zu, column %zu is %g", i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    return ASSAY_OK;
}

int assay_kmeans_lloyd(const assay_matrix *x, const struct assay_kmeans_options *options,
    assay_matrix *centres, size_t *label, double *squared, struct assay_kmeans_result *result)
{
    static const struct assay_kmeans_options defaults = {0};
    const struct assay_kmeans_options *o = options ? options : &defaults;
    const size_t k = centres->rows, d = x->cols, lanes = (k + LANES - 1) / LANES * LANES;
    int status = check(x, k);
    if (status != ASSAY_OK)
        return status;
    if (centres->cols != d)
        return assay_fail(ASSAY_EINVAL, "kmeans: centres must have the %zu columns of x, got %zu",
            d, centres->cols);
    for (size_t c = 0; c < k; c++)
        for (size_t j = 0; j < d; j++)
            if (!isfinite(*assay_matrix_at(centres, c, j)))
                return assay_fail(ASSAY_EINVAL,
                    "kmeans: centres must be finite, row %zu, column %zu is %g", c + 1, j + 1,
                    *assay_matrix_at(centres, c, j));
    size_t block_changed[BLOCKS];
    struct lloyd l = {.x = x,
        .centres = centres,
        .k = k,
        .lanes = lanes,
        .label = label,
        .block_changed = block_changed};
    status = assay_single_new(x, centres, &l.single);
    l.rows = calloc(x->rows, d * sizeof *l.rows);
    l.heart = calloc(lanes, d * sizeof *l.heart);
    l.norm = calloc(x->rows, sizeof *l.norm);
    l.norms = calloc(k, sizeof *l.norms);
    l.heart_norm = calloc(lanes, sizeof *l.heart_norm);
    l.sum = calloc(BLOCKS * k, d * sizeof *l.sum);
    l.count = calloc(BLOCKS * k, sizeof *l.count);
    if (status == ASSAY_OK &&
        (!l.rows || !l.heart || !l.norm || !l.norms || !l.heart_norm || !l.sum || !l.count))
        status = assay_fail(
            ASSAY_ENOMEM, "kmeans: out of memory for %zu x %zu numbers and k = %zu", x->rows, d, k);
    if (status == ASSAY_OK) {
        memset(label, 0, x->rows * sizeof *label);
        assay_single_convert(&l.single, x, l.rows, l.norm);
        status = iterate(&l, o, result);
    }
    for (size_t i = 0; i < x->rows && status == ASSAY_OK; i++) {
        const double own =
            assay_squared_distance(assay_matrix_row(x, i), assay_matrix_row(centres, label[i]), d);
        result->inertia += own;
        if (squared)
            squared[i] = own;
    }
    assay_single_free(&l.single);
    free(l.rows);
    free(l.heart);
    free(l.norm);
    free(l.norms);
    free(l.heart_norm);
    free(l.sum);
    free(l.count);
    return status;
}

/* squared[i] = the lesser of itself and the distance of row i from row `chosen`, four rows at once,
 * as each row's sum waits for its last addition. Chosen rows are below 0. Returns the sum. */
static double draw_near(const assay_matrix *x, size_t chosen, double *squared)
{
    const double *centre = assay_matrix_row(x, chosen);
    double total = 0;
    for (size_t i = 0; i < x->rows; i += 4) {
        const double *row[4];
        double sum[4] = {0};
        for (size_t r = 0; r < 4; r++)
            row[r] = assay_matrix_row(x, i + r < x->rows ? i + r : i);
        for (size_t j = 0; j < x->cols; j++)
            for (size_t r = 0; r < 4; r++)
                sum[r] += (row[r][j] - centre[j]) * (row[r][j] - centre[j]);
        for (size_t r = 0; r < 4 && i + r < x->rows; r++) {
            squared[i + r] = sum[r] < squared[i + r] ? sum[r] : squared[i + r];
            if (i + r == chosen)
                squared[i + r] = -1;
            total += squared[i + r] > 0 ? squared[i + r] : 0;
        }
    }
    return total;
}

static size_t draw_row(const double *squared, size_t n, double sum, double draw)
{
    const double goal = draw * sum;
    double passed = 0;
    size_t chosen = n;
    for (size_t i = 0; i < n && !(passed > goal); i++) {
        if (squared[i] < 0 || (squared[i] == 0 && chosen < n))
            continue;
        if (squared[i] > 0 || chosen == n)
            chosen = i;
        passed += squared[i];
    }
    return chosen;
}

int assay_kmeans_pp(const assay_matrix *x, size_t k, const double *draws, size_t *index)
{
    int status = check(x, k);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < k; i++)
        if (!(draws[i] >= 0 && draws[i] < 1))
            return assay_fail(
                ASSAY_EINVAL, "kmeans: draws must be in [0, 1), draw %zu is %g", i + 1, draws[i]);
    double *squared = malloc(x->rows * sizeof *squared);
    if (!squared)
        return assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for %zu rows", x->rows);
    for (size_t i = 0; i < x->rows; i++)
        squared[i] = INFINITY;
    index[0] = (size_t)(draws[0] * (double)x->rows);
    for (size_t c = 1; c < k; c++)
        index[c] = draw_row(squared, x->rows, draw_near(x, index[c - 1], squared), draws[c]);
    free(squared);
    return ASSAY_OK;
}

static int run_once(const assay_matrix *x, const struct assay_kmeans_options *o, assay_rng *rng,
    assay_matrix *centres, size_t *label, double *squared, struct assay_kmeans_result *result)
{
    double *draws = malloc(centres->rows * sizeof *draws);
    size_t *index = malloc(centres->rows * sizeof *index);
    int status;
    if (draws && index) {
        for (size_t c = 0; c < centres->rows; c++)
            draws[c] = assay_rng_uniform(rng);
        status = assay_kmeans_pp(x, centres->rows, draws, index);
    } else {
        status = assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for k = %zu", centres->rows);
    }
    for (size_t c = 0; c < centres->rows && status == ASSAY_OK; c++)
        memcpy(
            assay_matrix_row(centres, c), assay_matrix_row(x, index[c]), x->cols * sizeof(double));
    if (status == ASSAY_OK)
        status = assay_kmeans_lloyd(x, o, centres, label, squared, result);
    free(draws);
    free(index);
    return status;
}

int assay_kmeans(const assay_matrix *x, const struct assay_kmeans_options *options, assay_rng *rng,
    assay_matrix *centres, size_t *label, double *squared, struct assay_kmeans_result *result)
{
    const size_t restarts = options && options->restarts ? options->restarts : 1;
    int status = check(x, centres->rows);
    if (status != ASSAY_OK)
        return status;
    if (centres->cols != x->cols)
        return assay_fail(ASSAY_EINVAL, "kmeans: centres must have the %zu columns of x, got %zu",
            x->cols, centres->cols);
    status = run_once(x, options, rng, centres, label, squared, result);
    if (restarts == 1 || status != ASSAY_OK)
        return status;
    assay_matrix other = {0};
    struct assay_kmeans_result latest;
    size_t *other_label = malloc(x->rows * sizeof *other_label);
    double *other_squared = malloc(x->rows * sizeof *other_squared);
    status = assay_matrix_alloc(centres->rows, centres->cols, &other);
    if (status == ASSAY_OK && (!other_label || !other_squared))
        status = assay_fail(ASSAY_ENOMEM, "kmeans: out of memory for %zu rows", x->rows);
    for (size_t i = 1; i < restarts && status == ASSAY_OK; i++) {
        status = run_once(x, options, rng, &other, other_label, other_squared, &latest);
        if (status != ASSAY_OK || latest.inertia >= result->inertia)
            continue;
        *result = latest;
        status = assay_matrix_copy(&other, centres);
        memcpy(label, other_label, x->rows * sizeof *label);
        if (squared)
            memcpy(squared, other_squared, x->rows * sizeof *squared);
    }
    assay_matrix_free(&other);
    free(other_label);
    free(other_squared);
    return status;
}
