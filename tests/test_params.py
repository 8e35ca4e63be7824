"""params.yaml: one strict loader, all problems at once, no value that two YAML dialects read differently."""

from pathlib import Path

import pytest

from tests.project import PARAMS, ROOT
from vad.errors import ParamsError
from vad.params import load


def load_text(folder: Path, text: str) -> None:
    """Load params.yaml with this text."""
    path = folder / "params.yaml"
    path.write_text(text)
    load(path)


def test_shipped_params_load() -> None:
    """The checked-in file is right, and each variant names known data, features and model."""
    params = load(ROOT / "params.yaml")

    assert {v.dataset for v in params.variants.values()} <= set(params.datasets)


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """What the file leaves out has the value of the plugin's own Config."""
    (tmp_path / "params.yaml").write_text(PARAMS)
    params = load(tmp_path / "params.yaml")

    assert params.variants["mil"].model_args["bag_segments"] == 32
    assert params.features["xfeat"].model_dump()["segment_frames"] == 16


@pytest.mark.parametrize(
    ("section", "text"), [("report", "report: {dpi: 50}\n"), ("evaluate", "evaluate:\n  bootstrap: {resamples: 50}\n")]
)
def test_sections_that_dvc_asks_for_are_required(tmp_path: Path, section: str, text: str) -> None:
    """DVC stops at a section that is not in the file; an empty one gives every default."""
    assert text in PARAMS
    with pytest.raises(ParamsError, match=f"{section}: missing"):
        load_text(tmp_path, PARAMS.replace(text, ""))

    load_text(tmp_path, PARAMS.replace(text, f"{section}: {{}}\n"))


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
        ("{dpi: 50}", "{published: {memtsm_7: [mil]}}", "Did you mean 'memtsm_6'?"),
        ("{dpi: 50}", "{published: {memtsm_2: [mill]}}", "report.published.memtsm_2: no variant called 'mill'. Did"),
        ("{dpi: 50}", "{published: {memtsm_2: [mil, mil]}}", "'mil' is there twice"),
        ("{dpi: 50}", "{published: {memtsm_2: mil}}", "report.published.memtsm_2: Input should be a valid list"),
    ],
)
def test_wrong_params_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Each mistake is one clear error that names the place or the nearest known word."""
    assert old in PARAMS
    with pytest.raises(ParamsError) as caught:
        load_text(tmp_path, PARAMS.replace(old, new, 1))

    assert words in str(caught.value)


def test_frames_that_have_a_score_cannot_be_dropped(tmp_path: Path) -> None:
    """`first_frames: drop` is for models that predict frames from those before."""
    dropping = PARAMS.replace("infer: {video_score: max}", "infer: {first_frames: drop}")

    with pytest.raises(ParamsError, match=r"variants\.ae\.infer\.first_frames: .*scores every frame"):
        load_text(tmp_path, dropping)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Three mistakes in three sections: three lines in one message."""
    text = PARAMS.replace("size: 64", "siz: 64").replace("hidden_width: 8}\n", "hiden_width: 8}\n", 1)
    with pytest.raises(ParamsError) as caught:
        load_text(tmp_path, text.replace("dataset: ucf_crime\n", "dataset: ucf_krime\n"))

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
def test_a_wrong_shape_hides_nothing(tmp_path: Path, changes: list[tuple[str, str]], words: list[str]) -> None:
    """What the plugins say stands beside what the schema says, one line each, in the same message."""
    text = PARAMS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(ParamsError) as caught:
        load_text(tmp_path, text)
    found = str(caught.value)

    assert [word for word in words if word not in found] == []
    assert f"{len(words)} problem(s)" in found


def test_bomb_and_giant_files_are_refused(tmp_path: Path) -> None:
    """Anchors that multiply, and files over the limit, end at once with a clear error."""
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    for text in (bomb, PARAMS + "#" * 300_000, "", "- 1\n", "a: [\n"):
        with pytest.raises(ParamsError):
            load_text(tmp_path, text)


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
