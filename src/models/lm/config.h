/*
 * What a small transformer is: the sizes and kinds that decide its parameters and its forward pass.
 */
#ifndef ASSAY_MODELS_LM_CONFIG_H
#define ASSAY_MODELS_LM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/net/op.h"
#include "models/net/params.h"

typedef enum assay_lm_norm { ASSAY_LM_LAYERNORM, ASSAY_LM_RMSNORM } assay_lm_norm;
typedef enum assay_lm_act {
    ASSAY_LM_GELU,
    ASSAY_LM_SILU,
    ASSAY_LM_SWIGLU,
    ASSAY_LM_RELU
} assay_lm_act;
typedef enum assay_lm_pos { ASSAY_LM_LEARNED, ASSAY_LM_ROPE, ASSAY_LM_NO_POS } assay_lm_pos;
/* What a time input does: nothing; its embedding is added to every token; it scales and shifts what
 * the norms of every block give (adaln). */
typedef enum assay_lm_cond { ASSAY_LM_NO_COND, ASSAY_LM_TIME, ASSAY_LM_ADALN } assay_lm_cond;
/* What the last features become: logits of each token, or one row of `outputs` numbers a sequence.
 */
typedef enum assay_lm_head { ASSAY_LM_TOKENS, ASSAY_LM_CLASSIFY, ASSAY_LM_REGRESS } assay_lm_head;
typedef enum assay_lm_pool { ASSAY_LM_MEAN, ASSAY_LM_LAST } assay_lm_pool;

/* Their names, in the order of the values, ending with NULL. */
extern const char *const assay_lm_norm_names[], *const assay_lm_act_names[];
extern const char *const assay_lm_pos_names[], *const assay_lm_cond_names[];
extern const char *const assay_lm_head_names[], *const assay_lm_pool_names[];

typedef struct assay_lm_config {
    size_t vocab, d, layers, heads, ctx; /* heads divides d; with rope d / heads is even */
    bool causal;                         /* a token sees the earlier ones only */
    size_t block; /* > 0, and not causal: tokens see their block of so many and those before */
    assay_lm_norm norm;
    assay_lm_act act;
    assay_lm_pos pos;
    assay_lm_cond cond;
    bool tie;         /* the head is the embedding */
    bool bias;        /* of the linear layers and layer-norms */
    double dropout;   /* of the embeddings and of what each block adds, in [0, 1) */
    double mlp_ratio; /* hidden width over d; swiglu: 2/3 of it, rounded up to a multiple of 8 */
    assay_lm_head head;
    assay_lm_pool pool; /* of other heads than tokens */
    size_t outputs;     /* of other heads than tokens: >= 1 */
} assay_lm_config;

#define ASSAY_LM_CONFIG_DEFAULTS                                                                   \
    {                                                                                              \
        .vocab = 64, .d = 64, .layers = 2, .heads = 4, .ctx = 32, .causal = true, .bias = true,    \
        .mlp_ratio = 4                                                                             \
    }

/* Width, layers and heads of "nano", "micro", "tiny", "small" or "base"; ASSAY_ENOTFOUND lists
 * them. */
int assay_lm_preset(const char *name, assay_lm_config *config);

/* ASSAY_EINVAL names the field, its value and its range. */
int assay_lm_config_check(const assay_lm_config *config);

/* Numbers of the hidden layer, and in a row of the head's result. */
size_t assay_lm_hidden(const assay_lm_config *config);
size_t assay_lm_outputs(const assay_lm_config *config);

/* The linear layers that adapters can stand beside: qkv, o, f1, f2. */
enum { ASSAY_LM_TARGETS = 4 };
extern const char *const assay_lm_target_names[];

/* Where a block's parameters are in the table; SIZE_MAX: it has none. */
typedef struct assay_lm_block {
    size_t ln1_gain, ln1_bias, qkv, qkv_bias, o, o_bias;
    size_t ln2_gain, ln2_bias, f1, f1_bias, f2, f2_bias;
    size_t mod, mod_bias; /* adaln: scale and shift of both norms [4 d, d] */
    size_t lora_a[ASSAY_LM_TARGETS], lora_b[ASSAY_LM_TARGETS]; /* of the adapter in use */
} assay_lm_block;

/* What is done to the weights, or to the inputs, of linear layers; see quantise.h. */
typedef struct assay_lm_quantiser {
    bool on;
    assay_op_options options; /* fakequant's */
} assay_lm_quantiser;

enum { ASSAY_LM_QUANTISED_F2 = 3, ASSAY_LM_QUANTISED_HEAD = 4, ASSAY_LM_QUANTISED = 5 };
extern const char *const assay_lm_quantised_names[]; /* qkv, o, f1, f2, head */

typedef struct assay_lm_layout {
    size_t wte, wpe, time1, time1_bias, time2, time2_bias, lnf_gain, lnf_bias, head, head_bias;
    assay_lm_block *block;               /* layers */
    double lora_scale;                   /* of adapters */
    size_t sub_d, sub_layers, sub_heads; /* of the sub-network in use; 0: of the whole */
    assay_lm_quantiser weights, inputs;
    unsigned quantised; /* bit i: assay_lm_quantised_names[i] */
} assay_lm_layout;

/* The sizes of the network in use. */
typedef struct assay_lm_sizes {
    size_t d, layers, heads, head_d, hidden;
} assay_lm_sizes;

assay_lm_sizes assay_lm_sizes_of(const assay_lm_config *config, const assay_lm_layout *layout);

/*
 * Add the parameters to a table that is empty, all zero but the gains, 1. Names are wte, wpe,
 * time1.weight, ..., block1.ln1.gain, block1.qkv.weight, ..., lnf.gain, head.weight. *layout is
 * freed with assay_lm_layout_free.
 */
int assay_lm_parameters(
    const assay_lm_config *config, assay_params *params, assay_lm_layout *layout);
void assay_lm_layout_free(assay_lm_layout *layout);

/* N(0, 0.02^2) for matrices and embeddings, what a block adds (o, f2) divided by sqrt(2 layers). */
void assay_lm_initialise(const assay_lm_config *config, const assay_lm_layout *layout,
    assay_params *params, const assay_rng *rng);

/* How many numbers assay_lm_parameters makes. */
int assay_lm_count(const assay_lm_config *config, size_t *count);

#endif
