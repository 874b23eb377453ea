"""The peer of the diffusion sampler: multistep DPM-Solver++(2M) as its official PyTorch code has it, in
float64, with the score of a full-covariance mixture in batched matrix products.

    sampler.py DIRECTORY ROWS DIM COMPONENTS STEPS

reads weights, means, covariances and the states at T = 1 from DIRECTORY/sampler.in, writes the samples
to sampler.out and prints the seconds of one run, the median of several.
"""
import sys
import time

import numpy as np
import torch

directory = sys.argv[1]
rows, dim, components, steps = map(int, sys.argv[2:6])
torch.set_num_threads(1)
data = torch.from_numpy(np.fromfile(directory + "/sampler.in"))
sizes = [components, components * dim, components * dim * dim, rows * dim]
weights, means, covariances, noise = torch.split(data, sizes)
means = means.reshape(components, 1, dim)
values, vectors = torch.linalg.eigh(covariances.reshape(components, dim, dim))
transposed = vectors.transpose(1, 2).contiguous()
log_weights = weights.log()
beta_min, beta_max = 0.1, 20.0


def log_alpha(t):
    return -0.25 * t**2 * (beta_max - beta_min) - 0.5 * t * beta_min


def levels(t):
    la = log_alpha(t)
    sigma = torch.sqrt(-torch.expm1(2 * la))
    return torch.exp(la), sigma, la - torch.log(sigma)


def noise_prediction(x, t):
    alpha, sigma, _ = levels(t)
    variances = alpha**2 * values + sigma**2
    z = torch.bmm(x - alpha * means, vectors)
    scaled = z / variances[:, None, :]
    log_joint = log_weights - 0.5 * variances.log().sum(1) - 0.5 * (z * scaled).sum(2).T
    responsibilities = torch.softmax(log_joint, 1).T
    return sigma * torch.bmm(responsibilities[:, :, None] * scaled, transposed).sum(0)


def data_prediction(x, t):
    alpha, sigma, _ = levels(t)
    return (x - sigma * noise_prediction(x, t)) / alpha


def update(x, models, times, t, order):
    """first_update and multistep_second_update of the official code, algorithm dpmsolver++"""
    alpha, sigma, lam = levels(t)
    _, sigma_0, lam_0 = levels(times[-1])
    h = lam - lam_0
    phi_1 = torch.expm1(-h)
    if order == 1:
        return sigma / sigma_0 * x - alpha * phi_1 * models[-1]
    _, _, lam_1 = levels(times[-2])
    d = (h / (lam_0 - lam_1)) * (models[-1] - models[-2])
    return sigma / sigma_0 * x - alpha * phi_1 * models[-1] - 0.5 * alpha * phi_1 * d


def sample(x):
    grid = torch.linspace(1.0, 1e-3, steps + 1, dtype=torch.float64)
    models, times = [data_prediction(x, grid[0])], [grid[0]]
    for i in range(1, steps + 1):
        order = min(i, 2, steps + 1 - i)
        x = update(x, models, times, grid[i], order)
        if i < steps:
            models, times = (models + [data_prediction(x, grid[i])])[-2:], (times + [grid[i]])[-2:]
    return x


start = noise.reshape(rows, dim)
with torch.no_grad():
    sample(start).numpy().tofile(directory + "/sampler.out")
    seconds = []
    while len(seconds) < 5 or sum(seconds) < 0.5:
        begin = time.perf_counter()
        sample(start)
        seconds.append(time.perf_counter() - begin)
print(sorted(seconds)[len(seconds) // 2])
