"""Frames as features: every decoded frame, in its place, byte by byte."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests import videos
from vad.artefacts.features import read_features, write_features
from vad.errors import MediaError
from vad.extractors.frames import Config, Extractor
from vad.video.decode import PyAVReader, Rules


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames: two batches and a half."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(40))


def test_rows_are_the_decoded_frames(clip: Path) -> None:
    """Channels first, RGB, squashed to the size; one row a frame, and the report says how many."""
    decoded = np.stack(list(PyAVReader(clip, 32, 32).frames()))
    file = Extractor(Config(size=32)).extract(videos.source(clip))

    assert (40, 3, 32, 32) == file.features.shape
    assert np.array_equal(decoded.transpose(0, 3, 1, 2), file.features)
    assert list(range(41)) == file.bounds.tolist()
    assert 40 == file.n_frames == file.report["decode"]["frames_decoded"]
    assert 3 == file.dim == Extractor.dim


def test_colours_are_red_first(tmp_path: Path) -> None:
    """A red picture has its values in the first channel."""
    red = np.zeros((1, 24, 24, 3), np.uint8)
    red[..., 0] = 200
    row = Extractor(Config(size=24)).extract(videos.source(videos.write_images(tmp_path / "01", red))).features[0]

    assert [200, 0, 0] == row[:, 12, 12].tolist()


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    """Numbered images of the same frames give rows in their natural order."""
    folder = videos.write_images(tmp_path / "001", videos.scene(12))
    file = Extractor(Config(size=96)).extract(videos.source(folder))
    expected = np.stack(list(PyAVReader(folder, 96, 96).frames())).transpose(0, 3, 1, 2)

    assert 12 == file.n_frames
    assert np.array_equal(expected, file.features)


def test_every_nth_frame_stands_for_those_up_to_the_next(clip: Path) -> None:
    """Rows are frames 0, 7, 14 ...; the last one stands for what is left of the video."""
    every, seventh = (Extractor(Config(size=16, frame_stride=n)).extract(videos.source(clip)) for n in (1, 7))

    assert np.array_equal(every.features[::7], seventh.features)
    assert [*range(0, every.n_frames, 7), every.n_frames] == seventh.bounds.tolist()
    assert every.n_frames % 7


@pytest.mark.parametrize(("resize", "expected"), [("opencv", [0, 0, 150, 0]), ("swscale", None)])
def test_opencv_takes_the_two_nearest_pixels(tmp_path: Path, resize: Any, expected: list[int] | None) -> None:
    """Six columns to four: places 0.25, 1.75, 3.25 and 4.75 between the old ones; swscale takes more of them."""
    picture = np.zeros((6, 6, 3), np.uint8)
    picture[:, 3] = 200
    Image.fromarray(picture).save(tmp_path / "000.png")
    (frame,) = PyAVReader(tmp_path, 4, 4, Rules(resize=resize)).frames()

    assert (frame == frame[:1, :, :1]).all()
    assert (frame[0, :, 0].tolist() == expected) == (resize == "opencv")


def test_the_resize_is_part_of_the_identity(clip: Path) -> None:
    """Features of the two are never mixed, and their pixels differ; the decode process has the same one."""
    plain, other = (Extractor(Config(size=16, resize=name)) for name in ("swscale", "opencv"))
    rows = other.extract(videos.source(clip)).features
    (first, *_) = PyAVReader(clip, 16, 16, Rules(resize="opencv")).frames()

    assert "swscale bilinear, squashed to 16x16" == plain.identity()["resize"]
    assert "OpenCV INTER_LINEAR, squashed to 16x16" == other.identity()["resize"]
    assert np.array_equal(first.transpose(2, 0, 1), rows[0])
    assert not np.array_equal(plain.extract(videos.source(clip)).features, rows)


def test_equal_input_gives_equal_bytes(clip: Path, tmp_path: Path) -> None:
    """Two extractors write the same file, and it reads back as images."""
    paths = [tmp_path / name for name in ("a.npz", "b.npz")]
    for path in paths:
        write_features(path, Extractor(Config(size=32)).extract(videos.source(clip)))
    read = read_features(paths[0], dim=3)

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert np.uint8 == read.features.dtype


def test_damage_reaches_the_caller(clip: Path, tmp_path: Path) -> None:
    """No short file for a short video."""
    with pytest.raises(MediaError, match="E_TRUNCATED"):
        Extractor(Config(size=32)).extract(videos.source(videos.cut(clip, tmp_path / "cut.mp4", 0.7)))


@pytest.mark.parametrize(
    "settings",
    [{"size": 100}, {"size": 8}, {"grey": True}, {"max_corrupt_frac": 0.5}, {"decoder": "dali", "resize": "opencv"}],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """Sizes that the models cannot halve three times, and unknown keys."""
    with pytest.raises(ValidationError):
        Config.model_validate(settings)


PEAK_MEMORY = """
import sys
from pathlib import Path
from bench.table import peak_mb
from vad.extractors._base import Source
from vad.extractors.frames import Config, Extractor

for path in sys.argv[1:]:
    file = Extractor(Config(size=256)).extract(Source("video", (Path(path),)))
    print(round(peak_mb()))
"""


def test_memory_is_that_of_the_rows(tmp_path: Path) -> None:
    """672 frames more (126 MB as rows) raise the peak by less than twice that: no row is held twice.

    The rows take an eighth more while they grow, and malloc keeps some tens of MB.
    """
    paths = [videos.write_video(tmp_path / f"{n}.mp4", videos.scene(n)) for n in (48, 720)]
    command = [sys.executable, "-c", PEAK_MEMORY, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    short_mb, long_mb = map(int, done.stdout.split())

    assert long_mb - short_mb < 2 * 126
