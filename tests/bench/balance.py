# The peer of balance.c: lines "WHAT COLUMNS THREADS FILE" with a file of doubles, whose last column is the
# class, each answered by the seconds of imbalanced-learn (of the CPU for one thread, of the wall for
# more) and a number to compare.
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits


def neighbours(x, y):
    """The sum of distances to the neighbours that SMOTE draws from."""
    rare = x[y == 1]
    return NearestNeighbors(n_neighbors=5).fit(rare).kneighbors()[0].sum()


def rows(x, y, result):
    return len(result[1])


def kept(x, y, result):
    return result[2].sum()


def cleaned(sampler, x, y):
    return (*sampler.fit_resample(x, y), sampler.sample_indices_.astype(float))


do = {
    "smote": lambda x, y, n: SMOTE(n_jobs=n, random_state=1).fit_resample(x, y),
    "borderline": lambda x, y, n: BorderlineSMOTE(n_jobs=n, random_state=1).fit_resample(x, y),
    "adasyn": lambda x, y, n: ADASYN(n_jobs=n, random_state=1).fit_resample(x, y),
    "tomek": lambda x, y, n: cleaned(TomekLinks(n_jobs=n), x, y),
    "enn": lambda x, y, n: cleaned(EditedNearestNeighbours(n_jobs=n), x, y),
}
answer = {"smote": lambda x, y, r: rows(x, y, r) + neighbours(x, y), "borderline": rows, "adasyn": rows,
    "tomek": kept, "enn": kept}
for line in sys.stdin:
    what, columns, threads, file = line.split()
    table = numpy.fromfile(file).reshape(-1, int(columns) + 1)
    x, y = numpy.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int)
    with threadpool_limits(int(threads)):
        clock = time.process_time if threads == "1" else time.perf_counter
        start = clock()
        result = do[what](x, y, int(threads))
        seconds = clock() - start
        print(seconds, repr(float(answer[what](x, y, result))), flush=True)
