"""Reading score files of other people: a folder or archive with one array for each video, or one vector of all videos.

`.npy`, `.npz`, `.csv`, `.txt`, and data in `.json`, `.pkl`, `.pt` and `.mat` are read; no pickle can run anything
(`vad.artefacts.pickles`). Names of files and of list entries are looked up in
the official list in every spelling that is in use; crops in files of their own (`name__0` ...) are joined to one array.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from vad.artefacts.npy import load_npy
from vad.audit.data_files import DATA_SUFFIXES, holds_objects, read_data
from vad.audit.official import OfficialList
from vad.audit.problems import short_listing, short_listing_by_remedy
from vad.datasets._text import encoding_of
from vad.datasets.ucf_crime import read_frame_counts
from vad.errors import ArtefactError, first_of

SUFFIXES = (".npy", ".npz", ".csv", ".txt")
CROP_COUNTS = (10, 5)
SCORE_COLUMNS = ("score", "scores", "anomaly_score", "prediction", "pred")
VIDEO_COLUMNS = ("video", "video_id", "name", "file")
HEADS = ("path", "name", "file", "video", "video_id")
"""First cells of a list that has a header."""
OTHERS = "Score the test videos only."
TWICE = "Give each video once."
SHAPES = "Give one score for each position, or crops of equal length."
VALUES = "Score every frame with a finite number."
_CROP = re.compile(r"(.+)__(\d+)")
_PROBLEMS = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class Submission:
    """Scores as they were given: one array for each video, or one vector with or without a list of its videos.

    A position is what one score stands for: a frame, a segment, a part of a bag, or the whole video.
    """

    source: str
    arrays: Mapping[str, Float[np.ndarray, "positions"] | Float[np.ndarray, "crops positions"]]
    """By video id; empty where one vector was given."""
    vector: Float[np.ndarray, "positions"] | None = None
    order: tuple[str, ...] | None = None
    """Video ids in the order of the vector; None = not stated."""


def read_submission(path: Path, official: OfficialList, videos: Path | None = None) -> Submission:
    """Read scores from a folder, an archive, a table or a vector.

    Args:
        path: folder with one file for each video; `.npz` with one array for each video; table with columns video and
            score; `.npy`, `.csv` or `.txt` with one number for each position.
        official: the list in which names are looked up.
        videos: list whose lines name the videos of a vector, in its order.

    Raises: ArtefactError with every problem: unknown and repeated videos, missing numbers, wrong shapes.
    """
    order = None if videos is None else read_order(videos, official)
    if _holds_data(path):
        held = read_data(path)
        if isinstance(held, dict):
            return Submission(str(path), _by_video(path, official, held))
    if path.is_dir() or path.suffix.lower() == ".npz" or _is_table(path):
        return Submission(str(path), _by_video(path, official))
    vector = _crops_first({"": _positions_and_crops(path, read_numbers(path))})[""]
    for problem in _value_problems(vector):
        raise ArtefactError(f"{path}: {problem}. {VALUES}")
    return Submission(str(path), {}, vector, order)


def read_order(path: Path, official: OfficialList) -> tuple[str, ...]:
    """Read the ids of the videos that a list names, in its order; several crops of one video count once.

    Raises: ArtefactError for unknown names, and for a video that is listed again after another one.
    """
    try:
        text = path.read_text(encoding=encoding_of(path))
    except (OSError, UnicodeError) as error:
        raise ArtefactError(f"{path}: cannot be read as text ({error}). Give one video on each line.") from error
    cells = [line.split(",")[0].strip() for line in text.splitlines() if line.strip()]
    cells = cells[1:] if cells and cells[0].lower() in HEADS else cells
    stems = [_CROP.sub(r"\1", _stem(cell.split()[0] if cell.split() else cell)) for cell in cells]
    found = {stem: official.find(stem) for stem in stems}
    ids = [found[a] for a, b in zip(stems, ["", *stems], strict=False) if a != b]
    problems = [f"{stem}: not a test video of {official.name}" for stem, name in found.items() if name is None]
    known = [name for name in ids if name is not None]
    problems += [f"{name}: listed twice" for name in dict.fromkeys(known) if known.count(name) > 1]
    if problems or not known:
        raise ArtefactError(short_listing(str(path), problems or ["no videos"], "Give the list of the scored videos."))
    return tuple(known)


def read_numbers(path: Path) -> Shaped[np.ndarray, "..."]:
    """Read the numbers of one file, in the shape that they have there.

    Raises: ArtefactError with the reason, where the file does not hold numbers.
    """
    try:
        if path.suffix.lower() == ".npy":
            return _without_class_columns(load_npy(path).astype(float))
        if path.suffix.lower() in DATA_SUFFIXES:
            held = read_data(path)
            if isinstance(held, dict):
                raise ValueError(f"arrays by name: {first_of(list(held))}")
            return held
        if path.suffix.lower() == ".npz":
            ((_, values),) = _archive(path)
            return values
        return _column(pd.read_csv(path, header=None, dtype=str, skip_blank_lines=True))
    except _PROBLEMS as error:
        raise ArtefactError(f"{path}: no numbers to read ({error}). Give .npy, .npz or one number per line.") from error


def read_stated_frames(path: Path) -> dict[str, int]:
    """Read the number of frames of each video from a CSV with columns video and n_frames, or `path n_frames` text."""
    problems: list[str] = []
    counts = read_frame_counts(path, "n_frames", problems)
    if problems or not counts:
        raise ArtefactError(short_listing(str(path), problems or ["no counts"], "Write `video n_frames` lines."))
    return counts


def read_labels_file(path: Path, official: OfficialList) -> Shaped[np.ndarray, "frames"]:
    """Read frame labels: one vector, or labels by video, which are joined in the order of the test list.

    Args:
        path: a file of one vector, or a folder, archive, JSON or pickle with the labels of each test video.
        official: the list in which names are looked up.

    Raises: ArtefactError for labels that cannot be read, and for test videos without labels.
    """
    held = read_data(path) if _holds_data(path) else None
    if not (path.is_dir() or isinstance(held, dict)):
        return np.asarray(read_numbers(path)).ravel()
    found = _by_video(path, official, held if isinstance(held, dict) else None)
    if missing := [f"{name}: no labels" for name in official.ids if name not in found]:
        raise ArtefactError(short_listing(str(path), missing, "Give the labels of every test video."))
    return np.concatenate([found[name].ravel() for name in official.ids])


def _holds_data(path: Path) -> bool:
    """Whether a file is read by `vad.audit.data_files`."""
    return path.is_file() and (path.suffix.lower() in DATA_SUFFIXES or holds_objects(path))


def _without_class_columns(values: np.ndarray) -> np.ndarray:
    """The same numbers.

    Raises: ValueError for two columns that add up to 1: which of them is the score cannot be known.
    """
    if values.ndim == 2 and values.shape[1] == 2 and np.allclose(values.sum(1), 1, atol=1e-3):
        raise ValueError("two columns that add up to 1, the probabilities of two classes: save the anomalous one alone")
    return values


def _by_video(
    path: Path, official: OfficialList, held: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Read one array for each video, by video id; the crops of a video are joined.

    Args:
        path: folder, archive or table; of `held`, the file, for messages.
        official: the list in which names are looked up.
        held: what was read already, by name.
    """
    groups: dict[str, dict[int, np.ndarray]] = {}
    problems: dict[str, list[str]] = {remedy: [] for remedy in (OTHERS, TWICE, SHAPES, VALUES)}
    named = _named_arrays(path) if held is None else ((_stem(name), values) for name, values in held.items())
    for name, values in named:
        crop = _CROP.fullmatch(name)
        video_id = official.find(crop[1] if crop else name)
        number = int(crop[2]) if crop else 0
        if video_id is None:
            problems[OTHERS].append(f"{name}: not a test video of {official.name}")
        elif number in groups.setdefault(video_id, {}):
            problems[TWICE].append(f"{name}: {video_id} is given twice")
        else:
            groups[video_id][number] = values
    arrays = {}
    for video_id, crops in groups.items():
        try:
            arrays[video_id] = _stack_crops(video_id, [crops[k] for k in sorted(crops)])
            problems[VALUES] += [f"{video_id}: {problem}" for problem in _value_problems(arrays[video_id])]
        except ArtefactError as error:
            problems[SHAPES].append(str(error))
    if any(problems.values()):
        raise ArtefactError(short_listing_by_remedy(str(path), problems))
    if not arrays:
        raise ArtefactError(f"{path}: no scores of any video. Give a file or an entry for each test video.")
    return _crops_first(arrays)


