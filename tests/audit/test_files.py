"""Score files in every form that is in use, and hostile ones."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from tests.audit.given import exam, frames, joined, write_lists
from vad.__main__ import main
from vad.artefacts.scores import ScoreFile, StoredScores, write_scores
from vad.audit.files import read_order, read_submission
from vad.audit.lengths import FORMS, average_crops, fit_total, spread_over_frames
from vad.audit.official import OfficialList, load_official
from vad.audit.roc import read_roc
from vad.errors import ArtefactError, DatasetError, ParamsError, VadError


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> OfficialList:
    """Thirty test videos."""
    return exam(tmp_path_factory.mktemp("exam"))


def write(folder: Path, scores: dict[str, np.ndarray], form: str) -> Path:
    """Scores by video in one of the forms that are read."""
    folder.mkdir()
    if form == "npz":
        np.savez(folder / "scores.npz", **scores)
        return folder / "scores.npz"
    if form == "table":
        lines = [f"{name}.mp4,{i},{s!r}" for name, values in scores.items() for i, s in enumerate(values.tolist())]
        (folder / "scores.csv").write_text("\n".join(["video,frame,score", *lines]))
        return folder / "scores.csv"
    for name, values in scores.items():
        bare = name.removesuffix("_x264")
        if form == "npy":
            np.save(folder / f"{bare}.npy", values[None])
        elif form == "csv":
            (folder / f"{name}.csv").write_text("\n".join(map(repr, values.tolist())))
        elif form == "numbered":
            (folder / f"{name}.csv").write_text("\n".join(f"{i},{v!r}" for i, v in enumerate(values.tolist())))
        elif form == "headed":
            (folder / f"{name}.txt").write_text("\n".join(["Score", *map(repr, values.tolist())]))
        elif form == "crops":
            for crop in range(5):
                np.save(folder / f"{name}__{crop}.npy", values + crop - 2)
    return folder


@pytest.mark.parametrize("form", ["npz", "table", "npy", "csv", "numbered", "headed"])
def test_every_form_holds_the_same(official: OfficialList, tmp_path: Path, form: str) -> None:
    """Folders, archives and tables give the same arrays by official id."""
    expected = {name: s[:40] for name, s in frames(official).items()}
    found = read_submission(write(tmp_path / form, expected, form), official).arrays

    assert expected.keys() == found.keys()
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_crops_in_files_of_their_own(official: OfficialList, tmp_path: Path) -> None:
    """`name__0` to `name__4` are the crops of one video."""
    scores = {name: s[:40] for name, s in frames(official).items()}
    found = read_submission(write(tmp_path / "crops", scores, "crops"), official).arrays

    assert {(5, 40)} == {a.shape for a in found.values()}
    assert all(np.allclose(scores[name], found[name].mean(0)) for name in scores)


def test_score_files_of_this_project(official: OfficialList, tmp_path: Path) -> None:
    """Of a run's own score file the frames of the test videos are read, those of validation left."""
    scores = frames(official)
    videos = {name: StoredScores(s.astype(np.float32), float(s.max()), "test", 30.0, s) for name, s in scores.items()}
    videos["Abuse900_x264"] = StoredScores(np.zeros(9, np.float32), 0.0, "validation")
    write_scores(tmp_path / "seed0.npz", ScoreFile("frame", videos))
    found = read_submission(tmp_path / "seed0.npz", official).arrays

    assert scores.keys() == found.keys()


def test_a_vector_with_its_list(official: OfficialList, tmp_path: Path) -> None:
    """Lists with Windows paths, crop files and other extensions name the videos."""
    order = official.ids[::-1]
    listed = [f"G:\\features\\{name}__{crop}.npy 0" for name in order for crop in range(10)]
    (tmp_path / "list.txt").write_text("\r\n".join(listed))
    np.save(tmp_path / "all.npy", joined(frames(official), order)[:, None])
    found = read_submission(tmp_path / "all.npy", official, tmp_path / "list.txt")

    assert order == found.order
    assert found.vector is not None
    assert sum(official.n_frames.values()) == len(found.vector)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("Robbery001_x264.npy", np.zeros(9), "Robbery001_x264: not a test video"),
        ("Abuse000_x264.npy", np.array([0.1, np.nan]), "1 of 2 scores are NaN"),
        ("Abuse000_x264.npy", np.array([0.1, np.inf]), "1 of 2 scores are infinite\nScore every frame"),
        ("Abuse000_x264.npy", np.zeros(0), "empty, no scores inside"),
        ("Abuse000_x264.npy", np.zeros((9, 2)), "shape"),
        ("Abuse000_x264.npy", np.array(["a"]), "no numbers"),
    ],
)
def test_bad_arrays_are_named(
    official: OfficialList, tmp_path: Path, name: str, values: np.ndarray, message: str
) -> None:
    """Unknown videos, scores that are not finite, wrong shapes and texts are errors that say where."""
    np.save(tmp_path / name, values)

    with pytest.raises(ArtefactError, match=message):
        read_submission(tmp_path, official)


