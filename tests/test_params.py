"""params.yaml: one strict loader, all problems at once, no value that two YAML dialects read differently."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vad.extractors
from tests.project import PARAMS, ROOT, Project
from vad.errors import ParamsError
from vad.models import c3d_mil
from vad.params import load
from vad.params_check import check
from vad.schedules import resolve
from vad.schema.params import Params
from vad.schema.train import Imported, WeightsFile
from vad.starts_check import known_starts

MIL = "train: {optimiser: adagrad, lr: 0.01, epochs: 2, batch: 2, select_by: video_auc, keep_epochs: 1}"
SCHEDULES = "schedules:\n  short: {optimiser: adagrad, lr: 0.5, epochs: 2, batch: 2, keep_epochs: 1}\nvariants:"
SHARED = PARAMS.replace(MIL, "train: {schedule: short, lr: 0.01}").replace("variants:", SCHEDULES, 1)
CALLER = """
import sys
from pathlib import Path
from vad.params import load
load(Path("params.yaml"), Path("resolved.json"))
sys.exit("torch" in sys.modules)
"""


def checked(text: str) -> Params:
    """The resolved params of a text, checked in this process."""
    return check("params.yaml", text)[0]


def test_shipped_params_load(capsys: pytest.CaptureFixture[str]) -> None:
    """The checked-in file is right, each variant names known data, and everything in it has an effect."""
    params = load(ROOT / "params.yaml")

    assert {v.dataset for v in params.variants.values()} <= set(params.datasets)
    assert capsys.readouterr().err == ""


def test_defaults_are_filled_in() -> None:
    """What the file leaves out has the value of the plugin's own Config."""
    params = checked(PARAMS)

    assert params.variants["mil"].model_args["bag_segments"] == 32
    assert params.features["xfeat"].model_dump()["segment_frames"] == 16


EXTRACTOR = """
from vad.extractors._base import BaseExtractor
from vad.video.decode import Rules as Config
class Extractor(BaseExtractor):
    dim = 3
    def extract(self, source): ...
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (EXTRACTOR.replace("def extract", "def extrct"), "Extractor.extrct is no hook. Did you mean 'extract'?"),
        (EXTRACTOR.replace("Rules as Config", "Rules"), "no class Config, or no class Extractor("),
        ("\nimport no_such_package\n", "line 2: ModuleNotFoundError: No module named 'no_such_package'."),
        ("x = 1\nclass Extractor(:\n", "line 2: SyntaxError: "),
        ("1 / 0\n", "line 1: ZeroDivisionError: division by zero."),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    """The file heads the message, though two entries use it; beside another mistake it is one line of the list."""
    (tmp_path / "frame_diff.py").write_text(text)
    monkeypatch.setattr(vad.extractors, "__path__", [str(tmp_path), *vad.extractors.__path__])
    monkeypatch.delitem(sys.modules, "vad.extractors.frame_diff", raising=False)
    held = "  b: {extractor: clips, vectors: {extractor: frame_diff}}\n"
    two = PARAMS.replace("features:\n", f"features:\n  a: {{extractor: frame_diff}}\n{held}")
    with pytest.raises(ParamsError) as alone:
        checked(two)
    with pytest.raises(ParamsError) as beside:
        checked(two.replace("lr: 0.01", "lrr: 0.01", 1))

    assert str(alone.value).startswith("vad/extractors/frame_diff.py: ")
    assert words in str(alone.value)
    assert str(alone.value).count("frame_diff.py") == 1
    assert "params.yaml: 3 problem(s)" in str(beside.value)
    assert "\n  - vad/extractors/frame_diff.py: " in str(beside.value)


def test_a_mistake_in_a_model_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variants have the model; the message is headed by its file."""
    monkeypatch.setattr(c3d_mil.Model, "calibrat", print, raising=False)
    with pytest.raises(ParamsError) as caught:
        checked(PARAMS)

    assert str(caught.value).startswith(
        "vad/models/c3d_mil.py: Model.calibrat: no such hook. Did you mean 'calibrate'?"
    )
    assert str(caught.value).endswith("See docs/adding-a-variant.md.")
    assert str(caught.value).count("calibrat:") == 1


