/* Growing and using trees; see tree.h. Pruning is in tree_prune.c. */
#include "models/tree.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/tree_prune.h"

enum { MOST_CLASSES = 1 << 16, MOST_CODES = 1 << 20 };

/* Differences of gains and errors below this are none (C4.5's Epsilon). */
static const double EPSILON = 1e-3;

assay_tree_options assay_tree_defaults(void)
{
    return (assay_tree_options){
        .cf = 0.25, .min_objects = 2, .prune = true, .subtree_raising = true};
}

void assay_tree_free(assay_tree *tree)
{
    free(tree->node);
    free(tree->counts);
    *tree = (assay_tree){0};
}

/* ---- what a fit works on ---- */

/* An entry of a column: the position of its value among the column's distinct ones, which compares
 * as the value does, and its row. */
struct cell {
    uint32_t rank, row;
};

struct fit {
    const assay_tree_options *o;
    assay_tree *tree;
    size_t n, d, present, capacity;
    const size_t *y;
    uint16_t *class;    /* n: the same, as small as it gets */
    double *value;      /* d x n: the distinct values of each column, rising */
    struct cell *cell;  /* d x n: entries by rising value; a node has the same slice of each */
    size_t *codes;      /* of each column; 0: continuous */
    uint32_t *branch;   /* of each row, at a split */
    struct cell *moved; /* n: entries on their way */
    size_t *start;      /* of each branch, at a split */
    size_t *left;       /* classes */
    size_t *here;       /* classes: counts of the node under way */
    size_t *table;      /* codes x classes, of one column */
    double *x_log_x;    /* n + 1 */
};

static void free_fit(struct fit *f)
{
    free(f->class);
    free(f->value);
    free(f->cell);
    free(f->codes);
    free(f->branch);
    free(f->moved);
    free(f->start);
    free(f->left);
    free(f->here);
    free(f->table);
    free(f->x_log_x);
}

struct key {
    uint64_t bits; /* compares as the value does */
    uint32_t row;
};

static uint64_t bits_of(double x)
{
    uint64_t bits;
    x += 0.0; /* -0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_of(uint64_t bits)
{
    double x;
    bits = bits >> 63 ? bits & ~((uint64_t)1 << 63) : ~bits;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* By value, equal ones by row, as they come: from the lowest byte to the highest, without those
 * that are the same in all keys. `other` has n places, too; the sorted ones are returned. */
static struct key *sort_keys(struct key *key, struct key *other, size_t n)
{
    enum { BYTES = 8, VALUES = 256 };
    size_t count[BYTES][VALUES] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < BYTES; b++)
            count[b][key[i].bits >> 8 * b & 255]++;
    for (size_t b = 0; b < BYTES; b++) {
        size_t *to = count[b], sum = 0;
        if (to[key[0].bits >> 8 * b & 255] == n)
            continue;
        for (size_t v = 0; v < VALUES; v++) {
            const size_t here = to[v];
            to[v] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            other[to[key[i].bits >> 8 * b & 255]++] = key[i];
        struct key *const sorted = other;
        other = key;
        key = sorted;
    }
    return key;
}

/* The column's entries and distinct values. */
static void sort_column(const assay_matrix *X, struct fit *f, size_t j, struct key *key)
{
    for (size_t i = 0; i < f->n; i++)
        key[i] = (struct key){bits_of(*assay_matrix_at(X, i, j)), (uint32_t)i};
    const struct key *sorted = sort_keys(key, key + f->n, f->n);
    struct cell *cell = f->cell + j * f->n;
    uint32_t rank = 0;
    f->value[j * f->n] = value_of(sorted[0].bits);
    for (size_t i = 0; i < f->n; i++) {
        if (i > 0 && sorted[i].bits != sorted[i - 1].bits)
            f->value[j * f->n + ++rank] = value_of(sorted[i].bits);
        cell[i] = (struct cell){rank, sorted[i].row};
    }
}

static int sort_columns(const assay_matrix *X, struct fit *f)
{
    struct key *key = malloc(2 * f->n * sizeof *key);
    if (!key)
        return assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu rows", f->n);
    for (size_t j = 0; j < f->d; j++)
        sort_column(X, f, j, key);
    free(key);
    return ASSAY_OK;
}

/* The codes of nominal columns, and the most of them. */
static int check_values(const assay_matrix *X, struct fit *f, size_t *most)
{
    *most = 2;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->d; j++) {
            const double x = *assay_matrix_at(X, i, j);
            const bool code = f->o->nominal && f->o->nominal[j];
            if (!isfinite(x) || (code && !(x >= 0 && x < MOST_CODES && x == floor(x))))
                return assay_fail(ASSAY_EINVAL, "X must be finite%s, got %g in row %zu, column %zu",
                    code ? " and codes whole numbers from 0" : "", x, i + 1, j + 1);
            if (code && (size_t)x >= f->codes[j])
                f->codes[j] = (size_t)x + 1;
            *most = f->codes[j] > *most ? f->codes[j] : *most;
        }
    return ASSAY_OK;
}

