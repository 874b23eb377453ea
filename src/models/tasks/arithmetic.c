/*
 * Sums of any length, and modular arithmetic.
 *     add       37+45=     ->  82     with `reverse`: 28, the digit that is computed first first
 *     modarith  37*45%97=  ->  16     a / b is a times the inverse of b
 *
 * Sums are added digit by digit, so that no length overflows. `alphabets` writes the same sums in
 * three alphabets whose symbols have nothing in common, as languages that a model sees more or less
 * of: digits 0-9 with + and =, a-j with & and :, k-t with _ and ; (the paper of the method
 * "multilingual" has no such thing; the testbed's own).
 */
#include <math.h>
#include <string.h>

#include "models/tasks/kind.h"

enum { ALPHABETS = 3, MOST_DIGITS = 64, MOST_OPERANDS = 32 };

typedef struct alphabet {
    char zero, plus, equals;
} alphabet;

static const alphabet alphabets[ALPHABETS] = {{'0', '+', '='}, {'a', '&', ':'}, {'k', '_', ';'}};

/* ---- add: numbers as digits, the least significant first ---- */

enum { ADD_DIGITS, ADD_BASE, ADD_OPERANDS, ADD_PAD, ADD_REVERSE, ADD_ALPHABETS };

static const task_option add_options[] = {
    {.name = "digits", .type = OPTION_WHOLE, .absent = 2, .min = 1, .max = MOST_DIGITS},
    {.name = "base", .type = OPTION_WHOLE, .absent = 10, .min = 2, .max = 36},
    {.name = "operands", .type = OPTION_WHOLE, .absent = 2, .min = 2, .max = MOST_OPERANDS},
    {.name = "pad", .type = OPTION_SWITCH},
    {.name = "reverse", .type = OPTION_SWITCH},
    {.name = "alphabets", .type = OPTION_SHARES, .words = {"0-9", "a-j", "k-t"}},
    {.name = NULL},
};

/* What a prompt says. */
typedef struct sum {
    alphabet in;
    unsigned digit[ASSAY_TASK_LONGEST + 4]; /* of the sum; zero beyond */
    size_t size;                            /* without those */
    size_t width;                           /* of the largest sum of operands that long */
} sum;

