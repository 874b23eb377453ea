/*
 * Balanced brackets.
 *     classify  ([{}])?  ->  y     balanced or not
 *     complete  ([{      ->  }])   any rest that balances, within the length
 *
 * Balanced words are drawn uniformly among those of their length and depth: by the number of
 * balanced rests (ways), which for 64 brackets stays below 2^56.
 */
#include <stdlib.h>
#include <string.h>

#include "models/tasks/kind.h"

enum { MODE_CLASSIFY, MODE_COMPLETE };
enum { BRACKET_TYPES, BRACKET_LENGTH, BRACKET_DEPTH, BRACKET_MODE };
enum { MOST_BRACKETS = 64, MOST_TYPES = 4 };

static const char openers[] = "([{<", closers[] = ")]}>";

static const task_option bracket_options[] = {
    {.name = "types", .type = OPTION_WHOLE, .absent = 2, .min = 1, .max = MOST_TYPES},
    {.name = "length", .type = OPTION_WHOLE, .absent = 12, .min = 2, .max = MOST_BRACKETS},
    {.name = "depth", .type = OPTION_WHOLE, .absent = 0, .min = 0, .max = MOST_BRACKETS / 2},
    {.name = "mode", .type = OPTION_CHOICE, .words = {"classify", "complete"}},
    {.name = NULL},
};

static int position(const char *of, char c)
{
    const char *at = c ? strchr(of, c) : NULL;
    return at ? (int)(at - of) : -1;
}

static bool is_bracket(char c)
{
    return position(openers, c) >= 0 || position(closers, c) >= 0;
}

/* ---- the stack machine ---- */

typedef struct stack {
    char wanted[2 * ASSAY_TASK_LONGEST]; /* the closers, innermost last: of prompt and answer */
    size_t height;
} stack;

/* How many brackets of the text it takes before one that closes nothing or the wrong one. */
static size_t push_all(stack *s, task_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        const int open = position(openers, text.at[i]);
        if (open >= 0)
            s->wanted[s->height++] = closers[open];
        else if (s->height > 0 && s->wanted[s->height - 1] == text.at[i])
            s->height--;
        else
            return i;
    }
    return text.size;
}

static bool balanced(task_text text)
{
    stack s = {.height = 0};
    return push_all(&s, text) == text.size && s.height == 0;
}

/* ---- draws ---- */

/* ways[rest * (depth + 1) + height]: words of `rest` brackets that close what is `height` deep. */
static uint64_t ways(const assay_task *task, size_t rest, size_t height)
{
    const size_t depth = (size_t)task->value[BRACKET_DEPTH].whole;
    return height > depth ? 0 : task->ways[rest * (depth + 1) + height];
}

static int prepare_bracket(assay_task *task)
{
    const size_t length = (size_t)task->value[BRACKET_LENGTH].whole;
    if (length % 2 == 1)
        return assay_fail(ASSAY_EINVAL, "bracket: length must be even, got %zu", length);
    if (task->value[BRACKET_DEPTH].whole == 0 ||
        task->value[BRACKET_DEPTH].whole > (int64_t)length / 2)
        task->value[BRACKET_DEPTH].whole = (int64_t)length / 2;
    const size_t depth = (size_t)task->value[BRACKET_DEPTH].whole;
    task->ways = calloc((length + 1) * (depth + 1), sizeof *task->ways);
    if (!task->ways)
        return assay_fail(ASSAY_ENOMEM, "bracket: no memory");
    task->ways[0] = 1;
    for (size_t rest = 1; rest <= length; rest++)
        for (size_t height = 0; height <= depth; height++)
            task->ways[rest * (depth + 1) + height] =
                ways(task, rest - 1, height + 1) +
                (height > 0 ? ways(task, rest - 1, height - 1) : 0);
    task->longest_prompt = length + 1;
    task->longest_answer = task->value[BRACKET_MODE].whole == MODE_COMPLETE ? depth : 1;
    return ASSAY_OK;
}

static void draw_balanced(const assay_task *task, assay_rng *rng, size_t length, char *word)
{
    stack s = {.height = 0};
    for (size_t i = 0; i < length; i++) {
        const size_t rest = length - i - 1;
        const uint64_t up = ways(task, rest, s.height + 1);
        const uint64_t down = s.height > 0 ? ways(task, rest, s.height - 1) : 0;
        if (assay_rng_below(rng, up + down) < up) {
            const uint64_t type = assay_rng_below(rng, (uint64_t)task->value[BRACKET_TYPES].whole);
            word[i] = openers[type];
            s.wanted[s.height++] = closers[type];
        } else {
            word[i] = s.wanted[--s.height];
        }
    }
}