static int allocate_fit(struct fit *f)
{
    const size_t n = f->n, d = f->d, classes = f->tree->classes;
    f->class = malloc(n * sizeof *f->class);
    f->value = malloc(n * d * sizeof *f->value + 1);
    f->cell = malloc(n * d * sizeof *f->cell + 1);
    f->codes = calloc(d + 1, sizeof *f->codes);
    f->branch = malloc(n * sizeof *f->branch);
    f->moved = malloc(n * sizeof *f->moved);
    f->left = malloc(classes * sizeof *f->left);
    f->here = malloc(classes * sizeof *f->here);
    f->x_log_x = malloc((n + 1) * sizeof *f->x_log_x);
    if (!f->class || !f->value || !f->cell || !f->codes || !f->branch || !f->moved || !f->left ||
        !f->here || !f->x_log_x)
        return assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu x %zu values", n, d);
    f->x_log_x[0] = 0;
    for (size_t i = 1; i <= n; i++)
        f->x_log_x[i] = (double)i * log2((double)i);
    for (size_t i = 0; i < n; i++)
        f->class[i] = (uint16_t)f->y[i];
    return ASSAY_OK;
}

static int read_labels(struct fit *f)
{
    size_t most = 0;
    for (size_t i = 0; i < f->n; i++)
        most = f->y[i] > most ? f->y[i] : most;
    if (most >= MOST_CLASSES)
        return assay_fail(ASSAY_EINVAL, "y must be in 0..%d, got %zu", MOST_CLASSES - 1, most);
    f->tree->classes = most + 1;
    size_t *size = calloc(most + 1, sizeof *size);
    if (!size)
        return assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu classes", most + 1);
    for (size_t i = 0; i < f->n; i++)
        size[f->y[i]]++;
    f->tree->minority = most;
    for (size_t c = 0; c <= most; c++) {
        f->present += size[c] > 0;
        if (size[c] > 0 && size[c] <= size[f->tree->minority])
            f->tree->minority = c;
    }
    free(size);
    return ASSAY_OK;
}

/* ---- nodes ---- */

static int add_nodes(struct fit *f, size_t more, size_t *first)
{
    assay_tree *t = f->tree;
    const size_t need = t->nodes + more;
    if (need > f->capacity) {
        const size_t capacity = 2 * need + 64;
        assay_tree_node *node = realloc(t->node, capacity * sizeof *node);
        t->node = node ? node : t->node;
        double *counts = realloc(t->counts, capacity * t->classes * sizeof *counts);
        t->counts = counts ? counts : t->counts;
        if (!node || !counts)
            return assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu nodes", capacity);
        f->capacity = capacity;
    }
    *first = t->nodes;
    memset(t->counts + t->nodes * t->classes, 0, more * t->classes * sizeof *t->counts);
    for (size_t i = t->nodes; i < need; i++)
        t->node[i] = (assay_tree_node){.counts = i * t->classes};
    t->nodes = need;
    return ASSAY_OK;
}

