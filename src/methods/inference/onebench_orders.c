/*
 * From scores to orders: pairs, top-1 records, rankings, matches, and the graph of wins; see
 * onebench.h.
 *
 * A comparison with NaN is false in C whatever is asked, so that "greater", "less" and "equal"
 * count measured pairs without a test of their own.
 */
#include "methods/inference/onebench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "methods/inference/onebench_checks.h"

/* ---- checks ---- */

int assay_scores_check(const char *who, const assay_matrix *scores)
{
    for (size_t i = 0; i < scores->rows; i++)
        for (size_t j = 0; j < scores->cols; j++)
            if (isinf(*assay_matrix_at(scores, i, j)))
                return assay_fail(ASSAY_EINVAL,
                    "%s: scores[%zu][%zu] (model, item) must be finite, or NaN where not measured, "
                    "got %g",
                    who, i + 1, j + 1, *assay_matrix_at(scores, i, j));
    return ASSAY_OK;
}

int assay_counts_check(const char *who, const char *name, const assay_matrix *counts)
{
    if (counts->rows != counts->cols)
        return assay_fail(ASSAY_EINVAL, "%s: %s must be square, models x models, got %zu x %zu",
            who, name, counts->rows, counts->cols);
    for (size_t i = 0; i < counts->rows; i++)
        for (size_t j = 0; j < counts->cols; j++) {
            const double c = *assay_matrix_at(counts, i, j);
            if (!(c >= 0 && isfinite(c)))
                return assay_fail(ASSAY_EINVAL,
                    "%s: %s[%zu][%zu] must be finite and at least 0, got %.14g", who, name, i + 1,
                    j + 1, isnan(c) ? (double)NAN : c); /* printf may put a sign before NaN */
            if (i == j && c != 0)
                return assay_fail(ASSAY_EINVAL,
                    "%s: %s[%zu][%zu] must be 0 (a model against itself), got %.14g", who, name,
                    i + 1, j + 1, c);
        }
    return ASSAY_OK;
}

/* ---- pairs ---- */

typedef struct outcomes {
    uint64_t above, below, equal;
} outcomes;

/* Lanes of their own, so that the compiler makes vectors of them. */
static outcomes compare_rows(const double *a, const double *b, size_t n)
{
    enum { LANES = 4 };
    int64_t above[LANES] = {0}, below[LANES] = {0}, equal[LANES] = {0};
    size_t t = 0;
    for (; t + LANES <= n; t += LANES)
        for (size_t l = 0; l < LANES; l++) {
            above[l] += a[t + l] > b[t + l];
            below[l] += a[t + l] < b[t + l];
            equal[l] += a[t + l] == b[t + l];
        }
    outcomes o = {0, 0, 0};
    for (; t < n; t++) {
        o.above += a[t] > b[t];
        o.below += a[t] < b[t];
        o.equal += a[t] == b[t];
    }
    for (size_t l = 0; l < LANES; l++) {
        o.above += (uint64_t)above[l];
        o.below += (uint64_t)below[l];
        o.equal += (uint64_t)equal[l];
    }
    return o;
}

int assay_to_pairwise(const assay_matrix *scores, assay_matrix *wins, assay_matrix *ties)
{
    const size_t models = scores->rows;
    if (wins->rows != models || wins->cols != models || ties->rows != models ||
        ties->cols != models)
        return assay_fail(
            ASSAY_EINVAL, "to_pairwise: wins and ties must be %zu x %zu", models, models);
    const int status = assay_scores_check("to_pairwise", scores);
    for (size_t i = 0; i < models && !status; i++) {
        *assay_matrix_at(wins, i, i) = *assay_matrix_at(ties, i, i) = 0;
        for (size_t j = i + 1; j < models; j++) {
            const outcomes o = compare_rows(
                assay_matrix_row(scores, i), assay_matrix_row(scores, j), scores->cols);
            *assay_matrix_at(wins, i, j) = (double)o.above;
            *assay_matrix_at(wins, j, i) = (double)o.below;
            *assay_matrix_at(ties, i, j) = *assay_matrix_at(ties, j, i) = (double)o.equal;
        }
    }
    return status;
}

int assay_to_matches(const assay_matrix *scores, assay_match *match, size_t *count)
{
    const int status = assay_scores_check("to_matches", scores);
    *count = 0;
    for (size_t t = 0; t < scores->cols && !status; t++)
        for (size_t i = 0; i < scores->rows; i++)
            for (size_t j = i + 1; j < scores->rows; j++) {
                const double a = *assay_matrix_at(scores, i, t), b = *assay_matrix_at(scores, j, t);
                if (isnan(a) || isnan(b))
                    continue;
                if (match)
                    match[*count] = (assay_match){i, j, a > b ? 1 : a < b ? 0 : 0.5};
                ++*count;
            }
    return status;
}

