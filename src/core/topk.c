/* The k largest by a heap of k indices whose root is the worst of those kept. The heap lives in the
 * caller's `index`, and sorting it in place leaves the best first. */
#include "core/topk.h"

#include <math.h>
#include <stdbool.h>

#include "core/status.h"

static bool worse(const double *x, size_t a, size_t b)
{
    return x[a] < x[b] || (x[a] == x[b] && a > b);
}

static void sift_down(const double *x, size_t *heap, size_t size, size_t at)
{
    size_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && worse(x, heap[child + 1], heap[child]))
            child++;
        if (!worse(x, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

int assay_topk(const double *x, size_t n, size_t k, size_t *index)
{
    if (k > n)
        return assay_fail(ASSAY_EINVAL, "topk: k must be in 0..%zu, got %zu", n, k);
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return assay_fail(ASSAY_EINVAL, "topk: value %zu (from 0) is NaN", i);
    if (k == 0)
        return ASSAY_OK;
    for (size_t i = 0; i < k; i++)
        index[i] = i;
    for (size_t i = k / 2; i-- > 0;)
        sift_down(x, index, k, i);
    for (size_t i = k; i < n; i++)
        if (worse(x, index[0], i)) {
            index[0] = i;
            sift_down(x, index, k, 0);
        }
    for (size_t size = k - 1; size > 0; size--) {
        size_t worst = index[0];
        index[0] = index[size];
        index[size] = worst;
        sift_down(x, index, size, 0);
    }
    return ASSAY_OK;
}
