"""Makes test/golden/near-duplicates.json: what datasketch's MinHash and LSH say of windows over the tokenizer's corpus.

    pip install datasketch
    python test/golden/generate/near-duplicates.py [FILE]

The version is in the file. A document is [from, to) in characters of the corpus's texts, joined by line feeds. Windows over one
place overlap by what makes them a little or very similar; the texts themselves have phrases in common.
"""

import json
import random
import sys

sys.path.insert(0, "bench/peers")
from datasketch_pairs import compare  # noqa: E402

FILE = sys.argv[1] if len(sys.argv) > 1 else "test/golden/near-duplicates.json"
LEAST = 0.1
OPTIONS = {"bands": 14, "rows": 8, "shingle": 5}

with open("test/golden/tokenizer/corpus.jsonl", encoding="utf-8") as lines:
    corpus = "\n".join(json.loads(line)["text"] for line in lines)

draw = random.Random(1)
documents = []
place = 0
while place + 2400 < len(corpus):
    length = draw.randint(700, 1100)
    documents.append([place, place + length])
    for _ in range(3):
        shift = int(length * draw.random() ** 2 * 0.7)
        documents.append([place + shift, place + shift + length])
    place += length + 300

result = compare([corpus[start:end] for start, end in documents], **OPTIONS)
# Less similar ones are thousands, and none is a candidate.
result["pairs"] = [[i, j, round(s, 12), round(e, 6)] for i, j, s, e in result["pairs"] if s >= LEAST]
with open(FILE, "w", encoding="utf-8") as out:
    json.dump({**OPTIONS, "least": LEAST, **result, "documents": documents}, out, separators=(",", ":"))
    out.write("\n")
