/* The step of a policy gradient; see train.h. Ratios are of the model's softmax at temperature 1,
 * for the old log-probabilities as for the new. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/lm/train.h"
#include "models/net/policy.h"

int assay_lm_policy_weights(assay_lm_divisor divisor, double constant, size_t sequences,
    const size_t *length, const unsigned char *mask, double *weight)
{
    size_t all = 0, tokens = 0, with = 0;
    for (size_t i = 0; i < sequences; i++) {
        size_t own = 0;
        for (size_t j = 0; j < length[i]; j++)
            own += mask[all + j] != 0;
        tokens += own;
        with += own > 0;
        all += length[i];
    }
    if (tokens == 0)
        return assay_fail(ASSAY_EINVAL, "lm: the mask is all zero: no token counts");
    if (divisor == ASSAY_LM_BY_CONSTANT && !(constant > 0 && isfinite(constant)))
        return assay_fail(
            ASSAY_EINVAL, "lm: constant must be finite and greater than 0, got %g", constant);
    for (size_t i = 0, at = 0; i < sequences; at += length[i++]) {
        size_t own = 0;
        for (size_t j = 0; j < length[i]; j++)
            own += mask[at + j] != 0;
        const double share = divisor == ASSAY_LM_BY_TOKENS ? 1 / (double)tokens
                             : divisor == ASSAY_LM_BY_SEQUENCES
                                 ? 1 / ((double)with * (double)own)
                                 : 1 / ((double)sequences * constant);
        for (size_t j = 0; j < length[i]; j++)
            weight[at + j] = mask[at + j] ? share : 0;
    }
    return ASSAY_OK;
}

/* Numbers of rows, where row j reads token j and is about token j + 1. */
struct rows {
    assay_lm_objective objective;
    size_t *length;
    int32_t *token, *position, *label;
    double *old, *advantage, *reference, *weight;
    double *scored, *token_weight; /* of tokens */
};

static void free_rows(struct rows *r)
{
    free(r->length);
    free(r->token);
    free(r->position);
    free(r->label);
    free(r->old);
    free(r->advantage);
    free(r->reference);
    free(r->weight);
    free(r->scored);
    free(r->token_weight);
}

static int make_rows(const assay_lm_tokens *t, size_t total, struct rows *r)
{
    *r = (struct rows){.length = malloc((t->sequences + 1) * sizeof *r->length),
        .token = malloc((total + 1) * sizeof *r->token),
        .position = malloc((total + 1) * sizeof *r->position),
        .label = malloc((total + 1) * sizeof *r->label),
        .old = malloc((total + 1) * sizeof *r->old),
        .advantage = malloc((total + 1) * sizeof *r->advantage),
        .reference = malloc((total + 1) * sizeof *r->reference),
        .weight = malloc((total + 1) * sizeof *r->weight),
        .scored = malloc((total + 1) * sizeof *r->scored),
        .token_weight = malloc((total + 1) * sizeof *r->token_weight)};
    return r->length && r->token && r->position && r->label && r->old && r->advantage &&
                   r->reference && r->weight && r->scored && r->token_weight
               ? ASSAY_OK
               : assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", total);
}

static int fill_rows(const assay_lm_tokens *t, const unsigned char *mask, const double *old,
    const double *advantage, const double *reference, struct rows *r)
{
    assay_lm_objective *o = &r->objective;
    for (size_t i = 0, at = 0; i < t->sequences; at += t->length[i++]) {
        if (t->length[i] > 0 && mask[at])
            return assay_fail(ASSAY_EINVAL,
                "lm: the first token of sequence %zu has nothing before it to be drawn from",
                i + 1);
        for (size_t j = 0; j + 1 < t->length[i]; j++, o->rows++) {
            const size_t next = at + j + 1, row = o->rows;
            r->token[row] = t->token[at + j];
            r->position[row] = (int32_t)j;
            r->label[row] = mask[next] ? t->token[next] : -1;
            r->old[row] = old[next];
            r->advantage[row] = advantage[next];
            r->reference[row] = reference ? reference[next] : 0;
            r->weight[row] = r->token_weight[next];
        }
        if (t->length[i] > 1)
            r->length[o->sequences++] = t->length[i] - 1;
    }
    return ASSAY_OK;
}

static void set_objective(
    const assay_lm *lm, const assay_lm_policy_options *options, struct rows *r)
{
    assay_lm_objective *o = &r->objective;
    o->config = &lm->config;
    o->layout = &lm->layout;
    o->goal = ASSAY_LM_POLICY;
    o->length = r->length;
    o->token = r->token;
    o->position = r->position;
    o->label = r->label;
    o->old = r->old;
    o->advantage = r->advantage;
    o->reference = options->kl > 0 ? r->reference : NULL;
    o->weight = r->weight;
    o->clip = options->clip;
    o->clip_high = options->clip_high;
    o->kl = options->kl;
    o->entropy = options->entropy;
}

