"""Print a table of what the tests enter, by room, from the JSON of `coverage`: `python coverage_by_room.py FILE`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path, PurePosixPath

KEYS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def room(path: str) -> str:
    """Return the room a file belongs to.

    >>> room("judges/vlm/_server.py"), room("src/genspace/report/_item.py"), room("src/genspace/runner.py")
    ('judges', 'src/genspace/report', 'src/genspace')
    """
    folder = PurePosixPath(path).parent.parts
    return "/".join(folder[: 3 if folder[0] == "src" else 1])


def table(files: dict[str, dict[str, dict[str, int]]]) -> str:
    """Return the table in Markdown.

    >>> of = dict(covered_lines=9, num_statements=10, covered_branches=1, num_branches=2)
    >>> print(table({"judges/a.py": {"summary": of}, "judges/b.py": {"summary": of}}).splitlines()[2])
    | judges | 20 | 90% | 4 | 50% |
    """
    rooms: dict[str, Counter[str]] = {}
    for path, found in files.items():
        rooms.setdefault(room(path), Counter()).update({key: found["summary"][key] for key in KEYS})
    rooms["all"] = sum(rooms.values(), Counter())
    lines = ["| room | lines of code | entered | branches | taken |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, n in rooms.items():
        lines.append(
            f"| {name} | {n['num_statements']:,} | {n['covered_lines'] / max(n['num_statements'], 1):.0%} "
            f"| {n['num_branches']:,} | {n['covered_branches'] / max(n['num_branches'], 1):.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]))
