"""Makes tokenizer/large-vocabulary.json: pip install tokenizers==0.23.2; python large-vocabulary.py. What Hugging Face's trainer
makes of a text of seldom repeated words when more entries are asked for than 16 bits can number, by its digests."""
import hashlib
import json
import os
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def words(count):
    """The same as in the test: letters by a linear congruential generator (ISO C's example of rand)."""
    state = 1

    def draw(bound):
        nonlocal state
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        return (state >> 16) % bound

    return ["".join(chr(97 + draw(26)) for _ in range(4 + draw(8))) for _ in range(count)]


all_words = words(24_000)
lines = [" ".join(all_words[at : at + 20]) for at in range(0, len(all_words), 20)]
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
trainer = trainers.BpeTrainer(
    vocab_size=70_000,
    min_frequency=1,
    special_tokens=SPECIAL,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False,
)
tokenizer.train_from_iterator(lines, trainer)
data = json.loads(tokenizer.to_str())["model"]
tokens = sorted(data["vocab"], key=data["vocab"].get)
merges = [" ".join(merge) for merge in data["merges"]]
digest = lambda parts: hashlib.sha256("\n".join(parts).encode()).hexdigest()
encoded = [tokenizer.encode(line).ids for line in lines]
golden = {
    "generator": f"tokenizers {tokenizers.__version__}",
    "vocabSize": len(tokens),
    "largestId": max(max(ids) for ids in encoded),
    "tokens": digest(tokens),
    "merges": digest(merges),
    "ids": digest([",".join(map(str, ids)) for ids in encoded]),
}
with open(os.path.join(HERE, "..", "tokenizer", "large-vocabulary.json"), "w") as file:
    json.dump(golden, file, indent=2)
    file.write("\n")
