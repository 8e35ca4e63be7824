"""Published ROC curves: MATLAB files with `X` (false positive rates), `Y` (true positive rates) and perhaps `AUC`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.io import loadmat, whosmat

from vad.errors import ArtefactError


@dataclass(frozen=True, eq=False)
class PublishedRoc:
    """The points of a curve, and the area that its file states."""

    fpr: Float[np.ndarray, "points"]
    tpr: Float[np.ndarray, "points"]
    stated: float | None
    """None = the file states no area."""

    @property
    def area(self) -> float:
        """Area of the trapezoids under the points."""
        return float(np.trapezoid(self.tpr, self.fpr))


def is_roc(path: Path) -> bool:
    """Whether a MATLAB file has the variables of a curve."""
    try:
        with path.open("rb") as stream:
            return {"X", "Y"} <= {name for name, *_ in whosmat(stream)}
    except Exception:  # `read_roc` says what is wrong
        return True


def read_roc(path: Path) -> PublishedRoc:
    """Read a published curve.

    Raises: ArtefactError when the file holds no points inside the unit square with rising false positive rates.
    """
    remedy = "Give a MATLAB file with X, Y and AUC, or a score file."
    try:
        with path.open("rb") as stream:
            held = loadmat(stream)
    except Exception as error:  # scipy's reader raises errors of every kind
        raise ArtefactError(f"{path}: cannot be read as a MATLAB file ({error}). {remedy}") from error
    if absent := [name for name in ("X", "Y") if name not in held]:
        raise ArtefactError(f"{path}: no {' and no '.join(absent)} inside. {remedy}")
    # Some files store Y as unsigned integers, whose differences would wrap around.
    x, y = (np.asarray(held[name], float).ravel() for name in ("X", "Y"))
    inside = all(len(v) > 1 and np.isfinite(v).all() and v.min() >= 0 and v.max() <= 1 for v in (x, y))
    if not inside or len(x) != len(y) or (np.diff(x) < 0).any():
        raise ArtefactError(f"{path}: X and Y are not the points of one ROC curve. {remedy}")
    stated = np.asarray(held.get("AUC", []), float).ravel()
    return PublishedRoc(x, y, float(stated[0]) if len(stated) else None)