def _crops_first(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn every table so that its first axis is the crops.

    The crops are the axis whose length all videos have in common; of two such axes the first.
    """
    tables = [a for a in arrays.values() if a.ndim == 2]
    common = [axis for axis in (0, 1) if len({a.shape[axis] for a in tables} - set(CROP_COUNTS)) == 0]
    common = [axis for axis in common if len({a.shape[axis] for a in tables}) == 1] or common
    if tables and not common:
        shapes = first_of([f"{name} {a.shape}" for name, a in arrays.items()])
        raise ArtefactError(f"tables without an axis of crops that all videos share ({shapes}). {SHAPES}")
    return {name: a.T if a.ndim == 2 and common[0] else a for name, a in arrays.items()}


def _stack_crops(name: str, crops: list[np.ndarray]) -> np.ndarray:
    """The crops of one video as one array."""
    parts = [_positions_and_crops(Path(name), crop) for crop in crops]
    if len({part.shape for part in parts}) > 1:
        raise ArtefactError(f"{name}: crops of different lengths")
    return parts[0] if len(parts) == 1 else np.stack(parts)


def _named_arrays(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and numbers of each file of a folder, each entry of an archive, or each video of a table."""
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.suffix.lower() in (*SUFFIXES, *DATA_SUFFIXES)):
            yield _stem(file.name), read_numbers(file)
    elif path.suffix.lower() == ".npz":
        try:
            yield from _archive(path)
        except _PROBLEMS as error:
            raise ArtefactError(f"{path}: not a readable archive ({error}). Give arrays by video name.") from error
    else:
        table = pd.read_csv(path)
        names = next(c for c in table.columns if c.lower() in VIDEO_COLUMNS)
        for name, rows in table.groupby(names, sort=False):
            yield _stem(str(name)), _column(rows.drop(columns=names))


