"""DALI gives the frames that PyAV gives, or says why not. On the CPU: VP8, VP9, MJPEG, and H.264 where DALI can."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import videos
from tests.project import REAL_DATA, ROOT
from vad.errors import MediaError
from vad.extractors._base import Source, load_extractor, make_features
from vad.video import dali, dali_probe
from vad.video.batches import BatchReader, batches
from vad.video.dali import LAYOUTS, DALIReader, Pipeline, Refusal, load_dali, machine_fault, require_all
from vad.video.dali_check import _of_the_times
from vad.video.dali_check import check as check_video
from vad.video.decode import PyAVReader, Reader, RestartError, Rules, frames_identity, open_video
from vad.video.decode_report import Tally

HEIGHT, WIDTH = 96, 128
DALI = Rules(decoder="dali", decoder_device="cpu")
ELSE_PYAV = Rules(decoder="dali", decoder_device="cpu", unsupported="pyav")
NO_H264 = "codec h264: this DALI decodes it with a GPU only, and none was found"
LENGTHS = (1, 15, 16, 17, 40)
CODECS = {
    "vp9": ("libvpx-vp9", ".webm", "yuv420p"),
    "vp9-mp4": ("libvpx-vp9", ".mp4", "yuv420p"),
    "vp8": ("libvpx", ".mkv", "yuv420p"),
    "mjpeg": ("mjpeg", ".avi", "yuvj420p"),
    "h264": ("libx264", ".mp4", "yuv420p"),
}


def write(folder: Path, n_frames: int, name: str = "vp9", **options: object) -> Path:
    """A clip of the test scene."""
    codec, suffix, pixel_format = CODECS[name]
    path = folder / f"{name}{n_frames}{suffix}"
    return videos.write_video(path, videos.scene(n_frames), codec=codec, pixel_format=pixel_format, **options)  # type: ignore[arg-type]


def read(path: Path, rules: Rules = DALI, height: int = HEIGHT, width: int = WIDTH) -> tuple[np.ndarray, Reader]:
    """All frames at once, and the reader with its report."""
    reader = open_video(path, height, width, rules)
    return np.stack(list(reader.frames())), reader


def by_pyav(path: Path, height: int = HEIGHT, width: int = WIDTH, short_side: int | None = None) -> np.ndarray:
    """The same frames as PyAV gives them."""
    return np.stack(list(PyAVReader(path, height, width, short_side=short_side).frames()))


def difference(frames: np.ndarray, others: np.ndarray) -> tuple[int, float]:
    """Largest and mean difference in levels, 0 to 255."""
    assert frames.shape == others.shape
    levels = np.abs(frames.astype(int) - others)
    return int(levels.max()), float(levels.mean())


@pytest.fixture(scope="module")
def h264(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this DALI decodes H.264 on the CPU; 2.1.1 to 2.4 do not."""
    _, reader = read(write(tmp_path_factory.mktemp("asked"), 3, "h264"), ELSE_PYAV)
    return reader.report.get("instead_of") != f"DALI: {NO_H264}"


@pytest.mark.parametrize("n_frames", LENGTHS)
@pytest.mark.parametrize("name", CODECS)
def test_number_order_and_values_are_those_of_pyav(name: str, n_frames: int, tmp_path: Path, h264: bool) -> None:
    """Also the last frames. The scene has the hardest colours: real videos differ by 1 to 3 levels in the mean."""
    if name == "h264" and not h264:
        pytest.skip("this DALI decodes no H.264 on the CPU")
    path = write(tmp_path, n_frames, name)
    frames, reader = read(path)
    expected = by_pyav(path)
    nearest = [int(np.abs(expected.astype(int) - frame).mean(axis=(1, 2, 3)).argmin()) for frame in frames]
    largest, mean = difference(frames, expected)

    assert list(range(n_frames)) == nearest
    assert (True, True) == (largest <= 110, mean <= 6)  # measured: 69 to 100, and 5.5 to 5.8
    assert n_frames == reader.n_frames == reader.report["frames_decoded"]


