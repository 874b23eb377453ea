/*
 * countdown: reach a target with given numbers, + - * / and parentheses.
 *
 *     3 5 7 2: 24=  ->  3*7+5-2
 *
 * Every number is used exactly once (use = "all") or at most once ("any"). Values are fractions;
 * intermediate ones may be no whole numbers. Only problems with an answer are emitted: the target
 * is the value of a random expression. Its tree is drawn by joining two random neighbours until one
 * is left, which prefers balanced trees a little over lopsided ones.
 *
 * The grammar of answers, in which a minus has two sides and spaces have no place:
 *     sum = product { (+|-) product }   product = factor { (*|/) factor }   factor = number | ( sum
 * )
 */
#include <stdlib.h>
#include <string.h>

#include "models/tasks/kind.h"
#include "models/tasks/rational.h"

enum { USE_ALL, USE_ANY };
enum {
    COUNTDOWN_NUMBERS,
    COUNTDOWN_MAX,
    COUNTDOWN_TARGET_MIN,
    COUNTDOWN_TARGET_MAX,
    COUNTDOWN_USE,
    COUNTDOWN_OPS
};
enum { MOST_NUMBERS = 8, MOST_COUNTED = 4, LARGEST = 1000000, DEEPEST = 64, DRAWS = 100000 };

static const char ops[] = "+-*/";
enum { OPS = 4 };

static const task_option countdown_options[] = {
    {.name = "numbers", .type = OPTION_WHOLE, .absent = 4, .min = 2, .max = MOST_NUMBERS},
    {.name = "max", .type = OPTION_WHOLE, .absent = 20, .min = 1, .max = LARGEST},
    {.name = "target_min", .type = OPTION_WHOLE, .absent = 1, .min = 0, .max = LARGEST},
    {.name = "target_max", .type = OPTION_WHOLE, .absent = 100, .min = 0, .max = LARGEST},
    {.name = "use", .type = OPTION_CHOICE, .words = {"all", "any"}},
    {.name = "ops", .type = OPTION_SET, .absent = 15, .words = {"+", "-", "*", "/"}},
    {.name = NULL},
};

static int prepare_countdown(assay_task *task)
{
    const int64_t low = task->value[COUNTDOWN_TARGET_MIN].whole;
    const int64_t high = task->value[COUNTDOWN_TARGET_MAX].whole;
    if (low > high)
        return assay_fail(ASSAY_EINVAL,
            "countdown: target_min must be in 0..%lld, target_max, got %lld", (long long)high,
            (long long)low);
    size_t width = 0, target = 0;
    for (int64_t n = task->value[COUNTDOWN_MAX].whole; n > 0; n /= 10)
        width++;
    for (int64_t n = high; n > 0; n /= 10)
        target++;
    const size_t numbers = (size_t)task->value[COUNTDOWN_NUMBERS].whole;
    task->longest_prompt = numbers * (width + 1) + 2 + (target ? target : 1);
    task->longest_answer = numbers * width + 3 * (numbers - 1); /* operators, parentheses */
    return ASSAY_OK;
}

/* ---- prompts ---- */

typedef struct countdown {
    int64_t number[ASSAY_TASK_LONGEST / 2];
    size_t n;
    int64_t target;
} countdown;

static bool read_prompt(task_text text, countdown *out)
{
    uint64_t number;
    out->n = 0;
    do {
        if (!task_take_number(&text, LARGEST, &number))
            return false;
        out->number[out->n++] = (int64_t)number;
    } while (task_take(&text, " "));
    if (!task_take(&text, ": ") || !task_take_number(&text, LARGEST, &number))
        return false;
    out->target = (int64_t)number;
    return task_take(&text, "=") && text.size == 0;
}

