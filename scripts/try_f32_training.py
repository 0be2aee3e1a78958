"""Whether training in float32 needs a float64 copy of the weights: PyTorch trains one LSTM from the same first weights on the same
batches, in float64, and with the forward and the backward pass in float32, once with a float64 copy of the weights and once without.
Moments are float64 in all. Prints the distance of the losses from those of float64 and the held-out bits per character of each
model, scored in float64.
/usr/bin/python3 scripts/try_f32_training.py test/fixtures/shakespeare [steps]
"""
import copy
import json
import math
import os
import sys

import torch
from torch import nn

torch.set_num_threads(1)
folder, steps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 400
ids = json.load(open(os.path.join(folder, "vocab.json")))
text = open(os.path.join(folder, "text.txt")).read()
tokens = torch.tensor([ids[character] for character in text])
cut = len(tokens) * 9 // 10
train, held = tokens[:cut], tokens[cut:]
STREAMS, T = 16, 64
torch.manual_seed(1)
first = nn.ModuleDict({
    "embedding": nn.Embedding(65, 128), "lstm": nn.LSTM(128, 128, 2), "decoder": nn.Linear(128, 65),
}).double()


def loss_of(net, x, y, state):
    h, state = net["lstm"](net["embedding"](x), state)
    loss = nn.functional.cross_entropy(net["decoder"](h).flatten(0, 1), y.flatten())
    return loss, tuple(part.detach() for part in state)


def trained(dtype, has_copy=True):
    master = copy.deepcopy(first)
    work = copy.deepcopy(first).to(dtype)
    optimizer = torch.optim.Adam(master.parameters(), lr=2e-3)
    part = (len(train) - 1) // STREAMS
    losses, state = [], None
    for step in range(steps):
        at = step * T % (part - T)
        if at < T:
            state = None
        x, y = (torch.stack([train[b * part + at + by :][:T] for b in range(STREAMS)], 1) for by in (0, 1))
        work.zero_grad()
        loss, state = loss_of(work, x, y, state)
        loss.backward()
        # Gradients become float64 before the norm; Adam's moments are float64.
        for own, of in zip(master.parameters(), work.parameters()):
            own.grad = of.grad.double()
        nn.utils.clip_grad_norm_(master.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for own, of in zip(master.parameters(), work.parameters()):
                of.copy_(own)
                if not has_copy:
                    own.copy_(of)
        losses.append(loss.item())
    with torch.no_grad():
        bits = loss_of(master, held[:-1, None], held[1:, None], None)[0].item() / math.log(2)
    return losses, bits


(f64, bits64) = trained(torch.float64)
print(f"float64: {bits64:.5f} held-out bits per character")
for name, has_copy in (("with a float64 copy of the weights", True), ("without", False)):
    f32, bits32 = trained(torch.float32, has_copy)
    away = [abs(a - b) / a for a, b in zip(f64, f32)]
    at = [f"step {step} {away[step - 1]:.1e}" for step in sorted({1, 100, 200, steps}) if step <= steps]
    print(f"float32 {name}: {bits32:.5f} bits, {bits32 - bits64:+.6f}; losses away, relative: {', '.join(at)}")
