/* Points of surfaces; see mesh_view.h. Depths are interpolated as their inverses, which are linear
 * on the image of a face. */
#include "data/mesh_view.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cloud.h"
#include "core/resample.h"
#include "core/status.h"

enum { LIDAR_PIXELS = 1024 };

/* ---- by area ---- */

static const double *corner(const assay_mesh *mesh, size_t face, size_t c)
{
    return mesh->xyz + 3 * mesh->corners[3 * face + c];
}

static double area(const assay_mesh *mesh, size_t face)
{
    const double *a = corner(mesh, face, 0), *b = corner(mesh, face, 1), *c = corner(mesh, face, 2);
    double u[3], v[3];
    for (size_t i = 0; i < 3; i++) {
        u[i] = b[i] - a[i];
        v[i] = c[i] - a[i];
    }
    const double x = u[1] * v[2] - u[2] * v[1], y = u[2] * v[0] - u[0] * v[2];
    const double z = u[0] * v[1] - u[1] * v[0];
    return sqrt(x * x + y * y + z * z) / 2;
}

/* a + (1 - sqrt(u)) (b - a) + sqrt(u) v (c - a), uniform in the triangle */
static void point_in(const assay_mesh *mesh, size_t face, double u, double v, double *out)
{
    const double *a = corner(mesh, face, 0), *b = corner(mesh, face, 1), *c = corner(mesh, face, 2);
    const double root = sqrt(u);
    for (size_t i = 0; i < 3; i++)
        out[i] = (1 - root) * a[i] + root * (1 - v) * b[i] + root * v * c[i];
}

int assay_mesh_sample(const assay_mesh *mesh, size_t n, assay_rng *rng, assay_matrix *out)
{
    double *areas = calloc(mesh->faces + 1, sizeof *areas), sum = 0;
    size_t *face = calloc(n + 1, sizeof *face);
    int status = areas && face ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    for (size_t f = 0; f < mesh->faces && !status; f++)
        sum += areas[f] = area(mesh, f);
    if (!status && !(sum > 0 && isfinite(sum)))
        status =
            assay_fail(ASSAY_EINVAL, "the mesh must have a face with an area, got %zu faces %s",
                mesh->faces, sum > 0 ? "of infinite area" : "without");
    if (!status)
        status = assay_resample_draw(areas, mesh->faces, n, ASSAY_RESAMPLE_MULTINOMIAL, rng, face);
    for (size_t i = 0; i < n && !status; i++) {
        const double u = assay_rng_uniform(rng), v = assay_rng_uniform(rng);
        point_in(mesh, face[i], u, v, assay_matrix_row(out, i));
    }
    free(areas);
    free(face);
    return status;
}

/* ---- the camera ---- */

/* Its axes as rows: right, down, forward. */
static void axes_of(const assay_camera *camera, double axis[3][3])
{
    const double cx = cos(camera->angle_x), sx = sin(camera->angle_x);
    const double cz = cos(camera->angle_z), sz = sin(camera->angle_z);
    const double rows[3][3] = {{cz, sz, 0}, {-sz * cx, cz * cx, sx}, {sz * sx, -cz * sx, cx}};
    memcpy(axis, rows, sizeof rows);
}

static double middle(size_t pixels)
{
    return (double)pixels / 2 - 0.5;
}

/* Column, row and inverse depth of a vertex. */
static void project(
    const assay_camera *camera, const double axis[3][3], const double *x, double *image)
{
    double at[3] = {0, 0, camera->distance};
    for (size_t a = 0; a < 3; a++)
        for (size_t i = 0; i < 3; i++)
            at[a] += axis[a][i] * x[i];
    image[0] = camera->focal * at[0] / at[2] + middle(camera->width);
    image[1] = camera->focal * at[1] / at[2] + middle(camera->height);
    image[2] = 1 / at[2];
}

/* Twice the signed area of a, b and the point (x, y). */
static double side_of(const double *a, const double *b, double x, double y)
{
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
}

/* The whole numbers in least..most that are below `size`: from *first, and behind the last. */
static void clip(double least, double most, size_t size, size_t *first, size_t *behind)
{
    least = fmax(0, ceil(least));
    most = fmin((double)size - 1, floor(most));
    *first = least <= most ? (size_t)least : 0;
    *behind = least <= most ? (size_t)most + 1 : 0;
}

