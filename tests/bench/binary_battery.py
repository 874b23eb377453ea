"""The peer of the yes/no battery: the same statistics of 10^6 answers by vectorised numpy, as statsmodels'
runs test and scipy's contingency tests compute them (without their p values). Prints seconds a pass.
    binary_battery.py array|list    how the answers are held before a pass"""
import sys
import time

import numpy as np

answers = np.random.default_rng(1).integers(0, 2, 1000000).astype(np.int8)
if sys.argv[1] == "list":
    answers = answers.tolist()


def g_and_chi2(table):
    table = np.asarray(table, float)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return 2 * np.sum(table * np.log(table / expected)), np.sum((table - expected) ** 2 / expected)


def battery(answers):
    x = np.asarray(answers, np.int8)
    n, ones = len(x), int(x.sum())
    pairs = np.bincount(2 * x[:-1] + x[1:], minlength=4).reshape(2, 2)
    triples = np.bincount(4 * x[:-2] + 2 * x[1:-1] + x[2:], minlength=8).reshape(2, 2, 2)
    order1 = g_and_chi2(pairs)
    order2 = [g_and_chi2(triples[:, b, :]) for b in (0, 1)]
    ends = np.flatnonzero(np.diff(x))
    lengths = np.diff(np.concatenate([[-1], ends, [n - 1]]))
    expected = 2 * ones * (n - ones) / n + 1
    variance = (expected - 1) * (expected - 2) / (n - 1)
    runs_z = (len(lengths) - expected) / np.sqrt(variance)
    closed = lengths[:-1]
    # a run of length r is at risk of ending at 1 .. r, the last one of the series at 1 .. r - 1
    ended = np.bincount(np.minimum(closed, 4), minlength=5)[1:]
    at_risk = [np.sum(lengths > r) + np.sum(closed == r) for r in (1, 2, 3)]
    at_risk.append(n - 1 - sum(at_risk))
    centred = x - ones / n
    spread = np.dot(centred, centred)
    lags = [np.dot(centred[:-l], centred[l:]) / spread for l in (1, 2, 3)]
    blocks = x[: n // 3 * 3].reshape(-1, 3) @ np.array([4, 2, 1])
    counts = np.bincount(blocks, minlength=8)
    return order1, order2, runs_z, ended, at_risk, lags, counts, lengths.max()


battery(answers)
passes, start = 0, time.process_time()
while passes == 0 or time.process_time() - start < 0.5:
    battery(answers)
    passes += 1
print((time.process_time() - start) / passes)
