/*
 * How much one text agrees with another.
 *
 * chrF of a whole matrix. Every text becomes code points once. An n-gram of order o at a position
 * is the pair of the number of its first o-1 characters and that of its last one; sorting the pairs
 * of all texts numbers the n-grams densely, without hashing. A text's n-grams of one order are then
 * a sorted list of numbers, and the matches of two texts the length of a merge, so that the N M
 * pairs cost no string work. The textbook way builds both dictionaries anew for each pair.
 */
#include "methods/inference/multilingual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { ORDERS = 6 };

/* ---- texts as numbers ---- */

typedef struct text {
    uint32_t *unit; /* characters, or numbers of words */
    size_t length;
} text;

/* The code point at *at, which moves behind it. A byte that begins no valid one counts as itself
 * beyond Unicode's range. */
static uint32_t next_character(const unsigned char *s, size_t *at)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char lead = s[*at];
    const size_t more = lead < 0x80             ? 0
                        : (lead & 0xe0) == 0xc0 ? 1
                        : (lead & 0xf0) == 0xe0 ? 2
                        : (lead & 0xf8) == 0xf0 ? 3
                                                : 4;
    uint32_t c = more == 0 ? lead : lead & (0x3fu >> more);
    size_t i = 1;
    while (more < 4 && i <= more && (s[*at + i] & 0xc0) == 0x80)
        c = c << 6 | (s[*at + i++] & 0x3f);
    if (more == 4 || i <= more || c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        (*at)++;
        return 0x110000 + lead;
    }
    *at += more + 1;
    return c;
}

static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static int out_of_memory(void)
{
    return assay_fail(ASSAY_ENOMEM, "utility: out of memory");
}

static int characters(const char *s, bool with_space, text *out)
{
    const unsigned char *bytes = (const unsigned char *)s;
    size_t at = 0;
    out->length = 0;
    out->unit = malloc((strlen(s) + 1) * sizeof *out->unit);
    if (!out->unit)
        return out_of_memory();
    while (bytes[at]) {
        const uint32_t c = next_character(bytes, &at);
        if (with_space || !is_space(c))
            out->unit[out->length++] = c;
    }
    return ASSAY_OK;
}

/* ---- one matrix's texts: hypotheses, then references ---- */

typedef struct corpus {
    text *text;
    size_t count, hypotheses;
    uint32_t
        *gram[ORDERS]; /* chrF: per order all texts' sorted n-grams, a text's from start[i] on */
    size_t *start;
} corpus;

