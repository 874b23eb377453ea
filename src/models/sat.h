/*
 * Random 3-SAT and a randomised solver: a task with an exact verifier, for repeated sampling that
 * needs no language model. One walk from a random start with a budget of flips is one sample; most
 * walks fail, and how many do differs from problem to problem by orders of magnitude.
 *
 * The solver is WalkSAT/SKC (Selman, Kautz, Cohen: Noise Strategies for Improving Local Search,
 * AAAI 1994): take a random unsatisfied clause; if flipping one of its variables breaks no clause,
 * flip such a one; else flip, with probability `noise`, a random one of its variables, and
 * otherwise one that breaks the fewest. Random 3-SAT is hardest near 4.26 clauses a variable
 * (Mitchell, Selman, Levesque, AAAI 1992).
 */
#ifndef ASSAY_MODELS_SAT_H
#define ASSAY_MODELS_SAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/progress.h"
#include "core/rng.h"

enum { ASSAY_SAT_MAX_VARIABLES = 1 << 22, ASSAY_SAT_MAX_CLAUSES = 1 << 25 };

typedef struct assay_sat_problem assay_sat_problem;
typedef struct assay_sat_workspace assay_sat_workspace;

/* `clauses` >= 0 clauses of 3 distinct ones of `variables` >= 3 variables, each negated with
 * probability 1/2, uniformly and independently. Free with assay_sat_problem_free. */
int assay_sat_problem_new(
    assay_rng *rng, size_t variables, size_t clauses, assay_sat_problem **out);

/* The formula of 3 literals a clause, +v or -v for variable v in 1..variables (as DIMACS has them);
 * the three variables of a clause must differ. */
int assay_sat_problem_from(
    const int *literals, size_t variables, size_t clauses, assay_sat_problem **out);

void assay_sat_problem_free(assay_sat_problem *problem);
size_t assay_sat_variables(const assay_sat_problem *problem);
size_t assay_sat_clauses(const assay_sat_problem *problem);
/* Literal 0..2 of a clause, +v or -v. */
int assay_sat_literal(const assay_sat_problem *problem, size_t clause, size_t position);

/* Does the assignment (variables bytes, 0 or 1) satisfy every clause? */
bool assay_sat_verify(const assay_sat_problem *problem, const unsigned char *assignment);

/* A walk's memory, of one problem; no walk allocates. */
int assay_sat_workspace_new(const assay_sat_problem *problem, assay_sat_workspace **out);
void assay_sat_workspace_free(assay_sat_workspace *workspace);
/* The assignment in which the last walk ended. */
const unsigned char *assay_sat_assignment(const assay_sat_workspace *workspace);
/* How many satisfied clauses flipping a variable (from 0) of that assignment would break. */
size_t assay_sat_breaks(const assay_sat_workspace *workspace, size_t variable);

/* One walk of at most `flips` flips from a uniformly random assignment, 0 <= noise <= 1. *solved is
 * what the verifier says of the last assignment; *used the flips made. */
int assay_sat_walk(const assay_sat_problem *problem, assay_rng *rng, size_t flips, double noise,
    assay_sat_workspace *workspace, bool *solved, size_t *used);

/* Samples first .. first + count - 1: sample s walks with the child s of rng, so that neither order
 * nor division of the work matters. solved and used have count. */
int assay_sat_sample(const assay_sat_problem *problem, const assay_rng *rng, uint64_t first,
    size_t count, size_t flips, double noise, const assay_progress *progress, unsigned char *solved,
    double *used);

#endif
