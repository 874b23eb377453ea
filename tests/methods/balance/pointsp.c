/* Sampling of point clouds below Lua: identities of the paper, counts of the generator, brute force
 * for the covering radius, and every refusal. */
#include "methods/balance/pointsp.h"

#include <cblas.h>

#include "../check.h"
#include "core/cloud.h"
#include "core/fps.h"
#include "data/mesh_view.h"
#include "methods/balance/corrupt.h"

#define PI 3.14159265358979323846

static assay_matrix drawn(size_t n, uint64_t seed)
{
    assay_matrix P;
    assay_rng rng = assay_rng_seed(seed);
    ok(assay_matrix_alloc(n, 3, &P));
    for (size_t i = 0; i < 3 * n; i++)
        P.data[i] = 2 * assay_rng_uniform(&rng) - 1;
    return P;
}

static double gap(const double *a, const double *b)
{
    return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) +
                (a[2] - b[2]) * (a[2] - b[2]));
}

/* ---- farthest points ---- */

/* By the definition, in O(n m). */
static void plain_fps(const assay_matrix *P, size_t m, size_t start, size_t *index)
{
    double *near = malloc(P->rows * sizeof *near);
    for (size_t i = 0; i < P->rows; i++)
        near[i] = INFINITY;
    for (size_t j = 0, next = start; j < m; j++) {
        index[j] = next;
        for (size_t i = 0; i < P->rows; i++)
            if (near[i] >= 0) {
                const double d = gap(assay_matrix_row(P, i), assay_matrix_row(P, index[j]));
                near[i] = i == index[j] ? -1 : fmin(near[i], d);
            }
        next = 0;
        for (size_t i = 1; i < P->rows; i++)
            next = near[i] > near[next] ? i : next;
    }
    free(near);
}

static void farthest_points_are_those_of_the_plain_loop(void **state)
{
    (void)state;
    enum { N = 300, M = 60 };
    size_t index[M], plain[M];
    double radius[M];
    for (size_t cloud = 0; cloud < 12; cloud++) {
        assay_matrix P = drawn(N, cloud);
        for (size_t i = 0; cloud >= 10 && i < 3 * N; i++) /* a lattice, with ties and copies */
            P.data[i] = floor(3 * P.data[i]);
        ok(assay_fps(&P, M, cloud, NULL, NULL, index, radius));
        plain_fps(&P, M, cloud, plain);
        for (size_t i = 0; i < M; i++) {
            assert_int_equal(index[i], plain[i]);
            assert_true(i == 0 || radius[i] <= radius[i - 1]);
        }
        ok(assay_fps(&P, 7, cloud, NULL, NULL, plain, NULL));
        assert_memory_equal(index, plain, 7 * sizeof *index);
        assay_matrix_free(&P);
    }
}

/* The least covering radius of 3 of 9 points is more than half that of farthest points. */
static void radius_is_at_most_twice_the_best(void **state)
{
    (void)state;
    for (uint64_t cloud = 0; cloud < 20; cloud++) {
        assay_matrix P = drawn(9, 100 + cloud);
        size_t index[3];
        double radius[3], best = INFINITY;
        ok(assay_fps(&P, 3, 0, NULL, NULL, index, radius));
        for (size_t a = 0; a < 9; a++)
            for (size_t b = a; b < 9; b++)
                for (size_t c = b; c < 9; c++) {
                    double covered = 0;
                    for (size_t i = 0; i < 9; i++) {
                        const double *x = assay_matrix_row(&P, i);
                        covered = fmax(covered, fmin(gap(x, assay_matrix_row(&P, a)),
                                                    fmin(gap(x, assay_matrix_row(&P, b)),
                                                        gap(x, assay_matrix_row(&P, c)))));
                    }
                    best = fmin(best, covered);
                }
        assert_true(radius[2] <= 2 * best && radius[2] >= best);
        assay_matrix_free(&P);
    }
}

/* ---- weights ---- */

