/* Claims and fits of a run: computed from its rows, and stored. For the other files of this room.
 */
#ifndef ASSAY_RUN_CLAIMS_H
#define ASSAY_RUN_CLAIMS_H

#include "lua/engine.h"
#include "store/store.h"

/* The verdicts that assay_experiment_check_claims gives as JSON. */
int assay_claims_parse(const char *json, assay_claim_list *out);

/* The verdict "error" with a message for each claim that a declaration has. */
int assay_claims_failed(const char *describe, const char *message, assay_claim_list *out);

/* How many claims a declaration has, and how many figures with a fit. */
size_t assay_claims_declared(const char *describe);
size_t assay_fits_declared(const char *describe);

/* Fit what the run's figures ask for and store it; what can't be fitted says why in the record. Of
 * the rows only a figure's columns are read, figure by figure. */
int assay_fits_store(assay_store *store, int64_t run);

#endif