def test_the_report_has_the_keys_of_pyav(tmp_path: Path) -> None:
    """What a demuxer knows is equal; what only a decoder sees is null; the decoder is named with its version."""
    path = write(tmp_path, 17)
    _, reader = read(path)
    expected = PyAVReader(path, HEIGHT, WIDTH)
    list(expected.frames())
    report, other = reader.report, expected.report
    own = {"decoder", "dali", "decoder_device", "libavcodec", "libswscale", "corrupt", "errors"}

    assert {k: v for k, v in other.items() if k not in own} == {k: v for k, v in report.items() if k not in own}
    assert ("DALI", load_dali().__version__, "cpu") == tuple(report[k] for k in ("decoder", "dali", "decoder_device"))
    assert (None, None) == (report["corrupt"], report["errors"])
    assert other.keys() - report.keys() == {"libavcodec", "libswscale"}


@pytest.mark.parametrize(("size", "stride"), [(20, 1), (16, 1), (7, 3), (64, 1), (1, 5), (16, 40), (3, 16)])
def test_batches_hold_the_same_frames(size: int, stride: int, tmp_path: Path) -> None:
    """Tensors of bytes, cut as asked; a stride leaves frames out but counts them."""
    path = write(tmp_path, 40)
    frames, _ = read(path)
    reader = open_video(path, HEIGHT, WIDTH, DALI)
    found = list(batches(reader, size, stride))

    assert isinstance(reader, BatchReader)
    assert all(batch.dtype == torch.uint8 for batch in found)
    assert [size] * (len(found) - 1) == [len(batch) for batch in found[:-1]]
    assert np.array_equal(frames[::stride], torch.cat(found).numpy())
    assert 40 == reader.n_frames


@pytest.mark.parametrize("n_frames", LENGTHS)
def test_an_extractor_gets_the_same_rows(n_frames: int, tmp_path: Path) -> None:
    """The bounds of the rows are those of PyAV, with the last, shorter segment."""
    path = write(tmp_path, n_frames)
    entry = {"extractor": "xfeat", "size": 64, "device": "cpu"}
    found = make_features(load_extractor({**entry, "decoder": "dali"}), videos.source(path))
    expected = make_features(load_extractor(entry), videos.source(path))

    assert np.array_equal(expected.bounds, found.bounds)
    assert expected.features.shape == found.features.shape
    assert "DALI" == found.report["decode"]["decoder"] == found.report["extractor"]["decoder"]
    assert np.abs(expected.features - found.features).mean() < 0.05 * np.abs(expected.features).mean()


def test_a_size_that_is_asked_for(tmp_path: Path) -> None:
    """Smaller frames stay near PyAV's; the difference is that of the colours and of the two filters."""
    path = write(tmp_path, 17)
    largest, mean = difference(read(path, DALI, 64, 64)[0], by_pyav(path, 64, 64))

    assert (True, True) == (largest <= 60, mean <= 5.5)  # measured: 51, and 4.6


def test_short_side_keeps_the_shape_and_cuts_the_centre(tmp_path: Path) -> None:
    """As PyAV: 96 x 128 at short side 48 is 48 x 64, and 32 x 32 of its centre come out."""
    path = write(tmp_path, 17)
    whole = read(path, DALI, 48, 64)[0]
    centre = np.stack(list(open_video(path, 32, 32, DALI, short_side=48).frames()))
    largest, mean = difference(centre, by_pyav(path, 32, 32, short_side=48))

    assert np.array_equal(whole[:, 8:40, 16:48], centre)
    assert (True, True) == (largest <= 62, mean <= 6.5)  # measured: 53, and 5.4