static void lone_points_weigh_least(void **state)
{
    (void)state;
    enum { N = 200, K = 20 };
    assay_matrix P = drawn(N, 5);
    size_t count[N], sum = 0, index[64];
    double weight[N], isolation[N], total = 0;
    for (size_t a = 0; a < 3; a++)
        *assay_matrix_at(&P, 7, a) = 10;
    ok(assay_keypoint_weights(&P, K, NULL, count, weight, isolation, NULL, NULL));
    for (size_t i = 0; i < N; i++) {
        total += weight[i];
        sum += count[i];
        assert_true(isolation[i] >= 0 && isolation[i] <= 1 - 1.0 / K);
        assert_true(weight[i] >= weight[7]);
    }
    close_to(total, 1, 1e-12);
    close_to(weight[7], 1 / (double)sum, 1e-15);
    ok(assay_ffps(&P, 64, K, 0.95, 0, NULL, NULL, index, NULL));
    for (size_t i = 0; i < 64; i++)
        assert_int_not_equal(index[i], 7);
    assay_matrix_free(&P);
}

/* A torus of one ring of points, all of whose neighbourhoods are the same. */
static void equal_neighbourhoods_weigh_the_same(void **state)
{
    (void)state;
    enum { N = 64, K = 5 };
    double x[3 * N], weight[N], tau = -1;
    size_t count[N];
    const assay_matrix P = assay_matrix_view(x, N, 3);
    for (size_t i = 0; i < N; i++) {
        x[3 * i] = cos(2 * PI * (double)i / N);
        x[3 * i + 1] = sin(2 * PI * (double)i / N);
        x[3 * i + 2] = 0;
    }
    ok(assay_keypoint_weights(&P, K, NULL, count, weight, NULL, NULL, NULL));
    for (size_t i = 0; i < N; i++)
        close_to(weight[i], 1.0 / N, 1e-12);
    memset(x, 0, sizeof x);
    ok(assay_keypoint_weights(&P, K, NULL, count, weight, NULL, &tau, NULL));
    assert_true(tau == 0 && count[0] == K && count[N - 1] == K);
}

static void keeping_all_is_farthest_points(void **state)
{
    (void)state;
    assay_matrix P = drawn(150, 8);
    size_t index[40], plain[40];
    ok(assay_ffps(&P, 40, 20, 1, 11, NULL, NULL, index, NULL));
    ok(assay_fps(&P, 40, 11, NULL, NULL, plain, NULL));
    assert_memory_equal(index, plain, sizeof index);
    assay_matrix_free(&P);
}

/* The start of filtered sampling is any of the kept, and no other. */
static void starts_are_kept_points(void **state)
{
    (void)state;
    enum { N = 10, DRAWS = 4000 };
    assay_matrix P = drawn(N, 3);
    unsigned char kept[N];
    size_t seen[N] = {0}, first;
    assay_rng rng = assay_rng_seed(1);
    for (size_t i = 0; i < DRAWS; i++) {
        ok(assay_ffps(&P, 1, 3, 0.5, 0, &rng, NULL, &first, kept));
        seen[first]++;
    }
    for (size_t i = 0; i < N; i++)
        close_to((double)seen[i], kept[i] ? DRAWS / 5.0 : 0, kept[i] ? 4.5 * 25.3 : 0);
    assay_matrix_free(&P);
}

/* ---- draws by weight ---- */

static void draws_follow_the_weights(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    const double weight[4] = {1, 0, 2, 5};
    size_t index[DRAWS], seen[4] = {0}, two[2];
    assay_rng rng = assay_rng_seed(9);
    ok(assay_wrs(weight, 4, DRAWS, true, &rng, index));
    for (size_t i = 0; i < DRAWS; i++)
        seen[index[i]]++;
    for (size_t i = 0; i < 4; i++) {
        const double p = weight[i] / 8;
        close_to((double)seen[i] / DRAWS, p, 4.5 * sqrt(p * (1 - p) / DRAWS));
    }
    double first = 0; /* without replacement the first is drawn by weight, too */
    for (size_t i = 0; i < DRAWS; i++) {
        ok(assay_wrs(weight, 4, 2, false, &rng, two));
        assert_true(two[0] != two[1] && two[0] != 1 && two[1] != 1);
        first += two[0] == 3;
    }
    close_to(first / DRAWS, 0.625, 4.5 * sqrt(0.625 * 0.375 / DRAWS));
}

