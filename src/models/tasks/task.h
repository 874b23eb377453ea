/*
 * Verifiable tasks: problems without end whose answers a program checks exactly, for language
 * models to be trained, sampled and judged on. All arithmetic is on integers.
 *
 *     assay_task *task;
 *     assay_task_new("add", "{\"digits\": 3}", NULL, 0, &task);
 *     assay_task_generate(task, ASSAY_TASK_TRAIN, seed, 0, &problem);       37+45=  ->  82
 *     assay_task_verify(task, problem.prompt, problem.prompt_size, "82", 2, &verdict);
 *
 * A problem is a pure function of (task and options, split, seed, index): no state, any order. With
 * the option holdout = "value", the default, a value (the operands, the list, ...) belongs to one
 * split by its hash, for every seed, so that no problem of the test split is ever trained on;
 * with "index" the splits draw independently of each other, and small tasks repeat themselves.
 *
 * Prompts and answers are untrusted text: an answer is right, wrong or malformed, never a failure;
 * a prompt that is none of the task's is ASSAY_EINVAL.
 */
#ifndef ASSAY_MODELS_TASKS_TASK_H
#define ASSAY_MODELS_TASKS_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/vocab.h"

/* Bytes of a prompt or an answer; a longer answer is wrong with the error "length". */
enum { ASSAY_TASK_LONGEST = 4096 };

typedef enum assay_task_split { ASSAY_TASK_TRAIN, ASSAY_TASK_TEST } assay_task_split;

typedef struct assay_task assay_task;

/* Both texts end in a NUL that their sizes do not count; of a corpus they may hold others. */
typedef struct assay_task_problem {
    char prompt[ASSAY_TASK_LONGEST + 1], answer[ASSAY_TASK_LONGEST + 1];
    size_t prompt_size, answer_size;
    size_t at; /* of a corpus: where its window begins, in bytes */
} assay_task_problem;

/* What is wrong with an answer that is not right, beyond its value. */
typedef enum assay_task_error {
    ASSAY_ANSWER_FINE,
    ASSAY_ANSWER_PARSE,    /* "parse": not of the task's form */
    ASSAY_ANSWER_LENGTH,   /* "length": longer than what is allowed */
    ASSAY_ANSWER_NUMBERS,  /* "numbers": uses others than those given */
    ASSAY_ANSWER_DIVISION, /* "division": by zero */
    ASSAY_ANSWER_OVERFLOW, /* "overflow": beyond 64 bits */
} assay_task_error;

typedef struct assay_verdict {
    bool correct;
    assay_task_error error;
    double reward; /* 0 or 1; within [0, 1) for wrong answers with the option `partial` */
    /* One text for answers that say the same ("007" and "7"), for votes; "" when malformed. */
    char answer[ASSAY_TASK_LONGEST + 1];
} assay_verdict;

/* The table of tasks. */
size_t assay_task_count(void);
const char *assay_task_name_at(size_t i);
const char *assay_task_summary_at(size_t i);

/* A task by its name, with options as a JSON object (NULL: the defaults; man assay-lua has them
 * all). `text` is the corpus of the task "text", which is copied, and NULL for all others.
 * ASSAY_ENOTFOUND, ASSAY_EINVAL with the option, its value and its range. Free with
 * assay_task_free. */
int assay_task_new(
    const char *name, const char *options, const char *text, size_t text_size, assay_task **out);
void assay_task_free(assay_task *task);

const char *assay_task_name(const assay_task *task);
/* The options, those by default too, as canonical JSON: equal for equal tasks. */
const char *assay_task_options(const assay_task *task);
int assay_task_vocab(const assay_task *task, assay_vocab *out);
/* Is there a right answer, behind which EOS stands? Not in a corpus, whose text goes on. */
bool assay_task_has_answers(const assay_task *task);
/* No prompt and no answer of the generator is longer. */
void assay_task_longest(const assay_task *task, size_t *prompt, size_t *answer);

/* Problem `index` of a split. ASSAY_EINVAL when the split has no value (held = 0, or a task of few
 * values). */
int assay_task_generate(const assay_task *task, assay_task_split split, uint64_t seed,
    uint64_t index, assay_task_problem *out);

int assay_task_verify(const assay_task *task, const char *prompt, size_t prompt_size,
    const char *answer, size_t answer_size, assay_verdict *out);

/* The name of an error, as above; NULL for ASSAY_ANSWER_FINE. */
const char *assay_task_error_name(assay_task_error error);

/* countdown: how many expression trees over the prompt's numbers have the target's value, of
 * *trees in all; a+b and b+a are two, equal numbers are not told apart. At most 4 numbers. */
int assay_task_solutions(const assay_task *task, const char *prompt, size_t prompt_size,
    uint64_t *solutions, uint64_t *trees);

#endif