def remuxed(path: Path, target: Path, change: Callable[[int, av.Packet], av.Packet | None]) -> Path:
    """A copy of a file with other packets; a changed packet keeps its time."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            new = change(index, packet)
            if new is not None:
                new.stream, new.pts, new.dts, new.time_base = stream, packet.pts, packet.dts, packet.time_base
                container.mux(new)
    return target


def hidden(folder: Path) -> Path:
    """A VP8 file whose sixth frame is decoded but not shown: the bit that says so is in its first byte."""

    def hide(index: int, packet: av.Packet) -> av.Packet:
        data = bytes(packet)
        return av.Packet(bytes([data[0] & ~0x10]) + data[1:]) if index == 5 else packet

    return remuxed(write(folder, 20, "vp8"), folder / "hidden.mkv", hide)


def liar(folder: Path) -> Path:
    """An AVI whose header promises 7,000 frames."""
    path = write(folder, 20, "mjpeg")
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 8 + 32
    data[place : place + 4] = (7000).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def two_streams(folder: Path) -> Path:
    """Two streams of pictures; the second one is marked as the one to show."""
    path = folder / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libvpx", rate=30) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        streams[0].disposition, streams[1].disposition = av.stream.Disposition(0), av.stream.Disposition.default
        for index, picture in enumerate(videos.scene(20)):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                frame.pts = index
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


def other(folder: Path, suffix: str, codec: str, pixel_format: str = "yuv420p", pts: list[int] | None = None) -> Path:
    """A clip of 25 frames in another codec, container or rhythm."""
    path = folder / f"other{suffix}"
    return videos.write_video(path, videos.scene(25), codec=codec, pixel_format=pixel_format, pts=pts)


def bt709(folder: Path) -> Path:
    """A clip that says that its colours are those of BT.709, as many cameras of HD write."""
    path = folder / "bt709.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.colorspace = 1
        for index, picture in enumerate(videos.scene(20)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


UNSUPPORTED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "variable frame rate": (
        lambda folder: other(folder, ".webm", "libvpx-vp9", pts=np.cumsum([0, *([1, 3] * 12)]).tolist()),
        "a variable frame rate",
    ),
    "rotation": (
        lambda folder: videos.turned(write(folder, 20, "h264"), folder / "turned.mp4"),
        "a picture turned by -90 degrees",
    ),
    "codec": (lambda folder: other(folder, ".avi", "mpeg4"), "codec mpeg4"),
    "H.264 in AVI": (lambda folder: other(folder, ".avi", "libx264"), "a file of type avi"),
    "transport stream": (lambda folder: other(folder, ".ts", "libx264"), "a file of type mpegts"),
    "pixel format": (lambda folder: other(folder, ".mkv", "libx264", "yuv444p"), "pixel format yuv444p"),
    "colours": (bt709, r"colours that are not those of BT\.601"),
    "hidden frame": (hidden, "frames that are not shown"),
    "number in the header": (liar, "20 frames, where the header says 7000"),
    "two streams": (two_streams, "several streams of pictures"),
    "no key frame": (
        lambda folder: remuxed(write(folder, 20), folder / "late.webm", lambda i, packet: packet if i else None),
        "it does not begin with a key frame|its first frame cannot be decoded",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_it_cannot_decode_is_an_error_that_says_why(name: str, tmp_path: Path) -> None:
    """Where, what by a code word, and what to do."""
    make, reason = UNSUPPORTED[name]

    with pytest.raises(MediaError, match=rf"E_UNSUPPORTED: DALI on cpu cannot decode it \(({reason}).*\)\. Set unsup"):
        read(make(tmp_path))


@pytest.mark.parametrize("name", [name for name in UNSUPPORTED if name != "no key frame"])
def test_or_pyav_decodes_the_whole_video(name: str, tmp_path: Path) -> None:
    """Exactly PyAV's frames, also with a stride, and a report that says instead of what."""
    make, reason = UNSUPPORTED[name]
    path = make(tmp_path)
    frames, reader = read(path, ELSE_PYAV)
    strided = torch.cat(list(batches(open_video(path, HEIGHT, WIDTH, ELSE_PYAV), 4, 3)))
    plain = PyAVReader(path, HEIGHT, WIDTH)
    expected = np.stack(list(plain.frames()))

    assert np.array_equal(expected, frames)
    assert np.array_equal(expected[::3], strided.numpy())
    assert len(frames) == reader.n_frames
    assert {"instead_of"} == reader.report.keys() - plain.report.keys()
    assert re.match(f"DALI: {reason}", reader.report["instead_of"])


def test_h264_on_a_cpu_is_decoded_or_left_to_pyav(tmp_path: Path, h264: bool) -> None:
    """A refusal by DALI itself, before any frame was passed on, ends like one by the check."""
    path = write(tmp_path, 40, "h264")
    frames, reader = read(path, ELSE_PYAV)

    assert ("instead_of" in reader.report) is not h264
    assert np.array_equal(by_pyav(path), frames) is not h264


def test_h264_without_a_gpu_is_an_error_that_says_so(tmp_path: Path, h264: bool) -> None:
    """The codec, why, and how to let PyAV step in."""
    if h264:
        pytest.skip("this DALI decodes H.264 on the CPU")
    with pytest.raises(MediaError, match=rf"\({NO_H264}\)\. Set unsupported: pyav to let PyAV decode such videos"):
        read(write(tmp_path, 3, "h264"))