/* ---- numbers of points ---- */

static void ratios_are_log_uniform(void **state)
{
    (void)state;
    enum { N = 20000 };
    assay_rng rng = assay_rng_seed(4);
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        const double r = log2(assay_resample_ratio(0.5, 2, assay_rng_uniform(&rng)));
        assert_true(r >= -1 && r < 1);
        sum += r;
    }
    close_to(sum / N, 0, 4 * 2 / sqrt(12.0 * N));
}

/* Without balance the nearest go; with all of it each point goes as often as any other. */
static void thinning_is_local_or_global(void **state)
{
    (void)state;
    enum { N = 40, DROP = 12, DRAWS = 20000 };
    assay_matrix P = drawn(N, 2);
    double keys[N], farthest_gone = 0, nearest_kept = INFINITY, gone[N] = {0};
    size_t keep[N], kept;
    assay_rng rng = assay_rng_seed(3);
    assay_rng_fill_uniform(&rng, keys, N);
    ok(assay_downsample_core(&P, 0.7, 0, 5, keys, keep, &kept));
    assert_int_equal(kept, N - DROP);
    for (size_t i = 0, j = 0; i < N; i++) {
        const double d = gap(assay_matrix_row(&P, i), assay_matrix_row(&P, 5));
        if (j < kept && keep[j] == i) {
            j++;
            nearest_kept = fmin(nearest_kept, d);
        } else {
            farthest_gone = fmax(farthest_gone, d);
        }
    }
    assert_true(farthest_gone < nearest_kept);
    for (size_t i = 0; i < DRAWS; i++) {
        ok(assay_downsample(&P, 0.7, 1, &rng, keep, &kept));
        for (size_t r = 0; r < N; r++)
            gone[r]++;
        for (size_t r = 0; r < kept; r++)
            gone[keep[r]]--;
    }
    const double p = (double)DROP / N;
    for (size_t r = 0; r < N; r++)
        close_to(gone[r] / DRAWS, p, 4.5 * sqrt(p * (1 - p) / DRAWS));
    ok(assay_downsample(&P, 0.99, 0.5, &rng, keep, &kept)); /* floor(0.4) = 0 go */
    assert_int_equal(kept, N);
    assay_matrix_free(&P);
}

/* On the plane z = 0.3 normals are (0, 0, 1), and new points stay on it, at most half way. */
static void planes_stay_planes(void **state)
{
    (void)state;
    enum { N = 100, K = 8 };
    assay_matrix P = drawn(N, 6), out, copy = {0};
    assay_rng rng = assay_rng_seed(1);
    size_t nbr[N * K], pick[N];
    double d2[N * K], n[3 * N];
    assay_matrix normals = assay_matrix_view(n, N, 3);
    for (size_t i = 0; i < N; i++) {
        *assay_matrix_at(&P, i, 2) = 0.3;
        pick[i] = i % K;
    }
    ok(assay_cloud_neighbours(&P, K, NULL, nbr, d2));
    ok(assay_pc_normals(&P, nbr, K, &normals));
    ok(assay_matrix_alloc(N, 3, &out));
    ok(assay_tangent_interpolate(&P, nbr, d2, K, &normals, pick, &out));
    for (size_t i = 0; i < N; i++) {
        const double *x = assay_matrix_row(&P, i), *y = assay_matrix_row(&out, i);
        const double *partner = assay_matrix_row(&P, nbr[i * K + pick[i]]);
        close_to(n[3 * i + 2], 1, 1e-12);
        close_to(y[2], 0.3, 1e-12);
        assert_true(gap(x, y) <= gap(x, partner) / 2 + 1e-15);
        assert_true(pick[i] > 0 || gap(x, y) == 0);
    }
    assay_matrix_free(&out);
    const assay_upsample_options o = {.k = K}, others = {.k = K, .exclude_self = true};
    ok(assay_upsample(&P, 130, &o, &rng, &copy));
    assert_int_equal(copy.rows, N + 130);
    for (size_t i = 0; i < copy.rows; i++)
        close_to(*assay_matrix_at(&copy, i, 2), 0.3, 1e-12);
    assert_memory_equal(copy.data, P.data, 3 * N * sizeof(double));
    assay_matrix_free(&copy);
    ok(assay_upsample(&P, N, &others, &rng, &copy));
    for (size_t i = 0; i < N; i++) /* in the order of a permutation: none is a copy of any */
        for (size_t j = 0; j < N; j++)
            assert_true(gap(assay_matrix_row(&copy, N + i), assay_matrix_row(&P, j)) > 0);
    assay_matrix_free(&copy);
    ok(assay_fill_up(&P, 250, &o, &rng, &copy));
    assert_int_equal(copy.rows, 250);
    assay_matrix_free(&copy);
    ok(assay_fill_up(&P, 64, &o, &rng, &copy));
    assert_int_equal(copy.rows, N);
    assay_matrix_free(&copy);
    assay_matrix_free(&P);
}

