"""PyTorch on a language model, float32, one thread: batches of 32 in the order of the file, packed, so that nothing is
computed above the padding."""

import itertools
import json
import os

import numpy as np
import torch
from torch.nn.utils.rnn import pack_sequence

from worker import run_worker

BATCH = 32

torch.set_num_threads(1)


def read_model(path):
    """safetensors of F32 tensors."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = np.frombuffer(data[begin:end], dtype=np.float32).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def build(tensors):
    classes, nx = tensors["embedding.weight"].shape
    na = tensors["decoder.weight"].shape[1]
    layers = sum(name.startswith("lstm.weight_hh") for name in tensors)
    model = torch.nn.ModuleDict({
        "embedding": torch.nn.Embedding(classes, nx),
        "lstm": torch.nn.LSTM(nx, na, layers),
        "decoder": torch.nn.Linear(na, classes),
    })
    model.load_state_dict(tensors)
    return model.eval()


def prepare(job):
    folder = job["operands"]
    model = build(read_model(os.path.join(folder, "model.safetensors")))
    with open(os.path.join(folder, "lines.json")) as file:
        lines = json.load(file)
    with open(os.path.join(folder, "vocabulary.json")) as file:
        vocabulary = json.load(file)
    scores = np.zeros(len(lines))
    size = -(-len(lines) // job["calls"])  # a call scores one part, as partsOf of cases/language.ts has them
    starts = itertools.cycle(range(0, len(lines), size))

    def score(batch):
        ids = [torch.tensor([vocabulary[c] for c in line]) for line in batch]
        tokens = pack_sequence([line[:-1] for line in ids], enforce_sorted=False)
        targets = pack_sequence([line[1:] for line in ids], enforce_sorted=False)
        embedded = tokens._replace(data=model["embedding"](tokens.data))
        hidden, _ = model["lstm"](embedded)
        log_probs = model["decoder"](hidden.data).log_softmax(1).gather(1, targets.data[:, None])
        padded, _ = torch.nn.utils.rnn.pad_packed_sequence(hidden._replace(data=log_probs[:, 0]))
        return padded.sum(0)

    def call():
        first = next(starts)
        part = lines[first : first + size]
        with torch.inference_mode():
            for i in range(0, len(part), BATCH):
                batch = part[i : i + BATCH]
                scores[first + i : first + i + len(batch)] = score(batch).numpy()
        return scores

    return call, lambda: scores


run_worker(prepare)
