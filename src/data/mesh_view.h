/*
 * Points of a mesh's surface: drawn by area, or seen by a pinhole camera that looks at the origin,
 * and the two corruptions of ModelNet40-C that are such views (Sun et al. 2022, arXiv 2201.12296,
 * data/occlusion.py and data/generate_c.py).
 */
#ifndef ASSAY_DATA_MESH_VIEW_H
#define ASSAY_DATA_MESH_VIEW_H

#include <stddef.h>

#include "core/matrix.h"
#include "core/rng.h"
#include "data/mesh.h"

/* out [n, 3]: faces drawn by area, points uniform in them. ASSAY_EINVAL: no face has an area. */
int assay_mesh_sample(const assay_mesh *mesh, size_t n, assay_rng *rng, assay_matrix *out);

/* At `distance` from the origin, on the side that the angles say (radians): the camera's axes are
 * the columns of Rz(angle_z) Rx(angle_x), the third its line of sight. */
typedef struct assay_camera {
    size_t width, height; /* pixels */
    double focal;         /* pixels */
    double distance, angle_x, angle_z;
} assay_camera;

/* depth [height, width]: of the nearest face behind each pixel's centre, along the line of sight; 0
 * where there is none. ASSAY_EINVAL: a vertex is not before the camera. */
int assay_mesh_depth(const assay_mesh *mesh, const assay_camera *camera, assay_matrix *depth);

/* *out, new and the caller's: the points of the pixels that have a depth. */
int assay_camera_points(const assay_camera *camera, const assay_matrix *depth, assay_matrix *out);

/*
 * What a camera sees of a mesh, whose box is normalised first: 270 x 180 pixels, focal length 91.25
 * (the generator's 1080 x 720 and 365, a quarter), n pixels' points, drawn without replacement,
 * with it where there are fewer. `up` is the mesh's vertical axis, 0..2. severity 1..5 is a side,
 * not a strength: angle_z in 2 pi severity / 5 +- pi / 5. out [n, 3]. occlusion  distance 3,
 * angle_x in 2 pi / 3 .. 5 pi / 6; the result normalised lidar      distance 5, angle_x = 5 pi / 8;
 * of 1024 points those in the middle half of bands of 1 degree of elevation, moved to the band's
 * middle; n of them with replacement, not normalised
 */
int assay_mesh_occlusion(
    const assay_mesh *mesh, size_t up, int severity, size_t n, assay_rng *rng, assay_matrix *out);
int assay_mesh_lidar(
    const assay_mesh *mesh, size_t up, int severity, size_t n, assay_rng *rng, assay_matrix *out);

#endif
