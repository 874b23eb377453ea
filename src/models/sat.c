/*
 * Random 3-SAT, its verifier and WalkSAT (sources in sat.h).
 *
 * A flip costs the clauses its variable occurs in, about 13 near the threshold, and nothing else:
 * the clauses of each literal lie side by side in one array, and the number of clauses that
 * flipping a variable breaks is kept up to date. A clause with one true literal adds to that
 * variable's count; which variable that is comes for free from the exclusive or of the true ones'
 * numbers.
 */
#include "models/sat.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { LITERALS = 3 };

/* A literal is 2 * variable + (1 if negated), variables from 0. */
struct assay_sat_problem {
    size_t variables, clauses;
    uint32_t *literal; /* clauses x LITERALS */
    uint32_t *start;   /* 2 * variables + 1: where each literal's clauses begin in */
    uint32_t *occurs;  /* clauses x LITERALS: clause numbers */
};

struct assay_sat_workspace {
    unsigned char *value;  /* per variable */
    uint32_t *breaks;      /* per variable: clauses in which it alone is true */
    unsigned char *truths; /* per clause: true literals */
    uint32_t *true_xor;    /* per clause: exclusive or of the variables of true literals */
    uint32_t *unsatisfied; /* clauses without a true literal, and where each stands there */
    uint32_t *place;
    size_t unsatisfied_count;
};

/* ---- Problems ---- */

static int check_size(size_t variables, size_t clauses)
{
    if (variables < LITERALS || variables > ASSAY_SAT_MAX_VARIABLES)
        return assay_fail(ASSAY_EINVAL, "sat: variables must be in %d..%d, got %zu", LITERALS,
            ASSAY_SAT_MAX_VARIABLES, variables);
    if (clauses > ASSAY_SAT_MAX_CLAUSES)
        return assay_fail(
            ASSAY_EINVAL, "sat: clauses must be in 0..%d, got %zu", ASSAY_SAT_MAX_CLAUSES, clauses);
    return ASSAY_OK;
}

static int problem_alloc(size_t variables, size_t clauses, assay_sat_problem **out)
{
    int status = check_size(variables, clauses);
    if (status != ASSAY_OK)
        return status;
    assay_sat_problem *p = calloc(1, sizeof *p);
    if (p) {
        p->variables = variables;
        p->clauses = clauses;
        p->literal = calloc(clauses * LITERALS + 1, sizeof *p->literal);
        p->start = calloc(2 * variables + 1, sizeof *p->start);
        p->occurs = calloc(clauses * LITERALS + 1, sizeof *p->occurs);
    }
    if (!p || !p->literal || !p->start || !p->occurs) {
        assay_sat_problem_free(p);
        return assay_fail(ASSAY_ENOMEM, "sat: no memory for %zu clauses", clauses);
    }
    *out = p;
    return ASSAY_OK;
}

void assay_sat_problem_free(assay_sat_problem *problem)
{
    if (!problem)
        return;
    free(problem->literal);
    free(problem->start);
    free(problem->occurs);
    free(problem);
}

/* Counting sort of the clauses by literal. */
static void index_occurrences(assay_sat_problem *p)
{
    for (size_t i = 0; i < p->clauses * LITERALS; i++)
        p->start[p->literal[i] + 1]++;
    for (size_t l = 0; l < 2 * p->variables; l++)
        p->start[l + 1] += p->start[l];
    for (size_t i = 0; i < p->clauses * LITERALS; i++)
        p->occurs[p->start[p->literal[i]]++] = (uint32_t)(i / LITERALS);
    memmove(p->start + 1, p->start, 2 * p->variables * sizeof *p->start);
    p->start[0] = 0;
}

int assay_sat_problem_new(assay_rng *rng, size_t variables, size_t clauses, assay_sat_problem **out)
{
    assay_sat_problem *p;
    int status = problem_alloc(variables, clauses, &p);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < clauses; i++) {
        size_t variable[LITERALS];
        status = assay_rng_sample(rng, variables, LITERALS, variable);
        if (status != ASSAY_OK) {
            assay_sat_problem_free(p);
            return status;
        }
        for (size_t j = 0; j < LITERALS; j++)
            p->literal[i * LITERALS + j] =
                2 * (uint32_t)variable[j] + (uint32_t)assay_rng_below(rng, 2);
    }
    index_occurrences(p);
    *out = p;
    return ASSAY_OK;
}

static int check_clause(const int *l, size_t clause, size_t variables)
{
    for (size_t j = 0; j < LITERALS; j++) {
        const size_t variable = (size_t)llabs((long long)l[j]);
        if (variable < 1 || variable > variables)
            return assay_fail(ASSAY_EINVAL,
                "sat: literal %d of clause %zu must be in 1..%zu or its negative", l[j], clause + 1,
                variables);
        for (size_t i = 0; i < j; i++)
            if (l[i] == l[j] || l[i] == -l[j])
                return assay_fail(ASSAY_EINVAL,
                    "sat: clause %zu has variable %zu twice; its variables must differ", clause + 1,
                    variable);
    }
    return ASSAY_OK;
}

