/*
 * text: windows of a text, for a model of its characters. Its first part trains, the rest tests,
 * and no window lies in both. There is no prompt and nothing to verify: a corpus has a perplexity.
 */
#include <string.h>

#include "models/tasks/kind.h"

enum { CORPUS_WINDOW };

static const task_option corpus_options[] = {
    {.name = "window", .type = OPTION_WHOLE, .absent = 64, .min = 1, .max = ASSAY_TASK_LONGEST},
    {.name = NULL},
};

static size_t window_of(const assay_task *task)
{
    return (size_t)task->value[CORPUS_WINDOW].whole;
}

static int prepare_corpus(assay_task *task)
{
    assay_vocab vocab;
    if (task->text_size < window_of(task))
        return assay_fail(ASSAY_EINVAL, "text: window must be in 1..%zu, the text's size, got %zu",
            task->text_size, window_of(task));
    task->longest_prompt = 0;
    task->longest_answer = window_of(task);
    return assay_vocab_of_text(task->text, task->text_size, &vocab);
}

static int draw_corpus(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    task_writer answer = {out->answer, 0};
    out->at = (size_t)assay_rng_below(rng, task->text_size - window_of(task) + 1);
    task_put_bytes(&answer, task->text + out->at, window_of(task));
    out->answer_size = answer.size;
    return ASSAY_OK;
}

static bool is_of_corpus(
    const assay_task *task, const assay_task_problem *problem, assay_task_split split)
{
    const double held = task->common[COMMON_HELD].share[0];
    const size_t border = (size_t)((1 - held) * (double)task->text_size);
    return split == ASSAY_TASK_TEST ? problem->at >= border
                                    : problem->at + window_of(task) <= border;
}

const task_kind assay_task_corpus = {
    .name = "text",
    .summary = "windows of a text",
    .options = corpus_options,
    .prepare = prepare_corpus,
    .draw = draw_corpus,
    .is_of = is_of_corpus,
};
