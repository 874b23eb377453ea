/*
 * The kernels of gmm_block.h for one width of vectors; gmm_block.c includes this once for each,
 * with the macros NAME, TARGET, WIDTH (numbers in a vector), ROWS (of a product that are held at
 * once, in ROWS x 2 vectors) and MULTIPLY_ADD, which end here. Nothing crosses columns, so a
 * point's result does not depend on its neighbours.
 */
typedef double NAME(vector) __attribute__((vector_size(WIDTH * sizeof(double))));
typedef double NAME(packed) __attribute__((vector_size(WIDTH * sizeof(double)), aligned(8), may_alias));
typedef long long NAME(bits) __attribute__((vector_size(WIDTH * sizeof(double))));

#define INLINE TARGET static inline __attribute__((always_inline))
#define LOAD(from) ((NAME(vector)) * (const NAME(packed) *)(from))
#define STORE(to, value) (*(NAME(packed) *)(to) = (value))
#define SELECT(mask, a, b)                                                                         \
    ((NAME(vector))(                                                                               \
        ((NAME(bits))(a) & (NAME(bits))(mask)) | ((NAME(bits))(b) & ~(NAME(bits))(mask))))

/* c (rows x 2 WIDTH, row-major in `sum`) of a b, where a[i][p] is a[i * row + p * column] */
#define PRODUCT(rows, a, row, column, inner, b, sum)                                               \
    for (size_t p = 0; p < (inner); p++) {                                                         \
        const NAME(vector) left = LOAD((b) + p * ASSAY_GMM_BLOCK);                                 \
        const NAME(vector) right = LOAD((b) + p * ASSAY_GMM_BLOCK + WIDTH);                        \
        _Pragma("GCC unroll 8") for (size_t i = 0; i < (rows); i++)                                \
        {                                                                                          \
            const NAME(vector) one = (a)[i * (row) + p * (column)] - (NAME(vector)){0};            \
            (sum)[2 * i] = MULTIPLY_ADD(one, left, (sum)[2 * i]);                                  \
            (sum)[2 * i + 1] = MULTIPLY_ADD(one, right, (sum)[2 * i + 1]);                         \
        }                                                                                          \
    }

/* What q sums for z of row h: z^2 precision, or without a precision z times the difference. */
INLINE NAME(vector) NAME(square)(
    NAME(vector) z, const double *precision, const double *difference, size_t h)
{
    return precision ? z * z * precision[h] : z * LOAD(difference + h * ASSAY_GMM_BLOCK);
}

INLINE void NAME(transform)(const double *axes, size_t d, const double *x, double alpha,
    const double *mean, const double *precision, double log_constant, double *difference, double *z,
    double *log_joint)
{
    const NAME(vector) zero = {0}, most = INFINITY - zero;
    for (size_t j = 0; j < d; j++)
        for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += WIDTH)
            STORE(difference + j * ASSAY_GMM_BLOCK + c,
                LOAD(x + j * ASSAY_GMM_BLOCK + c) - alpha * mean[j]);
    for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += 2 * WIDTH) {
        NAME(vector) q[2] = {{0}, {0}};
        size_t h = 0;
        for (; h + ROWS <= d; h += ROWS) {
            NAME(vector) sum[2 * ROWS] = {{0}};
            PRODUCT(ROWS, axes + h * d, d, 1, d, difference + c, sum)
            _Pragma("GCC unroll 8") for (size_t i = 0; i < ROWS; i++)
            {
                STORE(z + (h + i) * ASSAY_GMM_BLOCK + c, sum[2 * i]);
                STORE(z + (h + i) * ASSAY_GMM_BLOCK + c + WIDTH, sum[2 * i + 1]);
                q[0] += NAME(square)(sum[2 * i], precision, difference + c, h + i);
                q[1] += NAME(square)(sum[2 * i + 1], precision, difference + c + WIDTH, h + i);
            }
        }
        for (; h < d; h++) {
            NAME(vector) sum[2] = {{0}};
            PRODUCT(1, axes + h * d, d, 1, d, difference + c, sum)
            STORE(z + h * ASSAY_GMM_BLOCK + c, sum[0]);
            STORE(z + h * ASSAY_GMM_BLOCK + c + WIDTH, sum[1]);
            q[0] += NAME(square)(sum[0], precision, difference + c, h);
            q[1] += NAME(square)(sum[1], precision, difference + c + WIDTH, h);
        }
        if (!precision) {
            q[0] = SELECT(q[0] >= zero, q[0], most);
            q[1] = SELECT(q[1] >= zero, q[1], most);
        }
        STORE(log_joint + c, log_constant - q[0] * 0.5);
        STORE(log_joint + c + WIDTH, log_constant - q[1] * 0.5);
    }
}