/* Counts and label of a node of the rows [first, end) of each column; no row: the label of `above`.
 */
static void count_rows(struct fit *f, size_t node, size_t first, size_t end, size_t above)
{
    assay_tree_node *t = &f->tree->node[node];
    double *counts = f->tree->counts + t->counts;
    for (size_t i = first; i < end; i++)
        counts[f->class[f->cell[i].row]]++;
    t->rows = (double)(end - first);
    t->label = above;
    if (end == first)
        return;
    t->label = 0;
    for (size_t c = 1; c < f->tree->classes; c++)
        if (counts[c] > counts[t->label])
            t->label = c;
}

/* ---- splits ---- */

struct split {
    double gain; /* less the penalty of thresholds; not above EPSILON: no split */
    double info; /* of the split itself */
    double threshold;
};

/* sum over the classes, in rows x bits: rows log rows - sum of counts log counts */
static double disorder(const struct fit *f, const size_t *counts, size_t rows)
{
    double sum = f->x_log_x[rows];
    for (size_t c = 0; c < f->tree->classes; c++)
        sum -= f->x_log_x[counts[c]];
    return sum;
}

/* of those that are not among `part` */
static double disorder_of_rest(
    const struct fit *f, const size_t *all, const size_t *part, size_t rows)
{
    double sum = f->x_log_x[rows];
    for (size_t c = 0; c < f->tree->classes; c++)
        sum -= f->x_log_x[all[c] - part[c]];
    return sum;
}

static size_t smallest_branch(const struct fit *f, size_t rows)
{
    const double tenth = 0.1 * (double)rows / (double)f->present;
    const double least = (double)f->o->min_objects;
    return (size_t)ceil(fmax(least, fmin(25, tenth)));
}

/* The greatest value of the column in the whole set that is not above the midpoint of two. */
static double threshold_between(const struct fit *f, size_t column, size_t low, size_t high)
{
    const double *value = f->value + column * f->n;
    const double middle = value[low] + (value[high] - value[low]) / 2;
    while (high - low > 1) { /* value[low] <= middle, and all from value[high] on are above */
        const size_t at = low + (high - low) / 2;
        if (value[at] <= middle)
            low = at;
        else
            high = at;
    }
    return value[low];
}

/* Two classes, of which the counts of one are enough; otherwise as scan_classes. */
static size_t scan_two(const struct fit *f, const struct cell *cell, size_t rows, size_t least,
    const size_t *here, double all, double *best_gain, size_t *at)
{
    const double *x_log_x = f->x_log_x;
    const uint16_t *class = f->class;
    size_t tries = 0, ones = 0;
    for (size_t i = 0; i + 1 + least <= rows; i++) {
        ones += class[cell[i].row];
        if (i + 1 < least || cell[i].rank == cell[i + 1].rank)
            continue;
        const size_t left = i + 1, right = rows - left;
        tries++;
        const double gain =
            all - (x_log_x[left] - x_log_x[left - ones] - x_log_x[ones]) -
            (x_log_x[right] - x_log_x[here[0] - (left - ones)] - x_log_x[here[1] - ones]);
        if (gain > *best_gain) {
            *best_gain = gain;
            *at = i;
        }
    }
    return tries;
}

/* Thresholds behind entry *at: the first of the largest gains, in rows x bits. How many there are.
 */
static size_t scan_classes(const struct fit *f, const struct cell *cell, size_t rows, size_t least,
    const size_t *here, double all, double *best_gain, size_t *at)
{
    size_t tries = 0;
    memset(f->left, 0, f->tree->classes * sizeof *f->left);
    for (size_t i = 0; i + 1 + least <= rows; i++) {
        f->left[f->class[cell[i].row]]++;
        if (i + 1 < least || cell[i].rank == cell[i + 1].rank)
            continue;
        const size_t left = i + 1, right = rows - left;
        tries++;
        const double gain =
            all - disorder(f, f->left, left) - disorder_of_rest(f, here, f->left, right);
        if (gain > *best_gain) {
            *best_gain = gain;
            *at = i;
        }
    }
    return tries;
}