/* Inverse depths of the pixels in a face, where larger than what is there. */
static void rasterise(const double *a, const double *b, const double *c, assay_matrix *inverse)
{
    const double whole = side_of(a, b, c[0], c[1]);
    size_t first_x, behind_x, first_y, behind_y;
    if (whole == 0)
        return;
    clip(fmin(a[0], fmin(b[0], c[0])), fmax(a[0], fmax(b[0], c[0])), inverse->cols, &first_x,
        &behind_x);
    clip(fmin(a[1], fmin(b[1], c[1])), fmax(a[1], fmax(b[1], c[1])), inverse->rows, &first_y,
        &behind_y);
    for (size_t y = first_y; y < behind_y; y++)
        for (size_t x = first_x; x < behind_x; x++) {
            const double u = side_of(b, c, (double)x, (double)y) / whole;
            const double v = side_of(c, a, (double)x, (double)y) / whole, w = 1 - u - v;
            double *at = assay_matrix_at(inverse, y, x);
            if (u >= 0 && v >= 0 && w >= 0)
                *at = fmax(*at, u * a[2] + v * b[2] + w * c[2]);
        }
}

int assay_mesh_depth(const assay_mesh *mesh, const assay_camera *camera, assay_matrix *depth)
{
    double axis[3][3], *image = calloc(3 * mesh->vertices + 1, sizeof *image);
    if (!image)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu vertices", mesh->vertices);
    int status = ASSAY_OK;
    axes_of(camera, axis);
    for (size_t i = 0; i < mesh->vertices && !status; i++) {
        project(camera, (const double(*)[3])axis, mesh->xyz + 3 * i, image + 3 * i);
        if (!(image[3 * i + 2] > 0 && isfinite(image[3 * i + 2])))
            status =
                assay_fail(ASSAY_EINVAL, "vertex %zu of the mesh is not before the camera", i + 1);
    }
    for (size_t y = 0; y < depth->rows; y++)
        memset(assay_matrix_row(depth, y), 0, depth->cols * sizeof(double));
    for (size_t f = 0; f < mesh->faces && !status; f++)
        rasterise(image + 3 * mesh->corners[3 * f], image + 3 * mesh->corners[3 * f + 1],
            image + 3 * mesh->corners[3 * f + 2], depth);
    for (size_t y = 0; y < depth->rows && !status; y++)
        for (size_t x = 0; x < depth->cols; x++) {
            double *at = assay_matrix_at(depth, y, x);
            *at = *at > 0 ? 1 / *at : 0;
        }
    free(image);
    return status;
}

int assay_camera_points(const assay_camera *camera, const assay_matrix *depth, assay_matrix *out)
{
    double axis[3][3];
    size_t n = 0, row = 0;
    for (size_t y = 0; y < depth->rows; y++)
        for (size_t x = 0; x < depth->cols; x++)
            n += *assay_matrix_at(depth, y, x) > 0;
    const int status = assay_matrix_alloc(n, 3, out);
    axes_of(camera, axis);
    for (size_t y = 0; y < depth->rows && !status; y++)
        for (size_t x = 0; x < depth->cols; x++) {
            const double z = *assay_matrix_at(depth, y, x);
            if (!(z > 0))
                continue;
            const double at[3] = {((double)x - middle(camera->width)) / camera->focal * z,
                ((double)y - middle(camera->height)) / camera->focal * z, z - camera->distance};
            double *point = assay_matrix_row(out, row++);
            for (size_t i = 0; i < 3; i++)
                point[i] = axis[0][i] * at[0] + axis[1][i] * at[1] + axis[2][i] * at[2];
        }
    return status;
}

/* ---- the corruptions ---- */

/* A normalised copy whose third axis is `up`: axes are moved around, which turns and does not
 * mirror. */
static int stand(const assay_mesh *mesh, size_t up, assay_mesh *out)
{
    *out = *mesh;
    out->xyz = calloc(3 * mesh->vertices + 1, sizeof *out->xyz);
    if (!out->xyz)
        return assay_fail(ASSAY_ENOMEM, "no memory for %zu vertices", mesh->vertices);
    for (size_t i = 0; i < mesh->vertices; i++)
        for (size_t a = 0; a < 3; a++)
            out->xyz[3 * i + a] = mesh->xyz[3 * i + (a + up + 1) % 3];
    assay_matrix xyz = assay_matrix_view(out->xyz, mesh->vertices, 3);
    return assay_cloud_normalize(&xyz, &xyz);
}

static void lie_down(assay_matrix *points, size_t up)
{
    for (size_t i = 0; i < points->rows; i++) {
        double *row = assay_matrix_row(points, i);
        const double x[3] = {row[0], row[1], row[2]};
        for (size_t a = 0; a < 3; a++)
            row[(a + up + 1) % 3] = x[a];
    }
}

/* n points of the pixels. */
static int choose_pixels(const assay_matrix *all, size_t n, assay_rng *rng, assay_matrix *out)
{
    size_t *row = calloc(n + 1, sizeof *row);
    int status = row ? ASSAY_OK : assay_fail(ASSAY_ENOMEM, "no memory for %zu points", n);
    if (!status && all->rows == 0)
        status = assay_fail(ASSAY_EINVAL, "the camera sees nothing of the mesh");
    if (!status && all->rows >= n)
        status = assay_rng_sample(rng, all->rows, n, row);
    else
        for (size_t i = 0; i < n && !status; i++)
            row[i] = (size_t)assay_rng_below(rng, all->rows);
    for (size_t i = 0; i < n && !status; i++)
        memcpy(assay_matrix_row(out, i), assay_matrix_row(all, row[i]), 3 * sizeof *out->data);
    free(row);
    return status;
}