def _archive(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and numbers of each numeric array of an archive; of a score file of this project, of its test videos."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        head = json.loads(str(archive["head"])) if "head" in archive.files else {"videos": {}}
        parts = {name: video["part"] for name, video in head["videos"].items()}
        wanted = [f"frames/{name}" for name, part in parts.items() if part == "test"] or archive.files
        for name in wanted:
            values = archive[name]
            if values.dtype.kind in "biuf":
                yield _stem(name), values.astype(float)


def _is_table(path: Path) -> bool:
    """Whether a file is a CSV table with a column of video names."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        return any(word.strip().lower() in VIDEO_COLUMNS for word in stream.readline().split(","))


def _column(table: pd.DataFrame) -> np.ndarray:
    """The scores of a table: its only column, the column that is named so, or the second of two (the first counts)."""
    head = [str(word).strip().lower() for word in table.iloc[0]]
    if not all(_is_number(word) for word in head):
        table = table.iloc[1:].set_axis(head, axis=1)
    named = [c for c in table.columns if str(c).lower() in SCORE_COLUMNS]
    if len(table.columns) == 2 and not named:
        named = [table.columns[1]]
    chosen = table[named[0]] if named else table.iloc[:, 0]
    if not named and len(table.columns) > 1:
        raise ValueError(f"{len(table.columns)} columns and none called score")
    return chosen.to_numpy(float)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _positions_and_crops(path: Path, values: np.ndarray) -> np.ndarray:
    """Remove axes of length 1: one number for each position, or a table of positions and crops, remains."""
    shape = values.shape
    values = values.squeeze()
    if values.ndim < 2:
        return values.reshape(-1)
    if values.ndim == 2 and (set(values.shape) & set(CROP_COUNTS)):
        return values
    raise ArtefactError(f"{path}: shape {shape}; expected one score per position, or positions by {CROP_COUNTS} crops")


def _value_problems(values: np.ndarray) -> list[str]:
    """What is wrong with the numbers of a video, as texts."""
    if not values.size:
        return ["empty, no scores inside"]
    counts = {"NaN": int(np.isnan(values).sum()), "infinite": int(np.isinf(values).sum())}
    return [f"{n:,} of {values.size:,} scores are {word}" for word, n in counts.items() if n]


def _stem(word: str) -> str:
    """The name of a file without folders and extension, with slashes of either kind."""
    name = re.split(r"[\\/]", word)[-1]
    return re.sub(r"(\.(mp4|avi|mkv|npy|npz|csv|txt|json|pkl|pickle|pt|pth|mat))+$", "", name, flags=re.IGNORECASE)
