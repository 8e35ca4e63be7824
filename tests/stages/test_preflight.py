"""What is refused before any work: wrong lists, missing files, and lists that a variant cannot be trained on."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import vad.models
from stages.plan.asked import Asked
from stages.preflight import preflight, stop_timers
from tests.project import PARAMS, ROOT, Plan
from vad import registry
from vad.errors import VadError
from vad.params import load

VARIANTS = """\
datasets:
  mine: {kind: folder, root: %s}
features:
  xfeat: {extractor: xfeat, size: 64}
variants:
  mil: {dataset: mine, features: xfeat, model: c3d_mil, model_args: {}, infer: {}, train: %s}
  ae: {dataset: mine, features: xfeat, model: lstm_memory_ae, model_args: {}, infer: {}, train: %s}
"""


def message(folder: Path, rows: Sequence[str], chosen: str = "last") -> str:
    """What the preflight of a folder data set says, with a weakly supervised and a normal-only variant."""
    (folder / "own/videos").mkdir(parents=True)
    for row in rows:
        (folder / "own/videos" / f"{row.split(',')[0]}.mp4").touch()
    (folder / "own/labels.csv").write_text("video,split,label\n" + "".join(f"{row}\n" for row in rows))
    schedules = [f"{{lr: 0.01, epochs: 1, batch: 2, select_by: {word}}}" for word in (chosen, "validation_loss")]
    head, tail = PARAMS.split("datasets:")[0], PARAMS[PARAMS.index("evaluate:") :]
    (folder / "params.yaml").write_text(head + VARIANTS % (folder / "own", *schedules) + tail)
    try:
        preflight(Asked(load(folder / "params.yaml")))
    except VadError as error:
        return str(error)
    return ""


NORMAL = ["a,train,0", "b,train,0", "c,train,0"]
ANOMALOUS = ["d,train,1", "e,train,1"]
TEST = ["y,test,0", "z,test,1"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*NORMAL, *ANOMALOUS, *TEST], []),
        (
            [*NORMAL, *TEST],
            [
                "variant mil: no anomalous videos in the fit part",
                "variant mil: no anomalous videos in the validation part",
            ],
        ),
        (ANOMALOUS + TEST, ["variant mil: no normal", "variant ae: no normal"]),
        (["a,train,0", *ANOMALOUS, *TEST], ["variant mil: no normal videos in the validation part"]),
        ([*NORMAL, *ANOMALOUS], ["no test videos, for variants mil, ae"]),
        (TEST, ["no train videos, for variants mil, ae"]),
        (["a,train,0", "d,train,1", "b,val,0", *TEST], ["variant mil: no anomalous videos in the validation part"]),
    ],
)
def test_lists_that_cannot_train_are_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str], words: list[str]
) -> None:
    """No part of the lists may be empty, and each part holds the labels that the variant learns or chooses by."""
    monkeypatch.chdir(tmp_path)
    for part in ("stages", "vad"):  # whose files become inputs
        Path(part).symlink_to(ROOT / part)
    found = message(tmp_path, rows)

    assert bool(words) == bool(found)
    assert [word for word in words if word not in found] == []
    assert not words or "data set mine: " in found


def test_more_folds_than_videos_of_a_label_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before features are extracted, not when the training deals the videos to folds."""
    monkeypatch.chdir(tmp_path)
    for part in ("stages", "vad"):
        Path(part).symlink_to(ROOT / part)
    found = message(tmp_path, [*NORMAL, *ANOMALOUS, *TEST], "last, select: {folds: 3}")

    assert "variant mil: 2 anomalous videos in the train list, 3 folds. Set fewer train.select.folds" in found
    assert "normal videos in the train list, 3" not in found.replace("2 anomalous videos in the train list, 3", "")


IMPORTED = """\
datasets:
  u: {kind: ucf_crime, root: %s, videos: absent, validation: {fraction: 0.3, seed: 0}, %s}
features:
  f: {extractor: imported, root: %s, dim: 4, %s}
variants:
  mil: {dataset: u, features: f, model: c3d_mil, model_args: {}, infer: {}, train: {lr: 0.01, epochs: 1, batch: 2}}
"""
NORMAL_FOLDERS = ("Training_Normal_Videos_Anomaly", "Testing_Normal_Videos_Anomaly")


def imported(folder: Path, rows: int, dataset: str, features: str) -> str:
    """What the preflight of published features says; a test video has an interval, `counts.txt` has 1,588 frames."""
    own, vectors = folder / "own", folder / "vectors"
    own.mkdir(exist_ok=True)
    vectors.mkdir(exist_ok=True)
    train = [f"Abuse/Abuse{n:03d}_x264.mp4" for n in range(1, 5)]
    train += [f"{NORMAL_FOLDERS[0]}/Normal_Videos{n:03d}_x264.mp4" for n in range(1, 5)]
    test = ["Abuse/Abuse028_x264.mp4", f"{NORMAL_FOLDERS[1]}/Normal_Videos_003_x264.mp4"]
    (own / "Anomaly_Train.txt").write_text("\n".join(train))
    (own / "Anomaly_Test.txt").write_text("\n".join(test))
    (own / "Temporal_Anomaly_Annotation.txt").write_text("Abuse028_x264.mp4 Abuse 100 200 -1 -1")
    (own / "counts.txt").write_text("".join(f"{line} 1588\n" for line in train + test))
    for line in train + test:
        np.save(vectors / f"{Path(line).stem}.npy", np.ones((rows if "Videos004" in line else 100, 4), "f4"))
    head, tail = PARAMS.split("datasets:")[0], PARAMS[PARAMS.index("evaluate:") :]
    (folder / "params.yaml").write_text(head + IMPORTED % (own, dataset, vectors, features) + tail)
    try:
        preflight(Asked(load(folder / "params.yaml")))
    except VadError as error:
        return str(error)
    return ""


