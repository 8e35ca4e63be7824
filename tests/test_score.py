"""`vad score`: scores of one's own videos, equal to those of the rooms; every kind of input, and what goes wrong."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.project import Project
from tests.videos import flip_bytes, scene, write_images, write_video
from vad.__main__ import main
from vad.artefacts.scores import read_scores
from vad.errors import VadError
from vad.ledger.records import record_path
from vad.scoring.inputs import GivenVideo, given_videos
from vad.scoring.page import film_size
from vad.scoring.progress import Bar, Lines
from vad.scoring.runs import find_run
from vad.scoring.video import Scorer


def column(path: Path, name: str) -> list[str]:
    """A column of a table."""
    with path.open() as stream:
        return [row[name] for row in csv.DictReader(stream)]


def summary(out: Path, video_id: str) -> dict:
    """What a run says of a video."""
    return json.loads((out / f"{video_id}_summary.json").read_text())


@pytest.fixture
def trained(finished: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a finished project, which is not changed; the current folder."""
    monkeypatch.chdir(finished.folder)
    return finished.folder


@pytest.mark.pipeline
@pytest.mark.parametrize("variant", ["mil", "ae"])
def test_scores_are_those_of_room_infer(trained: Path, variant: str, tmp_path: Path) -> None:
    """Every test video, to the last bit, with the threshold that room evaluate chose; times are those of the frames."""
    project = Project(trained)
    stored = read_scores(trained / f"data/infer/{variant}/seed0.npz").videos
    with (trained / "data/split/mini_crime/tables/test.csv").open() as stream:
        paths = {row["video_id"]: row["path"] for row in csv.DictReader(stream)}
    chosen = json.loads((trained / f"data/evaluate/{variant}/seed0/metrics.json").read_text())["protocol"]["threshold"]
    videos = [f"data/split/mini_crime/raw/{path}" for path in paths.values()]
    project.run("python", "-m", "vad", "score", *videos, "--variant", variant, "--portable", "--out", str(tmp_path))

    for video_id in paths:
        found = np.array(column(tmp_path / f"{video_id}_scores.csv", "score"), np.float32)
        times = np.array(column(tmp_path / f"{video_id}_scores.csv", "time_s"), float)
        about = summary(tmp_path, video_id)
        assert np.array_equal(found, stored[video_id].frames)
        assert about["video_score"] == stored[video_id].video
        assert about["threshold"] == chosen["value"]
        assert about["flagged"] == (stored[video_id].video >= chosen["value"])
        assert np.allclose(times, np.arange(len(found)) / (stored[video_id].fps or 0), atol=1e-6)
        assert (tmp_path / f"{video_id}_plot.png").read_bytes().startswith(b"\x89PNG")
        assert "generated data set" in (tmp_path / f"{video_id}_summary.txt").read_text()
    assert column(tmp_path / "inference_summary.csv", "video_id") == list(paths)


