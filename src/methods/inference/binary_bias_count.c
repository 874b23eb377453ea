/*
 * Counting a batch: 64 answers are a word, the first in the lowest bit, and whatever is counted
 * over neighbours is a count of the bits of words that were shifted and masked. It has no branch
 * that depends on an answer, which a loop over answers that look random mispredicts half of the
 * time.
 *
 * With y_l the word of the answers l before those of x, bits of ones among
 *
 *   x y_l           pairs of yes at lag l
 *   x y_1 y_2       yes, yes, yes
 *   x ^ y_1         switches
 *   ~(x ^ y_1)      equal neighbours: "same"
 *   a_r (x ^ y_1)   switches behind a run of r answers at least, where a_1 are all transitions and
 *                   a_r = a_{r-1} and same, r - 1 before
 *
 * and the rest follows: what was no switch behind a run of r is behind a run of r + 1 at the next
 * transition, unless the batch ends there.
 */
#include "methods/inference/binary_bias_count.h"

#include <string.h>

enum { WORD = 64 };

/* A word's worth of a batch and the one before it (0 before the first). */
typedef struct window {
    uint64_t now, before;
} window;

typedef struct sums {
    size_t yes, all_three;                    /* x; x y_1 y_2 */
    size_t both[ASSAY_BINARY_LAGS_MAX];       /* [l - 1] */
    size_t switches[ASSAY_BINARY_STREAK_MAX]; /* [r - 1]: behind a run of r at least */
    size_t run, longest;                      /* equal neighbours in a row, here and at most */
} sums;

static size_t bits_of(uint64_t word)
{
    return (size_t)__builtin_popcountll(word);
}

/* The bits `by` places before, 1 <= by <= 64. */
static uint64_t earlier(window w, size_t by)
{
    return by == WORD ? w.before : w.now << by | w.before >> (WORD - by);
}

/* Eight bytes of 0 or 1 as eight bits, the first one lowest. */
static uint64_t pack_eight(const unsigned char *x)
{
    const uint64_t bytes = (uint64_t)x[0] | (uint64_t)x[1] << 8 | (uint64_t)x[2] << 16 |
                           (uint64_t)x[3] << 24 | (uint64_t)x[4] << 32 | (uint64_t)x[5] << 40 |
                           (uint64_t)x[6] << 48 | (uint64_t)x[7] << 56;
    return bytes * 0x0102040810204080 >> 56;
}

static uint64_t pack(const unsigned char *x, size_t n)
{
    uint64_t word = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        word |= pack_eight(x + i) << i;
    for (; i < n; i++)
        word |= (uint64_t)x[i] << i;
    return word;
}

static bool has_run(uint64_t word, size_t length)
{
    for (size_t have = 1, more; have < length; have += more) {
        more = have < length - have ? have : length - have;
        word &= word >> more;
    }
    return word != 0;
}

/* `size` bits of the word are filled. */
static void longest_run(uint64_t same, size_t size, sums *s)
{
    const size_t leading = same == UINT64_MAX ? WORD : (size_t)__builtin_ctzll(~same);
    s->run += leading;
    s->longest = s->run > s->longest ? s->run : s->longest;
    if (leading == size)
        return;
    while (s->longest < WORD && has_run(same, s->longest + 1))
        s->longest++;
    s->run = (size_t)__builtin_clzll(~(same << (WORD - size)));
}

/* `size` answers of the word are filled; the first of a batch is no transition. */
static void count_word(
    window x, size_t size, bool first, window *same, size_t lags, size_t bins, sums *s)
{
    const uint64_t transitions = (UINT64_MAX >> (WORD - size)) & ~(uint64_t)first;
    const uint64_t previous = earlier(x, 1), switches = (x.now ^ previous) & transitions;
    s->yes += bits_of(x.now);
    s->all_three += bits_of(x.now & previous & earlier(x, 2));
    for (size_t l = 1; l <= lags; l++)
        s->both[l - 1] += bits_of(x.now & earlier(x, l));
    *same = (window){.now = transitions & ~switches, .before = same->now};
    uint64_t behind = switches;
    s->switches[0] += bits_of(behind);
    for (size_t r = 2; r <= bins; r++) {
        behind &= earlier(*same, r - 1);
        s->switches[r - 1] += bits_of(behind);
    }
    longest_run(same->now, size, s);
}