/* n points that the camera sees, the mesh standing on end. */
static int look(const assay_mesh *mesh, size_t up, const assay_camera *camera, size_t n,
    assay_rng *rng, assay_matrix *out)
{
    assay_mesh standing;
    assay_matrix depth = {0}, seen = {0};
    int status = stand(mesh, up, &standing);
    if (!status)
        status = assay_matrix_alloc(camera->height, camera->width, &depth);
    if (!status)
        status = assay_mesh_depth(&standing, camera, &depth);
    if (!status)
        status = assay_camera_points(camera, &depth, &seen);
    if (!status)
        status = choose_pixels(&seen, n, rng, out);
    free(standing.xyz);
    assay_matrix_free(&depth);
    assay_matrix_free(&seen);
    return status;
}

static int check_view(size_t up, int severity)
{
    if (up > 2)
        return assay_fail(ASSAY_EINVAL, "up must be an axis in 1..3, got %zu", up + 1);
    if (severity < 1 || severity > 5)
        return assay_fail(ASSAY_EINVAL, "severity must be in 1..5, got %d", severity);
    return ASSAY_OK;
}

static assay_camera camera_at(double distance, double angle_x, int severity, assay_rng *rng)
{
    const double pi = acos(-1.0);
    return (assay_camera){.width = 270,
        .height = 180,
        .focal = 91.25,
        .distance = distance,
        .angle_x = angle_x,
        .angle_z = 2 * pi * severity / 5 + pi / 5 * (2 * assay_rng_uniform(rng) - 1)};
}

int assay_mesh_occlusion(
    const assay_mesh *mesh, size_t up, int severity, size_t n, assay_rng *rng, assay_matrix *out)
{
    const double pi = acos(-1.0), angle_x = pi * (4 + assay_rng_uniform(rng)) / 6;
    int status = check_view(up, severity);
    if (status)
        return status;
    const assay_camera camera = camera_at(3, angle_x, severity, rng);
    status = look(mesh, up, &camera, n, rng, out);
    if (!status)
        lie_down(out, up);
    return status ? status : assay_cloud_normalize(out, out);
}

/* Points whose angle from the vertical lies in the middle half of its band, moved to the middle;
 * how many, in front. */
static size_t keep_bands(assay_matrix *points, const double *eye)
{
    const double band = acos(-1.0) / 180;
    double least = INFINITY;
    size_t kept = 0;
    for (int sweep = 0; sweep < 2; sweep++)
        for (size_t i = 0; i < points->rows; i++) {
            const double *row = assay_matrix_row(points, i);
            const double x[3] = {row[0] - eye[0], row[1] - eye[1], row[2] - eye[2]};
            const double flat = hypot(x[0], x[1]), radius = hypot(flat, x[2]);
            const double angle = atan2(flat, x[2]);
            least = fmin(least, angle);
            const double within = fmod(angle - least, band) / band;
            if (sweep == 0 || within < 0.25 || within >= 0.75)
                continue;
            const double moved = angle - within * band + band / 2;
            double *to = assay_matrix_row(points, kept++);
            to[0] = eye[0] + radius * sin(moved) * x[0] / flat;
            to[1] = eye[1] + radius * sin(moved) * x[1] / flat;
            to[2] = eye[2] + radius * cos(moved);
        }
    return kept;
}

int assay_mesh_lidar(
    const assay_mesh *mesh, size_t up, int severity, size_t n, assay_rng *rng, assay_matrix *out)
{
    double axis[3][3], eye[3];
    assay_matrix pixels = {0};
    int status = check_view(up, severity);
    if (status)
        return status;
    const assay_camera camera = camera_at(5, 5 * acos(-1.0) / 8, severity, rng);
    axes_of(&camera, axis);
    for (size_t i = 0; i < 3; i++)
        eye[i] = -camera.distance * axis[2][i];
    status = assay_matrix_alloc(LIDAR_PIXELS, 3, &pixels);
    if (!status)
        status = look(mesh, up, &camera, LIDAR_PIXELS, rng, &pixels);
    const size_t kept = status ? 0 : keep_bands(&pixels, eye);
    if (!status && kept == 0)
        status = assay_fail(ASSAY_EINVAL, "no point of the mesh lies in the bands of the LiDAR");
    for (size_t i = 0; i < n && !status; i++)
        memcpy(assay_matrix_row(out, i),
            assay_matrix_row(&pixels, (size_t)assay_rng_below(rng, kept)), 3 * sizeof *out->data);
    if (!status)
        lie_down(out, up);
    assay_matrix_free(&pixels);
    return status;
}
