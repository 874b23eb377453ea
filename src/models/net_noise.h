/*
 * A net as a model that a diffusion sampler calls: the denoisers that fit.h trains, and nets of
 * one's own in a file of the same layout (checkpoint.h). A net takes [x, t]: of vectors the time is
 * the last number; of images [c + 1, h, w] it is a channel behind the c of x, all of one value.
 */
#ifndef ASSAY_MODELS_NET_NOISE_H
#define ASSAY_MODELS_NET_NOISE_H

#include <stddef.h>

#include "core/matrix.h"
#include "models/net/net.h"

typedef struct assay_net_noise {
    assay_net *net;                 /* borrowed; one call at a time */
    const assay_progress *progress; /* within a call, told of its rows; may be NULL */
    /* Times are the net's own, or, with labels > 0, labels 0..labels - 1 of a discrete schedule of
     * so many steps, real numbers: the net's time is (t + 1) / labels. */
    size_t labels;
    double *memory; /* its own, starts as NULL, freed by assay_net_noise_free */
    size_t capacity;
} assay_net_noise;

void assay_net_noise_free(assay_net_noise *m);

/* A model callback: context is an assay_net_noise; out (n x d) is what the net predicts. */
int assay_net_noise_predict(
    void *context, const assay_matrix *x, const double *t, size_t nt, assay_matrix *out);

#endif
