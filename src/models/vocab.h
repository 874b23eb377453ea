/*
 * Vocabularies of characters: a token is one byte of text, or one of four special tokens, which
 * every vocabulary has first, so that no model needs to ask whether it has them.
 *
 * A vocabulary is a value: it is copied by assignment and owns nothing.
 */
#ifndef ASSAY_MODELS_VOCAB_H
#define ASSAY_MODELS_VOCAB_H

#include <stddef.h>
#include <stdint.h>

enum { ASSAY_PAD, ASSAY_BOS, ASSAY_EOS, ASSAY_MASK, ASSAY_VOCAB_SPECIALS };
enum { ASSAY_VOCAB_MAX = 256, ASSAY_VOCAB_TASKS = 64 };

/* What stands in decoded text for a special token that is no end. No symbol of the tasks, so that
 * an answer with one in it is never right. */
#define ASSAY_VOCAB_HOLE '~'

typedef struct assay_vocab {
    size_t size;
    unsigned char symbol[ASSAY_VOCAB_MAX]; /* of tokens ASSAY_VOCAB_SPECIALS .. size - 1 */
    int16_t token[256];                    /* of bytes; -1: the vocabulary lacks it */
} assay_vocab;

/* The specials alone. */
assay_vocab assay_vocab_specials(void);

/* Adds a symbol that the vocabulary lacks; there is room for 252 of them. */
void assay_vocab_append(assay_vocab *vocab, unsigned char symbol);

/* The 64 tokens that all tasks share: the specials, then
 * 0-9 + - * / = % ( ) [ ] { } < > , : ; ? | # space a-z . _ & */
assay_vocab assay_vocab_tasks(void);

/* The specials, then the distinct bytes of a text in ascending order. ASSAY_EINVAL when the text is
 * empty or has more than 252 distinct bytes (UTF-8 has at most 243). */
int assay_vocab_of_text(const char *text, size_t size, assay_vocab *out);

/* tokens[i] of text[i]. ASSAY_EINVAL names the first byte that is no symbol, and its position from
 * 1 on; the tokens before it are written. */
int assay_vocab_encode(const assay_vocab *vocab, const char *text, size_t size, int32_t *tokens);

/* The text up to the first EOS, without a BOS at the start; other specials give ASSAY_VOCAB_HOLE.
 * text has room for n bytes and a NUL; *size is its length. ASSAY_EINVAL names the first token
 * outside 0..size-1, and its position from 1 on. */
int assay_vocab_decode(
    const assay_vocab *vocab, const int32_t *tokens, size_t n, char *text, size_t *size);

#endif
