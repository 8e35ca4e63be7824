"""The errors of room train name the variant that they are about; which epochs it keeps, and what scores them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stages.infer import run as infer
from stages.train.run import main
from tests.project import ROOT
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import read_json, write_json
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import read_weights
from vad.engine import parts, train_run
from vad.engine.build import build, load_weights
from vad.engine.kept_epochs import kept_epochs
from vad.engine.score import score_video
from vad.engine.train import Trained
from vad.errors import ArtefactError, VadError
from vad.schema.infer import Infer
from vad.schema.train import Train
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video


def fitted(folder: Path, keep_epochs: int, epochs: int = 7, seeds: Sequence[str] = "0") -> Path:
    """A run of a small autoencoder, which is the same whatever it keeps."""
    prepare(folder, keep_epochs=keep_epochs, epochs=epochs)
    main(flags(folder, "run", *seeds))
    return folder / "run/seed0"


def prepare(folder: Path, **changes: object) -> None:
    """Write what a job of room train reads; changes of its schedule."""
    names = ["a", "b", "c", "z"]
    for number, name in enumerate(names):
        rows = np.random.default_rng(number).normal(size=(6, 4)).astype(np.float32)
        write_features(folder / f"features/{name}.npz", FeatureFile(rows, np.arange(7) * 16, {}))
    videos = [*(Video(name, "", "train", 0, "Normal") for name in names[:3]), Video("z", "", "test", 0, "Normal")]
    write_tables(
        folder / "split", videos, validation=Validation(fraction=0.4), interval_rule="zero_based_half_open", facts={}
    )
    model_args = {"window": 2, "stride": 1, "hidden_width": 3, "latent_width": 2, "memory_slots": 2}
    plan = {"lr": 0.05, "batch": 2, "select_by": "validation_loss", **changes}
    write_json(folder / "train.json", {"model": "lstm_memory_ae", "model_args": model_args, "train": _resolved(plan)})
    write_json(folder / "code.json", {"files": []})


def flags(folder: Path, out: str, *seeds: str) -> list[str]:
    """The command line of the room for the files that `fitted` writes."""
    section, videos = f"{folder}/train.json", f"{folder}/split/train.csv"
    given = [
        "--section",
        section,
        "--code",
        f"{folder}/code.json",
        "--videos",
        videos,
        "--features",
        f"{folder}/features",
    ]
    return [*given, "--seeds", *seeds, "--out", f"{folder}/{out}"]


def _resolved(plan: dict) -> dict:
    return Train.model_validate({**plan, "device": "cpu"}).model_dump(mode="json")


@pytest.mark.parametrize(
    ("every", "epochs", "kept"),
    [(0, 7, set()), (1, 7, {1, 2, 3, 4, 5, 6, 7}), (3, 7, {3, 6, 7}), (3, 6, {3, 6}), (50, 7, {7})],
)
def test_every_nth_epoch_is_kept_and_the_last_and_the_chosen(
    tmp_path: Path, every: int, epochs: int, kept: set[int]
) -> None:
    """Their weights are those of their epoch, the chosen one's are the run's; what an earlier run kept is gone."""
    every_one = fitted(tmp_path / "all", 1, epochs)
    (tmp_path / "some/run/seed0/epochs").mkdir(parents=True)
    (tmp_path / "some/run/seed0/epochs/0099.safetensors").write_bytes(b"")
    run = fitted(tmp_path / "some", every, epochs)
    chosen = read_json(run / "config.json")["epoch"]
    found = set(kept_epochs(run))

    assert (kept | {chosen} if every else set()) == found
    for number in found:
        mine, same = (read_weights(folder / f"epochs/{number:04}.safetensors") for folder in (run, every_one))
        assert all(np.array_equal(mine[name], same[name]) for name in same)
    weights = read_weights(run / "weights.safetensors")
    expected = read_weights(every_one / f"epochs/{chosen:04}.safetensors")
    assert all(np.array_equal(expected[name], weights[name]) for name in expected)


def weights_of(folder: Path, seeds: Sequence[int]) -> list[bytes]:
    """The weights files of some seeds."""
    return [(folder / f"seed{seed}/weights.safetensors").read_bytes() for seed in seeds]


def test_a_seed_does_not_depend_on_those_before_it(tmp_path: Path) -> None:
    """All seeds in one process, in another order, and one in a fresh process give the same files."""
    fitted(tmp_path, 0, seeds=("0", "1", "2"))
    main(flags(tmp_path, "turned", "2", "1", "0"))
    command = [sys.executable, "-m", "stages.train.run", *flags(tmp_path, "fresh", "2")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    together = weights_of(tmp_path / "run", (0, 1, 2))

    assert 3 == len(set(together))
    assert together == weights_of(tmp_path / "turned", (0, 1, 2))
    assert together[2:] == weights_of(tmp_path / "fresh", (2,))
    assert [0, 1, 2] == [
        json.loads((tmp_path / f"run/seed{seed}.prov.json").read_text())["section"]["facts"]["seed"]
        for seed in range(3)
    ]


def test_features_are_read_once_for_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of the train list once, the first one twice: its width is asked first."""
    read = []
    for module, name in ((train_run, "read_features"), (parts, "open_features")):
        reader = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda path, *args, reader=reader: read.append(path.stem) or reader(path, *args)
        )
    fitted(tmp_path, 0, seeds=("0", "1", "2"))

    assert ["a", "a", "b", "c"] == sorted(read)


