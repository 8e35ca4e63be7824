"""Room train: fit one variant with one seed; the validation part of the train list chooses the epoch."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.room import command_line, make, parser, settings, typed
from vad.artefacts.features import read_features
from vad.artefacts.files import write_json, write_text
from vad.artefacts.weights import write_weights
from vad.errors import VadError
from vad.ledger.records import Job
from vad.schema.train import Train
from vad.splits.tables import read_train


def main(argv: Sequence[str] | None) -> None:
    """Run one job of the room."""
    flags = parser(__doc__)
    flags.add_argument("--videos", type=Path, required=True, help="train.csv")
    flags.add_argument("--features", type=Path, required=True, help="folder of feature files")
    flags.add_argument("--seed", type=int, required=True)
    flags.add_argument("--threads", type=int, default=1)
    args = flags.parse_args(argv)
    table = read_train(args.videos)
    files = [args.features / f"{video_id}.npz" for video_id in table["video_id"]]
    job = Job("train", args.out, args.section, args.code, [args.videos, *files], {"seed": args.seed})
    try:
        make(job, lambda: _fit(settings(args.section), table, files, args.seed, args.threads, args.out))
    except VadError as error:
        # Without the seed: the summary of a failed run shows equal errors once.
        raise type(error)(f"variant {args.out.parent.name}: {error}") from error


def _fit(entry: dict, table: pd.DataFrame, files: list[Path], seed: int, threads: int, out: Path) -> None:
    """Train and write weights, the config that rebuilds the model, and the training curves."""
    # Torch takes seconds to import: only a job that has work to do waits for it.
    from vad.engine.batches import part_of
    from vad.engine.build import build, on_device
    from vad.engine.train import train

    dim = read_features(files[0]).dim
    model = on_device(build(entry["model"], entry["model_args"], dim, seed), entry["train"]["device"])
    labels, parts = table["label"].tolist(), table["part"].tolist()
    fit, validation = (
        part_of(model, part, (read_features(files[i], dim) for i in rows), [labels[i] for i in rows])
        for part, rows in ((part, [i for i, p in enumerate(parts) if p == part]) for part in ("fit", "validation"))
    )
    checkpoint = out.with_name(f".{out.name}.checkpoint.pt")
    config = {"model": entry["model"], "model_args": entry["model_args"], "feature_dim": dim}

    def write(number: int, state: Mapping[str, Any]) -> None:
        write_weights(out / "epochs" / f"{number:04}.safetensors", {k: v.numpy() for k, v in state.items()}, config)

    def keep(number: int, state: Mapping[str, Any]) -> None:
        if number % plan.keep_epochs == 0:
            write(number, state)

    plan = typed(Train, entry["train"])
    result = train(model, fit, validation, plan, seed, threads, checkpoint, keep if plan.keep_epochs else None)
    kept = set[int]()
    if plan.keep_epochs:
        last = len(result.history)
        write(last, {name: value.detach().cpu() for name, value in model.state_dict().items()})
        write(result.epoch, result.state)
        kept = {*range(plan.keep_epochs, last, plan.keep_epochs), last, result.epoch}
    _drop_epochs(out / "epochs", kept)
    write_weights(out / "weights.safetensors", {k: v.numpy() for k, v in result.state.items()}, config)
    write_json(out / "config.json", {**config, "seed": seed, "epoch": result.epoch, "section": entry})
    write_text(out / "history.csv", pd.DataFrame(result.history).to_csv(index=False, lineterminator="\n"))
    checkpoint.unlink(missing_ok=True)


def _drop_epochs(folder: Path, kept: Collection[int]) -> None:
    """Remove the weights of other epochs: an earlier run with other settings left them."""
    for path in folder.glob("*.safetensors"):
        if int(path.stem) not in kept:
            path.unlink()


if __name__ == "__main__":
    command_line(main)
