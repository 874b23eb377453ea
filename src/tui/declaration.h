/* An experiment's declaration (the JSON of lua/engine.h) in words. */
#ifndef ASSAY_TUI_DECLARATION_H
#define ASSAY_TUI_DECLARATION_H

#include <jansson.h>
#include <stdbool.h>

#include "store/store.h"
#include "tui/detail.h"

const char *tui_declared_text(const json_t *declaration, const char *field); /* "" when absent */

/* A JSON value as the command line writes it: 0.6,1.0 for a list. The caller frees. */
char *tui_value_text(const json_t *value);

/* The next of such a list's values, without the blanks around it; false at the end, where *text is
 * NULL. */
bool tui_next_value(const char **text, char *word, size_t size);

/* "integer >= 1", "number 0..2", "one of a, b". */
void tui_param_range(const json_t *param, char *out, size_t size);

/* The sections of a description. `claims` (NULL: none yet) marks the declared claims. */
void tui_detail_params(struct tui_detail *detail, const json_t *declaration);
void tui_detail_claims(
    struct tui_detail *detail, const json_t *declaration, const assay_claim_list *claims);

#endif
