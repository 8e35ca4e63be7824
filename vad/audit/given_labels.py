"""Findings about a vector of frame labels that came with scores: its order, its convention, classes left out."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from vad.audit.findings import Case, Finding
from vad.audit.orders import LENGTHS, LabelsRead, read_labels, read_video_labels, split
from vad.errors import ArtefactError
from vad.evaluation.ground_truth import Convention, fit_scores
from vad.evaluation.thresholds import area

FEW = 0.01
"""Share of frames whose label may differ from that of their video, where labels are said to be at video level."""


def label_findings(labels: Int[np.ndarray, "frames"], case: Case, order: Sequence[str] | None) -> list[Finding]:
    """What the labels are consistent with, and which area results where scores and labels are joined by position.

    Args:
        labels: 0 or 1 for each frame, all test videos one after the other.
        case: the scores.
        order: of a score vector, the video ids in the order in which it was read; None for scores by video.

    Raises: ArtefactError for labels other than 0 and 1.
    """
    if not np.isin(labels, (0, 1)).all():
        raise ArtefactError("labels: values other than 0 and 1. Give one label for each frame, 1 = anomalous.")
    official = case.official
    own = {} if order is None else {"of the scores": tuple(order)}
    orders = {**own, **official.orders()}
    read, by_video = read_labels(labels, official, orders), read_video_labels(labels, official, orders)
    if read is None:
        totals = {name: sum(Convention(length=name).frames(n) for n in official.n_frames.values()) for name in LENGTHS}
        known = ", ".join(f"{name} {total:,}" for name, total in totals.items())
        text = f"{len(labels):,} labels fit no convention of {official.name} ({known}): they cannot be cut into videos"
        return [Finding("labels_length", text, {"labels": len(labels)})]
    if by_video is not None and by_video.differ < min(read.differ, FEW * len(labels)):
        return [_video_level(labels, by_video, read), *_joined(labels, case, by_video, order)]
    if 2 * read.differ > len(labels):
        text = f"labels seem inverted (1 = normal): {read.differ:,} of {len(labels):,} differ from the official files"
        return [Finding("labels_inverted", text, {"differ": read.differ})]
    return [_which(labels, read), *_partial(read), *_joined(labels, case, read, order)]


def _video_level(labels: Int[np.ndarray, "frames"], read: LabelsRead, nearest: LabelsRead) -> Finding:
    """The finding that every frame has the label of its video."""
    evidence = {
        "labels": len(labels),
        "positive": int(labels.sum()),
        "differ": read.differ,
        "order": read.order,
        "length": read.rules.length,
        "differ_from_frame_labels": nearest.differ,
    }
    text = (
        f"labels are the video's label on every frame, in the order '{read.order}', length {read.rules.length}: "
        f"{len(labels):,} frames, {int(labels.sum()):,} positive, {read.differ:,} differ from that. No convention has "
        f"such labels: {nearest.differ:,} differ from the nearest. Areas with them say how well videos are separated"
    )
    return Finding("labels_video_level", text, evidence)


def _which(labels: Int[np.ndarray, "frames"], read: LabelsRead) -> Finding:
    """The order and the convention that the labels follow best."""
    rule = f"{read.rules.interval}, length {read.rules.length}"
    evidence = {
        "labels": len(labels),
        "positive": int(labels.sum()),
        "differ": read.differ,
        "order": read.order,
        "interval": str(read.rules.interval),
        "length": read.rules.length,
    }
    text = (
        f"labels are nearest to {rule}, in the order '{read.order}': {len(labels):,} frames, {int(labels.sum()):,} "
        f"positive, {read.differ:,} differ from the official files"
    )
    text += " in the annotated classes" if read.absent() else ""
    return Finding("labels_convention", text, evidence)


def _partial(read: LabelsRead) -> list[Finding]:
    """The finding that some classes are not annotated; empty where all or none are."""
    absent = read.absent()
    if not absent or len(absent) == len(read.per_class):
        return []
    found, right = (sum(pair[i] for pair in read.per_class.values()) for i in (0, 1))
    kept = [name for name in read.per_class if name not in absent]
    text = (
        f"labels seem partial: only {', '.join(kept)} are annotated, {found:,} positive frames instead of {right:,}. "
        f"Not annotated: {', '.join(absent)}"
    )
    return [Finding("labels_partial", text, {"positive": found, "official": right, "classes": kept})]


def _joined(
    labels: Int[np.ndarray, "frames"], case: Case, read: LabelsRead, order: Sequence[str] | None
) -> list[Finding]:
    """`frame_auc` with these labels, joined by video id and, for a vector, by position."""
    if set(read.ids) != set(case.frames):
        return []
    by_id = split(labels, read.ids, {v: read.rules.frames(n) for v, n in case.official.n_frames.items()})
    scores = {v: fit_scores(frames, read.rules) for v, frames in case.frames.items()}
    joined = _area(scores, by_id, read.ids, read.ids)
    evidence: dict[str, float | str] = {"frame_auc_by_id": joined}
    if order is None or tuple(order) == read.ids:
        return [Finding("labels_area", f"with these labels, joined by video: frame_auc {joined:.4f}", evidence)]
    position = _area(scores, by_id, order, read.ids)
    text = (
        f"seems mis-ordered: scores and labels are in two orders. By position frame_auc {position:.4f}, "
        f"joined by video {joined:.4f}"
    )
    return [Finding("labels_order", text, evidence | {"frame_auc_by_position": position, "labels_in": read.order})]


def _area(
    scores: Mapping[str, Float[np.ndarray, "frames"]],
    labels: Mapping[str, Int[np.ndarray, "frames"]],
    scores_in: Sequence[str],
    labels_in: Sequence[str],
) -> float:
    """`frame_auc` of scores and labels that are concatenated in two orders of the videos."""
    joined = np.concatenate([scores[v] for v in scores_in])
    return area(joined, np.concatenate([labels[v] for v in labels_in]) == 1)
