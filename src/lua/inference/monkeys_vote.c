/* Votes and best-of-N for Lua (methods/inference/monkeys.h). */
#include "lua/args.h"
#include "lua/inference/inference.h"

#include <math.h>
#include <string.h>

#include "methods/inference/monkeys.h"

/* An answer of 0 is an empty one: all of them are one more class, which is wrong. */
typedef struct ballot {
    const size_t *answer;
    const double *weight; /* or NULL */
    const unsigned char *correct;
    size_t n, classes;
} ballot;

static const size_t *classes_argument(lua_State *L, int at, size_t classes, size_t *n)
{
    const size_t *given = assay_arg_indices(L, at, "answers", 0, classes + 1, n);
    size_t *class = assay_lua_scratch(L, *n, sizeof *class);
    if (*n == 0)
        assay_arg_error(L, "answers must have at least 1 answer, got none");
    for (size_t i = 0; i < *n; i++)
        class[i] = given[i] > 0 ? given[i] - 1 : classes;
    return class;
}

static ballot ballot_arguments(lua_State *L, bool weighted)
{
    ballot b = {0};
    size_t classes = 0, weights = 0;
    const unsigned char *given = assay_arg_flags(L, weighted ? 3 : 2, "class_correct", &classes);
    unsigned char *correct = assay_lua_scratch(L, classes + 1, 1);
    memcpy(correct, given, classes);
    correct[classes] = 0;
    b.correct = correct;
    b.classes = classes + 1;
    b.answer = classes_argument(L, 1, classes, &b.n);
    if (weighted) {
        b.weight = assay_arg_vector(L, 2, "weights", &weights);
        if (weights != b.n)
            assay_arg_error(
                L, "weights must have %zu values as answers has, got %zu", b.n, weights);
    }
    return b;
}

typedef enum vote_method { EXACT, PERMUTATION, SUBSETS, ALL_SUBSETS } vote_method;

static const char *const vote_methods[] = {"exact", "permutation", "subsets", "all_subsets", NULL};

/* Option k, or 1..n. */
static const double *vote_k(lua_State *L, int at, size_t n, size_t *nk)
{
    if (assay_opt_push(L, at, "k"))
        return assay_arg_numbers(L, -1, "k", nk);
    double *all = assay_lua_doubles(L, n);
    for (size_t i = 0; i < n; i++)
        all[i] = (double)(i + 1);
    *nk = n;
    return all;
}

static void check_vote_k(lua_State *L, const double *k, size_t nk, size_t n)
{
    for (size_t j = 0; j < nk; j++)
        if (!(k[j] >= 1 && k[j] <= (double)n && k[j] == floor(k[j])) || (j > 0 && k[j] < k[j - 1]))
            assay_arg_error(L, "k must be ascending whole numbers in 1..%zu, got %.14g", n, k[j]);
}

static assay_rng *draws_rng(lua_State *L, int at, const char *method)
{
    assay_rng *rng = assay_opt_rng(L, at, "rng");
    if (!rng)
        assay_arg_error(L, "rng must be given for the method \"%s\"", method);
    return rng;
}

static size_t draws_option(lua_State *L, int at)
{
    return (size_t)assay_opt_integer(L, at, "draws", 100, 1, 10000000);
}

static void exact_vote(lua_State *L, const ballot *b, const double *k, size_t nk, double *acc)
{
    double *count = assay_lua_doubles(L, b->classes);
    memset(count, 0, b->classes * sizeof *count);
    for (size_t i = 0; i < b->n; i++)
        count[b->answer[i]]++;
    assay_arg_status(L, assay_majority_exact(count, b->correct, b->classes, k, nk, acc));
}

/* The permutations that are given (1-based rows), or NULL. */
static const size_t *permutations_option(lua_State *L, int at, size_t n, size_t *count)
{
    if (!assay_opt_push(L, at, "permutations"))
        return NULL;
    const assay_matrix given = assay_arg_matrix(L, -1, "permutations");
    if (given.cols != n)
        assay_arg_error(
            L, "permutations must have %zu columns, one an answer, got %zu", n, given.cols);
    size_t *perm = assay_lua_scratch(L, given.rows * n, sizeof *perm);
    for (size_t r = 0; r < given.rows; r++)
        for (size_t i = 0; i < n; i++) {
            const double x = *assay_matrix_at(&given, r, i);
            if (!(x >= 1 && x <= (double)n && x == floor(x)))
                assay_arg_error(L,
                    "permutations[%zu][%zu] must be a whole number in 1..%zu, got "
                    "%.14g",
                    r + 1, i + 1, n, x);
            perm[r * n + i] = (size_t)x - 1;
        }
    *count = given.rows;
    return perm;
}