/* -1: no digit of the base */
static int digit_of(char c, const alphabet *in, unsigned base)
{
    int digit = c >= 'a' && c <= 'z' && in->zero == '0' ? c - 'a' + 10 : c - in->zero;
    if (in->zero == '0' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z'))
        digit = -1;
    return digit >= 0 && digit < (int)base ? digit : -1;
}

static char digit_as(unsigned digit, const alphabet *in)
{
    return (char)(digit < 10 ? in->zero + (int)digit : 'a' + (int)digit - 10);
}

static size_t carry(unsigned *digit, size_t size, unsigned base)
{
    unsigned over = 0;
    size_t i = 0;
    for (; i < size || over; i++) {
        over += i < size ? digit[i] : 0;
        digit[i] = over % base;
        over /= base;
    }
    while (i > 1 && digit[i - 1] == 0)
        i--;
    return i;
}

/* Digits of operands times the largest number of `digits` digits. */
static size_t widest(size_t digits, size_t operands, unsigned base)
{
    size_t over = 0, width = digits;
    for (size_t i = 0; i < digits; i++)
        over = (operands * (base - 1) + over) / base;
    for (; over > 0; over /= base)
        width++;
    return width;
}

static bool find_alphabet(task_text prompt, alphabet *in)
{
    for (size_t i = 0; i < ALPHABETS && prompt.size > 0; i++)
        if (prompt.at[prompt.size - 1] == alphabets[i].equals) {
            *in = alphabets[i];
            return true;
        }
    return false;
}

static bool add_operand(task_text operand, unsigned base, sum *s)
{
    for (size_t i = 0; i < operand.size; i++) {
        const int digit = digit_of(operand.at[operand.size - 1 - i], &s->in, base);
        if (digit < 0)
            return false;
        s->digit[i] += (unsigned)digit;
    }
    return operand.size > 0;
}

static bool read_sum(task_text prompt, unsigned base, sum *s)
{
    size_t operands = 0, longest = 0, start = 0;
    if (!find_alphabet(prompt, &s->in) || (s->in.zero != '0' && base > 10))
        return false;
    memset(s->digit, 0, (prompt.size + 4) * sizeof *s->digit);
    for (size_t i = 0; i < prompt.size; i++)
        if (prompt.at[i] == s->in.plus || i + 1 == prompt.size) {
            if (!add_operand((task_text){prompt.at + start, i - start}, base, s))
                return false;
            longest = i - start > longest ? i - start : longest;
            start = i + 1;
            operands++;
        }
    s->size = carry(s->digit, longest, base);
    s->width = widest(longest, operands, base);
    return operands >= 2;
}

static void put_digits(
    task_writer *to, const unsigned *digit, size_t n, const alphabet *in, bool reverse)
{
    for (size_t i = 0; i < n; i++)
        task_put_byte(to, digit_as(digit[reverse ? i : n - 1 - i], in));
}

static unsigned base_of(const assay_task *task)
{
    return (unsigned)task->value[ADD_BASE].whole;
}

static bool solve_add(const assay_task *task, task_text prompt, task_writer *answer)
{
    sum s;
    if (!read_sum(prompt, base_of(task), &s))
        return false;
    put_digits(answer, s.digit, task->value[ADD_PAD].whole ? s.width : s.size, &s.in,
        task->value[ADD_REVERSE].whole);
    return true;
}

/* The answer says its number without zeros in front where they are allowed, in the digits of the
 * first alphabet. Credit: the share of right digits, counted from the last. */
static bool judge_add(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    sum s;
    (void)right;
    if (!read_sum(prompt, base_of(task), &s))
        return false;
    char said[ASSAY_TASK_LONGEST + 1], wanted[ASSAY_TASK_LONGEST + 1];
    task_writer said_to = {said, 0}, wanted_to = {wanted, 0};
    const bool reverse = task->value[ADD_REVERSE].whole;
    size_t first = 0;
    for (size_t i = 0; i < answer.size; i++) {
        const char c = answer.at[reverse ? answer.size - 1 - i : i];
        const int digit = digit_of(c, &s.in, base_of(task));
        if (digit < 0)
            return true;
        task_put_byte(&said_to, digit_as((unsigned)digit, &alphabets[0]));
    }
    if (answer.size == 0)
        return true;
    while (task->value[ADD_PAD].whole && first + 1 < said_to.size && said[first] == '0')
        first++;
    put_digits(&wanted_to, s.digit, s.size, &alphabets[0], false);
    const task_text a = {said + first, said_to.size - first}, b = {wanted, wanted_to.size};
    task_judged(out, a, task_same(a, b), task_agreement(a, b));
    return true;
}

static int prepare_add(assay_task *task)
{
    const size_t digits = (size_t)task->value[ADD_DIGITS].whole;
    const size_t operands = (size_t)task->value[ADD_OPERANDS].whole;
    const double *share = task->value[ADD_ALPHABETS].share;
    if (base_of(task) > 10 && (share[1] > 0 || share[2] > 0))
        return assay_fail(
            ASSAY_EINVAL, "add: base must be in 2..10 for other alphabets, got %u", base_of(task));
    task->longest_prompt = operands * (digits + 1);
    task->longest_answer = widest(digits, operands, base_of(task));
    return ASSAY_OK;
}

/* Numbers are uniform in 0..base^digits-1: digits are drawn, and zeros in front are not written
 * unless all are padded. */
static void draw_number(const assay_task *task, assay_rng *rng, task_writer *prompt)
{
    unsigned digit[MOST_DIGITS];
    size_t n = (size_t)task->value[ADD_DIGITS].whole;
    for (size_t i = 0; i < n; i++)
        digit[i] = (unsigned)assay_rng_below(rng, base_of(task));
    while (!task->value[ADD_PAD].whole && n > 1 && digit[n - 1] == 0)
        n--;
    put_digits(prompt, digit, n, &alphabets[0], false);
}

static int draw_add(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    task_writer prompt = {out->prompt, 0};
    for (int64_t i = 0; i < task->value[ADD_OPERANDS].whole; i++) {
        draw_number(task, rng, &prompt);
        task_put_byte(&prompt, i + 1 < task->value[ADD_OPERANDS].whole ? '+' : '=');
    }
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

static void transliterate(char *text, size_t size, const alphabet *to)
{
    for (size_t i = 0; i < size; i++)
        text[i] = text[i] == '+'   ? to->plus
                  : text[i] == '=' ? to->equals
                                   : (char)(to->zero + (text[i] - '0'));
}

static void dress_add(const assay_task *task, assay_rng *rng, assay_task_problem *problem)
{
    size_t which = 0;
    if (task->value[ADD_ALPHABETS].share[1] + task->value[ADD_ALPHABETS].share[2] > 0)
        assay_rng_categorical(rng, task->value[ADD_ALPHABETS].share, ALPHABETS, &which);
    if (which > 0) {
        transliterate(problem->prompt, problem->prompt_size, &alphabets[which]);
        transliterate(problem->answer, problem->answer_size, &alphabets[which]);
    }
}

const task_kind assay_task_add = {
    .name = "add",
    .summary = "add numbers of some digits",
    .form = "\"37+45=\"",
    .options = add_options,
    .prepare = prepare_add,
    .draw = draw_add,
    .solve = solve_add,
    .judge = judge_add,
    .dress = dress_add,
};

/* ---- modarith ---- */

enum { MOD_P, MOD_OPS };

static const task_option modarith_options[] = {
    {.name = "p", .type = OPTION_WHOLE, .absent = 97, .min = 2, .max = INT32_MAX},
    {.name = "ops", .type = OPTION_SET, .absent = 15, .words = {"+", "-", "*", "/"}},
    {.name = NULL},
};

/* The inverse of b modulo p by Euclid's algorithm; 0: it has none. */
static int64_t inverse(int64_t b, int64_t p)
{
    int64_t r = p, next_r = b % p, t = 0, next_t = 1;
    while (next_r != 0) {
        const int64_t q = r / next_r, rest = r - q * next_r, t_rest = t - q * next_t;
        r = next_r;
        next_r = rest;
        t = next_t;
        next_t = t_rest;
    }
    return r != 1 ? 0 : t < 0 ? t + p : t;
}

/* a, b < p < 2^31 */
static bool apply(char op, int64_t a, int64_t b, int64_t p, int64_t *value)
{
    if (op == '/') {
        b = inverse(b, p);
        if (b == 0)
            return false;
    }
    *value = (op == '+' ? a + b : op == '-' ? a - b + p : a * b) % p;
    return true;
}

static bool solve_modarith(const assay_task *task, task_text prompt, task_writer *answer)
{
    (void)task;
    uint64_t a, b, p;
    int64_t value;
    char op = 0;
    if (!task_take_number(&prompt, INT32_MAX, &a) || prompt.size == 0 ||
        !memchr("+-*/", op = prompt.at[0], 4))
        return false;
    prompt = (task_text){prompt.at + 1, prompt.size - 1};
    if (!task_take_number(&prompt, INT32_MAX, &b) || !task_take(&prompt, "%") ||
        !task_take_number(&prompt, INT32_MAX, &p) || !task_take(&prompt, "=") || prompt.size > 0)
        return false;
    if (p < 2 || a >= p || b >= p || !apply(op, (int64_t)a, (int64_t)b, (int64_t)p, &value))
        return false;
    task_put_number(answer, (uint64_t)value);
    return true;
}

/* Credit: the share of right digits, counted from the last. */
static bool judge_modarith(
    const assay_task *task, task_text prompt, task_text right, task_text answer, assay_verdict *out)
{
    (void)task, (void)prompt;
    for (size_t i = 0; i < answer.size; i++)
        if (answer.at[i] < '0' || answer.at[i] > '9')
            return true;
    if (answer.size > 0)
        task_judged(out, answer, task_same(answer, right), task_agreement(answer, right));
    return true;
}

static int prepare_modarith(assay_task *task)
{
    size_t width = 0;
    for (int64_t p = task->value[MOD_P].whole; p > 0; p /= 10)
        width++;
    task->longest_prompt = 3 * width + 3;
    task->longest_answer = width;
    return ASSAY_OK;
}

static char draw_op(assay_rng *rng, int64_t ops)
{
    int64_t op = 0;
    do
        op = (int64_t)assay_rng_below(rng, 4);
    while (!(ops >> op & 1));
    return "+-*/"[op];
}

static int draw_modarith(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    const uint64_t p = (uint64_t)task->value[MOD_P].whole, a = assay_rng_below(rng, p);
    const char op = draw_op(rng, task->value[MOD_OPS].whole);
    task_writer prompt = {out->prompt, 0};
    uint64_t b;
    do
        b = assay_rng_below(rng, p);
    while (op == '/' && inverse((int64_t)b, (int64_t)p) == 0);
    task_put_number(&prompt, a);
    task_put_byte(&prompt, op);
    task_put_number(&prompt, b);
    task_put_byte(&prompt, '%');
    task_put_number(&prompt, p);
    task_put_byte(&prompt, '=');
    out->prompt_size = prompt.size;
    return ASSAY_OK;
}

const task_kind assay_task_modarith = {
    .name = "modarith",
    .summary = "arithmetic modulo p",
    .form = "\"37*45%97=\" (operands below p, a divisor that has an inverse)",
    .options = modarith_options,
    .prepare = prepare_modarith,
    .draw = draw_modarith,
    .solve = solve_modarith,
    .judge = judge_modarith,
};
