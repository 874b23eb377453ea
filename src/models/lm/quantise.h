/*
 * A language model as it would be after quantisation, in training (gradients pass straight
 * through), scoring and sampling: the engine's fakequant (net/fakequant.c) on the weights of linear
 * layers, and on what they read. Adapters stay as they are, but read what their layer reads; a
 * sub-network's weights are quantised as the part of the matrices that it uses.
 *
 * Inputs may share a scale within a row only: which rows a pass has together depends on shards and
 * on what is in the cache. Files don't keep quantisers, clones do.
 */
#ifndef ASSAY_MODELS_LM_QUANTISE_H
#define ASSAY_MODELS_LM_QUANTISE_H

#include "models/lm/lm.h"

/* targets: bit i stands for assay_lm_quantised_names[i]. Replaces what was set before;
 * ASSAY_EINVAL, and all as before, for options that the layers' sizes don't allow. */
int assay_lm_quantise(assay_lm *lm, const assay_lm_quantiser *weights,
    const assay_lm_quantiser *inputs, unsigned targets);

#endif