def test_a_command_shows_no_traceback(tmp_path: Path) -> None:
    """A plugin with a mistake ends `vad variants` with one line, from a process that has not imported torch."""
    project = Project.new(tmp_path / "project", PARAMS.replace("extractor: xfeat", "extractor: frame_diff"))
    project.write("vad/extractors/frame_diff.py", "class Extractor(:\n")
    done = project.run("python", "-m", "vad", "variants", check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: vad/extractors/frame_diff.py: cannot be imported. line 1: SyntaxError: ")
    assert "Traceback" not in done.stderr


def test_model_args_may_be_left_out() -> None:
    """Every setting of the model has its default then."""
    assert checked(PARAMS.replace("    model_args: {}\n", "")) == checked(PARAMS)


@pytest.mark.parametrize(
    ("section", "text"), [("report", "report: {dpi: 50}\n"), ("evaluate", "evaluate:\n  bootstrap: {resamples: 50}\n")]
)
def test_sections_that_dvc_asks_for_are_required(section: str, text: str) -> None:
    """DVC stops at a section that is not in the file; an empty one gives every default."""
    assert text in PARAMS
    with pytest.raises(ParamsError, match=f"{section}: missing"):
        checked(PARAMS.replace(text, ""))

    checked(PARAMS.replace(text, f"{section}: {{}}\n"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lr: 0.01", "lr: 1e-4", "1.0e-4"),
        ("lr: 0.01", "lr: yes", "lr"),
        ("epochs: 2, batch: 2, select_by", "epochs: 012, batch: 2, select_by", "variants.mil.train.epochs"),
        ("lr: 0.01", "lr: 1:30", "variants.mil.train.lr"),
        ("lr: 0.01", "lr: '0.01'", "variants.mil.train.lr"),
        ("lr: 0.01", "lr: .nan", "variants.mil.train.lr"),
        ("lr: 0.01", "lr: .inf", "variants.mil.train.lr"),
        ("lr: 0.01", "lr: -1.0", "variants.mil.train.lr"),
        ("lr: 0.01", "lrr: 0.01", "Did you mean 'lr'?"),
        ("seeds: [0]", "seeds: []", "seeds"),
        ("seeds: [0]", "seeds: [1, 1]", "duplicate seed"),
        ("seeds: [0]", "seeds: [0]\nseeds: [1]", "duplicate"),
        ("seeds: [0]", "seed: [0]", "Did you mean 'seeds'?"),
        ("  mil:", "  'mil; touch marker':", "mil; touch marker"),
        ("  mil:", "  ../mil:", "../mil"),
        (
            "model: c3d_mil\n    model_args: {hidden",
            "model: c3d_mill\n    model_args: {hidden",
            "Did you mean 'c3d_mil'?",
        ),
        (
            "features: xfeat\n    model: c3d_mil\n    model_args: {hidden",
            "features: xfeet\n    model: c3d_mil\n    model_args: {hidden",
            "'xfeat'",
        ),
        ("hidden_width: 8}\n", "hiden_width: 8}\n", "Did you mean 'hidden_width'?"),
        ("size: 64", "siz: 64", "Did you mean 'size'?"),
        ("kind: mini_crime", "kind: mini_krime", "Did you mean 'mini_crime'?"),
        ("kind: mini_crime", "kind: Folder", "datasets.mini_crime.kind: no kind of data set called 'Folder'"),
        ("train_videos: 8", "train_videos: 7", "datasets.mini_crime.train_videos"),
        ("seeds: [0]", "seeds: &a [0]", "anchors"),
        (
            "select_by: video_auc",
            "select_by: last, patience: 2",
            "variants.mil.train: patience does not go with select_by last",
        ),
        ("{dpi: 50}", "{published: {memtsm_7: [mil]}}", "Did you mean 'memtsm_6'?"),
        ("{dpi: 50}", "{published: {memtsm_2: [mil, mil]}}", "'mil' is there twice"),
        ("{dpi: 50}", "{published: {memtsm_2: mil}}", "report.published.memtsm_2: Input should be a valid list"),
    ],
)
def test_wrong_params_are_named(old: str, new: str, words: str) -> None:
    """Each mistake is one clear error that names the place or the nearest known word."""
    assert old in PARAMS
    with pytest.raises(ParamsError) as caught:
        checked(PARAMS.replace(old, new, 1))

    assert words in str(caught.value)


def test_frames_that_have_a_score_cannot_be_dropped() -> None:
    """`first_frames: drop` is for models that predict frames from those before."""
    dropping = PARAMS.replace("infer: {video_score: max}", "infer: {first_frames: drop}")

    with pytest.raises(ParamsError, match=r"variants\.ae\.infer\.first_frames: .*scores every frame"):
        checked(dropping)


def test_whole_videos_have_no_scores_of_frames() -> None:
    """`select_by: validation_frame_auc` is for models at level frame."""
    video = started("select_by: validation_frame_auc").replace(
        "model: c3d_mil, model_args: {hidden_width: 8}", "model: stead, model_args: {level: video}"
    )
    with pytest.raises(ParamsError, match=r"variants\.tuned\.train\.select_by: validation_frame_auc needs scores of"):
        checked(video)
    checked(video.replace("level: video", "level: frame"))


def test_windows_have_no_order_of_videos() -> None:
    """`curriculum: length` is for models of whole videos."""
    ordered = PARAMS.replace("batch: 8, select_by: validation_loss}", "batch: 8, select_by: last, curriculum: length}")
    with pytest.raises(ParamsError, match=r"variants\.ae\.train\.curriculum: length orders whole videos"):
        checked(ordered)


def test_maps_need_a_model_that_has_some() -> None:
    """`infer.maps` is for models whose scores come from places in the picture."""
    mapped = PARAMS.replace("infer: {video_score: max}", "infer: {maps: true}")
    with pytest.raises(ParamsError, match=r"variants\.ae\.infer\.maps: model lstm_memory_ae has no maps behind"):
        checked(mapped)


def test_scores_of_rows_cannot_be_spread_as_bags() -> None:
    """`bag_frames: sultani_m` is for models that score bags, at level frame."""
    spread = PARAMS.replace("infer: {video_score: max}", "infer: {bag_frames: sultani_m}")
    with pytest.raises(ParamsError, match=r"variants\.ae\.infer\.bag_frames: .*no scores of bag segments"):
        checked(spread)


@pytest.mark.parametrize("old", ["video_auc", "validation_loss"])
def test_nothing_chooses_on_videos_that_nobody_holds_back(old: str) -> None:
    """With fraction 0 the last epoch is kept; every variant of the data set that chooses another one is named."""
    text = PARAMS.replace("fraction: 0.4", "fraction: 0")
    named = (
        rf"select_by: {old} chooses on videos that are held back, and datasets.mini_crime.validation.fraction: 0 holds"
    )

    with pytest.raises(ParamsError, match=named):
        checked(text)
    checked(
        text.replace("select_by: video_auc", "select_by: last").replace("select_by: validation_loss", "select_by: last")
    )
    checked(
        text.replace("select_by: video_auc", "select: {folds: 2}").replace(
            "select_by: validation_loss", "select_by: last"
        )
    )


def test_imported_weights_need_no_videos_held_back() -> None:
    """No epoch is chosen for them, and their `train` has no `select_by` that could say so."""
    text = PARAMS.replace("fraction: 0.4", "fraction: 0").replace("select_by: video_auc", "select_by: last")
    imported = f"    train: {{weights: [{{file: x.pth, sha256: {'ab' * 32}}}]}}"

    params, _ = check("params.yaml", text.replace(f"{START}}}", imported))
    assert params.variants["ae"].train.weights[0].file == "x.pth"


def test_all_problems_at_once() -> None:
    """Three mistakes in three sections: three lines in one message."""
    text = PARAMS.replace("size: 64", "siz: 64").replace("hidden_width: 8}\n", "hiden_width: 8}\n", 1)
    with pytest.raises(ParamsError) as caught:
        checked(text.replace("dataset: ucf_crime\n", "dataset: ucf_krime\n"))

    assert "3 problem(s)" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            [
                ("lr: 0.001, epochs: 2", "lr: 0.001, epoch: 2"),
                ("{optimiser: adam,", "{optimizer: adam,"),
                ("model: lstm_memory_ae", "model: lstm_memory"),
            ],
            [
                "variants.ae.train.epochs: missing",
                "variants.ae.train.epoch: unknown key. Did you mean 'epochs'?",
                "variants.ae.train.optimizer: unknown key. Did you mean 'optimiser'?",
                "variants.ae.model: no model called 'lstm_memory'. Did you mean 'lstm_memory_ae'?",
            ],
        ),
        (
            [("lr: 0.01", "lr: .nan"), ("{hidden_width: 8}\n", "{hidden_width: 8, middle_activation: rel}\n")],
            ["variants.mil.train.lr: ", "variants.mil.model_args.middle_activation: "],
        ),
        (
            [("report: {dpi: 50}", "report: {dpi: 5}"), ("size: 64", "siz: 64"), ("select_by: validation_loss", "")],
            ["report.dpi: ", "features.xfeat.siz: unknown key.", "variants.ae.train.select_by: video_auc needs"],
        ),
        (
            [("seeds: [0]", "seeds: 0"), ("kind: mini_crime", "kind: 3"), ("dataset: ucf_crime\n", "dataset: uc\n")],
            ["seeds: ", "datasets.mini_crime.kind: ", "variants.mil_ucf.dataset: no dataset called 'uc'"],
        ),
        (
            [("model_args: {hidden_width: 8}", "model_args: 3"), ("infer: {video_score: max}", "infer: [1]")],
            ["variants.mil.model_args: ", "variants.mil.infer: "],
        ),
        (
            [("features:\n  xfeat: {extractor: xfeat, size: 64}", "features: null"), ("    infer: {}\n", "")],
            ["features: ", "variants.mil_ucf.infer: missing"],
        ),
    ],
)
def test_a_wrong_shape_hides_nothing(changes: list[tuple[str, str]], words: list[str]) -> None:
    """What the plugins say stands beside what the schema says, one line each, in the same message."""
    text = PARAMS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(ParamsError) as caught:
        checked(text)
    found = str(caught.value)

    assert [word for word in words if word not in found] == []
    assert f"{len(words)} problem(s)" in found