@pytest.mark.parametrize(
    ("spoiled", "remedy"),
    [
        ({"Abuse000_x264.npy": np.array([np.nan])}, "Score every frame with a finite number."),
        ({"abuse000.npy": np.ones(9), "Abuse000_x264.npy": np.ones(9)}, "Give each video once."),
        ({"Robbery001.npy": np.ones(9)}, "Score the test videos only."),
        ({"Abuse000_x264.npy": np.ones((9, 2))}, "Give one score for each position, or crops of equal length."),
        (
            {"Robbery001.npy": np.ones(9), "Abuse000_x264.npy": np.array([np.nan])},
            "Score the test videos only. Score every frame with a finite number.",
        ),
    ],
)
def test_every_problem_has_its_own_remedy(
    official: OfficialList, tmp_path: Path, spoiled: dict[str, np.ndarray], remedy: str
) -> None:
    """The last line says what mends the problems that are there, and nothing else."""
    for name, values in spoiled.items():
        np.save(tmp_path / name, values)

    with pytest.raises(ArtefactError) as caught:
        read_submission(tmp_path, official)
    assert remedy == str(caught.value).splitlines()[-1]


def test_many_problems_are_counted(official: OfficialList, tmp_path: Path) -> None:
    """Past ten problems their number is said; another kind of problem is not hidden by them."""
    for i in range(40):
        np.save(tmp_path / f"Other{i:03}.npy", np.ones(9))
    np.save(tmp_path / "Vandalism000_x264.npy", np.array([np.nan]))

    with pytest.raises(ArtefactError) as caught:
        read_submission(tmp_path, official)
    lines = str(caught.value).splitlines()
    assert 13 == len(lines)
    assert lines[0].endswith("41 problem(s):")
    assert "Vandalism000_x264: 1 of 1 scores are NaN" in lines[2]
    assert "  ... and 31 more" == lines[11]


def test_pickles_are_refused(official: OfficialList, tmp_path: Path) -> None:
    """An array of Python objects that is no mapping of numbers is named for what it is."""
    np.save(tmp_path / "all.npy", np.array([{"a": 1}], dtype=object))

    with pytest.raises(ArtefactError, match="a NumPy file without plain numbers"):
        read_submission(tmp_path / "all.npy", official)


def test_bad_lists_are_named(official: OfficialList, tmp_path: Path) -> None:
    """Unknown and repeated videos, and an empty list."""
    path = tmp_path / "list.txt"
    path.write_text("Abuse000_x264.mp4\nArson000_x264.mp4\nAbuse000_x264.mp4\nNobody.mp4\n")

    with pytest.raises(ArtefactError, match="Nobody: not a test video") as caught:
        read_order(path, official)
    assert "Abuse000_x264: listed twice" in str(caught.value)
    path.write_text("\n\n")
    with pytest.raises(ArtefactError, match="no videos"):
        read_order(path, official)