def test_a_seed_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it; the others are done, and stay so when Snakemake puts their earlier versions back."""
    fitted(tmp_path, 0, epochs=2, seeds=("0", "1", "2"))
    earlier = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    real = train_run.train

    def failing(*args: object) -> Trained:
        if args[4] == 1:
            raise VadError("training, epoch 1, step 1: not a finite number")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(train_run, "train", failing)
        words = r"(?s)variant run: 1 problem.*seed 1: training, epoch 1.*The other seeds of the variant are done"
        with pytest.raises(VadError, match=words):
            fitted(tmp_path, 0, epochs=3, seeds=("0", "1", "2"))
    for path, content in earlier.items():
        path.write_bytes(content)
    trained = []
    monkeypatch.setattr(train_run, "train", lambda *args: trained.append(args[4]) or real(*args))
    fitted(tmp_path, 0, epochs=3, seeds=("0", "1", "2"))

    assert [1] == trained
    assert [] == list((tmp_path / "run").glob(".*"))


def test_a_killed_seed_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed before it is kept, its own epochs are not trained again, and the weights are those of a whole run."""
    fitted(tmp_path / "whole", 0, seeds=("0", "1"))
    real, epochs = train_run.train, []

    def killed(*args: object) -> Trained:
        *others, after_epoch = args

        def stop(epoch: int) -> None:
            epochs.append(epoch)
            after_epoch(epoch)
            if epochs.count(3) == 2:  # the first time that seed 1 comes here
                raise KeyboardInterrupt

        return real(*others, stop)

    monkeypatch.setattr(train_run, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "killed", 0, seeds=("0", "1"))
    fitted(tmp_path / "killed", 0, seeds=("0", "1"))

    assert [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 3, 4, 5, 6, 7] == epochs
    assert weights_of(tmp_path / "whole/run", (0, 1)) == weights_of(tmp_path / "killed/run", (0, 1))
    assert [] == list((tmp_path / "killed/run").glob(".*"))


def test_kept_epochs_score_the_test_videos(tmp_path: Path) -> None:
    """Each by its own weights; the chosen one as the run itself does; validation videos are scored once."""
    run = fitted(tmp_path, 3)
    parts, files = {"c": "validation", "z": "test"}, [tmp_path / f"features/{name}.npz" for name in "cz"]
    infer._score(run, parts, files, Infer.model_validate({}), 1, tmp_path / "scores.npz")
    found, config = read_scores(tmp_path / "scores.npz"), read_json(run / "config.json")

    assert {"c", "z"} == set(found.videos)
    assert list(kept_epochs(run)) == sorted(found.epochs)
    assert np.array_equal(found.videos["z"].frames, found.epochs[config["epoch"]]["z"].frames)
    for number, videos in found.epochs.items():
        model = build(config["model"], config["model_args"], 4)
        load_weights(model, run / f"epochs/{number:04}.safetensors")
        file = read_features(files[1])
        expected = score_video(model, file.features, file.bounds, Infer.model_validate({})).frames.astype(np.float32)
        assert {"z"} == set(videos)
        assert np.array_equal(expected, videos["z"].frames)