def test_bomb_and_giant_files_are_refused(tmp_path: Path) -> None:
    """Anchors that multiply, and files over the limit, end at once with a clear error."""
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    for text in (bomb, PARAMS + "#" * 300_000, "", "- 1\n", "a: [\n"):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(ParamsError):
            load(tmp_path / "params.yaml")


def test_checked_result_is_kept_until_something_changes(tmp_path: Path) -> None:
    """The cache answers for the same text, and never for another one or when it is damaged."""
    path, cache = tmp_path / "params.yaml", tmp_path / "resolved.json"
    path.write_text(PARAMS)
    first = load(path, cache)

    assert load(path, cache) == first
    cache.write_text("{")
    assert load(path, cache) == first
    path.write_text(PARAMS.replace("seeds: [0]", "seeds: [5]"))
    assert load(path, cache).seeds == [5]


def test_the_caller_never_imports_torch(tmp_path: Path) -> None:
    """Neither a new check nor a kept result brings torch (hundreds of megabytes) into the process that loads."""
    (tmp_path / "params.yaml").write_text(PARAMS)
    run = [sys.executable, "-c", CALLER]
    new = subprocess.run(run, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False)
    first = (tmp_path / "resolved.json").read_bytes()
    kept = subprocess.run(run, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False)

    assert (new.returncode, kept.returncode) == (0, 0)
    assert (tmp_path / "resolved.json").read_bytes() == first


