/*
 * Tasks on short sequences:
 *     sort     sort 5 2 9 1=  ->  1 2 5 9      items are one digit or letter
 *     maxk     max2 5 2 9 1=  ->  9 5          the k largest, largest first
 *     copy     copy abc=      ->  abc
 *     reverse  reverse abc=   ->  cba
 *     parity   parity 1011=   ->  1            are the ones odd in number?
 * Verifiers take items of either alphabet; digits stand before letters, as in ASCII.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/tasks/kind.h"

enum { MOST_ITEMS = 1024, DIGITS = 10, LETTERS = 26 };

static bool is_item(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

/* ---- items with spaces between them, items without ---- */

static bool take_spaced(task_text text, char items[ASSAY_TASK_LONGEST], size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (i % 2 == 0 && is_item(text.at[i]))
            items[(*n)++] = text.at[i];
        else if (i % 2 == 0 || text.at[i] != ' ')
            return false;
    }
    return text.size % 2 == 1;
}

static void put_spaced(task_writer *to, const char *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            task_put_byte(to, ' ');
        task_put_byte(to, items[i]);
    }
}

static bool is_run(task_text text, const char *of)
{
    bool good = text.size > 0;
    for (size_t i = 0; i < text.size && good; i++)
        good = of ? text.at[i] && strchr(of, text.at[i]) : is_item(text.at[i]);
    return good;
}

/* "WORD ITEMS=" -> ITEMS */
static bool open_prompt(task_text prompt, const char *word, task_text *items)
{
    if (!task_take(&prompt, word) || prompt.size == 0 || prompt.at[prompt.size - 1] != '=')
        return false;
    *items = (task_text){prompt.at, prompt.size - 1};
    return true;
}

static char draw_item(assay_rng *rng, int64_t alphabet)
{
    return alphabet ? (char)('a' + assay_rng_below(rng, LETTERS))
                    : (char)('0' + assay_rng_below(rng, DIGITS));
}

/* ---- sort ---- */

enum { SORT_K, SORT_ALPHABET, SORT_DUPLICATES };

static const task_option sort_options[] = {
    {.name = "k", .type = OPTION_WHOLE, .absent = 6, .min = 1, .max = MOST_ITEMS},
    {.name = "alphabet", .type = OPTION_CHOICE, .words = {"digits", "letters"}},
    {.name = "duplicates", .type = OPTION_SWITCH, .absent = 1},
    {.name = NULL},
};

static int prepare_sort(assay_task *task)
{
    const int64_t k = task->value[SORT_K].whole;
    const int64_t different = task->value[SORT_ALPHABET].whole ? LETTERS : DIGITS;
    if (!task->value[SORT_DUPLICATES].whole && k > different)
        return assay_fail(ASSAY_EINVAL, "sort: k must be in 1..%lld without duplicates, got %lld",
            (long long)different, (long long)k);
    task->longest_answer = 2 * (size_t)k - 1;
    task->longest_prompt = strlen("sort =") + task->longest_answer;
    return ASSAY_OK;
}

