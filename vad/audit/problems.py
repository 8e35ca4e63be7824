"""Problems of a file with one entry a video: hundreds of them are counted, the first are shown."""

from collections.abc import Mapping, Sequence

from vad.errors import listing

SHOWN = 10


def shortened(where: str, problems: Sequence[str], mend: str = "") -> str:
    """One message for all problems of a place; past `SHOWN` only their number."""
    more = len(problems) - SHOWN
    head = listing(where, problems).split("\n")[: SHOWN + 1]
    return "\n".join([*head, *([f"  ... and {more} more"] if more > 0 else []), *([mend] if mend else [])])


def by_mend(where: str, problems: Mapping[str, Sequence[str]]) -> str:
    """The same for problems of several kinds, by what mends them: one of each kind is shown at least."""
    kinds = {mend: texts for mend, texts in problems.items() if texts}
    first = [texts[0] for texts in kinds.values()]
    rest = [text for texts in kinds.values() for text in texts[1:]]
    return shortened(where, [*first, *rest], " ".join(kinds))
