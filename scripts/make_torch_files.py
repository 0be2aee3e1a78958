"""Why this exists: the reader of PyTorch's files is held against what PyTorch itself writes and computes. Makes small models
of the shapes that people bring: test/fixtures/torch-files/*.safetensors with their state dicts as they are, expected.json
with an input of each and what PyTorch computes from it in float64. Usage: python3 scripts/make_torch_files.py (torch 1.13)"""
import json, pathlib, struct
import torch
from torch import nn

folder = pathlib.Path(__file__).parent.parent / "test/fixtures/torch-files"
NAMES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16"}
torch.manual_seed(20261125)
expected = {}
def save(name, state, metadata):
    header, data = {"__metadata__": metadata}, b""
    for key, value in state.items():
        raw = value.contiguous().view(torch.uint8).numpy().tobytes()
        header[key] = dict(dtype=NAMES[value.dtype], shape=[*value.shape], data_offsets=[len(data), len(data + raw)])
        data += raw
    text = json.dumps(header).encode()
    (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)

class Net(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for key, part in parts.items():
            self.add_module(key, part)
    def forward(self, x):
        for part in self.children():
            x = part(x)[0] if isinstance(part, nn.RNNBase) else part(x)
        return x
class Cells(nn.ModuleList):
    def forward(self, x):
        for cell in self:
            state, steps = None, []
            for row in x:
                state = cell(row[None], state)
                steps.append(state[0][0])
            x = torch.stack(steps)
        return x

def make(name, net, x, metadata={}, dtype=torch.float32, prefix="", without=()):
    state = {k.removeprefix(prefix): v for k, v in net.to(dtype).state_dict().items() if k not in without}
    save(name, state, {"format": "pt", **metadata})
    y = net.double()(x if x.dtype == torch.int64 else x.double())
    expected[name] = dict(x=x.tolist(), shape=list(y.shape), y=y.flatten().tolist())

tokens, rows, emb = torch.tensor([3, 0, 6, 6, 1]), torch.randn(4, 3), nn.Embedding
make("language", Net(embedding=emb(7, 5), lstm=nn.LSTM(5, 6, 2, bidirectional=True), decoder=nn.Linear(12, 7)), tokens)
tied = Net(encoder=emb(7, 4), rnn=nn.GRU(4, 4), decoder=nn.Linear(4, 7))
tied.decoder.weight = tied.encoder.weight
make("tied", tied, tokens, {"decoder.weight": "encoder.weight"}, torch.float64, without=["decoder.weight"])
relu = Net(rnn=nn.RNN(3, 5, 2, nonlinearity="relu", bias=False))
make("relu", Net(model=relu, classifier=nn.Linear(5, 2)), rows, {"nonlinearity": "relu"})
make("projected", Net(lstm=nn.LSTM(3, 6, 2, proj_size=2, bidirectional=True)), rows, dtype=torch.float16)
cells = Net(cells=Cells([nn.LSTMCell(7, 4), nn.LSTMCell(4, 3)]), head=nn.Linear(3, 7))
make("cells", cells, nn.functional.one_hot(tokens, 7).float(), dtype=torch.bfloat16)
make("lone", Net(rnn=nn.GRU(3, 4, bidirectional=True)), rows, prefix="rnn.")
upper, lower = nn.GRU(5, 4, bidirectional=True), nn.LSTM(8, 3)
make("two", Net(wte=emb(7, 5), upper=upper, lower=lower, fc=nn.Linear(3, 2, bias=False)), tokens)
(folder / "expected.json").write_text(json.dumps(expected))
