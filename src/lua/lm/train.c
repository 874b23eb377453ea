/*
 * lm:train and lm:policy_step.
 *
 *     local r = lm:train{ task=task, steps=2000, batch=64, lr=1e-3, warmup=100, schedule="cosine",
 *         on_step=function(s) print(s.step, s.loss) end }
 *     lm:policy_step(samples, advantages, { clip=0.2, lr=1e-4 })
 *
 * Functions that are called from within a step keep their error until the step's owner has let go
 * of its memory; it is raised then.
 */
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "lua/lm/lm.h"
#include "lua/lm/masked.h"
#include "lua/net.h"
#include "lua/report.h"
#include "models/lm/train.h"

#define EXAMPLES "assay.lm.examples"

enum { OPTIONS = 2 };

/* ---- lists of examples ---- */

static int free_examples(lua_State *L)
{
    assay_lm_examples_free(lua_touserdata(L, 1));
    return 0;
}

static assay_lm_examples *push_examples(lua_State *L)
{
    assay_lm_examples *e = lua_newuserdatauv(L, sizeof *e, 0);
    *e = (assay_lm_examples){0};
    if (luaL_newmetatable(L, EXAMPLES)) {
        lua_pushcfunction(L, free_examples);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return e;
}

static void add_token(lua_State *L, assay_lm_examples *to, int32_t token, double weight)
{
    assay_arg_status(L, assay_lm_add_token(to, token, weight));
}

/* Add the tokens of the text or list at `at`. */
static void add_tokens(lua_State *L, int at, const char *name, const assay_lm *lm, double weight,
    assay_lm_examples *to)
{
    const int top = lua_gettop(L);
    assay_lua_tokens t;
    assay_arg_tokens(L, at, name, lm, &t);
    if (!t.single && t.total > 0)
        assay_arg_error(L, "%s must be a text or one list of tokens", name);
    for (size_t j = 0; j < t.total; j++)
        add_token(L, to, t.tokens.token[j], weight);
    lua_settop(L, top);
}

/* {prompt=, answer=}: the answer and EOS count. An empty prompt stands for BOS. */
static void add_pair(
    lua_State *L, int at, const assay_lm *lm, double weight, bool whole, assay_lm_examples *to)
{
    const size_t before = to->tokens;
    if (assay_opt_push(L, at, "prompt"))
        add_tokens(L, lua_gettop(L), "prompt", lm, whole ? weight : 0, to);
    if (to->tokens == before)
        add_token(L, to, ASSAY_BOS, 0);
    if (assay_opt_push(L, at, "answer")) {
        add_tokens(L, lua_gettop(L), "answer", lm, weight, to);
        add_token(L, to, ASSAY_EOS, weight);
    }
    lua_pop(L, 2);
}

/* label= of a classify head, value= (a number or a list) of a regress head */
static void add_targets(lua_State *L, int at, const assay_lm *lm, assay_lm_examples *to)
{
    const int top = lua_gettop(L);
    if (lm->config.head == ASSAY_LM_CLASSIFY && assay_opt_push(L, at, "label"))
        to->label[to->sequences - 1] = (int32_t)assay_arg_integer(
            L, lua_gettop(L), "label", -1, (int64_t)lm->config.outputs - 1);
    if (lm->config.head == ASSAY_LM_REGRESS && assay_opt_push(L, at, "value")) {
        size_t n = 0;
        const double *x = assay_arg_numbers(L, lua_gettop(L), "value", &n);
        if (n != lm->config.outputs)
            assay_arg_error(L, "value must have %zu numbers, got %zu", lm->config.outputs, n);
        for (size_t i = 0; i < n; i++)
            assay_arg_status(L, assay_lm_add_value(to, x[i]));
    }
    lua_settop(L, top);
}

static bool is_record(lua_State *L, int at)
{
    if (!lua_istable(L, at))
        return false;
    const bool list = lua_rawgeti(L, at, 1) != LUA_TNIL;
    lua_pop(L, 1);
    return !list;
}

/* The example on top: a text, a list of tokens, or a record. */
static void take_example(lua_State *L, const assay_lm *lm, bool whole, assay_lm_examples *to)
{
    static const char *const known[] = {
        "prompt", "answer", "tokens", "label", "value", "weight", NULL};
    const int at = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    assay_arg_status(L, assay_lm_add_sequence(to, -1));
    if (!is_record(L, at)) {
        add_tokens(L, at, "an example", lm, 1, to);
        return;
    }
    assay_opts_check(L, at, known);
    const double weight = assay_opt_number(L, at, "weight", 1, 0, ASSAY_FINITE);
    if (assay_opt_push(L, at, "tokens"))
        add_tokens(L, lua_gettop(L), "tokens", lm, weight, to);
    else
        add_pair(L, at, lm, weight, whole, to);
    lua_pop(L, 1);
    add_targets(L, at, lm, to);
}

static void take_examples(
    lua_State *L, int at, const char *name, const assay_lm *lm, bool whole, assay_lm_examples *to)
{
    if (!lua_istable(L, at))
        assay_arg_error(L, "%s must be a list of examples, got %s", name, luaL_typename(L, at));
    const size_t n = lua_rawlen(L, at);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, at, (lua_Integer)i + 1);
        take_example(L, lm, whole, to);
        lua_pop(L, 1);
    }
}

