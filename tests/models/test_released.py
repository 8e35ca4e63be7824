"""Released weights: files in every form, names of each authors' checkpoint, and what does not fit."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.models import released_names as names
from tests.project import REAL_DATA
from vad.artefacts.files import sha256
from vad.engine.build import build
from vad.errors import ArtefactError
from vad.models import lstm_memory_ae, mnad, mstsm, rtfm, stead, urdmu
from vad.models._base import VideoModel
from vad.models._released import fill, joined, match, named, put, read_released, renamed_as
from vad.schema.train import WeightsFile

STEAD = REAL_DATA / "weights/stead_888tiny.pkl"
CASES = {
    "urdmu": ("urdmu", {}, 1024, names.urdmu(), 6_492_929),
    "urdmu 1408": ("urdmu", {}, 1408, names.urdmu(1408), 7_082_753),
    "rtfm": ("rtfm", {}, 2048, names.rtfm(), 24_718_849),
    "lstm": ("lstm_memory_ae", {}, 960, names.lstm_memory_ae(), 908_096),
    "mstsm": ("mstsm", {"preset": "claim"}, 128, names.mstsm(), 159_347),
    "mnad": ("mnad", {}, 3, names.mnad(), 15_650_819),
    "stpvad": ("stpvad", {}, 1024, names.stpvad(), 6_492_929 + 90_696_006 + 10_431_745),
    "mnad reconstruction": ("mnad", {"method": "reconstruction"}, 3, names.mnad(False), 17_195_267),
}


class Network(nn.Module):
    """Such as authors pickle whole: with layers, statistics, and an object that is no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        self.loss = nn.MSELoss()
        self.notes = {"made": "by the authors"}


NAMES = {
    *("layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"),
    *("layers.1.running_mean", "layers.1.running_var", "layers.1.num_batches_tracked"),
}


def forms(network: nn.Module) -> dict[str, Any]:
    """What people save of a network."""
    return {
        "values": network.state_dict(),
        "values on several GPUs": nn.DataParallel(network).state_dict(),
        "checkpoint": {"epoch": 3, "state_dict": network.state_dict(), "best": 0.5},
        "inner wrapper": {"model": {"state_dict": nn.DataParallel(network).state_dict()}},
        "whole network": network,
        "whole network on several GPUs": nn.DataParallel(network),
        "whole network in a checkpoint": {"model": network, "epoch": 1},
    }


@pytest.mark.parametrize("form", forms(Network()))
def test_every_form_of_a_file_gives_the_same_values(tmp_path: Path, form: str) -> None:
    """Wrappers and prefixes of other code are taken off; a network that was saved whole gives its values too."""
    network, path = Network(), tmp_path / "any.name"
    torch.save(forms(network)[form], path)

    found = read_released(path)

    assert NAMES == set(found)
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


def test_safetensors_and_files_of_old_torch(tmp_path: Path) -> None:
    """Both hold the values as they are."""
    values = Network().state_dict()
    save_file(values, tmp_path / "a.safetensors")
    torch.save(values, tmp_path / "old.pth", _use_new_zipfile_serialization=False)

    for name in ("a.safetensors", "old.pth"):
        assert NAMES == set(read_released(tmp_path / name)), name


def test_a_bare_tensor_takes_the_name_of_its_part(tmp_path: Path) -> None:
    """Such as MNAD's keys, which are a file of their own."""
    torch.save(torch.ones(2, 3), tmp_path / "keys.pt")

    assert ["keys"] == list(named(read_released(tmp_path / "keys.pt"), "keys"))


class Code:
    """Would make a file if it were unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ("touch was_run",)


@pytest.mark.parametrize("how", ["pickle", "torch", "old torch", "damaged", "text", "no tensors"])
def test_what_is_no_weights_is_refused_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever a file holds, no code in it is run; the message says how to save it again."""
    monkeypatch.chdir(tmp_path)
    path, content = tmp_path / "file.pkl", {"a": torch.ones(2), "b": Code()}
    if how in ("torch", "old torch"):
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    elif how == "damaged":
        torch.save({"a": torch.ones(200)}, path)
        path.write_bytes(path.read_bytes()[:300])
    elif how == "no tensors":
        torch.save({"epoch": 3}, path)
    else:
        path.write_bytes(pickle.dumps(content) if how == "pickle" else b"not weights")

    with pytest.raises(ArtefactError, match=r"file.pkl: .*state_dict"):
        read_released(path)
    assert not (tmp_path / "was_run").exists()