def broken(monkeypatch: pytest.MonkeyPatch, run: int) -> None:
    """Let DALI fail in one of its runs, counted from 1."""
    runs, take = iter(range(1, 100)), Pipeline.take

    def fail(self: Pipeline, more: bool) -> torch.Tensor:
        if next(runs) == run:
            raise Refusal("a hole in the wire")
        return take(self, more)

    monkeypatch.setattr(Pipeline, "take", fail)


def test_a_failure_on_the_way_begins_the_video_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames were passed on already: the file is exactly that of PyAV, and no frame is in it twice."""
    broken(monkeypatch, 3)
    path = write(tmp_path, 40)
    entry = {"extractor": "frames", "size": 32}
    dali_entry = {**entry, "decoder": "dali", "decoder_device": "cpu", "unsupported": "pyav"}
    found = make_features(load_extractor(dali_entry), videos.source(path))
    expected = make_features(load_extractor(entry), videos.source(path))

    assert np.array_equal(expected.features, found.features)
    assert np.array_equal(expected.bounds, found.bounds)
    assert "DALI: a hole in the wire" == found.report["decode"]["instead_of"]


def test_a_failure_on_the_way_is_an_error_without_the_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No second try, no short file."""
    broken(monkeypatch, 3)
    extractor = load_extractor({"extractor": "frames", "size": 32, "decoder": "dali", "decoder_device": "cpu"})

    with pytest.raises(MediaError, match=r"E_UNSUPPORTED: .*a hole in the wire") as found:
        make_features(extractor, videos.source(write(tmp_path, 40)))
    assert not isinstance(found.value, RestartError)


def test_a_failure_before_the_first_batch_needs_no_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has seen a frame: the same reader goes on with PyAV."""
    broken(monkeypatch, 3)
    path = write(tmp_path, 40)
    found = list(batches(open_video(path, HEIGHT, WIDTH, ELSE_PYAV), 64))

    assert np.array_equal(by_pyav(path), torch.cat(found).numpy())


def failing(monkeypatch: pytest.MonkeyPatch, text: str, device: str = "cpu") -> None:
    """Let DALI itself fail in each first run, on a machine that is said to decode on a device."""

    def fail(self: Pipeline, data: np.ndarray) -> None:
        with dali._refusals():
            raise RuntimeError(text)

    monkeypatch.setattr(Pipeline, "start", fail)
    layouts = {"cpu": LAYOUTS["cpu"], "gpu": LAYOUTS["cpu"]}
    make = Pipeline.__init__
    monkeypatch.setattr(dali, "LAYOUTS", layouts)
    monkeypatch.setattr(dali, "decoding_device", lambda rules: device)
    monkeypatch.setattr(
        Pipeline, "__init__", lambda self, package, _, *size, **kw: make(self, package, "cpu", *size, **kw)
    )


@pytest.mark.parametrize("rules", [DALI, ELSE_PYAV])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "encountered:\n Cannot load libnvcuvid.so",
            r"a clip that is known to be good fails too \(Cannot load libnvcuvid",
        ),
        ("CUDA runtime API error cudaErrorMemoryAllocation (2):\nout of memory", "memory is full"),
        ("Could not allocate physical storage of size 123 on device 0", "memory is full"),
    ],
)
def test_a_fault_of_the_machine_is_left_to_no_other_decoder(
    rules: Rules, text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a driver without NVDEC would send a whole data set to PyAV, in silence."""
    failing(monkeypatch, text, "gpu")

    with pytest.raises(MediaError, match=rf"E_NO_DECODER: DALI cannot decode on this machine: {words}.*\. Look at"):
        read(write(tmp_path, 17), rules)