/* ---- calls of Lua functions ---- */

/* What a training calls; stack indices, 0: not given. */
struct calls {
    lua_State *L;
    const assay_lm *lm;
    int on_step, sampler;
    int error; /* where an error is kept; its slot is nil so far */
    bool whole;
    const assay_task *task;
    assay_task_split split;
    uint64_t seed;
    size_t batch;
    assay_task_problem *problem;
    int32_t *token; /* of one text of a problem */
};

static int call_step(void *context, const assay_lm_step *step, bool *stop)
{
    struct calls *c = context;
    lua_State *L = c->L;
    lua_pushvalue(L, c->on_step);
    lua_newtable(L);
    assay_set_integer(L, "step", (int64_t)step->step);
    assay_set_number(L, "loss", step->loss);
    assay_set_number(L, "lr", step->lr);
    assay_set_integer(L, "tokens", (int64_t)step->tokens);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
        return assay_lua_keep_error(L, c->error);
    *stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    return ASSAY_OK;
}

/* Runs in protected mode: upvalue-free, its arguments are the context, the list and the step. */
static int sample_step(lua_State *L)
{
    const struct calls *c = lua_touserdata(L, 1);
    assay_lm_examples *to = lua_touserdata(L, 2);
    luaL_checkstack(L, 32, NULL);
    lua_pushvalue(L, 4);
    lua_pushvalue(L, 3);
    lua_call(L, 1, 1);
    take_examples(L, lua_gettop(L), "what sampler returns", c->lm, c->whole, to);
    return 0;
}

static int sampler_source(void *context, uint64_t step, assay_lm_examples *to)
{
    struct calls *c = context;
    lua_State *L = c->L;
    assay_lua_push_function(L, "train", sample_step);
    lua_pushlightuserdata(L, c);
    lua_pushlightuserdata(L, to);
    lua_pushinteger(L, (lua_Integer)step);
    lua_pushvalue(L, c->sampler);
    return lua_pcall(L, 4, 0, 0) == LUA_OK ? ASSAY_OK : assay_lua_keep_error(L, c->error);
}

/* ---- problems of a task ---- */

static int add_text(
    const struct calls *c, const char *text, size_t size, double weight, assay_lm_examples *to)
{
    int status = assay_vocab_encode(&c->lm->vocab, text, size, c->token);
    for (size_t j = 0; j < size && status == ASSAY_OK; j++)
        status = assay_lm_add_token(to, c->token[j], weight);
    return status;
}

static int add_problem(const struct calls *c, uint64_t index, assay_lm_examples *to)
{
    assay_task_problem *p = c->problem;
    int status = assay_task_generate(c->task, c->split, c->seed, index, p);
    if (status == ASSAY_OK)
        status = assay_lm_add_sequence(to, -1);
    if (status == ASSAY_OK && p->prompt_size == 0)
        status = assay_lm_add_token(to, ASSAY_BOS, 0);
    if (status == ASSAY_OK)
        status = add_text(c, p->prompt, p->prompt_size, c->whole ? 1 : 0, to);
    if (status == ASSAY_OK)
        status = add_text(c, p->answer, p->answer_size, 1, to);
    if (status == ASSAY_OK && assay_task_has_answers(c->task))
        status = assay_lm_add_token(to, ASSAY_EOS, 1);
    return status;
}

/* Step t has the problems (t - 1) batch .. t batch - 1 of the split. */
static int task_source(void *context, uint64_t step, assay_lm_examples *to)
{
    const struct calls *c = context;
    int status = ASSAY_OK;
    for (size_t i = 0; i < c->batch && status == ASSAY_OK; i++)
        status = add_problem(c, (step - 1) * c->batch + i, to);
    return status;
}

/* ---- options ---- */