static void one_point_many_times(void **state)
{
    (void)state;
    double x[12] = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}, n[12], y[12];
    const assay_matrix P = assay_matrix_view(x, 4, 3);
    assay_matrix N = assay_matrix_view(n, 4, 3), out = assay_matrix_view(y, 4, 3);
    const size_t pick[4] = {0, 1, 2, 3};
    size_t nbr[16];
    double d2[16];
    ok(assay_cloud_neighbours(&P, 4, NULL, nbr, d2));
    ok(assay_pc_normals(&P, nbr, 4, &N));
    ok(assay_tangent_interpolate(&P, nbr, d2, 4, &N, pick, &out));
    assert_memory_equal(x, y, sizeof x);
    close_to(n[0], 0, 0);
    close_to(n[2], 1, 0);
    for (size_t i = 0; i < 4; i++) { /* a line: any unit vector across it */
        x[3 * i] = x[3 * i + 1] = (double)i;
        x[3 * i + 2] = 3;
    }
    ok(assay_cloud_neighbours(&P, 4, NULL, nbr, d2));
    ok(assay_pc_normals(&P, nbr, 4, &N));
    close_to(n[0] * n[0] + n[1] * n[1] + n[2] * n[2], 1, 1e-12);
    close_to(n[0] + n[1], 0, 1e-12);
}

/* ---- corruptions ---- */

static size_t moved(const assay_matrix *a, const assay_matrix *b)
{
    size_t n = 0;
    for (size_t i = 0; i < a->rows; i++)
        n += gap(assay_matrix_row(a, i), assay_matrix_row(b, i)) > 1e-9;
    return n;
}

static void sizes_are_those_of_the_generator(void **state)
{
    (void)state;
    static const struct {
        assay_corruption kind;
        size_t rows[ASSAY_SEVERITIES];
    } cases[] = {{ASSAY_CORRUPT_BACKGROUND, {1046, 1049, 1053, 1058, 1075}},
        {ASSAY_CORRUPT_UPSAMPLING, {1228, 1280, 1365, 1536, 2048}},
        {ASSAY_CORRUPT_CUTOUT, {964, 934, 874, 814, 724}},
        {ASSAY_CORRUPT_DENSITY, {949, 874, 799, 724, 649}},
        {ASSAY_CORRUPT_IMPULSE, {1024, 1024, 1024, 1024, 1024}},
        {ASSAY_CORRUPT_ROTATION, {1024, 1024, 1024, 1024, 1024}}};
    assay_matrix P = drawn(1024, 7), out;
    ok(assay_cloud_normalize(&P, &P));
    assay_rng rng = assay_rng_seed(2);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int s = 1; s <= ASSAY_SEVERITIES; s++) {
            ok(assay_corrupt(&P, cases[c].kind, s, &rng, &out));
            assert_int_equal(out.rows, cases[c].rows[s - 1]);
            assay_matrix_free(&out);
        }
    ok(assay_corrupt_by(&P, ASSAY_CORRUPT_IMPULSE, 0, &rng, &out));
    assert_int_equal(moved(&P, &out), 0);
    assay_matrix_free(&out);
    assay_matrix_free(&P);
    P = drawn(2048, 7);
    ok(assay_corrupt(&P, ASSAY_CORRUPT_DENSITY_INC, 5, &rng, &out));
    assert_int_equal(out.rows, 1024);
    for (size_t i = 0; i < out.rows; i++) { /* points of P */
        size_t j = 0;
        while (j < P.rows && gap(assay_matrix_row(&P, j), assay_matrix_row(&out, i)) > 0)
            j++;
        assert_true(j < P.rows);
    }
    assay_matrix_free(&out);
    assay_matrix_free(&P);
}

