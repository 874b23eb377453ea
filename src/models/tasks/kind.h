/*
 * What one task is to the table of them (task.c): its options, what writes its problems and what
 * judges its answers. A new task is a task_kind and its line in the table.
 */
#ifndef ASSAY_MODELS_TASKS_KIND_H
#define ASSAY_MODELS_TASKS_KIND_H

#include "core/rng.h"
#include "core/status.h"
#include "models/tasks/task.h"

enum { TASK_OPTIONS = 8, TASK_WORDS = 4 };

typedef enum option_type {
    OPTION_WHOLE,  /* a whole number in min..max */
    OPTION_SHARE,  /* a number in 0..1, below 1 */
    OPTION_SWITCH, /* true or false */
    OPTION_CHOICE, /* one of the words: its position */
    OPTION_SET,    /* some of the words, a list: bit i for word i */
    OPTION_SHARES, /* a list of a weight >= 0 for each word, not all 0 */
} option_type;

typedef struct task_option {
    const char *name;
    option_type type;
    int64_t absent, min, max;
    double share; /* absent of OPTION_SHARE; of OPTION_SHARES the first word has all */
    const char *words[TASK_WORDS + 1];
} task_option;

typedef struct task_value {
    int64_t whole;
    double share[TASK_WORDS];
} task_value;

/* What all tasks have, and where it stands among a task's values. */
enum { HOLDOUT_BY_VALUE, HOLDOUT_BY_INDEX };
enum { COMMON_HOLDOUT, COMMON_HELD, COMMON_FOLD, COMMON_PARTIAL, COMMON_OPTIONS };

typedef struct task_text {
    const char *at;
    size_t size;
} task_text;

/* A text that is being written, within ASSAY_TASK_LONGEST: what would go beyond is left out, and
 * whoever writes has checked that nothing does. */
typedef struct task_writer {
    char *at;
    size_t size;
} task_writer;

typedef struct task_kind {
    const char *name, *summary;
    const char *form;           /* of its prompts, for errors */
    const task_option *options; /* ends with a NULL name */
    /* What options must hold together; makes what draws need; sets the longest texts. */
    int (*prepare)(assay_task *task);
    /* A prompt; and an answer where there is no `solve`. */
    int (*draw)(const assay_task *task, assay_rng *rng, assay_task_problem *out);
    /* The answer of a prompt. False: the prompt is not of the form. */
    bool (*solve)(const assay_task *task, task_text prompt, task_writer *answer);
    /* Sets correct, error, answer and, for wrong answers, the partial credit. `right` is what
     * `solve` says. False as above. NULL: answers are not judged. */
    bool (*judge)(const assay_task *task, task_text prompt, task_text right, task_text answer,
        assay_verdict *out);
    /* What of a problem decides its split, where that is less than its prompt; may be NULL. */
    void (*value)(const assay_task_problem *problem, task_writer *value);
    /* Whether it is of that split, where no hash decides; may be NULL. */
    bool (*is_of)(
        const assay_task *task, const assay_task_problem *problem, assay_task_split split);
    /* May be NULL: another look of the same problem, which does not decide its split. */
    void (*dress)(const assay_task *task, assay_rng *rng, assay_task_problem *problem);
} task_kind;

struct assay_task {
    const task_kind *kind;
    task_value value[TASK_OPTIONS]; /* in the order of the kind's options */
    task_value common[COMMON_OPTIONS];
    size_t longest_prompt, longest_answer;
    char *options; /* canonical JSON */
    char *text;    /* the corpus */
    size_t text_size;
    uint64_t *ways; /* bracket: see there */
};

extern const task_kind assay_task_add, assay_task_modarith, assay_task_sort, assay_task_bracket,
    assay_task_countdown, assay_task_copy, assay_task_reverse, assay_task_parity, assay_task_maxk,
    assay_task_corpus;

/* ---- text (write.c) ---- */

void task_put(task_writer *to, const char *what);
void task_put_bytes(task_writer *to, const char *what, size_t size);
void task_put_byte(task_writer *to, char byte);
void task_put_number(task_writer *to, uint64_t number);

/* Take it off the front; false leaves the text as it is. */
bool task_take(task_text *text, const char *word);
/* Decimal digits, of a number up to `limit`. */
bool task_take_number(task_text *text, uint64_t limit, uint64_t *number);

bool task_same(task_text a, task_text b);

/* ---- verdicts ---- */

void task_says(assay_verdict *out, task_text answer);
/* An answer of the right form: right or, with its partial credit, wrong. */
void task_judged(assay_verdict *out, task_text answer, bool right, double credit);
/* The share of positions with the same byte, counted from the end, of those of the longer text. */
double task_agreement(task_text a, task_text b);
/* ... from the start, before the first difference. */
double task_prefix(task_text a, task_text b);

#endif