static const char *const losses[] = {
    "ce", "mlm", "mdm", "distil", "reverse_distil", "classify", "regress", NULL};
enum loss { CE, MLM, MDM, DISTIL, REVERSE_DISTIL, CLASSIFY, REGRESS };

static int opt_function(lua_State *L, const char *name)
{
    if (!assay_opt_push(L, OPTIONS, name))
        return 0;
    if (!lua_isfunction(L, -1))
        assay_arg_error(L, "%s must be a function, got a %s", name, luaL_typename(L, -1));
    return lua_gettop(L);
}

static void read_loss(lua_State *L, const assay_lm *lm, assay_lm_train_options *o)
{
    const int absent = lm->config.head == ASSAY_LM_CLASSIFY  ? CLASSIFY
                       : lm->config.head == ASSAY_LM_REGRESS ? REGRESS
                                                             : CE;
    const int loss = assay_opt_choice(L, OPTIONS, "loss", absent, losses);
    const bool classify = lm->config.head == ASSAY_LM_CLASSIFY;
    if ((loss == CLASSIFY) != classify)
        assay_arg_error(L, classify ? "a classify head is trained by loss=\"classify\""
                                    : "loss=\"classify\" needs a model with head=\"classify\"");
    o->loss = loss == MLM || loss == MDM                 ? ASSAY_LM_LOSS_MASKED
              : loss == DISTIL || loss == REVERSE_DISTIL ? ASSAY_LM_LOSS_DISTIL
              : loss == REGRESS                          ? ASSAY_LM_LOSS_SQUARES
                                                         : ASSAY_LM_LOSS_CE;
    o->reverse = loss == REVERSE_DISTIL;
    o->masking.rate = loss == MLM ? assay_opt_number(L, OPTIONS, "rate", 0.15, 1e-6, 1) : 0;
    o->masking.spread = assay_opt_boolean(L, OPTIONS, "low_discrepancy", false);
    o->smoothing = assay_opt_number(L, OPTIONS, "smoothing", 0, 0, ASSAY_BELOW_1);
    o->teacher = assay_opt_lm(L, OPTIONS, "teacher");
}

/* Gradients are clipped to a norm of 1 unless told otherwise. */
static assay_training_options read_training(lua_State *L, size_t steps)
{
    assay_training_options t = {0};
    const int kind = assay_opt_choice(L, OPTIONS, "optimizer", ASSAY_ADAMW, assay_optimiser_names);
    t.optimiser = assay_opt_optimiser(L, OPTIONS, (assay_optimiser_kind)kind, steps);
    t.optimiser.clip = assay_opt_number(L, OPTIONS, "clip", 1, ASSAY_POSITIVE, INFINITY);
    t.ema = assay_opt_number(L, OPTIONS, "ema", 0, 0, ASSAY_BELOW_1);
    return t;
}

/* What the examples come from: exactly one of task, data and sampler. */
static assay_lm_source *read_source(
    lua_State *L, struct calls *c, assay_lm_list *list, void **context)
{
    c->task = assay_opt_task(L, OPTIONS, "task", c->lm);
    const bool data = assay_opt_push(L, OPTIONS, "data");
    const int data_at = lua_gettop(L);
    c->sampler = opt_function(L, "sampler");
    if ((c->task != NULL) + data + (c->sampler > 0) != 1)
        assay_arg_error(L, "give one of task, data and sampler");
    *context = c;
    if (c->sampler)
        return sampler_source;
    if (c->task) {
        size_t prompt, answer;
        assay_task_longest(c->task, &prompt, &answer);
        c->problem = assay_lua_scratch(L, 1, sizeof *c->problem);
        c->token = assay_lua_scratch(L, prompt + answer + 1, sizeof *c->token);
        return task_source;
    }
    assay_lm_examples *examples = push_examples(L);
    take_examples(L, data_at, "data", c->lm, c->whole, examples);
    *list = (assay_lm_list){.examples = examples,
        .batch = c->batch,
        .outputs = c->lm->config.head == ASSAY_LM_REGRESS ? c->lm->config.outputs : 0,
        .seed = c->seed};
    if (list->outputs * examples->sequences != examples->values)
        assay_arg_error(L, "each example of data must have a value");
    *context = list;
    return assay_lm_list_source;
}