/* Two brackets change places; where that leaves it balanced, one becomes another. A word in which
 * exactly one bracket is another has not as many openers of each type as closers. */
static void spoil(const assay_task *task, assay_rng *rng, char *word, size_t length)
{
    const size_t a = (size_t)assay_rng_below(rng, length), b = (size_t)assay_rng_below(rng, length);
    const uint64_t types = (uint64_t)task->value[BRACKET_TYPES].whole;
    const char kept = word[a];
    word[a] = word[b];
    word[b] = kept;
    if (!balanced((task_text){word, length}))
        return;
    for (const char old = word[a]; word[a] == old;) {
        const uint64_t draw = assay_rng_below(rng, 2 * types);
        word[a] = draw < types ? openers[draw] : closers[draw - types];
    }
}

static void draw_classify(const assay_task *task, assay_rng *rng, task_writer *prompt)
{
    char word[MOST_BRACKETS];
    const uint64_t pairs = (uint64_t)task->value[BRACKET_LENGTH].whole / 2;
    const size_t length = 2 * (size_t)(1 + assay_rng_below(rng, pairs));
    draw_balanced(task, rng, length, word);
    if (assay_rng_below(rng, 2))
        spoil(task, rng, word, length);
    task_put_bytes(prompt, word, length);
    task_put_byte(prompt, '?');
}

/* Cut where something is open. */
static void draw_complete(const assay_task *task, assay_rng *rng, task_writer *prompt)
{
    char word[MOST_BRACKETS];
    const size_t length = (size_t)task->value[BRACKET_LENGTH].whole;
    size_t cut;
    draw_balanced(task, rng, length, word);
    do
        cut = 1 + (size_t)assay_rng_below(rng, length - 1);
    while (balanced((task_text){word, cut}));
    task_put_bytes(prompt, word, cut);
}

static int draw_bracket(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    task_writer prompt = {out->prompt, 0};
    if (task->value[BRACKET_MODE].whole == MODE_CLASSIFY)
        draw_classify(task, rng, &prompt);
    else
        draw_complete(task, rng, &prompt);
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

/* ---- verdicts ---- */

static bool all_brackets(task_text text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_bracket(text.at[i]))
            return false;
    return true;
}

static bool solve_bracket(const assay_task *task, task_text prompt, task_writer *answer)
{
    stack s = {.height = 0};
    if (task->value[BRACKET_MODE].whole == MODE_CLASSIFY) {
        if (prompt.size == 0 || prompt.at[prompt.size - 1] != '?')
            return false;
        prompt.size--;
        task_put_byte(answer, balanced(prompt) ? 'y' : 'n');
        return all_brackets(prompt);
    }
    if (push_all(&s, prompt) < prompt.size)
        return false;
    while (s.height > 0)
        task_put_byte(answer, s.wanted[--s.height]);
    return true;
}

static bool judge_classify(task_text right, task_text answer, assay_verdict *out)
{
    if (answer.size == 1 && (answer.at[0] == 'y' || answer.at[0] == 'n'))
        task_judged(out, answer, task_same(answer, right), 0);
    return true;
}

/* Credit: the share of the prompt's brackets that the answer closes before its first fault; what it
 * leaves over, opens in vain or writes beyond the length counts as more to close. */
static bool judge_complete(
    const assay_task *task, task_text prompt, task_text answer, assay_verdict *out)
{
    const size_t limit = (size_t)task->value[BRACKET_LENGTH].whole;
    stack s = {.height = 0};
    push_all(&s, prompt);
    const size_t open = s.height;
    size_t least = open, taken = 0;
    if (!all_brackets(answer))
        return true;
    while (taken < answer.size && push_all(&s, (task_text){answer.at + taken, 1}) == 1) {
        least = s.height < least ? s.height : least;
        taken++;
    }
    const size_t total = prompt.size + answer.size, beyond = total > limit ? total - limit : 0;
    const size_t extra = beyond + (answer.size - taken) + (s.height - least);
    const bool right = taken == answer.size && s.height == 0 && beyond == 0;
    task_judged(
        out, answer, right, open + extra ? (double)(open - least) / (double)(open + extra) : 0);
    if (beyond)
        out->error = ASSAY_ANSWER_LENGTH;
    return true;
}

static bool judge_bracket(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    return task->value[BRACKET_MODE].whole == MODE_CLASSIFY
               ? judge_classify(right, answer, out)
               : judge_complete(task, prompt, answer, out);
}

const task_kind assay_task_bracket = {
    .name = "bracket",
    .summary = "balanced brackets: tell them, or complete them",
    .form = "\"([{}])?\", or \"([{\" to complete",
    .options = bracket_options,
    .prepare = prepare_bracket,
    .draw = draw_bracket,
    .solve = solve_bracket,
    .judge = judge_bracket,
};
