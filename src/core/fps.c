/* Farthest points; see fps.h. A chosen row's distance is CHOSEN, below that of its copies, so that
 * it is never chosen again while they can be. */
#include "core/fps.h"

#include <math.h>
#include <stdlib.h>

#include "core/kdtree.h"
#include "core/status.h"

enum { LEAF = 24, STEP = 256 };
static const double CHOSEN = -1;

struct farthest {
    double squared;
    size_t at; /* place in the tree's order */
};

struct sampler {
    const assay_kdtree *tree;
    double *squared;       /* to the nearest chosen, in the tree's order */
    struct farthest *best; /* of each node */
    const double *point;   /* the last chosen */
    size_t row;            /* its row */
};

static struct farthest farther(const assay_kdtree *tree, struct farthest a, struct farthest b)
{
    if (a.squared != b.squared)
        return a.squared > b.squared ? a : b;
    return tree->order[a.at] < tree->order[b.at] ? a : b;
}

static void update_leaf(struct sampler *s, const assay_kdtree_node *node, struct farthest *best)
{
    double new[LEAF];
    assay_kdtree_leaf(s->tree, node, s->point, new);
    double *squared = s->squared + node->first;
    *best = (struct farthest){CHOSEN, node->first};
    for (size_t i = 0; i < node->count; i++) {
        squared[i] = new[i] < squared[i] ? new[i] : squared[i];
        if (s->tree->order[node->first + i] == s->row)
            squared[i] = CHOSEN;
        if (squared[i] >= best->squared)
            *best = farther(s->tree, *best, (struct farthest){squared[i], node->first + i});
    }
}

static void update(struct sampler *s, size_t index)
{
    struct farthest *best = &s->best[index];
    if (assay_kdtree_box(s->tree, index, s->point) > best->squared)
        return;
    const assay_kdtree_node *node = &s->tree->node[index];
    if (node->left == 0) {
        update_leaf(s, node, best);
        return;
    }
    update(s, node->left);
    update(s, node->left + 1);
    *best = farther(s->tree, s->best[node->left], s->best[node->left + 1]);
}

static int sample(struct sampler *s, const assay_matrix *points, size_t m, size_t start,
    const assay_progress *progress, size_t *index, double *radius)
{
    size_t row = start;
    for (size_t i = 0; i < m; i++) {
        if (i % STEP == 0) {
            const int status = assay_progress_report(progress, (double)i, (double)m);
            if (status != ASSAY_OK)
                return status;
        }
        index[i] = s->row = row;
        s->point = assay_matrix_row(points, row);
        update(s, 0);
        row = s->tree->order[s->best[0].at];
        if (radius)
            radius[i] = s->best[0].squared > 0 ? sqrt(s->best[0].squared) : 0;
    }
    return ASSAY_OK;
}

static int check(const assay_matrix *points, size_t m, size_t start)
{
    if (m < 1 || m > points->rows)
        return assay_fail(
            ASSAY_EINVAL, "fps: m must be in 1..%zu (points), got %zu", points->rows, m);
    if (start >= points->rows)
        return assay_fail(ASSAY_EINVAL, "fps: start must be in 1..%zu (points), got %zu",
            points->rows, start + 1);
    for (size_t i = 0; i < points->rows; i++)
        for (size_t j = 0; j < points->cols; j++)
            if (!isfinite(*assay_matrix_at(points, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "fps: points must be finite, row %zu, column %zu is %g", i + 1, j + 1,
                    *assay_matrix_at(points, i, j));
    return ASSAY_OK;
}

/* All rows of points take part. */
static int run(const assay_matrix *points, size_t m, size_t start, const assay_progress *progress,
    size_t *index, double *radius)
{
    assay_kdtree *tree;
    int status = assay_kdtree_new(points, LEAF, &tree);
    if (status != ASSAY_OK)
        return status;
    struct sampler s = {.tree = tree,
        .squared = malloc(points->rows * sizeof *s.squared),
        .best = malloc(tree->nodes * sizeof *s.best)};
    if (!s.squared || !s.best) {
        status = assay_fail(ASSAY_ENOMEM, "fps: out of memory for %zu points", points->rows);
        goto cleanup;
    }
    for (size_t i = 0; i < points->rows; i++)
        s.squared[i] = INFINITY;
    for (size_t i = 0; i < tree->nodes; i++)
        s.best[i] = (struct farthest){INFINITY, tree->node[i].first};
    status = sample(&s, points, m, start, progress, index, radius);
cleanup:
    free(s.squared);
    free(s.best);
    assay_kdtree_free(tree);
    return status;
}

static int run_kept(const assay_matrix *points, size_t m, size_t start, const unsigned char *keep,
    const assay_progress *progress, size_t *index, double *radius)
{
    size_t *row = malloc(points->rows * sizeof *row), kept = 0, first = 0;
    assay_matrix part = {0};
    int status;
    if (!row)
        return assay_fail(ASSAY_ENOMEM, "fps: out of memory for %zu points", points->rows);
    for (size_t i = 0; i < points->rows; i++)
        if (keep[i]) {
            if (i == start)
                first = kept;
            row[kept++] = i;
        }
    if (m > kept) {
        status = assay_fail(
            ASSAY_EINVAL, "fps: m must be in 1..%zu (points that are kept), got %zu", kept, m);
        goto cleanup;
    }
    if (!keep[start]) {
        status =
            assay_fail(ASSAY_EINVAL, "fps: start must be a point that is kept, got %zu", start + 1);
        goto cleanup;
    }
    status = assay_matrix_gather(points, row, kept, &part);
    if (status == ASSAY_OK)
        status = run(&part, m, first, progress, index, radius);
    for (size_t i = 0; i < m && status == ASSAY_OK; i++)
        index[i] = row[index[i]];
cleanup:
    assay_matrix_free(&part);
    free(row);
    return status;
}

int assay_fps(const assay_matrix *points, size_t m, size_t start, const unsigned char *keep,
    const assay_progress *progress, size_t *index, double *radius)
{
    const int status = check(points, m, start);
    if (status != ASSAY_OK)
        return status;
    return keep ? run_kept(points, m, start, keep, progress, index, radius)
                : run(points, m, start, progress, index, radius);
}