static void put_problem(task_writer *to, const int64_t *number, size_t n, int64_t target)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            task_put_byte(to, ' ');
        task_put_number(to, (uint64_t)number[i]);
    }
    task_put(to, ": ");
    task_put_number(to, (uint64_t)target);
    task_put_byte(to, '=');
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The same numbers in another order are the same problem. */
static void value_of_countdown(const assay_task_problem *problem, task_writer *value)
{
    countdown c;
    read_prompt((task_text){problem->prompt, problem->prompt_size}, &c);
    qsort(c.number, c.n, sizeof *c.number, ascending);
    put_problem(value, c.number, c.n, c.target);
}

/* ---- answers ---- */

typedef struct parser {
    task_text rest;
    size_t depth;
    bool malformed;
    int64_t literal[ASSAY_TASK_LONGEST];
    size_t literals;
    bool huge; /* a literal beyond 64 bits */
} parser;

static rational parse_sum(parser *p);

static bool next_is(const parser *p, char a, char b)
{
    return p->rest.size > 0 && (p->rest.at[0] == a || p->rest.at[0] == b);
}

static char take(parser *p)
{
    const char c = p->rest.at[0];
    p->rest = (task_text){p->rest.at + 1, p->rest.size - 1};
    return c;
}

static rational fault(parser *p)
{
    p->malformed = true;
    p->rest.size = 0;
    return rational_of(0);
}

static rational parse_number(parser *p)
{
    uint64_t number = 0;
    if (p->rest.size == 0 || p->rest.at[0] < '0' || p->rest.at[0] > '9')
        return fault(p);
    if (task_take_number(&p->rest, INT64_MAX, &number)) {
        p->literal[p->literals++] = (int64_t)number;
        return rational_of((int64_t)number);
    }
    while (p->rest.size > 0 && p->rest.at[0] >= '0' && p->rest.at[0] <= '9')
        take(p);
    p->huge = true;
    return (rational){0, 0, ASSAY_ANSWER_OVERFLOW};
}

static rational parse_factor(parser *p)
{
    if (!next_is(p, '(', '('))
        return parse_number(p);
    take(p);
    if (++p->depth > DEEPEST)
        return fault(p);
    const rational value = parse_sum(p);
    p->depth--;
    if (!next_is(p, ')', ')'))
        return fault(p);
    take(p);
    return value;
}

static rational parse_product(parser *p)
{
    rational value = parse_factor(p);
    while (next_is(p, '*', '/')) {
        const char op = take(p);
        value = rational_apply(op, value, parse_factor(p));
    }
    return value;
}

static rational parse_sum(parser *p)
{
    rational value = parse_product(p);
    while (next_is(p, '+', '-')) {
        const char op = take(p);
        value = rational_apply(op, value, parse_product(p));
    }
    return value;
}

/* Each literal takes one of the numbers; with "all" none is left. */
static bool uses_the_numbers(const assay_task *task, countdown *c, parser *p)
{
    const bool any = task->value[COUNTDOWN_USE].whole == USE_ANY;
    size_t at = 0;
    if (p->huge || p->literals > c->n || (!any && p->literals < c->n))
        return false;
    qsort(c->number, c->n, sizeof *c->number, ascending);
    qsort(p->literal, p->literals, sizeof *p->literal, ascending);
    for (size_t i = 0; i < p->literals; i++, at++) {
        while (at < c->n && c->number[at] < p->literal[i])
            at++;
        if (at == c->n || c->number[at] != p->literal[i])
            return false;
    }
    return true;
}

/* There is no partial credit: an expression's value says nothing about how near it is. */
static bool judge_countdown(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    (void)right;
    countdown c;
    parser p = {.rest = answer};
    if (!read_prompt(prompt, &c))
        return false;
    const rational value = parse_sum(&p);
    if (p.malformed || p.rest.size > 0)
        return true;
    const bool uses = uses_the_numbers(task, &c, &p);
    task_judged(out, answer, uses && rational_is(value, c.target), 0);
    out->error = value.den == 0 ? value.why : uses ? ASSAY_ANSWER_FINE : ASSAY_ANSWER_NUMBERS;
    return true;
}

/* ---- draws ---- */

