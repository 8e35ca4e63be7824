"""Records: what makes an artefact right, and each way in which it stops being right."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vad.errors import ArtefactError
from vad.ledger import code, records, staleness
from vad.ledger.chain import broken_links
from vad.ledger.code import code_files, code_hash
from vad.ledger.objects import damaged
from vad.ledger.records import Job, trusted_hash
from vad.ledger.staleness import Wanted

STAT = Path(".params/state/stat.json")
RECHECK = Path(".params/recheck/room/x.json")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project folder with one section, one code file and one source; memories of hashes are emptied."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        ".params/slices/room/x.json": '{"a": 1}',
        "stages/run.py": "x = 1\n",
        "source.txt": "in",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Each job is a process of its own: nothing is remembered."""
    records.start()
    for memory in (broken_links, code._imports):
        memory.cache_clear()
    code._parsed.clear()


def job(artefact: str = "data/out.txt", inputs: tuple[str, ...] = ("source.txt",), **facts: int) -> Job:
    """A job of the workplace."""
    forget()
    return Job(
        "room",
        Path(artefact),
        Path(".params/slices/room/x.json"),
        [Path("stages/run.py")],
        list(map(Path, inputs)),
        facts,
    )


def made(one: Job, text: str = "out") -> Job:
    """Run the job."""
    one.begin()
    one.artefact.parent.mkdir(parents=True, exist_ok=True)
    one.artefact.write_text(text)
    one.finish()
    return one


def plan(*more: str) -> dict[str, Wanted]:
    """What params.yaml would ask for: the two artefacts of the workplace where they have a record, and others."""
    section = Path(".params/slices/room/x.json")
    made_here = [name for name in ("data/out.txt", "data/next.txt", "raw") if Path(f"{name}.prov.json").exists()]
    one = Wanted(json.loads(section.read_text()), section, RECHECK)
    return dict.fromkeys([*made_here, *more], one)


def look() -> staleness.Findings:
    """The check before a run."""
    forget()
    return staleness.check(plan(), staleness.Hashes(STAT))


def refresh() -> list[str]:
    """The check before a run, which keeps what it saw; the artefacts that it starts."""
    forget()
    return [item.artefact for item in staleness.refresh(plan(), STAT).stale]


def reasons() -> list[str]:
    """What the check before a run says."""
    return [item.reason for item in look().stale]


def test_intact_after_made_and_times_are_refreshed() -> None:
    """The same job again has nothing to do, and says so by a fresh file time."""
    made(job())
    os.utime("data/out.txt", (1, 1))

    assert job().intact()
    assert Path("data/out.txt").stat().st_mtime > 1
    assert reasons() == []


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        (".params/slices/room/x.json", '{"a": 2}', "params changed (.params/slices/room/x.json)"),
        ("stages/run.py", "x = 2\n", "code changed"),
        ("data/out.txt", "other", "content differs from its record: data/out.txt"),
    ],
)
def test_every_cause_is_seen(path: str, text: str, reason: str) -> None:
    """Changed params, code or content: not intact, and the check says which."""
    made(job())
    Path(path).write_text(text)

    assert not job().intact()
    assert reasons() == [reason]


def test_changed_source_is_seen_from_the_second_look_on() -> None:
    """A user's own file is adopted at the first look; a later change is a reason, without hashing it."""
    made(job())
    refresh()
    Path("source.txt").write_text("changed")

    assert reasons() == ["input changed: source.txt"]
    assert not job().intact()


def test_a_touched_source_is_read_and_starts_nothing() -> None:
    """Another time and the same content: read once, adopted, no reason."""
    made(job())
    refresh()
    os.utime("source.txt", (5, 5))

    assert [] == refresh()
    assert [2, 5_000_000_000] == staleness.Hashes(STAT).kept["source.txt"][:2]


def test_an_older_source_is_seen() -> None:
    """A file replaced by an older one of the same size (`cp -p`)."""
    made(job())
    refresh()
    Path("source.txt").write_text("IN")
    os.utime("source.txt", (1, 1))

    assert reasons() == ["input changed: source.txt"]


def test_two_records_of_one_source_that_disagree() -> None:
    """Made before and after a change that nobody saw: the file is read, the older artefact is stale."""
    made(job())
    Path("source.txt").write_text("new")
    made(job("data/next.txt"))

    assert [("data/out.txt", "input changed: source.txt")] == [(s.artefact, s.reason) for s in look().stale]