def test_a_total_of_no_form_names_the_nearest(official: OfficialList) -> None:
    """A vector that fits nothing shows the lengths that it could have had."""
    n_frames = list(official.n_frames.values())

    with pytest.raises(ArtefactError, match=rf"{sum(n_frames):,} \(\+7\): one score per frame") as caught:
        fit_total(sum(n_frames) + 7, n_frames)
    assert "--frames" in str(caught.value)
    with pytest.raises(ArtefactError, match="UR-DMU"):
        fit_total(1_109_680, [1_111_808 // 290] * 290)


@given(st.lists(st.integers(40, 5000), min_size=2, max_size=30), st.sampled_from(FORMS[:-1]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_form_covers_all_frames(n_frames: list[int], form: object) -> None:
    """Scores of any form become exactly one score per frame, each of them one that was given."""
    for n in n_frames:
        values = np.arange(form.positions(n), dtype=float)  # type: ignore[attr-defined]
        spread = spread_over_frames(values, form, n)  # type: ignore[arg-type]

        assert n == len(spread)
        assert set(spread) <= set(values)
        assert (np.diff(spread) >= 0).all()
    assert fit_total(sum(map(form.positions, n_frames)), n_frames).form.positions(1600) >= 32  # type: ignore[attr-defined]


@given(st.integers(2, 60), st.sampled_from([5, 10]), st.booleans())
@settings(deadline=None)
def test_crops_are_averaged_either_way(positions: int, crops: int, by_crop: bool) -> None:
    """Crops that agree are found whether they lie crop by crop or position by position."""
    table = np.arange(positions) * 10.0 + np.linspace(-1, 1, crops)[:, None]

    assert np.allclose(np.arange(positions) * 10.0, average_crops((table if by_crop else table.T).ravel(), crops))


@given(st.binary(max_size=200), st.sampled_from([".npy", ".npz", ".csv", ".txt", ".mat"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_hostile_bytes_are_errors_that_say_so(
    official: OfficialList, tmp_path: Path, content: bytes, suffix: str
) -> None:
    """Any bytes under any name are read, or refused by an error of this project."""
    path = tmp_path / f"all{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(VadError):
        read_roc(path) if suffix == ".mat" else read_submission(path, official)


def test_official_list_from_params(tmp_path: Path) -> None:
    """Orders as in the official files; frame counts from the list, or stated; errors say what to do."""
    params = write_lists(tmp_path / "lists")
    official = load_official("exam", params)
    order = [name[:3] for name in official.orders()["class words (temporal annotation)"]]

    assert 30 == len(official.ids)
    assert (["Nor"] * 15, ["Van"] * 3) == ([i[:3] for i in official.ids[12:27]], [i[:3] for i in official.ids[27:]])
    assert (["Nor"] * 15, ["Roa"] * 3) == (order[9:24], order[24:27])
    assert 99 == load_official("exam", params, {"Abuse000": 99}).n_frames["Abuse000_x264"]
    assert "Abuse000_x264" == official.find("abuse000")
    with pytest.raises(ParamsError, match="Did you mean 'exam'"):
        load_official("exams", params)
    with pytest.raises(DatasetError, match="not installed"):
        load_official("empty", params)
    (tmp_path / "lists" / "counts.txt").write_text("Abuse000_x264 107\n")
    with pytest.raises(DatasetError, match="29 problem") as caught:
        load_official("exam", params)
    assert "--frames" in str(caught.value)


def test_published_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trapezoid of whole-number points is right, and the field beside it is printed."""
    path = tmp_path / "curve.mat"
    savemat(path, {"X": np.array([0, 0.5, 1]), "Y": np.array([0, 1, 1], np.uint8), "AUC": 0.75})

    assert 0.75 == read_roc(path).area == read_roc(path).stated
    assert 0 == main(["audit", str(path)])
    out = capsys.readouterr().out
    assert "trapezoid 0.7500; its AUC field says 0.7500" in out
    assert "is not the area" not in out


@pytest.mark.parametrize(("stated", "words"), [(0.84, "+0.0900. The points give 0.7500"), (0.7504, None)])
def test_an_area_field_of_another_curve(
    tmp_path: Path, stated: float, words: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A field that is not the area of the points is said; rounding is not."""
    savemat(tmp_path / "curve.mat", {"X": np.array([0, 0.5, 1]), "Y": np.array([0, 1.0, 1]), "AUC": stated})

    assert 0 == main(["audit", str(tmp_path / "curve.mat")])
    out = capsys.readouterr().out
    assert (words is not None) == ("The AUC field is not the area of these points" in out)
    assert (words or "") in out


@pytest.mark.parametrize("held", [{"X": [0, 1]}, {"X": [0, 2], "Y": [0, 1]}, {"X": [1, 0], "Y": [0, 1]}])
def test_what_is_no_curve(tmp_path: Path, held: dict) -> None:
    """Missing points, points outside the square and falling rates are refused."""
    savemat(tmp_path / "curve.mat", {name: np.array(v, float) for name, v in held.items()})

    with pytest.raises(ArtefactError, match=r"curve.mat: (no Y|X and Y are not)"):
        read_roc(tmp_path / "curve.mat")


def test_command(official: OfficialList, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb prints findings and metrics, writes JSON and CSV, and ends with 0."""
    params = write_lists(tmp_path / "lists")
    scores = write(tmp_path / "scores", frames(official), "npy")
    flags = ["--dataset", "exam", "--params", str(params), "--resamples", "20"]
    out = ["--json", str(tmp_path / "a.json"), "--csv", str(tmp_path / "a.csv")]

    assert 0 == main(["audit", str(scores), *flags, *out])
    printed = capsys.readouterr().out
    assert "consistent with scores of 16-frame segments" in printed
    assert "frame_auc_pvnorm" in printed
    assert '"code": "segments_repeated"' in (tmp_path / "a.json").read_text()
    assert (tmp_path / "a.csv").read_text().startswith("ground_truth,n_frames,n_positive,frame_auc,")


@pytest.mark.parametrize("flags", [["nowhere", "--dataset", "exam"], ["scores"], ["scores", "--dataset", "exams"]])
def test_command_errors_end_with_2(tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No such file, no data set, an unknown data set: one line and exit code 2."""
    params = write_lists(tmp_path / "lists")
    (tmp_path / "scores").mkdir()

    assert 2 == main(["audit", str(tmp_path / flags[0]), *flags[1:], "--params", str(params)])
    assert capsys.readouterr().err.startswith("error: ")
