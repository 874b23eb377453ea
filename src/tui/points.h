/* Sets of points on the screen: a scatter of braille dots (letters where there is only ASCII), of
 * two columns of a table, or of three seen from a side that can be chosen. */
#ifndef ASSAY_TUI_POINTS_H
#define ASSAY_TUI_POINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/table.h"
#include "tui/screen.h"

enum { TUI_POINT_GROUPS = TUI_SERIES_COUNT };

struct tui_points {
    double (*at)[3];
    unsigned char *group; /* of each, 0..TUI_POINT_GROUPS - 1 */
    size_t count, dims;   /* dims: 2 or 3 */
    double low[3], high[3];
    char *names[3];
    char *groups[TUI_POINT_GROUPS]; /* names of groups, NULL after the last */
};

/* From where points are seen: turned about z and tilted (degrees), and how far they are enlarged.
 */
struct tui_sight {
    double turn, tilt, zoom;
};

/* Columns x, y and z where the table has them; else its first two with numbers, or three when it
 * has just three. Texts in another column make groups, of which the last takes all that are left.
 * Rows that lack a number are left out. False: there are no two such columns, no row, or no memory.
 */
bool tui_points_read(const assay_table *table, struct tui_points *out);
void tui_points_free(struct tui_points *points);

/* The last line names the axes with their ranges, and the groups. */
void tui_points_draw(
    const struct tui_points *points, const struct tui_sight *sight, struct tui_area area);

#endif