def test_published_features_are_looked_at_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown lengths, a bag that is read as segments, and rows that do not fit: all from lists and headers."""
    monkeypatch.chdir(tmp_path)
    for part in ("stages", "vad"):
        Path(part).symlink_to(ROOT / part)
    counts = "frame_counts: counts.txt"
    unknown = imported(tmp_path, 100, "subset: all", "rows: segments")
    misfit = imported(tmp_path, 120, counts, "rows: segments")

    assert "the test list has intervals in frames of a video of unknown length: 2 problem(s)" in unknown
    assert "Abuse028_x264: no frame count" in unknown
    assert "all 10 files have 100 rows, whatever the length of the video" in unknown
    assert "120 rows for 1588 frames, expected 100" in misfit
    assert not imported(tmp_path, 100, counts, "rows: segments")
    assert not imported(tmp_path, 120, f"{counts}, subset: available", "misfits: leave_out")
    facts = (
        Plan.read(Path("params.yaml"))
        .installed.dataset("u")
        .facts(lambda video: video.video_id != "Normal_Videos004_x264")
    )
    assert "left out: Normal_Videos004_x264" in facts["notes"]


def test_a_wrong_root_is_named_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a data set that a variant uses, and of one that none uses."""
    monkeypatch.chdir(tmp_path)
    entry = "ucf_crime: {kind: ucf_crime, root: null}"
    both = entry.replace("null", "/nowhere") + "\n  mine: {kind: folder, root: /elsewhere}"
    Path("params.yaml").write_text(PARAMS.replace(entry, both))
    with pytest.raises(VadError) as caught:
        preflight(Asked(load(Path("params.yaml"))))

    assert "datasets.ucf_crime.root: /nowhere: no such folder." in str(caught.value)
    assert "datasets.mine.root: /elsewhere: no such folder." in str(caught.value)


def test_a_list_dated_in_the_future_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own list and videos, before anything was made from them."""
    monkeypatch.chdir(tmp_path)
    for part in ("stages", "vad"):
        Path(part).symlink_to(ROOT / part)
    rows = [*NORMAL, *ANOMALOUS, *TEST]
    assert not message(tmp_path, rows)
    for path in ("own/labels.csv", "own/videos/a.mp4"):
        os.utime(path, (2_000_000_000, 2_000_000_000))
    with pytest.raises(VadError, match=r"files dated in the future: 2 problem") as caught:
        preflight(Asked(load(Path("params.yaml"))))

    assert "own/labels.csv: 2033-05-18" in str(caught.value)
    assert "own/videos/a.mp4: 2033-05-18" in str(caught.value)


def test_what_models_state_is_readable_without_importing_them() -> None:
    """An attribute of the class `Model` that is a constant; nothing where there is none."""
    assert [True, None] == [registry.stated(vad.models, name, "scores_places") for name in ("stpvad", "urdmu")]
    assert registry.stated(vad.models, "mnad", "no_such_attribute") is None


def test_supervision_of_every_model_is_readable_without_importing_it() -> None:
    """What the source says is what the class has."""
    names = registry.names(vad.models)

    assert [registry.find(vad.models, name).Model.supervision for name in names] == [
        registry.supervision(vad.models, name) for name in names
    ]


def test_no_timer_delays_the_end_of_a_run() -> None:
    """Snakemake's looks for jobs that are still to come are given up; other threads stay."""
    timer, other = threading.Timer(600, print), threading.Event()
    thread = threading.Thread(target=other.wait)
    timer.start()
    thread.start()
    stop_timers()
    timer.join(10)

    assert (False, True) == (timer.is_alive(), thread.is_alive())
    other.set()
    thread.join()


def test_weights_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each variant that names them, and the seeds that none is for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.pth").touch()
    schedule = "{lr: 0.01, epochs: 1, batch: 2, select_by: validation_loss, start: [{file: none.pth, sha256: %s}]}"
    given = "{weights: [{file: there.pth, sha256: %s, seed: 7}, {file: away.pth, sha256: %s, part: keys}]}"
    params = PARAMS.replace("datasets:", "seeds: [0, 7]\ndatasets:", 1).replace("seeds: [0]\n", "", 1)
    params = params.replace("{optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}", "%s")
    hashes = ("ab" * 32, "cd" * 32)
    for train, words in (
        (schedule % hashes[0], ["variants.ae.train: none.pth: no such file. Put the released weights there"]),
        (given % hashes, ["variants.ae.train: away.pth: no such file"]),
        (f"{{weights: [{{file: there.pth, sha256: {hashes[0]}, seed: 7}}]}}", ["train.weights: no file for seed 0"]),
    ):
        (tmp_path / "params.yaml").write_text(params % train)
        with pytest.raises(VadError) as error:
            preflight(Asked(load(tmp_path / "params.yaml")))
        assert all(word in str(error.value) for word in words), str(error.value)
        assert "there.pth" not in str(error.value)
