"""What a job of room features says when videos of its batch fail."""

from pathlib import Path

import pytest

from stages.features.run import main
from tests import videos
from vad.artefacts.files import write_json
from vad.errors import VadError
from vad.extractors import frames


def batch(folder: Path, names: list[str]) -> list[str]:
    """The command line for a batch of videos."""
    rows = [{"video_id": name, "sources": [f"{folder}/{name}.mp4"], "n_frames": None} for name in names]
    write_json(folder / "batch.json", rows)
    write_json(folder / "section.json", {"extractor": "frames", "size": 16})
    write_json(folder / "code.json", {"files": []})
    flags = {"section": "section.json", "code": "code.json", "batch": "batch.json", "out": "out"}
    return [word for name, path in flags.items() for word in (f"--{name}", f"{folder}/{path}")]


def test_one_mistake_of_an_extractor_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once a video; no other video is called done where there is none."""
    names = ["a", "b", "c", "d"]
    for name in names:
        videos.write_video(tmp_path / f"{name}.mp4", videos.scene(3))
    file = frames.Extractor(frames.Config(size=16)).extract(videos.source(tmp_path / "a.mp4"))
    monkeypatch.setattr(frames.Extractor, "extract", lambda self, source: file)
    monkeypatch.setattr(frames.Extractor, "dim", 4)
    with pytest.raises(VadError) as error:
        main(batch(tmp_path, names))
    shown = ", ".join(f"{tmp_path}/{name}.mp4" for name in names[:3])

    assert f"1 problem(s):\n  - 4 times ({shown} and 1 more): vad/extractors/frames.py made features 3 wide" in str(
        error.value
    )
    assert "are done" not in str(error.value)


def test_the_others_are_done(tmp_path: Path) -> None:
    """A lost video is named by its path, once; the message says that the other one is done."""
    videos.write_video(tmp_path / "a.mp4", videos.scene(3))
    with pytest.raises(VadError) as error:
        main(batch(tmp_path, ["a", "lost"]))

    assert f"1 problem(s):\n  - {tmp_path}/lost.mp4: E_MISSING" in str(error.value)
    assert str(error.value).endswith("The other videos of this job are done.")
    assert (tmp_path / "out/a.npz").is_file()
