/* The k-d tree; see kdtree.h. A split takes the exact median, equal values by row, so that the tree
 * depends on the data alone and its depth is ceil(log2(rows / leaf)). */
#include "core/kdtree.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

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
};

static bool before(const struct key *a, const struct key *b)
{
    return a->value < b->value || (a->value == b->value && a->row < b->row);
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

/* The middle one of three goes to key[0]. */
static void choose_pivot(struct key *key, size_t n)
{
    struct key *a = &key[0], *b = &key[n / 2], *c = &key[n - 1];
    if (before(b, a))
        swap(a, b);
    if (before(c, b))
        swap(b, c);
    if (before(b, a))
        swap(a, b);
    swap(a, b);
}

/* The `at` smallest keys come first. Keys are distinct, for rows are. Hoare's selection, which
 * sorts what is left when its pivots keep being bad. */
static void select_smallest(struct key *key, size_t n, size_t at)
{
    size_t patience = 64;
    while (n > 8 && patience-- > 0) {
        choose_pivot(key, n);
        const struct key pivot = key[0];
        size_t i = 0, j = n;
        for (;;) {
            while (before(&key[++i], &pivot))
                if (i == n - 1)
                    break;
            while (before(&pivot, &key[--j]))
                ;
            if (i >= j)
                break;
            swap(&key[i], &key[j]);
        }
        swap(&key[0], &key[j]); /* key[j] is the pivot, in its place */
        if (at == j || at == j + 1)
            return;
        if (at < j) {
            n = j;
        } else {
            key += j + 1;
            at -= j + 1;
            n -= j + 1;
        }
    }
    qsort(key, n, sizeof *key, compare);
}

static void bound(const struct builder *b, const assay_kdtree_node *node, double *box)
{
    const size_t cols = b->data->cols;
    double *least = box, *greatest = box + cols;
    const size_t *row = b->tree->order + node->first;
    for (size_t j = 0; j < cols; j++)
        least[j] = greatest[j] = *assay_matrix_at(b->data, row[0], j);
    for (size_t i = 1; i < node->count; i++) {
        const double *x = assay_matrix_row(b->data, row[i]);
        for (size_t j = 0; j < cols; j++) {
            least[j] = x[j] < least[j] ? x[j] : least[j];
            greatest[j] = x[j] > greatest[j] ? x[j] : greatest[j];
        }
    }
}

static size_t widest(const double *box, size_t cols)
{
    size_t best = 0;
    for (size_t j = 1; j < cols; j++)
        if (box[cols + j] - box[j] > box[cols + best] - box[best])
            best = j;
    return best;
}

static int compare_rows(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void fill_leaf(const struct builder *b, const assay_kdtree_node *node)
{
    size_t *row = b->tree->order + node->first;
    qsort(row, node->count, sizeof *row, compare_rows);
    double *points = b->tree->points + node->first * b->data->cols;
    for (size_t i = 0; i < node->count; i++) {
        const double *x = assay_matrix_row(b->data, row[i]);
        for (size_t j = 0; j < b->data->cols; j++)
            points[j * node->count + i] = x[j];
    }
}

static void split(struct builder *b, size_t index)
{
    assay_kdtree *tree = b->tree;
    assay_kdtree_node *node = &tree->node[index];
    double *box = tree->box + 2 * tree->cols * index;
    bound(b, node, box);
    const size_t side = widest(box, tree->cols);
    if (node->count <= b->leaf) {
        fill_leaf(b, node);
        return;
    }
    size_t *row = tree->order + node->first;
    struct key *key = b->key + node->first;
    for (size_t i = 0; i < node->count; i++)
        key[i] = (struct key){*assay_matrix_at(b->data, row[i], side), row[i]};
    const size_t half = node->count / 2;
    select_smallest(key, node->count, half);
    for (size_t i = 0; i < node->count; i++)
        row[i] = key[i].row;
    node->left = tree->nodes;
    tree->nodes += 2;
    const size_t left = node->left;
    tree->node[left] = (assay_kdtree_node){.first = node->first, .count = half};
    tree->node[left + 1] =
        (assay_kdtree_node){.first = node->first + half, .count = node->count - half};
    split(b, left);
    split(b, left + 1);
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
    if (tree) {
        tree->rows = data->rows;
        tree->cols = data->cols;
        tree->node = calloc(nodes, sizeof *tree->node);
        tree->box = calloc(nodes, 2 * data->cols * sizeof *tree->box);
        tree->order = calloc(data->rows, sizeof *tree->order);
        tree->points = calloc(data->rows, data->cols * sizeof *tree->points);
    }
    if (!key || !tree || !tree->node || !tree->box || !tree->order || !tree->points) {
        free(key);
        assay_kdtree_free(tree);
        return assay_fail(
            ASSAY_ENOMEM, "k-d tree: out of memory for %zu x %zu numbers", data->rows, data->cols);
    }
    for (size_t i = 0; i < data->rows; i++)
        tree->order[i] = i;
    tree->nodes = 1;
    tree->node[0] = (assay_kdtree_node){.first = 0, .count = data->rows};
    split(&(struct builder){data, tree, leaf, key}, 0);
    free(key);
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
