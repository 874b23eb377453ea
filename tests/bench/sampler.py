"""The peers of the diffusion samplers, in float64, with the score of a full-covariance mixture in batched
matrix products: multistep DPM-Solver++(2M) as its official PyTorch code has it (2m), and a solver schedule
(usf: steps of order 3 in noise prediction with pseudo correctors) run as UniSampler does, which builds
lambdas and solves for the weights of derivatives in every step.

    sampler.py DIRECTORY ROWS DIM COMPONENTS STEPS 2m|usf

reads weights, means, covariances and the states at T = 1 from DIRECTORY/sampler.in, writes the samples
to sampler.out and prints the CPU seconds of one run, the best of several.
"""
import math
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


def taylor(history, start, actives, t):
    """x at t from node `start` of the history [(t, x, noise)], one more order than lists of nodes"""
    t_s, x_s, m_s = history[start]
    alpha, sigma, lam = levels(t)
    alpha_s, _, lam_s = levels(t_s)
    h = lam - lam_s
    phi = [torch.expm1(h) / h]
    for k in range(1, len(actives) + 1):
        phi.append((phi[-1] - 1 / math.factorial(k)) / h)
    x = alpha / alpha_s * x_s - sigma * h * phi[0] * m_s
    for k, nodes in enumerate(actives, 1):
        d = torch.stack([levels(history[a][0])[2] - lam_s for a in nodes])
        matrix = torch.stack([d**i / math.factorial(i) for i in range(1, len(nodes) + 1)])
        wanted = torch.zeros(len(nodes), dtype=torch.float64)
        wanted[k - 1] = 1
        weights_k = torch.linalg.solve(matrix, wanted)
        derivative = sum(c * (history[a][2] - m_s) for c, a in zip(weights_k, nodes))
        x = x - sigma * h ** (k + 1) * phi[k] * derivative
    return x


def sample_schedule(x):
    grid = torch.linspace(1.0, 1e-3, steps + 1, dtype=torch.float64)
    history = [(grid[0], x, noise_prediction(x, grid[0]))]
    for i in range(1, steps + 1):
        order = min(i, 3, steps + 1 - i)
        nodes = [-2 - j for j in range(order - 1)]
        x = taylor(history, -1, [nodes] * (order - 1), grid[i])
        if i < steps:
            history.append((grid[i], x, noise_prediction(x, grid[i])))
            corrector = [[a - 1 for a in nodes] + [-1]] * max(order, 1)
            x = taylor(history, -2, corrector, grid[i])
            history[-1] = (grid[i], x, history[-1][2])
    return x


def sample_multistep(x):
    grid = torch.linspace(1.0, 1e-3, steps + 1, dtype=torch.float64)
    models, times = [data_prediction(x, grid[0])], [grid[0]]
    for i in range(1, steps + 1):
        order = min(i, 2, steps + 1 - i)
        x = update(x, models, times, grid[i], order)
        if i < steps:
            models, times = (models + [data_prediction(x, grid[i])])[-2:], (times + [grid[i]])[-2:]
    return x


start = noise.reshape(rows, dim)
sample = {"2m": sample_multistep, "usf": sample_schedule}[sys.argv[6]]
with torch.no_grad():
    sample(start).numpy().tofile(directory + "/sampler.out")
    seconds = []
    while len(seconds) < 7 or sum(seconds) < 0.5:
        begin = time.process_time()
        sample(start)
        seconds.append(time.process_time() - begin)
print(min(seconds))