def test_an_old_file_of_a_whole_network_says_what_it_needs(tmp_path: Path) -> None:
    """Torch reads these only by running them: the class is named, and how to save the values alone."""
    torch.save(Network(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)

    with pytest.raises(ArtefactError, match=r"it needs tests.models.test_released.Network.*network.state_dict"):
        read_released(tmp_path / "old.pth")


@pytest.mark.parametrize("case", CASES)
def test_names_of_each_release_fill_every_value(case: str) -> None:
    """Each value of ours has one of the release, of the same shape; the release's count of values is the published."""
    model, args, width, shapes, published = CASES[case]
    with torch.device("meta"):
        ours = build(model, args, width)
        given = {name: torch.empty(shape) for name, shape in shapes.items()}

    found = match(ours, given)

    assert [] == found.problems
    assert {name for name, _ in ours.named_parameters()} <= set(found.values)
    assert published == sum(found.values[name].numel() for name, _ in ours.named_parameters())
    assert set(shapes) == {*found.unused} | {name for name in shapes if renamed_as(name, ours.released_names)}
    assert all("moduleBatchNorm" in name for name in found.unused)


@given(st.text(alphabet="abc.019_", max_size=12))
def test_other_names_stay_as_they_are(name: str) -> None:
    """So weights by our own names can be imported too, from another copy of the project."""
    for model in (urdmu, rtfm, lstm_memory_ae, mstsm, mnad, stead):
        assert name == renamed_as(name, model.Model.released_names)


def test_own_names_fill_a_model(tmp_path: Path) -> None:
    """A run's weights go into a new model of the same settings."""
    first, second = (build("urdmu", {"width": 8, "head_width": 2, "scorer_width": 4}, 6, seed) for seed in (0, 1))
    torch.save(first.state_dict(), tmp_path / "own.pt")

    assert [] == fill(second, [_file(tmp_path / "own.pt")])
    assert all(torch.equal(second.state_dict()[name], value) for name, value in first.state_dict().items())


def test_skip_connections_of_mnad_change_places() -> None:
    """The release concatenates skip and map, we map and skip: the weights of a level give the same with both."""
    model = build("mnad", {"width": 2}, 3).eval()
    released = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(0))
    skip, deeper = torch.randn(2, 1, 8, 4, 4, generator=torch.Generator().manual_seed(1)).unbind()

    ours = model.from_released({"decoder.levels.0.0.weight": released})["decoder.levels.0.0.weight"]

    theirs = nn.functional.conv2d(torch.cat([skip, deeper], dim=1), released)
    assert torch.allclose(theirs, nn.functional.conv2d(torch.cat([deeper, skip], dim=1), ours), atol=1e-5)


def test_stage_one_of_stpvad_starts_from_a_run_of_urdmu() -> None:
    """Only the part's values change, and the constants of `standardise`, which the part's weights belong to."""
    small = {"width": 8, "head_width": 2, "scorer_width": 4}
    encoder = {"clip_frames": 4, "image_height": 32, "image_width": 32, "embed": 12, "depth": 2, "heads": 2}
    args = {"stage1": small, "head": small, "encoder": {**encoder, "prune_before": [1], "token_ratio": [1.0]}}
    first, model = build("urdmu", {**small, "standardise": True}, 6, 1), build("stpvad", args, 6)
    first.prepare(torch.randn(3, 4, 6))
    before = {name: value.clone() for name, value in model.state_dict().items()}

    put(model, named(first.state_dict(), "stage1"), "a run", "stage1")

    for name, value in model.state_dict().items():
        of_stage1 = name.startswith(("stage1.", "standardise."))
        expected = first.state_dict()[name.removeprefix("stage1.")] if of_stage1 else before[name]
        assert torch.equal(expected, value), name


def small() -> tuple[VideoModel, dict[str, Tensor]]:
    """A model, and values by its own names."""
    model = build("lstm_memory_ae", {"hidden_width": 4, "latent_width": 3, "memory_slots": 2}, 5)
    return model, dict(model.state_dict())


def test_what_does_not_fit_is_named() -> None:
    """Missing, foreign and of another shape: the first names, and how many more."""
    model, given = small()
    del given["rebuild.bias"]
    given |= {"head.weight": torch.zeros(1), "memory.weight": torch.zeros(7, 3)}
    del given["memory"]

    with pytest.raises(ArtefactError) as error:
        put(model, given, "x.pth")

    text = str(error.value)
    for part in ("x.pth: 3 problem", "rebuild.bias: missing", "head.weight: not in", "memory: 7x3, the model's is 2x3"):
        assert part in text
    assert "import-weights" in text


def test_many_problems_are_counted() -> None:
    """A checkpoint of another network would fill the screen."""
    model, _ = small()

    with pytest.raises(ArtefactError, match=r"x.pth, the first 5 of 13: 5 problem"):
        put(model, {}, "x.pth")


def test_a_file_is_the_one_that_params_names(tmp_path: Path) -> None:
    """Another content or no file: both say which."""
    model, values = small()
    path = tmp_path / "own.pt"
    torch.save(values, path)

    with pytest.raises(ArtefactError, match=r"its sha256 is [0-9a-f]{64}, params.yaml says 0{64}"):
        fill(model, [WeightsFile(file=str(path), sha256="0" * 64)])
    with pytest.raises(ArtefactError, match="no such file"):
        fill(model, [WeightsFile(file=str(tmp_path / "none.pt"), sha256="0" * 64)])


def _file(path: Path, part: str = "") -> WeightsFile:
    return WeightsFile(file=str(path), sha256=sha256(path), part=part)


@pytest.mark.skipif(not STEAD.is_file(), reason="the released checkpoint of STEAD is not here")
def test_released_stead() -> None:
    """The authors' own file fills the published size; what is left over is the library's second names."""
    model = build("stead", {"preset": "fast"}, 192)

    unused = fill(model, [_file(STEAD)])

    assert 20 == len(unused)
    assert all("proj_updater" in name or "inv_freq" in name for name in unused)
    assert 17_441 == sum(value.numel() for value in model.parameters())


def test_two_files_with_the_same_names_are_refused() -> None:
    """The second would replace values of the first without a word."""
    with pytest.raises(ArtefactError, match=r"b\.pth: another file has values of the same names: x\. Leave one out"):
        joined([("a.pth", {"x": torch.zeros(1)}), ("b.pth", {"x": torch.ones(1), "y": torch.ones(1)})])


def test_one_file_may_stand_for_two_parts() -> None:
    """No value is lost."""
    assert {"a.x", "b.x"} == set(joined(("f.pth", named({"x": torch.ones(1)}, part)) for part in "ab"))
