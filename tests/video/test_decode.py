"""Decoding: every frame of a good file, a named error for a bad one. V1 to V16 number the faults."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests import videos
from tests.project import REAL_DATA
from vad.artefacts.fingerprint import fingerprint
from vad.errors import MediaError
from vad.video.batches import batches
from vad.video.decode import PyAVReader, Reader, Rules, open_video

N_FRAMES = 48
SIZE = 64
ANY_DAMAGE = Rules(policy="tolerant", max_corrupt_frac=1.0)
REAL = REAL_DATA


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good H.264 mp4 with its index in front."""
    return videos.write_video(tmp_path_factory.mktemp("good") / "clip.mp4", videos.scene(N_FRAMES))


def read(path: Path, rules: Rules | None = None, size: int = SIZE) -> tuple[np.ndarray, Reader]:
    """All frames at once, and the reader with its report."""
    reader = open_video(path, size, size, rules or Rules())
    return np.stack(list(reader.frames())), reader


def test_a_good_file_gives_every_frame(clip: Path) -> None:
    """The frames are those of the scene, within what the codec loses."""
    frames, reader = read(clip)
    full = np.stack(list(PyAVReader(clip, 96, 128).frames()))
    difference = np.abs(full.astype(int) - np.stack(list(videos.scene(N_FRAMES)))).mean()

    assert (N_FRAMES, SIZE, SIZE, 3) == frames.shape
    assert difference < 12
    assert N_FRAMES == reader.n_frames == reader.report["frames_decoded"]
    assert (0, 0, True) == tuple(reader.report[key] for key in ("corrupt", "errors", "pts_monotone"))
    assert pytest.approx(47 / 30) == reader.report["last_s"]


def test_batches_hold_the_same_frames(clip: Path) -> None:
    """Batches are the frames in order; the last is shorter; a stride skips but still counts."""
    frames, _ = read(clip)
    found = list(batches(open_video(clip, SIZE, SIZE, Rules()), 20))
    reader = PyAVReader(clip, SIZE, SIZE)
    strided = np.concatenate(list(batches(reader, 16, stride=5)))

    assert [20, 20, 8] == [len(batch) for batch in found]
    assert np.array_equal(frames, np.concatenate(found))
    assert np.array_equal(frames[::5], strided)
    assert N_FRAMES == reader.n_frames


def test_decoding_is_repeatable_also_on_damage(clip: Path, tmp_path: Path) -> None:
    """One thread: two passes over a damaged file give equal pixels."""
    broken = videos.flip_bytes(clip, tmp_path / "flipped.mp4")

    assert np.array_equal(read(broken, ANY_DAMAGE)[0], read(broken, ANY_DAMAGE)[0])