static void corpus_free(corpus *c)
{
    for (size_t i = 0; c->text && i < c->count; i++)
        free(c->text[i].unit);
    for (int o = 0; o < ORDERS; o++)
        free(c->gram[o]);
    free(c->text);
    free(c->start);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How many numbers two sorted lists share, with their multiplicity. */
static size_t shared(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
    size_t i = 0, j = 0, count = 0;
    while (i < na && j < nb) {
        count += a[i] == b[j];
        const bool first = a[i] <= b[j], second = b[j] <= a[i];
        i += first;
        j += second;
    }
    return count;
}

/* ---- words ---- */

typedef struct word {
    const char *at;
    size_t length;
    uint32_t *number;
} word;

static int by_letters(const void *a, const void *b)
{
    const word *x = a, *y = b;
    const size_t least = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->at, y->at, least);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Appends the words of s (into `words` unless it is NULL); returns how many there are. */
static size_t split_words(const char *s, word *words)
{
    const unsigned char *bytes = (const unsigned char *)s;
    size_t at = 0, count = 0, start = 0;
    bool inside = false;
    for (;;) {
        const size_t here = at;
        const bool ends = !bytes[at] || is_space(next_character(bytes, &at));
        if (inside && ends && words)
            words[count] = (word){.at = s + start, .length = here - start};
        count += inside && ends;
        if (!inside && !ends)
            start = here;
        inside = !ends;
        if (!bytes[here])
            return count;
    }
}

/* Each text becomes the sorted numbers of its words, equal words having equal numbers. */
static int number_words(const char *const *s, corpus *c, const size_t *first, size_t total)
{
    word *words = malloc((total + 1) * sizeof *words);
    uint32_t number = 0;
    if (!words)
        return out_of_memory();
    for (size_t i = 0; i < c->count; i++) {
        split_words(s[i], words + first[i]);
        for (size_t j = 0; j < c->text[i].length; j++)
            words[first[i] + j].number = &c->text[i].unit[j];
    }
    qsort(words, total, sizeof *words, by_letters);
    for (size_t j = 0; j < total; j++) {
        if (j > 0 && by_letters(&words[j - 1], &words[j]) != 0)
            number++;
        *words[j].number = number;
    }
    free(words);
    for (size_t i = 0; i < c->count; i++)
        qsort(c->text[i].unit, c->text[i].length, sizeof(uint32_t), by_number);
    return ASSAY_OK;
}

static int prepare_words(const char *const *s, corpus *c)
{
    size_t total = 0;
    size_t *first = malloc((c->count + 1) * sizeof *first);
    int status = first ? ASSAY_OK : out_of_memory();
    for (size_t i = 0; !status && i < c->count; i++) {
        first[i] = total;
        c->text[i].length = split_words(s[i], NULL);
        c->text[i].unit = malloc((c->text[i].length + 1) * sizeof(uint32_t));
        total += c->text[i].length;
        if (!c->text[i].unit)
            status = out_of_memory();
    }
    if (!status)
        status = number_words(s, c, first, total);
    free(first);
    return status;
}

static double token_f1(const text *a, const text *b)
{
    if (a->length == 0 || b->length == 0)
        return a->length == b->length;
    return 2 * (double)shared(a->unit, a->length, b->unit, b->length) /
           (double)(a->length + b->length);
}

/* ---- characters ---- */

static int prepare_characters(const char *const *s, bool with_space, corpus *c)
{
    int status = ASSAY_OK;
    for (size_t i = 0; !status && i < c->count; i++)
        status = characters(s[i], with_space, &c->text[i]);
    return status;
}

/* Levenshtein distance; row has b->length + 1 numbers. */
static size_t edits(const text *a, const text *b, size_t *row)
{
    for (size_t j = 0; j <= b->length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a->length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b->length; j++) {
            const size_t replaced = diagonal + (a->unit[i - 1] != b->unit[j - 1]);
            const size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replaced < gap ? replaced : gap;
        }
    }
    return row[b->length];
}

static double edit_similarity(const text *a, const text *b, size_t *row)
{
    const size_t longer = a->length > b->length ? a->length : b->length;
    return longer == 0 ? 1 : 1 - (double)edits(a, b, row) / (double)longer;
}

/* ---- n-grams ---- */

typedef struct pair {
    uint64_t key; /* number of the first order - 1 characters, number of the last */
    size_t at;
} pair;

static int by_key(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Dense numbers of equal keys, to their places in `number`. */
static void number_keys(pair *pairs, size_t n, uint32_t *number)
{
    uint32_t next = 0;
    qsort(pairs, n, sizeof *pairs, by_key);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && pairs[i].key != pairs[i - 1].key)
            next++;
        number[pairs[i].at] = next;
    }
}

static size_t grams_of(const text *t, int order)
{
    return t->length >= (size_t)order ? t->length - (size_t)order + 1 : 0;
}

/* gram[o] numbers the n-grams of order o + 1 at each position; sorted later. */
static void number_grams(corpus *c, pair *pairs)
{
    for (int o = 0; o < ORDERS; o++) {
        size_t n = 0;
        for (size_t i = 0; i < c->count; i++)
            for (size_t j = 0; j < grams_of(&c->text[i], o + 1); j++) {
                const size_t at = c->start[i] + j;
                const uint64_t head = o == 0 ? 0 : c->gram[o - 1][at];
                const uint64_t last = o == 0 ? c->text[i].unit[j] : c->gram[0][at + (size_t)o];
                pairs[n++] = (pair){head << 32 | last, at};
            }
        number_keys(pairs, n, c->gram[o]);
    }
}

static int prepare_grams(corpus *c)
{
    size_t total = 0;
    c->start = malloc((c->count + 1) * sizeof *c->start);
    if (!c->start)
        return out_of_memory();
    for (size_t i = 0; i < c->count; total += c->text[i++].length)
        c->start[i] = total;
    pair *pairs = malloc((total + 1) * sizeof *pairs);
    bool there = pairs != NULL;
    for (int o = 0; o < ORDERS; o++) {
        c->gram[o] = malloc((total + 1) * sizeof(uint32_t));
        there = there && c->gram[o];
    }
    if (there)
        number_grams(c, pairs);
    free(pairs);
    if (!there || total > UINT32_MAX)
        return out_of_memory();
    for (int o = 0; o < ORDERS; o++)
        for (size_t i = 0; i < c->count; i++)
            qsort(c->gram[o] + c->start[i], grams_of(&c->text[i], o + 1), sizeof(uint32_t),
                by_number);
    return ASSAY_OK;
}

