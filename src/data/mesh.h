/*
 * Triangle meshes and point sets: OFF (also COFF and NOFF), OBJ, PLY (ascii and both binary orders)
 * and XYZ (a point a line, no faces), by the file name's end; .gz behind it is
 * read too. Polygons become fans of triangles
 * around their first corner. Colours, normals, textures and groups are passed over. Any count is
 * held against the file before memory is asked for.
 */
#ifndef ASSAY_DATA_MESH_H
#define ASSAY_DATA_MESH_H

#include <stddef.h>

#include "core/progress.h"

typedef struct assay_mesh {
    size_t vertices, faces;
    double *xyz;     /* (vertices, 3), finite */
    size_t *corners; /* (faces, 3), 0-based vertices */
} assay_mesh;

/* ASSAY_EIO; ASSAY_EINVAL for a name that ends otherwise; ASSAY_EFORMAT with file and line (in the
 * binary part of PLY: byte); ASSAY_ENOMEM. No vertices at all is ASSAY_EFORMAT. `progress` may be
 * NULL. */
int assay_mesh_read(const char *path, const assay_progress *progress, assay_mesh *out);
void assay_mesh_free(assay_mesh *mesh);

/* Ascii, coordinates by as many digits as reading back takes. XYZ loses the faces. */
int assay_mesh_write(const char *path, const assay_mesh *mesh);

#endif
