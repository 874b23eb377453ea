/*
 * The table of tasks, their options, the streams and splits of their problems.
 *
 * Options come as JSON because a task is named by text everywhere else: in an experiment's
 * parameters, in a cache's key, in a log of samples. What a text says is checked here and nowhere
 * else, for Lua as for C.
 */
#include "models/tasks/task.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sha256.h"
#include "core/suggest.h"
#include "models/tasks/kind.h"

/* Draws of a problem until one is of the wanted split. A split that holds one value in a thousand
 * is missed by all of them with probability e^-1000. */
enum { MOST_DRAWS = 1000000 };

static const task_kind *const kinds[] = {
    &assay_task_add,
    &assay_task_modarith,
    &assay_task_sort,
    &assay_task_bracket,
    &assay_task_countdown,
    &assay_task_copy,
    &assay_task_reverse,
    &assay_task_parity,
    &assay_task_maxk,
    &assay_task_corpus,
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const task_option common[COMMON_OPTIONS + 1] = {
    {.name = "holdout", .type = OPTION_CHOICE, .words = {"value", "index"}},
    {.name = "held", .type = OPTION_SHARE, .share = 0.1},
    {.name = "fold", .type = OPTION_WHOLE, .min = 0, .max = INT32_MAX},
    {.name = "partial", .type = OPTION_SWITCH},
};

size_t assay_task_count(void)
{
    return KINDS;
}

const char *assay_task_name_at(size_t i)
{
    return kinds[i]->name;
}

const char *assay_task_summary_at(size_t i)
{
    return kinds[i]->summary;
}

static int find_kind(const char *name, const task_kind **out)
{
    const char *names[KINDS];
    char hint[256];
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i]->name;
        if (strcmp(name, names[i]) == 0) {
            *out = kinds[i];
            return ASSAY_OK;
        }
    }
    assay_suggest(name, names, KINDS, hint, sizeof hint);
    return assay_fail(ASSAY_ENOTFOUND, "there is no task \"%s\"%s", name, hint);
}

/* ---- one option ---- */

static int refuse_option(
    const task_kind *kind, const task_option *option, const json_t *given, const char *wanted)
{
    char *shown = json_dumps(given, JSON_COMPACT | JSON_ENCODE_ANY);
    const int status = assay_fail(ASSAY_EINVAL, "%s: %s must be %s, got %s", kind->name,
        option->name, wanted, shown ? shown : "what is no JSON");
    free(shown);
    return status;
}

static void set_default(const task_option *option, task_value *value)
{
    *value = (task_value){.whole = option->absent};
    value->share[0] = option->type == OPTION_SHARES ? 1 : option->share;
}

static int word_at(const task_option *option, const json_t *given)
{
    for (int i = 0; json_is_string(given) && option->words[i]; i++)
        if (strcmp(json_string_value(given), option->words[i]) == 0)
            return i;
    return -1;
}

static size_t word_count(const task_option *option)
{
    size_t n = 0;
    while (option->words[n])
        n++;
    return n;
}

/* "one of "a", "b"" */
static const char *word_list(const task_option *option, const char *before, char text[256])
{
    size_t used = (size_t)snprintf(text, 256, "%s", before);
    for (size_t i = 0; option->words[i] && used < 256; i++)
        used +=
            (size_t)snprintf(text + used, 256 - used, "%s\"%s\"", i ? ", " : " ", option->words[i]);
    return text;
}

static int read_whole(
    const task_kind *kind, const task_option *option, const json_t *given, task_value *value)
{
    char wanted[64];
    const double number = json_number_value(given); /* 0 for what is none */
    snprintf(wanted, sizeof wanted, "a whole number in %lld..%lld", (long long)option->min,
        (long long)option->max);
    if (!json_is_number(given) || !(number >= (double)option->min && number <= (double)option->max))
        return refuse_option(kind, option, given, wanted);
    value->whole = (int64_t)number;
    return (double)value->whole == number ? ASSAY_OK : refuse_option(kind, option, given, wanted);
}

static int read_share(
    const task_kind *kind, const task_option *option, const json_t *given, task_value *value)
{
    value->share[0] = json_number_value(given);
    if (!json_is_number(given) || !(value->share[0] >= 0 && value->share[0] < 1))
        return refuse_option(kind, option, given, "in 0..1 and less than 1");
    return ASSAY_OK;
}

