"""Greedy generation by Hugging Face transformers, float32 on the CPU, request by request, for turns with ours.

usage: transformers_generate.py FOLDER, then one JSON line a request: {"prompts": [[id]], "newTokens": n}
Prompts are equally long. Answers each with one JSON line: {"milliseconds", "tokens": [[id]]}, after a first line
{"system", "parameters"}. No token ends a text. Needs: transformers, torch (CPU build is enough).
"""
import json, os, sys, time
import torch, transformers
from transformers import AutoModelForCausalLM

torch.set_num_threads(os.cpu_count())
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
model.generation_config.eos_token_id = None
model.generation_config.pad_token_id = 0

def answer(value):
    print(json.dumps(value), flush=True)

answer({"system": f"transformers {transformers.__version__}, torch {torch.__version__}, float32",
        "parameters": sum(p.numel() for p in model.parameters())})
for line in sys.stdin:
    request = json.loads(line)
    prompts = torch.tensor(request["prompts"])
    start = time.perf_counter()
    with torch.inference_mode():
        tokens = model.generate(prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=request["newTokens"], do_sample=False)
    elapsed = time.perf_counter() - start
    answer({"milliseconds": elapsed * 1e3, "tokens": tokens[:, prompts.shape[1]:].tolist()})