def test_an_error_of_the_other_process_is_the_same(tmp_path: Path) -> None:
    """The message is equal to that of a check in this process, and nothing is kept."""
    text = PARAMS.replace("lr: 0.01", "lrr: 0.01", 1)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ParamsError) as here:
        checked(text)
    done = subprocess.run(
        [sys.executable, "-c", CALLER], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )

    assert done.returncode == 1
    assert f"vad.errors.ParamsError: {here.value}\n".encode() in done.stderr
    assert not (tmp_path / "resolved.json").exists()


def test_a_schedule_is_as_if_written_out() -> None:
    """A variant has the keys of the schedule that it names; its own keys win."""
    assert SHARED != PARAMS
    assert checked(SHARED) == checked(PARAMS)
    assert not checked(SHARED).schedules


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("schedule: short", "schedule: shrot", ["variants.mil.train.schedule: no schedule called 'shrot'. Did you"]),
        ("schedule: short", "schedule: 3", ["variants.mil.train.schedule: no schedule called 3. Known: short."]),
        (
            "{optimiser: adagrad, lr: 0.5",
            "{optimizer: adagrad, lr: 0.5",
            ["schedules.short.optimizer: unknown key. Did"],
        ),
        (
            "epochs: 2, batch: 2, keep_epochs: 1}\nv",
            "epochs: 0, batch: 2}\nv",
            ["schedules.short.epochs: Input should"],
        ),
        ("epochs: 2, batch: 2, keep_epochs: 1}\nv", "batch: 2}\nv", ["variants.mil.train.epochs: missing"]),
        (
            "schedules:\n  short: {",
            "schedules:\n  ../short: {",
            ["../short", "variants.mil.train.schedule: no schedule"],
        ),
        (
            "  short: {optimiser: adagrad, lr: 0.5, epochs: 2, batch: 2, keep_epochs: 1}",
            "  short: 3",
            ["schedules.short: "],
        ),
        ("schedules:\n", "shedules:\n", ["Did you mean 'schedules'?", "variants.mil.train.schedule: no schedule"]),
        (
            "train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}",
            "train: {schedule: nope}",
            ["variants.ae.train.schedule: no schedule called 'nope'."],
        ),
        (
            "train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss}",
            "train: {schedule: short}",
            ["variants.ae.train.select_by: video_auc needs video labels"],
        ),
    ],
)
def test_a_mistake_around_a_schedule_is_said_once(old: str, new: str, problems: list[str]) -> None:
    """One line for each mistake: at the schedule if it is there, at the variant if it is in the name or the sum."""
    assert old in SHARED
    with pytest.raises(ParamsError) as caught:
        checked(SHARED.replace(old, new, 1))
    found = str(caught.value)

    assert [words for words in problems if words not in found] == []
    assert f"{len(problems)} problem(s)" in found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "lr", "train", "schedule"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(schedules=VALUES, variants=VALUES)
