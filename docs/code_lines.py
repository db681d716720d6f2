"""Count lines of code: neither blank, nor comment, nor docstring.

Run: python docs/code_lines.py. Prints one line per top-level folder, tests last, and the sum of the product.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("analysis", "geometry", "human_study", "judges", "src")
OTHERS = ("benchmarks", "docs", "examples", "tests")
LAYOUT = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def code_lines(source: str) -> int:
    r"""Return the number of lines of code in a module's source.

    >>> code_lines("# a greeting\n\nprint(\n    'hello'\n)")
    3
    """
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                documentation.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documentation)


def counted(root: Path = ROOT) -> Counter[str]:
    """Return the lines of code of each top-level folder."""
    found: Counter[str] = Counter()
    for folder in (*PRODUCT, *OTHERS):
        for path in (root / folder).rglob("*.py"):
            found[folder] += code_lines(path.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Print the counts."""
    found = counted()
    for folder, lines in found.items():
        print(f"{folder:<12} {lines:>7,}")
    print(f"{'product':<12} {sum(found[f] for f in PRODUCT):>7,}")


if __name__ == "__main__":
    main()