static struct split try_threshold(
    const struct fit *f, size_t column, size_t first, size_t end, const size_t *here, double all)
{
    const struct cell *cell = f->cell + column * f->n + first;
    const size_t rows = end - first, least = smallest_branch(f, rows);
    struct split best = {0};
    double best_gain = -INFINITY;
    size_t at = 0;
    const size_t tries = f->tree->classes == 2
                             ? scan_two(f, cell, rows, least, here, all, &best_gain, &at)
                             : scan_classes(f, cell, rows, least, here, all, &best_gain, &at);
    if (tries == 0)
        return best;
    const double n = (double)rows;
    best.gain = best_gain / n - log2((double)tries) / n;
    best.info = (f->x_log_x[rows] - f->x_log_x[at + 1] - f->x_log_x[rows - at - 1]) / n;
    best.threshold = threshold_between(f, column, cell[at].rank, cell[at + 1].rank);
    return best;
}

static struct split try_codes(
    const struct fit *f, size_t column, size_t first, size_t end, double all)
{
    const size_t codes = f->codes[column], classes = f->tree->classes, rows = end - first;
    const struct cell *cell = f->cell + column * f->n + first;
    const double *value = f->value + column * f->n;
    size_t large = 0;
    double inside = 0, info = f->x_log_x[rows];
    memset(f->table, 0, codes * classes * sizeof *f->table);
    for (size_t i = 0; i < rows; i++)
        f->table[(size_t)value[cell[i].rank] * classes + f->class[cell[i].row]]++;
    for (size_t a = 0; a < codes; a++) {
        size_t count = 0;
        for (size_t c = 0; c < classes; c++)
            count += f->table[a * classes + c];
        large += count >= f->o->min_objects;
        inside += disorder(f, f->table + a * classes, count);
        info -= f->x_log_x[count];
    }
    if (large < 2)
        return (struct split){0};
    return (struct split){.gain = (all - inside) / (double)rows, .info = info / (double)rows};
}

/* The column with the largest gain by split information among those of at least mean gain. */
static bool choose_split(
    const struct fit *f, size_t first, size_t end, struct split *tries, size_t *column)
{
    size_t *here = f->here;
    memset(here, 0, f->tree->classes * sizeof *here);
    for (size_t i = first; i < end; i++)
        here[f->class[f->cell[i].row]]++;
    const double all = disorder(f, here, end - first);
    double mean = 0, best = 0;
    size_t worthy = 0;
    for (size_t j = 0; j < f->d; j++) {
        tries[j] = f->codes[j] ? try_codes(f, j, first, end, all)
                               : try_threshold(f, j, first, end, here, all);
        if (tries[j].gain > EPSILON) {
            mean += tries[j].gain;
            worthy++;
        }
    }
    mean /= worthy > 0 ? (double)worthy : 1;
    bool found = false;
    for (size_t j = 0; j < f->d; j++) {
        if (!(tries[j].gain > EPSILON && tries[j].gain >= mean - EPSILON && tries[j].info > 0))
            continue;
        const double ratio = tries[j].gain / tries[j].info;
        if (!found || ratio > best) {
            best = ratio;
            *column = j;
            found = true;
        }
    }
    return found;
}

/* Two branches: those that stay in place and those that wait for them. */
static void divide_in_two(struct fit *f, struct cell *cell, size_t rows)
{
    size_t stay = 0, wait = 0;
    for (size_t i = 0; i < rows; i++) {
        const struct cell moved = cell[i];
        const size_t second = f->branch[moved.row];
        cell[stay] = f->moved[wait] = moved; /* no branch for the processor to guess */
        stay += !second;
        wait += second;
    }
    memcpy(cell + stay, f->moved, wait * sizeof *cell);
}

/* Divides the slice of every column by the rows' branches, keeping their order; start[branches +
 * 1]. */
