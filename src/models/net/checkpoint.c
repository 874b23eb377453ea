/* Nets in files; see checkpoint.h. */
#include "models/net/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "models/net/safetensors.h"

#define FORMAT "assay.net"
enum { VERSION = 1, STATE = 3, METADATA = 8, MISSING = 65536 };

/* ---- writing ---- */

static const char *const state_names[STATE] = {"opt.m", "opt.v", "average"};

static void sources_of(const assay_net *net, assay_tensor_source *tensors, size_t *n)
{
    const float *const state[STATE] = {net->state.m, net->state.v, net->state.average};
    *n = 0;
    for (size_t i = 0; i < net->params.count; i++) {
        const assay_param *p = &net->params.at[i];
        tensors[(*n)++] = (assay_tensor_source){p->name, p->rank, p->n, net->params.w + p->off};
    }
    for (int i = 0; i < STATE; i++)
        if (state[i])
            tensors[(*n)++] =
                (assay_tensor_source){state_names[i], 1, &net->params.length, state[i]};
}

/* The names of frozen parameters, a space after each; free it. */
static char *frozen_of(const assay_net *net)
{
    char *list = calloc(net->params.count + 1, ASSAY_PARAM_NAME + 1);
    for (size_t i = 0; list && i < net->params.count; i++)
        if (net->params.at[i].flags & ASSAY_PARAM_FROZEN) {
            strcat(list, net->params.at[i].name);
            strcat(list, " ");
        }
    return list;
}

int assay_net_encode(const assay_net *net, unsigned char **bytes, size_t *size)
{
    char seed[24], step[24], train_seed[24], version[8], prediction[8];
    size_t n = 0;
    assay_tensor_source *tensors = calloc(net->params.count + STATE, sizeof *tensors);
    char *frozen = frozen_of(net);
    int status = tensors && frozen ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "net: out of memory");
    snprintf(version, sizeof version, "%d", VERSION);
    snprintf(prediction, sizeof prediction, "%d", (int)net->prediction);
    snprintf(seed, sizeof seed, "%" PRIu64, net->seed);
    snprintf(step, sizeof step, "%" PRIu64, net->state.step);
    snprintf(train_seed, sizeof train_seed, "%" PRIu64, net->state.seed);
    if (status == ASSAY_OK) {
        const assay_metadata_source metadata[METADATA] = {{"format", FORMAT}, {"version", version},
            {"architecture", net->spec}, {"seed", seed}, {"step", step}, {"train_seed", train_seed},
            {"frozen", frozen}, {"prediction", prediction}};
        sources_of(net, tensors, &n);
        status = assay_safetensors_encode(tensors, n, metadata, METADATA, bytes, size);
    }
    free(tensors);
    free(frozen);
    return status;
}

int assay_net_save(const assay_net *net, const char *path)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    int status = assay_net_encode(net, &bytes, &size);
    if (status == ASSAY_OK)
        status = assay_safetensors_write(path, bytes, size);
    free(bytes);
    return status;
}

/* ---- reading ---- */

/* 0 where a file, of somebody else's making, has none. */
static int read_count(const assay_safetensors *s, const char *what, const char *key, uint64_t *out)
{
    const char *text = assay_safetensors_metadata(s, key);
    char *end = NULL;
    errno = 0;
    *out = 0;
    if (!text)
        return ASSAY_OK;
    *out = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return end && *end == '\0' && errno == 0
               ? ASSAY_OK
               : assay_fail(ASSAY_EFORMAT, "%s: the metadata's \"%s\" is not a number", what, key);
}

static int read_state(const assay_safetensors *s, const char *what, assay_net *net, size_t *used)
{
    float **const state[STATE] = {&net->state.m, &net->state.v, &net->state.average};
    int status = read_count(s, what, "step", &net->state.step);
    if (status == ASSAY_OK)
        status = read_count(s, what, "train_seed", &net->state.seed);
    for (int i = 0; i < STATE && status == ASSAY_OK; i++) {
        if (!assay_safetensors_find(s, state_names[i]))
            continue;
        status = assay_params_buffer(&net->params, state[i]);
        if (status == ASSAY_OK)
            status = assay_safetensors_floats(
                s, what, state_names[i], 1, &net->params.length, *state[i]);
        (*used)++;
    }
    return status;
}

static void read_frozen(const assay_safetensors *s, assay_net *net)
{
    const char *list = assay_safetensors_metadata(s, "frozen");
    for (size_t i = 0; list && i < net->params.count; i++) {
        assay_param *p = &net->params.at[i];
        const size_t n = strlen(p->name);
        for (const char *at = list; (at = strstr(at, p->name)); at += n)
            if ((at == list || at[-1] == ' ') && at[n] == ' ')
                p->flags |= ASSAY_PARAM_FROZEN;
    }
}