def test_any_shape_around_schedules_is_read(schedules: object, variants: object) -> None:
    """Whatever stands in the two sections, no schedule stays in a variant, and nothing else of it changes."""
    resolved = resolve({"schedules": schedules, "variants": variants})
    after = resolved.tree["variants"]

    if not isinstance(variants, dict):
        assert after == variants
        return
    for key, variant in variants.items():
        train = variant.get("train") if isinstance(variant, dict) else None
        if not isinstance(train, dict) or "schedule" not in train:
            assert after[key] == variant
        else:
            assert "schedule" not in after[key]["train"] or "schedule" in schedules[train["schedule"]]
            assert {k: v for k, v in train.items() if k != "schedule"}.items() <= after[key]["train"].items()


def test_rows_of_absent_variants_are_left_out_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without the shipped variants loads: tables lose those rows; a likely typing mistake is named."""
    table = "{published: {memtsm_2: [mil, c3d_mil], memtsm_3: [mil_ufc, rtfm, urdmu], gated_mnad: [mnad]}}"
    (tmp_path / "params.yaml").write_text(PARAMS.replace("{dpi: 50}", table))
    published = load(tmp_path / "params.yaml", tmp_path / "resolved.json").report.published
    said = capsys.readouterr().err

    assert (published.memtsm_2, published.memtsm_3, published.gated_mnad) == (["mil"], [], [])
    assert said == (
        "params.yaml: report.published: 5 row(s) left out, they name no variant: c3d_mil, mil_ufc (did you mean"
        " 'mil_ucf'?), rtfm and 2 more\n"
    )
    load(tmp_path / "params.yaml", tmp_path / "resolved.json")

    assert capsys.readouterr().err == ""


def test_an_absent_row_that_is_there_twice_is_an_error() -> None:
    """Two rows of one name are a mistake, whether the variant is there or not."""
    with pytest.raises(ParamsError, match=r"report\.published\.memtsm_2: 'mill' is there twice"):
        checked(PARAMS.replace("{dpi: 50}", "{published: {memtsm_2: [mill, mill]}}"))


def test_an_unused_schedule_is_named() -> None:
    """A schedule that no variant names has no effect, and a line says so."""
    _, notices = check("params.yaml", SHARED.replace("schedule: short, ", "epochs: 2, batch: 2, "))

    assert notices == ["params.yaml: schedules: 1 that no variant uses: short"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("max_corrupt_frac: 0.5", "features.xfeat: max_corrupt_frac needs policy: tolerant (strict accepts no damaged"),
        ("decoder_device: gpu", "features.xfeat: decoder_device: gpu needs decoder: dali (PyAV decodes on the CPU)"),
    ],
)
def test_settings_that_do_not_fit_together_are_said_in_one_sentence(settings: str, expected: str) -> None:
    """No prefix of pydantic's, and not the whole entry as its value."""
    with pytest.raises(ParamsError) as error:
        checked(PARAMS.replace("extractor: xfeat", f"extractor: xfeat, {settings}", 1))

    assert f"  - {expected}" in str(error.value)
    assert "Value error" not in str(error.value)
    assert ", got {" not in str(error.value)


