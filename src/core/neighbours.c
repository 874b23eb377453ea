/* Nearest neighbours; see neighbours.h. Both ways fill the same heap of the k best of a query,
 * whose root is the worst of them, so that one comparison tells whether a row comes in. */
#include "core/neighbours.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance.h"
#include "core/kdtree.h"
#include "core/single.h"
#include "core/status.h"

enum { QUERIES = 128, ROWS = 1024, LANES = 32, LEAF = 16, ROUND = 64 };

struct near {
    double squared;
    size_t row;
};

struct search {
    const assay_matrix *query, *data;
    size_t k;
    bool exclude_self;
    size_t *index;
    double *squared;
    size_t first; /* block of this round */
    /* tree */
    const assay_kdtree *tree;
    const size_t *order; /* of the queries; NULL: as they come */
    /* blocks */
    const float *query_float, *data_float; /* centred and scaled, padded to LANES rows */
    const float *query_norm, *data_norm;   /* those of what is padded are infinite */
    double scale;                          /* a power of two */
};

static bool worse(const struct near *a, const struct near *b)
{
    return a->squared > b->squared || (a->squared == b->squared && a->row > b->row);
}

static void sift_down(struct near *heap, size_t size, size_t at)
{
    const struct near moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && worse(&heap[child + 1], &heap[child]))
            child++;
        if (!worse(&heap[child], &moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* k places that every row beats. */
static void clear(struct near *heap, size_t k)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = (struct near){INFINITY, SIZE_MAX};
}

static void offer(struct near *heap, size_t k, double squared, size_t row)
{
    const struct near new = {squared, row};
    if (!worse(&heap[0], &new))
        return;
    heap[0] = new;
    sift_down(heap, k, 0);
}

static void keep(const struct search *s, struct near *heap, size_t query)
{
    for (size_t size = s->k; size-- > 1;) {
        const struct near worst = heap[0];
        heap[0] = heap[size];
        heap[size] = worst;
        sift_down(heap, size, 0);
    }
    for (size_t j = 0; j < s->k; j++) {
        s->index[query * s->k + j] = heap[j].row;
        if (s->squared)
            s->squared[query * s->k + j] = heap[j].squared;
    }
}

/* In a tree. */

static void visit(const struct search *s, size_t at, double box, const double *point, size_t self,
    struct near *heap)
{
    if (box > heap[0].squared)
        return;
    const assay_kdtree_node *node = &s->tree->node[at];
    if (node->left == 0) {
        double squared[LEAF];
        assay_kdtree_leaf(s->tree, node, point, squared);
        for (size_t i = 0; i < node->count; i++)
            if (squared[i] <= heap[0].squared && s->tree->order[node->first + i] != self)
                offer(heap, s->k, squared[i], s->tree->order[node->first + i]);
        return;
    }
    const double left = assay_kdtree_box(s->tree, node->left, point);
    const double right = assay_kdtree_box(s->tree, node->left + 1, point);
    const size_t near = right < left;
    visit(s, node->left + near, near ? right : left, point, self, heap);
    visit(s, node->left + !near, near ? left : right, point, self, heap);
}

static int search_tree(void *context, size_t job)
{
    const struct search *s = context;
    struct near *heap = malloc(s->k * sizeof *heap);
    if (!heap)
        return assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for k = %zu", s->k);
    const size_t first = (s->first + job) * QUERIES;
    for (size_t i = first; i < first + QUERIES && i < s->query->rows; i++) {
        const size_t query = s->order ? s->order[i] : i;
        clear(heap, s->k);
        visit(s, 0, 0, assay_matrix_row(s->query, query), s->exclude_self ? query : SIZE_MAX, heap);
        keep(s, heap, query);
    }
    free(heap);
    return ASSAY_OK;
}

/* By blocks. */

/* What (1 - error) |x|^2 - 2 q.x may not exceed for a row to be looked at; see single.h. */
static float limit(const struct search *s, const struct near *heap, size_t query)
{
    const double squared = heap[0].squared * s->scale * s->scale;
    return nextafterf((float)(squared - (double)s->query_norm[query]), INFINITY);
}

static void look(const struct search *s, const float *product, size_t query, size_t first,
    size_t count, struct near *heap)
{
    const double *point = assay_matrix_row(s->query, query);
    const float *norm = s->data_norm + first;
    float most = limit(s, heap, query);
    for (size_t i = 0; i < count; i += LANES) {
        int some = 0;
        for (size_t l = 0; l < LANES; l++)
            some |= norm[i + l] + product[i + l] <= most;
        if (!some)
            continue;
        for (size_t l = 0; l < LANES; l++) {
            const size_t row = first + i + l;
            if (!(norm[i + l] + product[i + l] <= most) || (s->exclude_self && row == query))
                continue;
            offer(heap, s->k,
                assay_squared_distance(point, assay_matrix_row(s->data, row), s->data->cols), row);
            most = limit(s, heap, query);
        }
    }
}

static size_t padded(size_t rows)
{
    return (rows + LANES - 1) / LANES * LANES;
}

static int search_blocks(void *context, size_t job)
{
    const struct search *s = context;
    const size_t cols = s->data->cols, first = (s->first + job) * QUERIES;
    const size_t left = s->query->rows - first, count = left < QUERIES ? left : QUERIES;
    struct near *heap = malloc(count * s->k * sizeof *heap);
    float *product = malloc((size_t)QUERIES * ROWS * sizeof *product);
    if (!heap || !product) {
        free(heap);
        free(product);
        return assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for k = %zu", s->k);
    }
    clear(heap, count * s->k);
    const size_t rows = padded(s->data->rows);
    for (size_t row = 0; row < rows; row += ROWS) {
        const size_t block = rows - row < ROWS ? rows - row : ROWS;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)block, (int)cols, -2,
            s->query_float + first * cols, (int)cols, s->data_float + row * cols, (int)cols, 0,
            product, ROWS);
        for (size_t i = 0; i < count; i++)
            look(s, product + i * ROWS, first + i, row, block, heap + i * s->k);
    }
    for (size_t i = 0; i < count; i++)
        keep(s, heap + i * s->k, first + i);
    free(heap);
    free(product);
    return ASSAY_OK;
}

