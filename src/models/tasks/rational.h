/* Fractions of 64-bit integers, exact or not at all. */
#ifndef ASSAY_MODELS_TASKS_RATIONAL_H
#define ASSAY_MODELS_TASKS_RATIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "models/tasks/task.h"

/* In lowest terms, den > 0; den = 0: it has no value, for the reason `why`. */
typedef struct rational {
    int64_t num, den;
    assay_task_error why;
} rational;

rational rational_of(int64_t whole);
/* op is one of + - * / */
rational rational_apply(char op, rational a, rational b);
bool rational_is(rational a, int64_t whole);

#endif
