"""What transformers' classes of ViLT compute and publish, with tiny random weights, on images of several sizes in a batch.

  python make-fixtures.py        writes goldens/vilt-{vqa,statements,rank,mlm}-huggingface beside this file, with transformers 5 the last alone

The first four are of transformers 4.57. There the head for masked words has a table of its own, and its bias is called `mlm_score.bias`; in transformers 5 it
shares the table of the embeddings, and its bias is called `mlm_score.decoder.bias`.
Patches are permuted in every forward pass, so that outputs of image tokens are not compared.
"""

import json
import pathlib

import torch
import transformers as t
from safetensors.torch import save_file

here = pathlib.Path(__file__).resolve().parent / "goldens"
draw = torch.Generator().manual_seed(7)
sizes = dict(
    vocab_size=23, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, max_position_embeddings=9,
    image_size=6, patch_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)


def config(**more):
    c = t.ViltConfig(**sizes, **more)
    c._attn_implementation = "eager"
    return c


def randomised(model):
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            scale = 0.6 / p.shape[-1] ** 0.5 if p.ndim == 2 else 0.1
            one = 1.0 if p.ndim == 1 and "norm" in name.lower() and name.endswith("weight") else 0.0
            p.copy_(one + scale * torch.randn(p.shape, generator=draw))
    model.tie_weights()
    return model.eval()


def images(n):
    """Images of 4 × 6, 6 × 2 and 6 × 8 pixels, filled up with zeros."""
    shapes = [(4, 6), (6, 2), (6, 8)][:n]
    x, mask = torch.zeros(n, 3, 6, 8), torch.zeros(n, 6, 8, dtype=torch.long)
    for i, (h, w) in enumerate(shapes):
        x[i, :, :h, :w] = torch.randn(3, h, w, generator=draw)
        mask[i, :h, :w] = 1
    return x, mask


def texts(n):
    ids = torch.randint(5, 23, (n, 7), generator=draw)
    keep = torch.ones_like(ids)
    for i, length in enumerate([7, 4, 6][:n]):
        keep[i, length:] = 0
    return ids * keep, keep


def write(name, model, inputs, outputs, loss=None):
    five = t.__version__.startswith("5")
    if five and name != "mlm":
        return
    folder = here / (f"vilt-{name}-huggingface" + ("-5" if five else ""))
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    save_file({k: v.contiguous() for k, v in inputs.items()}, folder / "inputs.safetensors")
    save_file({k: v.detach().contiguous() for k, v in outputs.items()}, folder / "outputs.safetensors")
    info = {"reference": f"transformers {t.__version__} {type(model).__name__}", "torch": torch.__version__}
    if loss is not None:
        loss.backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        save_file({k: v.contiguous() for k, v in grads.items()}, folder / "gradients.safetensors")
        info["loss"] = loss.item()
    (folder / "info.json").write_text(json.dumps(info, indent=1) + "\n")


pixels, mask = images(3)
ids, keep = texts(3)
pair = dict(input_ids=ids, attention_mask=keep, pixel_values=pixels, pixel_mask=mask)

names = {0: "red", 1: "blue", 2: "two"}
vqa = randomised(t.ViltForQuestionAnswering(config(id2label=names, label2id={v: k for k, v in names.items()})))
labels = torch.rand(3, 3, generator=draw)
out = vqa(**pair, labels=labels, output_hidden_states=True)
hidden = {f"text_hidden.{i}": h[:, :7] for i, h in enumerate(out.hidden_states)}
write("vqa", vqa, {**pair, "labels": labels}, {"logits": out.logits, **hidden}, out.loss)

rank = randomised(t.ViltForImageAndTextRetrieval(config()))
write("rank", rank, pair, {"logits": rank(**pair).logits})

second, second_mask = images(3)
second, second_mask = second.flip(0), second_mask.flip(0)
both = dict(
    input_ids=ids, attention_mask=keep,
    pixel_values=torch.stack([pixels, second], 1), pixel_mask=torch.stack([mask, second_mask], 1),
)
two = randomised(t.ViltForImagesAndTextClassification(config(num_images=2, modality_type_vocab_size=3)))
truth = torch.tensor([1, 0, 1])
out = two(**both, labels=truth)
write("statements", two, {**both, "labels": truth}, {"logits": out.logits})

mlm = randomised(t.ViltForMaskedLM(config()))
words = torch.where(torch.rand(3, 7, generator=draw) < 0.4, ids, -100)
out = mlm(**pair, labels=words)
write("mlm", mlm, {**pair, "labels": words}, {"logits": out.logits}, out.loss)
