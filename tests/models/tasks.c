/* Verifiers against brute force and random strings; what generators draw against counts. The
 * generators' answers are checked in tests/lua/tasks.lua. FUZZ=1000000 tries as many strings. */
#include "models/tasks/task.h"

#include "../methods/check.h"

#include "core/rng.h"

static assay_task *open_task(const char *name, const char *options)
{
    assay_task *task = NULL;
    const char *text = strcmp(name, "text") == 0 ? "to be or not to be, that is the question: "
                                                   "whether tis nobler in the mind to suffer"
                                                 : NULL;
    ok(assay_task_new(name, options, text, text ? strlen(text) : 0, &task));
    return task;
}

static assay_verdict judge(const assay_task *task, const char *prompt, const char *answer)
{
    assay_verdict v;
    ok(assay_task_verify(task, prompt, strlen(prompt), answer, strlen(answer), &v));
    return v;
}

/* ---- countdown, by brute force ---- */

/* Not reduced: two operations on numbers up to 20 stay far below 64 bits. */
typedef struct fraction {
    int64_t num, den;
} fraction;

static fraction combine(char op, fraction a, fraction b)
{
    switch (op) {
    case '+':
        return (fraction){a.num * b.den + b.num * a.den, a.den * b.den};
    case '-':
        return (fraction){a.num * b.den - b.num * a.den, a.den * b.den};
    case '*':
        return (fraction){a.num * b.num, a.den * b.den};
    default:
        return (fraction){a.num * b.den, a.den * b.num};
    }
}

static bool is_target(fraction value, int target)
{
    return value.den != 0 && value.num == target * value.den;
}

/* Both trees over x, y, z in this order; *right counts those that are right. */
static void try_order(const assay_task *task, const char *prompt, int target, const int *n,
    const int *order, uint64_t *right)
{
    static const char ops[] = "+-*/";
    const int x = n[order[0]], y = n[order[1]], z = n[order[2]];
    const fraction fx = {x, 1}, fy = {y, 1}, fz = {z, 1};
    for (int i = 0; i < 16; i++) {
        const char p = ops[i / 4], q = ops[i % 4];
        char answer[64];
        const bool left = is_target(combine(q, combine(p, fx, fy), fz), target);
        snprintf(answer, sizeof answer, "(%d%c%d)%c%d", x, p, y, q, z);
        assert_int_equal(judge(task, prompt, answer).correct, left);
        const bool other = is_target(combine(p, fx, combine(q, fy, fz)), target);
        snprintf(answer, sizeof answer, "%d%c(%d%c%d)", x, p, y, q, z);
        assert_int_equal(judge(task, prompt, answer).correct, other);
        *right += (uint64_t)left + other;
    }
}

static uint64_t permutations_of(const int *n)
{
    if (n[0] == n[1] && n[1] == n[2])
        return 1;
    return n[0] == n[1] || n[1] == n[2] || n[0] == n[2] ? 3 : 6;
}

