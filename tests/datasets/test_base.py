"""What all data sets share: the base class, its check of names, and how an entry becomes a data set."""

from pathlib import Path

import pytest

import vad.datasets
from vad import registry
from vad.datasets import mini_crime
from vad.datasets._base import BaseDataset, GeneratedSettings, UserSettings, load_dataset
from vad.errors import DatasetError, ParamsError, VadError
from vad.splits.tables import INTERVAL_RULES
from vad.splits.video import Video


def test_a_misspelled_hook_is_refused_with_the_nearest_name() -> None:
    """Every unknown public name is an error when the class is made, also of a constant."""
    with pytest.raises(VadError, match=r"Dataset.GENERATD is no hook. Did you mean 'GENERATED'") as error:
        type("Dataset", (BaseDataset,), {"GENERATD": True, "label_of": print, "_own": 1})

    assert "Dataset.label_of is no hook. Did you mean 'labels_of'" in str(error.value)


@pytest.mark.parametrize("name", registry.names(vad.datasets))
def test_every_data_set_is_a_plugin(name: str) -> None:
    """Each file has Config and a Dataset that inherits from the base, with videos and facts of its own."""
    module = registry.find(vad.datasets, name)
    plugin = registry.plugin_class(module, "Dataset", BaseDataset)

    assert issubclass(module.Config, GeneratedSettings if plugin.GENERATED else UserSettings)
    assert BaseDataset.videos not in {plugin.videos}
    assert BaseDataset.facts not in {plugin.facts}
    assert plugin.GENERATED == (plugin.generate is not BaseDataset.generate)


def test_an_entry_becomes_a_data_set(tmp_path: Path) -> None:
    """Its kind and its settings; a generated set lies at home, another one where its root says."""
    generated = load_dataset({"kind": "mini_crime", "train_videos": 8}, tmp_path)
    absent, there = (load_dataset({"kind": "folder", "root": root}, tmp_path) for root in (None, "~/mine"))

    assert isinstance(generated, mini_crime.Dataset)
    assert generated.config.train_videos == 8
    assert (tmp_path, None, Path.home() / "mine") == (generated.root, absent.root, there.root)
    assert all(dataset.interval_rule in INTERVAL_RULES for dataset in (generated, absent))
    with pytest.raises(ParamsError, match=r"no kind of data set called 'folders'. Did you mean 'folder'"):
        load_dataset({"kind": "folders"}, tmp_path)


def test_defaults_of_the_hooks(tmp_path: Path) -> None:
    """`parsed` is `videos`, labels come from a file below root, and what must be written says so."""
    video = Video("a", "a.mp4", "test", 1, "x", frame_labels="a.csv")
    dataset = type("Dataset", (BaseDataset,), {"videos": lambda self, available=None: [video]})(
        UserSettings(root=str(tmp_path)), tmp_path
    )
    (tmp_path / "a.csv").write_text("0\n1\n")

    assert [video] == dataset.parsed()
    assert [0, 1] == dataset.labels_of(video).tolist()
    assert ([], None) == (dataset.lists(), dataset.facts()["subset"])
    with pytest.raises(DatasetError, match="not generated"):
        dataset.generate(1)
    with pytest.raises(DatasetError, match=r"no method videos\(available=None\)"):
        BaseDataset(UserSettings(), tmp_path).videos()
    with pytest.raises(DatasetError, match=r"None: no such folder. Set root of this data set"):
        BaseDataset(UserSettings(), tmp_path).labels_of(video)
