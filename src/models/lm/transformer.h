/*
 * The forward pass of a transformer on a tape, in either precision: pre-norm blocks
 *
 *     x += O(attention(N1 x)),  x += F2(act(F1(N2 x))),
 *
 * a last norm, a head. A batch is packed: the rows of all sequences one after the other, so that
 * ragged batches cost what they hold.
 */
#ifndef ASSAY_MODELS_LM_TRANSFORMER_H
#define ASSAY_MODELS_LM_TRANSFORMER_H

#include "models/lm/config.h"
#include "models/net/tape.h"

#ifdef ASSAY_NET_DOUBLE
#define assay_lm_forward assay_lm_forward_double
#endif

/* Rows of sequences. All arrays live until the tape is reset. */
typedef struct assay_lm_rows {
    size_t sequences, rows;    /* rows: the sum of the lengths, >= 1 */
    const size_t *length;      /* of each sequence, in 1..ctx */
    const int32_t *token;      /* of each row */
    const int32_t *position;   /* of each row, in 0..ctx-1 */
    const double *time;        /* of each sequence, when the config has a time input */
    const int32_t *owner;      /* the sequence of each row; likewise, and for pooled heads */
    const int32_t *last;       /* the last row of each sequence; pool last */
    const unsigned char *mask; /* position i sees j where mask[i * mask_side + j]; NULL: config's */
    size_t mask_side;
    const assay_kv *cache; /* one a layer: rows are the next positions of slots; NULL: none */
    bool rows_apart; /* time is embedded a row, not a sequence, for gradient norms of examples */
} assay_lm_rows;

/* Values of the tape. features[i] is what block i gives (rows x d), i = 0 the embedding. */
typedef struct assay_lm_values {
    int logits;    /* rows x vocab; sequences x outputs for other heads */
    int normed;    /* what the head reads: rows x d, sequences x d for other heads */
    int *features; /* the caller's: layers + 1; NULL: not wanted */
} assay_lm_values;

/* param[i] is the tape's value of parameter i of the table. Dropout is on when the tape has random
 * keys. ASSAY_EINVAL for tokens outside of the vocabulary, positions outside of the context. */
int assay_lm_forward(assay_tape *tape, const assay_lm_config *config, const assay_lm_layout *layout,
    const int *param, const assay_lm_rows *rows, assay_lm_values *values);

#endif
