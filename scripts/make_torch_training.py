"""Trajectories of PyTorch's training, float64: test/fixtures/torch-training/ and shakespeare/training.json. Written by torch
1.13 on Python 3.11: /usr/bin/python3 scripts/make_torch_training.py test/fixtures

Each run: 200 steps of one network with one optimiser, gradients clipped; the loss of every step and the weights at the end.
First weights and data are formulas of integers, `fraction`, which test/train/torch_training.ts has, too. Numbers are base64 of
little-endian float64. Of the weights of most runs there are three sums for each tensor; of the first run of a network, all.
"""
import base64
import json
import math
import os
import struct
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
STEPS = 200


def fraction(k):
    return ((k % 10007) ** 2 + 31 * k) % 10007 / 10007


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()


class Network(nn.Module):
    """An input, recurrent layers one by one or in one module, and a linear layer."""

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        n = spec.get("features") or spec["embedding"]
        if "tokens" in spec:
            self.embedding = nn.Embedding(spec["tokens"], spec["embedding"])
        module = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[spec["cell"]]
        na, layers, both = spec["hidden"], spec.get("layers", 1), spec.get("bidirectional", False)
        out = na * (2 if both else 1)
        if spec.get("norm"):
            self.parts = nn.ModuleList(module(n if l == 0 else out, na) for l in range(layers))
            self.norm = nn.ModuleList(nn.LayerNorm(out) for _ in range(layers))
        else:
            self.recurrent = module(n, na, layers, bidirectional=both)
        self.output = nn.Linear(out, spec["size"])
        if spec.get("tied"):
            self.output.weight = self.embedding.weight

    def forward(self, xs, state):
        lengths = [len(x) for x in xs]
        if "tokens" in self.spec:
            xs = [self.embedding(x) for x in xs]
        x = pack_sequence(xs, enforce_sorted=False)
        if self.spec.get("norm"):
            states = []
            for l, part in enumerate(self.parts):
                y, last = part(x, None if state is None else state[l])
                states.append(last)
                data = self.norm[l](y.data)
                if self.spec.get("residual") and data.shape == x.data.shape:
                    data = data + x.data
                x = x._replace(data=data)
            y, state = x, states
        else:
            y, state = self.recurrent(x, state)
        y, _ = pad_packed_sequence(y)
        rows = [y[:length, b] for b, length in enumerate(lengths)]
        of = self.spec.get("of", "step")
        if of == "last":
            na = self.spec["hidden"]
            rows = [torch.cat([r[-1, :na], r[0, na:]]).unsqueeze(0) for r in rows]
        if of == "mean":
            rows = [r.mean(0, keepdim=True) for r in rows]
        return self.output(torch.cat(rows)), state

    def named(self):
        """The parameters by the names that the package gives them."""
        for name, value in self.named_parameters():
            if name.startswith("parts."):
                _, l, rest = name.split(".")
                name = f"recurrent.{rest.replace('_l0', f'_l{l}')}"
            yield name, value


def batch(spec, step):
    """Sequences and targets of a step."""
    k = 1000 * step
    lengths = spec["lengths"] if spec.get("carry") else [1 + (n + step) % n for n in spec["lengths"]]
    xs, targets = [], []
    of = spec.get("of", "step")
    for b, T in enumerate(lengths):
        at = lambda i: fraction(k + 131 * b + 7 * i)
        if "tokens" in spec:
            xs.append(torch.tensor([math.floor(spec["tokens"] * at(t)) for t in range(T)]))
        else:
            n = spec["features"]
            xs.append(torch.tensor([[2 * at(t * n + j) - 1 for j in range(n)] for t in range(T)]))
        rows = T if of == "step" else 1
        other = lambda i: fraction(k + 500 + 131 * b + 7 * i)
        if spec["loss"]["name"] == "crossEntropy":
            ids = [math.floor(spec["size"] * other(t)) for t in range(rows)]
            targets.append(torch.tensor(ids))
        else:
            n = spec["size"]
            rows = [[other(t * n + j) for j in range(n)] for t in range(rows)]
            targets.append(torch.tensor(rows))
    return xs, torch.cat(targets)


def loss_of(spec):
    options = dict(spec["loss"])
    name = options.pop("name")
    if name == "mse":
        return nn.MSELoss()
    if name == "bce":
        return nn.BCEWithLogitsLoss(pos_weight=torch.tensor(options["positiveWeights"]))
    weight = options.get("classWeights")
    return nn.CrossEntropyLoss(
        weight=None if weight is None else torch.tensor(weight),
        label_smoothing=options.get("labelSmoothing", 0.0),
        ignore_index=options.get("ignore", -1),
    )


