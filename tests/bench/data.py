# The peer of data.c: lines "PATH", each answered by pandas.read_csv's CPU seconds and the sum of all
# numbers.
import sys
import time

import pandas

for line in sys.stdin:
    start = time.process_time()
    table = pandas.read_csv(line.strip())
    seconds = time.process_time() - start
    print(seconds, repr(float(table.to_numpy(dtype=float).sum())), flush=True)
