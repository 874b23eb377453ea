/* A log of graded samples as the family's bindings read it. */
#ifndef ASSAY_LUA_INFERENCE_LOG_H
#define ASSAY_LUA_INFERENCE_LOG_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "methods/inference/monkeys.h"

typedef struct assay_sample_log {
    lua_State *L;
    int at;       /* stack index of the log */
    bool columns; /* else rows */
    size_t rows;
    size_t *problem; /* per row, from 0 in order of appearance */
    size_t *class;   /* per row, within its problem; 0: empty */
    unsigned char *correct;
    unsigned char *evidence; /* per row: it only votes in X-MBR; or NULL */
    double *reward;          /* or NULL */
    bool has_answers;
    size_t problems;
    int ids; /* stack index of the list of problems' names */
} assay_sample_log;

/* What is a log and whose problems its rows are; the readers of columns follow by need. Everything
 * that is pushed must stay. */
assay_sample_log assay_lua_log(lua_State *L, int at);

/* The columns that selectors read: option `cross` names the column that tells evidence, `reward`
 * that of the rewards, is_equiv tells which answers are equal. */
void assay_lua_log_grades(assay_sample_log *log, int options);

/* Push field `name` of row i, or nil; its type. */
int assay_lua_log_field(const assay_sample_log *log, size_t i, const char *name);

/* The graded rows by problem, in the order of the log. */
assay_graded *assay_lua_log_group(const assay_sample_log *log);

/* The rows of problem p are row[start[p]] .. row[start[p + 1] - 1], in the order of the log. */
typedef struct assay_log_rows {
    size_t *row, *start;
} assay_log_rows;

typedef enum assay_log_kind { ASSAY_LOG_ALL, ASSAY_LOG_GRADED, ASSAY_LOG_EVIDENCE } assay_log_kind;

assay_log_rows assay_lua_log_rows(const assay_sample_log *log, assay_log_kind kind);

#endif