/* Jobs in rounds, between which progress is told. */
static int search(struct search *s, assay_job *job, const struct assay_neighbours_options *o)
{
    const size_t blocks = (s->query->rows + QUERIES - 1) / QUERIES;
    for (s->first = 0; s->first < blocks; s->first += ROUND) {
        int status = assay_progress_report(o->progress, (double)s->first, (double)blocks);
        if (status != ASSAY_OK)
            return status;
        const size_t left = blocks - s->first;
        status = assay_threads_run(o->pool, left < ROUND ? left : ROUND, job, s);
        if (status != ASSAY_OK)
            return status;
    }
    return ASSAY_OK;
}

static bool is_same(const assay_matrix *a, const assay_matrix *b)
{
    return a->data == b->data && a->rows == b->rows && a->stride == b->stride;
}

static int with_tree(struct search *s, const struct assay_neighbours_options *o)
{
    assay_kdtree *tree;
    int status = assay_kdtree_new(s->data, LEAF, &tree);
    if (status != ASSAY_OK)
        return status;
    s->tree = tree;
    s->order = is_same(s->query, s->data) ? tree->order : NULL; /* what is near comes in a row */
    status = search(s, search_tree, o);
    assay_kdtree_free(tree);
    return status;
}

/* (1 - error) |x|^2, so that adding -2 q.x gives a lower bound; infinite for what is padded. */
static void lower_norms(const assay_single *single, const double *norm, size_t rows, float *lower)
{
    for (size_t i = 0; i < rows; i++)
        lower[i] = (float)(norm[i] * (1 - single->error)) - 1e-30f;
    for (size_t i = rows; i < padded(rows); i++)
        lower[i] = INFINITY;
}

