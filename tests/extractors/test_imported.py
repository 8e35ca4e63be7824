"""Published features: every form loads to the same array, and everything else is one clear error."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.project import REAL_DATA
from vad.artefacts.features import FeatureFile, read_features, write_features
from vad.errors import FeatureError
from vad.extractors._base import Source
from vad.extractors.imported import Config, Extractor

REAL = REAL_DATA / "ucf_crime_c3d"
RNG = np.random.default_rng(0)
NAME = "Abuse028_x264"
FLAT = RNG.random((7, 4), dtype=np.float32)
CROPS = RNG.random((7, 5, 4), dtype=np.float32)


def extractor(root: Path, **settings: object) -> Extractor:
    """The extractor of a folder, 4 numbers a vector."""
    return Extractor(Config.model_validate({"root": str(root), "dim": 4} | settings))


def load(subject: Extractor, video_id: str = NAME, n_frames: int | None = 105) -> FeatureFile:
    """The features of one video, from the files that the extractor itself finds."""
    return subject.extract(Source(video_id, tuple(subject.sources([video_id])[video_id]), n_frames))


def failure(root: Path, video_id: str = NAME, n_frames: int | None = 105, **settings: object) -> str:
    """The message of the one error that loading gives."""
    with pytest.raises(FeatureError) as error:
        load(extractor(root, **settings), video_id, n_frames)
    return str(error.value)


def as_text(array: np.ndarray) -> str:
    """Rows of blank-separated numbers, a blank at the end, as the published files have."""
    return "".join(" ".join(f"{value:.6f}" for value in row) + " \n" for row in array)


def save(path: Path, array: np.ndarray) -> Path:
    """Save an array in a folder that need not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)
    return path


@pytest.mark.parametrize("name", ["Abuse028_x264", "Abuse028", "deep/er/Abuse028_x264"])
def test_files_are_found_by_id(tmp_path: Path, name: str) -> None:
    """With or without `_x264`, in any subfolder; similar names are other videos."""
    save(tmp_path / f"{name}.npy", FLAT)
    save(tmp_path / "Abuse0280_x264.npy", FLAT[:2])
    subject = extractor(tmp_path)

    assert [tmp_path / f"{name}.npy"] == subject.sources(["Abuse028_x264"])["Abuse028_x264"]
    assert [tmp_path / f"{name}.npy"] == subject.sources(["Abuse028"])["Abuse028"]
    np.testing.assert_array_equal(FLAT, load(subject).features)


def test_ending_of_names(tmp_path: Path) -> None:
    """Names such as `<video>_x264_i3d.npy` are matched when the ending is stated, alone."""
    save(tmp_path / "Abuse028_x264_i3d.npy", FLAT)

    assert extractor(tmp_path, ending="_i3d").has(NAME)
    assert not extractor(tmp_path).has(NAME)


def test_maps_of_segments_and_of_a_whole_video(tmp_path: Path) -> None:
    """Channels come first; one map of a video is its one row, which covers all frames."""
    maps = RNG.random((7, 4, 2, 3, 3), dtype=np.float32)
    save(tmp_path / "a" / "Abuse028_x264.npy", maps)
    save(tmp_path / "b" / "Abuse028_x264.npy", maps[0])
    segments = load(extractor(tmp_path / "a", layout="segments_dim_space"))
    whole = load(extractor(tmp_path / "b", layout="dim_space", rows="bag", bag_rows=1))

    np.testing.assert_array_equal(maps, segments.features)
    np.testing.assert_array_equal(maps[:1], whole.features)
    assert [0, 105] == whole.bounds.tolist()
    assert [4, 4] == [segments.dim, whole.dim]


@pytest.mark.parametrize(
    ("layout", "shape", "message"),
    [
        ("segments_dim_space", (7, 4, 3), "two axes of space or more"),
        ("dim_space", (7, 4), "one map of the whole video"),
        ("dim_space", (5, 2, 3, 3), "features are 5 wide, dim says 4"),
    ],
)
def test_maps_of_another_shape_are_refused(tmp_path: Path, layout: str, shape: tuple[int, ...], message: str) -> None:
    """Vectors are no maps, and the channels are counted."""
    save(tmp_path / "Abuse028_x264.npy", np.ones(shape, np.float32))

    assert message in failure(tmp_path, layout=layout)


