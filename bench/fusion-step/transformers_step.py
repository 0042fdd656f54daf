"""One side of the fusion comparison: ViltForQuestionAnswering of transformers, eager. Speaks the protocol of ../side.mjs; model and batch are in FOLDER."""
import json
import os
import resource
import sys
import time

import torch
import transformers
from safetensors.torch import load_file

folder = os.environ["FOLDER"]
torch.set_num_threads(int(os.environ.get("THREADS", 2)))
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

started = time.perf_counter()
model = transformers.ViltForQuestionAnswering.from_pretrained(folder)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01)
create_ms = (time.perf_counter() - started) * 1e3
batch = load_file(os.path.join(folder, "batch.safetensors"))
tokens = batch["tokens"].long()
pair = dict(input_ids=tokens, attention_mask=(tokens != 0).long(), pixel_values=batch["image"])


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = model(**pair, labels=batch["targets"]).loss
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.inference_mode()
def score():
    return model(**pair).logits[0, 0].item()


def timed(count, run):
    times, values = [], []
    for _ in range(count):
        before = time.perf_counter()
        values.append(run())
        times.append((time.perf_counter() - before) * 1e3)
    return {"times": times, "values": values, "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def answer(value):
    print(json.dumps(value), flush=True)


answer({"version": f"transformers {transformers.__version__}, PyTorch {torch.__version__}", "createMs": create_ms})
for line in sys.stdin:
    name, argument = line.split()
    model.train(name == "steps")
    answer(timed(int(argument), step if name == "steps" else score))
