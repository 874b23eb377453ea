/*
 * Reading an artifact aside, with a store handle of its own: it may be large, and telling what it
 * is takes as long as it is large. An artifact does not change while its name, size and type stay,
 * so that what is on the screen is not read again with every row that a run logs.
 */
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "tui/artifact.h"

void artifact_found_clear(struct artifact_found *found)
{
    assay_artifact_list_free(&found->all);
    artifact_content_clear(&found->content);
    for (size_t i = 0; i < found->tile_count; i++)
        artifact_content_clear(&found->tiles[i].content);
    *found = (struct artifact_found){0};
}

void artifact_reading_clear(struct artifact_reading *self)
{
    artifact_found_clear(&self->found);
    free(self->database);
    free(self->name);
    free(self->known_type);
}

static int read_content(assay_store *store, const struct artifact_reading *self, size_t at,
    struct artifact_content *out)
{
    const assay_artifact_info *info = &self->found.all.artifacts[at];
    void *data = NULL;
    size_t size = 0;
    int status = assay_store_artifact_get(store, self->run, info->index, info->name, &data, &size);
    return status == ASSAY_OK ? artifact_content_read(data, size, info->type, out) : status;
}

/* The artifacts of this name, from this one on. */
static int read_tiles(assay_store *store, struct artifact_reading *self)
{
    struct artifact_found *found = &self->found;
    int status = ASSAY_OK;
    for (size_t i = 0;
         i < found->all.count && found->tile_count < ARTIFACT_TILES && status == ASSAY_OK; i++) {
        size_t at = (found->at + i) % found->all.count;
        if (strcmp(found->all.artifacts[at].name, self->name) != 0)
            continue;
        struct artifact_tile *tile = &found->tiles[found->tile_count++];
        tile->at = at;
        status = read_content(store, self, at, &tile->content);
    }
    return status;
}

static int find(struct artifact_reading *self)
{
    const assay_artifact_list *all = &self->found.all;
    for (size_t i = 0; i < all->count; i++)
        if (all->artifacts[i].index == self->index &&
            strcmp(all->artifacts[i].name, self->name) == 0) {
            self->found.at = i;
            return ASSAY_OK;
        }
    return assay_fail(ASSAY_ENOTFOUND, "the run has no artifact \"%s\" there any more", self->name);
}

static bool is_known(const struct artifact_reading *self)
{
    const assay_artifact_info *info = &self->found.all.artifacts[self->found.at];
    return self->known_type && strcmp(self->known_type, info->type) == 0 &&
           self->known_size == info->size;
}

int artifact_read(struct tui_job *job)
{
    struct artifact_reading *self = (struct artifact_reading *)job;
    assay_store *store = NULL;
    int status = assay_store_open(self->database, ASSAY_STORE_READ, &store);
    if (status == ASSAY_OK)
        status = assay_store_artifacts(store, self->run, &self->found.all);
    if (status == ASSAY_OK)
        status = find(self);
    self->same = status == ASSAY_OK && is_known(self);
    if (status == ASSAY_OK && !self->same)
        status = read_content(store, self, self->found.at, &self->found.content);
    if (status == ASSAY_OK && !self->same && self->tiled)
        status = read_tiles(store, self);
    assay_store_close(store);
    return status;
}