static int fill(const assay_safetensors *s, const char *what, assay_net *net)
{
    int status = ASSAY_OK;
    size_t used = net->params.count;
    for (size_t i = 0; i < net->params.count && status == ASSAY_OK; i++) {
        const assay_param *p = &net->params.at[i];
        status = assay_safetensors_floats(s, what, p->name, p->rank, p->n, net->params.w + p->off);
    }
    if (status == ASSAY_OK)
        status = read_state(s, what, net, &used);
    if (status == ASSAY_OK && used != s->count)
        status = assay_fail(ASSAY_EFORMAT, "%s: %zu of %zu tensors are not the net's", what,
            s->count - used, s->count);
    uint64_t prediction = 0;
    if (status == ASSAY_OK)
        status = read_count(s, what, "prediction", &prediction);
    if (status == ASSAY_OK && prediction > ASSAY_NET_PREDICTS_V)
        status = assay_fail(ASSAY_EFORMAT,
            "%s: the metadata's \"prediction\" must be 0 (none), 1 (eps), 2 (x0) or 3 (v), got %" PRIu64,
            what, prediction);
    net->prediction = status == ASSAY_OK ? (assay_net_prediction)prediction : 0;
    read_frozen(s, net);
    return status;
}

/* A net can't have many more parameters than the file has numbers, whatever its description says; with a few more
 * the tensor that is missing is named. */
static int decode(const assay_safetensors *s, const char *what, void *model)
{
    assay_net **const out = model;
    uint64_t version = 0, seed = 0;
    size_t most = MISSING;
    const char *format = assay_safetensors_metadata(s, "format");
    const char *architecture = assay_safetensors_metadata(s, "architecture");
    *out = NULL;
    if (!format || strcmp(format, FORMAT) != 0 || !architecture)
        return assay_fail(ASSAY_EFORMAT,
            "%s: holds no net (its format is \"%.64s\", not " FORMAT ")", what,
            format ? format : "");
    int status = read_count(s, what, "version", &version);
    if (status == ASSAY_OK && version > VERSION)
        return assay_fail(
            ASSAY_EVERSION, "%s: written by a newer version (%" PRIu64 ")", what, version);
    if (status == ASSAY_OK)
        status = read_count(s, what, "seed", &seed);
    for (size_t i = 0; i < s->count; i++)
        most += s->at[i].count;
    if (status == ASSAY_OK)
        status = assay_net_new(architecture, seed, most, out);
    if (status == ASSAY_OK)
        status = fill(s, what, *out);
    if (status != ASSAY_OK) {
        assay_net_free(*out);
        *out = NULL;
    }
    return status;
}

int assay_net_decode(const void *bytes, size_t size, const char *what, assay_net **out)
{
    *out = NULL;
    return assay_safetensors_decode(bytes, size, what, decode, out);
}

int assay_net_load(const char *path, assay_net **out)
{
    *out = NULL;
    return assay_safetensors_load(path, decode, out);
}

/* ---- another net's file ---- */

static int compare(const assay_net *net, const assay_net *from, const char *path)
{
    const assay_params *a = &net->params, *b = &from->params;
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        if (i >= a->count || i >= b->count || strcmp(a->at[i].name, b->at[i].name) != 0)
            return assay_fail(ASSAY_EINVAL,
                "%s: another architecture: parameter %zu is \"%s\", the net's is \"%s\"", path,
                i + 1, i < b->count ? b->at[i].name : "", i < a->count ? a->at[i].name : "");
        if (a->at[i].rank != b->at[i].rank ||
            memcmp(a->at[i].n, b->at[i].n, sizeof a->at[i].n) != 0)
            return assay_fail(ASSAY_EINVAL,
                "%s: another architecture: \"%s\" has %zu numbers, the net's %zu, or another shape",
                path, a->at[i].name, b->at[i].size, a->at[i].size);
    }
    return strcmp(net->spec, from->spec) == 0
               ? ASSAY_OK
               : assay_fail(ASSAY_EINVAL, "%s: another architecture: %.512s", path, from->spec);
}

int assay_net_restore(assay_net *net, const char *path)
{
    assay_net *from = NULL;
    if (net->busy)
        return assay_fail(ASSAY_EBUSY, "net: this net is being trained");
    int status = assay_net_load(path, &from);
    if (status == ASSAY_OK)
        status = compare(net, from, path);
    if (status == ASSAY_OK) {
        memcpy(net->params.w, from->params.w, net->params.length * sizeof(float));
        assay_net_state_free(&net->state);
        net->state = from->state;
        from->state = (assay_net_state){0};
        net->prediction = from->prediction;
    }
    assay_net_free(from);
    return status;
}
