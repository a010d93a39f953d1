"""Writes test/golden/tokenizer/character-classes.json: how Hugging Face `tokenizers` classifies every code point.

    pip install tokenizers==0.23.2
    python test/golden/generate/character-classes.py [OUTPUT_FOLDER]

`letters`, `numbers`, `spaces` are \\p{L}, \\p{N}, \\s of its regular expressions; `digits` is what its Digits
pre-tokenizer splits off (its Unicode version is another one). Surrogates are left out: no text holds them.
With --table it prints the literals of src/tokenizer/character-classes.ts instead.
"""

import json
import sys

import tokenizers
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, Split

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
PRE_TOKENIZERS = {
    "letters": Split(Regex(r"\p{L}"), "isolated"),
    "numbers": Split(Regex(r"\p{N}"), "isolated"),
    "spaces": Split(Regex(r"\s"), "isolated"),
    "digits": Digits(individual_digits=True),
}


def ranges_of(pre_tokenizer):
    """Inclusive [first, last] ranges of the code points that it splits off between two hyphens."""
    ranges = []
    for code in CODE_POINTS:
        if len(pre_tokenizer.pre_tokenize_str(f"-{chr(code)}-")) != 3:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def base36(number):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
        if number == 0:
            return text


def literal(ranges):
    """Alternating lengths of gaps and runs in base 36."""
    words, end = [], 0
    for first, last in ranges:
        words += [base36(first - end), base36(last + 1 - first)]
        end = last + 1
    return " ".join(words)


classes = {name: ranges_of(pre_tokenizer) for name, pre_tokenizer in PRE_TOKENIZERS.items()}
if "--table" in sys.argv:
    for name, ranges in classes.items():
        print(name, literal(ranges))
else:
    folder = sys.argv[1] if len(sys.argv) > 1 else "test/golden/tokenizer"
    with open(f"{folder}/character-classes.json", "w") as file:
        json.dump({"generator": f"tokenizers {tokenizers.__version__}", **classes}, file)
