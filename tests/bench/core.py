# The peer of core.c: lines "WHAT COLUMNS K FILE" with a file of doubles, each answered by the CPU
# seconds of scikit-learn or Open3D in one thread, and a number to compare.
import os
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")

import numpy
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors


def neighbours(x, k, algorithm):
    distance, _ = NearestNeighbors(n_neighbors=k, algorithm=algorithm).fit(x).kneighbors()
    return distance.sum()


def kmeans(x, k, _):
    fit = KMeans(k, init=x[:k].copy(), n_init=1, max_iter=20, tol=0, algorithm="lloyd").fit(x)
    return fit.inertia_


def farthest(x, k, _):
    import open3d

    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(x))
    start = time.process_time()
    chosen = cloud.farthest_point_down_sample(k)
    return numpy.asarray(chosen.points)[:, 0].sum(), time.process_time() - start


do = {"kd_tree": neighbours, "brute": neighbours, "kmeans": kmeans, "fps": farthest}
for line in sys.stdin:
    what, columns, k, file = line.split()
    x = numpy.fromfile(file).reshape(-1, int(columns))
    start = time.process_time()
    answer = do[what](x, int(k), what)
    seconds = time.process_time() - start
    if isinstance(answer, tuple):
        answer, seconds = answer
    print(seconds, repr(float(answer)), flush=True)