TARGET static void NAME(project)(const double *axes, size_t d, const double *x, double alpha,
    const double *mean, const double *precision, double log_constant, double *difference, double *z,
    double *log_joint)
{
    NAME(transform)(axes, d, x, alpha, mean, precision, log_constant, difference, z, log_joint);
}

TARGET static void NAME(solve)(const double *inverse, size_t d, const double *x, double alpha,
    const double *mean, double log_constant, double *difference, double *z, double *log_joint)
{
    NAME(transform)(inverse, d, x, alpha, mean, NULL, log_constant, difference, z, log_joint);
}

TARGET static void NAME(take)(size_t d, const double *weight, const double *z, double *out)
{
    for (size_t h = 0; h < d; h++)
        for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += WIDTH) {
            const size_t at = h * ASSAY_GMM_BLOCK + c;
            STORE(out + at, LOAD(out + at) - LOAD(weight + c) * LOAD(z + at));
        }
}

TARGET static void NAME(invert)(
    const double *axes, size_t d, const double *precision, double *scaled, double *out)
{
    for (size_t h = 0; h < d; h++)
        for (size_t j = 0; j < ASSAY_GMM_BLOCK; j++)
            scaled[h * ASSAY_GMM_BLOCK + j] = j < d ? precision[h] * axes[h * d + j] : 0;
    for (size_t c = 0; c < d; c += 2 * WIDTH) {
        size_t j = 0;
        for (; j + ROWS <= d; j += ROWS) {
            NAME(vector) sum[2 * ROWS] = {{0}};
            PRODUCT(ROWS, axes + j, 1, d, d, scaled + c, sum)
            _Pragma("GCC unroll 8") for (size_t i = 0; i < ROWS; i++)
            {
                STORE(out + (j + i) * ASSAY_GMM_BLOCK + c, sum[2 * i]);
                STORE(out + (j + i) * ASSAY_GMM_BLOCK + c + WIDTH, sum[2 * i + 1]);
            }
        }
        for (; j < d; j++) {
            NAME(vector) sum[2] = {{0}};
            PRODUCT(1, axes + j, 1, d, d, scaled + c, sum)
            STORE(out + j * ASSAY_GMM_BLOCK + c, sum[0]);
            STORE(out + j * ASSAY_GMM_BLOCK + c + WIDTH, sum[1]);
        }
    }
}

INLINE void NAME(add_to)(double *out, NAME(vector) left, NAME(vector) right)
{
    STORE(out, LOAD(out) + left);
    STORE(out + WIDTH, LOAD(out + WIDTH) + right);
}

