/*
 * Error-based pruning of C4.5: from below, a subtree becomes a leaf, or its largest branch (which
 * all its rows then go through), where estimated errors grow by no more than 0.1.
 */
#include "models/tree_prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

/* ---- estimated errors ---- */

/* The squared quantile of the normal distribution at cf, from C4.5's table. */
static double squared_quantile(double cf)
{
    static const double value[] = {0, 0.001, 0.005, 0.01, 0.05, 0.10, 0.20, 0.40, 1.00};
    static const double deviation[] = {4.0, 3.09, 2.58, 2.33, 1.65, 1.28, 0.84, 0.25, 0.00};
    size_t i = 1;
    while (cf > value[i])
        i++;
    const double z = deviation[i - 1] + (deviation[i] - deviation[i - 1]) * (cf - value[i - 1]) /
                                            (value[i] - value[i - 1]);
    return z * z;
}

static double add_errors(double n, double e, double cf)
{
    if (e < 1) {
        const double none = n * (1 - pow(cf, 1 / n));
        return e > 0 ? none + e * (add_errors(n, 1, cf) - none) : none;
    }
    if (e + 0.5 >= n)
        return 0.67 * (n - e);
    const double z2 = squared_quantile(cf), p = e + 0.5;
    return n * (p + z2 / 2 + sqrt(z2 * (p * (1 - p / n) + z2 / 4))) / (n + z2) - e;
}

int assay_c45_add_errors(double n, double errors, double cf, double *more)
{
    if (!(n > 0 && isfinite(n)))
        return assay_fail(ASSAY_EINVAL, "n must be greater than 0 and finite, got %g", n);
    if (!(errors >= 0 && errors <= n))
        return assay_fail(ASSAY_EINVAL, "errors must be in 0..n = %g, got %g", n, errors);
    if (!(cf > 0 && cf <= 1))
        return assay_fail(ASSAY_EINVAL, "cf must be greater than 0 and at most 1, got %g", cf);
    *more = add_errors(n, errors, cf);
    return ASSAY_OK;
}

/* ---- pruning ---- */

struct pruning {
    const assay_matrix *X;
    const size_t *y;
    const assay_tree_options *o;
    assay_tree *tree;
    size_t *row; /* a node's rows are a slice of these */
};

static size_t branch_of(const assay_tree_node *t, double x)
{
    return t->nominal ? (size_t)x : x > t->threshold;
}

/* Brings the rows of a branch to the front of [first, end); the end of them is returned. */
static size_t bring(
    const struct pruning *p, const assay_tree_node *t, size_t branch, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (branch_of(t, *assay_matrix_at(p->X, p->row[i], t->feature)) == branch) {
            const size_t row = p->row[i];
            p->row[i] = p->row[first];
            p->row[first++] = row;
        }
    return first;
}

/* The most frequent class of the slice (equally frequent: the lowest) and
 * the estimated errors of a leaf there. */
static double leaf_estimate(
    const struct pruning *p, size_t node, size_t first, size_t end, double *counts, bool update)
{
    assay_tree_node *t = &p->tree->node[node];
    const size_t classes = p->tree->classes;
    size_t best = 0;
    memset(counts, 0, classes * sizeof *counts);
    for (size_t i = first; i < end; i++)
        counts[p->y[p->row[i]]]++;
    for (size_t c = 1; c < classes; c++)
        best = counts[c] > counts[best] ? c : best;
    const double rows = (double)(end - first), errors = rows - counts[best];
    if (update) {
        t->rows = rows;
        t->label = end > first ? best : t->label;
        memcpy(p->tree->counts + t->counts, counts, classes * sizeof *counts);
    }
    return end > first ? errors + add_errors(rows, errors, p->o->cf) : 0;
}

static size_t largest_branch(const assay_tree *tree, const assay_tree_node *t)
{
    size_t best = t->child;
    for (size_t b = 1; b < t->children; b++)
        if (tree->node[t->child + b].rows > tree->node[best].rows)
            best = t->child + b;
    return best;
}

/* Estimated errors of the subtree on a slice; with `update` it is pruned. counts[classes]. */
static double estimate(
    const struct pruning *p, size_t node, size_t first, size_t end, double *counts, bool update)
{
    assay_tree *tree = p->tree;
    const double as_leaf = leaf_estimate(p, node, first, end, counts, update);
    assay_tree_node *t = &tree->node[node];
    if (t->children == 0 || end == first) {
        t->children = update ? 0 : t->children;
        return as_leaf;
    }
    double as_tree = 0;
    for (size_t b = 0, from = first; b < t->children; b++) {
        const size_t to = bring(p, t, b, from, end);
        as_tree += estimate(p, t->child + b, from, to, counts, update);
        from = to;
    }
    if (!update)
        return as_tree;
    const size_t largest = largest_branch(tree, t);
    const double as_branch =
        p->o->subtree_raising ? estimate(p, largest, first, end, counts, false) : INFINITY;
    if (as_leaf <= as_branch + 0.1 && as_leaf <= as_tree + 0.1) {
        t->children = 0;
        return as_leaf;
    }
    if (as_branch <= as_tree + 0.1) {
        const size_t own = t->counts;
        *t = tree->node[largest];
        t->counts = own; /* filled by the estimate */
        return estimate(p, node, first, end, counts, true);
    }
    return as_tree;
}

int assay_tree_prune(
    const assay_matrix *X, const size_t *y, const assay_tree_options *options, assay_tree *tree)
{
    size_t *row = malloc(X->rows * sizeof *row);
    double *counts = malloc(tree->classes * sizeof *counts);
    if (row && counts) {
        for (size_t i = 0; i < X->rows; i++)
            row[i] = i;
        const struct pruning p = {X, y, options, tree, row};
        estimate(&p, 0, 0, X->rows, counts, true);
    }
    const int status = row && counts
                           ? ASSAY_OK
                           : assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu rows", X->rows);
    free(row);
    free(counts);
    return status;
}
