/* The table of parameters; see params.h. */
#include "models/net/params.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

enum { ALIGNED = 16, BYTES = 64 };

static float *new_buffer(size_t length)
{
    float *buffer = aligned_alloc(BYTES, (length ? length : ALIGNED) * sizeof *buffer);
    if (buffer)
        memset(buffer, 0, length * sizeof *buffer);
    return buffer;
}

void assay_params_free(assay_params *params)
{
    free(params->at);
    free(params->w);
    *params = (assay_params){0};
}

/* ---- adding ---- */

static int check_name(const assay_params *params, const char *name)
{
    if (!*name || strlen(name) >= ASSAY_PARAM_NAME)
        return assay_fail(ASSAY_EINVAL, "net: a parameter's name must have 1..%d bytes, got \"%s\"",
            ASSAY_PARAM_NAME - 1, name);
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->at[i].name, name) == 0)
            return assay_fail(ASSAY_EINVAL, "net: there is a parameter \"%s\" already", name);
    return ASSAY_OK;
}

static int measure(const char *name, int rank, const size_t *n, size_t *size)
{
    if (rank < 1 || rank > 4)
        return assay_fail(
            ASSAY_EINVAL, "net: parameter \"%s\" must have rank 1..4, got %d", name, rank);
    *size = 1;
    for (int i = 0; i < rank; i++) {
        if (n[i] < 1 || n[i] > INT_MAX / *size)
            return assay_fail(ASSAY_EINVAL,
                "net: dimension %d of parameter \"%s\" must be at least 1, and all of them at most "
                "%d numbers, got %zu",
                i + 1, name, INT_MAX, n[i]);
        *size *= n[i];
    }
    return ASSAY_OK;
}

static int make_room(assay_params *params, size_t length)
{
    if (params->count == params->room) {
        const size_t room = params->room ? 2 * params->room : 16;
        assay_param *at = realloc(params->at, room * sizeof *at);
        if (!at)
            return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu parameters", room);
        params->at = at;
        params->room = room;
    }
    if (length <= params->w_room)
        return ASSAY_OK;
    const size_t room = params->w_room + length;
    float *w = new_buffer(room);
    if (!w)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu weights", room);
    if (params->length)
        memcpy(w, params->w, params->length * sizeof *w);
    free(params->w);
    params->w = w;
    params->w_room = room;
    return ASSAY_OK;
}

int assay_params_add(assay_params *params, const char *name, int rank, const size_t *n,
    unsigned flags, size_t *index)
{
    size_t size = 0;
    int status = check_name(params, name);
    if (status == ASSAY_OK)
        status = measure(name, rank, n, &size);
    const size_t length = params->length + (size + ALIGNED - 1) / ALIGNED * ALIGNED;
    if (status == ASSAY_OK)
        status = make_room(params, length);
    if (status != ASSAY_OK)
        return status;
    assay_param *param = &params->at[params->count];
    *param = (assay_param){.rank = rank, .off = params->length, .size = size, .flags = flags};
    snprintf(param->name, sizeof param->name, "%s", name);
    memcpy(param->n, n, (size_t)rank * sizeof *n);
    params->length = length;
    if (index)
        *index = params->count;
    params->count++;
    return ASSAY_OK;
}

int assay_params_copy(const assay_params *params, assay_params *out)
{
    *out = (assay_params){0};
    for (size_t i = 0; i < params->count; i++) {
        const assay_param *from = &params->at[i];
        const int status =
            assay_params_add(out, from->name, from->rank, from->n, from->flags, NULL);
        if (status != ASSAY_OK) {
            assay_params_free(out);
            return status;
        }
    }
    if (params->length)
        memcpy(out->w, params->w, params->length * sizeof *out->w);
    return ASSAY_OK;
}

/* ---- looking ---- */

int assay_params_find(const assay_params *params, const char *name, size_t *index)
{
    char list[1024] = "";
    size_t at = 0;
    for (size_t i = 0; i < params->count; i++) {
        if (strcmp(params->at[i].name, name) == 0) {
            *index = i;
            return ASSAY_OK;
        }
        if (at < sizeof list)
            at += (size_t)snprintf(
                list + at, sizeof list - at, "%s%s", i ? ", " : "", params->at[i].name);
    }
    return assay_fail(
        ASSAY_ENOTFOUND, "net: there is no parameter \"%s\" (there are: %s)", name, list);
}

size_t assay_params_size(const assay_params *params)
{
    size_t size = 0;
    for (size_t i = 0; i < params->count; i++)
        size += params->at[i].size;
    return size;
}

size_t assay_params_learning(const assay_params *params)
{
    size_t size = 0;
    for (size_t i = 0; i < params->count; i++)
        size += assay_param_learns(&params->at[i]) ? params->at[i].size : 0;
    return size;
}

size_t assay_params_flag(assay_params *params, const char *pattern, unsigned flag, bool on)
{
    size_t matched = 0;
    for (size_t i = 0; i < params->count; i++) {
        assay_param *param = &params->at[i];
        if (fnmatch(pattern, param->name, 0) != 0)
            continue;
        param->flags = on ? param->flags | flag : param->flags & ~flag;
        matched++;
    }
    return matched;
}

int assay_params_buffer(const assay_params *params, float **out)
{
    *out = new_buffer(params->length);
    return *out ? ASSAY_OK
                : assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu numbers", params->length);
}

/* ---- initial values ---- */

void assay_params_set(
    assay_params *params, size_t index, assay_param_init init, double scale, const assay_rng *rng)
{
    const assay_param *param = &params->at[index];
    float *w = params->w + param->off;
    assay_rng own = assay_rng_split_name(rng, param->name);
    for (size_t i = 0; i < param->size; i++)
        switch (init) {
        case ASSAY_INIT_CONSTANT:
            w[i] = (float)scale;
            break;
        case ASSAY_INIT_UNIFORM:
            w[i] = (float)(scale * (2 * assay_rng_uniform(&own) - 1));
            break;
        case ASSAY_INIT_NORMAL:
            w[i] = (float)(scale * assay_rng_normal(&own));
            break;
        }
}
