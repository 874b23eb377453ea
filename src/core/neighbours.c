/* Nearest neighbours; see neighbours.h. Both ways fill the same list of the k best of a query,
 * whose worst is at hand, so that one comparison tells whether a row comes in: few stand in order,
 * since moving some of them is cheaper than a heap's guesses at its children; many are a heap, with
 * the worst as its root. */
#include "core/neighbours.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance.h"
#include "core/kdtree.h"
#include "core/panel.h"
#include "core/single.h"
#include "core/status.h"

/* QUERIES is a multiple of ASSAY_PANEL_QUERIES. */
enum { QUERIES = 120, ROUND = 64, IN_ORDER = 48 /* the largest k without a heap; measured */ };

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
    const assay_panel_kernels *kernels;
    /* trees */
    const assay_kdtree *tree, *queries; /* of the data; of the queries, which may be the same */
    const size_t *leaf;                 /* nodes of that */
    size_t leaves;
    /* blocks */
    const float *query_float, *panel;    /* centred and scaled; panels times -2 */
    const float *query_norm, *data_norm; /* those of what is padded are infinite */
    double scale;                        /* a power of two */
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

static size_t padded(size_t rows, size_t unit)
{
    return (rows + unit - 1) / unit * unit;
}

/* The position of the lowest bit of some. */
static size_t lowest(uint32_t bits)
{
    return (size_t)__builtin_ctz(bits);
}

/* k places that every row beats. */
static void clear(struct near *best, size_t k)
{
    for (size_t i = 0; i < k; i++)
        best[i] = (struct near){INFINITY, SIZE_MAX};
}

/* The squared distance of the worst of the k. */
static double worst_of(const struct near *best, size_t k)
{
    return best[k <= IN_ORDER ? k - 1 : 0].squared;
}

static void offer(struct near *best, size_t k, double squared, size_t row)
{
    const struct near new = {squared, row};
    size_t at = k <= IN_ORDER ? k - 1 : 0;
    if (!worse(&best[at], &new))
        return;
    if (k > IN_ORDER) {
        best[0] = new;
        sift_down(best, k, 0);
        return;
    }
    for (; at > 0 && worse(&best[at - 1], &new); at--)
        best[at] = best[at - 1];
    best[at] = new;
}

