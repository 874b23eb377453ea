/* Lists of training sequences, and batches of them; see train.h. */
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/lm/train.h"

static int grow(void *array, size_t room, size_t size)
{
    void *grown, **at = array;
    grown = realloc(*at, room * size);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu numbers", room);
    *at = grown;
    return ASSAY_OK;
}

static size_t larger(size_t room)
{
    return room ? 2 * room : 256;
}

int assay_lm_add_sequence(assay_lm_examples *e, int32_t label)
{
    if (e->sequences == e->sequence_room) {
        const size_t room = larger(e->sequence_room);
        int status = grow(&e->length, room, sizeof *e->length);
        if (status == ASSAY_OK)
            status = grow(&e->label, room, sizeof *e->label);
        if (status != ASSAY_OK)
            return status;
        e->sequence_room = room;
    }
    e->length[e->sequences] = 0;
    e->label[e->sequences++] = label;
    return ASSAY_OK;
}

int assay_lm_add_token(assay_lm_examples *e, int32_t token, double weight)
{
    if (e->tokens == e->token_room) {
        const size_t room = larger(e->token_room);
        int status = grow(&e->token, room, sizeof *e->token);
        if (status == ASSAY_OK)
            status = grow(&e->weight, room, sizeof *e->weight);
        if (status != ASSAY_OK)
            return status;
        e->token_room = room;
    }
    e->token[e->tokens] = token;
    e->weight[e->tokens++] = weight;
    e->length[e->sequences - 1]++;
    return ASSAY_OK;
}

int assay_lm_add_value(assay_lm_examples *e, double value)
{
    if (e->values == e->value_room) {
        const size_t room = larger(e->value_room);
        const int status = grow(&e->value, room, sizeof *e->value);
        if (status != ASSAY_OK)
            return status;
        e->value_room = room;
    }
    e->value[e->values++] = value;
    return ASSAY_OK;
}

void assay_lm_examples_clear(assay_lm_examples *e)
{
    e->sequences = e->tokens = e->values = 0;
}

void assay_lm_examples_free(assay_lm_examples *e)
{
    free(e->length);
    free(e->label);
    free(e->token);
    free(e->weight);
    free(e->value);
    *e = (assay_lm_examples){0};
}

/* ---- batches of a list ---- */

int assay_lm_list_begin(assay_lm_list *list)
{
    const assay_lm_examples *e = list->examples;
    if (e->sequences < 1 || list->batch < 1)
        return assay_fail(ASSAY_EINVAL,
            "lm: training needs at least one sequence and a batch of at least 1, got %zu and %zu",
            e->sequences, list->batch);
    list->first_token = malloc(e->sequences * sizeof *list->first_token);
    list->order = malloc(e->sequences * sizeof *list->order);
    if (!list->first_token || !list->order) {
        assay_lm_list_end(list);
        return assay_fail(ASSAY_ENOMEM, "lm: out of memory for %zu sequences", e->sequences);
    }
    for (size_t i = 0, at = 0; i < e->sequences; at += e->length[i++])
        list->first_token[i] = at;
    list->pass = UINT64_MAX;
    return ASSAY_OK;
}

void assay_lm_list_end(assay_lm_list *list)
{
    free(list->first_token);
    free(list->order);
    list->first_token = list->order = NULL;
}

static int copy_sequence(const assay_lm_list *list, size_t i, assay_lm_examples *to)
{
    const assay_lm_examples *e = list->examples;
    int status = assay_lm_add_sequence(to, e->label[i]);
    for (size_t j = 0; j < e->length[i] && status == ASSAY_OK; j++) {
        const size_t at = list->first_token[i] + j;
        status = assay_lm_add_token(to, e->token[at], e->weight[at]);
    }
    for (size_t j = 0; j < list->outputs && status == ASSAY_OK; j++)
        status = assay_lm_add_value(to, e->value[i * list->outputs + j]);
    return status;
}

/* Example k of the whole training is place k mod n of pass k / n. */
int assay_lm_list_source(void *context, uint64_t step, assay_lm_examples *to)
{
    assay_lm_list *list = context;
    const size_t n = list->examples->sequences;
    int status = ASSAY_OK;
    for (size_t i = 0; i < list->batch && status == ASSAY_OK; i++) {
        const uint64_t k = (step - 1) * list->batch + i;
        if (k / n != list->pass) {
            const assay_rng root = assay_rng_seed(list->seed);
            const assay_rng order = assay_rng_split_name(&root, "order");
            assay_rng rng = assay_rng_split(&order, list->pass = k / n);
            assay_rng_permutation(&rng, n, list->order);
        }
        status = copy_sequence(list, list->order[k % n], to);
    }
    return status;
}