/* Every corruption leaves finite points in the box; those that say so touch its longest sides. */
static void corrupted_clouds_are_in_the_box(void **state)
{
    (void)state;
    assay_matrix P = drawn(2048, 1), out;
    ok(assay_cloud_normalize(&P, &P));
    assay_rng rng = assay_rng_seed(3);
    for (int kind = 0; kind < ASSAY_CORRUPTIONS; kind++) {
        double most = 0;
        ok(assay_corrupt(&P, (assay_corruption)kind, 3, &rng, &out));
        ok(assay_cloud_check(&out));
        for (size_t i = 0; i < 3 * out.rows; i++)
            most = fmax(most, fabs(out.data[i]));
        close_to(most, 1,
            kind == ASSAY_CORRUPT_CUTOUT || kind == ASSAY_CORRUPT_DENSITY ||
                    kind == ASSAY_CORRUPT_DENSITY_INC
                ? 0.05
                : 1e-12);
        assay_matrix_free(&out);
    }
    assay_matrix_free(&P);
}

static void impulses_are_of_their_size(void **state)
{
    (void)state;
    assay_matrix P = drawn(900, 4), out;
    double cube[6] = {-1, -1, -1, 1, 1, 1}; /* ends that no impulse of the others can reach */
    for (size_t i = 0; i < 3 * P.rows; i++)
        P.data[i] *= 0.5;
    memcpy(P.data, cube, sizeof cube);
    assay_rng rng = assay_rng_seed(8);
    for (int turn = 0; turn < 5; turn++) {
        ok(assay_corrupt_by(&P, ASSAY_CORRUPT_IMPULSE, 30, &rng, &out));
        if (gap(assay_matrix_row(&P, 0), assay_matrix_row(&out, 0)) == 0 &&
            gap(assay_matrix_row(&P, 1), assay_matrix_row(&out, 1)) == 0) {
            assert_int_equal(moved(&P, &out), 30);
            for (size_t i = 0; i < P.rows; i++) {
                const double d = gap(assay_matrix_row(&P, i), assay_matrix_row(&out, i));
                close_to(d > 1e-9 ? d : 0.1 * sqrt(3.0), 0.1 * sqrt(3.0), 1e-12);
            }
        }
        assay_matrix_free(&out);
    }
    assay_matrix_free(&P);
}