static int with_blocks(struct search *s, const struct assay_neighbours_options *o)
{
    const size_t cols = s->data->cols;
    const bool same = is_same(s->query, s->data);
    const size_t rows = padded(s->data->rows), queries = same ? 0 : padded(s->query->rows);
    assay_single single;
    float *converted = calloc(rows + queries, cols * sizeof *converted);
    float *lower = calloc(rows + queries, sizeof *lower);
    double *norm = calloc(rows + queries, sizeof *norm);
    int status = assay_single_new(s->data, same ? NULL : s->query, &single);
    if (status == ASSAY_OK && (!converted || !lower || !norm))
        status = assay_fail(
            ASSAY_ENOMEM, "neighbours: out of memory for %zu x %zu numbers", rows + queries, cols);
    if (status != ASSAY_OK)
        goto cleanup;
    s->scale = single.scale;
    assay_single_convert(&single, s->data, converted, norm);
    lower_norms(&single, norm, s->data->rows, lower);
    s->data_float = s->query_float = converted;
    s->data_norm = s->query_norm = lower;
    if (!same) {
        assay_single_convert(&single, s->query, converted + rows * cols, norm + rows);
        lower_norms(&single, norm + rows, s->query->rows, lower + rows);
        s->query_float = converted + rows * cols;
        s->query_norm = lower + rows;
    }
    status = search(s, search_blocks, o);
cleanup:
    assay_single_free(&single);
    free(converted);
    free(lower);
    free(norm);
    return status;
}

static int check_finite(const assay_matrix *x, const char *name)
{
    for (size_t i = 0; i < x->rows; i++)
        for (size_t j = 0; j < x->cols; j++)
            if (!isfinite(*assay_matrix_at(x, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "neighbours: %s must be finite, row %zu, column %zu is %g", name, i + 1, j + 1,
                    *assay_matrix_at(x, i, j));
    return ASSAY_OK;
}

/* Whether boxes of the tree are small enough to keep most rows out; measured where both take
 * equally long, at 2,000 to 100,000 rows. */
static bool prefers_tree(const assay_matrix *data)
{
    return data->cols < 32 && pow(4, (double)data->cols) <= (double)data->rows;
}

int assay_neighbours(const assay_matrix *query, const assay_matrix *data, size_t k,
    const struct assay_neighbours_options *options, size_t *index, double *squared)
{
    static const struct assay_neighbours_options defaults = {0};
    const struct assay_neighbours_options *o = options ? options : &defaults;
    const size_t others = data->rows - (o->exclude_self && data->rows > 0);
    if (query->cols != data->cols || data->cols == 0)
        return assay_fail(ASSAY_EINVAL,
            "neighbours: query and data must have the same columns, got %zu and %zu", query->cols,
            data->cols);
    if (o->exclude_self && query->rows != data->rows)
        return assay_fail(ASSAY_EINVAL,
            "neighbours: with exclude_self query must be the data, got %zu rows and %zu",
            query->rows, data->rows);
    if (k < 1 || k > others)
        return assay_fail(ASSAY_EINVAL, "neighbours: k must be in 1..%zu, got %zu", others, k);
    int status = check_finite(data, "data");
    if (status == ASSAY_OK && !is_same(query, data))
        status = check_finite(query, "query");
    if (status != ASSAY_OK)
        return status;
    struct search s = {.query = query,
        .data = data,
        .k = k,
        .exclude_self = o->exclude_self,
        .index = index,
        .squared = squared};
    const bool tree = o->method == ASSAY_NEIGHBOURS_TREE ||
                      (o->method == ASSAY_NEIGHBOURS_AUTO && prefers_tree(data));
    return tree ? with_tree(&s, o) : with_blocks(&s, o);
}
