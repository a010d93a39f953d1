"""Writes test/golden/tokenizer/split-patterns.json: for each split pattern the pieces and ids of awkward strings, and
the tokenizer that Hugging Face `tokenizers` trains on test/golden/tokenizer/corpus.jsonl.

    pip install tokenizers==0.23.3
    python test/golden/generate/split-patterns.py [FOLDER]
"""

import json
import sys

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "test/golden/tokenizer"
HAN = "々〇㐀-䶿一-\u9fff\U00020000-\U0002a6df\U0002a700-\U0002b739\U0002b740-\U0002b81d\U0002b820-\U0002cea1\U0002ceb0-\U0002ebe0\U0002ebf0-\U0002ee5d\U00030000-\U0003134a\U00031350-\U000323af"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "gpt4": rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{REST}",
    "qwen2": rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{REST}",
    "han": rf"{CONTRACTIONS}|[{HAN}]+|[^\r\n\p{{L}}\p{{N}}]?(?:(?![{HAN}])\p{{L}})+|(?:(?![{HAN}])\p{{N}}){{1,3}}|{REST}",
}
TEXTS = [
    "Hello world, it's 2026: I'LL say WE'VE 12345 'sheep",
    "tabs\tand\t\ttabs\r\n\r\n  indented\n\n\n   \n end   ",
    "def f(x):\n    return x[1:-1]  # comment\r\n\treturn\n",
    "小河记得早晨的雾，但是她忘记了。“真的？”老师说：好！",
    "二〇二六年11月23日，GPT4模型的loss是3.14159。",
    "中文English混排mixed文本,逗号 空格　全角空格",
    "々 人々 𠮷野家𠀀𪜀 豈 U+F900",
    "\u00a0nbsp\u200bzwsp\ufeffbom\u0085nel",
    "'ſ 'ſa don'ſ 'S'T'Re'vE'M'lL'D",
    "...!!!???\n\n---\r\n***  ***\n",
    "½ ² Ⅷ ١٢٣ １２３４ 𝟘𝟙𝟚𝟛",
    "emoji 👩‍👩‍👧‍👦 🇨🇳 🙂🙂 e\u0301",
    "日本語のテキスト и русский текст والعربية 한국어",
    "   ", "\n", " \n ", "a \n b", "1 2  3   4", "!a !!a ! a", "x\u3000\u3000y\u3000",
    "",
]


def pre_tokenizer(name, digits):
    steps = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    if name == "gpt2":
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True))
    else:
        steps.append(pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated"))
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)


def splits(name, digits, text):
    """The pieces as text: the same steps without the change to the byte alphabet."""
    steps = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    steps.append(pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated"))
    return [piece for piece, _ in pre_tokenizers.Sequence(steps).pre_tokenize_str(text)]


documents = [json.loads(line)["text"] for line in open(f"{FOLDER}/corpus.jsonl")]
results = []
for name in PATTERNS:
    for digits in (False, True):
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer(name, digits)
        tokenizer.decoder = decoders.ByteLevel()
        min_frequency = 3 if digits else 0
        tokenizer.train_from_iterator(
            documents,
            trainers.BpeTrainer(
                vocab_size=460,
                min_frequency=min_frequency,
                special_tokens=["<|endoftext|>"],
                initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                show_progress=False,
            ),
        )
        saved = json.loads(tokenizer.to_str())
        results.append(
            {
                "splitPattern": name,
                "splitDigits": digits,
                "minFrequency": min_frequency,
                "pre_tokenizer": saved["pre_tokenizer"],
                "vocab": sorted(saved["model"]["vocab"], key=saved["model"]["vocab"].get),
                "merges": [" ".join(merge) for merge in saved["model"]["merges"]],
                "cases": [
                    {
                        "text": text,
                        "pieces": splits(name, digits, text),
                        "ids": tokenizer.encode(text, add_special_tokens=False).ids,
                    }
                    for text in TEXTS
                ],
            }
        )
with open(f"{FOLDER}/split-patterns.json", "w") as file:
    json.dump({"generator": f"tokenizers {tokenizers.__version__}", "patterns": results}, file, ensure_ascii=False)