START = "    train: {optimiser: adam, lr: 0.001, epochs: 2, batch: 8, select_by: validation_loss"


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("[{variant: nobody}]", "variants.ae.train.start.0.variant: no variant called 'nobody'"),
        ("[{variant: ae}]", "variants.ae.train.start.0.variant: ae starts from ae itself"),
        ("[{part: x}]", "variants.ae.train.start.0: a start needs either variant or file"),
        ("[{file: x.pth}]", "variants.ae.train.start.0: file and sha256 go together"),
    ],
)
def test_a_start_names_one_source_that_is_there(start: str, words: str) -> None:
    """Another variant, or a file with its sha256; no circle."""
    with pytest.raises(ParamsError, match=re.escape(words)):
        check("params.yaml", PARAMS.replace(START, f"{START}, start: {start}"))


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ("{weights: []}", "variants.ae.train.weights: List should have at least 1 item"),
        ("{weights: [{file: x.pth}]}", "variants.ae.train.weights.0.sha256: missing"),
        (
            f"{{weights: [{{file: x, sha256: {'ab' * 32}}}], lr: 0.1}}",
            "variants.ae.train.lr: unknown key. Known: device",
        ),
    ],
)
def test_given_weights_need_no_schedule(train: str, words: str) -> None:
    """Nothing is trained: a file and its sha256 are all, and settings of training would have no effect."""
    right = f"{{weights: [{{file: x.pth, sha256: {'ab' * 32}, part: keys, seed: 1}}], device: cpu}}"
    text = PARAMS.replace(f"{START}}}", f"    train: {right}")

    params, _ = check("params.yaml", text)
    assert [("x.pth", "keys", 1)] == [(f.file, f.part, f.seed) for f in params.variants["ae"].train.weights]  # type: ignore[union-attr]
    with pytest.raises(ParamsError, match=re.escape(words)):
        check("params.yaml", PARAMS.replace(f"{START}}}", f"    train: {train}"))