def test_maps_have_no_length() -> None:
    """Vectors are scaled, maps are not."""
    with pytest.raises(ValidationError, match="l2_normalise scales vectors"):
        Config(dim=4, layout="dim_space", l2_normalise=True)


def test_every_form_gives_the_same_array(tmp_path: Path) -> None:
    """Layouts and one file per crop differ on disk only."""
    save(tmp_path / "a" / "Abuse028_x264.npy", CROPS)
    save(tmp_path / "b" / "Abuse028_x264.npy", np.moveaxis(CROPS, 1, 0))
    for crop in range(5):
        save(tmp_path / "c" / f"Abuse028_x264__{crop}.npy", CROPS[:, crop])
    found = [
        load(extractor(tmp_path / "a", layout="segments_crops_dim")),
        load(extractor(tmp_path / "b", layout="crops_segments_dim")),
        load(extractor(tmp_path / "c", format="crops_files")),
    ]

    for file in found:
        np.testing.assert_array_equal(CROPS, file.features)
        assert file.features.dtype == np.float32
    assert 5 == len(found[2].report["files"])


def test_text(tmp_path: Path) -> None:
    """Sultani's text: any number of rows, six decimals."""
    (tmp_path / "Abuse028_x264.txt").write_text(as_text(FLAT))
    file = load(extractor(tmp_path, format="sultani_text"))

    np.testing.assert_array_equal(np.round(FLAT.astype(np.float64), 6).astype(np.float32), file.features)
    assert ["text"] == file.report["stored_as"]


def test_loaded_features_can_be_stored(tmp_path: Path) -> None:
    """What is loaded passes the checks of the feature file and comes back the same."""
    save(tmp_path / "Abuse028_x264.npy", np.moveaxis(CROPS, 1, 0))
    file = load(extractor(tmp_path, layout="crops_segments_dim", name="I3D"))
    write_features(tmp_path / "out.npz", file)
    stored = read_features(tmp_path / "out.npz", 4)

    np.testing.assert_array_equal(file.features, stored.features)
    np.testing.assert_array_equal(file.bounds, stored.bounds)
    assert file.report == stored.report
    assert stored.report["source"] == "I3D"


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_float_types_convert(tmp_path: Path, dtype: str) -> None:
    """Half and byte-swapped values convert exactly, double is rounded; the report names the stored type."""
    save(tmp_path / "Abuse028_x264.npy", FLAT.astype(dtype))
    file = load(extractor(tmp_path))

    np.testing.assert_array_equal(FLAT.astype(dtype).astype(np.float32), file.features)
    assert file.features.dtype == np.dtype("<f4")
    assert [dtype] == file.report["stored_as"]


