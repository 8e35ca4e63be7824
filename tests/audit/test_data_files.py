"""Files of other programs and names of the field: what is data is read, what is not is named, and nothing is run."""

import collections
import contextlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from tests.audit.given import exam, frames, joined, labels
from vad.artefacts.pickles import load_pickle
from vad.audit.files import read_labels_file, read_order, read_submission
from vad.audit.official import OfficialList
from vad.errors import ArtefactError
from vad.evaluation.ground_truth import PRESETS


class Hostile:
    """Would make a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        """As an attacker writes it."""
        return (Path.touch, (self.target,))


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> OfficialList:
    """Thirty test videos."""
    return exam(tmp_path_factory.mktemp("exam"))


LINES = {
    "rtfm": "G:\\UCF_Test_ten_crop_i3d\\{}_i3d.npy\n",
    "unix": "/home/someone/SH/UCF_Test_ten_crop_i3d/{}_i3d.npy\n",
    "vadclip": "/home/someone/UCFClipFeatures/x/{}__5.npy,Abuse\n",
    "double": "features/{}.mp4.npy\n",
    "before": "pred_{}.npy\r\n",
}


@pytest.mark.parametrize("form", LINES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_lists_of_the_field(official: OfficialList, tmp_path: Path, form: str, encoding: str) -> None:
    """Whatever stands around a name in a list, the video is found; a header is no video."""
    head = "path,label\n" if form == "vadclip" else ""
    (tmp_path / "list").write_text(head + "".join(LINES[form].format(n) for n in official.ids), encoding=encoding)

    assert official.ids == read_order(tmp_path / "list", official)


def test_crops_in_a_list_are_one_video(official: OfficialList, tmp_path: Path) -> None:
    """Ten lines of ten crops; an unknown name is still one."""
    lines = [f"dataset/x/{name}__{crop}.npy\n" for name in official.ids for crop in range(10)]
    (tmp_path / "list").write_text("".join(lines))
    (tmp_path / "other").write_text("".join([*lines, "Abuse0000_x264_i3d.npy\n"]))

    assert official.ids == read_order(tmp_path / "list", official)
    with pytest.raises(ArtefactError, match="Abuse0000_x264_i3d: not a test video"):
        read_order(tmp_path / "other", official)


@pytest.mark.parametrize(
    "name", ["{}_i3d.npy", "{}.mp4.npy", "{}_pred.npy", "scores-{}.json", "{}.pkl", "{}.pt", "{}.mat"]
)
def test_folders_of_the_field(official: OfficialList, tmp_path: Path, name: str) -> None:
    """One file for each video, under any name and in any form that is data."""
    import torch

    save = {
        ".npy": np.save,
        ".json": lambda path, s: path.write_text(json.dumps(s.tolist())),
        ".pkl": lambda path, s: path.write_bytes(pickle.dumps(s)),
        ".pt": lambda path, s: torch.save(torch.tensor(s), path),
        ".mat": lambda path, s: savemat(path, {"scores": s}),
    }[Path(name).suffix]
    scores = frames(official)
    for video, values in scores.items():
        save(tmp_path / name.format(video), values)
    found = read_submission(tmp_path, official).arrays

    assert scores.keys() == found.keys()
    assert all(np.allclose(scores[video], found[video]) for video in scores)


@pytest.mark.parametrize("form", ["json", "pkl", "npy", "pt", "mat"])
@pytest.mark.parametrize("by_video", [True, False])
def test_one_file_of_another_program(official: OfficialList, tmp_path: Path, form: str, by_video: bool) -> None:
    """Scores by name, or one vector."""
    import torch

    scores = frames(official)
    value = scores if by_video else joined(scores, official.ids)
    path = tmp_path / f"scores.{form}"
    if form == "json":
        path.write_text(
            json.dumps(
                {n: s.tolist() for n, s in scores.items()} if by_video else joined(scores, official.ids).tolist()
            )
        )
    elif form == "pkl":
        path.write_bytes(pickle.dumps(value))
    elif form == "npy":
        np.save(path, value, allow_pickle=True)  # type: ignore[arg-type]  # a mapping becomes an object array
    elif form == "pt":
        torch.save({n: torch.tensor(s) for n, s in scores.items()} if by_video else torch.tensor(value), path)
    else:
        savemat(path, scores if by_video else {"scores": value})
    found = read_submission(path, official)

    assert (set(scores) if by_video else set()) == set(found.arrays)
    vector = joined(dict(found.arrays), official.ids) if by_video else found.vector
    assert vector is not None
    assert np.allclose(joined(scores, official.ids), vector)


def test_labels_by_video(official: OfficialList, tmp_path: Path) -> None:
    """A folder of labels is joined by id; a video without labels is named."""
    truth = labels(official, PRESETS["canonical"])
    for name, values in truth.items():
        np.save(tmp_path / f"{name.removesuffix('_x264')}.npy", values)

    assert joined(truth, official.ids).tolist() == read_labels_file(tmp_path, official).tolist()
    (tmp_path / "Abuse000.npy").unlink()
    with pytest.raises(ArtefactError, match="Abuse000_x264: no labels"):
        read_labels_file(tmp_path, official)


def test_what_is_no_score_is_named(official: OfficialList, tmp_path: Path) -> None:
    """Two class columns, tables without a common axis of crops, and files without numbers."""
    one = np.random.default_rng(0).random(50)
    np.save(tmp_path / "softmax.npy", np.stack([1 - one, one], 1))
    (tmp_path / "words.json").write_text('{"Abuse000": "high"}')
    (tmp_path / "tables").mkdir()
    np.save(tmp_path / "tables/Abuse000.npy", np.ones((10, 9)))
    np.save(tmp_path / "tables/Abuse001.npy", np.ones((20, 10)))
    messages = {
        "softmax.npy": "two columns that add up to 1, the probabilities of two classes",
        "words.json": "a JSON file without plain numbers",
        "tables": "tables without an axis of crops that all videos share",
    }
    for name, words in messages.items():
        with pytest.raises(ArtefactError, match=words):
            read_submission(tmp_path / name, official)


@pytest.mark.parametrize("name", ["scores.pkl", "scores.npy", "scores.pt"])
def test_a_pickle_runs_nothing(official: OfficialList, tmp_path: Path, name: str) -> None:
    """A file that calls anything is refused, and what it calls is not called."""
    target = tmp_path / "made"
    content = {"Abuse000_x264": Hostile(target)}
    if name.endswith("npy"):
        np.save(tmp_path / name, content, allow_pickle=True)  # type: ignore[arg-type]
    else:
        (tmp_path / name).write_bytes(pickle.dumps(content))
    with pytest.raises(ArtefactError, match="without plain numbers"):
        read_submission(tmp_path / name, official)

    assert not target.exists()


numbers = st.floats(allow_nan=False) | st.integers(-(2**60), 2**60) | st.text(max_size=5) | st.booleans() | st.none()
data = st.recursive(
    numbers, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@given(data, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickled_data_comes_back(tmp_path_factory: pytest.TempPathFactory, value: object, protocol: int) -> None:
    """Plain data of any protocol, and arrays beside it."""
    path = tmp_path_factory.getbasetemp() / "data.pkl"
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    path.write_bytes(pickle.dumps([value, array, array[0, 1], collections.OrderedDict(a=1)], protocol))
    found = load_pickle(path)

    assert value == found[0]
    assert np.array_equal(array, found[1])
    assert [1, {"a": 1}] == found[2:]


@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No pickle, whatever its bytes, brings anything but its own error out of the reader."""
    path = tmp_path_factory.getbasetemp() / "any.pkl"
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        load_pickle(path)
