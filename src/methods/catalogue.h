/*
 * The catalogue: every sampling method that assay has, with its paper, its Lua functions and the
 * experiment that reproduces it. THE list; what shows, checks or suggests methods reads this one.
 */
#ifndef ASSAY_METHODS_CATALOGUE_H
#define ASSAY_METHODS_CATALOGUE_H

#include <stddef.h>

/* Methods that sample for one purpose; the name is that of the Lua table assay.NAME too. */
typedef struct assay_family {
    const char *name, *title;
} assay_family;

typedef struct assay_paper {
    const char *title, *authors;
    int year;
    const char *arxiv; /* "2407.21787" */
} assay_paper;

typedef struct assay_method {
    const char *slug;
    const char *family;  /* the name of one */
    const char *summary; /* one line, no stop at its end */
    assay_paper paper;
    assay_paper companion; /* work that is covered with it; its title is NULL where none is */
    const char *const *functions; /* of assay.FAMILY, ends with NULL */
    const char *experiment;       /* below the experiments folder; NULL: none yet */
} assay_method;

size_t assay_family_count(void);
const assay_family *assay_family_at(size_t i); /* NULL beyond the last */

size_t assay_method_count(void);
const assay_method *assay_method_at(size_t i); /* NULL beyond the last */

/* By slug; ASSAY_ENOTFOUND with "did you mean". */
int assay_method_find(const char *slug, const assay_method **out);

#endif