/* An expression: its value, its text, and how tightly its last operation binds. */
typedef struct expression {
    rational value;
    int binding; /* 1: + -, 2: * /, 3: a number */
    char text[16 * MOST_NUMBERS];
    size_t size;
} expression;

static void put_operand(task_writer *to, const expression *e, bool parentheses)
{
    if (parentheses)
        task_put_byte(to, '(');
    task_put_bytes(to, e->text, e->size);
    if (parentheses)
        task_put_byte(to, ')');
}

/* Without parentheses that change nothing: a+(b-c) is a+b-c, a*(b/c) is a*b/c. */
static expression join(char op, const expression *a, const expression *b)
{
    char buffer[ASSAY_TASK_LONGEST + 1];
    task_writer text = {buffer, 0};
    expression joined = {.value = rational_apply(op, a->value, b->value)};
    joined.binding = op == '+' || op == '-' ? 1 : 2;
    const bool strict = op == '-' || op == '/';
    put_operand(&text, a, a->binding < joined.binding);
    task_put_byte(&text, op);
    put_operand(&text, b, b->binding < joined.binding || (strict && b->binding == joined.binding));
    memcpy(joined.text, buffer, text.size);
    joined.size = text.size;
    return joined;
}

static char draw_op(const assay_task *task, assay_rng *rng)
{
    uint64_t op;
    do
        op = assay_rng_below(rng, OPS);
    while (!(task->value[COUNTDOWN_OPS].whole >> op & 1));
    return ops[op];
}

static expression draw_expression(
    const assay_task *task, assay_rng *rng, const int64_t *number, size_t n)
{
    expression part[MOST_NUMBERS];
    for (size_t i = 0; i < n; i++) {
        char buffer[ASSAY_TASK_LONGEST + 1];
        task_writer text = {buffer, 0};
        task_put_number(&text, (uint64_t)number[i]);
        part[i] = (expression){.value = rational_of(number[i]), .binding = 3, .size = text.size};
        memcpy(part[i].text, buffer, text.size);
    }
    for (; n > 1; n--) {
        const size_t at = (size_t)assay_rng_below(rng, n - 1);
        part[at] = join(draw_op(task, rng), &part[at], &part[at + 1]);
        memmove(part + at + 1, part + at + 2, (n - at - 2) * sizeof *part);
    }
    return part[0];
}

static bool is_wanted(const assay_task *task, const expression *e, const int64_t *number, size_t n)
{
    if (e->value.den != 1 || e->value.num < task->value[COUNTDOWN_TARGET_MIN].whole ||
        e->value.num > task->value[COUNTDOWN_TARGET_MAX].whole)
        return false;
    for (size_t i = 0; i < n && task->value[COUNTDOWN_USE].whole == USE_ANY; i++)
        if (number[i] == e->value.num) /* alone it would be an answer */
            return false;
    return true;
}

/* With "any" the expression takes some of the numbers, two at least. */
static int draw_countdown(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    const size_t n = (size_t)task->value[COUNTDOWN_NUMBERS].whole;
    task_writer prompt = {out->prompt, 0}, answer = {out->answer, 0};
    int64_t number[MOST_NUMBERS], mixed[MOST_NUMBERS];
    size_t order[MOST_NUMBERS];
    for (int draws = 0; draws < DRAWS; draws++) {
        const size_t used =
            task->value[COUNTDOWN_USE].whole == USE_ANY ? 2 + assay_rng_below(rng, n - 1) : n;
        for (size_t i = 0; i < n; i++)
            number[i] =
                1 + (int64_t)assay_rng_below(rng, (uint64_t)task->value[COUNTDOWN_MAX].whole);
        const expression e = draw_expression(task, rng, number, used);
        if (!is_wanted(task, &e, number, n))
            continue;
        assay_rng_permutation(rng, n, order);
        for (size_t i = 0; i < n; i++)
            mixed[i] = number[order[i]];
        put_problem(&prompt, mixed, n, e.value.num);
        task_put_bytes(&answer, e.text, e.size);
        out->prompt_size = prompt.size;
        out->answer_size = answer.size;
        return ASSAY_OK;
    }
    return assay_fail(ASSAY_EINVAL,
        "countdown: no expression of %d had a target in %lld..%lld; widen target_min..target_max",
        DRAWS, (long long)task->value[COUNTDOWN_TARGET_MIN].whole,
        (long long)task->value[COUNTDOWN_TARGET_MAX].whole);
}