@pytest.mark.pipeline
def test_a_video_that_fails_stops_no_other(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken file, a video too short for the model, images without times, and a good video: each says what it is."""
    videos = tmp_path / "in"
    videos.mkdir()
    (videos / "broken.mp4").write_bytes(b"no video")
    write_video(videos / "short.mp4", scene(20, 64, 48))
    write_video(videos / "good.mp4", scene(70, 64, 48))
    write_images(videos / "images", scene(40, 64, 48))
    out = tmp_path / "out"
    command = ["score", str(videos), "--run", "data/train/ae/seed0", "--fps", "10", "--previews", "blur"]
    code = main([*command, "--out", str(out)])
    errors = capsys.readouterr().err

    assert code == 1
    assert "1 of 4 videos failed" in errors
    assert "broken.mp4" in errors
    table = dict(zip(*(column(out / "inference_summary.csv", name) for name in ("video_id", "status")), strict=True))
    assert table == {"broken": "failed", "good": "ok", "images": "ok", "short": "INSUFFICIENT"}
    assert summary(out, "short")["problem"] == "20 frames, the model needs 32"
    assert summary(out, "short")["video_score"] is None
    assert not (out / "short_scores.csv").exists()
    assert column(out / "images_scores.csv", "time_s")[-1] == "3.900000"
    assert "(by --fps)" in (out / "images_summary.txt").read_text()
    assert summary(out, "good")["seconds"] == pytest.approx(70 / 30, abs=1e-3)
    assert {path.name for path in out.glob("*.html")} == {f"{name}.html" for name in (*table, "index")}
    assert {path.name for path in out.glob("*.mp4")} == {"good_preview.mp4", "images_preview.mp4"}
    assert "the model needs 32" in (out / "short.html").read_text()


@pytest.mark.pipeline
def test_a_damaged_video_of_a_tolerant_run(trained: Path, tmp_path: Path) -> None:
    """The film accepts what the extractor accepted: scores and pictures are there, and the next video follows."""
    run = tmp_path / "train/mine/seed0"
    shutil.copytree(trained / "data/train/ae/seed0", run)
    config = json.loads((run / "config.json").read_text())
    config["section"]["features_entry"] |= {"policy": "tolerant", "max_corrupt_frac": 1.0}
    (run / "config.json").write_text(json.dumps(config))
    videos, out = tmp_path / "in", tmp_path / "out"
    videos.mkdir()
    write_video(videos / "whole.mp4", scene(40, 64, 48))
    flip_bytes(write_video(tmp_path / "one.mp4", scene(70, 64, 48)), videos / "damaged.mp4")
    command = ["score", str(videos), "--run", str(run), "--previews", "blur", "--out", str(out)]

    assert main(command) == 0
    decode = summary(out, "damaged")["report"]["decode"]
    assert decode["corrupt"] + decode["errors"] > 0
    assert column(out / "inference_summary.csv", "status") == ["ok", "ok"]
    assert {path.name for path in out.glob("*.mp4")} == {"damaged_preview.mp4", "whole_preview.mp4"}
    assert "no pictures" not in (out / "damaged.html").read_text()


@pytest.mark.parametrize("rate", ["0", "0.001", "-25", "1001", "nan", "fast"])
def test_a_rate_that_cannot_be_is_refused(rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read: times of frames are divided by it."""
    with pytest.raises(SystemExit):
        main(["score", "absent.mp4", f"--fps={rate}", "--out", str(tmp_path)])

    assert f"{rate!r} is no number of frames a second from 0.01 to 1000" in capsys.readouterr().err


@pytest.mark.pipeline
@pytest.mark.parametrize("every", [1, 3])
def test_progress_ends_at_the_total(trained: Path, every: int, tmp_path: Path) -> None:
    """The bar counts frames that are used, both in its total and on the way."""
    video = GivenVideo("one", write_video(tmp_path / "one.mp4", scene(97, 64, 48)))
    scorer, counted = Scorer(find_run(folder=trained / "data/train/ae/seed0"), every), []
    scorer.score(video, counted.append)

    assert scorer.expected_frames(video) == sum(counted) == len(range(0, 97, every))


def test_a_film_has_the_shape_of_the_video() -> None:
    """The longer side is 480 pixels, also of a video that is shown turned; a report without sizes is 4:3."""
    sizes = [[640, 320, 90], [10, 10, 1]]

    assert film_size({"decode": {"sizes": sizes, "rotation": 0}}) == (480, 240)
    assert film_size({"decode": {"sizes": sizes, "rotation": -90}}) == (240, 480)
    assert film_size({}) == (480, 360)


@pytest.mark.pipeline
def test_every_third_frame(trained: Path, tmp_path: Path) -> None:
    """Scores as of a video that has only these frames; each keeps its number and its time in the whole video."""
    frames = list(scene(100, 64, 48))
    write_images(tmp_path / "whole", frames)
    write_images(tmp_path / "third", frames[::3])
    run = ["--run", str(trained / "data/train/ae/seed0")]
    assert main(["score", str(tmp_path / "whole"), *run, "--every", "3", "--out", str(tmp_path / "a")]) == 0
    assert main(["score", str(tmp_path / "third"), *run, "--out", str(tmp_path / "b")]) == 0

    left, right = tmp_path / "a/whole_scores.csv", tmp_path / "b/third_scores.csv"
    assert column(left, "score") == column(right, "score")
    assert column(left, "source_frame") == [str(n) for n in range(0, 100, 3)]
    assert column(left, "time_s")[1] == "0.120000"
    assert summary(tmp_path / "a", "whole")["report"]["decode"]["frames_decoded"] == 34


@pytest.mark.pipeline
def test_times_are_those_of_the_frames(trained: Path, tmp_path: Path) -> None:
    """A video with a changing frame rate: each frame has its own time, and a note says so."""
    pts = [*range(40), *range(40, 120, 2)]
    write_video(tmp_path / "phone.mp4", scene(80, 64, 48), pts=pts)
    assert main(["score", str(tmp_path / "phone.mp4"), "--variant", "mil", "--out", str(tmp_path)]) == 0

    times = np.array(column(tmp_path / "phone_scores.csv", "time_s"), float)
    assert np.allclose(times, np.array(pts) / 30, atol=1e-6)
    assert "frame rate changes" in (tmp_path / "phone_summary.txt").read_text()


@pytest.mark.pipeline
def test_the_run_is_found(finished: Project, tmp_path: Path) -> None:
    """The best validated variant, said with its number; a copy of a run alone has no threshold, and says so."""
    data = finished.folder / "data"
    aucs = {}
    for variant in ("mil", "ae"):
        scored = read_scores(data / f"infer/{variant}/seed0.npz").videos
        with (data / "split/mini_crime/tables/train.csv").open() as stream:
            labels = {row["video_id"]: int(row["label"]) for row in csv.DictReader(stream)}
        pairs = [(v.video, labels[k]) for k, v in scored.items() if v.part == "validation"]
        wins = [(a > b) + (a == b) / 2 for a, x in pairs for b, y in pairs if x > y]
        aucs[variant] = sum(wins) / len(wins)
    best = find_run(data=data)

    assert best.variant == max(sorted(aucs), key=lambda name: aucs[name])
    assert f"best validated of 2 variants (video AUC {aucs[best.variant]:.3f}" in best.chosen
    (record,) = (data / "features/xfeat/mini_crime").glob("Abuse001*.prov.json")
    assert best.features == json.loads(record.read_text())["section"]["content"]
    shutil.copytree(best.folder, tmp_path / "elsewhere/train/mine/seed0")
    copied = find_run(folder=tmp_path / "elsewhere/train/mine/seed0")
    assert copied.threshold is None
    assert any("no threshold" in note for note in copied.notes)
    with pytest.raises(VadError, match="Did you mean 'mil'"):
        find_run("mill", data=data)
    with pytest.raises(VadError, match="no trained run"):
        find_run(data=tmp_path)


@pytest.mark.pipeline
def test_no_run_is_the_best_where_nothing_was_validated(finished: Project, tmp_path: Path) -> None:
    """Then one has to be named; of a named variant the first seed is taken, and called that."""
    for room in ("train", "infer"):
        shutil.copytree(finished.folder / "data" / room, tmp_path / room)
    table = Path("split/mini_crime/tables/train.csv")
    (tmp_path / table).parent.mkdir(parents=True)
    (tmp_path / table).write_text((finished.folder / "data" / table).read_text().replace(",validation", ",fit"))

    with pytest.raises(VadError, match=r"nothing says which run is the best. Choose one: --variant ae \| mil"):
        find_run(data=tmp_path)
    assert find_run("mil", data=tmp_path).chosen.startswith("seed 0 is the first one, as no validation compares")


@pytest.mark.pipeline
def test_published_features_cannot_score_a_video(finished: Project, tmp_path: Path) -> None:
    """Nor can a run of an older version, which names no features entry."""
    run = tmp_path / "train/mine/seed0"
    shutil.copytree(finished.folder / "data/train/mil/seed0", run)
    config = json.loads((run / "config.json").read_text())
    config["section"]["features_entry"] = {"extractor": "clips", "vectors": {"extractor": "imported"}}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(VadError, match="reads published features"):
        find_run(folder=run)
    with pytest.raises(VadError, match="no run that was scored"):
        find_run(data=tmp_path)
    del config["section"]["features_entry"]
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(VadError, match="an older version made it"):
        find_run(folder=run)


def test_inputs(tmp_path: Path) -> None:
    """Folders are searched, the same video comes once, ids are unique, and what is not read says why."""
    for name in ("a/one.mp4", "b/one.mp4", "b/old.wmv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    write_images(tmp_path / "images", scene(2, 16, 16))
    (tmp_path / "gap").mkdir()
    for number in (1, 2, 4):
        (tmp_path / f"gap/{number}.png").touch()
    found = given_videos([tmp_path, tmp_path / "a/one.mp4", tmp_path / "images", tmp_path / "gap"])
    by_name = {video.path.relative_to(tmp_path).as_posix(): video for video in found}

    assert by_name.keys() == {"a/one.mp4", "b/one.mp4", "b/old.wmv", "images", "gap"}
    assert len({video.video_id for video in found}) == 5
    assert by_name["images"].video_id == "images"
    assert "frames are missing after 2.png" in by_name["gap"].refused
    assert "are not read" in by_name["b/old.wmv"].refused
    (tmp_path / "empty").mkdir()
    for word, message in (("empty", "holds no video"), ("absent", "no such file")):
        with pytest.raises(VadError, match=message):
            given_videos([tmp_path / word])


def test_links_are_read_where_they_are_named(tmp_path: Path) -> None:
    """Inside a folder, those that lead out of it are refused with what to do, those to folders too."""
    own, other = tmp_path / "own folder", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
        (folder / f"{folder.name[:3]}.mp4").touch()
    (own / "file.mp4").symlink_to(other / "oth.mp4")
    (own / "linked").symlink_to(other)
    found = {video.path.name: video.refused for video in given_videos([own])}

    assert found.keys() == {"own.mp4", "file.mp4", "linked"}
    assert found["own.mp4"] == ""
    assert found["file.mp4"].startswith("a link that leaves")
    assert found["linked"].startswith("a link to a folder, which is not followed")
    for name in ("file.mp4", "linked"):
        assert "Name the link itself on the command line" in found[name]
        assert "follow_links" not in found[name]
        assert [video.refused for video in given_videos([own / name])] == [""]
    both = given_videos([own / "linked", own, own / "file.mp4"])
    assert [(video.path.name, video.refused) for video in both] == [("oth.mp4", ""), ("own.mp4", "")]


def test_results_are_no_videos(tmp_path: Path) -> None:
    """The figure and the film of an earlier call, a thumbnail, and the folder of results are not scored."""
    videos, out = tmp_path / "in", tmp_path / "in/scored"
    write_images(videos, scene(2, 64, 48))
    write_images(out, scene(2, 64, 48))
    write_video(videos / "cam_01.mp4", scene(10, 64, 48))
    for folder in (videos, out):
        for name in ("cam_01_preview.mp4", "cam_01.html"):
            (folder / name).write_bytes(b"x")
    link = videos / "../in/cam_01.mp4"

    # Written beside the videos they cannot be told from a folder of images of the user.
    for target, expected in ((out, ["cam_01"]), (videos, ["cam_01", "scored"])):
        assert [video.video_id for video in given_videos([videos, link], target)] == expected


def test_a_film_of_a_page_that_is_named_is_scored(tmp_path: Path) -> None:
    """In a folder it is left out; where nothing else lies there, the error says what to do."""
    film = tmp_path / "cam_01_preview.mp4"
    film.touch()
    (tmp_path / "cam_01.html").touch()

    assert [video.path for video in given_videos([film])] == [film]
    with pytest.raises(VadError) as raised:
        given_videos([tmp_path])
    assert str(raised.value) == f"{tmp_path}: every video there is a result of an earlier call. Name your videos."


@pytest.mark.pipeline
def test_weights_that_came_after_the_threshold(trained: Path, tmp_path: Path) -> None:
    """A run that was trained again and not scored since has no threshold, and says so."""
    for room in ("train", "infer", "evaluate"):
        shutil.copytree(trained / "data" / room / "mil", tmp_path / "data" / room / "mil")
    run = tmp_path / "data/train/mil/seed0"
    before = find_run(folder=run)
    with (run / "weights.safetensors").open("ab") as stream:
        stream.write(b" ")
    after = find_run(folder=run)

    assert before.threshold is not None
    assert after.threshold is None
    assert any("trained again" in note for note in after.notes)


@pytest.mark.pipeline
@pytest.mark.parametrize("room", ["infer", "evaluate"])
def test_a_threshold_without_a_record(trained: Path, room: str, tmp_path: Path) -> None:
    """Nothing shows that it belongs to the weights; the note names what is not there."""
    for name in ("train", "infer", "evaluate"):
        shutil.copytree(trained / "data" / name / "mil", tmp_path / "data" / name / "mil")
    made = tmp_path / "data" / room / "mil" / ("seed0.npz" if room == "infer" else "seed0")
    record_path(made).unlink()
    found = find_run(folder=tmp_path / "data/train/mil/seed0")

    assert found.threshold is None
    assert not any("trained again" in note for note in found.notes)
    (note,) = [note for note in found.notes if "so there are no alarms" in note]
    assert note.startswith(f"{record_path(made)} is not there: ")


def test_plain_lines_of_progress() -> None:
    """Without a terminal: frames, frames a second and the time left, no more often than asked for."""
    stream = io.StringIO()
    with Lines(stream, seconds=0) as lines:
        lines.begin("one", 100)
        lines.advance(40)
    assert stream.getvalue().startswith("one: 40 of 100 frames, ")
    assert stream.getvalue().endswith(" s left\n")
    with Lines(stream := io.StringIO(), seconds=60) as lines:
        lines.begin("two", None)
        lines.advance(40)
    assert stream.getvalue() == ""


def test_bar_of_progress(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal: the video, how many frames of how many, and frames a second."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Bar() as bar:
        bar.begin("one", 100)
        bar.advance(40)
        bar._bar.refresh()
        bar.end()
    shown = capsys.readouterr().err

    assert "one" in shown
    assert "40/100" in shown
    assert "frames/s" in shown
