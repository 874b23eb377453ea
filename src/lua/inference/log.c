/*
 * Reading logs of graded samples. A log is a list of rows {problem=, answer=, correct=, reward=},
 * or a table of such columns. Answers are equal when they are identical, or when is_equiv(a, b)
 * says so. An empty answer (nil, "" or NaN: it could not be parsed) belongs to its problem's class
 * 0, which is wrong. What a class is, right or wrong, its samples say, and they must agree.
 */
#include "lua/inference/log.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "lua/args.h"

/* ---- reading ---- */

int assay_lua_log_field(const assay_sample_log *log, size_t i, const char *name)
{
    lua_State *L = log->L;
    if (log->columns) {
        if (lua_getfield(L, log->at, name) == LUA_TNIL)
            return LUA_TNIL;
        if (lua_type(L, -1) != LUA_TTABLE && lua_type(L, -1) != LUA_TUSERDATA)
            assay_arg_error(L, "log.%s must be a list (a column)", name);
        lua_geti(L, -1, (lua_Integer)i + 1);
    } else {
        if (lua_geti(L, log->at, (lua_Integer)i + 1) != LUA_TTABLE)
            assay_arg_error(
                L, "row %zu of the log must be a table, got a %s", i + 1, luaL_typename(L, -1));
        lua_getfield(L, -1, name);
    }
    lua_remove(L, -2);
    return lua_type(L, -1);
}

static void read_shape(assay_sample_log *log)
{
    lua_State *L = log->L;
    if (lua_type(L, log->at) != LUA_TTABLE)
        assay_arg_error(L, "log must be a list of rows or a table of columns, got a %s",
            luaL_typename(L, log->at));
    log->columns = lua_getfield(L, log->at, "problem") != LUA_TNIL;
    log->rows = (size_t)luaL_len(L, log->columns ? -1 : log->at);
    lua_pop(L, 1);
    if (log->rows == 0)
        assay_arg_error(L, "log must have at least 1 row, got none");
}

/* Replace the text or number on top by its number in the map at `map`, a new one if it is not there
 * yet: *count is then one more. */
static size_t number_of(lua_State *L, int map, size_t *count)
{
    lua_pushvalue(L, -1);
    if (lua_rawget(L, map) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushinteger(L, (lua_Integer)++ * count);
        lua_rawset(L, map);
        lua_pop(L, 1);
        return *count;
    }
    const size_t number = (size_t)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return number;
}

static void read_problems(assay_sample_log *log)
{
    lua_State *L = log->L;
    log->problem = assay_lua_scratch(L, log->rows, sizeof *log->problem);
    lua_newtable(L);
    log->ids = lua_gettop(L);
    lua_newtable(L);
    const int map = lua_gettop(L);
    for (size_t i = 0; i < log->rows; i++) {
        assay_lua_log_field(log, i, "problem");
        if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1))
            assay_arg_error(L, "problem of row %zu must be a text or an integer, got a %s", i + 1,
                luaL_typename(L, -1));
        const size_t before = log->problems;
        lua_pushvalue(L, -1);
        log->problem[i] = number_of(L, map, &log->problems) - 1;
        if (log->problems > before)
            lua_rawseti(L, log->ids, (lua_Integer)log->problems);
        else
            lua_pop(L, 1);
    }
}

static bool is_evidence(const assay_sample_log *log, size_t i)
{
    return log->evidence && log->evidence[i];
}

/* True or false of field `name` of row i; missing is false where that is allowed. */
static bool read_flag(const assay_sample_log *log, size_t i, const char *name, bool missing)
{
    lua_State *L = log->L;
    const int type = assay_lua_log_field(log, i, name);
    const double x = lua_tonumber(L, -1);
    const bool absent = type == LUA_TNIL || (type == LUA_TNUMBER && isnan(x));
    if (absent && !missing)
        assay_arg_error(L, "%s of row %zu is missing: the sample must be graded", name, i + 1);
    if (!absent && type != LUA_TBOOLEAN && !(type == LUA_TNUMBER && (x == 0 || x == 1)))
        assay_arg_error(L, "%s of row %zu must be true or false (or 1 or 0), got a %s", name, i + 1,
            luaL_typename(L, -1));
    const bool value = type == LUA_TBOOLEAN ? lua_toboolean(L, -1) : x == 1;
    lua_pop(L, 1);
    return value && !absent;
}

/* The column that option `cross` names. */
static void read_evidence(assay_sample_log *log, int options)
{
    lua_State *L = log->L;
    if (!assay_opt_push(L, options, "cross"))
        return;
    const char *name = assay_arg_string(L, -1, "cross");
    log->evidence = assay_lua_scratch(L, log->rows, 1);
    for (size_t i = 0; i < log->rows; i++)
        log->evidence[i] = read_flag(log, i, name, true);
}

