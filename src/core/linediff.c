/*
 * Line by line: E. W. Myers, "An O(ND) difference algorithm and its variations" (Algorithmica
 * 1986), the greedy form. For d = 0, 1, 2, ... the furthest point that d edits reach is kept on
 * each diagonal k = x - y; all of these are remembered (d^2 / 2 numbers), and the path is read back
 * from the end. Lines are compared by number: equal lines have equal numbers.
 */
#include "core/linediff.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { MOST_EDITS = 5000 };

struct line {
    const char *text;
    size_t length; /* with its \n */
    size_t number;
};

struct lines {
    struct line *line;
    size_t count;
};

static int no_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "out of memory for the difference of two texts");
}

static int split(const char *text, struct lines *out)
{
    size_t count = 1;
    for (const char *c = text; *c; c++)
        count += *c == '\n';
    out->line = calloc(count, sizeof *out->line);
    if (!out->line)
        return no_memory();
    while (*text) {
        size_t length = strcspn(text, "\n");
        length += text[length] == '\n';
        out->line[out->count++] = (struct line){text, length, 0};
        text += length;
    }
    return ASSAY_OK;
}

static int compare_lines(const void *left, const void *right)
{
    const struct line *a = *(struct line *const *)left, *b = *(struct line *const *)right;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, shorter);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* Equal lines get equal numbers. */
static int number_lines(struct lines *a, struct lines *b)
{
    size_t count = a->count + b->count;
    struct line **all = malloc((count + 1) * sizeof *all);
    if (!all)
        return no_memory();
    for (size_t i = 0; i < count; i++)
        all[i] = i < a->count ? &a->line[i] : &b->line[i - a->count];
    qsort(all, count, sizeof *all, compare_lines);
    for (size_t i = 1; i < count; i++)
        all[i]->number = all[i - 1]->number + (compare_lines(&all[i - 1], &all[i]) != 0);
    free(all);
    return ASSAY_OK;
}

/* ---- the shortest edit ----------------------------------------------------------------------- */

struct edit {
    const struct lines *a, *b;
    bool *removed, *added;     /* of a's and b's lines */
    size_t from, end_a, end_b; /* between the equal beginning and the equal end */
};

static void trim(struct edit *e)
{
    e->end_a = e->a->count;
    e->end_b = e->b->count;
    while (e->from < e->end_a && e->from < e->end_b &&
           e->a->line[e->from].number == e->b->line[e->from].number)
        e->from++;
    while (e->end_a > e->from && e->end_b > e->from &&
           e->a->line[e->end_a - 1].number == e->b->line[e->end_b - 1].number) {
        e->end_a--;
        e->end_b--;
    }
}

/* The furthest x on diagonal k after d edits, from those after d - 1: a line removed or added, then
 * equal lines. */
static long furthest(const struct edit *e, const long *before, long d, long k)
{
    long rows = (long)(e->end_a - e->from), cols = (long)(e->end_b - e->from), x;
    if (d == 0)
        x = 0;
    else if (k == -d || (k != d && before[k - 1] < before[k + 1]))
        x = before[k + 1];
    else
        x = before[k - 1] + 1;
    while (x < rows && x - k < cols && x - k >= 0 &&
           e->a->line[e->from + (size_t)x].number == e->b->line[e->from + (size_t)(x - k)].number)
        x++;
    return x;
}

/* From the end back to the beginning, one edit for each d. */
static void read_back(struct edit *e, long **reached, long d)
{
    long x = (long)(e->end_a - e->from), y = (long)(e->end_b - e->from);
    for (; d > 0; d--) {
        const long *before = reached[d - 1] + d - 1; /* by diagonal */
        long k = x - y;
        bool down = k == -d || (k != d && before[k - 1] < before[k + 1]);
        long from_k = down ? k + 1 : k - 1, from_x = before[from_k], from_y = from_x - from_k;
        if (down)
            e->added[e->from + (size_t)from_y] = true;
        else
            e->removed[e->from + (size_t)from_x] = true;
        x = from_x;
        y = from_y;
    }
}

static void replace_all(struct edit *e)
{
    for (size_t i = e->from; i < e->end_a; i++)
        e->removed[i] = true;
    for (size_t i = e->from; i < e->end_b; i++)
        e->added[i] = true;
}

