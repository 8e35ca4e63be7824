"""Maps in the rooms split, infer and evaluate: under the record of the scores, made again when something changes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages.evaluate.run import main as evaluate
from stages.infer.run import main as infer
from stages.split.run import main as split
from vad.artefacts.features import FeatureFile, write_features
from vad.artefacts.files import read_json, write_json
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import write_weights
from vad.datasets.mini_walk import Config, Dataset
from vad.engine.build import build, on_device
from vad.engine.train_run import arrays
from vad.errors import ArtefactError
from vad.ledger.records import find_record, record_path, trusted_hash
from vad.ledger.staleness import Wanted, owner, verify
from vad.localisation.map_files import read_maps
from vad.schema.evaluate import Evaluate

SETTINGS = {"width": 2, "method": "reconstruction"}
GATED = {"width": 2, "gates": True}
GATES = ("attention_4x4", "attention_8x8", "attention_16x16")


class Rooms:
    """Jobs of a data set of frame folders with masks, and of one run of a model with random weights."""

    def __init__(self, model_args: dict) -> None:
        settings = Config(train_sequences=2, test_sequences=6, frames_min=16, frames_max=16, width=64, height=48)
        Dataset(settings, Path("raw/ped2")).generate(1)
        dataset = {"kind": "ped2", "root": "raw/ped2", "label_file": "frame_labels.npy"}
        write_json(Path("split.json"), {**dataset, "validation": {"fraction": 0.5, "seed": 0}})
        write_json(Path("infer.json"), {"maps": True})
        write_json(
            Path("evaluate.json"), Evaluate.model_validate({"bootstrap": {"resamples": 20}}).model_dump(mode="json")
        )
        for room in ("split", "infer", "evaluate"):
            write_json(Path(f"{room}.code.json"), {"files": []})
        for folder in sorted(path for path in Path("raw/ped2").glob("T*/T*") if "_gt" not in path.name):
            pictures = [Image.open(path).convert("RGB").resize((16, 16)) for path in sorted(folder.iterdir())]
            rows = np.stack([np.asarray(picture).transpose(2, 0, 1) for picture in pictures])
            report = {"decode": {"sizes": [[64, 48, len(rows)]], "rotation": 0}}
            write_features(Path("features") / f"{folder.name}.npz", FeatureFile(rows, np.arange(len(rows) + 1), report))
        model = on_device(build("mnad", model_args, 3, 0), "cpu")
        about = {"model": "mnad", "model_args": model_args, "feature_dim": 3}
        write_weights(Path("train/seed0/weights.safetensors"), arrays(model.state_dict()), about)
        section = {"train": {"device": "cpu", "select_by": "last"}}
        write_json(Path("train/seed0/config.json"), {**about, "epoch": 1, "section": section})

    def split(self) -> None:
        """Write the tables."""
        lists = [str(path) for path in sorted(Path("raw/ped2").glob("Test/*_gt"))]
        split(["tables", *self._flags("split", "tables"), "--lists", "raw/ped2/frame_labels.npy", *lists])

    def infer(self) -> None:
        """Score the run."""
        flags = [*self._flags("infer", "infer"), "--runs", "train/seed0", "--features", "features"]
        infer([*flags, "--train", "tables/train.csv", "--test", "tables/test.csv"])

    def evaluate(self) -> dict:
        """Evaluate the run; returns what was written."""
        flags = [*self._flags("evaluate", "evaluate"), "--scores", "infer/seed0.npz", "--truth", "tables/truth"]
        lists = ["--train", "tables/train.csv", "--test", "tables/test.csv", "--labels", "tables/frame_labels"]
        evaluate([*flags, *lists])
        return read_json(Path("evaluate/seed0/metrics.json"))

    @staticmethod
    def _flags(room: str, out: str) -> list[str]:
        return ["--section", f"{room}.json", "--code", f"{room}.code.json", "--out", out]


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Rooms:
    """Rooms in a folder of their own, with the tables written."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    made = Rooms(getattr(request, "param", SETTINGS))
    made.split()
    return made


