"""Maps of real models on real videos, tied to the pixels of the video; and their files."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests import videos
from tests.clips import noise
from vad.artefacts.clips import BagClips
from vad.artefacts.features import open_features, write_features
from vad.engine.build import build
from vad.engine.parts import READ_AT_ONCE
from vad.engine.score import score_video
from vad.engine.score_run import EpochScores, ListedVideo
from vad.errors import ArtefactError, VadError
from vad.extractors._base import Source, load_extractor, make_features
from vad.localisation.geometry import Geometry
from vad.localisation.map_files import HIGHEST, further_file, read_maps, seen_in_video, write_maps
from vad.localisation.maps import VideoMaps
from vad.models import mnad
from vad.models._base import OWN, VideoModel, pooled
from vad.models.stpvad import in_place
from vad.schema.infer import Infer

HEIGHT, WIDTH, FRAMES = 64, 96, 6
BLOB = np.s_[40:56, 12:36]
"""Rows and columns of a white patch in the stored pictures."""
MODELS = {
    "mnad": {"width": 4},
    "mnad_recon": {"width": 4, "method": "reconstruction"},
    "mnad_gated": {"width": 4, "gates": True},
    "frame_pred": {"width": 4},
}
STPVAD = {
    **{"bag_segments": 6, "score_full_length": False, "head": {"width": 6, "heads": 2, "head_width": 3}},
    "stage1": {"width": 8, "head_width": 4, "scorer_width": 4},
    "encoder": {
        **{"clip_frames": 4, "image_height": 32, "image_width": 32, "tubelet_frames": 2},
        **{"embed": 12, "depth": 2, "heads": 2, "prune_before": [1], "token_ratio": [0.5]},
    },
}


def film(folder: Path, matrix: tuple[int, int, int, int]) -> Path:
    """A grey video whose last picture has a white patch, with a display matrix (a, b, c, d)."""
    pictures = np.full((FRAMES, HEIGHT, WIDTH, 3), 128, np.uint8)
    pictures[(-1, *BLOB)] = 255
    plain = videos.write_video(folder / "plain.mp4", pictures)
    a, b, c, d = (value << 16 for value in matrix)
    head, track = plain.read_bytes().split(b"tkhd", 1)
    shown = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (folder / "v.mp4").write_bytes(head + b"tkhd" + track.replace(videos.IDENTITY, shown, 1))
    return folder / "v.mp4"


def mapped(path: Path, name: str, apply_rotation: bool = True) -> VideoMaps:
    """The maps that a model with random weights gives for a video."""
    entry = {"extractor": "frames", "size": 32, "apply_rotation": apply_rotation}
    file = make_features(load_extractor(entry), Source("v", (path,)))
    model = build(name.partition("_rec")[0].partition("_gat")[0], MODELS[name], 3)
    places = score_video(model, file.features, file.bounds, Infer(), places=True).places
    assert places is not None
    return seen_in_video(*places, file.report["decode"])


@pytest.mark.parametrize("name", MODELS)
def test_the_highest_cell_is_where_the_picture_changes(name: str, tmp_path: Path) -> None:
    """A patch of 16 x 24 pixels that no frame before had: the picture, squashed from 64 x 96 to 32 x 32, is undone."""
    found = mapped(film(tmp_path, (1, 0, 0, 1)), name)
    picture = found.geometry.to_picture(found.maps[-1:])[0]

    assert found.geometry == Geometry(HEIGHT, WIDTH, 32, 32)
    assert found.frames.tolist() == ([0, 1, 2, 3, 4, 5] if name == "mnad_recon" else [4, 5])
    assert picture[BLOB].min() > np.delete(picture, np.r_[36:60], 0).max()
    assert picture[BLOB].min() > np.delete(picture, np.r_[6:42], 1).max()


@pytest.mark.parametrize(
    "matrix", [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]
)
@pytest.mark.parametrize("apply_rotation", [True, False])
def test_turned_and_mirrored_videos_are_judged_in_stored_pixels(
    matrix: tuple[int, int, int, int], apply_rotation: bool, tmp_path: Path
) -> None:
    """The patch lies in the same stored pixels, however the container wants it shown."""
    found = mapped(film(tmp_path, matrix), "mnad_recon", apply_rotation)
    picture = found.geometry.to_picture(found.maps[-1:])[0]

    assert picture[BLOB].min() > np.delete(picture, np.r_[36:60], 0).max()
    assert picture[BLOB].min() > np.delete(picture, np.r_[6:42], 1).max()


def test_clips_say_how_their_images_lie_where_the_vectors_are_turned_otherwise(tmp_path: Path) -> None:
    """Maps over the images are placed by the report of the images, not by that of the vectors."""
    path = film(tmp_path, (0, 1, -1, 0))
    vectors = {"extractor": "xfeat", "size": 64, "device": "cpu"}
    turned, alike = (
        make_features(load_extractor({"extractor": "clips", "size": 32, "frames": 2, "vectors": one}), source).report
        for source in [Source("v", (path,))]
        for one in (vectors | {"apply_rotation": False}, vectors)
    )

    assert turned["decode"]["as_stored"]
    assert "as_stored" not in turned["decode_clips"]
    assert "decode_clips" not in alike


@pytest.mark.parametrize("score", ["stage1", "both"])
def test_maps_of_patches_are_those_of_the_second_stage(score: str) -> None:
    """One map for each clip that segments show, the mean over its tubelets; its frame is in the middle of the clip."""
    clips, rows = noise(4), np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    model, bounds = build("stpvad", {**STPVAD, "score": score}, 5), np.array([0, 4, 8, 12, 14])
    plain, found = (score_video(model, rows, bounds, Infer(), clips, places) for places in (False, True))
    bag = torch.from_numpy(rows[[0, 0, 1, 2, 2, 3]])[None]
    with torch.no_grad():
        tokens = model._tokens(model.stage1(bag), bag, BagClips([clips]), 0, torch.tensor([0, 2, 3, 5]))
        wanted = in_place(tokens, model.config.encoder.grid).mean(1)

    assert found.places is not None
    assert plain.places is None
    assert np.array_equal(plain.frames, found.frames)
    assert found.places.frames.tolist() == [2, 6, 10, 13]
    torch.testing.assert_close(torch.from_numpy(found.places.maps), wanted)


def test_maps_of_crops_are_averaged() -> None:
    """Two crops of the vectors with one clip each: the mean map."""
    clips, rows = noise(4), np.random.default_rng(0).normal(size=(4, 2, 5)).astype(np.float32)
    model, bounds = build("stpvad", {**STPVAD, "score": "both"}, 5), np.arange(5) * 4
    both, *each = (
        score_video(model, features, bounds, Infer(), clips, places=True).places
        for features in (rows, rows[:, 0], rows[:, 1])
    )

    np.testing.assert_allclose(both.maps, np.mean([one.maps for one in each], 0), rtol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [((1, 0, 0, 1), np.s_[:32, :48]), ((0, 1, -1, 0), np.s_[32:, :48]), ((-1, 0, 0, 1), np.s_[:32, 48:])],
)
def test_further_maps_lie_in_folders_of_their_names(
    matrix: tuple[int, int, int, int], corner: tuple[slice, slice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gates that are open in the upper left quarter of the picture as it is shown, seen in the stored picture."""

    def opened(gate: mnad.Gate, read: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Open in the upper left quarter."""
        half = skip.shape[2] // 2
        return functional.pad(skip.new_ones(len(skip), 1, half, half), (0, half, 0, half))

    monkeypatch.setattr(mnad.Gate, "forward", opened)
    file = make_features(load_extractor({"extractor": "frames", "size": 32}), Source("v", (film(tmp_path, matrix),)))
    write_features(tmp_path / "features.npz", file)
    video = ListedVideo("v", "test", tmp_path / "features.npz", tmp_path / "maps/v.npz")
    scored = EpochScores(build("mnad", MODELS["mnad_gated"], 3), ("test",))
    with torch.inference_mode():
        scored.score(video, open_features(video.features, 3, READ_AT_ONCE), None, Infer(), mapped=True)
    own = read_maps(tmp_path / "maps/v.npz")
    further = {path.parent.name: read_maps(path) for path in (tmp_path / "maps").glob("*/*")}

    assert {f"attention_{side}x{side}" for side in (8, 16, 32)} == {*further}
    for name, maps in further.items():
        wanted = np.zeros((HEIGHT, WIDTH))
        wanted[corner] = 1
        assert np.array_equal(wanted, maps.geometry.to_picture(maps.maps[-1:])[0])
        assert np.array_equal(own.frames, maps.frames)
        assert f"attention_{maps.geometry.rows}x{maps.geometry.columns}" == name
        assert (own.geometry.turns, own.geometry.height) == (maps.geometry.turns, maps.geometry.height)


def test_a_further_map_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One map of a gate for each score, like the maps behind the scores."""
    model, noted = build("mnad", MODELS["mnad_gated"], 3), VideoModel.note_maps
    monkeypatch.setattr(
        mnad.Model,
        "note_maps",
        lambda model, make, name=OWN: noted(model, make if name == OWN else lambda: make()[1:], name),
    )
    pictures = np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), dtype=np.uint8)

    with pytest.raises(VadError, match=r"vad/models/mnad.py: 0 maps attention_4x4 for 2 scores"):
        score_video(model, pictures, np.arange(7), Infer(), places=True)