BAD: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "V1-missing": (lambda clip, path: None, "E_MISSING"),
    "V1-zero-bytes": (lambda clip, path: path.touch(), "E_EMPTY_FILE"),
    "V1-random-bytes": (
        lambda clip, path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        "E_UNREADABLE",
    ),
    "V1-index-cut-off": (
        lambda clip, path: videos.cut(videos.index_behind(clip, path.with_name("behind.mp4")), path, 0.6),
        "E_TRUNCATED",
    ),
    "V2-truncated": (lambda clip, path: videos.cut(clip, path, 0.6), "E_TRUNCATED"),
    "V3-damaged": (lambda clip, path: videos.flip_bytes(clip, path), "E_CORRUPT"),
    "V5-audio-only": (lambda clip, path: videos.write_audio(path), "E_NO_VIDEO"),
    "V12-playlist": (
        lambda clip, path: path.write_text(f"ffconcat version 1.0\nfile '{clip}'\n"),
        "E_FORMAT",
    ),
    "V12-stream-list": (
        lambda clip, path: path.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{clip}\n#EXT-X-ENDLIST\n"),
        "E_UNREADABLE",
    ),
    "V12-pipe": (lambda clip, path: os.mkfifo(path), "E_NOT_A_FILE"),
    "V12-device": (lambda clip, path: path.symlink_to("/dev/zero"), "E_NOT_A_FILE"),
    "V12-empty-folder": (lambda clip, path: path.mkdir(), "E_NO_FRAMES"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_have_a_named_error(name: str, clip: Path, tmp_path: Path) -> None:
    """Where, what by a code word, and what to do; no frames pass for the video."""
    make, code = BAD[name]
    path = tmp_path / "bad.mp4"
    make(clip, path)

    with pytest.raises(MediaError, match=rf"bad\.mp4: ({code}): .+\. [A-Z].+\.$"):
        read(path)


def test_an_unreadable_file_is_named_once_and_without_a_number(tmp_path: Path) -> None:
    """FFmpeg's own number and its spelling of the path say nothing to a reader."""
    path = tmp_path / "junk.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(MediaError) as error:
        read(path)

    assert 1 == str(error.value).count("junk.mp4")
    assert "E_UNREADABLE: it cannot be opened as a video (Invalid data found when processing input)." in str(
        error.value
    )
    assert "Errno" not in str(error.value)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_v2_a_truncated_file_is_never_a_short_video(suffix: str, tmp_path: Path) -> None:
    """Cut at any place, also where the decoder itself ends without a word."""
    codec = "libx264" if suffix == ".mp4" else "mpeg4"
    whole = videos.write_video(tmp_path / f"whole{suffix}", videos.scene(N_FRAMES), codec=codec)

    assert N_FRAMES == read(whole)[1].n_frames
    for keep in (0.4, 0.7, 0.9, 0.999):
        with pytest.raises(MediaError, match="E_TRUNCATED"):
            read(videos.cut(whole, tmp_path / f"cut{suffix}", keep))


def test_v2_a_truncated_mp4_is_an_error_for_every_policy(clip: Path, tmp_path: Path) -> None:
    """Tolerance is for damaged frames, not for missing ones; the message counts what there was."""
    short = videos.cut(clip, tmp_path / "short.mp4", 0.6)

    with pytest.raises(MediaError, match=r"E_TRUNCATED: the file ends \d+ bytes early, after 1\d frames"):
        read(short, ANY_DAMAGE)


def test_v3_damage_is_counted_and_judged_by_the_policy(clip: Path, tmp_path: Path) -> None:
    """Tolerant accepts up to its limit, and the report says how much there was."""
    broken = videos.flip_bytes(clip, tmp_path / "flipped.mp4")
    frames, reader = read(broken, ANY_DAMAGE)
    damage = reader.report["corrupt"] + reader.report["errors"]
    share = damage / (len(frames) + reader.report["errors"])

    assert damage > 0
    read(broken, Rules(policy="tolerant", max_corrupt_frac=share))
    with pytest.raises(MediaError, match=rf"E_CORRUPT: {reader.report['corrupt']} of {len(frames)} frames"):
        read(broken, Rules(policy="tolerant", max_corrupt_frac=share * 0.99))


def test_v3_strict_with_a_limit_is_a_contradiction() -> None:
    """A limit that would be ignored is refused."""
    with pytest.raises(ValueError, match="policy: tolerant"):
        Rules(max_corrupt_frac=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_v4_a_file_without_frames(suffix: str, tmp_path: Path) -> None:
    """A header alone is no video."""
    path = tmp_path / f"empty{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"  # pyright: ignore
        container.start_encoding()

    with pytest.raises(MediaError, match="E_NO_FRAMES"):
        read(path)


def test_v6_one_frame(tmp_path: Path) -> None:
    """A video of one frame has no steps between timestamps."""
    _, reader = read(videos.write_video(tmp_path / "one.mp4", videos.scene(1)))

    assert 1 == reader.n_frames
    assert (0.0, 0.0, None) == tuple(reader.report[key] for key in ("first_s", "last_s", "step_max_s"))


def test_v7_variable_frame_rate(tmp_path: Path) -> None:
    """Frames are counted as coded, never filled up to a constant rate; the times keep the gaps."""
    pts = np.cumsum([0, *([1, 3] * 12)]).tolist()
    _, reader = read(videos.write_video(tmp_path / "vfr.mp4", videos.scene(25), pts=pts))
    report = reader.report

    assert 25 == reader.n_frames
    assert pytest.approx([1 / 30, 3 / 30, 48 / 30]) == [report[f"{k}_s"] for k in ("step_min", "step_max", "last")]
    assert report["pts_monotone"]


def test_v8_rotation_is_applied_and_recorded(clip: Path, tmp_path: Path) -> None:
    """A quarter turn to the right in the header turns the frames; the parameter leaves them as stored."""
    path = videos.turned(clip, tmp_path / "turned.mp4")
    stored, _ = read(clip)
    upright, reader = read(path)
    as_stored, _ = read(path, Rules(apply_rotation=False))

    assert -90 == reader.report["rotation"]
    assert np.array_equal(np.rot90(stored, -1, axes=(1, 2)), upright)
    assert np.array_equal(stored, as_stored)


def test_v8_rotation_swaps_the_sides(clip: Path, tmp_path: Path) -> None:
    """The size asked for is the size of the upright frame."""
    path = videos.turned(clip, tmp_path / "turned.mp4")
    frame = next(PyAVReader(path, 96, 32).frames())

    assert (96, 32, 3) == frame.shape


def two_sizes(folder: Path) -> Path:
    """Two transport streams of different size, one behind the other, as a recorder writes them."""
    parts = [videos.write_video(folder / f"{side}.ts", videos.scene(16, side, side)) for side in (64, 128)]
    path = folder / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_v9_size_change_in_the_middle(tmp_path: Path) -> None:
    """Every frame comes out in one size; the report shows both sizes and the jump back in time."""
    frames, reader = read(two_sizes(tmp_path))

    assert (32, SIZE, SIZE, 3) == frames.shape
    assert [[64, 64, 16], [128, 128, 16]] == reader.report["sizes"]
    assert not reader.report["pts_monotone"]


@pytest.mark.parametrize(("codec", "pixel_format"), [("libx264", "yuv444p"), ("ffv1", "bgr0")])
def test_v10_odd_size(codec: str, pixel_format: str, tmp_path: Path) -> None:
    """321 x 241 is decoded to its last row and column."""
    path = tmp_path / "odd.mkv"
    videos.write_video(path, videos.scene(3, 241, 321), codec=codec, pixel_format=pixel_format)
    reader = PyAVReader(path, 241, 321)
    frames = np.stack(list(reader.frames())).astype(int)
    difference = np.abs(frames - np.stack(list(videos.scene(3, 241, 321)))).mean()

    assert [[321, 241, 3]] == reader.report["sizes"]
    assert difference < (12 if codec == "libx264" else 1e-9)
    assert (3, 32, 32, 3) == read(path, size=32)[0].shape


def test_v11_timestamps_that_go_back(tmp_path: Path) -> None:
    """Frames keep their decode order, and the report says so."""
    path, order = tmp_path / "back.mkv", [0, 1, 4, 3, 2, 5]
    source = videos.write_video(tmp_path / "source.mkv", videos.scene(6), codec="mjpeg", pixel_format="yuvj420p")
    with av.open(str(source)) as container, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(container.streams.video[0])
        packets = [packet for packet in container.demux(video=0) if packet.dts is not None]
        times = [packet.pts or 0 for packet in packets]
        for index, packet in enumerate(packets):
            packet.stream, packet.dts, packet.pts = stream, times[index] - 1000, times[order[index]]
            target.mux(packet)
    frames, reader = read(path)

    assert not reader.report["pts_monotone"]
    assert reader.report["step_min_s"] < 0
    assert np.array_equal(read(source)[0], frames)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.mp4", "ffconcat version 1.0\nfile 'clip.mp4'\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n"),
    ],
)
def test_v12_playlists_would_open_without_the_guard(name: str, text: str, clip: Path, tmp_path: Path) -> None:
    """FFmpeg itself follows both lists to the other file; the reader does not."""
    path = tmp_path / name
    path.write_text(text)
    (tmp_path / "clip.mp4").symlink_to(clip)
    with av.open(str(path)) as container:
        n_frames = sum(1 for _ in container.decode(video=0))

    assert N_FRAMES == n_frames
    with pytest.raises(MediaError, match="E_FORMAT"):
        read(path)


