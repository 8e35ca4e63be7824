"""Runs that are made from given weights, and training that starts from them: what is written, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.infer import run as infer
from stages.train.run import main
from tests.engine.released_names import linear, lstm
from tests.stages.test_train import fitted, flags, prepare
from vad.artefacts.files import read_json, sha256, write_json
from vad.artefacts.scores import read_scores
from vad.artefacts.weights import read_weights
from vad.errors import VadError
from vad.schema.infer import Infer
from vad.schema.train import Imported, Train

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
    infer._score(runs[0], {"c": "validation", "z": "test"}, videos, Infer.model_validate({}), 1, tmp_path / "scores.npz")
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
