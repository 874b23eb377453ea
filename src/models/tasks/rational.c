/* Fractions; every product and sum is checked, after what cancels has been cancelled. */
#include "models/tasks/rational.h"

#include <stdlib.h>

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? -(uint64_t)x : (uint64_t)x;
}

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static rational none(assay_task_error why)
{
    return (rational){0, 0, why};
}

static rational lowest(int64_t num, int64_t den)
{
    const int64_t common = (int64_t)divisor(magnitude(num), magnitude(den));
    return (rational){num / common, den / common, ASSAY_ANSWER_FINE};
}

rational rational_of(int64_t whole)
{
    return (rational){whole, 1, ASSAY_ANSWER_FINE};
}

/* a/b + c/d over the least common denominator */
static rational add(rational a, rational b)
{
    const int64_t common = (int64_t)divisor((uint64_t)a.den, (uint64_t)b.den);
    int64_t left, right, num, den;
    if (__builtin_mul_overflow(a.num, b.den / common, &left) ||
        __builtin_mul_overflow(b.num, a.den / common, &right) ||
        __builtin_add_overflow(left, right, &num) ||
        __builtin_mul_overflow(a.den, b.den / common, &den) || num == INT64_MIN)
        return none(ASSAY_ANSWER_OVERFLOW);
    return lowest(num, den);
}

static rational multiply(rational a, rational b)
{
    const rational x = lowest(a.num, b.den), y = lowest(b.num, a.den);
    int64_t num, den;
    if (__builtin_mul_overflow(x.num, y.num, &num) || __builtin_mul_overflow(x.den, y.den, &den) ||
        num == INT64_MIN)
        return none(ASSAY_ANSWER_OVERFLOW);
    return (rational){num, den, ASSAY_ANSWER_FINE};
}

static rational negative(rational a)
{
    return (rational){-a.num, a.den, a.why};
}

static rational inverse(rational a)
{
    if (a.num == 0)
        return none(ASSAY_ANSWER_DIVISION);
    return a.num < 0 ? (rational){-a.den, -a.num, a.why} : (rational){a.den, a.num, a.why};
}

rational rational_apply(char op, rational a, rational b)
{
    if (a.den == 0 || b.den == 0)
        return a.den == 0 ? a : b;
    switch (op) {
    case '+':
        return add(a, b);
    case '-':
        return add(a, negative(b));
    case '*':
        return multiply(a, b);
    default:
        b = inverse(b);
        return b.den == 0 ? b : multiply(a, b);
    }
}

bool rational_is(rational a, int64_t whole)
{
    return a.den == 1 && a.num == whole;
}
