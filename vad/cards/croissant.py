"""Croissant metadata (JSON-LD) of tables that the project makes itself: what other tools read about a data set.

Paper: Croissant format specification 1.0, MLCommons, http://mlcommons.org/croissant/1.0
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
MIT = "https://spdx.org/licenses/MIT.html"
VERSION = "1.0.0"
"""Of the metadata; what was generated from which settings is in the records."""
CITATION = "VAD Ledger: reproducible video anomaly detection. VAD Ledger developers. MIT licence."
TYPES = {"text": "sc:Text", "integer": "sc:Integer", "boolean": "sc:Boolean"}
_TERMS = (
    *("citeAs", "column", "dct:conformsTo", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform", "equivalentProperty"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term.partition(":")[2] or term: term if ":" in term else f"cr:{term}" for term in _TERMS},
}


class Column(NamedTuple):
    """A column of a CSV file: its name, its type (a key of `TYPES`), what it means."""

    name: str
    kind: str
    meaning: str


class Table(NamedTuple):
    """A CSV file: a name of letters, where it lies relative to the metadata file, its sha256, what a row is."""

    name: str
    path: str
    sha256: str
    meaning: str
    columns: Sequence[Column]


def metadata(
    name: str, description: str, tables: Sequence[Table], about: Mapping[str, str], media: Mapping[str, str]
) -> dict[str, Any]:
    """The metadata of a data set.

    Args:
        name: of the data set.
        description: what it is, in one or two sentences.
        tables: its CSV files, each of which is a set of records.
        about: terms of Croissant's vocabulary for responsible AI, such as `dataLimitations`, with their texts.
        media: where its pictures or videos lie, as a pattern of paths relative to the metadata file -> MIME type.

    Returns: a document of plain JSON types.
    """
    files = [
        {
            "@type": "cr:FileObject",
            "@id": f"{table.name}.csv",
            "name": f"{table.name}.csv",
            "description": table.meaning,
            "contentUrl": table.path,
            "encodingFormat": "text/csv",
            "sha256": table.sha256,
        }
        for table in tables
    ]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"media-{number}",
            "name": f"media-{number}",
            "description": "The files that the tables name.",
            "encodingFormat": mime,
            "includes": pattern,
        }
        for number, (pattern, mime) in enumerate(media.items(), 1)
    ]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": description,
        "license": MIT,
        "creator": {"@type": "sc:Organization", "name": "VAD Ledger developers"},
        "citeAs": CITATION,
        "version": VERSION,
        **{f"rai:{term}": text for term, text in about.items()},
        "distribution": [*files, *sets],
        "recordSet": [_records(table) for table in tables],
    }


def _records(table: Table) -> dict[str, Any]:
    """The rows of a table as a set of records."""
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{table.name}/{column.name}",
            "name": column.name,
            "description": column.meaning,
            "dataType": TYPES[column.kind],
            "source": {"fileObject": {"@id": f"{table.name}.csv"}, "extract": {"column": column.name}},
        }
        for column in table.columns
    ]
    head = {"@type": "cr:RecordSet", "@id": table.name, "name": table.name, "description": table.meaning}
    return {**head, "field": fields}
