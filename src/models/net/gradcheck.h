/*
 * The gradient of a whole architecture, checked: its build function compiled in double (real.h)
 * against central differences, and in single precision against double.
 */
#ifndef ASSAY_MODELS_NET_GRADCHECK_H
#define ASSAY_MODELS_NET_GRADCHECK_H

#include "core/progress.h"
#include "models/net/shards.h"

struct assay_tape_double;
typedef int assay_build_double(void *user, struct assay_tape_double *tape, const int *param,
    const assay_shard *shard, int *value);

/* Loss and, unless grad is NULL, gradient of the batch as one shard, in double: w and grad (zeroed
 * by the caller) are flat. */
int assay_loss_double(const assay_params *params, assay_build_double *build, void *user,
    const assay_batch *batch, const assay_shard *shard, double *w, double *grad, double *loss);

typedef struct assay_gradcheck_result {
    double differences; /* the largest error of double against central differences, */
    double single;      /* and of single against double, relative to the largest gradient */
    size_t worst;       /* the parameter (its position in the table) of the first */
} assay_gradcheck_result;

/* eps: of the differences, 1e-5 suits. At most `most` numbers of each parameter are checked, evenly
 * spread (0: all). Hooks are not applied. progress (may be NULL) counts those numbers. */
int assay_gradcheck(const assay_params *params, assay_build *build,
    assay_build_double *build_double, void *user, const assay_batch *batch, double eps, size_t most,
    const assay_progress *progress, assay_gradcheck_result *out);

#endif
