"""Writes test/golden/tokenizer: a small bilingual corpus, the tokenizers that Hugging Face `tokenizers` trains on it,
what they make of awkward strings, and the chat template's text, ids and assistant mask.

    pip install tokenizers==0.23.2 jinja2
    python test/golden/generate/tokenizer.py [OUTPUT_FOLDER]
"""

import json
import os
import random
import sys

import tokenizers
from jinja2 import Environment
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

OUT = sys.argv[1] if len(sys.argv) > 1 else "test/golden/tokenizer"
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\n" + SYSTEM + "<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

ENGLISH = (
    ["the river", "a small model", "her teacher", "the old harbour", "this tokenizer", "an honest result", "the night train", "our pipeline", "a bowl of rice", "the mountain path"],
    ["remembers", "crosses", "explains", "measures", "forgets", "carries", "repeats", "answers", "follows", "compares"],
    ["the morning fog", "twenty-three letters", "every question twice", "what it was given", "a song about winter", "the last checkpoint", "nothing but numbers", "two languages at once", "the shape of the hills", "an unfinished map"],
    ["in 1987", "at 06:45", "for 3.14 seconds", "on page 210", "without a word", "again and again", "before the rain", "as usual", "because it can't stop", "(so they say)"],
)
CHINESE = (
    ["小河", "一个小模型", "她的老师", "旧港口", "这个分词器", "诚实的结果", "夜班火车", "我们的流水线", "一碗米饭", "山间小路"],
    ["记得", "穿过", "解释", "测量", "忘记", "带着", "重复", "回答", "跟随", "比较"],
    ["早晨的雾", "二十三个字母", "每个问题两次", "得到的一切", "一首关于冬天的歌", "最后一个检查点", "除了数字什么也没有", "同时两种语言", "群山的形状", "一张没画完的地图"],
    ["在1987年", "在06:45", "持续3.14秒", "在第210页", "一言不发", "一次又一次", "在下雨之前", "和往常一样"],
)
CASES = [
    "Hello world",
    " leading space",
    "trailing space ",
    "two  spaces\tand\ttabs\r\nand CRLF\n\n",
    "it's we're I'll they'd can't",
    "2026-11-23 06:45 3.14159 1,000,000",
    "小河记得早晨的雾。",
    "混合 mixed 文本 with English",
    "emoji 👩‍👩‍👧‍👦 🇨🇳 🙂",
    "é vs e\u0301 (NFC vs NFD)",
    "\u00a0nbsp\u200bzwsp\ufeffbom",
    "<|im_start|>user\nhi<|im_end|>\n",
    "not special: < |im_start| >",
    "",
    "\x00\x01control",
    "ﬀ ligature, ½, ²",
    "日本語のテキスト и русский текст والعربية",
    "a" * 70,
    "𠮷野家 (outside the basic plane)",
    "<|endoftext|><|endoftext|>x",
    "，。！？；：“”",
    "the the the  the",
]
CONVERSATIONS = [
    [{"role": "user", "content": "What is gravity?"}],
    [{"role": "user", "content": "小河记得什么?"}, {"role": "assistant", "content": "早晨的雾。"}],
    [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "1987?"},
        {"role": "assistant", "content": "A year."},
    ],
]


def sentence():
    if random.random() < 0.5:
        text = " ".join(random.choice(words) for words in ENGLISH)
        return text[0].upper() + text[1:] + random.choice([".", ".", "!", "?", "..."])
    subject, verb, obj, time = (random.choice(words) for words in CHINESE)
    return f"{subject}{verb}{obj},{time}" + random.choice(["。", "。", "!", "?"])


def train(documents, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def render(messages, add_generation_prompt):
    """The text, and the [start, end) spans of assistant turns in it."""
    text, spans = "", []
    if messages[0]["role"] != "system":
        text += f"<|im_start|>system\n{SYSTEM}<|im_end|>\n"
    for message in messages:
        text += f"<|im_start|>{message['role']}\n"
        start = len(text)
        text += message["content"] + "<|im_end|>"
        if message["role"] == "assistant":
            spans.append((start, len(text)))
        text += "\n"
    if add_generation_prompt:
        text += "<|im_start|>assistant\n"
    return text, spans


def write(name, value):
    with open(f"{OUT}/{name}", "w") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)


os.makedirs(OUT, exist_ok=True)
random.seed(5)
lines = [sentence() for _ in range(900)]
documents = ["\n".join(lines[i : i + 3]) for i in range(0, 900, 3)]
with open(f"{OUT}/corpus.jsonl", "w") as file:
    for document in documents:
        file.write(json.dumps({"text": document}, ensure_ascii=False) + "\n")

for vocab_size in (400, 800):
    tokenizer = train(documents, vocab_size)
    tokenizer.save(f"{OUT}/tokenizer-{vocab_size}.json", pretty=True)


def encode(text):
    return tokenizer.encode(text, add_special_tokens=False)


write(
    "cases.json",
    {
        "generator": f"tokenizers {tokenizers.__version__}",
        "encode_with": "tokenizer-800.json",
        "cases": [
            {"text": text, "ids": encode(text).ids, "decoded": tokenizer.decode(encode(text).ids, skip_special_tokens=False)}
            for text in CASES
        ],
    },
)

chats = []
for messages in CONVERSATIONS:
    add_generation_prompt = messages[-1]["role"] == "user"
    text, spans = render(messages, add_generation_prompt)
    assert Environment().from_string(TEMPLATE).render(messages=messages, add_generation_prompt=add_generation_prompt) == text
    encoding = encode(text)
    mask = [int(any(a <= start < end <= b for a, b in spans)) for start, end in encoding.offsets]
    chats.append(
        {
            "messages": messages,
            "add_generation_prompt": add_generation_prompt,
            "text": text,
            "ids": encoding.ids,
            "assistant_mask": mask,
        }
    )
write("chat.json", {"template": TEMPLATE, "tokenizer": "tokenizer-800.json", "cases": chats})
