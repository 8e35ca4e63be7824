"""Write extractor and head of a trained variant as files for edge devices, checked against torch."""

import argparse
from pathlib import Path

from vad.errors import ParamsError, VadError, nearest
from vad.params import load


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument("variant", help="a variant of params.yaml that was trained")
    flags.add_argument("--format", choices=("onnx", "openvino"), default="onnx", dest="kind")
    flags.add_argument("--run", type=Path, help="folder of the trained run; default data/train/VARIANT/seed0")
    flags.add_argument("--video", type=Path, help="real frames for the check; default one of the variant's data set")
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

    require(args.kind)
    params = load(args.params)
    if args.variant not in params.variants:
        known = nearest(args.variant, list(params.variants))
        raise ParamsError(f"no variant {args.variant!r} in {args.params}.{known}")
    variant = params.variants[args.variant]
    trained = args.run or Path("data/train", args.variant, "seed0")
    if not (trained / "config.json").is_file():
        raise VadError(f"{trained}: no trained run. Train it: snakemake --cores all, or give --run.")
    root = params.datasets[variant.dataset].model_dump().get("root")
    video = args.video or _any_video(Path("data/split", variant.dataset, "raw"), root)
    entry = params.features[variant.features].model_dump(mode="json")
    found = write_parts(entry, trained, video, args.kind, args.out or Path("export", args.variant))
    for name in ("extractor", "head"):
        one = found[name]
        print(
            f"{one['file']}: differs from torch by {one['difference']:.1e} of the largest value; one thread, batch 1:"
            f" {one['latency_ms']:.2f} ms, torch {one['torch_latency_ms']:.2f} ms"
        )
    print(f"measured on {found['machine']['processor']}")
    return 0


def _any_video(generated: Path, root: str | None) -> Path:
    """The first video of a data set, in the order of names: of its own folder, or of the generated one."""
    folder = Path(root) if root else generated
    videos = sorted(folder.rglob("*.mp4"))
    if not videos:
        raise VadError(f"{folder}: no .mp4 file here. Give --video, a video with frames of your data.")
    return videos[0]