@given(rows=st.integers(1, 60), n_frames=st.integers(1, 1200))
def test_bounds_of_segments_are_repeat16(tmp_path_factory: pytest.TempPathFactory, rows: int, n_frames: int) -> None:
    """Frame f belongs to row min(f // 16, rows - 1), to the last one; too many or few rows are refused."""
    root = tmp_path_factory.mktemp("segments")
    save(root / "Abuse028_x264.npy", np.ones((rows, 4)))
    if rows > -(-n_frames // 16) + 1 or rows < n_frames // 16 - 2:
        assert f"{rows} rows for {n_frames} frames" in failure(root, n_frames=n_frames)
        return
    bounds = load(extractor(root), n_frames=n_frames).bounds

    np.testing.assert_array_equal(
        np.minimum(np.arange(n_frames) // 16, rows - 1), np.repeat(np.arange(rows), np.diff(bounds))
    )


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    """20 of 40 segments are other segments, or half a download; the last two may be missing, and the report says so."""
    paths = [
        save(tmp_path / str(rows) / "Abuse028_x264.npy", np.ones((rows, 4))).parent for rows in (20, 37, 38, 39, 40)
    ]
    messages = [failure(path, n_frames=640) for path in paths[:2]]
    reports = [load(extractor(path), n_frames=640).report for path in paths[2:]]

    for rows, message in zip((20, 37), messages, strict=True):
        assert f"{rows} rows for 640 frames, expected 40 (16 frames a row)" in message
        assert "Check segment_frames" in message
    assert [2, 1, None] == [report.get("segments_missing") for report in reports]


@given(rows=st.integers(1, 60), n_frames=st.integers(1, 2000))
def test_bounds_of_bags(tmp_path_factory: pytest.TempPathFactory, rows: int, n_frames: int) -> None:
    """Frame f of n belongs to row f * B // n of a bag of B, short videos included."""
    root = tmp_path_factory.mktemp("bags")
    save(root / "Abuse028_x264.npy", np.ones((rows, 4)))
    bounds = load(extractor(root, rows="bag", bag_rows=None), n_frames=n_frames).bounds

    np.testing.assert_array_equal(np.arange(n_frames) * rows // n_frames, np.repeat(np.arange(rows), np.diff(bounds)))


def test_a_short_bag_is_refused(tmp_path: Path) -> None:
    """A bag file with other than 32 rows is a broken download."""
    np.save(tmp_path / "Abuse028_x264.npy", np.ones((30, 4), np.float32))
    with pytest.raises(FeatureError, match="30 rows, a bag has 32"):
        load(extractor(tmp_path, rows="bag"), n_frames=480)


@pytest.mark.parametrize("rows", ["segments", "bag"])
def test_unknown_frame_counts_are_assumed_and_told(tmp_path: Path, rows: str) -> None:
    """Without a stated count rows x segment_frames is taken, and the report says so."""
    save(tmp_path / "Abuse028_x264.npy", FLAT)
    file = load(extractor(tmp_path, rows=rows, bag_rows=None, segment_frames=10), n_frames=None)

    assert 70 == file.n_frames
    assert "assumed" == file.report["n_frames"]
    assert "stated" == load(extractor(tmp_path, rows=rows, bag_rows=None)).report["n_frames"]


def test_normalisation(tmp_path: Path) -> None:
    """Every vector of every crop gets length 1; a zero vector stays zero; the default changes nothing."""
    array = CROPS.copy() * 100
    array[2, 3] = 0
    save(tmp_path / "Abuse028_x264.npy", array)
    plain = load(extractor(tmp_path, layout="segments_crops_dim")).features
    unit = load(extractor(tmp_path, layout="segments_crops_dim", l2_normalise=True)).features
    lengths = np.linalg.norm(unit, axis=-1)

    np.testing.assert_array_equal(array, plain)
    assert 0 == lengths[2, 3]
    np.testing.assert_allclose(np.delete(lengths.ravel(), 2 * 5 + 3), 1, rtol=1e-6)
    assert unit.dtype == np.float32


def raw(content: bytes) -> Callable[[Path], object]:
    """A file of these bytes."""
    return lambda path: path.write_bytes(content)


def array(values: object, dtype: str | None = None) -> Callable[[Path], object]:
    """A file of this array; pickles are written, never read."""
    return lambda path: np.save(path, np.array(values, dtype=dtype), allow_pickle=True)


def header(shape: str) -> bytes:
    """A `.npy` file without numbers whose header promises a shape."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


WHOLE = header("(2, 4)") + b"\0" * 32
BROKEN = {
    "nan": (array([[1, 2, 3, 4], [1, np.nan, 3, 4]]), "NaN or infinite value in row 1"),
    "inf": (array([[np.inf, 2, 3, 4]]), "NaN or infinite value in row 0"),
    "too_large_for_float32": (array([[1e300, 2, 3, 4]]), "value too large for float32 in row 0"),
    "width": (array(np.ones((7, 5))), "features are 5 wide, dim says 4"),
    "one_axis": (array(np.ones(4)), "shape (4,), layout segments_dim means (segments, dim)"),
    "three_axes": (array(np.ones((7, 5, 4))), "shape (7, 5, 4)"),
    "no_rows": (array(np.ones((0, 4))), "no rows (shape (0, 4))"),
    "no_numbers": (array(np.ones((7, 0))), "no numbers (shape (7, 0))"),
    "integers": (array(np.ones((7, 4)), "int64"), "type int64"),
    "complex": (array(np.ones((7, 4)), "complex64"), "type complex64"),
    "text_array": (array([["1", "2", "3", "4"]]), "type <U1"),
    "objects": (array([[{}, 1, 2, 3]], "object"), "Python objects, which are never loaded"),
    "empty": (raw(b""), "not a readable .npy array"),
    "pickle": (raw(b"\x80\x04K\x01."), "not a readable .npy array"),
    "zip": (raw(b"PK\x03\x04"), "not a readable .npy array"),
    "truncated": (raw(WHOLE[:-1]), "31 bytes of numbers, the header promises 32"),
    "trailing": (raw(WHOLE + b"x"), "33 bytes of numbers, the header promises 32"),
    "header_cut": (raw(WHOLE[:50]), "not a readable .npy array"),
    "four_terabytes": (raw(header("(1000000000000, 4)")), "0 bytes of numbers"),
    "negative_shape": (raw(header("(-2, -4)") + b"\0" * 32), "32 bytes of numbers"),
    "nested_header": (raw(header("(" * 60 + ")" * 30)), "not a readable .npy array"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_array(tmp_path: Path, fault: str) -> None:
    """Each malformed file gives one error that names it."""
    make, message = BROKEN[fault]
    make(tmp_path / "Abuse028_x264.npy")
    found = failure(tmp_path)

    assert str(tmp_path / "Abuse028_x264.npy") in found
    assert message in found


@given(st.binary(max_size=200), st.integers(0, 4), st.booleans())
@example(b"(" * 150, 1, True)
def test_any_header_is_one_clean_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, version: int, sized: bool
) -> None:
    """Whatever follows the magic bytes, nothing but a feature error comes out."""
    length = len(content).to_bytes(2 if version == 1 else 4, "little") if sized else b""
    path = tmp_path_factory.mktemp("header") / "Abuse028_x264.npy"
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + length + content)

    assert str(path) in failure(path.parent)


def test_the_first_axis_is_called_what_it_counts(tmp_path: Path) -> None:
    """A bad number in the third crop is not in row 2; rows may be the second axis."""
    broken = np.ones((5, 7, 4), np.float32)
    broken[2, 3, 1] = np.nan
    save(tmp_path / "a" / "Abuse028_x264.npy", broken)
    save(tmp_path / "b" / "Abuse028_x264.npy", broken[:, :0])

    assert "NaN or infinite value in crop 2." in failure(tmp_path / "a", layout="crops_segments_dim")
    assert "NaN or infinite value in row 2." in failure(tmp_path / "a", layout="segments_crops_dim")
    assert "no rows (shape (5, 0, 4))" in failure(tmp_path / "b", layout="crops_segments_dim")


def test_pickles_are_not_run(tmp_path: Path) -> None:
    """A pickle with a command in it leaves no trace."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    np.save(tmp_path / "Abuse028_x264.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    failure(tmp_path)

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"1 2 3 4\n1 2 3\n", "txt:2: 3 numbers, 4 on line 1"),
        (b"1 2 3 4\n\n1 2 3 4\n", "txt:2: 0 numbers, 4 on line 1"),
        (b"1 2 3 4\n1 2 3 x\n", "txt:2: not a row of numbers"),
        (b"1 2 3 4\n1 nan 3 4\n", "NaN or infinite value in row 1"),
        (b"1 2 3\n", "features are 3 wide, dim says 4"),
        (b"1 2 3 \xff\n", "not a text file of numbers"),
    ],
)
def test_broken_text(tmp_path: Path, content: bytes, message: str) -> None:
    """Cut, ragged and foreign text is refused with its line."""
    (tmp_path / "Abuse028_x264.txt").write_bytes(content)

    assert message in failure(tmp_path, format="sultani_text")


