"""What all extractors share: the base class, its check of names, and how an entry becomes an extractor."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vad.extractors
from tests import videos
from vad import registry
from vad.artefacts.features import FeatureFile
from vad.errors import FeatureError, ParamsError, VadError
from vad.extractors._base import BaseExtractor, Source, load_extractor, make_features
from vad.extractors._network_run import NetworkExtractor
from vad.extractors.frames import Extractor
from vad.schema.base import Section
from vad.video.decode import PyAVReader, Reader, Rules


def test_a_misspelled_hook_is_refused_with_the_nearest_name() -> None:
    """Every unknown public name is an error when the class is made; private names are the plugin's own."""
    with pytest.raises(VadError, match=r"2 problem\(s\)(.|\n)*identty is no hook. Did you mean 'identity'") as error:
        type("Extractor", (BaseExtractor,), {"identty": dict, "helper": 1, "_own": 2})

    assert "Extractor.helper is no hook" in str(error.value)
    assert "_own" not in str(error.value)


def test_an_extractor_with_a_network_has_more_hooks() -> None:
    """Those of `NetworkExtractor` are known to what inherits from it, and misspelled ones are refused there too."""
    type("Extractor", (NetworkExtractor,), {"build": NetworkExtractor.build, "join": NetworkExtractor.join})

    with pytest.raises(VadError, match=r"biuld is no hook\. Did you mean 'build'"):
        type("Extractor", (NetworkExtractor,), {"biuld": NetworkExtractor.build})
    with pytest.raises(VadError, match="build is no hook"):
        type("Extractor", (BaseExtractor,), {"build": NetworkExtractor.build})


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        (print, r"Extractor\.extract is no method; it takes \(self, source\)"),
        (lambda self: None, r"Extractor\.extract has the parameters \(self\); it takes \(self, source\)"),
        (lambda self, source, more: None, r"has the parameters \(self, source, more\); it takes \(self, source\)"),
    ],
)
def test_a_hook_with_other_parameters_is_refused(extract: Any, words: str) -> None:
    """It would fail at the first video only."""
    with pytest.raises(VadError, match=words):
        type("Extractor", (BaseExtractor,), {"extract": extract})


def test_names_of_parents_and_of_annotations_are_known() -> None:
    """A class between the base and the plugin is checked as well; what the base only annotates is a hook."""

    class Shared(BaseExtractor):
        """Defines what the base knows."""

        config: Section
        dim = 3

    class Extractor(Shared):
        """Nothing of its own."""

    Shared.surplus = 1  # type: ignore[attr-defined]  # after its own check

    assert ["Extractor.surplus is no hook."] == [
        problem.split(" Known")[0] for problem in registry.unknown_hooks(Extractor, BaseExtractor)
    ]


@pytest.mark.parametrize("name", registry.names(vad.extractors))
def test_every_extractor_is_a_plugin(name: str) -> None:
    """Each file has Config and an Extractor that inherits from the base, with extract and identity of its own."""
    plugin = registry.plugin_class(registry.find(vad.extractors, name), "Extractor", BaseExtractor)

    assert plugin.extract is not BaseExtractor.extract
    base = NetworkExtractor if issubclass(plugin, NetworkExtractor) else BaseExtractor
    assert [] == registry.unknown_hooks(plugin, base)


def test_an_entry_becomes_an_extractor() -> None:
    """Its name and its settings; wrong names and modules that are no extractors are refused."""
    extractor = load_extractor({"extractor": "frames", "size": 32})

    assert isinstance(extractor, Extractor)
    assert 32 == extractor.config.size
    with pytest.raises(ParamsError, match=r"no extractor called 'frame'. Did you mean 'frames'"):
        load_extractor({"extractor": "frame"})
    with pytest.raises(VadError, match=r"no class Config, or no class Extractor\(vad.extractors._base.BaseExtractor\)"):
        registry.plugin_class(registry, "Extractor", BaseExtractor)


def test_defaults_of_the_hooks() -> None:
    """No published files, every video has features, all settings make the identity; extract must be written."""
    extractor = BaseExtractor(Rules(max_pixels=9))

    assert {"a": []} == extractor.sources(["a"])
    assert extractor.has("a")
    assert 9 == extractor.identity()["max_pixels"]
    with pytest.raises(FeatureError, match=r"no method extract\(source\)"):
        extractor.extract(Source("a", ()))


def test_features_of_another_width_are_refused() -> None:
    """What `dim` announces is what the file has; the error names the extractor's file and both numbers."""
    file = FeatureFile(np.zeros((1, 4), np.float32), np.array([0, 9]))
    plugin = type("Extractor", (BaseExtractor,), {"dim": 4, "extract": lambda self, source: file})(Rules())

    assert file is make_features(plugin, Source("a", (Path("a.mp4"),)))
    plugin.dim = 5
    with pytest.raises(FeatureError, match=r"a.mp4: .*made features 4 wide, its dim is 5"):
        make_features(plugin, Source("a", (Path("a.mp4"),)))


@pytest.mark.parametrize(
    ("report", "stated", "words"),
    [
        ({"decode": {"frames_decoded": 10}}, 9, "the video has 10 frames"),
        ({"decode": {"frames_decoded": 9}}, 10, ""),
        ({}, 10, "its list states 10 frames"),
        ({}, 9, ""),
        ({}, None, ""),
    ],
)
def test_features_of_another_length_are_refused(report: dict, stated: int | None, words: str) -> None:
    """Bounds end where the video ends: as it was decoded, or as a list states where no video was read."""
    file = FeatureFile(np.zeros((1, 4), np.float32), np.array([0, 9]), report)
    plugin = type("Extractor", (BaseExtractor,), {"dim": 4, "extract": lambda self, source: file})(Rules())
    source = Source("a", (Path("a.mp4"),), stated)

    if not words:
        assert file is make_features(plugin, source)
        return
    with pytest.raises(FeatureError, match=rf"a.mp4: \S+\.py made bounds that end at frame 9, {words}\. .*See docs/"):
        make_features(plugin, source)


def test_extractors_read_through_the_reader_that_the_source_opens(tmp_path: Path) -> None:
    """A source with another way to open videos decides what is decoded."""
    path = videos.write_video(tmp_path / "clip.mp4", videos.scene(5))
    opened: list[tuple[Path, int, int]] = []

    def note(video: Path, height: int, width: int, rules: Rules, short_side: int | None = None) -> Reader:
        opened.append((video, height, width))
        return PyAVReader(video, height, width, rules, short_side)

    load_extractor({"extractor": "frames", "size": 32}).extract(Source("clip", (path,), open_video=note))

    assert [(path, 32, 32)] == opened
