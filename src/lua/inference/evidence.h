/* Selectors that read more of a log than answers and rewards: MBR, X-MBR, checklists, a judge. */
#ifndef ASSAY_LUA_INFERENCE_EVIDENCE_H
#define ASSAY_LUA_INFERENCE_EVIDENCE_H

#include <lua.h>

#include "core/rng.h"
#include "lua/inference/log.h"
#include "lua/report.h"
#include "methods/inference/multilingual.h"

typedef struct assay_evidence {
    const assay_sample_log *log;
    bool mbr, x_mbr, checklist, chops; /* which curves there are */
    assay_utility utility;
    double cross_weight;
    const char **text; /* per row, "" where it is missing; NULL when nothing reads it */
    double *score;     /* per row, of the checklist */
    int judge;         /* stack index of judge(problem, texts) */
    size_t judge_draws, permutations;
} assay_evidence;

/* Reads the options utility, text, cross_weight, checks, check_weights, judge, judge_draws and
 * permutations of the table at `options`. Pushes values that keep the memory. */
assay_evidence assay_lua_evidence(lua_State *L, const assay_sample_log *log, int options);

/* The curves that there are, each problems x nk (NULL for the others). Random orders come from the
 * child graded[i].id of rng. May raise. */
typedef struct assay_evidence_curves {
    assay_matrix *mbr, *x_mbr, *checklist, *chops;
} assay_evidence_curves;

void assay_lua_evidence_curves(const assay_evidence *e, const assay_graded *graded, const double *k,
    size_t nk, const assay_rng *rng, assay_lua_report *report, const assay_evidence_curves *out);

#endif
