"""The peers of onebench: choix' I-LSR and MM (Maystre's algorithms, in numpy), and pairs counted by
broadcasting. Prints seconds a pass, and the spread of the scores (or the wins counted)."""
import csv
import sys
import time

import numpy as np

task, source = sys.argv[1:]
tags = {"item", "scenario", "difficulty", "month"}
with open(source + "/experiments/data/onebench/livecodebench_scores.csv", newline="") as file:
    rows = list(csv.DictReader(file))
models = sorted(name for name in rows[0] if name not in tags)
scores = np.array([[float(row[m]) if row[m] else np.nan for row in rows] for m in models])


def count():
    wins, ties = np.zeros((2, len(scores), len(scores)))
    for i, mine in enumerate(scores):
        wins[i] = (mine > scores).sum(axis=1)
        ties[i] = (mine == scores).sum(axis=1)
        ties[i, i] = 0
    return wins, ties


def weights_of(theta):
    w = np.exp(theta - theta.mean())
    return w * (len(w) / w.sum())


def centred_log(w):
    theta = np.log(w)
    return theta - theta.mean()


def lsr_step(counts, theta, alpha):
    """chain[l, i]: alpha, and the wins of i over l by their sum of weights; its stationary distribution"""
    w = weights_of(theta)
    chain = alpha + counts.T / (w[:, None] + w[None, :])
    np.fill_diagonal(chain, 0)
    chain -= np.diag(chain.sum(axis=1))
    n = len(w)
    rest = np.linalg.solve(chain.T[:-1, :-1], -chain.T[:-1, -1])
    return centred_log(np.append(rest, 1.0))


def mm_step(counts, theta, alpha):
    w = weights_of(theta)
    exposure = ((counts + counts.T) / (w[:, None] + w[None, :])).sum(axis=1)
    return centred_log((counts.sum(axis=1) + alpha) / (exposure + alpha))


def iterate(step, counts, alpha=0.01, tol=1e-8):
    theta = np.zeros(len(counts))
    while True:
        new = step(counts, theta, alpha)
        if np.abs(new - theta).sum() <= tol * len(theta):
            return new
        theta = new


wins, ties = count()
counts = wins + ties
run = {
    "pairs": lambda: count()[0].sum(),
    "ilsr": lambda: np.abs(iterate(lsr_step, counts)).sum(),
    "mm": lambda: np.abs(iterate(mm_step, counts)).sum(),
}[task]
result = run()
passes, start = 0, time.perf_counter()
while passes == 0 or time.perf_counter() - start < 0.5:
    run()
    passes += 1
print((time.perf_counter() - start) / passes, result)
