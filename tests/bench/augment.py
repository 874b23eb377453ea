"""The peer of augment.lua: Pillow's operations, an image at a time, with the same list and magnitudes."""
import math
import random
import time

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

i, p = np.arange(1, 2001)[:, None], np.arange(1, 785)[None, :]
images = [Image.fromarray(x.reshape(28, 28)) for x in ((i * 31 + p * p * 7 + p * i) % 251).astype(np.uint8)]
draw = random.Random(1)
blend = lambda: draw.uniform(0.05, 0.95)
affine = lambda x, *m: x.transform(x.size, Image.AFFINE, m)
operations = [
    ImageOps.autocontrast,
    lambda x: ImageEnhance.Brightness(x).enhance(blend()),
    lambda x: ImageEnhance.Color(x).enhance(blend()),
    lambda x: ImageEnhance.Contrast(x).enhance(blend()),
    ImageOps.equalize,
    lambda x: x,
    lambda x: ImageOps.posterize(x, int(draw.uniform(4, 8))),
    lambda x: x.rotate(draw.uniform(-30, 30)),
    lambda x: ImageEnhance.Sharpness(x).enhance(blend()),
    lambda x: affine(x, 1, draw.uniform(-0.3, 0.3), 0, 0, 1, 0),
    lambda x: affine(x, 1, 0, 0, draw.uniform(-0.3, 0.3), 1, 0),
    lambda x: ImageOps.solarize(x, draw.uniform(0, 256)),
    lambda x: affine(x, 1, 0, draw.uniform(-0.3, 0.3) * x.size[0], 0, 1, 0),
    lambda x: affine(x, 1, 0, 0, 0, 1, draw.uniform(-0.3, 0.3) * x.size[1]),
]


def augment(x):
    for _ in range(3):
        x = draw.choice(operations)(x)
    side = draw.uniform(0, 0.5) * x.size[0]
    left, top = (max(0, draw.uniform(0, s) - side / 2) for s in x.size)
    x = x.copy()
    box = (int(left), int(top), min(x.size[0], left + side), min(x.size[1], top + side))
    ImageDraw.Draw(x).rectangle(box, 123)
    return x


passes, total, seconds = 0, 0.0, 0.0
while passes < 20:
    start = time.process_time()
    made = [augment(x) for x in images]
    seconds += time.process_time() - start
    passes += 1
    total += np.mean([np.asarray(x, float).mean() for x in made])
print(seconds / passes, math.floor(total / 20 / 2.5 + 0.5) * 2.5)
