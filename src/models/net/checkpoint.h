/*
 * Nets as safetensors files: parameters under their names, the optimiser's moments as "opt.m",
 * "opt.v" and averaged weights as "average" (flat, as params.h lays them out); the description,
 * seeds and the step in the metadata. A net that is read goes on training bit by bit.
 */
#ifndef ASSAY_MODELS_NET_CHECKPOINT_H
#define ASSAY_MODELS_NET_CHECKPOINT_H

#include "models/net/net.h"

int assay_net_encode(const assay_net *net, unsigned char **bytes, size_t *size);
/* ASSAY_EFORMAT: malformed, or not a net of this program; ASSAY_EVERSION: by a newer one. `what`
 * names the bytes. */
int assay_net_decode(const void *bytes, size_t size, const char *what, assay_net **out);

int assay_net_save(const assay_net *net, const char *path);
int assay_net_load(const char *path, assay_net **out);

/* Weights (and what is left of a training) of a file into this net; ASSAY_EINVAL names the first
 * tensor that doesn't fit when the file's architecture is another one. */
int assay_net_restore(assay_net *net, const char *path);

#endif