@pytest.mark.parametrize("name", ["static", "its own", "a/b", "", "model"])
def test_further_maps_have_names_that_are_free(name: str) -> None:
    """Neither a row of evaluation has the name, nor is it more than a word."""
    with pytest.raises(VadError, match=f"a further map is named '{name}'"):
        further_file(Path("seed0.maps/v.npz"), name)
    assert Path("seed0.maps/attention_4x4/v.npz") == further_file(Path("seed0.maps/v.npz"), "attention_4x4")


def test_a_model_without_maps_says_so() -> None:
    """Asked for maps, a model that notes none is named."""
    model = build("c3d_mil", {"bag_segments": 4, "hidden_width": 4, "middle_width": 2}, 5)

    with pytest.raises(VadError, match=r"vad/models/c3d_mil.py: 0 maps for 4 scores"):
        score_video(model, np.zeros((4, 5), np.float32), np.arange(5), Infer(), places=True)
    assert model.noted_maps is None


def test_pooling_is_the_mean_of_equal_cells() -> None:
    """72 rows become 24 (the most that divide them up to 32), 8 columns stay; the mean of each cell by hand."""
    maps = torch.arange(72.0).repeat(2, 8, 1).transpose(1, 2)

    assert pooled(maps).shape == (2, 24, 8)
    assert pooled(maps)[1, :3, 0].tolist() == [1.0, 4.0, 7.0]