static void count_words(const unsigned char *x, size_t n, size_t lags, size_t bins, sums *s)
{
    window answers = {0, 0}, same = {0, 0};
    for (size_t i = 0; i < n; i += WORD) {
        const size_t size = n - i < WORD ? n - i : WORD;
        answers = (window){.now = pack(x + i, size), .before = answers.now};
        count_word(answers, size, i == 0, &same, lags, bins, s);
    }
}

/* ---- from sums to counts ---- */

static void add_transitions(
    const unsigned char *x, size_t n, const sums *s, assay_binary_report *out)
{
    const size_t both = s->both[0], from = s->yes - x[n - 1], to = s->yes - x[0];
    out->transition[1][1] += both;
    out->transition[1][0] += from - both;
    out->transition[0][1] += to - both;
    out->transition[0][0] += n - 1 - from - to + both;
}

/* Inclusion and exclusion over where the yes are. */
static void add_triples(const unsigned char *x, size_t n, const sums *s, assay_binary_tally *counts)
{
    if (n < 3)
        return;
    const size_t last = n - 1, a = s->yes - x[last] - x[last - 1], b = s->yes - x[0] - x[last],
                 c = s->yes - x[0] - x[1], ab = s->both[0] - (x[last] & x[last - 1]),
                 bc = s->both[0] - (x[0] & x[1]), ac = s->both[1], abc = s->all_three;
    counts->triple[1][1][1] += abc;
    counts->triple[1][1][0] += ab - abc;
    counts->triple[1][0][1] += ac - abc;
    counts->triple[0][1][1] += bc - abc;
    counts->triple[1][0][0] += a + abc - ab - ac;
    counts->triple[0][1][0] += b + abc - ab - bc;
    counts->triple[0][0][1] += c + abc - ac - bc;
    counts->triple[0][0][0] += n - 2 + ab + ac + bc - a - b - c - abc;
}

static void add_streaks(size_t n, const sums *s, assay_binary_report *out)
{
    const size_t bins = out->streak_bins, last_run = s->run + 1;
    size_t at_risk = n - 1;
    for (size_t r = 1; r <= bins; r++) {
        const size_t longer = at_risk - s->switches[r - 1] - (last_run > r);
        out->streak[r - 1] += r < bins ? at_risk - longer : at_risk;
        out->streak_switches[r - 1] += s->switches[r - 1] - (r < bins ? s->switches[r] : 0);
        at_risk = longer;
    }
}

static size_t sum_of(const unsigned char *x, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static void add_lags(
    const unsigned char *x, size_t n, const sums *s, size_t lags, assay_binary_tally *counts)
{
    for (size_t l = 1; l <= lags && l < n; l++) {
        counts->pairs[l - 1] += n - l;
        counts->both[l - 1] += s->both[l - 1];
        counts->first[l - 1] += s->yes - sum_of(x + n - l, l);
        counts->second[l - 1] += s->yes - sum_of(x, l);
    }
}

static void count_blocks(const unsigned char *x, size_t n, assay_binary_report *out)
{
    for (size_t i = 0; i + out->block <= n; i += out->block) {
        size_t value = 0;
        for (size_t j = 0; j < out->block; j++)
            value = 2 * value + x[i + j];
        out->block_count[value]++;
        out->blocks++;
    }
}

/* E[R] and Var[R] of a random order of the batch's answers. */
static void add_runs_moments(size_t n1, size_t n0, assay_binary_report *out)
{
    const double n = (double)(n1 + n0), twice = 2.0 * (double)n1 * (double)n0;
    out->runs_expected += twice / n + 1;
    if (n > 1)
        out->runs_variance += twice * (twice - n) / (n * n * (n - 1));
}

void assay_binary_count(
    const unsigned char *x, size_t n, assay_binary_report *out, assay_binary_tally *counts)
{
    sums s = {0};
    if (n == 0)
        return;
    count_words(x, n, out->lags > 2 ? out->lags : 2, out->streak_bins, &s); /* triples need lag 2 */
    counts->answered++;
    out->n += n;
    out->yes += s.yes;
    out->transitions += n - 1;
    out->runs += s.switches[0] + 1;
    if (s.longest + 1 > out->longest_run)
        out->longest_run = s.longest + 1;
    add_transitions(x, n, &s, out);
    add_triples(x, n, &s, counts);
    add_streaks(n, &s, out);
    add_lags(x, n, &s, out->lags, counts);
    count_blocks(x, n, out);
    add_runs_moments(s.yes, n - s.yes, out);
}