static void divide(struct fit *f, size_t column, size_t branches, double threshold, size_t first,
    size_t end, size_t *start)
{
    const struct cell *split = f->cell + column * f->n;
    const double *value = f->value + column * f->n;
    memset(start, 0, (branches + 1) * sizeof *start);
    for (size_t i = first; i < end; i++) {
        const double x = value[split[i].rank];
        const size_t branch = f->codes[column] ? (size_t)x : x > threshold;
        f->branch[split[i].row] = (uint32_t)branch;
        start[branch + 1]++;
    }
    start[0] = first;
    for (size_t b = 0; b < branches; b++)
        start[b + 1] += start[b];
    for (size_t j = 0; j < f->d; j++) {
        struct cell *cell = f->cell + j * f->n;
        if (branches == 2) {
            divide_in_two(f, cell + first, end - first);
            continue;
        }
        memcpy(f->start, start, branches * sizeof *start);
        for (size_t i = first; i < end; i++)
            f->moved[f->start[f->branch[cell[i].row]]++] = cell[i];
        memcpy(cell + first, f->moved + first, (end - first) * sizeof *cell);
    }
}

static int grow(struct fit *f, size_t node, size_t first, size_t end, size_t above, double *errors);

static int grow_branches(struct fit *f, size_t node, size_t column, double threshold, size_t first,
    size_t end, double *errors)
{
    const size_t branches = f->codes[column] ? f->codes[column] : 2;
    size_t *start = malloc((branches + 1) * sizeof *start), child = 0;
    int status = start ? add_nodes(f, branches, &child)
                       : assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu branches", branches);
    if (!status) {
        divide(f, column, branches, threshold, first, end, start);
        assay_tree_node *t = &f->tree->node[node];
        t->children = branches;
        t->child = child;
        t->feature = column;
        t->nominal = f->codes[column] > 0;
        t->threshold = threshold;
    }
    const size_t label = f->tree->node[node].label;
    *errors = 0;
    for (size_t b = 0; b < branches && !status; b++) {
        double more = 0;
        status = grow(f, child + b, start[b], start[b + 1], label, &more);
        *errors += more;
    }
    free(start);
    return status;
}

/* The subtree of a slice; *errors are its errors on it. */
static int grow(struct fit *f, size_t node, size_t first, size_t end, size_t above, double *errors)
{
    count_rows(f, node, first, end, above);
    const assay_tree_node *t = &f->tree->node[node];
    const double leaf_errors = end > first ? t->rows - f->tree->counts[t->counts + t->label] : 0;
    *errors = leaf_errors;
    if (leaf_errors == 0 || end - first < 2 * f->o->min_objects || f->d == 0)
        return ASSAY_OK;
    int status = assay_progress_report(f->o->progress, (double)first, (double)f->n);
    struct split *tries = status ? NULL : malloc(f->d * sizeof *tries);
    if (!status && !tries)
        status = assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu columns", f->d);
    size_t column = 0;
    const bool found = !status && choose_split(f, first, end, tries, &column);
    const double threshold = found ? tries[column].threshold : 0;
    free(tries);
    if (!found)
        return status;
    status = grow_branches(f, node, column, threshold, first, end, errors);
    if (!status && *errors >= leaf_errors - EPSILON) {
        f->tree->node[node].children = 0;
        *errors = leaf_errors;
    }
    return status;
}