def test_a_failure_on_one_video_is_left_to_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clip that is known to be good comes through."""
    failing(monkeypatch, "encountered:\n odd video", "gpu")
    monkeypatch.setattr(dali, "machine_fault", lambda package, device: "")
    _, reader = read(write(tmp_path, 17), ELSE_PYAV)

    assert "DALI: odd video" == reader.report["instead_of"]


def test_the_known_good_clip_is_good(tmp_path: Path) -> None:
    """PyAV decodes it; DALI on a CPU too, with its frames in VP9."""
    path = tmp_path / "good.mp4"
    path.write_bytes(dali_probe.known_good().tobytes())
    frames = by_pyav(path, dali_probe.HEIGHT, dali_probe.WIDTH)
    vp9 = videos.write_video(tmp_path / "good.webm", frames, codec="libvpx-vp9")

    assert (dali_probe.N_FRAMES, dali_probe.HEIGHT, dali_probe.WIDTH, 3) == frames.shape
    assert frames.any(axis=(1, 2, 3)).all()
    assert "" == check_video(path, Rules()).refusal
    assert "" == machine_fault(load_dali(), "cpu", np.frombuffer(vp9.read_bytes(), np.uint8))


def test_on_a_gpu_frames_are_copied_on_the_stream_that_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """DALI gets torch's current stream, does not wait, and gives its memory back after the stream has ended."""
    done: list[str] = []

    class Stream:
        def synchronize(self) -> None:
            done.append("stream has ended")

    class Sample:
        def shape(self) -> list[int]:
            return [2, 4, 4, 3]

    class Outputs:
        def share_outputs(self) -> list[list[Sample]]:
            return [[Sample(), Sample()]]

        def release_outputs(self) -> None:
            done.append("memory given back")

    def copy(sample: Sample, target: torch.Tensor, cuda_stream: object) -> None:
        assert [2, 4, 4, 3] == list(target.shape)
        done.append("copied" if cuda_stream is stream else "copied elsewhere")

    stream, empty = Stream(), torch.empty
    pipeline = Pipeline.__new__(Pipeline)
    pipeline._copy, pipeline._device, pipeline._pipeline = copy, torch.device("cuda", 0), Outputs()
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch, "empty", lambda size, dtype, device: empty(size, dtype=dtype))
    frames = pipeline.take(more=False)

    assert ["copied", "copied", "stream has ended", "memory given back"] == done
    assert (4, 4, 4, 3) == frames.shape


def test_clips_begin_again_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images and vectors of a file come from one decoder."""
    broken(monkeypatch, 5)  # 40 frames are three runs: the images come through, the vectors do not
    path = write(tmp_path, 40)
    rules = {"decoder": "dali", "decoder_device": "cpu", "unsupported": "pyav"}
    entry = {"extractor": "clips", "size": 32, **rules, "vectors": {"extractor": "frames", "size": 32, **rules}}
    file = make_features(load_extractor(entry), videos.source(path))

    assert "instead_of" in file.report["decode"]
    assert "decode_clips" not in file.report
    assert "DALI, else PyAV" == file.report["clips"]["decoder"]


def test_clips_say_it_if_their_images_have_another_decoder(tmp_path: Path) -> None:
    """Two decoders in one file, because the settings say so: both are in the report."""
    entry = {"extractor": "clips", "size": 32, "vectors": {"extractor": "frames", "size": 32}}
    dali_entry = {**entry, "decoder": "dali", "decoder_device": "cpu"}
    report = make_features(load_extractor(dali_entry), videos.source(write(tmp_path, 20))).report

    assert ("PyAV", "DALI") == (report["decode"]["decoder"], report["decode_clips"]["decoder"])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "E_MISSING"),
    "empty": (lambda path: path.touch(), "E_EMPTY_FILE"),
    "cut": (lambda path: videos.cut(write(path.parent, 40, "vp9-mp4"), path, 0.6), "E_TRUNCATED"),
    "cut webm": (lambda path: videos.cut(write(path.parent, 40), path, 0.6), "E_TRUNCATED"),
    "audio": (videos.write_audio, "E_NO_VIDEO"),
    "playlist": (lambda path: path.write_text("ffconcat version 1.0\nfile 'a.mp4'\n"), "E_FORMAT"),
}


@pytest.mark.parametrize("rules", [DALI, ELSE_PYAV])
@pytest.mark.parametrize("name", BAD)
def test_bad_files_have_the_errors_of_pyav(name: str, rules: Rules, tmp_path: Path) -> None:
    """A file that is no whole video is refused by name: PyAV could not help."""
    make, code = BAD[name]
    path = tmp_path / "bad.mp4"
    make(path)

    with pytest.raises(MediaError, match=rf"bad\.mp4: {code}"):
        read(path, rules)
    with pytest.raises(MediaError, match=rf"bad\.mp4: {code}"):
        by_pyav(path)


def test_giants_are_refused(tmp_path: Path) -> None:
    """The limits of pixels and frames hold before DALI sets memory aside."""
    path = write(tmp_path, 17)

    with pytest.raises(MediaError, match="E_TOO_LARGE: 128 x 96 pixels"):
        read(path, DALI.model_copy(update={"max_pixels": 96 * 127}))
    with pytest.raises(MediaError, match="E_TOO_LARGE: it has more than 16 frames"):
        read(path, DALI.model_copy(update={"max_frames": 16}))


def test_a_folder_of_images_is_read_by_pyav(tmp_path: Path) -> None:
    """There is nothing to decode on a GPU: no fallback, and no mark."""
    folder = videos.write_images(tmp_path / "001", videos.scene(5))
    frames, reader = read(folder)

    assert np.array_equal(by_pyav(folder), frames)
    assert ("PyAV", False) == (reader.report["decoder"], "instead_of" in reader.report)


def test_without_dali_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no property of a video, so PyAV does not step in; PyAV itself needs no DALI."""
    path = write(tmp_path, 3)
    monkeypatch.setitem(sys.modules, "nvidia.dali", None)
    monkeypatch.setitem(sys.modules, "nvidia.dali.plugin.pytorch", None)

    with pytest.raises(MediaError, match=r"decoder: dali cannot be used: .+\. Run pip install nvidia-dali-cuda130==2"):
        read(path, ELSE_PYAV)
    assert 3 == len(read(path, Rules())[0])


