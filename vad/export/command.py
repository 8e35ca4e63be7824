"""Write extractor and head of a trained variant as files for edge devices, checked against torch."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from vad.artefacts.files import read_json
from vad.errors import ParamsError, VadError, nearest
from vad.export.calibration import spread
from vad.params import load


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument("variant", help="a variant of params.yaml that was trained")
    flags.add_argument("--format", choices=("onnx", "openvino"), default="onnx", dest="kind")
    flags.add_argument(
        "--precision", choices=("float32", "int8"), default="float32", help="int8: of the extractor, format openvino"
    )
    flags.add_argument("--run", type=Path, help="folder of the trained run; default data/train/VARIANT/seed0")
    flags.add_argument("--video", type=Path, help="real frames for the check; default the data set's first test video")
    flags.add_argument("--out", type=Path, help="folder for the files; default export/VARIANT")
    flags.add_argument("--params", type=Path, default=Path("params.yaml"))


def run(args: argparse.Namespace) -> int:
    """Write, check and time both networks; print and store the latencies.

    Returns: exit code 0.

    Raises: VadError for missing packages, an unknown variant or a run that is not there, and for a file that gives
        other numbers than torch, which is deleted.
    """
    # Torch takes seconds to import: the other verbs do not wait for it.
    from vad.export.formats import require
    from vad.export.write import write_parts

    if args.precision == "int8" and args.kind != "openvino":
        raise VadError("vad export --precision int8: needs --format openvino. docs/performance.md says why.")
    require(args.kind, args.precision)
    params = load(args.params)
    if args.variant not in params.variants:
        known = nearest(args.variant, list(params.variants))
        raise ParamsError(f"no variant {args.variant!r} in {args.params}.{known}")
    variant = params.variants[args.variant]
    trained = args.run or Path("data/train", args.variant, "seed0")
    if not (trained / "config.json").is_file():
        raise VadError(f"{trained}: no trained run. Train it: snakemake --cores all, or give --run.")
    config = read_json(trained / "config.json")
    stored = {"model": config["model"], "features": config.get("section", {}).get("features", variant.features)}
    for key, own in (("model", variant.model), ("features", variant.features)):
        if stored[key] != own:
            why = f"the run has {key} {stored[key]}, variant {args.variant} has {own}"
            raise VadError(f"{trained}: {why}. Name the variant that the run is of.")
    root = params.datasets[variant.dataset].model_dump().get("root")
    tables = Path("data/split", variant.dataset, "tables")
    folder = Path(root) if root else tables.with_name("raw")
    video = args.video or listed(tables / "test.csv", folder)[0]
    ranges = spread(listed(tables / "train.csv", folder)) if args.precision == "int8" else []
    entry = params.features[variant.features].model_dump(mode="json")
    found = write_parts(entry, trained, video, args.kind, args.out or Path("export", args.variant), ranges)
    for name in ("extractor", "head"):
        one = found[name]
        print(
            f"{one['file']}: {one['precision']}, differs from torch by {one['difference']:.1e}; one thread, batch 1:"
            f" {one['latency_ms']:.2f} ms, torch {one['torch_latency_ms']:.2f} ms"
        )
    print(f"measured on {found['machine']['processor']}")
    return 0


def listed(table: Path, folder: Path) -> Sequence[Path]:
    """The videos of a split table that are there: of the test list, or of the part that models are fitted to."""
    from vad.splits.tables import in_part, read_test, read_train  # pandas, for the same reason

    if not table.is_file():
        raise VadError(f"{table}: no such table. Run snakemake --cores all first, or give --video (float32 only).")
    if table.name == "test.csv":
        paths = read_test(table)["path"]
    else:
        rows = read_train(table)
        paths = rows[in_part(rows, "fit")]["path"]
    found = [folder / str(path) for path in paths if path and (folder / str(path)).exists()]
    if not found:
        raise VadError(f"{table}: none of its videos is in {folder}. Give --video, a video with frames of your data.")
    return found