static void deformations_that_do_nothing_or_shift(void **state)
{
    (void)state;
    assay_matrix P = drawn(50, 4), out, move, mu;
    static const size_t side[3] = {4, 3, 2};
    ok(assay_matrix_alloc(50, 3, &out));
    ok(assay_matrix_alloc(125, 3, &move));
    ok(assay_matrix_alloc(24, 3, &mu));
    for (int inverse = 0; inverse < 2; inverse++) {
        ok(assay_corrupt_rbf(&P, inverse, 5, &move, &out));
        for (size_t i = 0; i < 150; i++)
            close_to(out.data[i], P.data[i], 1e-9);
    }
    for (size_t i = 0; i < 24; i++) {
        *assay_matrix_at(&mu, i, 0) = 0.1;
        *assay_matrix_at(&mu, i, 2) = -0.02;
    }
    *assay_matrix_at(&P, 7, 1) = 1.5; /* outside the lattice */
    ok(assay_corrupt_ffd(&P, side, &mu, &out));
    for (size_t i = 0; i < 50; i++)
        for (size_t a = 0; a < 3; a++)
            close_to(*assay_matrix_at(&out, i, a) - *assay_matrix_at(&P, i, a),
                i == 7 || a == 1 ? 0
                : a == 0         ? 0.2
                                 : -0.04,
                1e-12);
    for (size_t c = 0; c < 125; c++) /* control points go where they are moved */
        for (size_t a = 0; a < 3; a++)
            *assay_matrix_at(&move, c, a) = 0.01 * (double)((c * 7 + a * 3) % 11);
    double corner[3] = {-0.5, 1, 0}; /* x 1, y 4, z 2 of the lattice */
    assay_matrix one = assay_matrix_view(corner, 1, 3), to = assay_matrix_view(out.data, 1, 3);
    ok(assay_corrupt_rbf(&one, false, 5, &move, &to));
    for (size_t a = 0; a < 3; a++)
        close_to(to.data[a] - corner[a], *assay_matrix_at(&move, 1 + 4 * 5 + 2 * 25, a), 1e-9);
    assay_matrix_free(&P);
    assay_matrix_free(&out);
    assay_matrix_free(&move);
    assay_matrix_free(&mu);
}

/* ---- surfaces ---- */

/* The cube [-1, 1]^3 of 12 triangles, shifted and stretched along x. */
static void make_cube(double stretch, double *xyz, size_t *corners, assay_mesh *mesh)
{
    static const size_t faces[12][3] = {{0, 1, 3}, {0, 3, 2}, {4, 6, 7}, {4, 7, 5}, {0, 4, 5},
        {0, 5, 1}, {2, 3, 7}, {2, 7, 6}, {0, 2, 6}, {0, 6, 4}, {1, 5, 7}, {1, 7, 3}};
    for (size_t i = 0; i < 8; i++) {
        xyz[3 * i] = i & 4 ? stretch : -stretch;
        xyz[3 * i + 1] = i & 2 ? 1 : -1;
        xyz[3 * i + 2] = i & 1 ? 1 : -1;
    }
    memcpy(corners, faces, sizeof faces);
    *mesh = (assay_mesh){8, 12, xyz, corners};
}

static void surfaces_are_drawn_by_area(void **state)
{
    (void)state;
    enum { N = 20000 };
    double xyz[24], ends = 0, mean = 0;
    size_t corners[36];
    assay_mesh mesh;
    assay_matrix P;
    assay_rng rng = assay_rng_seed(5);
    make_cube(3, xyz, corners, &mesh);
    ok(assay_matrix_alloc(N, 3, &P));
    ok(assay_mesh_sample(&mesh, N, &rng, &P));
    for (size_t i = 0; i < N; i++) {
        const double *x = assay_matrix_row(&P, i);
        const double off =
            fmin(fabs(fabs(x[0]) - 3), fmin(fabs(fabs(x[1]) - 1), fabs(fabs(x[2]) - 1)));
        close_to(off, 0, 1e-12);
        ends += fabs(fabs(x[0]) - 3) < 1e-12;
        mean += x[1] / N;
    }
    close_to(ends / N, 8.0 / 56, 4.5 * sqrt(8.0 / 56 * 48 / 56 / N));
    close_to(mean, 0, 4.5 / sqrt(N));
    mesh.faces = 0;
    refuses(assay_mesh_sample(&mesh, N, &rng, &P), "face with an area");
    assay_matrix_free(&P);
}

