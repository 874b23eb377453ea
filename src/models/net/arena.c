/*
 * The arena: blocks in a list, the newest first. A block never moves, because values point into it;
 * a reset joins several into one of their total size, so that after the first step of a training
 * nothing is allocated.
 */
#include "models/net/kernel.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, SMALLEST = 1 << 16 };

struct arena_block {
    struct arena_block *older;
    size_t used, room; /* bytes after the header, multiples of ALIGNMENT */
};

static const size_t header = (sizeof(struct arena_block) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

static int add_block(assay_arena *arena, size_t room)
{
    struct arena_block *block = aligned_alloc(ALIGNMENT, header + room);
    if (!block)
        return assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu bytes of activations", room);
    *block = (struct arena_block){arena->block, 0, room};
    arena->block = block;
    arena->held += room;
    return ASSAY_OK;
}

void *assay_arena_alloc(assay_arena *arena, size_t count, size_t size)
{
    if (size && count > PTRDIFF_MAX / 2 / size) {
        assay_fail(ASSAY_ENOMEM, "net: out of memory for %zu values of %zu bytes", count, size);
        return NULL;
    }
    const size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!arena->block || arena->block->room - arena->block->used < bytes) {
        const size_t least = arena->held > SMALLEST ? arena->held : SMALLEST;
        if (add_block(arena, bytes > least ? bytes : least) != ASSAY_OK)
            return NULL;
    }
    void *memory = (char *)arena->block + header + arena->block->used;
    arena->block->used += bytes;
    return memory;
}

void assay_arena_reset(assay_arena *arena)
{
    if (!arena->block)
        return;
    if (!arena->block->older) {
        arena->block->used = 0;
        return;
    }
    const size_t room = arena->held;
    assay_arena_free(arena);
    add_block(arena, room); /* if it can't be had, the next alloc says so */
}

void assay_arena_free(assay_arena *arena)
{
    while (arena->block) {
        struct arena_block *older = arena->block->older;
        free(arena->block);
        arena->block = older;
    }
    arena->held = 0;
}