static void countdown_agrees_with_brute_force(void **state)
{
    (void)state;
    static const int orders[6][3] = {
        {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    assay_task *task = open_task("countdown", "{\"numbers\": 3}");
    assay_task_problem p;
    for (uint64_t i = 0; i < 200; i++) {
        int n[3], target;
        uint64_t right = 0, solutions, trees;
        ok(assay_task_generate(task, ASSAY_TASK_TRAIN, 1, i, &p));
        assert_int_equal(sscanf(p.prompt, "%d %d %d: %d=", &n[0], &n[1], &n[2], &target), 4);
        for (int o = 0; o < 6; o++)
            try_order(task, p.prompt, target, n, orders[o], &right);
        ok(assay_task_solutions(task, p.prompt, p.prompt_size, &solutions, &trees));
        assert_int_equal(trees, permutations_of(n) * 32);
        assert_int_equal(solutions * 6, right * permutations_of(n));
        assert_true(solutions > 0);
    }
    assay_task_free(task);
}

/* Values between that leave 64 bits are wrong, never wrapped; what cancels does not leave them. */
static void countdown_never_wraps(void **state)
{
    (void)state;
    assay_task *task = open_task("countdown", "{\"use\": \"any\"}");
    const char *prompt = "1000000 999999 1000000 999983: 1=";
    assert_int_equal(
        judge(task, prompt, "1000000*999999*1000000*999983").error, ASSAY_ANSWER_OVERFLOW);
    assert_int_equal(judge(task, prompt, "1/9223372036854775807-1/9223372036854775806").error,
        ASSAY_ANSWER_OVERFLOW);
    assert_int_equal(judge(task, prompt, "1000000-9223372036854775807-9223372036854775807").error,
        ASSAY_ANSWER_OVERFLOW);
    assert_true(judge(task, prompt, "1000000/1000000").correct);
    assert_int_equal(judge(task, prompt, "999983/999999*1000000/999983*999999/1000000").error,
        ASSAY_ANSWER_NUMBERS);
    assay_task_free(task);
}

/* ---- random answers ---- */

static void check_verdict(const assay_verdict *v, double most)
{
    assert_true(v->reward >= 0 && v->reward <= 1);
    assert_true(v->correct == (v->reward == 1));
    assert_true(!v->correct || v->error == ASSAY_ANSWER_FINE);
    assert_true(v->correct || v->reward <= most);
    if (v->error == ASSAY_ANSWER_PARSE || (v->error == ASSAY_ANSWER_LENGTH && v->reward == 0))
        assert_true(v->reward == 0);
    if (v->error == ASSAY_ANSWER_PARSE)
        assert_string_equal(v->answer, "");
}

static size_t random_text(assay_rng *rng, const char *symbols, size_t most, char *out)
{
    const size_t n = (size_t)assay_rng_below(rng, most + 1), kinds = strlen(symbols);
    for (size_t i = 0; i < n; i++)
        out[i] = symbols[assay_rng_below(rng, kinds)];
    return n;
}

/* A right answer with one byte changed, taken out, put in, or the answer cut. */
static size_t damage(assay_rng *rng, const char *symbols, char *text, size_t n)
{
    const char byte = symbols[assay_rng_below(rng, strlen(symbols))];
    const size_t at = n ? (size_t)assay_rng_below(rng, n) : 0;
    switch (assay_rng_below(rng, 4)) {
    case 0:
        if (n > 0)
            text[at] = byte;
        return n;
    case 1:
        memmove(text + at + 1, text + at, n - at);
        text[at] = byte;
        return n + 1;
    case 2:
        return at;
    default:
        memset(text + n, (unsigned char)byte, 3);
        return n + 3;
    }
}

static void survives_random_strings(void **state)
{
    (void)state;
    static const char *const tasks[][2] = {{"add", NULL},
        {"add", "{\"base\": 16, \"reverse\": true, \"pad\": true, \"digits\": 6}"},
        {"add", "{\"alphabets\": [1, 1, 1]}"}, {"modarith", NULL}, {"sort", NULL},
        {"bracket", NULL}, {"bracket", "{\"mode\": \"complete\", \"types\": 4}"},
        {"countdown", NULL}, {"countdown", "{\"use\": \"any\"}"}, {"copy", NULL}, {"reverse", NULL},
        {"parity", NULL}, {"maxk", NULL}};
    static const char *const symbols[] = {"0123456789", "0123456789+-*/()", "()[]{}<>?yn",
        "0123456789+-*/=%()[]{}<>,:;?|# abcdefghijklmnopqrstuvwxyz._&\x01\x7f\x80\xff~A",
        "5 2 9 1"};
    enum { TASKS = sizeof tasks / sizeof tasks[0], SYMBOLS = sizeof symbols / sizeof symbols[0] };
    const char *wanted = getenv("FUZZ");
    const size_t rounds = (wanted ? (size_t)strtoul(wanted, NULL, 10) : 26000) / TASKS;
    assay_rng rng = assay_rng_seed(20);
    size_t right = 0, malformed = 0;
    for (size_t t = 0; t < TASKS; t++) {
        assay_task *task = open_task(tasks[t][0], tasks[t][1]);
        for (size_t i = 0; i < rounds; i++) {
            const char *set = symbols[i % SYMBOLS];
            char answer[ASSAY_TASK_LONGEST + 64];
            assay_task_problem p;
            assay_verdict v;
            ok(assay_task_generate(task, i % 2, 3, i / 16, &p));
            size_t n = p.answer_size;
            memcpy(answer, p.answer, n);
            if (i % 3 == 0)
                n = damage(&rng, set, answer, n);
            else
                n = random_text(&rng, set, i % 64 == 1 ? sizeof answer : 24, answer);
            ok(assay_task_verify(task, p.prompt, p.prompt_size, answer, n, &v));
            check_verdict(&v, 0);
            right += v.correct;
            malformed += v.error == ASSAY_ANSWER_PARSE;
            if (i % 8 == 0 && n <= ASSAY_TASK_LONGEST) { /* as a prompt: judged or refused */
                const int status = assay_task_verify(task, answer, n, p.answer, p.answer_size, &v);
                assert_true(status == ASSAY_OK || status == ASSAY_EINVAL);
            }
        }
        assay_task_free(task);
    }
    assert_true(right > rounds / 20 && malformed > rounds);
}

/* With `partial` no wrong answer is worth a right one. */
static void partial_credit_is_less_than_all(void **state)
{
    (void)state;
    static const char *const tasks[][2] = {{"add", "{\"partial\": true, \"pad\": true}"},
        {"sort", "{\"partial\": true}"}, {"maxk", "{\"partial\": true}"},
        {"bracket", "{\"partial\": true, \"mode\": \"complete\", \"length\": 8}"},
        {"copy", "{\"partial\": true}"}, {"modarith", "{\"partial\": true}"}};
    static const char *const symbols[] = {
        "01256", "1 2 5 9", "1 2 5 9", "([])", "abc", "0123456789"};
    assay_rng rng = assay_rng_seed(21);
    for (size_t t = 0; t < sizeof tasks / sizeof tasks[0]; t++) {
        assay_task *task = open_task(tasks[t][0], tasks[t][1]);
        size_t some = 0;
        for (size_t i = 0; i < 4000; i++) {
            char answer[ASSAY_TASK_LONGEST];
            assay_task_problem p;
            assay_verdict v;
            ok(assay_task_generate(task, ASSAY_TASK_TRAIN, 3, i / 40, &p));
            size_t n = p.answer_size;
            memcpy(answer, p.answer, n);
            n = damage(&rng, symbols[t], answer, n);
            if (i % 2)
                n = damage(&rng, symbols[t], answer, n);
            ok(assay_task_verify(task, p.prompt, p.prompt_size, answer, n, &v));
            check_verdict(&v, 0.999999);
            some += !v.correct && v.reward > 0;
        }
        assert_true(some > 100);
        assay_task_free(task);
    }
}

/* Zeros, sizes at the limit and beyond it, an answer that is all of one byte. */
static void has_its_limits(void **state)
{
    (void)state;
    enum { MOST = ASSAY_TASK_LONGEST };
    static char long_text[MOST + 2];
    static const char bytes[] = "0(~ \0";
    for (size_t t = 0; t + 1 < assay_task_count(); t++) {
        assay_task *task = open_task(assay_task_name_at(t), NULL);
        assay_task_problem p;
        assay_verdict v;
        ok(assay_task_generate(task, ASSAY_TASK_TRAIN, 0, UINT64_MAX, &p));
        for (size_t b = 0; b < sizeof bytes - 1; b++) {
            memset(long_text, bytes[b], sizeof long_text);
            ok(assay_task_verify(task, p.prompt, p.prompt_size, long_text, MOST, &v));
            assert_false(v.correct);
            ok(assay_task_verify(task, p.prompt, p.prompt_size, long_text, MOST + 1, &v));
            assert_int_equal(v.error, ASSAY_ANSWER_LENGTH);
            assert_int_equal(assay_task_verify(task, long_text, MOST, "1", 1, &v), ASSAY_EINVAL);
            refuses(assay_task_verify(task, long_text, MOST + 1, "1", 1, &v), "is not of the form");
        }
        ok(assay_task_verify(task, p.prompt, p.prompt_size, "", 0, &v));
        assert_false(v.correct);
        assay_task_free(task);
    }
    assert_string_equal(assay_task_name_at(assay_task_count() - 1), "text");
    assay_task *none = NULL;
    refuses(assay_task_new("add", "[1]", NULL, 0, &none), "options must be a JSON object");
    refuses(assay_task_new("add", "{\"digits\": }", NULL, 0, &none), "options are no JSON object");
    refuses(assay_task_new("add", "{\"digits\": 2, \"digits\": 3}", NULL, 0, &none), "duplicate");
    refuses(assay_task_new("add", "{\"digits\": null}", NULL, 0, &none), "got null");
    refuses(assay_task_new("add", "{\"digits\": 1e300}", NULL, 0, &none), "in 1..64");
}

/* ---- what is drawn ---- */

/* The five balanced words of 6 brackets come equally often; three of them are at most 2 deep and
 * begin "(" as all do. */
static void balanced_words_are_uniform(void **state)
{
    (void)state;
    static const char *const words[] = {"((()))?", "(()())?", "(())()?", "()(())?", "()()()?"};
    for (int depth = 0; depth <= 2; depth++) {
        char options[96];
        snprintf(options, sizeof options,
            "{\"types\": 1, \"length\": 6, \"depth\": %d, \"holdout\": \"index\"}", depth);
        assay_task *task = open_task("bracket", options);
        assay_task_problem p;
        int count[5] = {0}, total = 0;
        for (uint64_t i = 0; i < 60000; i++) {
            ok(assay_task_generate(task, ASSAY_TASK_TRAIN, 5, i, &p));
            for (int w = 0; w < 5; w++)
                if (strcmp(p.prompt, words[w]) == 0)
                    count[w]++, total++;
        }
        const int first = depth == 0 ? 0 : depth == 2 ? 1 : 4, kinds = 5 - first;
        close_to(total, 10000, 420); /* a third have 6 brackets, half of them are balanced */
        double chi_square = 0;
        for (int w = 0; w < 5; w++) {
            const double expected = (double)total / kinds;
            if (w < first)
                assert_int_equal(count[w], 0);
            else
                chi_square += (count[w] - expected) * (count[w] - expected) / expected;
        }
        assert_true(chi_square < 23.5); /* 4 degrees of freedom: p = 1e-4 */
        assay_task_free(task);
    }
}

/* All 100 sums of one digit, each equally often. */
static void operands_are_uniform(void **state)
{
    (void)state;
    assay_task *task = open_task("add", "{\"digits\": 1, \"holdout\": \"index\"}");
    assay_task_problem p;
    int count[10][10] = {{0}};
    double chi_square = 0;
    for (uint64_t i = 0; i < 40000; i++) {
        int a, b;
        ok(assay_task_generate(task, ASSAY_TASK_TEST, 2, i, &p));
        assert_int_equal(sscanf(p.prompt, "%d+%d=", &a, &b), 2);
        count[a][b]++;
    }
    for (int i = 0; i < 100; i++)
        chi_square += (count[i / 10][i % 10] - 400.0) * (count[i / 10][i % 10] - 400.0) / 400;
    assert_true(
        chi_square > 55 && chi_square < 161); /* 99 degrees of freedom: p = 1e-4 each side */
    assay_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(countdown_agrees_with_brute_force),
        cmocka_unit_test(countdown_never_wraps),
        cmocka_unit_test(survives_random_strings),
        cmocka_unit_test(partial_credit_is_less_than_all),
        cmocka_unit_test(has_its_limits),
        cmocka_unit_test(balanced_words_are_uniform),
        cmocka_unit_test(operands_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