/* The optimiser's state goes on from call to call; the rate may change. */
static int begin_training(assay_lm *lm, const assay_training_options *options)
{
    const int status = assay_optimiser_check(&options->optimiser);
    if (status != ASSAY_OK)
        return status;
    assay_training *t = &lm->policy;
    if (t->params && t->options.optimiser.kind == options->optimiser.kind && t->m) {
        t->options = *options;
        t->options.groups = NULL;
        for (size_t i = 0; i < lm->params.count; i++) {
            t->lr[i] = options->optimiser.lr;
            t->weight_decay[i] = options->optimiser.weight_decay;
        }
        return ASSAY_OK;
    }
    assay_training_free(t);
    return assay_training_new(&lm->params, options, t);
}

static int inner_steps(assay_lm *lm, const assay_lm_policy_options *options, struct rows *r,
    const assay_progress *progress, double *first_loss)
{
    int status = begin_training(lm, &options->training);
    const assay_batch batch = {.examples = r->objective.sequences,
        .rows = r->length,
        .scale = 1,
        .random = lm->config.dropout > 0 || lm->layout.weights.options.noise,
        .seed = options->seed};
    for (size_t epoch = 0; epoch < options->epochs && status == ASSAY_OK; epoch++) {
        double loss = 0;
        status = assay_training_add(&lm->policy, lm->shards, assay_lm_build, &r->objective, &batch);
        if (status == ASSAY_OK)
            status = assay_training_step(&lm->policy, lm->shards, &loss);
        if (epoch == 0)
            *first_loss = loss;
        if (status == ASSAY_OK)
            status = assay_progress_report(progress, (double)epoch + 1, (double)options->epochs);
    }
    return status == ASSAY_OK ? assay_training_finish(&lm->policy) : status;
}

/* Ratios and divergences of the tokens that count, for the report. */
static void measure(const assay_lm_tokens *t, const unsigned char *mask, const double *logp,
    const double *old, const double *reference, const assay_lm_policy_options *o,
    assay_lm_policy_result *out)
{
    size_t at = 0, counted = 0, outside = 0;
    double ratios = 0, divergence = 0;
    for (size_t i = 0; i < t->sequences; i++)
        for (size_t j = 0; j < t->length[i]; j++, at++) {
            if (!mask[at])
                continue;
            const double ratio = exp(logp[at] - old[at]);
            const double q = reference ? reference[at] - logp[at] : 0;
            counted++;
            ratios += ratio;
            outside += ratio < 1 - o->clip || ratio > 1 + o->clip_high;
            divergence += exp(q) - q - 1;
        }
    out->ratio = ratios / (double)counted;
    out->clipped = (double)outside / (double)counted;
    out->kl = reference ? divergence / (double)counted : NAN;
}

static int check(
    const assay_lm *lm, const assay_lm_tokens *t, const assay_lm_policy_options *o, size_t *total)
{
    if (!lm->config.causal || lm->config.head != ASSAY_LM_TOKENS ||
        lm->config.cond != ASSAY_LM_NO_COND)
        return assay_fail(ASSAY_EINVAL,
            "lm: policy gradients are of a causal model with a head of tokens and no time input");
    if (o->epochs < 1)
        return assay_fail(ASSAY_EINVAL, "lm: epochs must be at least 1, got 0");
    if (o->kl > 0 && (!o->reference || o->reference->config.vocab != lm->config.vocab))
        return assay_fail(ASSAY_EINVAL, "lm: kl needs a reference model with the same vocabulary");
    return assay_lm_check_tokens(lm, t, total);
}

int assay_lm_policy_step(assay_lm *lm, const assay_lm_tokens *tokens, const unsigned char *mask,
    const double *old, const double *advantage, const assay_lm_policy_options *options,
    const assay_progress *progress, assay_lm_policy_result *out)
{
    struct rows rows = {0};
    size_t total = 0;
    *out = (assay_lm_policy_result){.kl = NAN};
    int status = check(lm, tokens, options, &total);
    if (status == ASSAY_OK)
        status = make_rows(tokens, total, &rows);
    if (status == ASSAY_OK)
        status = assay_lm_policy_weights(options->divisor, options->constant, tokens->sequences,
            tokens->length, mask, rows.token_weight);
    const double *reference = options->reference ? rows.scored : NULL;
    if (status == ASSAY_OK && reference)
        status = assay_lm_score(options->reference, tokens, NULL, rows.scored, NULL);
    if (status == ASSAY_OK)
        status = fill_rows(tokens, mask, old, advantage, reference, &rows);
    set_objective(lm, options, &rows);
    if (status == ASSAY_OK)
        status = inner_steps(lm, options, &rows, progress, &out->loss);
    double *logp = status == ASSAY_OK ? malloc((total + 1) * sizeof *logp) : NULL;
    if (status == ASSAY_OK && !logp)
        status = assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu tokens", total);
    if (status == ASSAY_OK)
        status = assay_lm_score(lm, tokens, NULL, logp, NULL);
    if (status == ASSAY_OK)
        measure(tokens, mask, logp, old, reference, options, out);
    free(logp);
    free_rows(&rows);
    return status;
}
