"""Trains a byte-level BPE by Hugging Face tokenizers (Rust; RAYON_NUM_THREADS threads) on a file, whose lines are its texts.

usage: tokenizers_train.py FILE, then one JSON object: {"vocabSize", "minFrequency", "specialTokens", "splitDigits"}
Pre-tokenizer: Digits where asked, then ByteLevel with GPT-2's expression. Answers with one JSON line: {"system",
"seconds", "peakBytes", "tokens", "merges"}. Needs: tokenizers.
"""
import json, resource, sys, time
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

options = json.load(sys.stdin)
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
digits = [pre_tokenizers.Digits(individual_digits=True)] if options["splitDigits"] else []
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, byte_level])
trainer = trainers.BpeTrainer(
    vocab_size=options["vocabSize"], min_frequency=options["minFrequency"], special_tokens=options["specialTokens"],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
start = time.perf_counter()
tokenizer.train([sys.argv[1]], trainer)
seconds = time.perf_counter() - start
model = json.loads(tokenizer.to_str())["model"]
print(json.dumps({
    "system": f"tokenizers {tokenizers.__version__}", "seconds": seconds,
    "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "tokens": sorted(model["vocab"], key=model["vocab"].get), "merges": model["merges"]}))