/* lm:train{task= | data= | sampler=, steps=1000, batch=64, ...} */
static int train(lua_State *L)
{
    static const char *const known[] = {ASSAY_OPTIMISER_OPTIONS, "optimizer", "ema", "task", "data",
        "sampler", "split", "steps", "batch", "seed", "loss", "answer_only", "smoothing", "rate",
        "noise", "low_discrepancy", "teacher", "resume", "on_step", "progress", NULL};
    static const char *const splits[] = {"train", "test", NULL};
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    luaL_checkstack(L, 64, NULL);
    assay_opts_check(L, OPTIONS, known);
    struct calls calls = {.L = L, .lm = lm};
    calls.whole = !assay_opt_boolean(L, OPTIONS, "answer_only", true);
    calls.batch = (size_t)assay_opt_integer(L, OPTIONS, "batch", 64, 1, 1 << 20);
    calls.split = (assay_task_split)assay_opt_choice(L, OPTIONS, "split", 0, splits);
    assay_lm_train_options o = {0};
    o.steps = (size_t)assay_opt_integer(L, OPTIONS, "steps", 1000, 1, INT32_MAX);
    o.seed = calls.seed = (uint64_t)assay_opt_integer(L, OPTIONS, "seed", 0, INT64_MIN, INT64_MAX);
    o.resume = assay_opt_boolean(L, OPTIONS, "resume", false);
    o.training = read_training(L, o.steps);
    read_loss(L, lm, &o);
    assay_lua_noise noise = {.L = L, .error = &calls.error};
    assay_opt_noise(L, OPTIONS, &noise, &o.masking);
    calls.on_step = opt_function(L, "on_step");
    o.context = &calls;
    o.on_step = calls.on_step ? call_step : NULL;
    assay_lm_list list = {0};
    void *context;
    assay_lm_source *source = read_source(L, &calls, &list, &context);
    lua_pushnil(L);
    calls.error = lua_gettop(L);
    double *history = assay_lua_doubles(L, o.steps);
    uint64_t done = 0;
    assay_lua_report report;
    assay_lua_report_begin(L, OPTIONS, &report);
    int status = context == &list ? assay_lm_list_begin(&list) : ASSAY_OK;
    const uint64_t before = o.resume ? lm->training.step : 0;
    if (status == ASSAY_OK)
        status = assay_lm_train(lm, source, context, &o, &report.progress, history, &done);
    assay_lm_list_end(&list);
    if (!lua_isnil(L, calls.error)) {
        lua_pushvalue(L, calls.error);
        return lua_error(L);
    }
    assay_lua_report_end(&report, status);
    lua_newtable(L);
    assay_set_integer(L, "steps", (int64_t)done);
    assay_set_vector(L, "losses", history + before, done > before ? done - before : 0);
    if (done > before)
        assay_set_number(L, "loss", history[done - 1]);
    return 1;
}

/* ---- policy gradient ---- */

/* Whole sequences, prompt and drawn tokens, of what lm:sample returned. */
struct drawn {
    assay_lua_tokens t;
    unsigned char *mask;
    double *old, *advantage;
};

static void push_field(lua_State *L, int at, const char *name)
{
    if (lua_getfield(L, at, name) != LUA_TTABLE)
        assay_arg_error(L, "samples.%s must be a list, as lm:sample gives it", name);
}