def test_swapped_layout_is_noticed(tmp_path: Path) -> None:
    """Crops are 1, 5 or 10: any other number is that of segments in the wrong place."""
    for number in (2, 9, 90):
        save(tmp_path / "Abuse028_x264.npy", np.ones((10, number, 4)))

        assert f"{number} crops (shape (10, {number}, 4)), there are 1, 5, 10 in use" in failure(
            tmp_path, layout="segments_crops_dim"
        )


def test_crops_are_compared_over_all_files(tmp_path: Path) -> None:
    """A short video of ten crops and five segments looks like the other layout: the other files tell."""
    for number, segments in enumerate((5, 30, 40)):
        save(tmp_path / f"v{number}.npy", np.ones((10, segments, 4)))
    names: dict[str, int | None] = {f"v{number}": None for number in range(3)}
    wrong = extractor(tmp_path, layout="segments_crops_dim").examine(names)
    save(tmp_path / "v3.npy", np.ones((5, 30, 4)))
    mixed = extractor(tmp_path, layout="crops_segments_dim").examine({**names, "v3": None})

    assert ["30 crops", "40 crops"] == [problem.split(": ")[1].partition(" (")[0] for problem in wrong]
    assert [] == extractor(tmp_path, layout="crops_segments_dim").examine(names)
    assert mixed == ["files differ in their number of crops (5 crops: v3; 10 crops: v0, v1, v2). Check layout"]