/* A camera over the cube sees its upper face at the depth that it has. */
static void depths_are_those_of_the_nearest_face(void **state)
{
    (void)state;
    double xyz[24], depths[21 * 21];
    size_t corners[36], hits = 0;
    assay_mesh mesh;
    assay_matrix depth = assay_matrix_view(depths, 21, 21), points;
    const assay_camera above = {21, 21, 20, 4, PI, 0};
    make_cube(1, xyz, corners, &mesh);
    ok(assay_mesh_depth(&mesh, &above, &depth));
    for (size_t i = 0; i < 21 * 21; i++) {
        hits += depths[i] > 0;
        close_to(depths[i], depths[i] > 0 ? 3 : 0, 1e-12); /* 4 less the face at z = 1 */
    }
    /* the face is 20 / 3 pixels to each side of the middle */
    assert_int_equal(hits, 13 * 13);
    ok(assay_camera_points(&above, &depth, &points));
    assert_int_equal(points.rows, hits);
    for (size_t i = 0; i < hits; i++)
        close_to(*assay_matrix_at(&points, i, 2), 1, 1e-12);
    assay_matrix_free(&points);
    const assay_camera inside = {21, 21, 20, 0.5, PI, 0};
    refuses(assay_mesh_depth(&mesh, &inside, &depth), "not before the camera");
}

/* How many points lie on the box around them, and how many on its side `down` away from the edges.
 */
static void count_sides(const assay_matrix *P, size_t down, size_t *on, size_t *under)
{
    double low[3] = {9, 9, 9}, high[3] = {-9, -9, -9};
    *on = *under = 0;
    for (size_t i = 0; i < 3 * P->rows; i++) {
        low[i % 3] = fmin(low[i % 3], P->data[i]);
        high[i % 3] = fmax(high[i % 3], P->data[i]);
    }
    for (size_t i = 0; i < P->rows; i++) {
        double from_side = 9, from_edge = 9;
        const double *x = assay_matrix_row(P, i);
        for (size_t a = 0; a < 3; a++) {
            const double d = fmin(x[a] - low[a], high[a] - x[a]);
            from_side = fmin(from_side, d);
            from_edge = a == down ? from_edge : fmin(from_edge, d);
        }
        *on += from_side < 0.03;
        *under += x[down] - low[down] < 0.03 && from_edge > 0.2;
    }
}

/* From above and one side a cube shows faces of its own, and never the lower one. */
static void views_see_one_side(void **state)
{
    (void)state;
    double xyz[24];
    size_t corners[36], on, under;
    assay_mesh mesh;
    assay_matrix P, Q;
    assay_rng rng = assay_rng_seed(5);
    make_cube(1, xyz, corners, &mesh);
    ok(assay_matrix_alloc(500, 3, &P));
    ok(assay_matrix_alloc(300, 3, &Q));
    for (int severity = 1; severity <= 5; severity++)
        for (size_t up = 0; up < 3; up++) {
            ok(assay_mesh_occlusion(&mesh, up, severity, 500, &rng, &P));
            count_sides(&P, up, &on, &under);
            assert_true(on > 450 && under == 0);
            ok(assay_mesh_lidar(&mesh, up, severity, 300, &rng, &Q));
            ok(assay_cloud_check(&Q));
        }
    refuses(assay_mesh_occlusion(&mesh, 3, 1, 10, &rng, &P), "up must be an axis in 1..3, got 4");
    refuses(assay_mesh_lidar(&mesh, 0, 6, 10, &rng, &P), "severity must be in 1..5, got 6");
    assay_matrix_free(&P);
    assay_matrix_free(&Q);
}

/* ---- refusals ---- */

