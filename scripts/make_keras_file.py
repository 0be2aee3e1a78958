# Why this exists: h5py is what Keras writes its weights with, and numpy's zipfile what it packs them with; no JavaScript
# stands for them. Writes test/fixtures/keras/h5py.keras as keras/src/saving/saving_lib.py (3.9) does, and what PyTorch
# computes with the same weights. Needs python3-h5py and python3-torch: python3 scripts/make_keras_file.py
import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch

rng = np.random.default_rng(4)
V, NX, NA, NG, NY, T = 11, 3, 4, 5, 6, 9
draw = lambda *shape: rng.uniform(-1, 1, shape)
cell = lambda gates, nx, na, *bias: [draw(nx, gates * na), draw(na, gates * na), draw(*bias, gates * na)]
embedding, forward, backward = draw(V, NX).astype(np.float32), cell(4, NX, NA), cell(4, NX, NA)
gru = cell(3, 2 * NA, NG, 2)
kernel, bias = draw(NG, NY), draw(NY).astype(np.float16)

layer = lambda kind, **config: {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}
common = dict(use_bias=True, return_sequences=True, return_state=False, stateful=False, activation="tanh", recurrent_activation="sigmoid")
lstm = lambda name, back: layer("LSTM", name=name, units=NA, go_backwards=back, unit_forget_bias=True, **common)
layers = [
    layer("InputLayer", batch_shape=[None, None], dtype="float32", name="input_layer"),
    layer("Embedding", name="embedding", input_dim=V, output_dim=NX, mask_zero=False),
    layer("Bidirectional", name="bidirectional", merge_mode="concat", layer=lstm("forward_lstm", False), backward_layer=lstm("backward_lstm", True)),
    layer("Dropout", name="dropout", rate=0.5),
    layer("GRU", name="gru", units=NG, go_backwards=False, reset_after=True, **common),
    layer("Dense", name="dense", units=NY, activation="softmax", use_bias=True),
]
config = {"module": "keras", "class_name": "Sequential", "config": {"name": "sequential", "layers": layers}, "registered_name": None}

file = io.BytesIO()
with h5py.File(file, "w") as h5:
    h5.create_group("vars")
    groups = {"embedding": [embedding], "bidirectional": [], "bidirectional/forward_layer": [], "bidirectional/forward_layer/cell": forward, "bidirectional/backward_layer": [], "bidirectional/backward_layer/cell": backward, "dropout": [], "gru": [], "gru/cell": gru, "dense": [kernel, bias]}
    for path, variables in groups.items():
        group = h5.create_group(f"layers/{path}").create_group("vars")
        for i, value in enumerate(variables):
            group[str(i)] = value
    h5.create_group("other").create_dataset("chunked", data=np.arange(600.0).reshape(20, 30), chunks=(7, 8), compression="gzip", shuffle=True, fletcher32=True)
out = Path(__file__).parent.parent / "test/fixtures/keras"
with zipfile.ZipFile(out / "h5py.keras", "w") as archive:
    for name, text in (("metadata.json", {"keras_version": "3.9.2", "date_saved": "2026-11-01@12:00:00"}), ("config.json", config)):
        with archive.open(name, "w") as entry:
            entry.write(json.dumps(text).encode())
    archive.writestr("model.weights.h5", file.getvalue())

torch.set_default_dtype(torch.float64)
rzn = lambda a: np.concatenate([np.split(a, 3, -1)[i] for i in (1, 0, 2)], -1)
one, two, zeros = torch.nn.LSTM(NX, NA, bidirectional=True), torch.nn.GRU(2 * NA, NG), np.zeros(4 * NA)
given = [v for k, r, b in (forward, backward) for v in (k.T, r.T, b, zeros)], [rzn(gru[0]).T, rzn(gru[1]).T, *rzn(gru[2])]
for net, values in zip((one, two), given):
    for parameter, value in zip(net.parameters(), values):
        parameter.data = torch.from_numpy(np.ascontiguousarray(value))
x = rng.integers(0, V, T)
h = two(one(torch.from_numpy(embedding[x].astype(float)))[0])[0]
y = torch.softmax(h @ torch.from_numpy(kernel) + torch.from_numpy(bias.astype(float)), -1)
(out / "h5py.json").write_text(json.dumps({"x": x.tolist(), "y": y.tolist()}))
