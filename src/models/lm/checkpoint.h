/*
 * Models as safetensors files (net/safetensors.h): parameters under their names; the moments of the
 * last training as "opt.m", "opt.v" and its averaged weights as "average"; config, vocabulary,
 * adapters, frozen parameters and the step in the metadata. A training that is resumed from a file
 * goes on bit by bit. What assay_lm_policy_step keeps between calls is not in the file, and neither
 * are hooks and quantisers.
 */
#ifndef ASSAY_MODELS_LM_CHECKPOINT_H
#define ASSAY_MODELS_LM_CHECKPOINT_H

#include "models/lm/lm.h"

/* Bytes, to be freed. */
int assay_lm_encode(const assay_lm *lm, unsigned char **bytes, size_t *size);
/* ASSAY_EFORMAT: malformed, or not a language model; ASSAY_EVERSION: by a newer program. `what`
 * names the bytes in messages. *out is set in any case. */
int assay_lm_decode(const void *bytes, size_t size, const char *what, assay_lm **out);

int assay_lm_save(const assay_lm *lm, const char *path);
int assay_lm_load(const char *path, assay_lm **out);

#endif