def test_errors_name_the_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A normal list for a weakly supervised model: which of the variants it is, and what is wrong."""
    monkeypatch.chdir(tmp_path)
    names = ["a", "b", "c"]
    videos = [*(Video(name, "", "train", 0, "Normal") for name in names), Video("z", "", "test", 0, "Normal")]
    write_tables(Path("split"), videos, validation=Validation(), interval_rule="zero_based_half_open", facts={})
    for name in names:
        rows = np.ones((2, 4), np.float32)
        write_features(Path("features", f"{name}.npz"), FeatureFile(rows, np.array([0, 16, 32]), {}))
    schedule = {"lr": 0.01, "epochs": 1, "batch": 2, "select_by": "last"}
    write_json(Path("section.json"), {"model": "c3d_mil", "model_args": {}, "train": {"device": "cpu", **schedule}})
    write_json(Path("code.json"), {"files": []})
    given = ["--section", "section.json", "--code", "code.json", "--videos", "split/train.csv"]
    words = r"(?s)^variant my_mil: 1 problem.*  - seed 0, 1: .*this part has 2 normal and 0 anomalous"
    with pytest.raises(VadError, match=words):
        main([*given, "--features", "features", "--seeds", "0", "1", "--out", "data/train/my_mil"])
    with pytest.raises(VadError) as error:
        main([*given, "--features", "features", "--seeds", "0", "1", "--out", "data/train/my_mil"])

    assert "are done" not in str(error.value)


def test_a_flipped_bit_in_trained_weights_is_refused(tmp_path: Path) -> None:
    """Safetensors would read it; the record of the run says what its content is."""
    run = fitted(tmp_path, 0, epochs=1)
    content = bytearray((run / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (run / "weights.safetensors").write_bytes(content)
    write_json(tmp_path / "infer.json", Infer.model_validate({}).model_dump(mode="json"))
    given = ["--section", f"{tmp_path}/infer.json", "--code", f"{tmp_path}/code.json", "--out", f"{tmp_path}/scores"]
    given += [word for part in ("train", "test") for word in (f"--{part}", f"{tmp_path}/split/{part}.csv")]

    read_weights(run / "weights.safetensors")
    with pytest.raises(ArtefactError, match=r"seed0/weights\.safetensors: its content is not what its record says"):
        infer.main([*given, "--features", f"{tmp_path}/features", "--runs", str(run)])
    assert not (tmp_path / "scores").exists()


def test_folds_of_the_train_list_are_scored_and_recorded(tmp_path: Path) -> None:
    """Every train video is held out once and scored by its fold's weights, which are inputs of the scores' record.

    With fewer folds the scores are made again.
    """
    write_json(tmp_path / "infer.json", Infer.model_validate({}).model_dump(mode="json"))
    given = ["--section", f"{tmp_path}/infer.json", "--code", f"{tmp_path}/code.json", "--out", f"{tmp_path}/scores"]
    given += [word for part in ("train", "test") for word in (f"--{part}", f"{tmp_path}/split/{part}.csv")]
    given += ["--features", f"{tmp_path}/features", "--runs", f"{tmp_path}/run/seed0"]
    kept = []
    for folds in (3, 2):
        prepare(tmp_path, epochs=2, select={"folds": folds})
        main(flags(tmp_path, "run", "0"))
        infer.main(given)
        scored = read_scores(tmp_path / "scores/seed0.npz")
        record = read_json(tmp_path / "scores/seed0.npz.prov.json")
        kept.append([name for name in record["inputs"] if "held_out" in str(name)])

        assert {"a": "validation", "b": "validation", "c": "validation", "z": "test"} == {
            name: score.part for name, score in scored.videos.items()
        }
        assert f"{folds} folds of the train list, each held out once" == scored.protocol["threshold_on"]

    assert [3, 2] == list(map(len, kept))
