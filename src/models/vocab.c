/* Vocabularies of characters. */
#include "models/vocab.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/status.h"

assay_vocab assay_vocab_specials(void)
{
    assay_vocab vocab = {.size = ASSAY_VOCAB_SPECIALS};
    memset(vocab.symbol, ASSAY_VOCAB_HOLE, sizeof vocab.symbol);
    for (size_t i = 0; i < sizeof vocab.token / sizeof vocab.token[0]; i++)
        vocab.token[i] = -1;
    return vocab;
}

void assay_vocab_append(assay_vocab *vocab, unsigned char symbol)
{
    vocab->token[symbol] = (int16_t)vocab->size;
    vocab->symbol[vocab->size++] = symbol;
}

assay_vocab assay_vocab_tasks(void)
{
    static const char symbols[] = "0123456789+-*/=%()[]{}<>,:;?|# abcdefghijklmnopqrstuvwxyz._&";
    _Static_assert(sizeof symbols - 1 + ASSAY_VOCAB_SPECIALS == ASSAY_VOCAB_TASKS, "64 tokens");
    assay_vocab vocab = assay_vocab_specials();
    for (const char *s = symbols; *s; s++)
        assay_vocab_append(&vocab, (unsigned char)*s);
    return vocab;
}

int assay_vocab_of_text(const char *text, size_t size, assay_vocab *out)
{
    bool seen[256] = {false};
    size_t distinct = 0;
    for (size_t i = 0; i < size; i++) {
        distinct += !seen[(unsigned char)text[i]];
        seen[(unsigned char)text[i]] = true;
    }
    if (distinct == 0)
        return assay_fail(ASSAY_EINVAL, "vocabulary: the text is empty");
    if (distinct > ASSAY_VOCAB_MAX - ASSAY_VOCAB_SPECIALS)
        return assay_fail(ASSAY_EINVAL,
            "vocabulary: the text has %zu distinct bytes, at most %d fit", distinct,
            ASSAY_VOCAB_MAX - ASSAY_VOCAB_SPECIALS);
    *out = assay_vocab_specials();
    for (unsigned byte = 0; byte < 256; byte++)
        if (seen[byte])
            assay_vocab_append(out, (unsigned char)byte);
    return ASSAY_OK;
}

/* A byte as an error shows it: itself when it is printable ASCII, else its number. */
static const char *show(unsigned char byte, char name[8])
{
    snprintf(name, 8, byte > ' ' && byte < 0x7f ? "\"%c\"" : "0x%02x", byte);
    return name;
}

int assay_vocab_encode(const assay_vocab *vocab, const char *text, size_t size, int32_t *tokens)
{
    char name[8];
    for (size_t i = 0; i < size; i++) {
        tokens[i] = vocab->token[(unsigned char)text[i]];
        if (tokens[i] < 0)
            return assay_fail(ASSAY_EINVAL,
                "vocabulary: character %s at position %zu is none of the %zu tokens",
                show((unsigned char)text[i], name), i + 1, vocab->size);
    }
    return ASSAY_OK;
}

int assay_vocab_decode(
    const assay_vocab *vocab, const int32_t *tokens, size_t n, char *text, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < n && tokens[i] != ASSAY_EOS; i++) {
        if (tokens[i] < 0 || (size_t)tokens[i] >= vocab->size)
            return assay_fail(ASSAY_EINVAL,
                "vocabulary: token %d at position %zu must be in 0..%zu", (int)tokens[i], i + 1,
                vocab->size - 1);
        if (i > 0 || tokens[i] != ASSAY_BOS)
            text[(*size)++] = (char)vocab->symbol[tokens[i]];
    }
    text[*size] = '\0';
    return ASSAY_OK;
}