SNAKE = {
    "weightDecay": "weight_decay", "lrDecay": "lr_decay",
    "initialAccumulatorValue": "initial_accumulator_value",
}
OPTIMISERS = {
    "sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad,
}


def schedule_of(optimizer, options):
    if options is None:
        return None
    at = torch.optim.lr_scheduler
    name = options["name"]
    if name == "step":
        return at.StepLR(optimizer, options["stepSize"], options["gamma"])
    if name == "multiStep":
        return at.MultiStepLR(optimizer, options["milestones"], options["gamma"])
    if name == "exponential":
        return at.ExponentialLR(optimizer, options["gamma"])
    if name == "linear":
        return at.LinearLR(optimizer, options["startFactor"], options["endFactor"], options["totalIters"])
    return at.CosineAnnealingLR(optimizer, options["tMax"], options["etaMin"])


def run(spec, trainer, whole):
    net = Network(spec)
    k = 0
    with torch.no_grad():
        for name, value in net.named():
            flat = value.view(-1)
            for i in range(len(flat)):
                k += 1
                flat[i] = (2 * fraction(k) - 1) * 0.6 + (1 if name.startswith("norm.") and name.endswith("weight") else 0)
    options = {SNAKE.get(key, key): value for key, value in trainer["optimizer"].items()}
    optimizer = OPTIMISERS[options.pop("name")](net.parameters(), **options)
    schedule = schedule_of(optimizer, trainer.get("schedule"))
    loss_function = loss_of(spec)
    accumulate = trainer.get("accumulate", 1)
    losses, norms, state = [], [], None
    for step in range(STEPS):
        xs, targets = batch(spec, step)
        if not spec.get("carry"):
            state = None
        outputs, state = net(xs, state)
        state = detached(state)
        loss = loss_function(outputs, targets)
        (loss / accumulate).backward()
        losses.append(loss.item())
        if (step + 1) % accumulate:
            continue
        if "clipNorm" in trainer:
            norms.append(nn.utils.clip_grad_norm_(net.parameters(), trainer["clipNorm"]).item())
        if "clipValue" in trainer:
            nn.utils.clip_grad_value_(net.parameters(), trainer["clipValue"])
        optimizer.step()
        optimizer.zero_grad()
        if schedule is not None:
            schedule.step()
    weights = {}
    for name, value in net.named():
        flat = value.detach().view(-1).tolist()
        sums = [sum(flat), sum(x * x for x in flat), sum(x * fraction(i + 1) for i, x in enumerate(flat))]
        weights[name] = packed(flat if whole else sums)
    return {"trainer": trainer, "losses": packed(losses), "norms": packed(norms), "whole": whole, "weights": weights}


def detached(state):
    if state is None:
        return None
    if isinstance(state, (tuple, list)):
        return type(state)(detached(each) for each in state)
    return state.detach()