def test_files_keep_levels_frames_and_geometry(tmp_path: Path) -> None:
    """Scores come back within half a level, the rest exactly; equal maps are equal bytes."""
    maps = np.random.default_rng(0).exponential(size=(3, 2, 4)).astype(np.float32)
    geometry = Geometry(12, 16, 2, 4, turns=2, resized=(6, 8), crop=(1, 0, 4, 8))
    video = VideoMaps(maps, np.array([0, 7, 9]), geometry)
    for name in ("a.npz", "b.npz"):
        write_maps(tmp_path / name, video)
    found = read_maps(tmp_path / "a.npz")

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert found.geometry == geometry
    assert found.frames.tolist() == [0, 7, 9]
    assert np.abs(found.maps - maps).max() <= 0.5001 * (maps.max() - maps.min()) / HIGHEST


@pytest.mark.parametrize("maps", [np.full((2, 1, 1), 3.5, np.float32), np.zeros((0, 1, 1), np.float32)])
def test_files_of_constant_and_of_no_maps(maps: np.ndarray, tmp_path: Path) -> None:
    """A constant map stays exact; a video shorter than one window may have none."""
    write_maps(tmp_path / "v.npz", VideoMaps(maps, np.arange(len(maps)), Geometry(2, 2, 1, 1)))

    assert read_maps(tmp_path / "v.npz").maps.tolist() == maps.tolist()


def test_damaged_files_and_unknown_sizes_are_refused(tmp_path: Path) -> None:
    """A cut file, and features that do not say how large their video's pictures are."""
    write_maps(tmp_path / "v.npz", VideoMaps(np.ones((1, 1, 1)), np.arange(1), Geometry(2, 2, 1, 1)))
    (tmp_path / "v.npz").write_bytes((tmp_path / "v.npz").read_bytes()[:200])

    with pytest.raises(ArtefactError, match="not a readable file of maps"):
        read_maps(tmp_path / "v.npz")
    with pytest.raises(ArtefactError, match="do not state the size"):
        seen_in_video(np.ones((1, 1, 1)), np.arange(1), {})
