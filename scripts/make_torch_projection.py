"""PyTorch's LSTM with a projection (proj_size), float64: test/fixtures/torch-projection/. Written by torch 1.13 on
Python 3.11: python3 scripts/make_torch_projection.py test/fixtures/torch-projection

Layers and directions as in torch-cases, ragged, with every gradient; loss = sum of y·dy and of the last states' h·dh_n, c·dc_n.
"""
import json
import os
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def stored(t):
    return {"shape": list(t.shape), "data": t.detach().contiguous().view(-1).tolist()}


def case(seed, layers, bidirectional, nx, na, p, lengths):
    torch.manual_seed(seed)
    directions = 2 if bidirectional else 1
    net = torch.nn.LSTM(nx, na, layers, bidirectional=bidirectional, proj_size=p)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0, 0.6)
    m = len(lengths)
    xs = [torch.randn(length, nx, requires_grad=True) for length in lengths]
    h0 = torch.randn(layers * directions, m, p, requires_grad=True)
    c0 = torch.randn(layers * directions, m, na, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_sequence(xs, enforce_sorted=False)
    y, (h, c) = net(packed, (h0, c0))
    ys, _ = torch.nn.utils.rnn.pad_packed_sequence(y)
    dys = [torch.randn(length, directions * p) for length in lengths]
    dh, dc = torch.randn_like(h), torch.randn_like(c)
    loss = sum((ys[:length, b] * dys[b]).sum() for b, length in enumerate(lengths))
    (loss + (h * dh).sum() + (c * dc).sum()).backward()
    return {
        "cell": "lstm", "layers": layers, "bidirectional": bidirectional,
        "input_size": nx, "hidden_size": na, "projection_size": p,
        "x": [stored(x) for x in xs], "dx": [stored(x.grad) for x in xs],
        "y": [stored(ys[:length, b]) for b, length in enumerate(lengths)],
        "dy": [stored(d) for d in dys],
        "h0": stored(h0), "h_n": stored(h), "dh0": stored(h0.grad), "dh_n": stored(dh),
        "c0": stored(c0), "c_n": stored(c), "dc0": stored(c0.grad), "dc_n": stored(dc),
        "weights": {name: stored(v) for name, v in net.named_parameters()},
        "dweights": {name: stored(v.grad) for name, v in net.named_parameters()},
    }


cases = {
    "0-l1-d1": case(1, 1, False, 3, 5, 2, [4, 1, 6]),
    "1-l2-d2": case(2, 2, True, 2, 4, 3, [3, 5, 1]),
    "2-l3-d1": case(3, 3, False, 4, 5, 1, [2, 5]),
}
os.makedirs(sys.argv[1], exist_ok=True)
for name, content in cases.items():
    with open(os.path.join(sys.argv[1], f"{name}.json"), "w") as file:
        json.dump(content, file)