static int read_set(
    const task_kind *kind, const task_option *option, const json_t *given, task_value *value)
{
    char wanted[256];
    value->whole = 0;
    for (size_t i = 0; i < json_array_size(given); i++) {
        const int word = word_at(option, json_array_get(given, i));
        value->whole = word < 0 ? INT64_MIN : value->whole | INT64_C(1) << word;
        if (word < 0)
            break;
    }
    if (value->whole <= 0)
        return refuse_option(kind, option, given, word_list(option, "a list of some of", wanted));
    return ASSAY_OK;
}

static int read_shares(
    const task_kind *kind, const task_option *option, const json_t *given, task_value *value)
{
    char wanted[256], before[64];
    const size_t n = word_count(option);
    double sum = 0;
    bool good = json_array_size(given) == n;
    for (size_t i = 0; i < n && good; i++) {
        const json_t *element = json_array_get(given, i);
        value->share[i] = json_number_value(element);
        good = json_is_number(element) && value->share[i] >= 0 && value->share[i] <= 1e9;
        sum += value->share[i];
    }
    if (good && sum > 0)
        return ASSAY_OK;
    snprintf(before, sizeof before, "a list of %zu weights from 0 on, not all 0, of", n);
    return refuse_option(kind, option, given, word_list(option, before, wanted));
}

static int read_option(
    const task_kind *kind, const task_option *option, const json_t *given, task_value *value)
{
    char wanted[256];
    switch (option->type) {
    case OPTION_WHOLE:
        return read_whole(kind, option, given, value);
    case OPTION_SHARE:
        return read_share(kind, option, given, value);
    case OPTION_SWITCH:
        value->whole = json_is_true(given);
        return json_is_boolean(given) ? ASSAY_OK
                                      : refuse_option(kind, option, given, "true or false");
    case OPTION_CHOICE:
        value->whole = word_at(option, given);
        return value->whole >= 0
                   ? ASSAY_OK
                   : refuse_option(kind, option, given, word_list(option, "one of", wanted));
    case OPTION_SET:
        return read_set(kind, option, given, value);
    case OPTION_SHARES:
        return read_shares(kind, option, given, value);
    }
    return ASSAY_OK;
}

static json_t *show_option(const task_option *option, const task_value *value)
{
    json_t *list;
    switch (option->type) {
    case OPTION_WHOLE:
        return json_integer(value->whole);
    case OPTION_SHARE:
        return json_real(value->share[0]);
    case OPTION_SWITCH:
        return json_boolean(value->whole);
    case OPTION_CHOICE:
        return json_string(option->words[value->whole]);
    case OPTION_SET:
        list = json_array();
        for (size_t i = 0; option->words[i]; i++)
            if (value->whole >> i & 1)
                json_array_append_new(list, json_string(option->words[i]));
        return list;
    case OPTION_SHARES:
        list = json_array();
        for (size_t i = 0; option->words[i]; i++)
            json_array_append_new(list, json_real(value->share[i]));
        return list;
    }
    return NULL;
}

/* ---- all of a task's options ---- */

typedef struct option_slot {
    const task_option *option;
    task_value *value;
} option_slot;

static size_t slots(assay_task *task, option_slot all[TASK_OPTIONS + COMMON_OPTIONS])
{
    size_t n = 0;
    for (size_t i = 0; task->kind->options[i].name; i++)
        all[n++] = (option_slot){&task->kind->options[i], &task->value[i]};
    for (size_t i = 0; i < COMMON_OPTIONS; i++)
        all[n++] = (option_slot){&common[i], &task->common[i]};
    return n;
}

static int refuse_unknown(const assay_task *task, const char *key, const option_slot *all, size_t n)
{
    const char *names[TASK_OPTIONS + COMMON_OPTIONS];
    char hint[256];
    for (size_t i = 0; i < n; i++)
        names[i] = all[i].option->name;
    assay_suggest(key, names, n, hint, sizeof hint);
    return assay_fail(ASSAY_EINVAL, "%s: unknown option \"%s\"%s", task->kind->name, key, hint);
}