def test_maps_share_the_record_of_the_scores(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    """Maps of all test videos and of the normal validation video; a lost one is made again, a changed one is refused.

    A variant that stores maps no longer has no folder.
    """
    rooms.infer()
    scores, folder = read_scores(Path("infer/seed0.npz")), Path("infer/seed0.maps")
    held_back = [name for name, video in scores.videos.items() if video.part == "validation"]
    wanted = sorted([*held_back, *(f"Test00{number}" for number in range(1, 7))])
    one = folder / "Test001.npz"
    record = read_json(Path("infer/seed0.npz.prov.json"))

    assert sorted(path.stem for path in folder.iterdir()) == wanted
    assert (
        f"maps of 7 videos: {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.1f} MB"
        in capsys.readouterr().out
    )
    assert one.as_posix() in record["outputs"]
    assert find_record(one) == record_path(Path("infer/seed0.npz"))
    assert owner(one.as_posix(), {"infer/seed0.npz": Wanted(None, Path(), Path())}) == "infer/seed0.npz"
    assert read_maps(one).geometry.height == 48
    assert "maps" not in scores.protocol

    kept, content = read_scores(Path("infer/seed0.npz")), one.read_bytes()
    one.unlink()
    rooms.infer()
    assert one.read_bytes() == content
    assert np.array_equal(read_scores(Path("infer/seed0.npz")).videos["Test001"].frames, kept.videos["Test001"].frames)
    one.write_bytes(content[:-1] + b"?")
    with pytest.raises(ArtefactError, match="content is not what its record says"):
        trusted_hash(one)
    write_json(Path("infer.json"), {"maps": False})
    rooms.infer()
    assert not folder.exists()
    assert "localisation" not in rooms.evaluate()


@pytest.mark.parametrize("rooms", [GATED], indirect=True)
def test_gates_share_the_record_of_the_scores(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of each gate, which is made again and measured like the maps behind the scores."""
    rooms.infer()
    folder = Path("infer/seed0.maps")
    one = folder / "attention_8x8/Test002.npz"
    outputs, content = read_json(record_path(Path("infer/seed0.npz")))["outputs"], one.read_bytes()

    assert (
        "maps of 7 videos, besides attention_16x16, attention_4x4, attention_8x8: "
        f"{sum(path.stat().st_size for path in folder.rglob('*.npz')) / 1e6:.1f} MB in {folder}"
    ) in capsys.readouterr().out
    wanted = {path.name for path in folder.glob("*.npz")}
    assert len(wanted) == 7
    for gate in GATES:
        assert {path.name for path in (folder / gate).iterdir()} == wanted
        assert {f"{folder}/{gate}/{name}" for name in wanted} <= {*outputs}
    assert find_record(one) == record_path(Path("infer/seed0.npz"))
    plan = {"infer/seed0.npz": Wanted(None, Path(), Path())}
    assert owner(one.as_posix(), plan) == "infer/seed0.npz"
    rooms.infer()
    assert "kept infer/seed0.npz" in capsys.readouterr().out

    for spoil in (Path.unlink, lambda path: path.write_bytes(content[:-1] + b"?")):
        spoil(one)
        with pytest.raises(ArtefactError, match=r"missing|is not what its record says"):
            trusted_hash(one)
        assert any(one.as_posix() in stale.reason for stale in verify(plan, Path("hashes.json")).stale)
        rooms.infer()
        assert "made infer/seed0.npz" in capsys.readouterr().out
        assert one.read_bytes() == content

    rows = {*GATES, *(f"{gate} static" for gate in GATES)}
    assert rows == {*rooms.evaluate()["localisation"]["further"]}
    read = read_json(record_path(Path("evaluate/seed0")))["inputs"]
    assert {f"{folder}/{gate}/Test001.npz" for gate in GATES} <= {*read}


def test_a_changed_mask_is_evaluated_again(rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    """The truth is an input of the job, by the tables of room split; nothing is evaluated twice for nothing."""
    rooms.infer()
    before = rooms.evaluate()["localisation"]
    capsys.readouterr()
    assert rooms.evaluate()["localisation"] == before
    assert "kept evaluate/seed0" in capsys.readouterr().out

    last = max(path for path in Path("raw/ped2").glob("Test/*_gt/*.png") if np.asarray(Image.open(path)).any())
    mask = np.zeros_like(np.asarray(Image.open(last)))
    mask[:4, :4] = 255
    Image.fromarray(mask).save(last)
    rooms.split()
    after = rooms.evaluate()["localisation"]

    assert "made evaluate/seed0" in capsys.readouterr().out
    assert after["metrics"]["pixel_auc"] != before["metrics"]["pixel_auc"]
    assert {name: value for name, value in after.items() if name in ("videos", "frames")} == {"videos": 6, "frames": 96}
    read = read_json(record_path(Path("evaluate/seed0")))["inputs"]
    assert {name.rpartition("/")[0] for name in read} == {
        "infer",
        "infer/seed0.maps",
        "tables",
        "tables/frame_labels",
        "tables/truth",
    }
    assert json.loads(Path("evaluate/seed0/metrics.json").read_text())["localisation"] == after
