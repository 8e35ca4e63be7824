"""Files inside installed packages, found without importing these."""

import importlib.metadata
from pathlib import Path


def package_file(package: str, name: str) -> Path:
    """The file of an installed package that has a name, such as `xfeat.pt`.

    Args:
        package: as pip names it.
        name: of the file, without folders.

    Raises: FileNotFoundError, also when the package is not installed.
    """
    try:
        found = {path.name: Path(str(path.locate())) for path in importlib.metadata.files(package) or ()}
        return found[name]
    except (importlib.metadata.PackageNotFoundError, KeyError) as error:
        raise FileNotFoundError(f"package {package} is not installed completely ({error})") from None