/* reached[d] holds the furthest x of the diagonals -d .. d. */
static int find_edit(struct edit *e)
{
    long rows = (long)(e->end_a - e->from), cols = (long)(e->end_b - e->from), d = 0;
    long most = rows + cols < MOST_EDITS ? rows + cols : MOST_EDITS;
    long **reached = calloc((size_t)most + 1, sizeof *reached);
    bool found = rows == 0 && cols == 0;
    int status = reached ? ASSAY_OK : no_memory();
    for (; status == ASSAY_OK && !found && d <= most; d += !found) {
        reached[d] = malloc((2 * (size_t)d + 1) * sizeof **reached);
        if (!reached[d]) {
            status = no_memory();
            break;
        }
        for (long k = -d; k <= d; k += 2) {
            long x = furthest(e, d ? reached[d - 1] + d - 1 : NULL, d, k);
            reached[d][k + d] = x;
            found = found || (x >= rows && x - k >= cols && k == rows - cols);
        }
    }
    if (status == ASSAY_OK && found && (rows || cols))
        read_back(e, reached, d);
    else if (status == ASSAY_OK && !found)
        replace_all(e);
    for (long i = 0; reached && i <= most; i++)
        free(reached[i]);
    free(reached);
    return status;
}

/* ---- written as diff -u does ----------------------------------------------------------------- */

static void put_line(FILE *out, char mark, const struct line *line)
{
    fputc(mark, out);
    fwrite(line->text, 1, line->length, out);
    if (line->text[line->length - 1] != '\n')
        fputs("\n\\ No newline at end of file\n", out);
}

static void put_range(FILE *out, char mark, size_t from, size_t to)
{
    size_t count = to - from;
    fprintf(out, " %c%zu", mark, count ? from + 1 : from);
    if (count != 1)
        fprintf(out, ",%zu", count);
}

/* Lines of a from i and of b from j, as far as the hunk goes. */
static void put_hunk(
    FILE *out, const struct edit *e, size_t i, size_t end_i, size_t j, size_t end_j)
{
    fputs("@@", out);
    put_range(out, '-', i, end_i);
    put_range(out, '+', j, end_j);
    fputs(" @@\n", out);
    while (i < end_i || j < end_j) {
        if (i < end_i && e->removed[i]) {
            put_line(out, '-', &e->a->line[i++]);
        } else if (j < end_j && e->added[j]) {
            put_line(out, '+', &e->b->line[j++]);
        } else {
            put_line(out, ' ', &e->a->line[i++]);
            j++;
        }
    }
}

static bool changed(const struct edit *e, size_t i, size_t j)
{
    return (i < e->a->count && e->removed[i]) || (j < e->b->count && e->added[j]);
}

/* Changes with at most 2 * context equal lines between them are one hunk. */
static void put_hunks(FILE *out, const struct edit *e, size_t context)
{
    size_t i = 0, j = 0;
    while (i < e->a->count || j < e->b->count) {
        if (!changed(e, i, j)) {
            i++;
            j++;
            continue;
        }
        size_t before = i < context ? i : context, start_i = i - before, start_j = j - before;
        size_t equal = 0;
        while ((i < e->a->count || j < e->b->count) && equal <= 2 * context) {
            bool add = j < e->b->count && e->added[j], remove = i < e->a->count && e->removed[i];
            equal = add || remove ? 0 : equal + 1;
            i += remove || !add;
            j += add && !remove ? 1 : !remove;
        }
        size_t after = equal < context ? equal : context;
        put_hunk(out, e, start_i, i - equal + after, start_j, j - equal + after);
    }
}

static size_t count_marked(const bool *marks, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += marks[i];
    return count;
}

static int write_diff(const struct edit *e, const char *name_a, const char *name_b, size_t context,
    char **text, size_t changes)
{
    size_t size;
    FILE *out = open_memstream(text, &size);
    if (!out)
        return no_memory();
    if (changes) {
        fprintf(out, "--- %s\n+++ %s\n", name_a, name_b);
        put_hunks(out, e, context);
    }
    return fclose(out) == 0 ? ASSAY_OK : no_memory();
}

int assay_line_diff(const char *a, const char *b, const char *name_a, const char *name_b,
    size_t context, char **out, size_t *added, size_t *removed)
{
    struct lines lines_a = {0}, lines_b = {0};
    struct edit e = {.a = &lines_a, .b = &lines_b};
    *out = NULL;
    int status = split(a, &lines_a);
    if (status == ASSAY_OK)
        status = split(b, &lines_b);
    if (status == ASSAY_OK)
        status = number_lines(&lines_a, &lines_b);
    e.removed = calloc(lines_a.count + 1, sizeof *e.removed);
    e.added = calloc(lines_b.count + 1, sizeof *e.added);
    if (status == ASSAY_OK && (!e.removed || !e.added))
        status = no_memory();
    if (status == ASSAY_OK) {
        trim(&e);
        status = find_edit(&e);
    }
    if (status == ASSAY_OK) {
        size_t plus = count_marked(e.added, lines_b.count),
               minus = count_marked(e.removed, lines_a.count);
        if (added)
            *added = plus;
        if (removed)
            *removed = minus;
        status = write_diff(&e, name_a, name_b, context, out, plus + minus);
    }
    free(e.removed);
    free(e.added);
    free(lines_a.line);
    free(lines_b.line);
    return status;
}