def test_facts_of_the_command_line_count() -> None:
    """Another seed is another artefact."""
    made(job(seed=0))

    assert job(seed=0).intact()
    assert not job(seed=1).intact()


def test_unfinished_artefacts_have_no_record() -> None:
    """Killed between begin and finish: data without a record, hence made again."""
    made(job())
    job().begin()

    assert not job().intact()
    assert Path("data/out.txt").is_file()


def test_damaged_input_is_refused_and_healed_upstream() -> None:
    """A consumer never works on an artefact that is not what its record says."""
    made(job())
    made(job("data/next.txt", ("data/out.txt",)))
    Path("data/out.txt").write_text("flipped")

    with pytest.raises(ArtefactError, match=r"data/out\.txt: its content is not what its record says"):
        job("data/next.txt", ("data/out.txt",)).intact()
    assert reasons() == ["content differs from its record: data/out.txt", "input changed: data/out.txt"]


def test_stale_artefacts_start_their_rule_only() -> None:
    """The recheck file of a stale artefact's rule changes, and only then."""
    made(job())
    assert refresh() == []
    assert not RECHECK.exists()
    Path("data/out.txt").write_text("flipped")
    refresh()

    assert "data/out.txt" in RECHECK.read_text()


def test_a_damaged_record_is_no_record() -> None:
    """Cut, or JSON of another kind: its rule starts, and the record is dropped."""
    for text in ("{", "[]", '{"inputs": {}, "outputs": {}}'):
        made(job())
        Path("data/out.txt.prov.json").write_text(text)

        assert ["data/out.txt"] == refresh()
        assert not Path("data/out.txt.prov.json").exists()
        assert RECHECK.exists()


def test_what_has_no_record_is_absent() -> None:
    """Never made, deleted, or not finished: counted apart from what is stale."""
    made(job())
    forget()
    found = staleness.check(plan("data/never.txt"), staleness.Hashes(STAT))

    assert (["data/never.txt"], 1, []) == (found.absent, found.present, found.stale)


