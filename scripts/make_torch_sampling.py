"""Probabilities of tokens by the rules of Hugging Face's logits processors, in PyTorch and float64, for
test/oracle/sampling.test.ts: test/fixtures/torch-sampling.json. Written with torch 1.13 on Python 3.11.

The rules are written as transformers 4.46 defines them: repetition penalty, temperature, top-k by a threshold, top-p by the
cumulative sum from the least likely token up, min-p by a share of the highest probability, in this order. They see
log-probabilities, as generation here does. Logits are a formula of integers, `logits_of`, which the test has, too.
Usage: /usr/bin/python3 scripts/make_torch_sampling.py
"""

import json
import math
from pathlib import Path

import torch


def only(scores, kept):
    return torch.where(kept, scores, torch.full_like(scores, -math.inf))


def penalised(scores, seen, penalty):
    changed = scores.clone()
    for token in set(seen):
        score = float(scores[token])
        changed[token] = score * penalty if score < 0 else score / penalty
    return changed


def top_k(scores, k):
    threshold = scores.topk(min(k, len(scores))).values[-1]
    return only(scores, scores >= threshold)


def top_p(scores, share):
    rising = scores.argsort()
    up_to = scores[rising].softmax(0).cumsum(0)
    stays = up_to > 1 - share
    stays[-1] = True
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[rising] = stays
    return only(scores, kept)


def min_p(scores, share):
    p = scores.softmax(0)
    return only(scores, p >= share * p.max())


def logits_of(n, seed):
    values = [((i * 7919 + seed * 104729) % 1009) / 126 - 4 for i in range(n)]
    return torch.tensor(values, dtype=torch.float64)


def probabilities(n, seed, rule, seen):
    scores = logits_of(n, seed).log_softmax(0)
    if "repetitionPenalty" in rule:
        scores = penalised(scores, seen, rule["repetitionPenalty"])
    scores = scores / rule.get("temperature", 1)
    if "topK" in rule:
        scores = top_k(scores, rule["topK"])
    if "topP" in rule:
        scores = top_p(scores, rule["topP"])
    if "minP" in rule:
        scores = min_p(scores, rule["minP"])
    return scores.softmax(0).tolist()


RULES = [
    {},
    {"temperature": 0.7},
    {"temperature": 2.5},
    {"topK": 1},
    {"topK": 5},
    {"topP": 0.3},
    {"topP": 0.95},
    {"minP": 0.05},
    {"minP": 0.5},
    {"repetitionPenalty": 1.3},
    {"repetitionPenalty": 0.8},
    {"temperature": 0.6, "topK": 12, "topP": 0.85},
    {"temperature": 1.4, "topP": 0.7, "minP": 0.2},
    {"temperature": 0.9, "topK": 20, "topP": 0.9, "minP": 0.03, "repetitionPenalty": 1.2},
]
SEEN = [3, 1, 3, 8]

cases = [
    {"n": n, "seed": seed, "rule": rule, "seen": SEEN, "probabilities": probabilities(n, seed, rule, SEEN)}
    for seed, rule in enumerate(RULES)
    for n in (9, 40)
]
path = Path(__file__).parent.parent / "test/fixtures/torch-sampling.json"
path.write_text(json.dumps(cases) + "\n")
print(f"{path.name}: {len(cases)} cases, {path.stat().st_size} bytes")