CROSS = {"name": "crossEntropy"}
NETWORKS = {
    "lstm-language": {"tokens": 7, "embedding": 5, "cell": "lstm", "hidden": 6, "layers": 2, "size": 7,
                      "loss": CROSS, "lengths": [5, 5, 5], "carry": True},
    "gru-ragged": {"tokens": 6, "embedding": 4, "cell": "gru", "hidden": 5, "size": 6,
                   "loss": {"name": "crossEntropy", "ignore": 2}, "lengths": [4, 7, 2]},
    "rnn-language": {"tokens": 5, "embedding": 3, "cell": "rnn", "hidden": 7, "layers": 2, "size": 5,
                     "loss": CROSS, "lengths": [6, 6], "carry": True},
    "bidirectional-tagger": {"features": 3, "cell": "lstm", "hidden": 4, "layers": 2, "bidirectional": True, "size": 4,
                             "loss": {"name": "crossEntropy", "labelSmoothing": 0.1,
                                      "classWeights": [1, 2, 0.5, 1.5]},
                             "lengths": [6, 3, 5]},
    "regression": {"features": 2, "cell": "gru", "hidden": 5, "layers": 2, "bidirectional": True, "size": 2, "of": "last",
                   "loss": {"name": "mse"}, "lengths": [5, 4, 3]},
    "mean-binary": {"features": 4, "cell": "lstm", "hidden": 5, "size": 3, "of": "mean",
                    "loss": {"name": "bce", "positiveWeights": [1, 2.5, 0.5]}, "lengths": [6, 2, 4]},
    "norm-tied": {"tokens": 6, "embedding": 6, "cell": "lstm", "hidden": 6, "layers": 2, "size": 6, "norm": True,
                  "tied": True, "loss": CROSS, "lengths": [5, 5], "carry": True},
    "norm-residual": {"tokens": 5, "embedding": 5, "cell": "gru", "hidden": 5, "layers": 3, "size": 5, "norm": True,
                      "residual": True, "loss": CROSS, "lengths": [5, 3]},
}
TRAINERS = [
    {"optimizer": {"name": "adam", "lr": 0.01, "weightDecay": 0.001}, "clipNorm": 0.5,
     "schedule": {"name": "cosine", "tMax": 200, "etaMin": 0.001}},
    {"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.001}, "clipNorm": 0.5,
     "schedule": {"name": "step", "stepSize": 50, "gamma": 0.5}},
    {"optimizer": {"name": "adamw", "lr": 0.005, "amsgrad": True}, "clipNorm": 1.0, "clipValue": 0.1,
     "schedule": {"name": "linear", "startFactor": 0.25, "endFactor": 1.0, "totalIters": 40}},
    {"optimizer": {"name": "rmsprop", "lr": 0.002, "momentum": 0.5, "weightDecay": 0.001}, "clipNorm": 0.5,
     "schedule": {"name": "exponential", "gamma": 0.995}},
    {"optimizer": {"name": "adagrad", "lr": 0.05, "lrDecay": 0.01, "initialAccumulatorValue": 0.1}, "clipNorm": 0.5,
     "schedule": {"name": "multiStep", "milestones": [80, 150], "gamma": 0.3}},
]
EXTRA = [
    {"optimizer": {"name": "sgd", "lr": 0.2, "momentum": 0.8, "dampening": 0.3}, "clipValue": 0.05, "accumulate": 2},
    {"optimizer": {"name": "rmsprop", "lr": 0.002, "centered": True, "eps": 1e-4}, "clipNorm": 0.5},
]


def fine_tune(folder, steps=20, streams=4, T=32):
    """The Shakespeare model from its weights: truncated back-propagation over its text, state carried, Adam."""
    file = open(os.path.join(folder, "model.safetensors"), "rb").read()
    length = struct.unpack("<Q", file[:8])[0]
    header, data = json.loads(file[8 : 8 + length]), file[8 + length :]
    ids = json.load(open(os.path.join(folder, "vocab.json")))
    text = open(os.path.join(folder, "text.txt")).read()
    net = nn.ModuleDict({
        "embedding": nn.Embedding(65, 128), "lstm": nn.LSTM(128, 128, 2), "decoder": nn.Linear(128, 65),
    })
    with torch.no_grad():
        for name, value in net.named_parameters():
            first, last = header[name]["data_offsets"]
            numbers = struct.unpack(f"<{(last - first) // 4}f", data[first:last])
            value.copy_(torch.tensor(numbers).view(value.shape))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    tokens = torch.tensor([ids[character] for character in text])
    part = (len(tokens) - 1) // streams
    losses, state = [], None
    for step in range(steps):
        starts = [b * part + step * T for b in range(streams)]
        x, y = (torch.stack([tokens[s + by : s + by + T] for s in starts], 1) for by in (0, 1))
        h, state = net["lstm"](net["embedding"](x), state)
        state = detached(state)
        loss = nn.functional.cross_entropy(net["decoder"](h).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    weights = {}
    for name, value in net.named_parameters():
        flat = value.detach().view(-1).tolist()
        weights[name] = packed([sum(flat), sum(x * x for x in flat),
                                sum(x * fraction(i + 1) for i, x in enumerate(flat))])
    content = {"streams": streams, "T": T, "lr": 1e-3, "clipNorm": 1.0, "losses": packed(losses), "weights": weights}
    with open(os.path.join(folder, "training.json"), "w") as file:
        json.dump(content, file, separators=(",", ":"))


fine_tune(os.path.join(sys.argv[1], "shakespeare"))
runs_folder = os.path.join(sys.argv[1], "torch-training")
os.makedirs(runs_folder, exist_ok=True)
for name, spec in NETWORKS.items():
    trainers = TRAINERS + (EXTRA if name == "gru-ragged" else [])
    runs = [run(spec, trainer, i == 0) for i, trainer in enumerate(trainers)]
    with open(os.path.join(runs_folder, f"{name}.json"), "w") as file:
        json.dump({"network": spec, "runs": runs}, file, separators=(",", ":"))
