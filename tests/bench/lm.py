# The peer of lm.c: the same language models in PyTorch, one thread, sampled with a cache of keys and
# values. Reads lines "CHECKPOINT SEQUENCES TOKENS TEMPERATURE", draws so many tokens for so many
# prompts of one token, and answers "SECONDS-OF-CPU SUM" with the sum of the log-probabilities of what
# was drawn.
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
HEADS = 4


def load(path):
    """The tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    tensors = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] == "F32":
            first, last = about["data_offsets"]
            numbers = np.frombuffer(body[first:last], np.float32).reshape(about["shape"])
            tensors[name] = torch.from_numpy(numbers.copy())
    return tensors


class Lm:
    def __init__(self, path):
        w = load(path)
        self.tokens, self.positions = w["wte"], w["wpe"]
        self.last, self.head = (w["lnf.gain"], w["lnf.bias"]), w["head.weight"]
        self.d, self.blocks = self.tokens.shape[1], []
        while f"block{len(self.blocks) + 1}.qkv.weight" in w:
            name = f"block{len(self.blocks) + 1}."
            linear = [(w[name + x + ".weight"], w[name + x + ".bias"]) for x in ("qkv", "o", "f1", "f2")]
            norm = [(w[name + x + ".gain"], w[name + x + ".bias"]) for x in ("ln1", "ln2")]
            self.blocks.append((*norm, *linear))

    def step(self, token, at, keys, values):
        """Logits behind the token at position `at` of each sequence; keys and values are
        [layers, sequences, heads, context, d / heads]."""
        batch, head_d = len(token), self.d // HEADS
        x = self.tokens[token] + self.positions[at]
        for i, (n1, n2, qkv, o, up, down) in enumerate(self.blocks):
            y = F.linear(F.layer_norm(x, (self.d,), *n1), *qkv)
            q, k, v = y.view(batch, 3, HEADS, 1, head_d).unbind(1)
            keys[i, :, :, at : at + 1], values[i, :, :, at : at + 1] = k, v
            scores = q @ keys[i, :, :, : at + 1].transpose(-2, -1) * (1 / math.sqrt(head_d))
            seen = F.softmax(scores, dim=-1) @ values[i, :, :, : at + 1]
            x = x + F.linear(seen.view(batch, self.d), *o)
            hidden = F.gelu(F.linear(F.layer_norm(x, (self.d,), *n2), *up), approximate="tanh")
            x = x + F.linear(hidden, *down)
        return F.linear(F.layer_norm(x, (self.d,), *self.last), self.head)

    @torch.inference_mode()
    def sample(self, sequences, tokens, temperature):
        shape = len(self.blocks), sequences, HEADS, len(self.positions), self.d // HEADS
        keys, values = torch.empty(shape), torch.empty(shape)
        token, total = torch.arange(sequences) % len(self.tokens), 0.0
        for at in range(tokens):
            logp = F.log_softmax(self.step(token, at, keys, values), dim=-1)
            if temperature == 0:
                token = logp.argmax(-1)
            else:
                token = torch.multinomial(F.softmax(logp / temperature, dim=-1), 1)[:, 0]
            total += logp.gather(1, token[:, None]).double().sum()
        return float(total)


models = {}
for line in sys.stdin:
    path, sequences, tokens, temperature = line.split()
    if path not in models:
        models[path] = Lm(path)
    start = time.process_time()
    total = models[path].sample(int(sequences), int(tokens), float(temperature))
    print(time.process_time() - start, repr(total), flush=True)
