/*
 * Sequential nets: layers with residual blocks (layers.h) over one flat buffer of parameters, asked
 * for outputs, losses, gradients by weights and inputs, features, gradients of single examples,
 * Hessian-vector products; trained in fit.h.
 *
 * What a net is trained on and asked about are rows of matrices of doubles, converted where a batch
 * is gathered. Messages count examples and columns from 1, as Lua does.
 */
#ifndef ASSAY_MODELS_NET_NET_H
#define ASSAY_MODELS_NET_NET_H

#include "core/matrix.h"
#include "core/progress.h"
#include "models/net/gradcheck.h"
#include "models/net/layers.h"
#include "models/net/params.h"
#include "models/net/shards.h"

/* What a denoiser's outputs are: of x_t = alpha x + sigma eps */
typedef enum assay_net_prediction {
    ASSAY_NET_PREDICTS_NOTHING, /* it is none */
    ASSAY_NET_PREDICTS_EPS,     /* eps */
    ASSAY_NET_PREDICTS_X0,      /* x */
    ASSAY_NET_PREDICTS_V        /* alpha eps - sigma x (Salimans and Ho, arXiv:2202.00512) */
} assay_net_prediction;

/* What is left of a training, for going on with it: see fit.h. */
typedef struct assay_net_state {
    uint64_t step, seed;
    float *m, *v, *average; /* flat, or NULL */
} assay_net_state;

typedef struct assay_net {
    assay_params params;
    assay_layers layers;
    char *spec; /* JSON, from which the net can be made again */
    uint64_t seed;
    assay_net_state state;
    assay_shards *shards;
    assay_gemm_kind gemm;            /* see assay_net_set_gemm */
    bool busy;                       /* being trained */
    assay_net_prediction prediction; /* of a denoiser that was trained */
} assay_net;

/* The weights are drawn from the stream of the seed. `most`: numbers in all parameters, SIZE_MAX
 * for no limit. */
int assay_net_new(const char *spec_json, uint64_t seed, size_t most, assay_net **out);
void assay_net_free(assay_net *net);
/* With its state, without hooks. */
int assay_net_clone(const assay_net *net, assay_net **out);
void assay_net_state_free(assay_net_state *state);

size_t assay_net_inputs(const assay_net *net);
size_t assay_net_outputs(const assay_net *net);

/* How many of the inputs hold the time when the net denoises rows of `dim` numbers: 1 behind a
 * vector, a channel (h w) behind an image's; 0 when the net's shapes are of no denoiser of such
 * rows. */
size_t assay_net_time_inputs(const assay_net *net, size_t dim);
/* ASSAY_EINVAL that tells what a denoiser of such rows takes and gives. */
int assay_net_refuse_denoiser(const assay_net *net, size_t dim);

/* Threads from now on, 1 to begin with; not a part of what is saved. */
int assay_net_threads(assay_net *net, size_t threads);

/* Whose matrix products the net's are from now on, BLAS's to begin with; not a part of what is
 * saved. */
void assay_net_set_gemm(assay_net *net, assay_gemm_kind kind);

/* ---- losses ---- */

typedef enum assay_net_loss_kind {
    ASSAY_LOSS_CE,           /* softmax cross-entropy of labels; mean over labels that aren't -1 */
    ASSAY_LOSS_BCE,          /* of logits, targets in 0..1; this and the next two: */
    ASSAY_LOSS_MSE,          /* the mean over examples and outputs */
    ASSAY_LOSS_HUBER,        /* delta */
    ASSAY_LOSS_GAUSSIAN_NLL, /* outputs: means, then log-variances */
    ASSAY_LOSS_KL,           /* KL(p || q) of the softmax p of targets and q of outputs, */
    ASSAY_LOSS_REVERSE_KL    /* KL(q || p); means over examples */
} assay_net_loss_kind;

typedef struct assay_net_loss {
    assay_net_loss_kind kind;
    double smoothing, delta;
} assay_net_loss;

#define ASSAY_NET_LOSS_DEFAULTS                                                                    \
    {                                                                                              \
        .delta = 1                                                                                 \
    }

/* Examples: x n x inputs; labels for CE, targets n x columns for the others; weights of examples,
 * or NULL. A weighted loss is sum w_i l_i / n, not / sum w. */
typedef struct assay_net_data {
    assay_matrix x;
    const int32_t *labels;
    size_t n_labels;
    assay_matrix targets;
    const double *weights;
    size_t n_weights;
} assay_net_data;

/* Numbers of columns of targets that the loss needs; 0 for CE. */
size_t assay_net_targets(const assay_net *net, const assay_net_loss *loss);

/* Shapes, numbers that aren't finite, labels out of range. `loss` NULL: x alone. */
int assay_net_check(const assay_net *net, const assay_net_loss *loss, const assay_net_data *data);

/* ---- asking ---- */

/* Outputs of layer `stop` (layers.count: the last), n x its size. */
int assay_net_predict(assay_net *net, const assay_matrix *x, size_t stop,
    const assay_progress *progress, assay_matrix *out);

/* The mean loss, of all or (each[i], may be NULL) of each example; dropout is off. `slope`, n x
 * outputs, gets the gradient of each example's loss by its outputs, or NULL. */
int assay_net_losses(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *mean, double *each, assay_matrix *slope);

/* The gradient of the mean loss, flat; *loss may be NULL. */
int assay_net_grad(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *mean, float *grad);

/* What follows looks at examples one by one, and not at weights of examples. */

/* Row i: the gradient of example i's loss by its inputs. */
int assay_net_input_grad(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, assay_matrix *out);

/* norm[i]: of the gradient of example i's loss by all parameters that learn. */
int assay_net_example_norms(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, double *norm);

/*
 * Row i: the gradient of example i's loss by the `n_chosen` parameters at `chosen`, one after the
 * other, and, with project k > 0, its product with a k x (their size) matrix of random signs /
 * sqrt(k), so that inner products are kept on average. The signs are made on the fly from (seed,
 * position in the flat buffers), so that projections of disjoint choices add up.
 */
int assay_net_example_grads(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const size_t *chosen, size_t n_chosen, size_t project, uint64_t seed,
    const assay_progress *progress, assay_matrix *out);

/*
 * H v for the Hessian H of the mean loss by the parameters that learn, flat. Central differences of
 * gradients in double with h = 1e-4 max(|w|, 1) / |v| (largest numbers): the relative error is
 * about 1e-8 for smooth losses; where a relu or a maximum switches within h it is that of the
 * switch. Weights of examples are refused; hooks are not applied.
 */
int assay_net_hvp(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    const assay_progress *progress, const double *v, double *out);

/* See gradcheck.h; of the mean loss. */
int assay_net_gradcheck(assay_net *net, const assay_net_loss *loss, const assay_net_data *data,
    double eps, size_t most, const assay_progress *progress, assay_gradcheck_result *out);

#endif
