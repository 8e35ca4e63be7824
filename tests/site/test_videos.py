"""Which variant a page of a test video shows first, and what its page is called."""

from pathlib import Path

import numpy as np
import pytest

from vad.alarms.scored import ScoredRun
from vad.artefacts.scores import ScoreFile, StoredScores
from vad.site.names import INDEX, page_files, page_name
from vad.site.videos import best_first

TRAIN = "video_id,path,class,label,part\na,a.mp4,Abuse,1,validation\nb,b.mp4,Normal,0,validation\nc,c.mp4,Abuse,1,fit\n"


def scores(**videos: float) -> ScoreFile:
    """Scores of whole videos of the train list."""
    return ScoreFile("frame", {name: StoredScores(np.zeros(2), value, "validation") for name, value in videos.items()})


def names(train: str, tmp_path: Path) -> tuple[list[str], str]:
    """The order of three variants: the second one separates the validation videos."""
    path = tmp_path / "train.csv"
    path.write_text(train)
    files = {"wrong": scores(a=0.1, b=0.9), "right": scores(a=0.9, b=0.1), "unknown": scores(a=0.5)}
    runs = [ScoredRun(name, "variant", 0, [], None, "") for name in files]
    found, why = best_first(runs, files, path)
    return [run.name for run in found], why


def test_the_best_validated_variant_comes_first(tmp_path: Path) -> None:
    """By held-back videos of both labels; without them, the order of params.yaml."""
    assert (["right", "wrong", "unknown"], "the best on validation videos") == names(TRAIN, tmp_path)
    assert ["wrong", "right", "unknown"] == names(TRAIN.replace(",0,validation", ",0,fit"), tmp_path)[0]


def test_a_full_page_keeps_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it stands in params.yaml."""
    monkeypatch.setattr("vad.site.videos.MOST_VARIANTS", 1)

    assert ["right"] == names(TRAIN, tmp_path)[0]
    assert ["wrong"] == names(TRAIN.replace(",0,validation", ",0,fit"), tmp_path)[0]


def test_no_page_takes_the_place_of_the_list() -> None:
    """Also that of a video called index."""
    files = page_files(["index", "a"])

    assert INDEX != page_name("index")
    assert len(set(files)) == len(files)
    assert {"index.html", "index_scores.html", "a_scores.html", "assets/page.js"} <= set(files)
