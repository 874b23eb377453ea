"""The peers of diffusion.lua in PyTorch, one thread: the window of pnm_solver.py (a tensor a state), the path of a
Gaussian's flow as einsums over all sigmas, and DPM-Solver++(2M) with an MLP that diffusion.lua has left in FILE.

    diffusion.py pick | flow | net FILE

prints CPU seconds a pass, the best of several, and a number of the result."""
import json
import sys
import time

import numpy as np
import torch

torch.set_num_threads(1)


def numbers(n, first):
    x = np.sin((first + np.arange(1, n + 1)) * 12.9898) * 43758.5453
    return torch.from_numpy(2 * (x - np.floor(x)) - 1)


def pick():
    one_less = 1 - torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    variance = 0.9 + 0.1 * numbers(512, 0)
    low, high = 500 - 80, 500 + 80

    def run():
        picks = []
        for value in variance:
            window = torch.arange(low, high + 1)
            levels = one_less[window]
            picks.append(window[torch.argmin((value - levels) ** 2)])
        return torch.stack(picks)

    return run, lambda picks: picks.sum()


def flow():
    values = 10 / torch.arange(1, 785, dtype=torch.float64)
    sigmas = torch.tensor([3.0], dtype=torch.float64)
    x, mean, v = numbers(512 * 784, 0).reshape(512, 784), numbers(784, 2000000), numbers(784, 1000000)
    vectors = torch.eye(784, dtype=torch.float64) - 2 * torch.outer(v, v) / (v @ v)

    def run():
        centred = x - mean
        coordinates = centred @ vectors
        outside = centred - coordinates @ vectors.T
        scale = torch.sqrt((sigmas[:, None] ** 2 + values) / (80**2 + values))
        along = torch.einsum("tk,bk,dk->tbd", scale, coordinates, vectors)
        return mean + along + (sigmas / 80)[:, None, None] * outside

    return run, lambda path: path[-1].abs().mean()


def tensors(file):
    data = open(file, "rb").read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            a, b = entry["data_offsets"]
            out[name] = torch.from_numpy(
                np.frombuffer(data[8 + size + a:8 + size + b], np.float32).reshape(entry["shape"]).copy())
    return out


def net():
    w = tensors(sys.argv[2])
    frequencies = torch.exp(-np.log(10000.0) * torch.arange(32, dtype=torch.float64) / 31)

    def dense(i, x):
        return torch.nn.functional.linear(x, w[f"dense{i}.weight"], w[f"dense{i}.bias"])

    def noise_prediction(x, t):
        angles = 1000 * t * frequencies
        times = torch.cat([angles.sin(), angles.cos()]).float().expand(len(x), 64)
        y = dense(1, torch.cat([x.float(), times], 1))
        for i in (2, 4):
            y = y + dense(i + 1, torch.nn.functional.silu(dense(i, torch.nn.functional.silu(y))))
        return dense(6, torch.nn.functional.silu(y)).double()

    def levels(t):
        log_alpha = -0.25 * t**2 * 19.9 - 0.5 * t * 0.1
        sigma = torch.sqrt(-torch.expm1(2 * log_alpha))
        return torch.exp(log_alpha), sigma, log_alpha - torch.log(sigma)

    def run():
        x, grid, models = numbers(256 * 196, 0).reshape(256, 196), torch.linspace(1, 1e-3, 21, dtype=torch.float64), []
        for s, t, last in zip(grid, grid[1:], [None] + list(grid)):
            alpha, sigma, lam = levels(s)
            models.append((x - sigma * noise_prediction(x, s)) / alpha)
            to_alpha, to_sigma, to_lam = levels(t)
            h = to_lam - lam
            x = to_sigma / sigma * x - to_alpha * torch.expm1(-h) * models[-1]
            if last is not None and t > grid[-1]:
                d = (models[-1] - models[-2]) * h / (lam - levels(last)[2])
                x = x - 0.5 * to_alpha * torch.expm1(-h) * d
        return x

    return run, lambda x: x.abs().mean().log()


make = {"pick": pick, "flow": flow, "net": net}
with torch.no_grad():
    run, number = make[sys.argv[1]]()
    result, best = run(), float("inf")
    for _ in range(5):
        passes, start = 0, time.process_time()
        while passes == 0 or time.process_time() - start < 0.1:
            run()
            passes += 1
        best = min(best, (time.process_time() - start) / passes)
print(best, repr(float(number(result))))
