"""Data sets with lists (UCF-Crime, XD-Violence), by default without videos."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vad.errors import DatasetError


def dataset(kind: ModuleType, root: Path, **settings: object) -> Any:
    """The data set of a folder."""
    return kind.Dataset(kind.Config.model_validate({"root": str(root), "videos": "absent"} | settings), root)


def failure(kind: ModuleType, root: Path, **settings: object) -> str:
    """The message of the one error that reading the data set gives."""
    with pytest.raises(DatasetError) as error:
        dataset(kind, root, **settings).videos()
    return str(error.value)
