"""The peers of pass@k: one second or more of 128 problems x 40 values of k at n = 10000, prints seconds a pass."""
import sys
import time

import numpy as np

n, problems = 10000, 128
counts = np.array([(i * i * 37 + 11 * i) % (n // 4) for i in range(problems)])
ks = sorted({int(n ** (j / 39)) for j in range(40)})


def estimate(c, k):
    """human-eval's estimator: 1 - prod(1 - k / arange(n - c + 1, n + 1))"""
    if n - c < k:
        return 1.0
    return 1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1))


def loop():
    return [np.mean([estimate(c, k) for c in counts]) for k in ks]


def vectorised():
    """cumulative logarithms of factorials, every problem and k at once"""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.array(ks)[None, :]
    fails = (n - counts)[:, None]
    left = np.maximum(fails - k, 0)
    value = -np.expm1(logs[fails] - logs[left] - logs[n] + logs[n - k])
    return np.where(fails < k, 1.0, value).mean(axis=0)


run = {"loop": loop, "vectorised": vectorised}[sys.argv[1]]
run()
passes, start = 0, time.perf_counter()
while passes == 0 or time.perf_counter() - start < 0.5:
    run()
    passes += 1
print((time.perf_counter() - start) / passes)