/* ---- orders of an item ---- */

typedef struct measured {
    double score;
    size_t model;
} measured;

static int by_falling_score(const void *p, const void *q)
{
    const measured *x = p, *y = q;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->model > y->model) - (x->model < y->model);
}

/* The models of item t by falling score, equal ones by number. */
static size_t order_item(const assay_matrix *scores, size_t t, measured *order)
{
    size_t n = 0;
    for (size_t i = 0; i < scores->rows; i++)
        if (!isnan(*assay_matrix_at(scores, i, t)))
            order[n++] = (measured){*assay_matrix_at(scores, i, t), i};
    qsort(order, n, sizeof *order, by_falling_score);
    return n;
}

/* The end of the level of score that begins at `first`. */
static size_t level_end(const measured *order, size_t first, size_t n)
{
    size_t end = first + 1;
    while (end < n && order[end].score == order[first].score)
        end++;
    return end;
}

static int by_number(const void *p, const void *q)
{
    const size_t x = *(const size_t *)p, y = *(const size_t *)q;
    return (x > y) - (x < y);
}

/* A list of `count` entries and, behind them in the same memory, `models` numbers. */
static int alloc_list(
    const char *who, size_t count, size_t entry, size_t models, void *entries, size_t **numbers)
{
    void *memory = calloc(count * entry + models * sizeof(size_t) + 1, 1);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu records", who, count);
    memcpy(entries, &memory, sizeof memory);
    *numbers = (size_t *)(void *)((char *)memory + count * entry);
    return ASSAY_OK;
}

/* Records of an item into `list`, their losers from `losers` on: one copy for the winners of a
 * level. With NULL, only counted. */
static void item_top1(
    measured *order, size_t n, assay_top1_list *list, size_t **losers, size_t *number)
{
    for (size_t first = 0, end; first < n; first = end) {
        end = level_end(order, first, n);
        if (end == n)
            return;
        for (size_t i = first; i < end && losers; i++)
            list->record[list->count + i - first] = (assay_top1){order[i].model, *losers, n - end};
        for (size_t i = end; i < n && losers; i++)
            (*losers)[i - end] = order[i].model;
        if (losers) {
            qsort(*losers, n - end, sizeof **losers, by_number);
            *losers += n - end;
        }
        list->count += end - first;
        *number += n - end;
    }
}

int assay_to_top1(const assay_matrix *scores, assay_top1_list *out)
{
    size_t numbers = 0, *losers = NULL;
    *out = (assay_top1_list){0};
    int status = assay_scores_check("to_top1", scores);
    if (status)
        return status;
    measured *order = calloc(scores->rows + 1, sizeof *order);
    if (!order)
        return assay_fail(ASSAY_ENOMEM, "to_top1: no memory for %zu models", scores->rows);
    for (size_t t = 0; t < scores->cols; t++)
        item_top1(order, order_item(scores, t, order), out, NULL, &numbers);
    status = alloc_list("to_top1", out->count, sizeof *out->record, numbers, &out->record, &losers);
    out->count = 0;
    for (size_t t = 0; t < scores->cols && !status; t++)
        item_top1(order, order_item(scores, t, order), out, &losers, &numbers);
    free(order);
    return status;
}

void assay_top1_free(assay_top1_list *list)
{
    free(list->record);
    *list = (assay_top1_list){0};
}

int assay_to_rankings(const assay_matrix *scores, assay_ranking_list *out)
{
    size_t *models = NULL;
    *out = (assay_ranking_list){0};
    int status = assay_scores_check("to_rankings", scores);
    if (status)
        return status;
    measured *order = calloc(scores->rows + 1, sizeof *order);
    if (!order)
        return assay_fail(ASSAY_ENOMEM, "to_rankings: no memory for %zu models", scores->rows);
    status = alloc_list("to_rankings", scores->cols, sizeof *out->ranking,
        scores->rows * scores->cols, &out->ranking, &models);
    for (size_t t = 0; t < scores->cols && !status; t++) {
        const size_t n = order_item(scores, t, order);
        if (n < 2)
            continue;
        out->ranking[out->count++] = (assay_ranking){models, n};
        for (size_t i = 0; i < n; i++)
            *models++ = order[i].model;
    }
    free(order);
    return status;
}