TARGET static void NAME(lift)(const double *axes, size_t d, const double *by, const double *weight,
    const double *z, double *scaled, double *out)
{
    for (size_t h = 0; h < d; h++)
        for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += WIDTH)
            STORE(scaled + h * ASSAY_GMM_BLOCK + c,
                by[h] * LOAD(weight + c) * LOAD(z + h * ASSAY_GMM_BLOCK + c));
    for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += 2 * WIDTH) {
        size_t j = 0;
        for (; j + ROWS <= d; j += ROWS) {
            NAME(vector) sum[2 * ROWS] = {{0}};
            PRODUCT(ROWS, axes + j, 1, d, d, scaled + c, sum)
            _Pragma("GCC unroll 8") for (size_t i = 0; i < ROWS; i++)
                NAME(add_to)(out + (j + i) * ASSAY_GMM_BLOCK + c, sum[2 * i], sum[2 * i + 1]);
        }
        for (; j < d; j++) {
            NAME(vector) sum[2] = {{0}};
            PRODUCT(1, axes + j, 1, d, d, scaled + c, sum)
            NAME(add_to)(out + j * ASSAY_GMM_BLOCK + c, sum[0], sum[1]);
        }
    }
}

TARGET static void NAME(maximum)(const double *joint, size_t rows, double *largest)
{
    for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += WIDTH) {
        NAME(vector) most = LOAD(joint + c);
        for (size_t k = 1; k < rows; k++) {
            const NAME(vector) other = LOAD(joint + k * ASSAY_GMM_BLOCK + c);
            most = SELECT(other > most, other, most);
        }
        STORE(largest + c, most);
    }
}

/*
 * e^x for x <= 0, within 2 ulp; 0 below -708, and NaN stays: x = n ln 2 + r with |r| <= ln 2 / 2,
 * the Taylor polynomial of degree 13 (its remainder is 4e-18), and n added to the exponent.
 * Adding and subtracting 1.5 2^52 rounds; the sum's low bits are n.
 */
INLINE NAME(vector) NAME(exponential)(NAME(vector) x)
{
    static const double inverse[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
        1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24,
        1.0 / 6, 0.5, 1, 1};
    const NAME(vector) zero = {0}, round = 0x1.8p52 - zero;
    const NAME(bits) tiny = (NAME(bits))(x < -708.0);
    x = SELECT(tiny, zero, x);
    const NAME(vector) shifted = MULTIPLY_ADD(x, 0x1.71547652b82fep+0 - zero, round);
    const NAME(vector) n = shifted - round;
    NAME(vector) r = MULTIPLY_ADD(n, -0x1.62e42fee00000p-1 - zero, x);
    r = MULTIPLY_ADD(n, -0x1.a39ef35793c76p-33 - zero, r);
    NAME(vector) sum = inverse[0] - zero;
    _Pragma("GCC unroll 16") for (size_t i = 1; i < sizeof inverse / sizeof *inverse; i++) sum =
        MULTIPLY_ADD(sum, r, inverse[i] - zero);
    const NAME(vector) power = (NAME(vector))(((NAME(bits))shifted + 1023) << 52);
    return SELECT(tiny, zero, sum * power);
}

TARGET static void NAME(normalise)(double *joint, size_t rows, const double *largest, double *sum)
{
    for (size_t c = 0; c < ASSAY_GMM_BLOCK; c += WIDTH) {
        const NAME(vector) most = LOAD(largest + c);
        NAME(vector) total = {0};
        for (size_t k = 0; k < rows; k++) {
            double *at = joint + k * ASSAY_GMM_BLOCK + c;
            const NAME(vector) numerator = NAME(exponential)(LOAD(at) - most);
            total += numerator;
            STORE(at, numerator);
        }
        STORE(sum + c, total);
        const NAME(vector) inverse = 1 / total;
        for (size_t k = 0; k < rows; k++) {
            double *at = joint + k * ASSAY_GMM_BLOCK + c;
            STORE(at, LOAD(at) * inverse);
        }
    }
}

static const assay_gmm_kernels NAME(kernels) = {
    WIDTH, NAME(project), NAME(invert), NAME(solve), NAME(take), NAME(lift), NAME(maximum), NAME(normalise)};

#undef PRODUCT
#undef SELECT
#undef STORE
#undef LOAD
#undef INLINE
#undef MULTIPLY_ADD
#undef ROWS
#undef WIDTH
#undef TARGET
#undef NAME