def started(settings: str, **changes: str) -> str:
    """params.yaml with a second variant of model c3d_mil whose training starts from `mil`."""
    second = (
        "  tuned: {dataset: mini_crime, features: xfeat, model: c3d_mil, model_args: {hidden_width: 8}, infer: {},"
        f" train: {{lr: 0.01, epochs: 2, batch: 2, {settings}}}}}\n"
    )
    text = PARAMS.replace("variants:\n", f"variants:\n{second}")
    for old, new in changes.items():
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            started("select: {folds: 2}, start: [{variant: mil}]"),
            "variants.tuned.train.select.folds: mil has been trained on videos of mini_crime that the folds hold out",
        ),
        (
            started("start: [{variant: mil}]", keep_epochs="refit: true, keep_epochs"),
            "variants.tuned.train.start: mil was trained on the whole train list of mini_crime (refit or select.folds)",
        ),
        (
            started("start: [{variant: mil}]", keep_epochs="select: {folds: 2}, keep_epochs"),
            "variants.tuned.train.start: mil was trained on the whole train list of mini_crime (refit or select.folds)",
        ),
        (
            started("start: [{variant: mil, part: stage1}]"),
            "variants.tuned.train.start.0.part: model c3d_mil has no part 'stage1'. Known: ",
        ),
        (
            started("start: [{variant: ae}]"),
            "variants.tuned.train.start.0.variant: the weights of ae do not fit the model: ",
        ),
        (
            started("start: [{variant: mil}]", **{"model_args: {hidden_width: 8}, infer": "model_args: {}, infer"}),
            "variants.tuned.train.start.0.variant: the weights of mil do not fit the model: ",
        ),
    ],
)
def test_a_start_that_breaks_what_is_held_out_or_does_not_fit_is_refused(text: str, words: str) -> None:
    """Before any extraction: weights that have seen held-out videos, and values that are not those of the model."""
    with pytest.raises(ParamsError) as caught:
        checked(text)

    assert words in str(caught.value)
    assert "1 problem(s)" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        started("start: [{variant: mil}]"),
        started("refit: true, start: [{variant: mil}]"),
        started("select: {folds: 2}, start: [{variant: mil_ucf}]", **{"model_args: {hidden_width: 8}, infer": "infer"}),
    ],
)
def test_a_start_that_saw_nothing_that_is_held_out_is_right(text: str) -> None:
    """The same fit part, or another data set."""
    assert len(checked(text).variants) == 4


def test_a_start_is_checked_with_torch(tmp_path: Path) -> None:
    """The process that knows its plugins asks for torch; the answer is the same, before and after it is known."""
    path, cache = tmp_path / "params.yaml", tmp_path / "resolved.json"
    path.write_text(PARAMS)
    load(path, cache)
    path.write_text(started("start: [{variant: ae}]"))
    with pytest.raises(ParamsError, match="the weights of ae do not fit the model"):
        load(path, cache)


def test_starts_that_fit_are_known_until_a_shape_may_change() -> None:
    """Other learning rates are no other start; another width of either variant is."""
    variants = checked(started("start: [{variant: mil}]")).model_dump(mode="json")["variants"]
    names = [known_starts(variants)]
    for change in ({"train": {**variants["tuned"]["train"], "lr": 0.5}}, {"model_args": {"hidden_width": 9}}):
        names.append(known_starts({**variants, "tuned": {**variants["tuned"], **change}}))
    names.append(known_starts({**variants, "mil": {**variants["mil"], "features": "other"}}))

    assert names[0] == names[1]
    assert len(set(names)) == 3


@pytest.mark.parametrize("start", ["5", "five", "{variant: mil}", "[5]"])
def test_a_start_of_another_form_is_named(start: str) -> None:
    """Where it stands, with the other problems of the file."""
    with pytest.raises(ParamsError, match=r"variants\.tuned\.train\.start"):
        checked(started(f"start: {start}"))


def test_weights_take_no_schedule() -> None:
    """One sentence instead of one for each key of the schedule."""
    imported = f"train: {{schedule: short, weights: [{{file: x.pth, sha256: {'ab' * 32}}}]}}"
    with pytest.raises(ParamsError) as caught:
        checked(SHARED.replace("train: {schedule: short, lr: 0.01}", imported))

    assert "variants.mil.train.schedule: weights takes no schedule" in str(caught.value)
    assert "1 problem(s)" in str(caught.value)


def test_each_part_and_seed_has_one_file() -> None:
    """Two would overwrite each other; a file of a seed goes before one for all seeds."""
    sha = "ab" * 32
    files = [WeightsFile(file=f"{name}.pth", sha256=sha, seed=seed, part=part) for name, seed, part in FILES]
    imported = Imported(weights=files)

    assert [["b.pth", "c.pth"], ["a.pth", "c.pth"]] == [[f.file for f in imported.of_seed(seed)] for seed in (1, 2)]
    text = PARAMS.replace(
        f"{START}}}", f"    train: {{weights: [{{file: x, sha256: {sha}}}, {{file: y, sha256: {sha}}}]}}"
    )
    with pytest.raises(ParamsError, match=r"variants\.ae\.train: two files of weights for the whole model and"):
        checked(text)


FILES = (("a", None, ""), ("b", 1, ""), ("c", None, "keys"))
