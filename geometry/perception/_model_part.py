"""What parts with a checkpoint share: runtime, fingerprint, preflight, lazy loading, freeing memory."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from genspace.checkpoints import (
    checkpoint_digest,
    checkpoint_problem,
    load_json,
    load_model,
    load_pretrained,
    local_checkpoint,
)
from genspace.errors import InputError
from genspace.geometry.perception._parts import Checkpoint, Part, PartKind, Runtime, stages_of
from genspace.records import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from torch import Tensor

__all__ = ["ModelPart", "model_kind"]


def model_kind(
    part: type[ModelPart], name: str, does: str, options: type[BaseModel], *checkpoints: Checkpoint
) -> PartKind:
    """Return the kind of a part with a model, which is called after the first of its stages."""
    stages = stages_of(part.gives)
    make = partial(part, f"{stages[0]}.{name}")
    return PartKind(stages=stages, name=name, does=does, make=make, options=options, checkpoints=checkpoints)


class ModelPart(Part):
    """A part that runs a model from a checkpoint of the Hugging Face hub or a local folder."""

    auto_class: ClassVar[str] = "AutoModel"
    """Class of transformers that loads the checkpoint."""
    model_types: ClassVar[tuple[str, ...]] = ()
    """Architectures, as transformers names them in config.json, that the part knows how to use."""
    gpu_dtype: ClassVar[str] = "float16"
    """Precision on a GPU unless the user chooses one."""
    probe: ClassVar[str] = "config.json"
    """File of the checkpoint that shows that it has been fetched."""
    version: ClassVar[int] = 1
    """Raised when the same checkpoint would give other answers than before."""

    def __init__(self, kind: str, checkpoint: Checkpoint, options: Any, runtime: Runtime) -> None:
        self.kind = kind
        self.checkpoint = checkpoint.name
        self.options = options
        self._runtime = runtime
        self._model: Any = None

    @property
    def name(self) -> str:
        """Its kind, such as "depth.zoedepth"."""
        return self.kind

    @cached_property
    def runtime(self) -> Runtime:
        """Device and precision, decided."""
        return self._runtime.resolved(gpu_dtype=self.gpu_dtype)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of kind, checkpoint, its revision, options and precision."""
        return fingerprint(
            {
                "part": self.kind,
                "version": self.version,
                **self.weights(),
                "options": self.options.model_dump(),
                "dtype": self.runtime.dtype,
            }
        )

    def weights(self) -> dict[str, str]:
        """Return what the weights are, for the fingerprint."""
        revision = checkpoint_digest(self.checkpoint, self.probe)
        return {"checkpoint": self.checkpoint, "revision": revision}

    def problem(self) -> str | None:
        """Return what is missing before the model can be loaded, with the command that mends it."""
        return checkpoint_problem(self.checkpoint, self.kind, self.probe)

    @property
    def folder(self) -> Path:
        """Folder of the checkpoint on this machine. Errors: `InputError` when it has not been fetched."""
        return local_checkpoint(self.checkpoint, self.kind, self.probe)

    @property
    def model(self) -> Any:
        """The model, loaded when first needed."""
        if self._model is None:
            self._model = self.load()
        return self._model

    def load(self) -> Any:
        """Return the model in evaluation mode on its device. Errors: `InputError` for an unknown architecture."""
        found = load_json(self.folder, "config.json").get("model_type")
        if found not in self.model_types:
            raise InputError(
                f"{self.kind}: {self.checkpoint} is a {found!r} model; known are {', '.join(self.model_types)}. "
                "Others can be added as a plugin"
            )
        return load_model(
            self.auto_class, self.folder, device=self.runtime.device, dtype=self.runtime.torch_dtype
        )

    @cached_property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer."""
        return load_pretrained("AutoTokenizer", self.folder)

    def tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return texts as tokens on the model's device, each of the full length, as SigLIP was trained."""
        tokens = self.tokenizer(
            list(texts),
            return_tensors="pt",
            padding="max_length",
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
        )
        return {name: t.to(self.runtime.device) for name, t in tokens.items() if name != "token_type_ids"}

    def close(self) -> None:
        """Free the model."""
        self._model = None
