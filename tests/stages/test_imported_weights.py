"""Runs that are made from given weights, and training that starts from them: what is written, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.infer import run as infer
from stages.plan import slices
from stages.train.run import main
from tests.models.released_names import linear, lstm
from tests.project import PARAMS, REAL_DATA, Plan
from tests.stages.test_train import fitted, flags, prepare
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import read_json, sha256, write_json
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import read_weights
from vad.engine.build import build
from vad.errors import VadError
from vad.models import pca
from vad.models._released import put, read_released
from vad.schema.infer import Infer
from vad.schema.train import Imported, Train
from vad.splits.tables import write_tables
from vad.splits.video import Validation, Video

WIDTH = 4


def released(seed: int, width: int = WIDTH) -> dict[str, Tensor]:
    """Values as Efficient-VAD's authors name them, of the small autoencoder of `prepare`."""
    shapes = linear("encoder_fc.0", width, 3) | lstm("encoder_lstm", 3, 2) | {"memory.weight": (2, 2)}
    shapes |= lstm("decoder_lstm", 2, 3) | linear("decoder_fc", 3, width)
    generator = torch.Generator().manual_seed(seed)
    return {f"module.{name}": torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def saved(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """A file of weights, and what params.yaml says of it."""
    torch.save(content, path)
    return {"file": str(path), "sha256": sha256(path)}


def importing(folder: Path, files: list[dict[str, Any]]) -> None:
    """The files of a job whose weights are given."""
    prepare(folder, epochs=1)
    section = read_json(folder / "train.json")
    train = Imported.model_validate({"weights": files, "device": "cpu"}).model_dump(mode="json")
    write_json(folder / "train.json", {**section, "train": train})


def test_a_run_is_made_without_training(tmp_path: Path) -> None:
    """Weights by our names, what the files were, epoch 0, no training loss; scoring goes on as for any run."""
    given = [saved(tmp_path / f"{n}.pth", {"state_dict": released(n), "epoch": 9}) | {"seed": n} for n in (0, 1)]
    importing(tmp_path, given)
    main(flags(tmp_path, "run", "0", "1"))

    runs = [tmp_path / f"run/seed{seed}" for seed in (0, 1)]
    for seed, run in enumerate(runs):
        weights, values = read_weights(run / "weights.safetensors"), released(seed)
        assert np.array_equal(weights["memory"], values["module.memory.weight"].numpy())
        assert np.array_equal(weights["rebuild.bias"], values["module.decoder_fc.bias"].numpy())
        record = read_json(tmp_path / f"run/seed{seed}.prov.json")
        assert given[seed]["sha256"] == record["inputs"][given[seed]["file"]]
    config = read_json(runs[1] / "config.json")
    assert ("none: the weights are imported", 0, []) == (
        *(config["training"], config["epoch"]),
        config["imported"]["unused"],
    )
    assert [{**given[1], "part": ""}] == config["imported"]["files"]
    assert "epoch,train_loss,validation_loss\n0,,0." in (runs[0] / "history.csv").read_text()

    videos = [tmp_path / f"features/{name}.npz" for name in "cz"]
    infer._score(
        runs[0], {"c": "validation", "z": "test"}, videos, Infer.model_validate({}), 1, tmp_path / "scores.npz"
    )
    protocol = read_scores(tmp_path / "scores.npz").protocol
    assert "imported" == protocol["selection"]
    assert {"weights": f"imported: 0.pth (sha256 {given[0]['sha256'][:8]})"} == protocol["scoring"]


def test_a_made_run_is_kept_and_follows_its_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Nothing is done twice; what an earlier training left in the folder goes; another file makes it anew."""
    fitted(tmp_path, 1, epochs=2)
    importing(tmp_path, [saved(tmp_path / "a.pth", released(0))])
    main(flags(tmp_path, "run", "0"))
    main(flags(tmp_path, "run", "0"))
    first = read_weights(tmp_path / "run/seed0/weights.safetensors")
    importing(tmp_path, [saved(tmp_path / "a.pth", released(1))])
    main(flags(tmp_path, "run", "0"))

    assert ["made", "made", "kept", "made"] == [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [] == list((tmp_path / "run/seed0/epochs").glob("*"))
    assert not np.array_equal(first["memory"], read_weights(tmp_path / "run/seed0/weights.safetensors")["memory"])


@pytest.mark.parametrize(
    ("values", "change", "words"),
    [
        (released(0), {"sha256": "0" * 64}, "its sha256 is .*params.yaml says 0000"),
        (released(0, width=6), {}, r"embed.0.weight: 3x6, the model's is 3x4"),
        (released(0), {"seed": 5}, "no file for seed 0"),
        ({"a": torch.zeros(1)}, {}, r"embed.0.weight: missing"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, values: dict, change: dict, words: str) -> None:
    """Before anything is written; the message names the variant and the seed."""
    importing(tmp_path, [saved(tmp_path / "a.pth", values) | change])

    with pytest.raises(VadError, match=rf"(?s)variant run.*seed 0: .*{words}"):
        main(flags(tmp_path, "run", "0"))
    assert not (tmp_path / "run/seed0.prov.json").exists()


def test_a_model_of_constants_takes_no_weights(tmp_path: Path) -> None:
    """Its constants are taken from the fit part: those of the file would be lost without a word."""
    values = {"mean": torch.zeros(WIDTH), "directions": torch.zeros(WIDTH, WIDTH)}
    importing(tmp_path, [saved(tmp_path / "a.pth", values)])
    section = read_json(tmp_path / "train.json")
    write_json(tmp_path / "train.json", {**section, "model": "pca", "model_args": pca.Config().model_dump()})

    with pytest.raises(VadError, match=r"train\.weights: model pca has no trained weights.*Set lr, epochs and batch"):
        main(flags(tmp_path, "run", "0"))


def test_training_starts_from_a_run_or_a_file(tmp_path: Path) -> None:
    """With a learning rate of nearly nothing the weights stay: those of the other variant's run, or of the file."""
    run = fitted(tmp_path, 0, epochs=2)
    file = saved(tmp_path / "a.pth", released(3))
    for name, start in (("from_run", {"variant": "run"}), ("from_file", file)):
        prepare(tmp_path, epochs=1, start=[start])
        section = read_json(tmp_path / "train.json")
        train = Train.model_validate({**section["train"], "lr": 1e-12}).model_dump(mode="json")
        write_json(tmp_path / "train.json", {**section, "train": train})
        main([*flags(tmp_path, name, "0"), "--starts", *([f"{tmp_path}/run"] if name == "from_run" else [])])
    other = read_weights(run / "weights.safetensors")

    for name, expected in (("from_run", other["memory"]), ("from_file", released(3)["module.memory.weight"].numpy())):
        found = read_weights(tmp_path / name / "seed0/weights.safetensors")["memory"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        inputs = read_json(tmp_path / f"{name}/seed0.prov.json")["inputs"]
        assert any(path.endswith(("run/seed0/weights.safetensors", "a.pth")) for path in inputs)


TUNED = """\
variants:
  tuned:
    dataset: mini_crime
    features: xfeat
    model: c3d_mil
    model_args: {hidden_width: 8}
    train: {lr: 0.01, epochs: 2, batch: 2, start: [{variant: mil}]}
    infer: {}
  tuned_ucf:
    dataset: mini_crime
    features: xfeat
    model: c3d_mil
    train: {lr: 0.01, epochs: 2, batch: 2, start: [{variant: mil_ucf}]}
    infer: {}
"""


def test_the_plan_of_a_start(tmp_path: Path) -> None:
    """Its run is made first; a change of it is in the slice of what starts from it; not installed goes through."""
    (tmp_path / "params.yaml").write_text(PARAMS.replace("variants:\n", TUNED))
    plan = Plan.read(tmp_path / "params.yaml")
    sections = {key: value for room, key, value in slices.slices(plan.installed, plan.reports) if room == "train"}

    assert ["mil"] == plan.jobs.starts("tuned")
    assert ["data/train/mil/seed0.prov.json"] == plan.jobs.records("train", *plan.jobs.starts("tuned"))
    assert {"mil": plan.installed.params.model_dump(mode="json")["variants"]["mil"]} == sections["tuned"]["starts"]
    assert "starts" not in sections["mil"]
    assert "datasets.ucf_crime.root is null" in plan.installed.skipped["tuned_ucf"]


STEAD = REAL_DATA / "weights/stead_888tiny.pkl"


@pytest.mark.skipif(not STEAD.is_file(), reason="the released checkpoint of STEAD is not here")
def test_released_stead_scores(tmp_path: Path) -> None:
    """The authors' own file becomes a run that scores tensors of X3D's size, as the network on them does."""
    importing(tmp_path, [{"file": str(STEAD), "sha256": sha256(STEAD)}])
    section = read_json(tmp_path / "train.json")
    write_json(tmp_path / "train.json", {**section, "model": "stead", "model_args": {"preset": "fast"}})
    train = [Video(name, "", "train", int(name in "cd"), "Abuse" if name in "cd" else "Normal") for name in "abcd"]
    everyone = [*train, Video("z", "", "test", 0, "Normal")]
    rule = "zero_based_half_open"
    write_tables(tmp_path / "split", everyone, validation=Validation(fraction=0.5), interval_rule=rule, facts={})
    for number, name in enumerate("abcdz"):
        rows = np.random.default_rng(number).random((1, 192, 16, 10, 10), np.float32)
        write_features(tmp_path / f"features/{name}.npz", FeatureFile(rows, np.array([0, 80]), {}))
    main(flags(tmp_path, "run", "0"))
    videos = [tmp_path / f"features/{name}.npz" for name in "cz"]
    scoring = Infer.model_validate({"video_score": "model"})
    infer._score(tmp_path / "run/seed0", {"c": "validation", "z": "test"}, videos, scoring, 1, tmp_path / "s.npz")
    found = read_scores(tmp_path / "s.npz")

    model = build("stead", {"preset": "fast"}, 192).eval()
    put(model, read_released(STEAD), "stead")
    with torch.no_grad():
        expected = model.score(torch.from_numpy(read_features(videos[1]).features)[None]).video
    assert pytest.approx(expected.item(), abs=1e-6) == found.videos["z"].video
    assert "imported: stead_888tiny.pkl (sha256 0da6479f)" == found.protocol["scoring"]["weights"]