static int read_options(assay_task *task, const json_t *given)
{
    option_slot all[TASK_OPTIONS + COMMON_OPTIONS];
    const size_t n = slots(task, all);
    const char *key;
    json_t *value;
    for (size_t i = 0; i < n; i++)
        set_default(all[i].option, all[i].value);
    json_object_foreach((json_t *)given, key, value)
    {
        size_t i = 0;
        while (i < n && strcmp(key, all[i].option->name) != 0)
            i++;
        if (i == n)
            return refuse_unknown(task, key, all, n);
        const int status = read_option(task->kind, all[i].option, value, all[i].value);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static int parse_options(assay_task *task, const char *options)
{
    json_error_t where;
    json_t *given = json_loads(options ? options : "{}", JSON_REJECT_DUPLICATES, &where);
    if (!given)
        return assay_fail(ASSAY_EINVAL, "%s: options are no JSON object: %s, character %d",
            task->kind->name, where.text, where.column);
    const int status =
        json_is_object(given)
            ? read_options(task, given)
            : assay_fail(ASSAY_EINVAL, "%s: options must be a JSON object", task->kind->name);
    json_decref(given);
    return status;
}

/* A corpus stands in it by its checksum. */
static char *canonical_options(assay_task *task)
{
    option_slot all[TASK_OPTIONS + COMMON_OPTIONS];
    const size_t n = slots(task, all);
    json_t *object = json_object();
    for (size_t i = 0; i < n; i++)
        json_object_set_new(object, all[i].option->name, show_option(all[i].option, all[i].value));
    if (task->text) {
        char hex[ASSAY_SHA256_HEX];
        assay_sha256_hex(task->text, task->text_size, hex);
        json_object_set_new(object, "text", json_string(hex));
    }
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    json_decref(object);
    return text;
}

/* ---- tasks ---- */

static int copy_text(assay_task *task, const char *text, size_t size)
{
    if ((task->kind == &assay_task_corpus) != (text != NULL))
        return assay_fail(ASSAY_EINVAL,
            text ? "%s: takes no text of its own" : "%s: needs a text to take windows of",
            task->kind->name);
    if (!text)
        return ASSAY_OK;
    task->text = malloc(size + 1);
    if (!task->text)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory for %zu bytes", task->kind->name, size);
    memcpy(task->text, text, size);
    task->text_size = size;
    return ASSAY_OK;
}

static int check_longest(const assay_task *task)
{
    const size_t longer =
        task->longest_prompt > task->longest_answer ? task->longest_prompt : task->longest_answer;
    if (longer > ASSAY_TASK_LONGEST)
        return assay_fail(ASSAY_EINVAL,
            "%s: its texts would have up to %zu characters, at most %d can be", task->kind->name,
            longer, ASSAY_TASK_LONGEST);
    return ASSAY_OK;
}

int assay_task_new(
    const char *name, const char *options, const char *text, size_t text_size, assay_task **out)
{
    const task_kind *kind = NULL;
    int status = find_kind(name, &kind);
    if (status)
        return status;
    assay_task *task = calloc(1, sizeof *task);
    if (!task)
        return assay_fail(ASSAY_ENOMEM, "%s: no memory", name);
    task->kind = kind;
    status = parse_options(task, options);
    if (!status)
        status = copy_text(task, text, text_size);
    if (!status)
        status = kind->prepare(task);
    if (!status)
        status = check_longest(task);
    if (!status && !(task->options = canonical_options(task)))
        status = assay_fail(ASSAY_ENOMEM, "%s: no memory", name);
    if (status)
        assay_task_free(task);
    else
        *out = task;
    return status;
}

void assay_task_free(assay_task *task)
{
    if (!task)
        return;
    free(task->options);
    free(task->text);
    free(task->ways);
    free(task);
}

const char *assay_task_name(const assay_task *task)
{
    return task->kind->name;
}

const char *assay_task_options(const assay_task *task)
{
    return task->options;
}

int assay_task_vocab(const assay_task *task, assay_vocab *out)
{
    if (task->text)
        return assay_vocab_of_text(task->text, task->text_size, out);
    *out = assay_vocab_tasks();
    return ASSAY_OK;
}

bool assay_task_has_answers(const assay_task *task)
{
    return task->kind->judge != NULL;
}

void assay_task_longest(const assay_task *task, size_t *prompt, size_t *answer)
{
    *prompt = task->longest_prompt;
    *answer = task->longest_answer;
}

/* ---- problems ---- */

/* FNV-1a; what a value is held out by must not change between versions. */
static uint64_t hash(task_text text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.size; i++)
        h = (h ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* A value's split is the same for all seeds. */
static bool is_of(const assay_task *task, const assay_task_problem *problem, assay_task_split split)
{
    char buffer[ASSAY_TASK_LONGEST + 1];
    if (task->kind->is_of)
        return task->kind->is_of(task, problem, split);
    task_text value = {problem->prompt, problem->prompt_size};
    if (task->kind->value) {
        task_writer writer = {buffer, 0};
        task->kind->value(problem, &writer);
        value = (task_text){buffer, writer.size};
    }
    const assay_rng fold = assay_rng_seed((uint64_t)task->common[COMMON_FOLD].whole);
    assay_rng own = assay_rng_split(&fold, hash(value));
    const bool held = assay_rng_uniform(&own) < task->common[COMMON_HELD].share[0];
    return held == (split == ASSAY_TASK_TEST);
}

static assay_rng stream(
    const assay_task *task, assay_task_split split, uint64_t seed, uint64_t index)
{
    assay_rng rng = assay_rng_seed(seed);
    rng = assay_rng_split_name(&rng, "task");
    rng = assay_rng_split_name(&rng, task->kind->name);
    rng = assay_rng_split(&rng, split);
    return assay_rng_split(&rng, index);
}

static int draw(const assay_task *task, assay_rng *rng, assay_task_problem *out)
{
    out->prompt[0] = out->answer[0] = '\0';
    out->prompt_size = out->answer_size = 0;
    return task->kind->draw(task, rng, out);
}

static int draw_of_split(
    const assay_task *task, assay_task_split split, assay_rng *rng, assay_task_problem *out)
{
    const bool any = task->common[COMMON_HOLDOUT].whole == HOLDOUT_BY_INDEX;
    for (int i = 0; i < MOST_DRAWS; i++) {
        const int status = draw(task, rng, out);
        if (status || any || is_of(task, out, split))
            return status;
    }
    return assay_fail(ASSAY_EINVAL,
        "%s: with held = %g no value of %d drawn ones is of the %s split; give it more, or holdout "
        "= \"index\"",
        task->kind->name, task->common[COMMON_HELD].share[0], MOST_DRAWS,
        split == ASSAY_TASK_TEST ? "test" : "train");
}

int assay_task_generate(const assay_task *task, assay_task_split split, uint64_t seed,
    uint64_t index, assay_task_problem *out)
{
    assay_rng rng = stream(task, split, seed, index);
    int status = draw_of_split(task, split, &rng, out);
    if (!status && task->kind->solve) {
        task_writer answer = {out->answer, 0};
        task->kind->solve(task, (task_text){out->prompt, out->prompt_size}, &answer);
        out->answer_size = answer.size;
    }
    if (!status && task->kind->dress)
        task->kind->dress(task, &rng, out);
    return status;
}

/* ---- verdicts ---- */

const char *assay_task_error_name(assay_task_error error)
{
    static const char *const names[] = {NULL, "parse", "length", "numbers", "division", "overflow"};
    return names[error];
}

static int refuse_prompt(const assay_task *task, task_text prompt)
{
    return assay_fail(ASSAY_EINVAL, "%s: prompt \"%.*s\" is not of the form %s", task->kind->name,
        prompt.size < 80 ? (int)prompt.size : 80, prompt.at, task->kind->form);
}

int assay_task_verify(const assay_task *task, const char *prompt, size_t prompt_size,
    const char *answer, size_t answer_size, assay_verdict *out)
{
    char buffer[ASSAY_TASK_LONGEST + 1];
    task_writer right = {buffer, 0};
    const task_text asked = {prompt, prompt_size}, said = {answer, answer_size};
    const task_kind *kind = task->kind;
    out->correct = false;
    out->error = ASSAY_ANSWER_PARSE;
    out->reward = 0;
    out->answer[0] = '\0';
    if (!kind->judge)
        return assay_fail(ASSAY_EINVAL, "%s: a corpus has no right answers", kind->name);
    if (prompt_size > ASSAY_TASK_LONGEST || (kind->solve && !kind->solve(task, asked, &right)))
        return refuse_prompt(task, asked);
    if (answer_size > ASSAY_TASK_LONGEST) {
        out->error = ASSAY_ANSWER_LENGTH;
        return ASSAY_OK;
    }
    if (!kind->judge(task, asked, (task_text){buffer, right.size}, said, out))
        return refuse_prompt(task, asked);
    if (!out->correct && !task->common[COMMON_PARTIAL].whole)
        out->reward = 0;
    return ASSAY_OK;
}
