"""The example of docs/adding-an-extractor.md is a whole extractor, and its table has the hooks of the base class."""

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from tests import videos
from tests.project import ROOT
from vad import registry
from vad.artefacts.features import read_features, write_features
from vad.artefacts.files import sha256
from vad.datasets._base import BaseDataset
from vad.errors import MediaError
from vad.extractors._base import BaseExtractor

PAGE = (ROOT / "docs/adding-an-extractor.md").read_text()
DATASETS = (ROOT / "docs/datasets.md").read_text()


def block(language: str) -> str:
    """The code block of a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


@pytest.fixture(scope="module")
def extractor() -> BaseExtractor:
    """The example with the settings of its entry."""
    (entry,) = yaml.safe_load(block("yaml")).values()
    module = ModuleType(entry.pop("extractor"))
    exec(compile(block("python"), "docs/adding-an-extractor.md", "exec"), module.__dict__)
    return registry.plugin_class(module, "Extractor", BaseExtractor)(module.Config.model_validate(entry))


def test_the_example_makes_feature_files(extractor: BaseExtractor, tmp_path: Path) -> None:
    """Vectors of its width, bounds to the last frame, equal bytes twice, and more motion where the square walks."""
    clip = videos.write_video(tmp_path / "clip.mp4", videos.scene(40))
    for name in ("a.npz", "b.npz"):
        write_features(tmp_path / name, extractor.extract(videos.source(clip)))
    file = read_features(tmp_path / "a.npz", extractor.dim)

    assert (3, 64) == file.features.shape
    assert [0, 16, 32, 40] == file.bounds.tolist()
    assert {"video_sha256", "decode", "extractor"} == set(file.report)
    assert ("motion_energy", 8) == (file.report["extractor"]["name"], file.report["extractor"]["grid"])
    assert sha256(tmp_path / "a.npz") == sha256(tmp_path / "b.npz")
    assert file.features[0].max() > 4 * np.median(file.features[0])


def test_a_cut_video_is_refused(extractor: BaseExtractor, tmp_path: Path) -> None:
    """The reader's error comes through, with its code word."""
    clip = videos.write_video(tmp_path / "clip.mp4", videos.scene(40))

    with pytest.raises(MediaError, match="E_TRUNCATED"):
        extractor.extract(videos.source(videos.cut(clip, tmp_path / "cut.mp4", 0.7)))


@pytest.mark.parametrize(
    ("page", "base"), [(PAGE, BaseExtractor), (DATASETS, BaseDataset)], ids=["extractors", "data sets"]
)
def test_the_table_has_every_hook(page: str, base: type) -> None:
    """Neither a hook that the page leaves out nor one that the base class does not know."""
    (table,) = re.findall(r"\| hook \| says \|\n\|---\|---\|\n((?:\|.*\n)+)", page)
    named = re.findall(r"^\| `(\w+)", table, re.MULTILINE)
    hooks = {name for name in {*dir(base), *base.__annotations__} if not name.startswith("_")}

    assert hooks == set(named)
    assert len(named) == len(set(named))