/* advantages: a number a sample, or a list a sample with one for each of its tokens */
static double advantage_of(lua_State *L, int at, size_t sample, size_t token)
{
    double x = NAN;
    if (lua_rawgeti(L, at, (lua_Integer)sample + 1) == LUA_TTABLE) {
        lua_rawgeti(L, -1, (lua_Integer)token + 1);
        x = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
        lua_pop(L, 1);
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        x = lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
    if (!isfinite(x))
        assay_arg_error(L, "advantages must have a finite number for sample %zu", sample + 1);
    return x;
}

static void read_drawn(lua_State *L, const assay_lm *lm, struct drawn *d)
{
    enum { SAMPLES = 2, ADVANTAGES = 3 };
    luaL_checkstack(L, 32, NULL);
    if (!lua_istable(L, SAMPLES) || !lua_istable(L, ADVANTAGES))
        assay_arg_error(L, "samples must be what lm:sample gives, advantages a list");
    push_field(L, SAMPLES, "prompt");
    assay_lua_tokens prompt, answer, logp_shape;
    const int prompt_at = lua_gettop(L);
    assay_arg_tokens(L, prompt_at, "samples.prompt", lm, &prompt);
    push_field(L, SAMPLES, "tokens");
    assay_arg_tokens(L, lua_gettop(L), "samples.tokens", lm, &answer);
    logp_shape = answer;
    push_field(L, SAMPLES, "token_logp");
    const double *old =
        assay_arg_of_tokens(L, lua_gettop(L), "samples.token_logp", &logp_shape, NAN);
    const size_t n = answer.tokens.sequences, total = prompt.total + answer.total;
    if (prompt.tokens.sequences != n || lua_rawlen(L, ADVANTAGES) != n)
        assay_arg_error(L, "samples has %zu prompts and %zu answers, advantages %zu numbers",
            prompt.tokens.sequences, n, (size_t)lua_rawlen(L, ADVANTAGES));
    size_t *length = assay_lua_scratch(L, n + 1, sizeof *length);
    int32_t *token = assay_lua_scratch(L, total + 1, sizeof *token);
    d->mask = assay_lua_scratch(L, total + 1, 1);
    d->old = assay_lua_doubles(L, total + 1);
    d->advantage = assay_lua_doubles(L, total + 1);
    size_t to = 0, from_prompt = 0, from = 0;
    for (size_t i = 0; i < n; i++) {
        length[i] = prompt.tokens.length[i] + answer.tokens.length[i];
        for (size_t j = 0; j < prompt.tokens.length[i]; j++, to++) {
            token[to] = prompt.tokens.token[from_prompt++];
            d->mask[to] = 0;
            d->old[to] = d->advantage[to] = 0;
        }
        for (size_t j = 0; j < answer.tokens.length[i]; j++, to++, from++) {
            token[to] = answer.tokens.token[from];
            d->mask[to] = 1;
            d->old[to] = old[from];
            d->advantage[to] = advantage_of(L, ADVANTAGES, i, j);
        }
    }
    d->t = (assay_lua_tokens){{.sequences = n, .length = length, .token = token}, total, false};
}

/* lm:policy_step(samples, advantages [, {clip=, clip_high=, kl=0, ref=, entropy=0, norm="tokens",
 * constant=, epochs=1, lr=1e-4, optimizer=...}]) */
static int policy_step(lua_State *L)
{
    static const char *const known[] = {ASSAY_OPTIMISER_OPTIONS, "optimizer", "clip_high", "kl",
        "ref", "entropy", "norm", "constant", "epochs", "grad_clip", "seed", "progress", NULL};
    static const char *const divisors[] = {"tokens", "sequences", "constant", NULL};
    enum { AT = 4 };
    assay_lm *lm = assay_arg_lm(L, 1, "the model");
    assay_opts_check(L, AT, known);
    struct drawn d;
    read_drawn(L, lm, &d);
    assay_lm_policy_options o = {0};
    o.clip = assay_opt_number(L, AT, "clip", INFINITY, 0, INFINITY);
    o.clip_high = assay_opt_number(L, AT, "clip_high", o.clip, 0, INFINITY);
    o.kl = assay_opt_number(L, AT, "kl", 0, 0, ASSAY_FINITE);
    o.entropy = assay_opt_number(L, AT, "entropy", 0, -ASSAY_FINITE, ASSAY_FINITE);
    o.reference = assay_opt_lm(L, AT, "ref");
    o.divisor = (assay_lm_divisor)assay_opt_choice(L, AT, "norm", 0, divisors);
    o.constant =
        assay_opt_number(L, AT, "constant", (double)lm->config.ctx, ASSAY_POSITIVE, ASSAY_FINITE);
    o.epochs = (size_t)assay_opt_integer(L, AT, "epochs", 1, 1, 1 << 20);
    o.seed = (uint64_t)assay_opt_integer(L, AT, "seed", 0, INT64_MIN, INT64_MAX);
    const int kind = assay_opt_choice(L, AT, "optimizer", ASSAY_ADAMW, assay_optimiser_names);
    o.training.optimiser = assay_opt_optimiser(L, AT, (assay_optimiser_kind)kind, 1);
    o.training.optimiser.clip = assay_opt_number(L, AT, "grad_clip", 1, ASSAY_POSITIVE, INFINITY);
    assay_lm_policy_result result;
    assay_lua_report report;
    assay_lua_report_begin(L, AT, &report);
    assay_lua_report_end(&report, assay_lm_policy_step(lm, &d.t.tokens, d.mask, d.old, d.advantage,
                                      &o, &report.progress, &result));
    lua_newtable(L);
    assay_set_number(L, "loss", result.loss);
    assay_set_number(L, "ratio", result.ratio);
    assay_set_number(L, "clipped", result.clipped);
    if (!isnan(result.kl))
        assay_set_number(L, "kl", result.kl);
    return 1;
}

const luaL_Reg assay_lm_train_methods[] = {
    {"train", train},
    {"policy_step", policy_step},
    {NULL, NULL},
};