int assay_sat_problem_from(
    const int *literals, size_t variables, size_t clauses, assay_sat_problem **out)
{
    assay_sat_problem *p;
    int status = problem_alloc(variables, clauses, &p);
    if (status != ASSAY_OK)
        return status;
    for (size_t i = 0; i < clauses; i++) {
        status = check_clause(literals + i * LITERALS, i, variables);
        if (status != ASSAY_OK) {
            assay_sat_problem_free(p);
            return status;
        }
    }
    for (size_t i = 0; i < clauses * LITERALS; i++)
        p->literal[i] = 2 * (uint32_t)(abs(literals[i]) - 1) + (literals[i] < 0);
    index_occurrences(p);
    *out = p;
    return ASSAY_OK;
}

size_t assay_sat_variables(const assay_sat_problem *problem)
{
    return problem->variables;
}

size_t assay_sat_clauses(const assay_sat_problem *problem)
{
    return problem->clauses;
}

int assay_sat_literal(const assay_sat_problem *problem, size_t clause, size_t position)
{
    const uint32_t literal = problem->literal[clause * LITERALS + position];
    const int variable = (int)(literal / 2) + 1;
    return literal % 2 ? -variable : variable;
}

static bool is_true(uint32_t literal, const unsigned char *value)
{
    return value[literal / 2] != literal % 2;
}

bool assay_sat_verify(const assay_sat_problem *problem, const unsigned char *assignment)
{
    for (size_t i = 0; i < problem->clauses; i++) {
        const uint32_t *l = problem->literal + i * LITERALS;
        if (!is_true(l[0], assignment) && !is_true(l[1], assignment) && !is_true(l[2], assignment))
            return false;
    }
    return true;
}

/* ---- Walks ---- */

int assay_sat_workspace_new(const assay_sat_problem *problem, assay_sat_workspace **out)
{
    assay_sat_workspace *w = calloc(1, sizeof *w);
    if (w) {
        w->value = calloc(problem->variables, sizeof *w->value);
        w->breaks = calloc(problem->variables, sizeof *w->breaks);
        w->truths = calloc(problem->clauses + 1, sizeof *w->truths);
        w->true_xor = calloc(problem->clauses + 1, sizeof *w->true_xor);
        w->unsatisfied = calloc(problem->clauses + 1, sizeof *w->unsatisfied);
        w->place = calloc(problem->clauses + 1, sizeof *w->place);
    }
    if (!w || !w->value || !w->breaks || !w->truths || !w->true_xor || !w->unsatisfied ||
        !w->place) {
        assay_sat_workspace_free(w);
        return assay_fail(
            ASSAY_ENOMEM, "sat: no memory for a walk of %zu clauses", problem->clauses);
    }
    *out = w;
    return ASSAY_OK;
}

void assay_sat_workspace_free(assay_sat_workspace *workspace)
{
    if (!workspace)
        return;
    free(workspace->value);
    free(workspace->breaks);
    free(workspace->truths);
    free(workspace->true_xor);
    free(workspace->unsatisfied);
    free(workspace->place);
    free(workspace);
}

const unsigned char *assay_sat_assignment(const assay_sat_workspace *workspace)
{
    return workspace->value;
}

size_t assay_sat_breaks(const assay_sat_workspace *workspace, size_t variable)
{
    return workspace->breaks[variable];
}

static void unsatisfy(assay_sat_workspace *w, uint32_t clause)
{
    w->place[clause] = (uint32_t)w->unsatisfied_count;
    w->unsatisfied[w->unsatisfied_count++] = clause;
}

static void satisfy(assay_sat_workspace *w, uint32_t clause)
{
    const uint32_t last = w->unsatisfied[--w->unsatisfied_count];
    w->unsatisfied[w->place[clause]] = last;
    w->place[last] = w->place[clause];
}

static void start_at_random(const assay_sat_problem *p, assay_rng *rng, assay_sat_workspace *w)
{
    uint32_t bits = 0;
    for (size_t v = 0; v < p->variables; v++, bits >>= 1) {
        if (v % 32 == 0)
            bits = assay_rng_u32(rng);
        w->value[v] = bits & 1;
    }
    memset(w->breaks, 0, p->variables * sizeof *w->breaks);
    w->unsatisfied_count = 0;
    for (uint32_t i = 0; i < p->clauses; i++) {
        w->truths[i] = 0;
        w->true_xor[i] = 0;
        for (size_t j = 0; j < LITERALS; j++) {
            const uint32_t literal = p->literal[i * LITERALS + j];
            if (is_true(literal, w->value)) {
                w->truths[i]++;
                w->true_xor[i] ^= literal / 2;
            }
        }
        if (w->truths[i] == 0)
            unsatisfy(w, i);
        else if (w->truths[i] == 1)
            w->breaks[w->true_xor[i]]++;
    }
}

