/* What an artifact is: what the reading of one (artifact_read.c) and the view (artifact.c) share.
 */
#ifndef ASSAY_TUI_ARTIFACT_H
#define ASSAY_TUI_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>

#include "data/table.h"
#include "store/store.h"
#include "tui/picture.h"
#include "tui/points.h"
#include "tui/view.h"

/* Ways to show it, in the order in which the first that there is is taken; but points come first
 * only where columns are called x and y. */
enum artifact_way { AS_IMAGE, AS_TABLE, AS_POINTS, AS_TEXT, AS_BYTES, ARTIFACT_WAYS };

enum { ARTIFACT_BYTES = 16 }; /* a line */

struct artifact_content {
    unsigned char *data;
    size_t size;
    bool can[ARTIFACT_WAYS];
    struct tui_picture picture;
    assay_table *table;
    struct tui_points points;
    size_t *lines; /* where each line of the text begins, and the end */
    size_t line_count;
};

/* Takes the data over, whatever comes of it. `type` is its MIME type: what it is called, and
 * nothing that its bytes do not bear out. */
int artifact_content_read(void *data, size_t size, const char *type, struct artifact_content *out);
void artifact_content_clear(struct artifact_content *content);

enum artifact_way artifact_first_way(const struct artifact_content *content);

/* "image", "table", "points", "text", "bytes" */
const char *artifact_way_name(enum artifact_way way);

/* One artifact of a run among all of them, and those of its name beside it. */
enum { ARTIFACT_TILES = 16 };

struct artifact_found {
    assay_artifact_list all; /* of the run */
    size_t at;
    struct artifact_content content;
    struct artifact_tile {
        size_t at;
        struct artifact_content content;
    } tiles[ARTIFACT_TILES];
    size_t tile_count;
};

void artifact_found_clear(struct artifact_found *found);

/* What is to be read aside, and what was. */
struct artifact_reading {
    struct tui_job job;
    char *database, *name;
    int64_t run, index;
    bool tiled;
    /* what is on the screen already, unless known_type is NULL: when it still is what there is,
     * only the list is read and `same` is set */
    char *known_type;
    int64_t known_size;
    bool same;
    struct artifact_found found;
};

int artifact_read(struct tui_job *job); /* artifact_aside.c */
void artifact_reading_clear(struct artifact_reading *reading);

#endif