static double chrf(const corpus *c, size_t h, size_t r)
{
    const double beta2 = 4;
    double precision = 0, recall = 0, orders = 0;
    for (int o = 0; o < ORDERS; o++) {
        const size_t of_h = grams_of(&c->text[h], o + 1), of_r = grams_of(&c->text[r], o + 1);
        if (of_h == 0 || of_r == 0)
            break;
        const double both =
            (double)shared(c->gram[o] + c->start[h], of_h, c->gram[o] + c->start[r], of_r);
        precision += both / (double)of_h;
        recall += both / (double)of_r;
        orders++;
    }
    if (orders == 0) /* one of them is empty */
        return c->text[h].length == c->text[r].length;
    precision /= orders;
    recall /= orders;
    return precision + recall > 0 ? (1 + beta2) * precision * recall / (beta2 * precision + recall)
                                  : 0;
}

/* ---- the matrix ---- */

static int prepare(const char *const *s, assay_utility u, corpus *c)
{
    c->text = calloc(c->count + 1, sizeof *c->text);
    if (!c->text)
        return out_of_memory();
    if (u == ASSAY_UTILITY_TOKEN_F1)
        return prepare_words(s, c);
    const int status = prepare_characters(s, u == ASSAY_UTILITY_EDIT, c);
    return status || u == ASSAY_UTILITY_EDIT ? status : prepare_grams(c);
}

static size_t longest(const corpus *c)
{
    size_t most = 0;
    for (size_t i = 0; i < c->count; i++)
        most = c->text[i].length > most ? c->text[i].length : most;
    return most;
}

static double compare(const corpus *c, assay_utility u, size_t h, size_t r, size_t *row)
{
    if (u == ASSAY_UTILITY_CHRF)
        return chrf(c, h, r);
    if (u == ASSAY_UTILITY_EDIT)
        return edit_similarity(&c->text[h], &c->text[r], row);
    return token_f1(&c->text[h], &c->text[r]);
}

static int fill(const corpus *c, assay_utility u, const assay_progress *progress, assay_matrix *out)
{
    size_t *row = malloc((longest(c) + 1) * sizeof *row);
    int status = row ? ASSAY_OK : out_of_memory();
    for (size_t i = 0; !status && i < out->rows; i++) {
        for (size_t j = 0; j < out->cols; j++)
            *assay_matrix_at(out, i, j) = compare(c, u, i, c->hypotheses + j, row);
        status = assay_progress_report(progress, (double)(i + 1), (double)out->rows);
    }
    free(row);
    return status;
}

static void fill_exact(const char *const *hyp, const char *const *ref, assay_matrix *out)
{
    for (size_t i = 0; i < out->rows; i++)
        for (size_t j = 0; j < out->cols; j++)
            *assay_matrix_at(out, i, j) = strcmp(hyp[i], ref[j]) == 0;
}

int assay_utility_matrix(const char *const *hyp, size_t nh, const char *const *ref, size_t nr,
    assay_utility u, const assay_progress *progress, assay_matrix *out)
{
    corpus c = {.count = nh + nr, .hypotheses = nh};
    if (out->rows != nh || out->cols != nr)
        return assay_fail(ASSAY_EINVAL, "utility: out must be %zu x %zu, got %zu x %zu", nh, nr,
            out->rows, out->cols);
    if (u == ASSAY_UTILITY_EXACT) {
        fill_exact(hyp, ref, out);
        return ASSAY_OK;
    }
    const char **all = malloc((c.count + 1) * sizeof *all);
    if (!all)
        return out_of_memory();
    for (size_t i = 0; i < c.count; i++)
        all[i] = i < nh ? hyp[i] : ref[i - nh];
    int status = prepare(all, u, &c);
    if (!status)
        status = fill(&c, u, progress, out);
    corpus_free(&c);
    free(all);
    return status;
}