def test_pyav_alone_does_not_load_dali() -> None:
    """Its libraries take a second and hundreds of megabytes."""
    code = "import sys, vad.extractors.frames, vad.extractors.xfeat; assert 'nvidia.dali' not in sys.modules"

    assert 0 == subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"decoder_device": "gpu"}, "decoder_device: gpu needs decoder: dali"),
        ({"unsupported": "pyav"}, "unsupported: pyav needs decoder: dali"),
        ({"decoder": "DALI"}, "'pyav' or 'dali'"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(settings: dict[str, str], words: str) -> None:
    """PyAV has one device and no fallback."""
    with pytest.raises(ValueError, match=words):
        Rules.model_validate(settings)


def test_a_gpu_decoder_with_a_network_on_the_cpu_is_refused() -> None:
    """Frames would lie where the network is not."""
    with pytest.raises(ValueError, match="decoder_device: gpu needs a network on the GPU"):
        load_extractor({"extractor": "xfeat", "decoder": "dali", "decoder_device": "gpu", "device": "cpu"})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """No silent fallback to the CPU; auto takes the CPU."""
    path = write(tmp_path, 3)

    with pytest.raises(MediaError, match="decoder_device: gpu, but torch sees no GPU"):
        read(path, Rules(decoder="dali", decoder_device="gpu"))
    assert "cpu" == read(path, Rules(decoder="dali"))[1].report["decoder_device"]


def filled(*values: int) -> torch.Tensor:
    """Tiny frames, each of one value."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 2, 2, 3)


@pytest.mark.parametrize(
    ("frames", "left", "words"),
    [
        (filled(*[9] * 16), 40, ""),
        (filled(*[9] * 16), 16, ""),
        (filled(*[9] * 15, 0), 16, ""),
        (filled(*[9] * 3), 3, ""),
        (filled(*[9] * 3, *[0] * 13), 3, ""),
        (filled(*[9] * 2, *[0] * 14), 3, "its last frame is black, or missing"),
        (filled(*[9] * 4, *[0] * 12), 3, "more frames than its container promises"),
        (filled(9, 9), 3, "1 of its last frames are missing"),
        (filled(*[9] * 12), 20, "4 of its last frames are missing"),
    ],
)
def test_missing_frames_at_the_end_are_seen(frames: torch.Tensor, left: int, words: str) -> None:
    """Zeros fill the last run of a GPU; they are no frames."""
    if not words:
        require_all(frames, left)
        return
    with pytest.raises(Refusal, match=words):
        require_all(frames, left)


def runs_of_a_gpu(path: Path, n_frames: int) -> torch.Tensor:
    """All runs of a clip in the layout of a GPU, decoded on the CPU."""
    pipeline = Pipeline(load_dali(), "cpu", HEIGHT, WIDTH, LAYOUTS["gpu"])
    pipeline.start(np.memmap(path, np.uint8, "r"))
    return torch.cat([pipeline.take(more=left > 16) for left in range(n_frames, 0, -16)])


@pytest.fixture(scope="module")
def reads_on(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this DALI can be asked for frames behind the last one on a CPU; 1.53 cannot."""
    try:
        return len(runs_of_a_gpu(write(tmp_path_factory.mktemp("asked"), 3), 3)) == 16
    except Refusal:
        return False


@pytest.mark.parametrize("n_frames", LENGTHS)
def test_the_runs_of_a_gpu_have_zeros_behind_the_last_frame(n_frames: int, tmp_path: Path, reads_on: bool) -> None:
    """Its layout, on a CPU: one sample of 16 frames."""
    if not reads_on:
        pytest.skip("this DALI cannot be asked for frames behind the last one on a CPU")
    path = write(tmp_path, n_frames)
    frames = runs_of_a_gpu(path, n_frames)

    assert -(-n_frames // 16) * 16 == len(frames)
    assert np.array_equal(read(path)[0], frames[:n_frames].numpy())
    assert not frames[n_frames:].any()


def test_videos_of_different_sizes_one_after_the_other(tmp_path: Path) -> None:
    """Nothing of a video comes up in the next one, also after one that was left in the middle or that failed."""
    small = videos.write_video(tmp_path / "small.webm", videos.scene(17, 64, 64, seed=1), codec="libvpx-vp9")
    large = write(tmp_path, 40)
    alone = {path: read(path)[0] for path in (small, large)}
    next(open_video(large, HEIGHT, WIDTH, DALI).frames())
    with pytest.raises(MediaError):
        read(other(tmp_path, ".mkv", "libx264", "yuv444p"))

    for path in (small, large, small, small, large):
        assert np.array_equal(alone[path], read(path)[0])


GROWTH = """
import sys
from pathlib import Path
from bench.table import peak_mb
from vad.video.batches import batches
from vad.video.decode import Rules, open_video
for path in sys.argv[1:]:
    for batch in batches(open_video(Path(path), 96, 128, Rules(decoder="dali", decoder_device="cpu"))):
        pass
    print(round(peak_mb()))
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """2,000 frames of 36,864 bytes need less than a third of their 74 MB more than 40 do."""
    short = write(tmp_path, 40)
    long = videos.write_video(
        tmp_path / "long.avi", videos.scene(2000), codec="mjpeg", pixel_format="yuvj420p", bit_rate=4_000_000
    )
    command = [sys.executable, "-c", GROWTH, str(short), str(long)]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    before, after = map(int, lines)

    assert after - before < 24


@given(st.integers(1, 600), st.integers(8, 1000), st.integers(0, 10_000), st.integers(1, 8), st.randoms())
def test_frames_of_a_constant_rate_are_accepted_in_any_order_that_dali_can_sort(
    n_frames: int,
    step: int,
    start: int,
    window: int,
    random: "np.random.Generator",
) -> None:
    """Coded in another order than shown, at most 7 places away, behind a first frame that is shown first."""
    shown = [start + index * step for index in range(n_frames)]
    coded = shown[:1]
    for at in range(1, n_frames, window):
        part = shown[at : at + window]
        random.shuffle(part)
        coded += part
    tally = Tally()
    tally.packets = n_frames
    tally.pts.extend(coded)

    assert [] == _of_the_times(tally)
    assert shown == list(tally.pts)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0, 10, 21, 31, 41], ""),
        ([0, 10, 20, 31, 40], "variable"),
        ([0, 10, 20, 32, 40], "variable"),
        ([0, 1, 2, 4, 5], "variable"),
        ([0, 10, 10, 20], "variable"),
        ([20, 0, 10, 30], "shown before its first one"),
        ([-10, 0, 10], "below 0"),
        ([0, 2**31], "above 2"),
        ([0, *range(90, 0, -10)], "places before they are coded"),
        ([], "without a timestamp"),
    ],
)
def test_times_that_dali_cannot_follow(times: list[int], words: str) -> None:
    """One tick more or less is rounding, unless a tick is a large part of a step."""
    tally = Tally()
    tally.packets = len(times)
    tally.pts.extend(times)
    problems = " and ".join(_of_the_times(tally))

    assert (words in problems) if words else problems == ""


def test_the_identity_names_decoder_colour_and_resize() -> None:
    """PyAV's is what it always was; DALI's cannot be taken for it."""
    assert {"colour": "rgb24", "resize": "swscale bilinear, squashed to 8x8"} == frames_identity(
        Rules(), "squashed to 8x8"
    )
    assert {
        "decoder": "DALI",
        "colour": "RGB by DALI",
        "resize": "DALI linear, antialiased, squashed to 8x8",
    } == frames_identity(DALI, "squashed to 8x8")
    assert "DALI, else PyAV" == frames_identity(ELSE_PYAV, "")["decoder"]


@pytest.mark.parametrize(
    "entry",
    [
        {"extractor": "xfeat"},
        {"extractor": "frames"},
        {"extractor": "x3d", "weights": "random"},
        {"extractor": "i3d", "weights": "random"},
        {"extractor": "c3d", "weights": "random"},
        {"extractor": "mobilenet_v2", "weights": "random"},
        {"extractor": "mobilenet_v3", "weights": "random"},
        {"extractor": "videomae", "weights": "random", "preset": "s"},
    ],
    ids=lambda entry: entry["extractor"],
)
def test_every_extractor_that_reads_video_has_the_identity_of_its_decoder(entry: dict[str, str]) -> None:
    """The decoder changes colour and resize of the identity, and nothing else."""
    plain = load_extractor(entry).identity()
    other = load_extractor({**entry, "decoder": "dali"}).identity()

    assert {"colour", "decoder", "resize"} == {name for name in other if other[name] != plain.get(name)}
    assert {"decoder"} == other.keys() - plain.keys()
    assert plain["resize"].removeprefix("swscale bilinear, ") == other["resize"].removeprefix(
        "DALI linear, antialiased, "
    )


@pytest.mark.real_data
def test_real_videos(h264: bool) -> None:
    """H.264 of UCF-Crime with a cover picture: the frames of PyAV, or PyAV itself."""
    found = sorted((REAL_DATA / "ucf_crime_videos").glob("*.mp4"), key=lambda path: path.stat().st_size)[:2]
    if not found:
        pytest.skip("the real clips are not here")
    for path in found:
        frames, reader = read(path, ELSE_PYAV, 224, 224)
        largest, mean = difference(frames, by_pyav(path, 224, 224))

        assert (largest <= 80 and 0 < mean < 4) if h264 else largest == 0
        assert ("instead_of" in reader.report) is not h264


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nvdec_decodes_the_known_good_clip() -> None:
    """Else every refusal of DALI would be taken for a fault of the machine."""
    assert "" == machine_fault(load_dali(), "gpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("n_frames", LENGTHS)
def test_nvdec_gives_tensors_on_the_gpu(n_frames: int, tmp_path: Path) -> None:
    """H.264 by NVDEC: number and order of PyAV, near its values, never through the memory of the CPU."""
    path = videos.write_video(tmp_path / "clip.mp4", videos.scene(n_frames, 240, 320))
    reader = DALIReader(path, 224, 224, Rules(decoder="dali", decoder_device="gpu"))
    found = list(reader.batches(16))
    expected = by_pyav(path, 224, 224)
    frames = torch.cat(found).cpu().numpy()
    nearest = [int(np.abs(expected.astype(int) - frame).mean(axis=(1, 2, 3)).argmin()) for frame in frames]

    assert all(batch.is_cuda for batch in found)
    assert list(range(n_frames)) == nearest
    assert difference(frames, expected)[1] < 10
    assert ("DALI", "gpu") == (reader.report["decoder"], reader.report["decoder_device"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_an_extractor_on_the_gpu_takes_them_from_there(tmp_path: Path) -> None:
    """Decoder and network on one GPU, with the bounds of PyAV."""
    path = videos.write_video(tmp_path / "clip.mp4", videos.scene(40, 240, 320))
    entry = {"extractor": "xfeat", "size": 64}
    found = make_features(load_extractor({**entry, "decoder": "dali"}), Source("clip", (path,)))
    expected = make_features(load_extractor(entry), Source("clip", (path,)))

    assert np.array_equal(expected.bounds, found.bounds)
    assert "gpu" == found.report["decode"]["decoder_device"]