def test_v13_giants_are_refused(clip: Path, tmp_path: Path) -> None:
    """Too many pixels or frames stop the decoder, also if the size grows on the way."""
    with pytest.raises(MediaError, match="E_TOO_LARGE: 128 x 96 pixels"):
        read(clip, Rules(max_pixels=96 * 127))
    with pytest.raises(MediaError, match="E_TOO_LARGE: it has more than 47 frames"):
        read(clip, Rules(max_frames=47))
    with pytest.raises(MediaError, match=r"E_TOO_LARGE|E_CORRUPT"):
        read(two_sizes(tmp_path), Rules(max_pixels=100 * 100))
    assert N_FRAMES == read(clip, Rules(max_frames=48))[1].n_frames


@pytest.mark.parametrize("name", ["Ä b ü.mp4", '<b>&"x".mp4', "a:b%20%d.mp4", "concat:x|y.mp4", "-i.mp4"])
def test_v14_strange_names(name: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is a name, also without a folder before it: never a URL, an option or a pattern."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())

    assert N_FRAMES == read(Path(name))[1].n_frames


def test_v16_the_header_count_is_not_believed(tmp_path: Path) -> None:
    """A wrong number of frames in the index changes nothing but the report."""
    path = videos.write_video(tmp_path / "liar.avi", videos.scene(20), codec="mpeg4")
    data = bytearray(path.read_bytes())
    stream_header = data.index(b"strh") + 8
    data[stream_header + 32 : stream_header + 36] = (7000).to_bytes(4, "little")
    path.write_bytes(data)
    _, reader = read(path)

    assert (7000, 20) == (reader.report["frames_header"], reader.n_frames)


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    """Frames in the order of their numbers (2 before 10); hidden and other files are no frames."""
    folder = videos.write_images(tmp_path / "001", videos.scene(12))
    (folder / "._1.png").write_bytes(b"left by a file manager")
    (folder / "notes.txt").write_text("no image")
    reader = PyAVReader(folder, 96, 128)
    frames = np.stack(list(reader.frames()))

    assert np.array_equal(np.stack(list(videos.scene(12))), frames)
    assert (12, None, None) == tuple(reader.report[key] for key in ("frames_decoded", "fps", "last_s"))


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    """One bad image of a folder is an error with its own name."""
    folder = videos.write_images(tmp_path / "001", videos.scene(3))
    videos.cut(folder / "2.png", folder / "2.png", 0.5)

    with pytest.raises(MediaError, match=r"2\.png: E_CORRUPT"):
        read(folder)
    with pytest.raises(MediaError, match=r"1\.png: E_TOO_LARGE"):
        read(folder, Rules(max_pixels=100))


def test_fingerprints_follow_the_contents(clip: Path, tmp_path: Path) -> None:
    """A folder's hash depends on names and pixels, a file's on its bytes alone."""
    folder = videos.write_images(tmp_path / "001", videos.scene(3))
    before = fingerprint(folder)
    (folder / "3.png").rename(folder / "4.png")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())

    assert before != fingerprint(folder)
    assert fingerprint(clip) == fingerprint(copy)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "n_frames"),
    [
        ("Normal_Videos009_x264.mp4", 740),
        ("Normal_Videos020_x264.mp4", 485),
        ("Shoplifting001_x264_9.mp4", 120),
    ],
)
def test_real_clips(name: str, n_frames: int) -> None:
    """Three clips of UCF-Crime decode to their known lengths."""
    path = REAL / "ucf_crime_videos" / name
    if not path.exists():
        pytest.skip("the real clips are not here")

    assert n_frames == read(path)[1].n_frames


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["Abuse001_x264_truncated.mp4", "Fighting002_x264_truncated.mp4"])
def test_v1_real_truncated_clips(name: str) -> None:
    """Two truncated clips of UCF-Crime are named errors."""
    path = REAL / "corrupt_videos" / name
    if not path.exists():
        pytest.skip("the truncated clips are not here")

    with pytest.raises(MediaError, match=rf"{name}: E_TRUNCATED: the file ends \d+ bytes early"):
        read(path)


