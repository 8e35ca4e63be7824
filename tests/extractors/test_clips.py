"""Clips: the vectors of another extractor, and for each row the right frames of the video."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests import videos
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import sha256
from vad.errors import FeatureError
from vad.extractors import clips, xfeat
from vad.video.decode import PyAVReader

XFEAT = {"extractor": "xfeat", "size": 64, "device": "cpu"}


def config(**settings: Any) -> clips.Config:
    """Small images; xfeat's vectors unless something else is said."""
    return clips.Config.model_validate({"size": 64, "vectors": XFEAT} | settings)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two whole segments and a half."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "scene.mp4", videos.scene(40))


def with_published(video: Path, entry: dict[str, Any], n_frames: int | None = None) -> FeatureFile:
    """The clips of the video around its published vectors."""
    file = Path(entry["root"]) / "scene.npy"
    return clips.Extractor(config(vectors=entry)).extract(videos.source(video, file, n_frames=n_frames))


def published(folder: Path, rows: int) -> dict[str, Any]:
    """An entry of published vectors for the video."""
    folder.mkdir()
    np.save(folder / "scene.npy", np.random.default_rng(0).random((rows, 5), dtype=np.float32))
    return {"extractor": "imported", "root": str(folder), "dim": 5}


def shown(video: Path, found: clips.Clips) -> list[list[int]]:
    """Which frame of the video each image of each row is: the nearest one."""
    frames = np.stack(list(PyAVReader(video, 64, 64).frames())).astype(int)
    return [
        [int(np.abs(frames - image).mean(axis=(1, 2, 3)).argmin()) for image in found.frames(row)]
        for row in range(len(found))
    ]


def runs(starts: list[int]) -> list[list[int]]:
    """Sixteen frames from each start on, the last of the 40 repeated."""
    return [[min(start + i, 39) for i in range(16)] for start in starts]


def test_vectors_are_those_of_the_other_extractor(video: Path) -> None:
    """Same rows and bounds as without images; the images are the rows' frames, the last one repeated."""
    file = clips.Extractor(config()).extract(videos.source(video))
    plain = xfeat.Extractor(xfeat.Config(size=64, device="cpu")).extract(videos.source(video))

    np.testing.assert_array_equal(plain.features, file.features)
    np.testing.assert_array_equal(plain.bounds, file.bounds)
    assert plain.clips is None
    assert file.clips is not None
    assert (3, 16, 64, 64, 3) == (len(file.clips), *file.clips.frames(2).shape)
    assert runs([0, 16, 32]) == shown(video, file.clips)


def test_files_are_byte_stable_and_read_back(tmp_path: Path, video: Path) -> None:
    """Equal input, equal bytes; what is read is what was written."""
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        write_features(path, clips.Extractor(config()).extract(videos.source(video)))
    first, again = (read_features(path, 128) for path in paths)

    assert sha256(paths[0]) == sha256(paths[1])
    assert first.clips is not None
    assert again.clips is not None
    np.testing.assert_array_equal(first.clips.frames(1), again.clips.frames(1))
    assert {"frames", "resize", "jpeg", "pillow"} == set(first.report["clips"])
    assert 30.0 == first.report["decode"]["fps"]


@pytest.mark.parametrize("n_frames", [None, 40])
def test_published_vectors_get_the_true_length(tmp_path: Path, video: Path, n_frames: int | None) -> None:
    """2 rows of 16 frames published for 40 frames: the second row lasts to the end of the video."""
    entry = published(tmp_path / "features", 2)
    file = with_published(video, entry, n_frames)

    assert [0, 16, 40] == file.bounds.tolist()
    assert (2, 5) == file.features.shape
    assert file.clips is not None
    assert runs([0, 16]) == shown(video, file.clips)
    assert 40 == file.report["decode"]["frames_decoded"]


def test_rows_of_a_bag_get_their_first_frames(tmp_path: Path, video: Path) -> None:
    """4 equal parts of 40 frames start at 0, 10, 20, 30; their images run on for 16 frames."""
    entry = {**published(tmp_path / "features", 4), "rows": "bag", "bag_rows": 4}
    file = with_published(video, entry)

    assert file.clips is not None
    assert runs([0, 10, 20, 30]) == shown(video, file.clips)


def test_stated_frames_that_are_not_there_are_refused(tmp_path: Path, video: Path) -> None:
    """The list says 48 frames, the video has 40: labels and images would not fit."""
    with pytest.raises(FeatureError, match="40 frames, its vectors are of 48"):
        with_published(video, published(tmp_path / "features", 3), 48)


def test_settings_of_the_vectors_are_filled_in() -> None:
    """The inner entry is complete, as JSON, and reads back as itself."""
    made = config().model_dump(mode="json")

    assert 16 == made["vectors"]["segment_frames"]
    assert made == clips.Config.model_validate_json(json.dumps(made)).model_dump(mode="json")


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ({"extractor": "xfeet"}, "Did you mean 'xfeat'"),
        ({"extractor": "xfeat", "sise": 64}, "sise"),
        ({"extractor": "xfeat", "size": 65, "frame_stride": 0}, "size: .*frame_stride: "),
        ({"extractor": "imported"}, "dim: Field required"),
        ({"extractor": "clips", "vectors": XFEAT}, "cannot hold clips"),
        ({}, "no extractor called"),
    ],
)
def test_wrong_vectors_are_refused(vectors: dict[str, Any], words: str) -> None:
    """Unknown extractors and settings are named before anything is decoded."""
    with pytest.raises(ValidationError, match=words):
        config(vectors=vectors)


def test_images_need_not_be_square(video: Path) -> None:
    """Height comes first, as the released option has it; another size is another identity."""
    extractor = clips.Extractor(config(size=[48, 80]))
    found = extractor.extract(videos.source(video))

    assert found.clips is not None
    assert (16, 48, 80, 3) == found.clips.frames(0).shape
    assert "squashed to 48x80" in str(extractor.identity()["clips"]["resize"])
    with pytest.raises(ValidationError, match="at least 2 items"):
        config(size=[48])
