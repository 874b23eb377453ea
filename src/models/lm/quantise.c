/* Which layers are quantised and how; see quantise.h. The work is transformer.c's. */
#include "models/lm/quantise.h"

#include <math.h>

#include "core/status.h"

const char *const assay_lm_quantised_names[ASSAY_LM_QUANTISED + 1] = {
    "qkv", "o", "f1", "f2", "head", NULL};

static int check_kind(const char *what, const assay_op_options *o)
{
    if ((o->group != 0) + (o->block != 0) + o->tensor > 1)
        return assay_fail(
            ASSAY_EINVAL, "lm: %s: only one of group, block and tensor can be given", what);
    if (o->exponent ? o->exponent < 2 || o->mantissa < 1 : o->mantissa > 0)
        return assay_fail(ASSAY_EINVAL,
            "lm: %s: exponent must be in 2..8 and mantissa in 1..10, or both 0, got %zu and %zu",
            what, o->exponent, o->mantissa);
    return ASSAY_OK;
}

/* The columns of the target's weights, which are those of its inputs. */
static size_t columns_of(const assay_lm *lm, unsigned target)
{
    return target == ASSAY_LM_QUANTISED_F2 ? assay_lm_hidden(&lm->config) : lm->config.d;
}

static int check(
    const assay_lm *lm, const char *what, const assay_lm_quantiser *q, unsigned targets)
{
    int status = q->on ? check_kind(what, &q->options) : ASSAY_OK;
    for (unsigned i = 0; q->on && q->options.group && status == ASSAY_OK && i < ASSAY_LM_QUANTISED;
         i++)
        if ((targets >> i & 1) && columns_of(lm, i) % q->options.group != 0)
            status =
                assay_fail(ASSAY_EINVAL, "lm: %s: group must divide the %zu columns of %s, got %zu",
                    what, columns_of(lm, i), assay_lm_quantised_names[i], q->options.group);
    return status;
}

int assay_lm_quantise(assay_lm *lm, const assay_lm_quantiser *weights,
    const assay_lm_quantiser *inputs, unsigned targets)
{
    int status = check(lm, "weights", weights, targets);
    if (status == ASSAY_OK)
        status = check(lm, "acts", inputs, targets);
    if (status == ASSAY_OK && inputs->on &&
        (inputs->options.block || inputs->options.tensor || inputs->options.noise))
        status = assay_fail(ASSAY_EINVAL,
            "lm: acts: a scale must be of a row or a group of its columns, without noise");
    if (status != ASSAY_OK)
        return status;
    lm->layout.weights = *weights;
    lm->layout.inputs = *inputs;
    lm->layout.quantised = weights->on || inputs->on ? targets : 0;
    return ASSAY_OK;
}