static void flip(const assay_sat_problem *p, assay_sat_workspace *w, uint32_t variable)
{
    w->value[variable] ^= 1;
    const uint32_t now_true = 2 * variable + !w->value[variable], now_false = now_true ^ 1;
    for (uint32_t i = p->start[now_true]; i < p->start[now_true + 1]; i++) {
        const uint32_t clause = p->occurs[i];
        if (w->truths[clause] == 0) {
            satisfy(w, clause);
            w->breaks[variable]++;
        } else if (w->truths[clause] == 1) {
            w->breaks[w->true_xor[clause]]--;
        }
        w->truths[clause]++;
        w->true_xor[clause] ^= variable;
    }
    for (uint32_t i = p->start[now_false]; i < p->start[now_false + 1]; i++) {
        const uint32_t clause = p->occurs[i];
        w->truths[clause]--;
        w->true_xor[clause] ^= variable;
        if (w->truths[clause] == 0) {
            unsatisfy(w, clause);
            w->breaks[variable]--;
        } else if (w->truths[clause] == 1) {
            w->breaks[w->true_xor[clause]]++;
        }
    }
}

static uint32_t choose_variable(
    const assay_sat_problem *p, assay_rng *rng, double noise, const assay_sat_workspace *w)
{
    const uint32_t clause = w->unsatisfied[assay_rng_below(rng, w->unsatisfied_count)];
    const uint32_t *l = p->literal + (size_t)clause * LITERALS;
    uint32_t fewest = UINT32_MAX, best[LITERALS];
    size_t tied = 0;
    for (size_t j = 0; j < LITERALS; j++) {
        const uint32_t variable = l[j] / 2, breaks = w->breaks[variable];
        if (breaks < fewest) {
            fewest = breaks;
            tied = 0;
        }
        if (breaks == fewest)
            best[tied++] = variable;
    }
    if (fewest > 0 && assay_rng_uniform(rng) < noise)
        return l[assay_rng_below(rng, LITERALS)] / 2;
    return tied == 1 ? best[0] : best[assay_rng_below(rng, tied)];
}

/* Work between two reports: a flip is some, a variable or clause of a start one. */
enum { STEP = 1 << 20, FLIP = 16 };

/* How far a call with several walks is. */
typedef struct position {
    const assay_progress *progress;
    double done, total; /* walks */
    size_t work;        /* since the last report */
} position;

static int advance(position *at, size_t work, double share)
{
    at->work += work;
    if (at->work < STEP)
        return ASSAY_OK;
    at->work = 0;
    return assay_progress_report(at->progress, at->done + share, at->total);
}

static int walk(const assay_sat_problem *problem, assay_rng *rng, size_t flips, double noise,
    assay_sat_workspace *workspace, position *at, size_t *used)
{
    if (!(noise >= 0 && noise <= 1))
        return assay_fail(ASSAY_EINVAL, "sat: noise must be in 0..1, got %g", noise);
    start_at_random(problem, rng, workspace);
    int status = advance(at, problem->variables + problem->clauses, 0);
    for (*used = 0; *used < flips && workspace->unsatisfied_count > 0 && !status; ++*used) {
        flip(problem, workspace, choose_variable(problem, rng, noise, workspace));
        status = advance(at, FLIP, (double)*used / (double)flips);
    }
    return status;
}

int assay_sat_walk(const assay_sat_problem *problem, assay_rng *rng, size_t flips, double noise,
    assay_sat_workspace *workspace, bool *solved, size_t *used)
{
    position at = {.total = 1};
    const int status = walk(problem, rng, flips, noise, workspace, &at, used);
    if (!status)
        *solved = assay_sat_verify(problem, workspace->value);
    return status;
}

int assay_sat_sample(const assay_sat_problem *problem, const assay_rng *rng, uint64_t first,
    size_t count, size_t flips, double noise, const assay_progress *progress, unsigned char *solved,
    double *used)
{
    assay_sat_workspace *workspace = NULL;
    position at = {.progress = progress, .total = (double)count};
    int status = assay_sat_workspace_new(problem, &workspace);
    if (!status)
        status = assay_progress_report(progress, 0, at.total);
    for (size_t i = 0; i < count && status == ASSAY_OK; i++) {
        assay_rng own = assay_rng_split(rng, first + i);
        size_t made = 0;
        at.done = (double)i;
        status = walk(problem, &own, flips, noise, workspace, &at, &made);
        solved[i] = assay_sat_verify(problem, workspace->value);
        used[i] = (double)made;
    }
    if (!status)
        status = assay_progress_report(progress, at.total, at.total);
    assay_sat_workspace_free(workspace);
    return status;
}