def test_verify_sees_an_edit_that_kept_size_and_time() -> None:
    """The quick check trusts size and time; `verify` reads every byte."""
    made(job())
    refresh()
    stat = Path("data/out.txt").stat()
    Path("data/out.txt").write_text("tuo")
    os.utime("data/out.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))

    assert reasons() == []
    forget()
    found = staleness.verify(plan(), STAT)
    assert ["content differs from its record: data/out.txt"] == [item.reason for item in found.stale]


def test_verify_names_a_source_that_is_gone() -> None:
    """The artefact is right and cannot be made again: a finding."""
    made(job())
    Path("source.txt").unlink()
    forget()

    assert ["source.txt"] == [item.artefact for item in staleness.verify(plan(), STAT).stale]
    assert reasons() == []


def test_orphans_are_what_nothing_asks_for() -> None:
    """A record of an entry that is gone from params."""
    made(job())

    assert ["data/out.txt"] == staleness.orphans({})
    assert [] == staleness.orphans(plan())


def test_chain_of_records() -> None:
    """A whole chain has no broken link; an upstream artefact that was made anew breaks it."""
    made(job())
    made(job("data/next.txt", ("data/out.txt",)))
    forget()
    assert broken_links(Path("data/next.txt")) == ()
    made(job(), "new")
    forget()

    assert broken_links(Path("data/next.txt")) == ("data/next.txt was made from another data/out.txt",)
    assert broken_links(Path("data/none.txt")) == ("data/none.txt has no record",)


def images(folder: str, *pictures: str) -> None:
    """A video kept as a folder of numbered images."""
    Path(folder).mkdir(parents=True)
    for number, picture in enumerate(pictures, 1):
        Path(folder, f"{number}.png").write_text(picture)


def test_a_folder_of_images_is_an_input() -> None:
    """A changed, added or lost image of a user's video is noticed; a hidden file beside them is no image."""
    images("clip", *"abcdefghijk")
    made(job(inputs=("clip",)))
    assert reasons() == []
    Path("clip/.thumbs.png").write_text("x")
    assert job(inputs=("clip",)).intact()
    refresh()
    Path("clip/2.png").write_text("B")
    os.utime("clip/2.png", (1, 1))
    os.utime("clip", (1, 1))

    assert reasons() == ["input changed: clip"]
    assert not job(inputs=("clip",)).intact()
    Path("clip/2.png").write_text("b")
    assert job(inputs=("clip",)).intact()
    Path("clip/11.png").unlink()
    assert not job(inputs=("clip",)).intact()


def test_a_folder_of_images_that_another_room_made() -> None:
    """The record of its maker vouches for every image; one that differs from it is refused, and found before a run."""
    before = job("raw").begin()
    images("raw/clip", *"abcdefghijk")
    images("raw/other", "z")
    before.finish()
    made(job("data/next.txt", ("raw/clip",)))
    assert broken_links(Path("data/next.txt")) == ()
    Path("raw/clip/10.png").write_text("J")
    forget()

    with pytest.raises(ArtefactError, match="raw/clip: its content is not what its record says"):
        trusted_hash(Path("raw/clip"))
    assert "input changed: raw/clip" in reasons()


def test_what_is_known_of_modules_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job parses only what changed since the plan; a damaged store, or one of other rules, is no store."""
    store, module = code.PARSED, Path("stages/run.py")
    before = code_hash([module])
    code.save_parsed(store)
    forget()
    records.start()
    with monkeypatch.context() as patch:
        patch.setattr(code, "_read", lambda _: pytest.fail("parsed again"))
        assert before == code_hash([module])
    module.write_text("x = 2\n")
    assert before != code_hash([module])
    for text in ("{", "[]", '{"by": "other", "modules": {}}'):
        store.write_text(text)
        forget()
        records.start()
        assert {} == code._parsed
        code.save_parsed(store)
        assert json.loads(store.read_text())["modules"] == {}


def test_objects_of_a_cache(tmp_path: Path) -> None:
    """Content and name agree, or the object is damaged; lists of folders count, unfinished files do not."""
    folder = tmp_path / "files/md5"
    for text, ending in (("one", ""), ("two", ".dir")):
        name = hashlib.md5(text.encode()).hexdigest()
        (folder / name[:2]).mkdir(parents=True)
        (folder / name[:2] / f"{name[2:]}{ending}").write_text(text)
    (folder / name[:2] / f"{name[2:]}.tmp").write_text("half")
    assert (2, []) == damaged(tmp_path)
    bad = folder / name[:2] / f"{name[2:]}.dir"
    bad.write_text("tow")

    assert (2, [bad]) == damaged(tmp_path)
    assert (0, []) == damaged(tmp_path / "none")


def test_code_files_follow_imports_of_this_project(tmp_path: Path) -> None:
    """The closure holds what is imported here, directly or not, also inside functions, and nothing else."""
    for name, text in {
        "stages/a.py": "import numpy\nfrom vad import b\n",
        "vad/__init__.py": "",
        "vad/b.py": "def f():\n    from vad.c import g\n",
        "vad/c.py": "",
        "vad/unused.py": "",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    forget()

    assert [p.as_posix() for p in code_files(Path("stages/a.py"))] == [
        "stages/a.py",
        "vad/__init__.py",
        "vad/b.py",
        "vad/c.py",
    ]


@pytest.mark.parametrize(("path", "text"), [(".params/slices/room/x.json", '{"a": 2}'), ("stages/run.py", "x = 2\n")])
def test_the_record_states_what_was_read_at_the_start(path: str, text: str) -> None:
    """Params or code edited while a job works: the artefact is what it was begun with, and that is stale now."""
    one = job().begin()
    Path(path).write_text(text)
    Path("data").mkdir()
    Path("data/out.txt").write_text("out")
    one.finish()

    assert 1 == len(reasons())
    assert not job().intact()


@pytest.mark.parametrize("change", ["content", "gone", "time"])
def test_an_input_that_changes_while_a_job_reads_it(change: str) -> None:
    """Nobody knows which content was read: no record is written. A new time and the same content do no harm."""
    one = job().begin()
    Path("data").mkdir()
    Path("data/out.txt").write_text("out")
    {
        "content": lambda: Path("source.txt").write_text("IN"),
        "gone": Path("source.txt").unlink,
        "time": lambda: os.utime("source.txt", (5, 5)),
    }[change]()
    if change == "time":
        one.finish()
        assert job().intact()
    else:
        with pytest.raises(ArtefactError, match=r"source\.txt: changed while a job was reading it"):
            one.finish()
        assert not Path("data/out.txt.prov.json").exists()


def test_a_missing_input_is_the_business_of_the_job() -> None:
    """The job names what is wrong with a video in its own words, before a record is asked for."""
    one = job(inputs=("absent.mp4",)).begin()
    with pytest.raises(ArtefactError, match=r"absent\.mp4: missing"):
        one.finish()
