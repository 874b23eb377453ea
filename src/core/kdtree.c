/* The k-d tree; see kdtree.h. A split takes the exact median, equal values by row, so that the tree
 * depends on the data alone and its depth is ceil(log2(rows / leaf)). */
#include "core/kdtree.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/panel.h"
#include "core/status.h"

struct key {
    double value;
    size_t row;
};

struct builder {
    const assay_matrix *data;
    assay_kdtree *tree;
    size_t leaf;
    struct key *key; /* as many as rows */
    double *cell;    /* as a node's box */
};

static bool before(const struct key *a, const struct key *b)
{
    return (a->value < b->value) | ((a->value == b->value) & (a->row < b->row));
}

static int compare(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

static void swap(struct key *a, struct key *b)
{
    const struct key kept = *a;
    *a = *b;
    *b = kept;
}

static struct key *middle(struct key *a, struct key *b, struct key *c)
{
    if (before(b, a))
        return before(c, b) ? b : before(c, a) ? c : a;
    return before(c, a) ? a : before(c, b) ? c : b;
}

/* The middle one of three, or of three such, goes to key[0]. */
static void choose_pivot(struct key *key, size_t n)
{
    struct key *a = key, *b = key + n / 2, *c = key + n - 1;
    if (n > 128) {
        const size_t step = n / 8;
        a = middle(a, a + step, a + 2 * step);
        b = middle(b - step, b, b + step);
        c = middle(c - 2 * step, c - step, c);
    }
    swap(key, middle(a, b, c));
}

/* The `at` smallest keys come first. Keys are distinct, for rows are. Selection by partition
 * (Lomuto's, which takes no branch that depends on the keys), sorting what is left when its pivots
 * keep being bad. */
static void select_smallest(struct key *key, size_t n, size_t at)
{
    size_t patience = 64;
    while (n > 8 && patience-- > 0) {
        choose_pivot(key, n);
        const struct key pivot = key[0];
        size_t below = 0; /* key[1 .. below] are before the pivot */
        for (size_t i = 1; i < n; i++) {
            const struct key moved = key[i];
            key[i] = key[below + 1];
            key[below + 1] = moved;
            below += before(&moved, &pivot);
        }
        swap(&key[0], &key[below]);
        if (at == below || at == below + 1)
            return;
        if (at < below) {
            n = below;
        } else {
            key += below + 1;
            at -= below + 1;
            n -= below + 1;
        }
    }
    qsort(key, n, sizeof *key, compare);
}

static size_t widest(const double *box, size_t cols)
{
    size_t best = 0;
    for (size_t j = 1; j < cols; j++)
        if (box[cols + j] - box[j] > box[cols + best] - box[best])
            best = j;
    return best;
}

static void stretch(double *box, size_t cols, const double *least, const double *greatest)
{
    for (size_t j = 0; j < cols; j++) {
        box[j] = least[j] < box[j] ? least[j] : box[j];
        box[cols + j] = greatest[j] > box[cols + j] ? greatest[j] : box[cols + j];
    }
}

static void fill_leaf(const struct builder *b, const assay_kdtree_node *node, double *box)
{
    const size_t cols = b->data->cols;
    const size_t *row = b->tree->order + node->first;
    double *points = b->tree->points + node->first * cols;
    for (size_t i = 0; i < node->count; i++) {
        const double *x = assay_matrix_row(b->data, row[i]);
        stretch(box, cols, x, x);
        for (size_t j = 0; j < cols; j++)
            points[j * node->count + i] = x[j];
    }
}

/* b->cell holds the node, and does again at the end: the root's box, cut where nodes were split. */
static void split(struct builder *b, size_t index)
{
    assay_kdtree *tree = b->tree;
    const size_t cols = tree->cols;
    assay_kdtree_node *node = &tree->node[index];
    double *box = tree->box + 2 * cols * index;
    for (size_t j = 0; j < cols; j++) {
        box[j] = INFINITY;
        box[cols + j] = -INFINITY;
    }
    if (node->count <= b->leaf) {
        fill_leaf(b, node, box);
        return;
    }
    const size_t side = widest(b->cell, cols), half = node->count / 2;
    size_t *row = tree->order + node->first;
    struct key *key = b->key + node->first;
    for (size_t i = 0; i < node->count; i++)
        key[i] = (struct key){*assay_matrix_at(b->data, row[i], side), row[i]};
    select_smallest(key, node->count, half);
    double cut = key[0].value;
    for (size_t i = 0; i < node->count; i++) {
        row[i] = key[i].row;
        if (i < half && key[i].value > cut)
            cut = key[i].value;
    }
    const size_t left = node->left = tree->nodes;
    tree->nodes += 2;
    tree->node[left] = (assay_kdtree_node){.first = node->first, .count = half};
    tree->node[left + 1] =
        (assay_kdtree_node){.first = node->first + half, .count = node->count - half};
    double *ends[2] = {&b->cell[cols + side], &b->cell[side]};
    for (size_t child = 0; child < 2; child++) {
        const double kept = *ends[child];
        *ends[child] = cut;
        split(b, left + child);
        *ends[child] = kept;
        const double *inner = tree->box + 2 * cols * (left + child);
        stretch(box, cols, inner, inner + cols);
    }
}

/* Halving n until it is at most leaf. */
static size_t count_nodes(size_t n, size_t leaf)
{
    return n <= leaf ? 1 : 1 + count_nodes(n / 2, leaf) + count_nodes(n - n / 2, leaf);
}

int assay_kdtree_new(const assay_matrix *data, size_t leaf, assay_kdtree **out)
{
    *out = NULL;
    if (data->rows == 0 || data->cols == 0)
        return assay_fail(ASSAY_EINVAL, "k-d tree: data must have rows and columns, got %zu x %zu",
            data->rows, data->cols);
    if (leaf == 0)
        return assay_fail(ASSAY_EINVAL, "k-d tree: leaf must be at least 1, got 0");
    const size_t nodes = count_nodes(data->rows, leaf);
    assay_kdtree *tree = calloc(1, sizeof *tree);
    struct key *key = calloc(data->rows, sizeof *key);
    double *cell = calloc(data->cols, 2 * sizeof *cell);
    if (tree) {
        tree->rows = data->rows;
        tree->cols = data->cols;
        tree->node = calloc(nodes, sizeof *tree->node);
        tree->box = calloc(nodes, 2 * data->cols * sizeof *tree->box);
        tree->order = calloc(data->rows, sizeof *tree->order);
        tree->points = calloc(data->rows * data->cols + ASSAY_PANEL, sizeof *tree->points);
    }
    if (!key || !cell || !tree || !tree->node || !tree->box || !tree->order || !tree->points) {
        free(key);
        free(cell);
        assay_kdtree_free(tree);
        return assay_fail(
            ASSAY_ENOMEM, "k-d tree: out of memory for %zu x %zu numbers", data->rows, data->cols);
    }
    for (size_t j = 0; j < data->cols; j++)
        cell[j] = cell[data->cols + j] = *assay_matrix_at(data, 0, j);
    for (size_t i = 0; i < data->rows; i++) {
        tree->order[i] = i;
        stretch(cell, data->cols, assay_matrix_row(data, i), assay_matrix_row(data, i));
    }
    tree->nodes = 1;
    tree->node[0] = (assay_kdtree_node){.first = 0, .count = data->rows};
    split(&(struct builder){data, tree, leaf, key, cell}, 0);
    free(key);
    free(cell);
    *out = tree;
    return ASSAY_OK;
}

void assay_kdtree_free(assay_kdtree *tree)
{
    if (!tree)
        return;
    free(tree->node);
    free(tree->box);
    free(tree->order);
    free(tree->points);
    free(tree);
}
