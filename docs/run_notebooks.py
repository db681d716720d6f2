"""Run the notebooks of docs/notebooks and store their outputs.

Run: python docs/run_notebooks.py. tests/test_notebooks.py runs them again and looks for the same outputs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOKS = sorted((Path(__file__).resolve().parent / "notebooks").glob("*.ipynb"))


def executed(path: Path) -> Any:
    """Return the notebook with fresh outputs; a cell that fails raises its error."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    # What one cell prints may arrive in several messages, by chance: they are joined.
    client = NotebookClient(notebook, timeout=240, record_timing=False, coalesce_streams=True)
    return client.execute(cwd=str(path.parent))


def texts(notebook: Any) -> Iterator[str]:
    """Yield the text of every output: what is printed, and results in words."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                yield output.text
            elif "data" in output:
                yield output.data.get("text/plain", "")


def main() -> None:
    """Run and write all."""
    import nbformat

    for path in NOTEBOOKS:
        notebook = executed(path)
        notebook.metadata = {
            k: v for k, v in notebook.metadata.items() if k in {"kernelspec", "language_info"}
        }
        nbformat.write(notebook, path)
        print(f"{path.name}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