/* The k best in order, as the answer. */
static void keep(const struct search *s, struct near *heap, size_t query)
{
    for (size_t size = s->k > IN_ORDER ? s->k : 0; size-- > 1;) {
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

/* In trees: the queries of a leaf go down together, since what is near one is near the others. */

struct group {
    const double *points; /* cols x count */
    const size_t *row;    /* of the queries */
    size_t count, own;    /* the leaf of the data that was met first, or SIZE_MAX */
    const double *box;
    struct near *heap;
    double worst[ASSAY_PANEL]; /* of the k best so far of each */
    double most;               /* of these */
};

/* Compare those that the leaf may have something for. */
static void meet(const struct search *s, struct group *g, size_t leaf)
{
    const assay_kdtree *tree = s->tree;
    const assay_kdtree_node *node = &tree->node[leaf];
    double squared[ASSAY_PANEL];
    uint32_t some = s->kernels->reach(
        g->points, g->count, tree->cols, tree->box + 2 * tree->cols * leaf, g->worst);
    for (; some; some &= some - 1) {
        const size_t i = lowest(some), query = g->row[i];
        struct near *heap = g->heap + i * s->k;
        uint32_t near = s->kernels->leaf(assay_kdtree_points(tree, node), node->count, tree->cols,
            assay_matrix_row(s->query, query), g->worst[i], squared);
        for (; near; near &= near - 1) {
            const size_t l = lowest(near), row = tree->order[node->first + l];
            if (!(s->exclude_self && row == query))
                offer(heap, s->k, squared[l], row);
        }
        g->worst[i] = worst_of(heap, s->k);
    }
    g->most = 0;
    for (size_t i = 0; i < g->count; i++)
        g->most = g->worst[i] > g->most ? g->worst[i] : g->most;
}

static void visit(const struct search *s, struct group *g, size_t at, double squared)
{
    const size_t left = s->tree->node[at].left;
    if (squared > g->most)
        return;
    if (left == 0) {
        if (at != g->own)
            meet(s, g, at);
        return;
    }
    const double near = assay_kdtree_boxes(s->tree, left, g->box);
    const double far = assay_kdtree_boxes(s->tree, left + 1, g->box);
    const size_t second = far < near;
    visit(s, g, left + second, second ? far : near);
    visit(s, g, left + !second, second ? near : far);
}

static void search_leaf(const struct search *s, size_t leaf, struct near *heap)
{
    const assay_kdtree *queries = s->queries;
    const assay_kdtree_node *node = &queries->node[leaf];
    struct group g = {.points = assay_kdtree_points(queries, node),
        .row = queries->order + node->first,
        .count = node->count,
        .own = SIZE_MAX,
        .box = queries->box + 2 * queries->cols * leaf,
        .heap = heap,
        .most = INFINITY};
    for (size_t i = 0; i < ASSAY_PANEL; i++)
        g.worst[i] = INFINITY;
    clear(heap, g.count * s->k);
    if (queries == s->tree) {
        meet(s, &g, leaf);
        g.own = leaf;
    }
    visit(s, &g, 0, 0);
    for (size_t i = 0; i < g.count; i++)
        keep(s, heap + i * s->k, g.row[i]);
}

enum { LEAVES = 4 }; /* of a job */

static int search_tree(void *context, size_t job)
{
    const struct search *s = context;
    struct near *heap = malloc(ASSAY_PANEL * s->k * sizeof *heap);
    if (!heap)
        return assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for k = %zu", s->k);
    const size_t first = (s->first + job) * LEAVES;
    for (size_t i = first; i < first + LEAVES && i < s->leaves; i++)
        search_leaf(s, s->leaf[i], heap);
    free(heap);
    return ASSAY_OK;
}

/* By blocks. */

/* What (1 - error) |x|^2 - 2 q.x may not exceed for a row to be looked at; see single.h. */
static float limit(const struct search *s, const struct near *heap, size_t query)
{
    const double squared = worst_of(heap, s->k) * s->scale * s->scale;
    return nextafterf((float)(squared - (double)s->query_norm[query]), INFINITY);
}

/* Compare a query with those rows from `first` on whose bits are set. */
static void look(
    const struct search *s, size_t query, size_t first, uint32_t near, struct near *heap)
{
    const double *point = assay_matrix_row(s->query, query);
    for (; near; near &= near - 1) {
        const size_t row = first + lowest(near);
        if (row < s->data->rows && !(s->exclude_self && row == query))
            offer(heap, s->k,
                assay_squared_distance(point, assay_matrix_row(s->data, row), s->data->cols), row);
    }
}

static int search_blocks(void *context, size_t job)
{
    const struct search *s = context;
    const size_t cols = s->data->cols, first = (s->first + job) * QUERIES;
    const size_t left = s->query->rows - first, count = left < QUERIES ? left : QUERIES;
    struct near *heap = malloc(count * s->k * sizeof *heap);
    float most[QUERIES];
    uint32_t near[QUERIES];
    if (!heap)
        return assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for k = %zu", s->k);
    clear(heap, count * s->k);
    for (size_t i = 0; i < QUERIES; i++)
        most[i] = i < count ? INFINITY : -INFINITY;
    const size_t some = padded(count, ASSAY_PANEL_QUERIES);
    for (size_t row = 0; row < s->data->rows; row += ASSAY_PANEL) {
        s->kernels->compare(s->query_float + first * cols, some, cols, s->panel + row * cols,
            s->data_norm + row, most, near);
        for (size_t i = 0; i < count; i++) {
            if (near[i] == 0)
                continue;
            look(s, first + i, row, near[i], heap + i * s->k);
            most[i] = limit(s, heap + i * s->k, first + i);
        }
    }
    for (size_t i = 0; i < count; i++)
        keep(s, heap + i * s->k, first + i);
    free(heap);
    return ASSAY_OK;
}

/* Jobs in rounds, between which progress is told. */
static int search(
    struct search *s, assay_job *job, size_t jobs, const struct assay_neighbours_options *o)
{
    for (s->first = 0; s->first < jobs; s->first += ROUND) {
        int status = assay_progress_report(o->progress, (double)s->first, (double)jobs);
        if (status != ASSAY_OK)
            return status;
        const size_t left = jobs - s->first;
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
    assay_kdtree *tree = NULL, *queries = NULL;
    const bool same = is_same(s->query, s->data);
    size_t *leaf = malloc(s->query->rows * sizeof *leaf + 1);
    int status =
        leaf ? assay_kdtree_new(s->data, ASSAY_PANEL, &tree)
             : assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for %zu rows", s->query->rows);
    if (status == ASSAY_OK && !same && s->query->rows > 0)
        status = assay_kdtree_new(s->query, ASSAY_PANEL, &queries);
    s->tree = tree;
    s->queries = same ? tree : queries;
    s->leaf = leaf;
    for (size_t i = 0; status == ASSAY_OK && s->queries && i < s->queries->nodes; i++)
        if (s->queries->node[i].left == 0)
            leaf[s->leaves++] = i;
    if (status == ASSAY_OK)
        status = search(s, search_tree, (s->leaves + LEAVES - 1) / LEAVES, o);
    assay_kdtree_free(tree);
    assay_kdtree_free(queries);
    free(leaf);
    return status;
}

/* (1 - error) |x|^2, so that adding -2 q.x gives a lower bound; infinite for what is padded. */
static void lower_norms(
    const assay_single *single, const double *norm, size_t rows, size_t room, float *lower)
{
    for (size_t i = 0; i < rows; i++)
        lower[i] = (float)(norm[i] * (1 - single->error)) - 1e-30f;
    for (size_t i = rows; i < room; i++)
        lower[i] = INFINITY;
}

/* Rows in single precision, as floats [room, cols] with zeros behind the last, and their norms. */
static int convert(
    const assay_single *single, const assay_matrix *x, size_t room, float **floats, float **lower)
{
    double *norm = malloc(x->rows * sizeof *norm);
    *floats = calloc(room, x->cols * sizeof **floats);
    *lower = malloc(room * sizeof **lower);
    const bool there = norm && *floats && *lower;
    if (there) {
        assay_single_convert(single, x, *floats, norm);
        lower_norms(single, norm, x->rows, room, *lower);
    }
    free(norm);
    return there ? ASSAY_OK
                 : assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for %zu x %zu numbers", room,
                       x->cols);
}

static int with_blocks(struct search *s, const struct assay_neighbours_options *o)
{
    const size_t cols = s->data->cols;
    const bool same = is_same(s->query, s->data);
    const size_t rows = padded(s->data->rows, ASSAY_PANEL * ASSAY_PANEL_QUERIES);
    const size_t queries = padded(s->query->rows, ASSAY_PANEL_QUERIES);
    float *data = NULL, *lower = NULL, *query = NULL, *query_lower = NULL;
    float *panel = malloc(rows * cols * sizeof *panel);
    assay_single single;
    int status = assay_single_new(s->data, same ? NULL : s->query, &single);
    if (status == ASSAY_OK)
        status = convert(&single, s->data, rows, &data, &lower);
    if (status == ASSAY_OK && !same)
        status = convert(&single, s->query, queries, &query, &query_lower);
    if (status == ASSAY_OK && !panel)
        status =
            assay_fail(ASSAY_ENOMEM, "neighbours: out of memory for %zu x %zu numbers", rows, cols);
    if (status == ASSAY_OK) {
        assay_panel_pack(data, s->data->rows, cols, -2, panel);
        s->scale = single.scale;
        s->panel = panel;
        s->data_norm = lower;
        s->query_float = same ? data : query;
        s->query_norm = same ? lower : query_lower;
        status = search(s, search_blocks, (s->query->rows + QUERIES - 1) / QUERIES, o);
    }
    assay_single_free(&single);
    free(data);
    free(lower);
    free(query);
    free(query_lower);
    free(panel);
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
        .squared = squared,
        .kernels = assay_panel_kernels_for(SIZE_MAX)};
    const bool tree = o->method == ASSAY_NEIGHBOURS_TREE ||
                      (o->method == ASSAY_NEIGHBOURS_AUTO && prefers_tree(data));
    return tree ? with_tree(&s, o) : with_blocks(&s, o);
}
