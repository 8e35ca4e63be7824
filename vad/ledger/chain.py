"""Whether the chain of records behind an artefact is whole: decides which rows a report prints."""

from functools import cache
from pathlib import Path

from vad.artefacts.files import read_json
from vad.ledger.records import SUFFIX, find_record, record_path, recorded_hash


@cache
def broken_links(artefact: Path) -> tuple[str, ...]:
    """Where the chain of records behind an artefact is broken: one line per link, none if it is whole.

    Follows the records only (small files): that the files are still what their records say is checked by the
    room that read them, and by `vad verify`.
    """
    path = record_path(artefact)
    if not path.is_file():
        return (f"{artefact} has no record",)
    record = read_json(path)
    section = Path(record["section"]["path"])
    found = (
        []
        if section.is_file() and read_json(section) == record["section"]["content"]
        else [f"{artefact} was made with other params"]
    )
    for name, used in record["inputs"].items():
        made_by = find_record(Path(name))
        if made_by is not None:
            if recorded_hash(made_by, Path(name)) != used:
                found.append(f"{artefact} was made from another {name}")
            found += broken_links(made_by.with_name(made_by.name.removesuffix(SUFFIX)))
    return tuple(dict.fromkeys(found))
