"""Error messages for files with one entry for each video: hundreds of problems are counted, the first are listed."""

from collections.abc import Mapping, Sequence

from vad.errors import listing

LISTED = 10


def short_listing(where: str, problems: Sequence[str], remedy: str = "") -> str:
    """One message for all problems of a place; after the first `LISTED` only their number."""
    more = len(problems) - LISTED
    head = listing(where, problems).split("\n")[: LISTED + 1]
    return "\n".join([*head, *([f"  ... and {more} more"] if more > 0 else []), *([remedy] if remedy else [])])


def short_listing_by_remedy(where: str, problems: Mapping[str, Sequence[str]]) -> str:
    """One message for problems of several kinds, grouped by what to do about them; lists at least one of each kind."""
    kinds = {remedy: texts for remedy, texts in problems.items() if texts}
    first = [texts[0] for texts in kinds.values()]
    rest = [text for texts in kinds.values() for text in texts[1:]]
    return short_listing(where, [*first, *rest], " ".join(kinds))


def shorten(words: Sequence[str], most: int = 5) -> str:
    """The first words of a list, separated by commas, and how many more there are."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