def test_short_side_keeps_the_shape_and_cuts_the_centre(tmp_path: Path) -> None:
    """A 96 x 128 picture at short side 48 is 48 x 64; 32 x 32 of its centre are what comes out."""
    clip = videos.write_video(tmp_path / "clip.mp4", videos.scene(1))
    whole = next(PyAVReader(clip, 48, 64).frames())
    centre = next(PyAVReader(clip, 32, 32, short_side=48).frames())

    assert (32, 32, 3) == centre.shape
    assert np.array_equal(whole[8:40, 16:48], centre)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda stored: stored),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((0, -1, 1, 0), np.rot90),
        ((0, 1, 1, 0), lambda stored: stored.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda stored: np.rot90(stored.transpose(1, 0, 2), 2)),
    ],
)
def test_pictures_are_shown_as_the_container_states(tmp_path: Path, matrix: tuple[int, ...], shown) -> None:  # noqa: ANN001
    """Turned, mirrored or both: the display matrix (a, b, c, d) moves column p and row q to (a p + c q, b p + d q)."""
    plain = videos.write_video(tmp_path / "plain.mp4", videos.scene(3, 96, 96))
    a, b, c, d = (value << 16 for value in matrix)
    head, track = plain.read_bytes().split(b"tkhd", 1)
    (tmp_path / "v.mp4").write_bytes(
        head + b"tkhd" + track.replace(videos.IDENTITY, struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30), 1)
    )
    reader = PyAVReader(tmp_path / "v.mp4", 96, 96)
    pairs = list(zip(PyAVReader(plain, 96, 96).frames(), reader.frames(), strict=True))

    assert all(np.array_equal(shown(stored), seen) for stored, seen in pairs)
    assert (np.linalg.det(np.reshape(matrix, (2, 2))) < 0) == ("mirrored" in reader.report)