static void bad_input_is_named(void **state)
{
    (void)state;
    double x[9] = {0, 0, 0, 1, 0, 0, 0, 1, NAN}, weight[3], keys[3] = {0, 0.5, 0.7};
    assay_matrix P = assay_matrix_view(x, 3, 3), none = assay_matrix_view(x, 0, 3), out;
    const assay_matrix flat = assay_matrix_view(x, 3, 2), one = assay_matrix_view(x, 1, 3);
    size_t count[3], index[3], kept, drop, pool;
    assay_rng rng = assay_rng_seed(1);
    refuses(assay_cloud_check(&P), "P must be finite, got nan in row 3, column 3");
    refuses(assay_cloud_check(&none), "at least 1 point");
    refuses(assay_cloud_check(&flat), "3 columns, got 2");
    refuses(assay_cloud_normalize(&one, &P), "extent is zero");
    x[8] = 0;
    refuses(assay_keypoint_weights(&P, 4, NULL, count, weight, NULL, NULL, NULL),
        "k must be in 2..3 (points), got 4");
    refuses(assay_keypoint_weights(&P, 1, NULL, count, weight, NULL, NULL, NULL),
        "k must be in 2..3 (points), got 1");
    refuses(
        assay_ffps(&P, 3, 2, 0.7, 0, NULL, NULL, index, NULL), "m must be in 1..2 (of 3 points");
    refuses(assay_ffps(&P, 1, 2, 1.5, 0, NULL, NULL, index, NULL), "at most 1, got 1.5");
    refuses(assay_wrs_core((const double[]){0, 1, 0}, 3, keys, 2, false, index),
        "m must be in 1..1 (weights above 0), got 2");
    refuses(assay_wrs_core((const double[]){0, 0, 0}, 3, keys, 2, true, index), "one above 0");
    refuses(assay_wrs_core((const double[]){0, -1, 0}, 3, keys, 2, true, index), "weights[2]");
    refuses(assay_wrs_core(keys, 3, (const double[]){0, 1, 0}, 2, true, index), "draws[2]");
    refuses(assay_downsample_counts(3, 0.25, 0, &drop, &pool), "greater than 0.25");
    refuses(assay_downsample_counts(3, 0.5, 1.5, &drop, &pool), "balance must be in 0..1, got 1.5");
    refuses(assay_downsample_core(&P, 0.5, 0, 3, keys, index, &kept), "center must be in 1..3");
    refuses(
        assay_corrupt(&P, ASSAY_CORRUPT_SHEAR, 6, &rng, &out), "severity must be in 1..5, got 6");
    refuses(assay_corrupt(&P, ASSAY_CORRUPT_CUTOUT, 1, &rng, &out), "more than 30 points left");
    refuses(assay_corrupt(&P, ASSAY_CORRUPT_DENSITY_INC, 1, &rng, &out), "more than 1024 points");
    refuses(assay_corrupt_by(&P, ASSAY_CORRUPT_IMPULSE, 4, &rng, &out), "amount must be in 0..3");
    refuses(assay_corrupt_by(&P, ASSAY_CORRUPT_IMPULSE, 1.5, &rng, &out), "a whole number");
    assay_corruption kind;
    assert_int_equal(assay_corruption_find("impuls", &kind), ASSAY_ENOTFOUND);
    assert_non_null(strstr(assay_errmsg(), "did you mean \"impulse\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(farthest_points_are_those_of_the_plain_loop),
        cmocka_unit_test(radius_is_at_most_twice_the_best),
        cmocka_unit_test(lone_points_weigh_least),
        cmocka_unit_test(equal_neighbourhoods_weigh_the_same),
        cmocka_unit_test(keeping_all_is_farthest_points),
        cmocka_unit_test(starts_are_kept_points),
        cmocka_unit_test(draws_follow_the_weights),
        cmocka_unit_test(ratios_are_log_uniform),
        cmocka_unit_test(thinning_is_local_or_global),
        cmocka_unit_test(planes_stay_planes),
        cmocka_unit_test(one_point_many_times),
        cmocka_unit_test(sizes_are_those_of_the_generator),
        cmocka_unit_test(corrupted_clouds_are_in_the_box),
        cmocka_unit_test(impulses_are_of_their_size),
        cmocka_unit_test(deformations_that_do_nothing_or_shift),
        cmocka_unit_test(surfaces_are_drawn_by_area),
        cmocka_unit_test(depths_are_those_of_the_nearest_face),
        cmocka_unit_test(views_see_one_side),
        cmocka_unit_test(bad_input_is_named),
    };
    openblas_set_num_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
