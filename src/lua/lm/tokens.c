/* Sequences of tokens from Lua values, and back; see lm.h. */
#include "lua/lm/lm.h"

#include <math.h>
#include <string.h>

#include "core/status.h"

static void check_vocab(lua_State *L, const char *name, const assay_lm *lm)
{
    if (lm->vocab.size == 0)
        assay_arg_error(L, "%s is a text, and this model's vocabulary is of numbers only", name);
}

/* How many tokens the value on top stands for. */
static size_t count_tokens(lua_State *L, const char *name, size_t i)
{
    if (lua_type(L, -1) != LUA_TSTRING && !lua_istable(L, -1))
        assay_arg_error(L, "%s[%zu] must be a text or a list of tokens, got %s", name, i + 1,
            luaL_typename(L, -1));
    return lua_rawlen(L, -1);
}

/* The value on top into `to`. */
static void take_tokens(
    lua_State *L, const char *name, const assay_lm *lm, size_t i, size_t n, int32_t *to)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        check_vocab(L, name, lm);
        assay_arg_status(L, assay_vocab_encode(&lm->vocab, lua_tostring(L, -1), n, to));
        return;
    }
    for (size_t j = 0; j < n; j++) {
        lua_rawgeti(L, -1, (lua_Integer)j + 1);
        const lua_Number x = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
        if (!(x >= 0 && x < (double)lm->config.vocab && x == floor(x)))
            assay_arg_error(L, "%s: token %zu of sequence %zu must be in 0..%zu, got %s", name,
                j + 1, i + 1, lm->config.vocab - 1, luaL_tolstring(L, -1, NULL));
        to[j] = (int32_t)x;
        lua_pop(L, 1);
    }
}

/* Is the value at `at` one sequence? */
static bool is_single(lua_State *L, int at)
{
    if (lua_type(L, at) == LUA_TSTRING)
        return true;
    const bool number = lua_rawgeti(L, at, 1) == LUA_TNUMBER;
    lua_pop(L, 1);
    return number;
}

static void read_matrix(lua_State *L, int at, const char *name, const assay_lm *lm,
    assay_lua_tokens *out, size_t **length, int32_t **token)
{
    const assay_matrix m = assay_arg_matrix(L, at, name);
    *length = assay_lua_scratch(L, m.rows + 1, sizeof **length);
    *token = assay_lua_scratch(L, m.rows * m.cols + 1, sizeof **token);
    for (size_t i = 0; i < m.rows; i++) {
        (*length)[i] = m.cols;
        for (size_t j = 0; j < m.cols; j++) {
            const double x = *assay_matrix_at(&m, i, j);
            if (!(x >= 0 && x < (double)lm->config.vocab && x == floor(x)))
                assay_arg_error(L, "%s: token %zu of sequence %zu must be in 0..%zu, got %.14g",
                    name, j + 1, i + 1, lm->config.vocab - 1, x);
            (*token)[i * m.cols + j] = (int32_t)x;
        }
    }
    out->tokens.sequences = m.rows;
    out->total = m.rows * m.cols;
}

void assay_arg_tokens(
    lua_State *L, int at, const char *name, const assay_lm *lm, assay_lua_tokens *out)
{
    size_t *length;
    int32_t *token;
    *out = (assay_lua_tokens){0};
    luaL_checkstack(L, 16, NULL);
    if (assay_lua_test_matrix(L, at)) {
        read_matrix(L, at, name, lm, out, &length, &token);
    } else {
        if (lua_type(L, at) != LUA_TSTRING && !lua_istable(L, at))
            assay_arg_error(L, "%s must be a text, a list of tokens or a list of those, got %s",
                name, luaL_typename(L, at));
        out->single = is_single(L, at);
        const size_t n = out->tokens.sequences = out->single ? 1 : lua_rawlen(L, at);
        length = assay_lua_scratch(L, n + 1, sizeof *length);
        for (size_t i = 0; i < n; i++) {
            if (out->single)
                lua_pushvalue(L, at);
            else
                lua_rawgeti(L, at, (lua_Integer)i + 1);
            out->total += length[i] = count_tokens(L, name, i);
            lua_pop(L, 1);
        }
        token = assay_lua_scratch(L, out->total + 1, sizeof *token);
        for (size_t i = 0, first = 0; i < n; first += length[i++]) {
            if (out->single)
                lua_pushvalue(L, at);
            else
                lua_rawgeti(L, at, (lua_Integer)i + 1);
            take_tokens(L, name, lm, i, length[i], token + first);
            lua_pop(L, 1);
        }
    }
    out->tokens.length = length;
    out->tokens.token = token;
}

