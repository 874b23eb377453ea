/* What optimisers are told, checked, and the learning rate of a step. */
#include <math.h>

#include "core/status.h"
#include "models/net/optimiser.h"

int assay_optimiser_check(const assay_optimiser_options *o)
{
    const struct {
        const char *name, *range;
        double value;
        bool right;
    } checks[] = {
        {"lr", "finite and at least 0", o->lr, o->lr >= 0 && isfinite(o->lr)},
        {"momentum", "at least 0 and less than 1", o->momentum,
            o->momentum >= 0 && o->momentum < 1},
        {"beta1", "at least 0 and less than 1", o->beta1, o->beta1 >= 0 && o->beta1 < 1},
        {"beta2", "at least 0 and less than 1", o->beta2, o->beta2 >= 0 && o->beta2 < 1},
        {"eps", "finite and greater than 0", o->eps, o->eps > 0 && isfinite(o->eps)},
        {"weight_decay", "finite and at least 0", o->weight_decay,
            o->weight_decay >= 0 && isfinite(o->weight_decay)},
        {"clip", "greater than 0", o->clip, o->clip > 0},
        {"last", "in 0..1", o->last, o->last >= 0 && o->last <= 1},
        {"factor", "greater than 0 and at most 1", o->factor, o->factor > 0 && o->factor <= 1},
        {"every", "at least 1", (double)o->every, o->every >= 1},
    };
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (!checks[i].right)
            return assay_fail(ASSAY_EINVAL, "optimizer: %s must be %s, got %g", checks[i].name,
                checks[i].range, checks[i].value);
    if (o->nesterov && !(o->momentum > 0))
        return assay_fail(ASSAY_EINVAL, "optimizer: nesterov needs a momentum greater than 0");
    if ((o->schedule == ASSAY_RATE_COSINE || o->schedule == ASSAY_RATE_LINEAR) &&
        o->steps <= o->warmup)
        return assay_fail(ASSAY_EINVAL,
            "optimizer: steps must be greater than warmup, %zu, got %zu", o->warmup, o->steps);
    return ASSAY_OK;
}

/* The factor once for each milestone that lies behind. */
static double steps_factor(const assay_optimiser_options *o, uint64_t step, double after)
{
    if (!o->milestones)
        return pow(o->factor, floor((after - 1) / (double)o->every));
    size_t passed = 0;
    for (size_t i = 0; i < o->n_milestones; i++)
        passed += step > o->milestones[i];
    return pow(o->factor, (double)passed);
}

double assay_learning_rate(const assay_optimiser_options *o, uint64_t step)
{
    if (step <= o->warmup)
        return o->lr * (double)step / (double)o->warmup;
    const double after = (double)(step - o->warmup), whole = (double)(o->steps - o->warmup);
    const double done = after < whole ? after / whole : 1;
    switch (o->schedule) {
    case ASSAY_RATE_COSINE:
        return o->lr * (o->last + (1 - o->last) * (1 + cos(3.14159265358979323846 * done)) / 2);
    case ASSAY_RATE_LINEAR:
        return o->lr * (1 - (1 - o->last) * done);
    case ASSAY_RATE_STEPS:
        return o->lr * steps_factor(o, step, after);
    case ASSAY_RATE_CONSTANT:
        break;
    }
    return o->lr;
}
