"""Which texts are near-duplicates by datasketch's MinHash and LSH, beside their true similarity.

usage: datasketch_pairs.py, then one JSON object: {"texts", "bands", "rows", "shingle"}
Units are words in small letters, in Chinese characters; a shingle is so many of them in a row. Answers with one JSON line:
{"system", "pairs": [[i, j, Jaccard similarity, MinHash estimate]...] of all that have a shingle in common, "candidates":
[[i, j]...] that LSH finds}. Needs: datasketch.
"""
import json, re, sys, unicodedata
from collections import defaultdict
import datasketch
from datasketch import MinHash, MinHashLSH

IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
UNIT = re.compile(f"[{IDEOGRAPHS}]|[^\\W_{IDEOGRAPHS}]+")


def shingles(text, size):
    units = UNIT.findall(unicodedata.normalize("NFKC", text).lower())
    return {" ".join(units[at : at + size]) for at in range(len(units) - size + 1)}


def compare(texts, bands, rows, shingle):
    sets = [shingles(text, shingle) for text in texts]
    sketches = []
    lsh = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    for index, found in enumerate(sets):
        sketch = MinHash(num_perm=bands * rows)
        for one in found:
            sketch.update(one.encode())
        sketches.append(sketch)
        lsh.insert(index, sketch)
    owners = defaultdict(list)
    for index, found in enumerate(sets):
        for one in found:
            owners[one].append(index)
    touching = sorted({(i, j) for own in owners.values() for i in own for j in own if i < j})
    pairs = []
    for i, j in touching:
        common = len(sets[i] & sets[j])
        pairs.append([i, j, common / (len(sets[i]) + len(sets[j]) - common), sketches[i].jaccard(sketches[j])])
    candidates = sorted({(i, j) for i, sketch in enumerate(sketches) for j in lsh.query(sketch) if i < j})
    return {"system": f"datasketch {datasketch.__version__}", "pairs": pairs, "candidates": candidates}


if __name__ == "__main__":
    print(json.dumps(compare(**json.load(sys.stdin))))