/* Numbers of one sequence from the table on top. */
static void take_numbers(
    lua_State *L, const char *name, size_t i, size_t n, double absent, double *to)
{
    if (!lua_istable(L, -1))
        assay_arg_error(
            L, "%s must have a list for sequence %zu, got %s", name, i + 1, luaL_typename(L, -1));
    if (lua_rawlen(L, -1) > n)
        assay_arg_error(L, "%s: sequence %zu has %zu tokens, got %zu numbers", name, i + 1, n,
            (size_t)lua_rawlen(L, -1));
    for (size_t j = 0; j < n; j++) {
        const int type = lua_rawgeti(L, -1, (lua_Integer)j + 1);
        if (type != LUA_TNUMBER && type != LUA_TBOOLEAN && type != LUA_TNIL)
            assay_arg_error(L, "%s: number %zu of sequence %zu is a %s", name, j + 1, i + 1,
                luaL_typename(L, -1));
        to[j] = type == LUA_TNIL       ? absent
                : type == LUA_TBOOLEAN ? lua_toboolean(L, -1)
                                       : lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

const double *assay_arg_of_tokens(
    lua_State *L, int at, const char *name, const assay_lua_tokens *t, double absent)
{
    double *x = assay_lua_doubles(L, t->total + 1);
    const assay_matrix *m = assay_lua_test_matrix(L, at);
    for (size_t i = 0, first = 0; i < t->tokens.sequences; first += t->tokens.length[i++]) {
        const size_t n = t->tokens.length[i];
        if (m) {
            if (m->rows != t->tokens.sequences || m->cols < n)
                assay_arg_error(L, "%s must be a matrix with a row for each of %zu sequences", name,
                    t->tokens.sequences);
            memcpy(x + first, assay_matrix_row(m, i), n * sizeof *x);
            continue;
        }
        if (!lua_istable(L, at))
            assay_arg_error(L, "%s must be a list, got %s", name, luaL_typename(L, at));
        if (t->single)
            lua_pushvalue(L, at);
        else
            lua_rawgeti(L, at, (lua_Integer)i + 1);
        take_numbers(L, name, i, n, absent, x + first);
        lua_pop(L, 1);
    }
    return x;
}

int32_t assay_arg_token(lua_State *L, int at, const char *name, const assay_lm *lm)
{
    static const char *const specials[] = {"PAD", "BOS", "EOS", "MASK"};
    int32_t token = -1;
    if (lua_type(L, at) != LUA_TSTRING)
        return (int32_t)assay_arg_integer(L, at, name, 0, (int64_t)lm->config.vocab - 1);
    const char *text = lua_tostring(L, at);
    for (int32_t i = 0; i < ASSAY_VOCAB_SPECIALS; i++)
        if (strcmp(text, specials[i]) == 0)
            token = i;
    if (token < 0 && lua_rawlen(L, at) == 1 && lm->vocab.size > 0)
        assay_arg_status(L, assay_vocab_encode(&lm->vocab, text, 1, &token));
    if (token < 0 || (size_t)token >= lm->config.vocab)
        assay_arg_error(L, "%s must be a token, \"EOS\" or one character, got \"%s\"", name, text);
    return token;
}

void assay_push_text(lua_State *L, const assay_lm *lm, const int32_t *token, size_t n)
{
    size_t size = 0;
    check_vocab(L, "the result", lm);
    char *out = assay_lua_scratch(L, n + 1, 1);
    assay_arg_status(L, assay_vocab_decode(&lm->vocab, token, n, out, &size));
    lua_pushlstring(L, out, size);
    lua_remove(L, -2);
}
