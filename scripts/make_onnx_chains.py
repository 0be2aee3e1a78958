"""Why this exists: chains as PyTorch's exporter writes them, with the outputs that PyTorch computes, prove describeOnnx.
Writes test/fixtures/onnx/chains.json, float64, seeded. Needs torch 1.13 and onnx 1.12: python3 scripts/make_onnx_chains.py"""
import base64, io, itertools, json, pathlib, torch
from torch import nn

torch.manual_seed(1)


class Model(nn.Module):
    def __init__(self, cell, source, layers, bi, first, last, head, bias):
        super().__init__()
        self.source, self.last, self.first = source, last, first
        self.embedding = nn.Embedding(7, 4) if source == "tokens" else None
        kind, extra = ("RNN", {"nonlinearity": "relu"}) if cell == "relu" else (cell, {})
        size, width = 7 if source == "one-hot" else 4, 6 if bi else 3
        self.rnn = getattr(nn, kind)(size, 3, layers, bidirectional=bi, batch_first=first, bias=bias, **extra)
        tops = {"": [], "linear": [nn.Linear(width, 7)], "bare": [nn.Linear(width, 7, bias=False)]}
        tops["log"] = [nn.Linear(width, 7), nn.LogSoftmax(-1)]
        tops["two"] = [nn.Linear(width, 5), nn.ReLU(), nn.Linear(5, 2), nn.Softmax(-1)]
        self.head = nn.Sequential(*tops[head])

    def forward(self, x, h0=None, lengths=None):
        x = self.embedding(x) if self.source == "tokens" else x
        x = nn.functional.one_hot(x, 7).double() if self.source == "one-hot" else x
        if lengths is not None:
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=self.first)
        y, h = self.rnn(x, h0) if h0 is not None else self.rnn(x)
        y = y if lengths is None else nn.utils.rnn.pad_packed_sequence(y, batch_first=self.first)[0]
        h = h[0] if isinstance(h, tuple) else h
        if self.last == "step":
            y = y[:, -1] if self.first else y[-1]
        if self.last == "state":
            y = torch.cat((h[-2], h[-1]), 1) if self.rnn.bidirectional else h[-1]
        if self.last == "mean":
            y = y.mean(1 if self.first else 0)
        if self.last == "max":
            y = y.amax(1 if self.first else 0, keepdim=True).squeeze(1 if self.first else 0)
        return self.head(y)


def stored(array):
    raw = base64.b64encode(array.contiguous().numpy().tobytes()).decode()
    return {"type": str(array.dtype).split(".")[1], "shape": list(array.shape), "data": raw}


cells, heads = map(itertools.cycle, (["LSTM", "GRU", "RNN", "relu"], ["linear", "log", "two", "bare", ""]))
cases, sources = [], ["tokens", "one-hot", "features"]
chosen = [*itertools.product(sources, ["", "step", "state"], [False, True], [1, 2])]
chosen += [*itertools.product(["tokens", "features"], ["mean", "max"], [False, True], [1])]
for i, (source, last, bi, layers) in enumerate(chosen):
    if last == "step" and bi:
        continue
    cell, first, extra = next(cells), i % 2 == 0, {0: "h0", 12: "lengths"}.get(i, "")
    model = Model(cell, source, layers, bi, first, last, next(heads), i % 5 != 4).double().eval()
    shape, h0 = (2, 5) if first else (5, 2), torch.zeros(layers, 2, 3).double()
    x = torch.randn(*shape, 4).double() if source == "features" else torch.randint(0, 7, shape)
    given = {"h0": (x, (h0, h0) if cell == "LSTM" else h0), "lengths": (x, None, torch.tensor([5, 3]))}.get(extra, (x,))
    file, options = io.BytesIO(), {"opset_version": [11, 13, 14, 16, 17][i % 5], "do_constant_folding": i % 3 > 0}
    open_sizes = {"input_names": ["x"], "dynamic_axes": {"x": {0: "a", 1: "b"}}}
    torch.onnx.export(model, given, file, **options, **(open_sizes if i % 4 > 1 else {}))
    name = f"{cell} {source} {last} {'bi ' if bi else ''}{layers} {first} {extra} {options['opset_version']}"
    case = {"name": name, "model": base64.b64encode(file.getvalue()).decode(), "inputs": {"x": stored(x)}}
    cases.append(case | {"outputs": {"y": stored(model(*given).detach())}})
path = pathlib.Path(__file__).parent.parent / "test/fixtures/onnx/chains.json"
path.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")
