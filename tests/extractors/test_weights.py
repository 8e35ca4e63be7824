"""Weights of extractors: named one way, checked, and nothing silent when they are not there."""

from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from pydantic import ValidationError
from torch import nn

import vad.extractors
from tests.project import ROOT
from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors._network_weights import Published, Weighted, Weights
from vad.params import load
from vad.registry import find

URL = "https://example.org/net-1234.pth"


class Config(Weighted):
    """An extractor whose library publishes a file without a sha256, and one with."""

    def published(self) -> Mapping[str, Published]:
        """Two names."""
        return {"imagenet": Published(URL, "00ff"), "kinetics": Published(URL, None)}


def build() -> nn.Module:
    """A network of six values."""
    return nn.Linear(2, 2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch, and no network."""

    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "torch" / "hub" / "checkpoints"


def saved(path: Path, content: object | None = None) -> dict[str, str]:
    """Settings that name a new file of weights."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build().state_dict() if content is None else content, path)
    return {"weights": str(path), "weights_sha256": sha256(path)}


def failure(settings: Mapping[str, object], **parts: object) -> str:
    """The message of the one error."""
    with pytest.raises(FeatureError) as error:
        Weights("test", Config.model_validate(settings)).network(build, **parts)  # type: ignore[arg-type]
    return str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": "net.pth"}, "none of imagenet, kinetics, random, and a path needs its weights_sha256"),
        ({"weights": "imagnet"}, "'imagnet' is none of imagenet, kinetics, random"),
        ({"weights": "random", "weights_sha256": "0" * 64}, "takes no weights_sha256"),
        ({"weights": "imagenet", "weights_seed": 1}, "weights_seed belongs to weights: random"),
        ({"weights": "net.pth", "weights_sha256": "0f"}, "should match pattern"),
        ({"weights": ""}, "at least 1 character"),
        ({}, "Field required"),
    ],
)
def test_settings_that_name_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    """Before anything runs, with the known names."""
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(settings)


def test_random_weights_depend_on_their_seed_alone() -> None:
    """Equal for a seed, other for another one; torch's own generator is left as it was."""
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    weights = [Weights("test", Config(weights="random", weights_seed=seed)) for seed in (1, 1, 2)]
    found = [one.network(build).state_dict()["weight"] for one in weights]

    assert torch.equal(expected, torch.randn(3))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert {"weights": "random", "weights_seed": 2} == weights[2].identity()


def test_a_file_is_loaded_and_named(tmp_path: Path) -> None:
    """By path and sha256; the network comes in eval mode and is not trained."""
    values = build().state_dict()
    weights = Weights("test", Config.model_validate(saved(tmp_path / "net.pth", values)))
    network = weights.network(build)

    assert torch.equal(values["weight"], network.state_dict()["weight"])
    assert not network.training
    assert not any(value.requires_grad for value in network.parameters())
    assert {"weights": "file", "weights_sha256": sha256(tmp_path / "net.pth")} == weights.identity()


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state", "model", "module"])
def test_wrapped_and_renamed_values_are_found(tmp_path: Path, wrapper: str) -> None:
    """A training checkpoint with other names and a head that the network leaves out."""
    values = {f"body.{name}": value for name, value in build().state_dict().items()}
    settings = saved(tmp_path / "net.pth", {wrapper: values | {"head.bias": torch.ones(1)}, "epoch": 3})
    network = Weights("test", Config.model_validate(settings)).network(
        build, unused=("head.",), rename=lambda name: name.removeprefix("body.")
    )

    assert torch.equal(values["body.bias"], network.state_dict()["bias"])
    assert "Unexpected key" in failure(settings, rename=lambda name: name.removeprefix("body."))
    assert "Missing key" in failure(settings, unused=("head.", "body.bias"))


def test_another_file_is_refused(tmp_path: Path) -> None:
    """Missing, changed, of another network, no tensors, no weights at all: each is one clear error."""
    settings = saved(tmp_path / "net.pth")
    torch.save(nn.Linear(3, 3).state_dict(), tmp_path / "net.pth")
    notes = saved(tmp_path / "notes.pth", {"a": "text"})
    code = saved(tmp_path / "code.pth", {"a": Path("code")})
    text = tmp_path / "text.pth"
    text.write_text("hello")

    assert "expected" in failure(settings)
    assert "size mismatch" in failure({**settings, "weights_sha256": sha256(tmp_path / "net.pth")})
    assert "named values of one network" in failure(notes)
    assert "does not fit the network" in failure(code)
    assert "does not fit the network" in failure({"weights": str(text), "weights_sha256": sha256(text)})
    (tmp_path / "net.pth").unlink()
    assert "No such file" in failure(settings)


def test_offline_and_not_found_says_what_to_put_where(cache: Path) -> None:
    """The file, its sha256 as far as it is known, its address, the folder, and the other way."""
    message = failure({"weights": "imagenet"})

    for part in ("net-1234.pth", "sha256 starts 00ff", URL, str(cache), "no route to host", "weights_sha256"):
        assert part in message
    assert f"sha256 {'a' * 64}" in failure({"weights": "imagenet", "weights_sha256": "a" * 64})
    assert "sha256" not in failure({"weights": "kinetics"}).split(URL)[0]


def test_the_library_file_is_checked(cache: Path) -> None:
    """A file in the cache must have the stated sha256; where none is stated, the error says which one to set."""
    path = cache / "net-1234.pth"
    digits = saved(path)["weights_sha256"]
    pinned = Weights("test", Config(weights="kinetics", weights_sha256=digits))

    assert "expected 00ff" in failure({"weights": "imagenet"})
    assert f"set weights_sha256: {digits}" in failure({"weights": "kinetics"})
    assert pinned.network(build)
    assert {"weights": "kinetics", "weights_sha256": digits} == pinned.identity()


def test_an_entry_costs_nothing_until_a_video_is_read(cache: Path) -> None:
    """Every features entry that is shipped can be made without its file of weights; no network is built for it."""
    built = {}
    for name, entry in load(ROOT / "params.yaml").features.items():
        settings = entry.model_dump()
        module = find(vad.extractors, settings.pop("extractor"))
        built[name] = module.Extractor(module.Config.model_validate(settings))
    named = {"c3d_video", "i3d_video", "i3d_10crop", "videomae_video", "x3d_video", "mobilenet_v3"}

    assert named <= set(built)
    assert not [name for name, one in built.items() if any(isinstance(v, nn.Module) for v in vars(one).values())]
    assert not cache.exists()
