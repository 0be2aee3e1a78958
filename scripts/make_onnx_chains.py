"""Why this exists: chains as PyTorch's exporter writes them, with the outputs that PyTorch computes, prove describeOnnx.
Writes test/fixtures/onnx/chains.json, float64, seeded. Needs torch 1.13 and onnx 1.12: python3 scripts/make_onnx_chains.py"""

import base64, io, itertools, json, pathlib, warnings
import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(1)


class Model(nn.Module):
    def __init__(self, cell, source, layers, bi, first, last, head, bias=True):
        super().__init__()
        self.source, self.last, self.first = source, last, first
        self.embedding = nn.Embedding(7, 4) if source == "tokens" else None
        kind, extra = ("RNN", {"nonlinearity": "relu"}) if cell == "relu" else (cell, {})
        size = 7 if source == "one-hot" else 4
        self.rnn = getattr(nn, kind)(size, 3, layers, bidirectional=bi, batch_first=first, bias=bias, **extra)
        width = 6 if bi else 3
        tops = {"": [], "linear": [nn.Linear(width, 7)], "bare": [nn.Linear(width, 7, bias=False)]}
        tops["log"] = [nn.Linear(width, 7), nn.LogSoftmax(-1)]
        tops["two"] = [nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, 2), nn.Softmax(-1)]
        self.head = nn.Sequential(*tops[head])

    def forward(self, x, h0=None, lengths=None):
        if self.source == "tokens":
            x = self.embedding(x)
        if self.source == "one-hot":
            x = nn.functional.one_hot(x, 7).double()
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=self.first)
        y, h = self.rnn(x, h0) if h0 is not None else self.rnn(x)
        if lengths is not None:
            y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=self.first)
        h = h[0] if isinstance(h, tuple) else h
        if self.last == "step":
            y = y[:, -1] if self.first else y[-1]
        if self.last == "state":
            y = torch.cat((h[-2], h[-1]), 1) if self.rnn.bidirectional else h[-1]
        return self.head(y)


def stored(array):
    raw = base64.b64encode(array.contiguous().numpy().tobytes()).decode()
    return {"type": str(array.dtype).split(".")[1], "shape": list(array.shape), "data": raw}


cells = itertools.cycle(["LSTM", "GRU", "RNN", "relu"])
heads = itertools.cycle(["linear", "log", "two", "bare", ""])
cases = []
for i, (source, last, bi, layers) in enumerate(
    itertools.product(["tokens", "one-hot", "features"], ["", "step", "state"], [False, True], [1, 2])
):
    if last == "step" and bi:
        continue
    cell, first, extra = next(cells), i % 2 == 0, {0: "h0", 12: "lengths"}.get(i, "")
    model = Model(cell, source, layers, bi, first, last, next(heads), i % 5 != 4).double().eval()
    shape = (2, 5) if first else (5, 2)
    x = torch.randn(*shape, 4).double() if source == "features" else torch.randint(0, 7, shape)
    h0 = torch.zeros(layers, 2, 3).double()
    given = {"h0": (x, (h0, h0) if cell == "LSTM" else h0), "lengths": (x, None, torch.tensor([5, 3]))}.get(extra, (x,))
    file, options = io.BytesIO(), {"opset_version": [11, 13, 14, 16, 17][i % 5], "do_constant_folding": i % 3 > 0}
    if i % 4 > 1:
        options |= {"input_names": ["x"], "dynamic_axes": {"x": {0: "a", 1: "b"}}}
    torch.onnx.export(model, given, file, **options)
    name = f"{cell} {source} {last} {'bi ' if bi else ''}{layers} {first} {extra} {options['opset_version']}"
    raw = base64.b64encode(file.getvalue()).decode()
    outputs = {"y": stored(model(*given).detach())}
    cases.append({"name": name, "model": raw, "inputs": {"x": stored(x)}, "outputs": outputs})
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path = pathlib.Path(__file__).parent.parent / "test/fixtures/onnx/chains.json"
path.write_text(f"[\n{lines}\n]\n")
