# The peer of net.c: the same nets in PyTorch, one thread. Reads lines "NET STEPS", trains the net so
# many steps further, and answers "SECONDS-OF-CPU-PER-STEP LOSS" with the loss of the last of them.
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def numbers(first, count):
    """Numbers in [-1, 1) that net.c makes too."""
    x = np.sin(np.arange(first + 1, first + count + 1, dtype=np.float64) * 12.9898) * 43758.5453
    return (2 * (x - np.floor(x)) - 1).astype(np.float32)


class Net:
    """Parameters as they are asked for, in the order of net.c."""

    def __init__(self):
        self.at, self.params = 0, []

    def weight(self, *shape):
        count, fan = math.prod(shape), math.prod(shape[1:])
        w = numbers(self.at, count) * np.float32(1 / math.sqrt(fan))
        self.at += count
        self.params.append(torch.tensor(w.reshape(shape), requires_grad=True))
        return self.params[-1]

    def constant(self, value, n):
        self.at += n
        self.params.append(torch.full((n,), value, requires_grad=True))
        return self.params[-1]

    def linear(self, out, inputs, bias=True):
        return self.weight(out, inputs), self.constant(0.0, out) if bias else None


def data(rows, cols):
    return torch.tensor(numbers(1 << 24, rows * cols).reshape(rows, cols))


def classes(rows, n):
    return torch.arange(rows) * 7 % n


class Mlp(Net):
    def __init__(self, sizes, batch, act, mse, optimizer):
        super().__init__()
        self.layers = [self.linear(sizes[i + 1], sizes[i]) for i in range(len(sizes) - 1)]
        self.act, self.mse, self.x = act, mse, data(batch, sizes[0])
        self.y = data(batch, sizes[-1]) if mse else classes(batch, sizes[-1])
        self.optimizer = optimizer(self.params)

    def loss(self):
        x = self.x
        for i, (w, b) in enumerate(self.layers):
            x = F.linear(x, w, b)
            if i + 1 < len(self.layers):
                x = self.act(x)
        return F.mse_loss(x, self.y) if self.mse else F.cross_entropy(x, self.y)


class Cnn(Net):
    def __init__(self, channels, batch, optimizer):
        super().__init__()
        self.convs, size, cin = [], 28, 1
        for cout in channels:
            self.convs.append((self.weight(cout, cin, 3, 3), self.constant(0.0, cout)))
            size, cin = size // 2, cout
        self.head = self.linear(10, cin * size * size)
        self.x, self.y = data(batch, 784).view(batch, 1, 28, 28), classes(batch, 10)
        self.optimizer = optimizer(self.params)

    def loss(self):
        x = self.x
        for w, b in self.convs:
            x = F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 2)
        return F.cross_entropy(F.linear(x.flatten(1), *self.head), self.y)


class Gpt(Net):
    VOCABULARY, HEADS = 64, 4

    def __init__(self, layers, d, batch, ctx, optimizer):
        super().__init__()
        self.d, self.batch, self.ctx = d, batch, ctx
        self.tokens, self.positions = self.weight(self.VOCABULARY, d), self.weight(ctx, d)
        self.blocks = [
            (self.norm(), self.linear(3 * d, d), self.linear(d, d),
             self.norm(), self.linear(4 * d, d), self.linear(d, 4 * d))
            for _ in range(layers)]
        self.last, self.head = self.norm(), self.linear(self.VOCABULARY, d, bias=False)
        self.x = classes(batch * ctx, 61).view(batch, ctx)
        self.y = (torch.arange(batch * ctx) * 11 % 59)
        self.seen = torch.ones(ctx, ctx, dtype=torch.bool).tril()
        self.optimizer = optimizer(self.params)

    def norm(self):
        return self.constant(1.0, self.d), self.constant(0.0, self.d)

    def attend(self, x):
        d = self.d // self.HEADS
        q, k, v = x.view(self.batch, self.ctx, 3, self.HEADS, d).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(d))
        p = F.softmax(scores.masked_fill(~self.seen, -math.inf), dim=-1)
        return (p @ v).transpose(1, 2).reshape(self.batch, self.ctx, self.d)

    def loss(self):
        x = self.tokens[self.x] + self.positions
        for n1, qkv, o, n2, up, down in self.blocks:
            x = x + F.linear(self.attend(F.linear(F.layer_norm(x, (self.d,), *n1), *qkv)), *o)
            hidden = F.gelu(F.linear(F.layer_norm(x, (self.d,), *n2), *up), approximate="tanh")
            x = x + F.linear(hidden, *down)
        x = F.layer_norm(x, (self.d,), *self.last)
        return F.cross_entropy(F.linear(x, *self.head).view(-1, self.VOCABULARY), self.y)


def adam(params):
    return torch.optim.Adam(params, lr=1e-3)


def adamw(params):
    return torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01)


def sgd(params):
    return torch.optim.SGD(params, lr=0.05, momentum=0.9)


NETS = {
    "mlp-256": lambda: Mlp((784, 256, 10), 64, F.relu, False, sgd),
    "mlp-64-64": lambda: Mlp((784, 64, 64, 10), 64, F.relu, False, adam),
    "cnn-8-16": lambda: Cnn((8, 16), 64, adam),
    "cnn-16-32-64": lambda: Cnn((16, 32, 64), 64, adam),
    "score": lambda: Mlp((2, 128, 128, 128, 10), 256, F.silu, True, adam),
    "gpt-2-64": lambda: Gpt(2, 64, 64, 32, adamw),
    "gpt-2-128": lambda: Gpt(2, 128, 64, 32, adamw),
    "gpt-4-128": lambda: Gpt(4, 128, 64, 64, adamw),
}

nets = {}
for line in sys.stdin:
    name, steps = line.split()
    net = nets.setdefault(name, None) or nets.update({name: NETS[name]()}) or nets[name]
    start = time.process_time()
    for _ in range(int(steps)):
        net.optimizer.zero_grad(set_to_none=True)
        loss = net.loss()
        loss.backward()
        net.optimizer.step()
    print((time.process_time() - start) / int(steps), loss.item(), flush=True)