static int draw_sort(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    const size_t k = (size_t)task->value[SORT_K].whole;
    const int64_t alphabet = task->value[SORT_ALPHABET].whole;
    task_writer prompt = {out->prompt, 0};
    char items[MOST_ITEMS];
    size_t order[LETTERS];
    if (!task->value[SORT_DUPLICATES].whole)
        assay_rng_permutation(rng, alphabet ? LETTERS : DIGITS, order);
    for (size_t i = 0; i < k; i++)
        items[i] = task->value[SORT_DUPLICATES].whole ? draw_item(rng, alphabet)
                                                      : (char)((alphabet ? 'a' : '0') + order[i]);
    task_put(&prompt, "sort ");
    put_spaced(&prompt, items, k);
    task_put_byte(&prompt, '=');
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

static int ascending(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static bool sorted_items(
    task_text prompt, const char *word, char items[ASSAY_TASK_LONGEST], size_t *n)
{
    task_text list;
    if (!open_prompt(prompt, word, &list) || !take_spaced(list, items, n))
        return false;
    qsort(items, *n, 1, ascending);
    return true;
}

static bool solve_sort(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    char items[ASSAY_TASK_LONGEST];
    size_t n;
    if (!sorted_items(prompt, "sort ", items, &n))
        return false;
    put_spaced(answer, items, n);
    return true;
}

/* Credit: the share of items before the first wrong one. */
static bool judge_spaced(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    (void)task, (void)prompt;
    char said[ASSAY_TASK_LONGEST], wanted[ASSAY_TASK_LONGEST];
    size_t n, most;
    if (!take_spaced(answer, said, &n))
        return true;
    take_spaced(right, wanted, &most);
    task_judged(out, answer, task_same(answer, right),
        task_prefix((task_text){said, n}, (task_text){wanted, most}));
    return true;
}

const task_kind assay_task_sort = {
    .name = "sort",
    .summary = "sort k digits or letters",
    .form = "\"sort 5 2 9 1=\"",
    .options = sort_options,
    .prepare = prepare_sort,
    .draw = draw_sort,
    .solve = solve_sort,
    .judge = judge_spaced,
};

/* ---- maxk ---- */

enum { MAXK_K, MAXK_LENGTH, MAXK_ALPHABET };

static const task_option maxk_options[] = {
    {.name = "k", .type = OPTION_WHOLE, .absent = 2, .min = 1, .max = MOST_ITEMS},
    {.name = "length", .type = OPTION_WHOLE, .absent = 8, .min = 1, .max = MOST_ITEMS},
    {.name = "alphabet", .type = OPTION_CHOICE, .words = {"digits", "letters"}},
    {.name = NULL},
};

static int prepare_maxk(assay_task *task)
{
    const int64_t k = task->value[MAXK_K].whole, length = task->value[MAXK_LENGTH].whole;
    if (k > length)
        return assay_fail(ASSAY_EINVAL, "maxk: k must be in 1..%lld, the length, got %lld",
            (long long)length, (long long)k);
    task->longest_answer = 2 * (size_t)k - 1;
    task->longest_prompt = strlen("max1024 =") + 2 * (size_t)length - 1;
    return ASSAY_OK;
}

static int draw_maxk(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    const size_t length = (size_t)task->value[MAXK_LENGTH].whole;
    task_writer prompt = {out->prompt, 0};
    char items[MOST_ITEMS];
    for (size_t i = 0; i < length; i++)
        items[i] = draw_item(rng, task->value[MAXK_ALPHABET].whole);
    task_put(&prompt, "max");
    task_put_number(&prompt, (uint64_t)task->value[MAXK_K].whole);
    task_put_byte(&prompt, ' ');
    put_spaced(&prompt, items, length);
    task_put_byte(&prompt, '=');
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

static bool solve_maxk(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    char items[ASSAY_TASK_LONGEST], largest[ASSAY_TASK_LONGEST];
    uint64_t k;
    size_t n;
    if (!task_take(&prompt, "max") || !task_take_number(&prompt, MOST_ITEMS, &k) ||
        !sorted_items(prompt, " ", items, &n) || k < 1 || k > n)
        return false;
    for (size_t i = 0; i < k; i++)
        largest[i] = items[n - 1 - i];
    put_spaced(answer, largest, k);
    return true;
}

const task_kind assay_task_maxk = {
    .name = "maxk",
    .summary = "the k largest of a list",
    .form = "\"max2 5 2 9 1=\"",
    .options = maxk_options,
    .prepare = prepare_maxk,
    .draw = draw_maxk,
    .solve = solve_maxk,
    .judge = judge_spaced,
};

/* ---- copy, reverse, parity ---- */

enum { RUN_LENGTH, RUN_SHORTEST, RUN_ALPHABET };

static const task_option parity_options[] = {
    {.name = "length", .type = OPTION_WHOLE, .absent = 8, .min = 1, .max = MOST_ITEMS},
    {.name = "shortest", .type = OPTION_WHOLE, .absent = 0, .min = 0, .max = MOST_ITEMS},
    {.name = NULL},
};

static const task_option run_options[] = {
    {.name = "length", .type = OPTION_WHOLE, .absent = 8, .min = 1, .max = MOST_ITEMS},
    {.name = "shortest", .type = OPTION_WHOLE, .absent = 0, .min = 0, .max = MOST_ITEMS},
    {.name = "alphabet", .type = OPTION_CHOICE, .absent = 1, .words = {"digits", "letters"}},
    {.name = NULL},
};

static int prepare_run(assay_task *task)
{
    const int64_t length = task->value[RUN_LENGTH].whole,
                  shortest = task->value[RUN_SHORTEST].whole;
    if (shortest > length)
        return assay_fail(ASSAY_EINVAL,
            "%s: shortest must be in 1..%lld, the length, or 0 for the length alone, got %lld",
            task->kind->name, (long long)length, (long long)shortest);
    task->longest_answer = task->kind == &assay_task_parity ? 1 : (size_t)length;
    task->longest_prompt = strlen(task->kind->name) + (size_t)length + 2;
    return ASSAY_OK;
}

static int draw_run(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    const int64_t most = task->value[RUN_LENGTH].whole;
    const int64_t least = task->value[RUN_SHORTEST].whole ? task->value[RUN_SHORTEST].whole : most;
    const uint64_t length = (uint64_t)least + assay_rng_below(rng, (uint64_t)(most - least + 1));
    task_writer prompt = {out->prompt, 0};
    task_put(&prompt, task->kind->name);
    task_put_byte(&prompt, ' ');
    for (uint64_t i = 0; i < length; i++)
        task_put_byte(&prompt, task->kind == &assay_task_parity
                                   ? (char)('0' + assay_rng_below(rng, 2))
                                   : draw_item(rng, task->value[RUN_ALPHABET].whole));
    task_put_byte(&prompt, '=');
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

static bool solve_copy(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    task_text items;
    if (!open_prompt(prompt, "copy ", &items) || !is_run(items, NULL))
        return false;
    task_put_bytes(answer, items.at, items.size);
    return true;
}

static bool solve_reverse(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    task_text items;
    if (!open_prompt(prompt, "reverse ", &items) || !is_run(items, NULL))
        return false;
    for (size_t i = items.size; i > 0; i--)
        task_put_byte(answer, items.at[i - 1]);
    return true;
}

static bool solve_parity(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    task_text items;
    bool odd = false;
    if (!open_prompt(prompt, "parity ", &items) || !is_run(items, "01"))
        return false;
    for (size_t i = 0; i < items.size; i++)
        odd ^= items.at[i] == '1';
    task_put_byte(answer, odd ? '1' : '0');
    return true;
}

static bool judge_run(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    (void)task, (void)prompt;
    if (is_run(answer, NULL))
        task_judged(out, answer, task_same(answer, right), task_prefix(answer, right));
    return true;
}

static bool judge_parity(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    (void)task, (void)prompt;
    if (answer.size == 1 && is_run(answer, "01"))
        task_judged(out, answer, task_same(answer, right), 0);
    return true;
}

const task_kind assay_task_copy = {
    .name = "copy",
    .summary = "repeat the letters or digits",
    .form = "\"copy abc=\"",
    .options = run_options,
    .prepare = prepare_run,
    .draw = draw_run,
    .solve = solve_copy,
    .judge = judge_run,
};

const task_kind assay_task_reverse = {
    .name = "reverse",
    .summary = "repeat the letters or digits from the end",
    .form = "\"reverse abc=\"",
    .options = run_options,
    .prepare = prepare_run,
    .draw = draw_run,
    .solve = solve_reverse,
    .judge = judge_run,
};

const task_kind assay_task_parity = {
    .name = "parity",
    .summary = "is the number of ones odd?",
    .form = "\"parity 1011=\"",
    .options = parity_options,
    .prepare = prepare_run,
    .draw = draw_run,
    .solve = solve_parity,
    .judge = judge_parity,
};
