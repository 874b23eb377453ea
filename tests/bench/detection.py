# The peer of detection.c: lines "WHAT STEPS FILE" with a file of doubles, each answered by the CPU
# seconds of torchvision or PyTorch in one thread, and a number to compare.
import sys
import time

import numpy
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
IMAGES, ANCHORS, CLASSES, SHAPES, POSITIONS, BOXES, SIDE = 16, 768, 10, 3, 256, 5000, 64
CONVS = [(16, 1, 3, 2, 1, 1), (24, 16, 3, 2, 1, 1), (24, 24, 3, 1, 2, 2), (24, 24, 3, 1, 2, 2), (24, 24, 3, 1, 1, 1),
         (42, 24, 1, 1, 0, 1)]


class Data:
    def __init__(self, file):
        self.at, self.x = 0, numpy.fromfile(file)
        self.z = self.take(IMAGES * ANCHORS, CLASSES)
        self.target = self.take(IMAGES, ANCHORS).long()
        self.boxes, self.scores = self.take(BOXES, 4), self.take(BOXES)
        self.images, self.code = self.take(IMAGES, 1, SIDE, SIDE), self.take(IMAGES, ANCHORS, 4)
        self.params = []
        for out, cin, k, *_ in CONVS:
            self.params += [self.take(out, cin, k, k).requires_grad_(), self.take(out).requires_grad_()]
        self.optimizer = torch.optim.SGD(self.params, lr=1e-4, momentum=0.9)
        self.hot = F.one_hot(self.target, CLASSES + 1)[..., 1:].float()
        self.positive = self.target > 0
        self.n_pos = int(self.positive.sum())

    def take(self, *shape):
        n = int(numpy.prod(shape))
        self.at += n
        return torch.tensor(self.x[self.at - n:self.at].reshape(shape), dtype=torch.float32)


def focal(d, _):
    from torchvision.ops import sigmoid_focal_loss

    z, hot = d.z.clone().requires_grad_(), d.hot.view(-1, CLASSES)
    start = time.process_time()
    loss = sigmoid_focal_loss(z, hot, alpha=0.25, gamma=2, reduction="sum") / (d.n_pos + IMAGES)
    loss.backward()
    return time.process_time() - start, loss.item()


def nms(d, _):
    from torchvision.ops import nms as suppress

    start = time.process_time()
    kept = suppress(d.boxes, d.scores, 0.5)
    return time.process_time() - start, len(kept)


def step(d, steps):
    start = time.process_time()
    for _ in range(steps):
        d.optimizer.zero_grad(set_to_none=True)
        x = d.images
        for i, (_, _, _, stride, pad, dilation) in enumerate(CONVS):
            x = F.conv2d(x, *d.params[2 * i:2 * i + 2], stride=stride, padding=pad, dilation=dilation)
            x = F.relu(x) if i + 1 < len(CONVS) else x
        x = x.view(IMAGES, SHAPES, CLASSES + 4, POSITIONS).transpose(2, 3).reshape(IMAGES, ANCHORS, CLASSES + 4)
        loss = F.binary_cross_entropy_with_logits(x[..., :CLASSES], d.hot, reduction="sum") / (d.n_pos + IMAGES)
        codes, wanted = x[..., CLASSES:][d.positive], d.code[d.positive]
        loss = loss + F.smooth_l1_loss(codes, wanted, beta=0.11, reduction="sum") / (4 * d.n_pos)
        loss.backward()
        d.optimizer.step()
    return time.process_time() - start, loss.item()


data = None
for line in sys.stdin:
    what, steps, file = line.split()
    data = data or Data(file)
    seconds, answer = {"focal": focal, "nms": nms, "step": step}[what](data, int(steps))
    print(seconds, repr(float(answer)), flush=True)
