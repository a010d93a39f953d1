"""Makes test/golden/sampling.json: what the logits processors of `transformers` leave of random logits, in float32.

    pip install torch transformers
    python test/golden/generate/sampling.py [FILE]

The versions are in the file. Each case has the tokens that are left, by number, and their probabilities.
"""

import json
import sys

import torch
import transformers
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

FILE = sys.argv[1] if len(sys.argv) > 1 else "test/golden/sampling.json"
VOCAB = 200
OPTIONS = [
    {"temperature": 1.0, "topK": 0, "topP": 1.0, "repetitionPenalty": 1.0},
    {"temperature": 0.8, "topK": 50, "topP": 0.95, "repetitionPenalty": 1.0},
    {"temperature": 1.7, "topK": 7, "topP": 1.0, "repetitionPenalty": 1.3},
    {"temperature": 0.5, "topK": 0, "topP": 0.6, "repetitionPenalty": 0.8},
    {"temperature": 1.0, "topK": 400, "topP": 0.05, "repetitionPenalty": 1.1},
    {"temperature": 2.5, "topK": 3, "topP": 0.9, "repetitionPenalty": 1.5},
]


def processors(options):
    """In the order in which `generate` applies them."""
    steps = LogitsProcessorList()
    if options["repetitionPenalty"] != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(options["repetitionPenalty"]))
    steps.append(TemperatureLogitsWarper(options["temperature"]))
    if options["topK"] > 0:
        steps.append(TopKLogitsWarper(options["topK"]))
    if options["topP"] < 1:
        steps.append(TopPLogitsWarper(options["topP"]))
    return steps


def logits_of(kind, generator):
    values = torch.randn(VOCAB, generator=generator)
    if kind == "peaked":
        values = values * 4
    digits = 0 if kind == "tied" else 3  # many equal ones, zeros among them
    return torch.tensor([round(value, digits) for value in values.tolist()])


generator = torch.Generator().manual_seed(7)
cases = []
for kind in ("flat", "peaked", "tied"):
    for options in OPTIONS:
        if kind == "tied" and options["topP"] < 1:
            continue  # which of equal tokens top-p drops is left open
        logits = logits_of(kind, generator)
        seen = torch.randint(VOCAB, (40,), generator=generator)
        seen = torch.cat([seen, seen[:5], logits.topk(3).indices])  # some twice, and likely ones
        scores = processors(options)(seen[None], logits[None])[0]
        tokens = torch.nonzero(scores > -float("inf"))[:, 0]
        cases.append(
            {
                "kind": kind,
                "options": options,
                "logits": [round(value, 3) for value in logits.tolist()],
                "seen": seen.tolist(),
                "tokens": tokens.tolist(),
                "probabilities": [float(f"{p:.6g}") for p in torch.softmax(scores, -1)[tokens].tolist()],
            }
        )
with open(FILE, "w") as file:
    json.dump({"generator": f"transformers {transformers.__version__}, torch {torch.__version__}", "cases": cases}, file)
    file.write("\n")
