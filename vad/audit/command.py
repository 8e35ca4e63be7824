"""The verb `vad audit`: its flags, and what it does."""

import argparse
from pathlib import Path

from rich.console import Console

from vad.audit.files import read_labels_file, read_stated_frames, read_submission
from vad.audit.official import load_official
from vad.audit.report import WIDTH, save, show, show_roc
from vad.audit.roc import is_roc, read_roc
from vad.audit.run import audit
from vad.errors import ArtefactError
from vad.schema.evaluate import Bootstrap


def add_flags(flags: argparse.ArgumentParser) -> None:
    """Add the flags of the verb to a parser."""
    flags.add_argument(
        "scores",
        type=Path,
        help="folder, .npz, .npy, .csv, .txt, .json, .pkl, .pt or .mat of scores, or a published ROC .mat",
    )
    flags.add_argument("--dataset", help="entry of `datasets` in params.yaml")
    flags.add_argument("--videos", type=Path, help="for one vector: list of its videos, in its order")
    flags.add_argument(
        "--labels",
        type=Path,
        help="frame labels that came with the scores: one vector of all videos, or a folder of them",
    )
    flags.add_argument("--frames", type=Path, help="true number of frames of each video, where no list states it")
    flags.add_argument("--params", type=Path, default=Path("params.yaml"))
    flags.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples; 0 = no intervals")
    flags.add_argument("--json", type=Path, help="write findings and metrics here as well")
    flags.add_argument("--csv", type=Path, help="write the metrics here as well")


def run(args: argparse.Namespace) -> int:
    """Audit a score file, print the findings and metrics, and write them where flags say so.

    Returns: exit code 0.

    Raises: VadError when a file cannot be read, or the scores fit no known form.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    if not args.scores.exists():
        raise ArtefactError(f"{args.scores}: no such file or folder. Give the scores to audit.")
    if args.scores.suffix.lower() == ".mat" and (args.dataset is None or is_roc(args.scores)):
        show_roc(args.scores, read_roc(args.scores), console)
        return 0
    if args.dataset is None:
        raise ArtefactError("vad audit: scores are compared with a test list. Give --dataset, an entry of params.yaml.")
    stated = None if args.frames is None else read_stated_frames(args.frames)
    official = load_official(args.dataset, args.params, stated)
    submission = read_submission(args.scores, official, args.videos)
    labels = None if args.labels is None else read_labels_file(args.labels, official)
    bootstrap = Bootstrap(resamples=args.resamples) if args.resamples > 0 else None
    found = audit(submission, official, labels, bootstrap)
    show(found, console)
    save(found, args.json, args.csv)
    return 0
