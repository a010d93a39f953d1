"""Makes test/golden/llama: a tiny Llama as `transformers` and `torch` compute it, in float32 on one thread.

usage: python llama.py [OUTPUT_FOLDER]      needs: torch, transformers, safetensors
The versions that made the committed files are in expected.json. The order of random draws is part of the result.
"""

import json
import math
import os
import sys

import torch
import transformers
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, logsigmoid
from transformers import LlamaConfig, LlamaForCausalLM

OUT = sys.argv[1] if len(sys.argv) > 1 else "llama"
VOCAB = 320
IGNORED = -100
TIED_HEAD = "lm_head.weight"


def tensors_of(model):
    """The weights as a file holds them: the tied head is the embedding and is left out."""
    return {k: v.clone().contiguous() for k, v in model.state_dict().items() if k != TIED_HEAD}


def gradients_of(model):
    return {k: p.grad.clone().contiguous() for k, p in model.named_parameters()}


def global_norm(gradients):
    return math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients.values()))


def make_model():
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=48, intermediate_size=128, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=True, attention_bias=False, mlp_bias=False, initializer_range=0.1,
        bos_token_id=0, eos_token_id=0,
    )
    model = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
    return config, model


def save_config(config):
    fields = [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "tie_word_embeddings",
        "attention_bias", "mlp_bias", "hidden_act",
    ]
    values = {field: getattr(config, field) for field in fields}
    values |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rope_theta": 10000.0, "torch_dtype": "float32"}
    with open(f"{OUT}/config.json", "w") as file:
        json.dump(values, file, indent=1)


def loss_of(model, inputs, targets):
    return cross_entropy(model(inputs).logits.view(-1, VOCAB), targets.reshape(-1), ignore_index=IGNORED)


def adamw_trajectory(model, inputs, targets):
    """Twelve steps on one batch: linear warmup over four, clipping at 1.0, decay on matrices only."""
    model.zero_grad()
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), eps=1e-8)
    trajectory = []
    for step in range(12):
        learning_rate = 1e-2 * min(1, (step + 1) / 4)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        loss = loss_of(model, inputs, targets)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        trajectory.append(
            {"step": step + 1, "learning_rate": learning_rate, "loss_before": loss.item(), "grad_norm": norm.item()}
        )
    return {
        "betas": [0.9, 0.95], "eps": 1e-08, "weight_decay": 0.1,
        "weight_decay_on": "tensors of two or more dimensions only (tied embedding included)",
        "clip_global_norm": 1.0, "trajectory": trajectory, "loss_after": loss_of(model, inputs, targets).item(),
    }


def sequence_log_probabilities(model, tokens, mask):
    log_p = torch.log_softmax(model(tokens[:, :-1]).logits, -1)
    return (log_p.gather(-1, tokens[:, 1:].unsqueeze(-1)).squeeze(-1) * mask[:, 1:]).sum(-1)


def preference_pairs():
    """Four pairs that share eight prompt tokens; two masks end early."""
    torch.manual_seed(11)
    chosen = torch.randint(0, VOCAB, (4, 18))
    rejected = chosen.clone()
    rejected[:, 8:] = torch.randint(0, VOCAB, (4, 10))
    chosen_mask, rejected_mask = torch.zeros(4, 18), torch.zeros(4, 18)
    chosen_mask[:, 8:] = 1
    chosen_mask[0, 15:] = 0
    rejected_mask[:, 8:] = 1
    rejected_mask[3, 12:] = 0
    return chosen, chosen_mask, rejected, rejected_mask


def dpo_case(policy, reference, beta=0.5):
    chosen, chosen_mask, rejected, rejected_mask = preference_pairs()
    with torch.no_grad():
        reference_chosen = sequence_log_probabilities(reference, chosen, chosen_mask)
        reference_rejected = sequence_log_probabilities(reference, rejected, rejected_mask)
    policy.zero_grad()
    policy_chosen = sequence_log_probabilities(policy, chosen, chosen_mask)
    policy_rejected = sequence_log_probabilities(policy, rejected, rejected_mask)
    rewards_chosen = beta * (policy_chosen - reference_chosen)
    rewards_rejected = beta * (policy_rejected - reference_rejected)
    losses = -logsigmoid(rewards_chosen - rewards_rejected)
    losses.mean().backward()
    return {
        "policy": "after-adamw.safetensors", "reference": "model.safetensors", "beta": beta,
        "chosen": chosen.tolist(), "chosen_mask": chosen_mask.int().tolist(),
        "rejected": rejected.tolist(), "rejected_mask": rejected_mask.int().tolist(),
        "policy_chosen_logps": policy_chosen.tolist(), "policy_rejected_logps": policy_rejected.tolist(),
        "reference_chosen_logps": reference_chosen.tolist(), "reference_rejected_logps": reference_rejected.tolist(),
        "losses": losses.tolist(), "loss": losses.mean().item(),
        "rewards_chosen": rewards_chosen.tolist(), "rewards_rejected": rewards_rejected.tolist(),
        "accuracy": float((rewards_chosen > rewards_rejected).float().mean()),
        "grad_global_norm": global_norm(gradients_of(policy)), "loss_when_policy_is_reference": math.log(2),
    }


def main():
    torch.manual_seed(7)
    torch.set_num_threads(1)
    os.makedirs(OUT, exist_ok=True)
    config, model = make_model()
    initial = tensors_of(model)
    save_file(initial, f"{OUT}/model.safetensors", metadata={"format": "pt"})
    save_config(config)

    tokens = torch.randint(0, VOCAB, (3, 25))
    inputs, targets = tokens[:, :-1], tokens[:, 1:].clone()
    targets[1, :9] = IGNORED
    targets[2, 20:] = IGNORED
    logits = model(inputs).logits
    loss = cross_entropy(logits.view(-1, VOCAB), targets.reshape(-1), ignore_index=IGNORED)
    loss.backward()
    gradients = gradients_of(model)
    named = {"logits": logits.detach().contiguous()} | {f"grad.{k}": v for k, v in gradients.items()}
    save_file(named, f"{OUT}/forward-backward.safetensors")
    expected = {
        "generator": f"transformers {transformers.__version__}, torch {torch.__version__}, float32, one thread",
        "inputs": inputs.tolist(), "targets": targets.tolist(), "ignore_index": IGNORED, "loss": loss.item(),
        "grad_global_norm": global_norm(gradients), "parameters": sum(p.numel() for p in model.parameters()),
        "adamw": adamw_trajectory(model, inputs, targets),
    }
    save_file(tensors_of(model), f"{OUT}/after-adamw.safetensors")

    reference = LlamaForCausalLM(config).float()
    reference.load_state_dict({**initial, TIED_HEAD: initial["model.embed_tokens.weight"]})
    reference.eval()
    prompt = tokens[:1, :5]
    generated = reference.generate(prompt, max_new_tokens=20, do_sample=False, eos_token_id=None, pad_token_id=0)
    expected["greedy"] = {"prompt": prompt[0].tolist(), "continuation": generated[0, 5:].tolist()}

    expected["dpo"] = dpo_case(policy=model, reference=reference)
    save_file({f"grad.{k}": v for k, v in gradients_of(model).items()}, f"{OUT}/dpo-gradients.safetensors")
    with open(f"{OUT}/expected.json", "w") as file:
        json.dump(expected, file, indent=1)


main()