def test_a_bag_that_is_read_as_segments_asks(tmp_path: Path) -> None:
    """Equal numbers of rows everywhere, without frame counts: a question before any work."""
    for number in range(5):
        save(tmp_path / f"v{number}.npy", np.ones((32, 4)))
    names: dict[str, int | None] = {f"v{number}": None for number in range(5)}

    assert (
        "all 5 files have 32 rows, whatever the length of the video. Set rows: bag and bag_rows: 32"
        in (extractor(tmp_path).examine(names)[0])
    )
    assert [] == extractor(tmp_path, rows="bag").examine(names)
    assert [] == extractor(tmp_path).examine(dict.fromkeys(names, 500))
    assert 5 == len(extractor(tmp_path).examine(dict.fromkeys(names, 5000)))
    save(tmp_path / "v4.npy", np.ones((31, 4)))
    assert [] == extractor(tmp_path).examine(names)


def test_files_that_do_not_fit_their_video_may_be_left_out(tmp_path: Path) -> None:
    """120 rows for 100 segments: named with the known erratum, or as if there were no features."""
    for name, rows in (("Normal_Videos586_x264", 120), ("Abuse001_x264", 120), ("Abuse002_x264", 100)):
        save(tmp_path / f"{name}.npy", np.ones((rows, 4)))
    names: dict[str, int | None] = {"Normal_Videos586_x264": 1588, "Abuse001_x264": 1588, "Abuse002_x264": 1588}
    problems = extractor(tmp_path).examine(names)
    lenient = extractor(tmp_path, misfits="leave_out")

    assert ["120 rows for 1588 frames, expected 100" in problem for problem in problems] == [True, True]
    assert ["known erratum" in problem for problem in problems] == [True, False]
    assert [False, False, True] == [lenient.has(name, count) for name, count in names.items()]
    assert [True] * 3 == [extractor(tmp_path).has(name, count) for name, count in names.items()]
    assert [True] * 3 == [lenient.has(name) for name in names]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Abuse028_x264_i3d.npy", "is there: set ending: _i3d"),
        ("Abuse028_x264__0.npy", "is there: set format: crops_files"),
        ("Abuse028_x264_i3d__7.npy", "is there: set format: crops_files and ending: _i3d"),
        ("Abuse028_x264.npz", "is there: save its array as .npy"),
        ("deep/Abuse028.h5", "is there: save its array as .npy"),
        ("Abuse028_x264.txt", "is there: set format: sultani_text"),
        ("Abuse0280_x264.npz", "no features\n"),
        ("other.npy", "no features\n"),
    ],
)
def test_what_lies_there_instead_is_named(tmp_path: Path, name: str, hint: str) -> None:
    """Another suffix, ending or form: the message says which file it saw and what to set."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()

    assert hint in failure(tmp_path)


def test_features_on_another_disk(tmp_path: Path) -> None:
    """A linked folder is named with the key, and read with it; the case of names does not matter."""
    save(tmp_path / "disk/abuse028_x264.npy", FLAT)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/linked").symlink_to(tmp_path / "disk")

    assert "a link to a folder, which is not followed. Set follow_links: true" in failure(tmp_path / "own")
    np.testing.assert_array_equal(FLAT, load(extractor(tmp_path / "own", follow_links=True)).features)


@pytest.mark.parametrize(
    ("crops", "message"),
    [
        ((0, 1, 3, 4), "crop 2 of 5 missing"),
        (range(9), "crop 9 of 10 missing"),
        (range(1, 6), "crop 0, 6, 7, 8, 9 of 10 missing"),
        (range(11), "11 crops, expected 5 or 10"),
    ],
)
def test_crop_numbers(tmp_path: Path, crops: range, message: str) -> None:
    """A missing crop is named by its number; five or ten make a video."""
    for crop in crops:
        save(tmp_path / f"Abuse028_x264__{crop}.npy", FLAT)

    assert message in failure(tmp_path, format="crops_files")


def test_crops_of_different_length(tmp_path: Path) -> None:
    """Crops of one video cover the same segments."""
    for crop in range(5):
        save(tmp_path / f"Abuse028_x264__{crop}.npy", FLAT[: 7 - crop // 4])

    assert "Abuse028_x264__4.npy (6, 4)" in failure(tmp_path, format="crops_files")


def test_all_missing_and_ambiguous_videos_at_once(tmp_path: Path) -> None:
    """One error for all videos; `has` says which have any file."""
    save(tmp_path / "a" / "Abuse028_x264.npy", FLAT)
    save(tmp_path / "b" / "Abuse028.npy", FLAT)
    (tmp_path / "Arson002.npy").symlink_to(tmp_path / "nothing")
    subject = extractor(tmp_path)
    names = ["Arson001", "Abuse028_x264", "Arson002", "Robbery001_x264"]
    with pytest.raises(FeatureError) as error:
        subject.sources(names)

    assert "4 problem(s)" in str(error.value)
    assert "Abuse028_x264: found more than once: a/Abuse028_x264.npy and b/Abuse028.npy" in str(error.value)
    assert "Arson001: no features" in str(error.value)
    assert "Arson002: Arson002.npy is a link to nothing" in str(error.value)
    assert [False, True, True, False] == [subject.has(name) for name in names]
    assert "no such folder" in failure(tmp_path / "nowhere")


def test_settings_that_contradict(tmp_path: Path) -> None:
    """Only `npy` files have crops as an axis; unknown keys are refused; a null root means not installed."""
    with pytest.raises(ValidationError, match="sultani_text has files of segments_dim"):
        extractor(tmp_path, format="sultani_text", layout="segments_crops_dim")
    with pytest.raises(ValidationError, match="extra"):
        extractor(tmp_path, colour="red")

    with pytest.raises(FeatureError, match="None: no such folder"):
        Extractor(Config(dim=4)).has(NAME)
    assert Extractor(Config(dim=4)).dim == 4


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the C3D samples are not beside the project")
def test_official_c3d_samples() -> None:
    """Sultani's own ten files: 32 rows of 4,096, already of length 1."""
    settings = {"root": str(REAL / "official_samples"), "format": "sultani_text", "dim": 4096, "rows": "bag"}
    subject = Extractor(Config.model_validate(settings))
    names = [path.stem for path in sorted((REAL / "official_samples").iterdir())]
    files = [load(subject, name, 1000) for name in names]

    assert 10 == len(files)
    assert {(32, 4096)} == {file.features.shape for file in files}
    for file in files:
        np.testing.assert_allclose(np.linalg.norm(file.features, axis=1), 1, atol=1e-4)
        assert file.features.min() >= 0


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the C3D part is not beside the project")
def test_c3d_development_part(tmp_path: Path) -> None:
    """Half-precision features, one array a video, normalise to length 1."""
    with np.load(REAL / "ucf_c3d_dev.npz", allow_pickle=False) as part:
        names, features = part["names"][:3], part["feat"][:3]
    for name, feature in zip(names, features, strict=True):
        save(tmp_path / f"{name}.npy", feature)
    subject = extractor(tmp_path, dim=4096, rows="bag", l2_normalise=True)
    for name in names:
        file = load(subject, str(name), 1000)

        np.testing.assert_allclose(np.linalg.norm(file.features, axis=1), 1, atol=1e-5)
        assert ["<f2"] == file.report["stored_as"]
