/*
 * Which rows may be near: the two innermost loops of neighbours, in the widest vectors of the
 * processor at hand. Private to core.
 *
 * A panel is ASSAY_PANEL rows, columns first. Its kernel multiplies queries by the panel and
 * compares while the products are still in registers, so that nothing but one bit a pair is
 * written: for few columns a general matrix product would spend as long on storing products that
 * are read once as on making them.
 */
#ifndef ASSAY_CORE_PANEL_H
#define ASSAY_CORE_PANEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    ASSAY_PANEL = 32,
    ASSAY_PANEL_QUERIES = 12 /* queries come in multiples */
};

typedef struct assay_panel_kernels {
    /* Bit l of near[i]: norm[l] + query_i . panel_l <= most[i]. query [count, cols], count a
     * multiple of ASSAY_PANEL_QUERIES; panel [cols, ASSAY_PANEL]. Sums are in any order. */
    void (*compare)(const float *query, size_t count, size_t cols, const float *panel,
        const float *norm, const float *most, uint32_t *near);
    /* Bit i: squared[i], the squared distance of point[cols] from row i of points [cols, count], is
     * at most `most`. At most ASSAY_PANEL rows; reads up to as many numbers behind the last column,
     * and writes ASSAY_PANEL of squared. Distances are as assay_squared_distance's to the bit. */
    uint32_t (*leaf)(const double *points, size_t count, size_t cols, const double *point,
        double most, double *squared);
    /* Bit i: the squared distance of point i of points [cols, count] from a box is at most most[i].
     * box[2 cols]: least, then greatest, of each column. Reads as leaf does, also of most. */
    uint32_t (*reach)(
        const double *points, size_t count, size_t cols, const double *box, const double *most);
} assay_panel_kernels;

/* Those of vectors of at most `width` floats (16, 8 or fewer) that the processor has. */
const assay_panel_kernels *assay_panel_kernels_for(size_t width);

/* rows [n, cols] times `factor`, into panels [ceil(n / ASSAY_PANEL)][cols][ASSAY_PANEL]; what is
 * behind the last row is 0. */
void assay_panel_pack(const float *rows, size_t n, size_t cols, float factor, float *panels);

#endif