void assay_ranking_free(assay_ranking_list *list)
{
    free(list->ranking);
    *list = (assay_ranking_list){0};
}

/* ---- the graph of wins ---- */

/* Tarjan's search without recursion. `low` of a model that has its component is SIZE_MAX. */
typedef struct search {
    const assay_matrix *counts;
    size_t *seen, *low, *stack, *path, *next; /* seen: 1, 2, ... in the order met; 0: not yet */
    size_t met, height, depth, found;
    size_t *component;
} search;

static void meet(search *s, size_t i)
{
    s->seen[i] = s->low[i] = ++s->met;
    s->stack[s->height++] = i;
    s->path[s->depth++] = i;
    s->next[i] = 0;
}

/* All edges of i are followed: i is the root of a component, or tells its parent how far back it
 * reaches. */
static void leave(search *s, size_t i)
{
    s->depth--;
    if (s->depth > 0 && s->low[i] < s->low[s->path[s->depth - 1]])
        s->low[s->path[s->depth - 1]] = s->low[i];
    if (s->low[i] != s->seen[i])
        return;
    size_t member;
    do {
        member = s->stack[--s->height];
        s->component[member] = s->found;
        s->low[member] = SIZE_MAX;
    } while (member != i);
    s->found++;
}

static void search_from(search *s, size_t root)
{
    meet(s, root);
    while (s->depth > 0) {
        const size_t i = s->path[s->depth - 1];
        if (s->next[i] == s->counts->cols) {
            leave(s, i);
            continue;
        }
        const size_t j = s->next[i]++;
        if (!(*assay_matrix_at(s->counts, i, j) > 0))
            continue;
        if (s->seen[j] == 0)
            meet(s, j);
        else if (s->low[j] != SIZE_MAX && s->seen[j] < s->low[i])
            s->low[i] = s->seen[j];
    }
}

/* Number the components by their first member. */
static void renumber(size_t *component, size_t models, size_t *number, size_t found)
{
    size_t next = 0;
    for (size_t c = 0; c < found; c++)
        number[c] = SIZE_MAX;
    for (size_t i = 0; i < models; i++) {
        if (number[component[i]] == SIZE_MAX)
            number[component[i]] = next++;
        component[i] = number[component[i]];
    }
}

int assay_comparison_components(const assay_matrix *counts, size_t *component, size_t *n)
{
    const size_t models = counts->rows;
    int status = assay_counts_check("comparison_components", "counts", counts);
    *n = 0;
    if (status || models == 0)
        return status;
    size_t *memory = calloc(5 * models, sizeof *memory);
    if (!memory)
        return assay_fail(ASSAY_ENOMEM, "comparison_components: no memory for %zu models", models);
    search s = {.counts = counts,
        .seen = memory,
        .low = memory + models,
        .stack = memory + 2 * models,
        .path = memory + 3 * models,
        .next = memory + 4 * models,
        .component = component};
    for (size_t i = 0; i < models; i++)
        if (s.seen[i] == 0)
            search_from(&s, i);
    *n = s.found;
    renumber(component, models, memory, s.found);
    free(memory);
    return ASSAY_OK;
}

/* ---- halves ---- */

int assay_comparisons_split(
    const assay_matrix *counts, assay_rng *rng, assay_matrix *first, assay_matrix *second)
{
    const size_t models = counts->rows;
    const int status = assay_counts_check("separability", "counts", counts);
    double total = 0;
    if (status)
        return status;
    if (first->rows != models || first->cols != models || second->rows != models ||
        second->cols != models)
        return assay_fail(ASSAY_EINVAL, "separability: halves must be %zu x %zu", models, models);
    for (size_t i = 0; i < models; i++)
        for (size_t j = 0; j < models; j++) {
            const double c = *assay_matrix_at(counts, i, j);
            if (c != floor(c) || c > 0x1p53)
                return assay_fail(ASSAY_EINVAL,
                    "separability: counts[%zu][%zu] must be a whole number, got %.14g", i + 1,
                    j + 1, c);
            total += c;
        }
    uint64_t left = (uint64_t)total, wanted = left / 2;
    for (size_t i = 0; i < models; i++)
        for (size_t j = 0; j < models; j++) {
            const uint64_t c = (uint64_t)*assay_matrix_at(counts, i, j);
            const uint64_t taken = assay_rng_hypergeometric(rng, c, left - c, wanted);
            *assay_matrix_at(first, i, j) = (double)taken;
            *assay_matrix_at(second, i, j) = (double)(c - taken);
            left -= c;
            wanted -= taken;
        }
    return ASSAY_OK;
}
