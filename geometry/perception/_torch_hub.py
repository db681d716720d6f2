"""Models that live only in a torch.hub repository, pinned to a commit.

torch.hub runs the repository's own code; the commit pins which. Nothing is fetched while images are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from genspace.checkpoints import require_torch
from genspace.errors import InputError, MissingExtraError
from genspace.geometry.perception._model_part import ModelPart
from genspace.geometry.perception._parts import Checkpoint, Runtime


@dataclass(frozen=True, kw_only=True)
class TorchHubSource:
    """A repository that torch.hub can load models from."""

    repository: str
    commit: str
    packages: tuple[str, ...]
    """Packages that its code imports beyond torch."""
    extra: str | None = None
    """The extra of genspace that installs them."""
    weights: Mapping[str, str]
    """Entry point to its weights, relative to torch.hub's folder."""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Return which packages are missing, with the command that installs them; None: none."""
        missing = [p for p in self.packages if find_spec(p) is None]
        if not missing:
            return None
        what = f"'genspace[{self.extra}]'" if self.extra else " ".join(_PYPI.get(p, p) for p in missing)
        return f"needs {', '.join(missing)}. Install with: pip install {what}"

    def folder(self) -> Path:
        """Return where torch.hub keeps the repository at this commit, whether or not it is there."""
        torch = require_torch(f"the torch.hub repository {self.repository}")
        return Path(torch.hub.get_dir()) / f"{self.repository.replace('/', '_')}_{self.commit}"

    def weights_file(self, entry: str) -> Path:
        """Return where the entry point keeps its weights. Errors: `InputError` for an unknown entry point."""
        if entry not in self.weights:
            raise InputError(f"{self.repository} has no model {entry!r}; known: {', '.join(self.weights)}")
        return self.folder().parent / self.weights[entry]

    def load(self, entry: str) -> Any:
        """Return the model. Missing files are downloaded."""
        torch = require_torch(f"the torch.hub repository {self.repository}")
        return torch.hub.load(
            f"{self.repository}:{self.commit}",
            entry,
            trust_repo=True,
            skip_validation=True,
            verbose=False,
            **self.arguments,
        )


class TorchHubPart(ModelPart):
    """A part whose model comes from torch.hub."""

    gpu_dtype = "float32"

    def __init__(
        self, kind: str, source: TorchHubSource, checkpoint: Checkpoint, options: Any, runtime: Runtime
    ) -> None:
        super().__init__(kind, checkpoint, options, runtime)
        self.source = source

    def weights(self) -> dict[str, str]:
        """Return repository, commit and entry point, for the fingerprint."""
        source = self.source
        return {"repository": source.repository, "commit": source.commit, "entry": self.checkpoint}

    def problem(self) -> str | None:
        """Return what is missing, with the command that mends it."""
        try:
            weights = self.source.weights_file(self.checkpoint)
        except MissingExtraError as error:
            return f"{self.kind}: {error}"
        if missing := self.source.missing():
            return f"{self.kind} ({self.source.repository}) {missing}"
        if not (self.source.folder().is_dir() and weights.is_file()):
            return (
                f"{self.kind}: {self.source.repository} at {self.source.commit[:7]} is not on this machine. "
                f"Fetch it with: genspace models fetch {self.kind}:{self.checkpoint}"
            )
        return None

    def load(self) -> Any:
        """Return the model in evaluation mode on its device."""
        model = self.source.load(self.checkpoint)
        return model.to(self.runtime.device).eval()


_PYPI = {"cv2": "opencv-python-headless"}
"""Import name to package name, where they differ."""


def fetch_torch_hub(source: TorchHubSource, checkpoint: Checkpoint) -> None:
    """Download a repository and the weights of one of its models.

    Errors: `InputError` with what to do when a package is missing or there is no network.
    """
    if missing := source.missing():
        raise InputError(f"{source.repository} {missing}")
    source.weights_file(checkpoint.name)
    try:
        source.load(checkpoint.name)
    except OSError as error:
        raise InputError(
            f"{source.repository} could not be fetched: {error}. With a network, run it again"
        ) from None
