"""Loads an exported folder as any user of Hugging Face transformers would, and answers one request.

usage: transformers_model.py FOLDER < request.json
request: {"texts": [string], "messages": [{"role", "content"}], "maxNewTokens": n}
Prints one JSON object: versions, ids of each text, logits of the token after each text (float32), ids of the chat
prompt, and the greedy continuation of it. Needs: transformers, torch (CPU build is enough).
"""
import json, sys
import torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, request = sys.argv[1], json.load(sys.stdin)
torch.set_num_threads(1)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids, logits = [], []
with torch.no_grad():
    for text in request["texts"]:
        encoded = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        ids.append(encoded[0].tolist())
        logits.append(model(encoded).logits[0, -1].tolist())
    chat = tokenizer.apply_chat_template(request["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]
    continuation = model.generate(chat, max_new_tokens=request["maxNewTokens"], do_sample=False)[0, chat.shape[1]:].tolist()
print(json.dumps({
    "versions": f"transformers {transformers.__version__}, torch {torch.__version__}",
    "parameters": sum(p.numel() for p in model.parameters()),
    "ids": ids, "logits": logits, "chat": chat[0].tolist(), "continuation": continuation,
}))
