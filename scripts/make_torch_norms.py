"""Why this exists: networks with LayerNorm and residuals are held against what PyTorch computes. Makes small models with an
architecture in their metadata: test/fixtures/torch-norm/*.safetensors, expected.json with an input of each and its output in
float64. Usage: python3 scripts/make_torch_norms.py (torch 1.13)"""
import json, pathlib, struct
import torch
from torch import nn

folder = pathlib.Path(__file__).parent.parent / "test/fixtures/torch-norm"
folder.mkdir(exist_ok=True)
torch.manual_seed(20261129)
torch.set_default_dtype(torch.float64)
expected = {}
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Net(nn.Module):
    """An embedding or rows, layers of one cell each, and a linear layer. A layer is (cell, units, bidirectional, norm)."""

    def __init__(self, nx, layers, ny, tokens=None, residual=False, output="steps", eps=1e-5):
        super().__init__()
        self.residual, self.output, self.na = residual, output, layers[-1][1]
        if tokens:
            self.embedding = nn.Embedding(tokens, nx)
        self.layers, self.norms = nn.ModuleList(), nn.ModuleDict()
        for i, (cell, na, both, norm) in enumerate(layers):
            self.layers.append(CELLS[cell](nx, na, bidirectional=both))
            nx = na * (2 if both else 1)
            if norm:
                self.norms[str(i)] = nn.LayerNorm(nx, eps=eps)
                nn.init.normal_(self.norms[str(i)].weight)
                nn.init.normal_(self.norms[str(i)].bias)
        self.head = nn.Linear(nx, ny)
        norm = lambda i: {"name": f"norms.{i}", **({} if eps == 1e-5 else {"epsilon": eps})}
        self.note = {
            "input": {"kind": "embedding", "name": "embedding"} if tokens else {"kind": "features"},
            "recurrent": [
                {
                    "name": f"layers.{i}",
                    **({"layerNorm": [norm(i)]} if layer[3] else {}),
                    **({"residual": True} if residual else {}),
                }
                for i, layer in enumerate(layers)
            ],
            "dense": [{"name": "head", "activation": "identity"}],
            "output": output,
        }

    def forward(self, x):
        if x.dtype == torch.int64:
            x = self.embedding(x)
        for i, layer in enumerate(self.layers):
            y, _ = layer(x)
            if str(i) in self.norms:
                y = self.norms[str(i)](y)
            x = x + y if self.residual and x.shape == y.shape else y
        if self.output == "last":
            x = torch.cat([x[-1:, : self.na], x[:1, self.na :]], 1)
        if self.output == "mean":
            x = x.mean(0, keepdim=True)
        return self.head(x)


def make(name, net, x):
    header, data = {"__metadata__": {"recurra.network": json.dumps(net.note)}}, b""
    for key, value in net.state_dict().items():
        raw = value.contiguous().numpy().tobytes()
        header[key] = dict(dtype="F64", shape=[*value.shape], data_offsets=[len(data), len(data + raw)])
        data += raw
    text = json.dumps(header).encode()
    (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    y = net(x)
    expected[name] = dict(x=x.tolist(), shape=list(y.shape), y=y.flatten().tolist())


tokens, rows = torch.tensor([3, 0, 6, 6, 1, 2, 5, 5, 4]), torch.randn(7, 4)
one = lambda cell, na, norm=True: (cell, na, False, norm)
two = lambda cell, na, norm=True: (cell, na, True, norm)
make("language", Net(6, [one("lstm", 5), one("lstm", 5)], 7, tokens=7), tokens)
make("residual", Net(5, [one("gru", 5), one("gru", 5), one("gru", 5)], 7, tokens=7, residual=True), tokens)
make("rows", Net(4, [one("rnn", 4), one("lstm", 6, False), one("lstm", 6, False)], 2, residual=True, eps=0.01), rows)
make("last", Net(4, [two("lstm", 2), two("gru", 3)], 3, residual=True, output="last"), rows)
make("mean", Net(4, [two("rnn", 3)], 3, output="mean"), rows)
(folder / "expected.json").write_text(json.dumps(expected))
