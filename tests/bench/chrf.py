"""The peer of the utility matrix: chrF of every pair of texts as sacreBLEU computes a sentence's (orders 1..6,
beta 2, no word orders, white space removed, effective order; without its eps smoothing), dictionaries
of n-grams anew for each pair, in plain Python. "seconds": seconds a pass; "values": the matrix."""
import sys
import time
from collections import Counter


def texts(count, words):
    """As tests/bench/chrf.lua makes them: a linear congruential generator over a small vocabulary."""
    vocabulary = ["la", "maison", "bleue", "über", "straße", "дом", "стоит", "на", "горе", "the", "house", "stands",
                  "hill", "and", "river", "中文", "文本", "例子"]
    state, out = 1, []
    for _ in range(count):
        line = []
        for _ in range(words):
            state = (state * 1103515245 + 12345) % 2147483648
            line.append(vocabulary[state // 65536 % len(vocabulary)])
        out.append(" ".join(line))
    return out


def ngrams(text, order):
    return Counter(text[i:i + order] for i in range(len(text) - order + 1))


def chrf(hypothesis, reference):
    hypothesis, reference = "".join(hypothesis.split()), "".join(reference.split())
    precision = recall = effective = 0
    for order in range(1, 7):
        h, r = ngrams(hypothesis, order), ngrams(reference, order)
        total_h, total_r = sum(h.values()), sum(r.values())
        if total_h > 0 and total_r > 0:
            match = sum(min(count, r[gram]) for gram, count in h.items() if gram in r)
            precision += match / total_h
            recall += match / total_r
            effective += 1
    if effective == 0:
        return float(hypothesis == reference)
    precision, recall = precision / effective, recall / effective
    return 5 * precision * recall / (4 * precision + recall) if precision + recall > 0 else 0.0


def matrix(lines):
    return [[chrf(h, r) for r in lines] for h in lines]


lines = texts(40, 30)
if sys.argv[1] == "values":
    for row in matrix(lines):
        print(" ".join(f"{value:.15f}" for value in row))
    sys.exit()
passes, start = 0, time.perf_counter()
while passes == 0 or time.perf_counter() - start < 0.5:
    matrix(lines)
    passes += 1
print((time.perf_counter() - start) / passes)