static void permutation_vote(lua_State *L, int at, const ballot *b, const size_t *perm,
    size_t nperm, const double *k, size_t nk, double *acc, double *sd)
{
    double *all = assay_lua_doubles(L, b->n), *all_sd = assay_lua_doubles(L, b->n);
    if (perm)
        assay_arg_status(L, assay_vote_permutation(b->answer, b->weight, b->n, b->correct,
                                b->classes, perm, nperm, all, all_sd));
    else
        assay_arg_status(
            L, assay_vote_permutation_draw(b->answer, b->weight, b->n, b->correct, b->classes,
                   draws_option(L, at), draws_rng(L, at, "permutation"), all, all_sd));
    for (size_t j = 0; j < nk; j++) {
        acc[j] = all[(size_t)k[j] - 1];
        sd[j] = all_sd[(size_t)k[j] - 1];
    }
}

/* Without a method: permutations where they are given, else the exact expectation where it goes. */
static vote_method method_option(lua_State *L, int at, const ballot *b, bool permutations)
{
    const bool exact = !b->weight && b->n <= ASSAY_MAJORITY_EXACT_MAX && !permutations;
    const vote_method method =
        (vote_method)assay_opt_choice(L, at, "method", exact ? EXACT : PERMUTATION, vote_methods);
    const bool drawn = method == PERMUTATION || method == SUBSETS;
    if (method == EXACT && b->weight)
        assay_arg_error(L, "method \"exact\" is for plain votes; for weighted ones there are "
                           "\"permutation\", \"subsets\" and \"all_subsets\"");
    if (permutations && method != PERMUTATION)
        assay_arg_error(L, "permutations belong to the method \"permutation\"");
    if (assay_opt_push(L, at, "draws") && (!drawn || permutations))
        assay_arg_error(L, "draws belongs to the methods \"permutation\" (without permutations) "
                           "and \"subsets\"");
    lua_pop(L, 1);
    return method;
}

static int vote(lua_State *L, bool weighted)
{
    static const char *const known[] = {"k", "method", "draws", "permutations", "rng", NULL};
    const int at = weighted ? 4 : 3;
    assay_opts_check(L, at, known);
    const ballot b = ballot_arguments(L, weighted);
    size_t nk = 0, nperm = 0;
    const double *k = vote_k(L, at, b.n, &nk);
    check_vote_k(L, k, nk, b.n);
    const size_t *perm = permutations_option(L, at, b.n, &nperm);
    const vote_method method = method_option(L, at, &b, perm != NULL);
    double *acc = assay_lua_doubles(L, nk), *sd = assay_lua_doubles(L, nk);
    if (method == EXACT)
        exact_vote(L, &b, k, nk, acc);
    else if (method == PERMUTATION)
        permutation_vote(L, at, &b, perm, nperm, k, nk, acc, sd);
    else if (method == SUBSETS)
        assay_arg_status(L, assay_vote_subsets_draw(b.answer, b.weight, b.n, b.correct, b.classes,
                                k, nk, draws_option(L, at), draws_rng(L, at, "subsets"), acc, sd));
    else
        assay_arg_status(
            L, assay_vote_all_subsets(b.answer, b.weight, b.n, b.correct, b.classes, k, nk, acc));
    lua_createtable(L, 0, 4);
    assay_lua_set_k(L, k, nk);
    assay_set_vector(L, "accuracy", acc, nk);
    if (method == PERMUTATION || method == SUBSETS)
        assay_set_vector(L, "sd", sd, nk);
    assay_set_text(L, "method", vote_methods[method]);
    return 1;
}

/* majority_vote(answers, class_correct [, {k=, method=, draws=, permutations=, rng=}]) */
static int majority_vote(lua_State *L)
{
    return vote(L, false);
}

/* weighted_vote(answers, weights, class_correct [, {..}]) */
static int weighted_vote(lua_State *L)
{
    return vote(L, true);
}

/* best_of_n(reward, correct [, {k=}]) */
static int best_of_n(lua_State *L)
{
    static const char *const known[] = {"k", NULL};
    assay_opts_check(L, 3, known);
    size_t n = 0, flags = 0, nk = 0;
    const double *reward = assay_arg_vector(L, 1, "reward", &n);
    const unsigned char *correct = assay_arg_flags(L, 2, "correct", &flags);
    if (flags != n)
        assay_arg_error(L, "correct must have %zu values as reward has, got %zu", n, flags);
    const double *k = vote_k(L, 3, n, &nk);
    double *acc = assay_lua_doubles(L, nk), *value = assay_lua_doubles(L, nk);
    double *oracle = assay_lua_doubles(L, nk), samples = (double)n, successes = 0;
    for (size_t i = 0; i < n; i++)
        successes += correct[i];
    assay_arg_status(L, assay_best_of_n(reward, correct, n, k, nk, acc, value));
    assay_arg_status(L, assay_pass_at_k(&samples, &successes, 1, k, nk, NULL, oracle, NULL));
    lua_createtable(L, 0, 4);
    assay_lua_set_k(L, k, nk);
    assay_set_vector(L, "accuracy", acc, nk);
    assay_set_vector(L, "value", value, nk);
    assay_set_vector(L, "oracle", oracle, nk);
    return 1;
}

const luaL_Reg assay_lua_monkeys_vote[] = {
    {"majority_vote", majority_vote},
    {"weighted_vote", weighted_vote},
    {"best_of_n", best_of_n},
    {NULL, NULL},
};