static void read_correct(assay_sample_log *log)
{
    log->correct = assay_lua_scratch(log->L, log->rows, 1);
    for (size_t i = 0; i < log->rows; i++)
        log->correct[i] = !is_evidence(log, i) && read_flag(log, i, "correct", false);
}

/* The column that the option names, "reward" by default; false: none. Absent by default is fine. */
static void read_rewards(assay_sample_log *log, int options)
{
    lua_State *L = log->L;
    const bool named = assay_opt_push(L, options, "reward");
    if (named && lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        return;
    const char *name = named ? assay_arg_string(L, -1, "reward") : "reward";
    size_t first = 0;
    while (first + 1 < log->rows && is_evidence(log, first))
        first++;
    if (!named && assay_lua_log_field(log, first, name) == LUA_TNIL)
        return;
    log->reward = assay_lua_doubles(L, log->rows);
    for (size_t i = 0; i < log->rows; i++) {
        log->reward[i] = 0;
        if (is_evidence(log, i))
            continue;
        if (assay_lua_log_field(log, i, name) != LUA_TNUMBER || isnan(lua_tonumber(L, -1)))
            assay_arg_error(L, "%s of row %zu must be a number, got %s", name, i + 1,
                luaL_tolstring(L, -1, NULL));
        log->reward[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

/* The class among 1..count whose representative equals the answer on top, by is_equiv; or 0. */
static size_t equivalent_class(lua_State *L, int is_equiv, int representatives, size_t count)
{
    for (size_t j = 1; is_equiv && j <= count; j++) {
        lua_pushvalue(L, is_equiv);
        lua_rawgeti(L, representatives, (lua_Integer)j);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 1);
        const bool equal = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (equal)
            return j;
    }
    return 0;
}

/* The class of the answer on top within the problem whose map {answer = class, [representatives]}
 * is at `map`; pops the answer. */
static size_t class_of(lua_State *L, int map, int representatives, int is_equiv)
{
    const size_t count = (size_t)lua_rawlen(L, representatives);
    lua_pushvalue(L, -1);
    size_t class = lua_rawget(L, map) == LUA_TNIL ? 0 : (size_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (class == 0) {
        class = equivalent_class(L, is_equiv, representatives, count);
        if (class == 0) {
            class = count + 1;
            lua_pushvalue(L, -1);
            lua_rawseti(L, representatives, (lua_Integer) class);
        }
        lua_pushvalue(L, -1);
        lua_pushinteger(L, (lua_Integer) class);
        lua_rawset(L, map);
    }
    lua_pop(L, 1);
    return class;
}

/* Push the table of problem p in the list at `tables`, a new one the first time. */
static void push_table_of(lua_State *L, int tables, size_t p)
{
    if (lua_rawgeti(L, tables, (lua_Integer)p + 1) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, tables, (lua_Integer)p + 1);
}

static bool is_empty_answer(lua_State *L)
{
    return lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) == 0) ||
           (lua_type(L, -1) == LUA_TNUMBER && isnan(lua_tonumber(L, -1)));
}

static void read_answers(assay_sample_log *log, int options)
{
    lua_State *L = log->L;
    log->class = assay_lua_scratch(L, log->rows, sizeof *log->class);
    const int is_equiv = assay_opt_push(L, options, "is_equiv") ? lua_gettop(L) : 0;
    if (is_equiv && !lua_isfunction(L, is_equiv))
        assay_arg_error(L, "is_equiv must be a function (a, b)");
    lua_newtable(L);
    const int maps = lua_gettop(L);
    lua_newtable(L);
    const int lists = lua_gettop(L);
    for (size_t i = 0; i < log->rows; i++) {
        log->class[i] = 0;
        if (is_evidence(log, i))
            continue;
        assay_lua_log_field(log, i, "answer");
        if (!is_empty_answer(L)) {
            if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
                assay_arg_error(L, "answer of row %zu must be a text or a number, got a %s", i + 1,
                    luaL_typename(L, -1));
            push_table_of(L, maps, log->problem[i]);
            push_table_of(L, lists, log->problem[i]);
            lua_pushvalue(L, -3);
            log->class[i] = class_of(L, lists + 2, lists + 3, is_equiv);
            log->has_answers = true;
        }
        lua_settop(L, lists);
    }
}

/* ---- grouping by problem ---- */

/* The stream's id of the problem whose name is on top; pops it. An integer is its own, a text its
 * FNV-1a hash, so that neither depends on the other problems. */
static uint64_t stream_id(lua_State *L)
{
    uint64_t id = 0xcbf29ce484222325;
    if (lua_isinteger(L, -1)) {
        id = (uint64_t)lua_tointeger(L, -1);
    } else {
        size_t size = 0;
        const char *text = lua_tolstring(L, -1, &size);
        for (size_t i = 0; i < size; i++)
            id = (id ^ (unsigned char)text[i]) * 0x100000001b3;
    }
    lua_pop(L, 1);
    return id;
}

/* What the classes are, from their samples; an empty answer can't be a correct one. */
static void judge_classes(
    const assay_sample_log *log, size_t row, unsigned char *class_correct, unsigned char *judged)
{
    const size_t class = log->class[row];
    if (class == 0 && log->correct[row])
        assay_arg_error(log->L, "row %zu of the log has an empty answer that is correct", row + 1);
    if (judged[class] && class_correct[class] != log->correct[row])
        assay_arg_error(log->L,
            "row %zu of the log says that an answer is %s, but an equal one of its problem is %s",
            row + 1, log->correct[row] ? "correct" : "wrong",
            class_correct[class] ? "correct" : "wrong");
    judged[class] = 1;
    class_correct[class] = log->correct[row];
}

assay_graded *assay_lua_log_group(const assay_sample_log *log)
{
    lua_State *L = log->L;
    const size_t rows = log->rows, problems = log->problems;
    assay_graded *graded = assay_lua_scratch(L, problems, sizeof *graded);
    size_t *next = assay_lua_scratch(L, problems + 1, sizeof *next);
    size_t *answer = assay_lua_scratch(L, rows, sizeof *answer);
    unsigned char *correct = assay_lua_scratch(L, rows, 1);
    double *reward = log->reward ? assay_lua_doubles(L, rows) : NULL;
    /* a problem has at most one class more than samples: its classes start at first sample +
     * problem */
    unsigned char *class_correct = assay_lua_scratch(L, rows + problems, 1);
    unsigned char *judged = assay_lua_scratch(L, rows + problems, 1);
    memset(graded, 0, problems * sizeof *graded);
    memset(next, 0, (problems + 1) * sizeof *next);
    memset(class_correct, 0, rows + problems);
    memset(judged, 0, rows + problems);
    for (size_t i = 0; i < rows; i++)
        graded[log->problem[i]].samples += !is_evidence(log, i);
    for (size_t p = 0; p < problems; p++) {
        lua_rawgeti(L, log->ids, (lua_Integer)p + 1);
        if (graded[p].samples == 0)
            assay_arg_error(L, "problem %s of the log has evidence only, and no sample",
                luaL_tolstring(L, -1, NULL));
        graded[p].id = stream_id(L);
        graded[p].correct = correct + next[p];
        graded[p].reward = reward ? reward + next[p] : NULL;
        graded[p].answer = log->has_answers ? answer + next[p] : NULL;
        graded[p].class_correct = class_correct + next[p] + p;
        graded[p].classes = graded[p].samples + 1;
        next[p + 1] = next[p] + graded[p].samples;
    }
    for (size_t i = 0; i < rows; i++) {
        const size_t p = log->problem[i], first = (size_t)(graded[p].correct - correct);
        if (is_evidence(log, i))
            continue;
        const size_t to = next[p]++;
        correct[to] = log->correct[i];
        answer[to] = log->class[i];
        if (reward)
            reward[to] = log->reward[i];
        if (log->has_answers)
            judge_classes(log, i, class_correct + first + p, judged + first + p);
    }
    return graded;
}

assay_sample_log assay_lua_log(lua_State *L, int at)
{
    assay_sample_log log = {.L = L, .at = at};
    read_shape(&log);
    read_problems(&log);
    return log;
}

void assay_lua_log_grades(assay_sample_log *log, int options)
{
    read_evidence(log, options);
    read_correct(log);
    read_rewards(log, options);
    read_answers(log, options);
}

static bool is_of(const assay_sample_log *log, size_t i, assay_log_kind kind)
{
    return kind == ASSAY_LOG_ALL || is_evidence(log, i) == (kind == ASSAY_LOG_EVIDENCE);
}

assay_log_rows assay_lua_log_rows(const assay_sample_log *log, assay_log_kind kind)
{
    const assay_log_rows rows = {assay_lua_scratch(log->L, log->rows, sizeof *rows.row),
        assay_lua_scratch(log->L, log->problems + 2, sizeof *rows.start)};
    memset(rows.start, 0, (log->problems + 2) * sizeof *rows.start);
    for (size_t i = 0; i < log->rows; i++)
        if (is_of(log, i, kind))
            rows.start[log->problem[i] + 2]++;
    for (size_t p = 1; p < log->problems + 2; p++)
        rows.start[p] += rows.start[p - 1];
    for (size_t i = 0; i < log->rows; i++) /* start[p + 1] runs on to where p + 1 begins */
        if (is_of(log, i, kind))
            rows.row[rows.start[log->problem[i] + 1]++] = i;
    return rows;
}
