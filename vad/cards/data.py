"""Data card and Croissant metadata of a data set that the project generates."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from vad.artefacts.files import read_json, sha256, write_json, write_text
from vad.cards.croissant import Column, Table, metadata
from vad.report import page
from vad.schema.base import Id, Section
from vad.splits.tables import read_test, read_train

TRAIN = (
    Column("video_id", "text", "name of the video"),
    Column("path", "text", "its file, or the folder of its frames, below the folder of the data set"),
    Column("class", "text", "what happens in it"),
    Column("label", "integer", "1 = something anomalous happens in it, 0 = nothing does"),
    Column("part", "text", "fit or validation"),
)
TEST = (
    *TRAIN[:4],
    Column("intervals", "text", "first and last frame of each anomaly, joined by ;"),
    Column("interval_rule", "text", "how the intervals count frames"),
)
PEOPLE = "None: every picture is drawn by a program. No footage, no real person, no real place is in it."
USES = "To show that a pipeline runs and measures what it says, and to compare settings of a model on equal terms."


class Kind(NamedTuple):
    """What is known of a kind of generated data set, whatever its settings: texts of its card."""

    what: str
    made: str
    limits: tuple[str, ...]
    media: str
    """MIME type of its files."""
    pattern: str
    """Of its files, below the folder of the data set."""


KINDS = {
    "mini_crime": Kind(
        "A small synthetic stand-in for UCF-Crime, in UCF-Crime's own layout: fixed cameras, stick-and-capsule people,"
        " cars, weather, sensor noise and a clock, encoded as H.264. Half of the videos are anomalous; each of"
        " UCF-Crime's 13 classes of anomaly is one kind of event inside otherwise normal life.",
        "From a seed, on the spot, by `vad/synthetic` and `vad/synthetic_events`. The labels come from the same plan as"
        " the pictures: no person annotated them.",
        (
            "Numbers on it do not predict numbers on real crime: a figure drawn from capsules is no person.",
            "Labels are exact; those of real data sets are not. Nothing can be learned here about noise of labels.",
            "A class is one kind of event from a few templates: far less variety than a class of real videos.",
            "Few videos: intervals over videos are wide, and a class has very few test videos.",
            "Cameras are fixed: footage from a hand, and footage that was cut, is not in it.",
        ),
        "video/mp4",
        "Videos/**/*.mp4",
    ),
    "mini_walk": Kind(
        "A small synthetic stand-in for Ped2 and Avenue, in UCSD's own layout: grey frames of a walkway under a fixed"
        " camera. Train sequences are all normal: people who walk or stand about. Test sequences also have cyclists,"
        " runners, skaters, golf carts and a bag that is thrown up, with a mask of their pixels.",
        "From a seed, on the spot, by `vad/synthetic`. Labels and masks come from the same plan as the pictures.",
        (
            "Numbers on it do not predict numbers on Ped2, Avenue or any real walkway.",
            "One camera view, one kind of ground: a model that learns the view is not punished for it.",
            "Few test sequences, of some seconds each: intervals are wide, and per-sequence areas vary much.",
            "What is anomalous is defined by the generator: in a real place a cyclist may be normal.",
        ),
        "image/png",
        "T*/*/*.png",
    ),
}


class Settings(Section):
    """A generated data set and its kind."""

    dataset: Id
    kind: Literal["mini_crime", "mini_walk"]


def write(settings: Settings, paths: Mapping[str, Path], out: Path) -> None:
    """Write the data card and its metadata.

    Args:
        settings: the data set.
        paths: the folder `split`.
        out: `data_card` in the folder of the data set's report: `.md` for people, `.json` for machines (Croissant).
    """
    tables = paths["split"] / settings.dataset / "tables"
    facts, train, test = (
        read_json(tables / "facts.json"),
        read_train(tables / "train.csv"),
        read_test(tables / "test.csv"),
    )
    write_text(out.with_suffix(".md"), data_card(settings, facts, train, test))
    write_json(out.with_suffix(".json"), _metadata(settings, tables, out.parent))


def data_card(settings: Settings, facts: Mapping[str, Any], train: pd.DataFrame, test: pd.DataFrame) -> str:
    """The page: what is in a data set, how it was made, what it can and cannot show.

    Args:
        settings: the data set.
        facts: what room split counted.
        train: the table of train videos.
        test: the table of test videos.
    """
    kind = KINDS[settings.kind]
    counted = [Counter(part["class"]) for part in (train, test)]
    classes = [[name, *(str(part[name]) for part in counted)] for name in sorted(counted[0] | counted[1])]
    labels = [
        [part, str(counts["normal"]), str(counts["anomalous"])] for part, counts in sorted(facts["labels"].items())
    ]
    lists = [f"`{name}`: {one['what']}; sha256 `{one['sha256']}`" for name, one in facts["lists"].items()]
    return page.page(
        page.heading(f"Data card: {settings.dataset}"),
        kind.what,
        page.section("How it was made", [kind.made, *(f"{note[0].upper()}{note[1:]}." for note in facts["notes"])]),
        page.heading("What is in it", 2),
        "Videos by part; the validation part is taken from the train list.",
        page.table(["part", "normal", "anomalous"], labels),
        page.table(["class", "train list", "test list"], classes),
        page.section("Files", lists, "Intervals and labels of each test video are in the split tables."),
        page.section("People", [PEOPLE]),
        page.section("Intended use", [USES, "To test code that reads the layout of the real data set."]),
        page.section(
            "Not for",
            [
                "Statements about how well a detector works on real videos.",
                "Training a detector that will watch people.",
            ],
        ),
        page.section("Limits", list(kind.limits)),
        page.section(
            "Licence",
            [
                "MIT, as the code that draws it. The data sets that it imitates have terms of their own; none of their"
                " content is in it."
            ],
        ),
        f"Metadata for machines, in the Croissant format: {page.link('data_card.json', 'data_card.json')}.",
    )


def _metadata(settings: Settings, tables: Path, folder: Path) -> dict[str, Any]:
    """The Croissant metadata, with paths relative to the folder that it lies in."""
    kind = KINDS[settings.kind]
    found = []
    for name, columns in (("train", TRAIN), ("test", TEST)):
        path = tables / f"{name}.csv"
        where = Path(os.path.relpath(path, folder)).as_posix()
        found.append(Table(name, where, sha256(path), f"One row for each video of the {name} list.", columns))
    about = {
        "dataCollection": kind.made,
        "dataLimitations": " ".join(kind.limits),
        "dataUseCases": USES,
        "personalSensitiveInformation": PEOPLE,
    }
    raw = Path(os.path.relpath(tables.parent / "raw", folder)).as_posix()
    return metadata(settings.dataset, kind.what, found, about, {f"{raw}/{kind.pattern}": kind.media})