/* ---- solutions, counted ---- */

enum { MOST_TREES = 320 }; /* over 4 leaves in a given order: 5 shapes, 4^3 operators */

typedef struct count {
    int64_t target, leaf[MOST_COUNTED];
    int64_t different[MOST_COUNTED]; /* numbers, and how often each may still be taken */
    size_t left[MOST_COUNTED], kinds;
    size_t least, most; /* leaves */
    uint64_t solutions, trees;
} count;

/* The values of all trees over leaves from..to-1, in that order. */
static size_t all_values(const count *c, size_t from, size_t to, rational *out)
{
    rational left[MOST_TREES], right[MOST_TREES];
    size_t n = 0;
    if (to - from == 1)
        out[n++] = rational_of(c->leaf[from]);
    for (size_t cut = from + 1; cut < to; cut++) {
        const size_t n_left = all_values(c, from, cut, left);
        const size_t n_right = all_values(c, cut, to, right);
        for (size_t i = 0; i < n_left; i++)
            for (size_t j = 0; j < n_right; j++)
                for (size_t op = 0; op < OPS; op++)
                    out[n++] = rational_apply(ops[op], left[i], right[j]);
    }
    return n;
}

/* All sequences of leaves, each once. */
static void visit(count *c, size_t n)
{
    if (n >= c->least) {
        rational value[MOST_TREES];
        const size_t trees = all_values(c, 0, n, value);
        for (size_t i = 0; i < trees; i++)
            c->solutions += rational_is(value[i], c->target);
        c->trees += trees;
    }
    for (size_t i = 0; i < c->kinds && n < c->most; i++)
        if (c->left[i] > 0) {
            c->left[i]--;
            c->leaf[n] = c->different[i];
            visit(c, n + 1);
            c->left[i]++;
        }
}

int assay_task_solutions(const assay_task *task, const char *prompt, size_t prompt_size,
    uint64_t *solutions, uint64_t *trees)
{
    countdown asked;
    count c = {.kinds = 0};
    if (task->kind != &assay_task_countdown)
        return assay_fail(ASSAY_EINVAL, "%s: solutions are counted for the task countdown only",
            task->kind->name);
    if (prompt_size > ASSAY_TASK_LONGEST || !read_prompt((task_text){prompt, prompt_size}, &asked))
        return assay_fail(
            ASSAY_EINVAL, "countdown: prompt must be of the form %s", assay_task_countdown.form);
    if (asked.n > MOST_COUNTED)
        return assay_fail(ASSAY_EINVAL,
            "countdown: solutions are counted for at most %d numbers, the prompt has %zu",
            MOST_COUNTED, asked.n);
    for (size_t i = 0; i < asked.n; i++) {
        size_t kind = 0;
        while (kind < c.kinds && c.different[kind] != asked.number[i])
            kind++;
        c.different[kind] = asked.number[i];
        c.left[kind]++;
        c.kinds += kind == c.kinds;
    }
    c.target = asked.target;
    c.most = asked.n;
    c.least = task->value[COUNTDOWN_USE].whole == USE_ANY ? 1 : asked.n;
    visit(&c, 0);
    *solutions = c.solutions;
    *trees = c.trees;
    return ASSAY_OK;
}

const task_kind assay_task_countdown = {
    .name = "countdown",
    .summary = "reach a target with given numbers",
    .form = "\"3 5 7 2: 24=\"",
    .options = countdown_options,
    .prepare = prepare_countdown,
    .draw = draw_countdown,
    .judge = judge_countdown,
    .value = value_of_countdown,
};