int assay_tree_fit(
    const assay_matrix *X, const size_t *y, const assay_tree_options *options, assay_tree *out)
{
    *out = (assay_tree){.cols = X->cols};
    struct fit f = {.o = options, .tree = out, .n = X->rows, .d = X->cols, .y = y};
    size_t codes = 0, root = 0;
    double errors = 0;
    int status = ASSAY_OK;
    if (f.n == 0)
        status = assay_fail(ASSAY_EINVAL, "X must have at least 1 row, got none");
    else if (f.n > UINT32_MAX)
        status = assay_fail(ASSAY_EINVAL, "X must have fewer than 2^32 rows, got %zu", f.n);
    else if (!(options->cf > 0 && options->cf <= 1))
        status = assay_fail(
            ASSAY_EINVAL, "cf must be greater than 0 and at most 1, got %g", options->cf);
    else if (options->min_objects == 0)
        status = assay_fail(ASSAY_EINVAL, "min_objects must be at least 1, got 0");
    if (!status)
        status = read_labels(&f);
    if (!status)
        status = allocate_fit(&f);
    if (!status)
        status = check_values(X, &f, &codes);
    if (!status) {
        f.table = malloc(codes * out->classes * sizeof *f.table);
        f.start = malloc(codes * sizeof *f.start);
        status = f.table && f.start
                     ? sort_columns(X, &f)
                     : assay_fail(ASSAY_ENOMEM, "tree_fit: no memory for %zu codes", codes);
    }
    if (!status && f.d == 0)
        status = assay_fail(ASSAY_EINVAL, "X must have at least 1 column, got none");
    if (!status)
        status = add_nodes(&f, 1, &root);
    if (!status)
        status = grow(&f, root, 0, f.n, 0, &errors);
    if (!status && options->prune)
        status = assay_tree_prune(X, y, options, out);
    free_fit(&f);
    if (status)
        assay_tree_free(out);
    return status;
}

/* ---- use ---- */

static size_t leaves_below(const assay_tree *tree, size_t node)
{
    const assay_tree_node *t = &tree->node[node];
    size_t sum = t->children == 0;
    for (size_t b = 0; b < t->children; b++)
        sum += leaves_below(tree, t->child + b);
    return sum;
}

size_t assay_tree_leaves(const assay_tree *tree)
{
    return leaves_below(tree, 0);
}

const assay_tree_node *assay_tree_find(const assay_tree *tree, const double *row)
{
    const assay_tree_node *t = &tree->node[0];
    while (t->children > 0) {
        const double x = row[t->feature];
        if (t->nominal && !(x < (double)t->children))
            return t;
        const assay_tree_node *next =
            &tree->node[t->child + (t->nominal ? (size_t)x : x > t->threshold)];
        if (next->rows == 0)
            return t;
        t = next;
    }
    return t;
}

static int check_query(const assay_tree *tree, const assay_matrix *Q)
{
    if (Q->rows > 0 && Q->cols != tree->cols)
        return assay_fail(ASSAY_EINVAL, "Q must have %zu columns, got %zu", tree->cols, Q->cols);
    for (size_t i = 0; i < Q->rows; i++)
        for (size_t j = 0; j < Q->cols; j++)
            if (!isfinite(*assay_matrix_at(Q, i, j)))
                return assay_fail(ASSAY_EINVAL, "Q must be finite, got %g in row %zu, column %zu",
                    *assay_matrix_at(Q, i, j), i + 1, j + 1);
    return ASSAY_OK;
}

int assay_tree_posterior(const assay_tree *tree, const assay_matrix *Q, assay_matrix *posterior)
{
    const int status = check_query(tree, Q);
    for (size_t i = 0; i < Q->rows && !status; i++) {
        const assay_tree_node *t = assay_tree_find(tree, assay_matrix_row(Q, i));
        for (size_t c = 0; c < tree->classes; c++)
            *assay_matrix_at(posterior, i, c) = tree->counts[t->counts + c] / t->rows;
    }
    return status;
}

int assay_tree_predict(
    const assay_tree *tree, const assay_matrix *Q, double threshold, size_t minority, size_t *label)
{
    const int status = check_query(tree, Q);
    for (size_t i = 0; i < Q->rows && !status; i++) {
        const assay_tree_node *t = assay_tree_find(tree, assay_matrix_row(Q, i));
        const double *counts = tree->counts + t->counts;
        label[i] = t->label;
        if (!(threshold >= 0) || minority >= tree->classes)
            continue;
        size_t best = minority == 0 ? 1 : 0;
        for (size_t c = best + 1; c < tree->classes; c++)
            if (c != minority && counts[c] > counts[best])
                best = c;
        label[i] = counts[minority] > threshold * t->rows || tree->classes == 1 ? minority : best;
    }
    return status;
}
