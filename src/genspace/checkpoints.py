"""Checkpoints: where they are, what is missing, how to fetch them, how to load them.

Nothing is downloaded while images are judged: a missing checkpoint is said beforehand, with the command that
fetches it, and loading reads local files only. So a run that starts also ends without a network.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, MissingExtraError, optional_import

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = [
    "cache_dir",
    "checkpoint_digest",
    "checkpoint_problem",
    "fetch_from_hub",
    "is_half_precision",
    "load_json",
    "load_model",
    "load_pretrained",
    "local_checkpoint",
    "locate",
    "pick_device",
    "quiet_loading",
    "require_torch",
    "require_transformers",
]

VISION_PACKAGES = ("torchvision", "num2words")
"""What the extra `vision` brings: processors of models that also take videos need them."""
HASHED_BYTES = 1 << 20
"""Of each file in a folder so many bytes at either end are hashed; retrained weights differ there."""


def cache_dir() -> Path:
    """Return the folder for caches that are safe to delete: GENSPACE_CACHE, else the user's cache folder."""
    if folder := os.environ.get("GENSPACE_CACHE"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("genspace"))


def require_torch(needed_for: str) -> ModuleType:
    """Return the module torch. Errors: `MissingExtraError` with the install line."""
    return optional_import("torch", extra="models", needed_for=needed_for)


def require_transformers(needed_for: str) -> ModuleType:
    """Return the module transformers. Errors: `MissingExtraError` with the install line."""
    require_torch(needed_for)
    return optional_import("transformers", extra="models", needed_for=needed_for)


def pick_device(name: str) -> str:
    """Return the device to run on: the named one; for "auto" CUDA, else Apple's MPS, else the CPU."""
    torch = require_torch("running models")
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


_HUB_NAME = r"[\w.-]+/[\w.-]+(:.+)?"


def _split(name: str) -> tuple[str, str | None]:
    """Return the repository (or folder) and the single file of a checkpoint "owner/repo:file"."""
    repo, colon, file = name.partition(":")
    return repo, file if colon else None


def locate(name: str, probe: str = "config.json", *, revision: str | None = None) -> Path | None:
    """Return the local folder of a checkpoint (or its file), or None when it has not been fetched.

    A name is a folder (or file) on disk, "owner/repo" in the Hugging Face cache, or "owner/repo:file".
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    repo, file = _split(name)
    if not re.fullmatch(_HUB_NAME, name):
        return None
    hub = optional_import("huggingface_hub", extra="models", needed_for="finding checkpoints")
    found = hub.try_to_load_from_cache(repo, file or probe, revision=revision)
    if not isinstance(found, str):
        return None
    return Path(found) if file else Path(found).parent


def checkpoint_problem(
    name: str, used_by: str, probe: str = "config.json", *, revision: str | None = None
) -> str | None:
    """Return why a checkpoint cannot be loaded here, with the command to run; None when it can.

    `used_by` is the perception part or the kind of judge, as `genspace models fetch` names it.
    """
    try:
        require_transformers(used_by)
        if locate(name, probe, revision=revision) is not None:
            return None
    except MissingExtraError as error:
        return f"{used_by}: {error}"
    if re.fullmatch(_HUB_NAME, name):
        at = f"@{revision}" if revision else ""
        return (
            f"{used_by}: the checkpoint {name}{at} is not on this machine. "
            f"Fetch it with: genspace models fetch {used_by}:{name}{at}"
        )
    return (
        f"{used_by}: the checkpoint {name} is not on this machine and no such folder exists. "
        "Name a folder that holds it, or fetch a published one: genspace models list"
    )


def local_checkpoint(
    name: str, used_by: str, probe: str = "config.json", *, revision: str | None = None
) -> Path:
    """Return where a checkpoint lies on this machine.

    Errors: `InputError` with what `checkpoint_problem` says.
    """
    problem = checkpoint_problem(name, used_by, probe, revision=revision)
    found = locate(name, probe, revision=revision) if problem is None else None
    if found is None:
        raise InputError(problem or f"{used_by}: {name} has gone")
    return found


def checkpoint_digest(name: str, probe: str = "config.json", *, revision: str | None = None) -> str:
    """Return an identifier of a checkpoint's version: the hub's commit, or a digest of the local files."""
    path = locate(name, probe, revision=revision)
    if path is None:
        return "not fetched"
    snapshot = re.search(r"/snapshots/([0-9a-f]{40})(/|$)", path.as_posix())
    return snapshot.group(1) if snapshot else _files_digest(path)


def _files_digest(path: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            size = file.stat().st_size
            digest.update(f"{file.name}:{size}\n".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(HASHED_BYTES))
                stream.seek(max(0, size - HASHED_BYTES))
                digest.update(stream.read())
    return digest.hexdigest()[:16]


def is_half_precision(name: str, dtype: str, *, revision: str | None = None) -> bool:
    """Whether a checkpoint computes with 16 bits, so that its results depend on what else is in the batch.

    `dtype` is the precision asked for; "auto" is the checkpoint's own.
    """
    if dtype != "auto":
        return dtype != "float32"
    path = locate(name, revision=revision)
    config = load_json(path, "config.json") if path is not None and path.is_dir() else {}
    parts = [config, config.get("text_config") or {}]
    own = next((p[key] for p in parts for key in ("dtype", "torch_dtype") if p.get(key)), "float32")
    return str(own).removeprefix("torch.") in {"float16", "bfloat16"}


def load_json(folder: Path, file: str) -> dict[str, Any]:
    """Return a JSON file of a checkpoint, or {} when it has none."""
    import json

    path = folder / file
    if not path.is_file():
        return {}
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def load_pretrained(auto_class: str, folder: Path, **options: Any) -> Any:
    """Return `transformers.AUTO_CLASS.from_pretrained(folder)` from local files, never running a checkpoint's code.

    Errors: `InputError` for a folder that holds no such thing, `MissingExtraError` for a package that it needs.
    """
    transformers = require_transformers(f"loading {folder}")
    _check_torchvision()
    try:
        with quiet_loading():
            return getattr(transformers, auto_class).from_pretrained(folder, local_files_only=True, **options)
    except ImportError as error:
        raise _missing_package(f"{folder}", error) from None
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"{folder} cannot be loaded as {auto_class}: {said}") from None


def _missing_package(checkpoint: str, error: ImportError) -> MissingExtraError:
    """Return what to install, by the package that transformers names: of an extra, or one that a checkpoint wants."""
    said = " ".join(str(error).split())
    named = re.search(r"(?:requires the|[Pp]ackage) `?([\w-]+)`?", said)
    package = named[1].casefold() if named else error.name or "of that kind"
    if package in VISION_PACKAGES:
        return MissingExtraError(
            f"{checkpoint} needs the package {package!r}, which is not installed. "
            "Install it with: pip install 'genspace[vision]'"
        )
    return MissingExtraError(
        f"{checkpoint} needs a package {package!r} ({said[:200]}); pip install {package}"
    )


@cache
def _check_torchvision() -> None:
    """Refuse a torchvision that does not go with torch: transformers could not even be imported, and would not say why.

    Errors: `InputError`.
    """
    if find_spec("torchvision") is None:
        return
    try:
        import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:
        torch = import_module("torch")
        raise InputError(
            f"the installed torchvision does not go with torch {torch.__version__} ({' '.join(str(error).split())}). "
            "Install the two together from one index: pip install --force-reinstall torch torchvision"
        ) from None


def load_model(auto_class: str, folder: Path, *, device: str, dtype: Any) -> Any:
    """Return a transformers model in evaluation mode on a device.

    `auto_class` is the name of a class of transformers, such as "AutoModelForDepthEstimation"; `dtype` is a
    precision of torch, its name, or "auto" for the checkpoint's own. Errors: as `load_pretrained`.
    """
    model = load_pretrained(auto_class, folder, dtype=dtype)
    return model.to(device).eval().requires_grad_(requires_grad=False)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers' progress bars and notes off the terminal while a model is loaded."""
    logging: Any = import_module("transformers.utils.logging")
    verbosity = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def fetch_from_hub(name: str, revision: str | None = None) -> Path:
    """Download a checkpoint from the Hugging Face hub; whole files of an earlier try are kept.

    Errors: `InputError` with what to do when it is gated, unknown, or there is no network.
    """
    hub = optional_import("huggingface_hub", extra="models", needed_for="fetching checkpoints")
    errors = import_module("huggingface_hub.errors")
    repo, file = _split(name)
    try:
        if file:
            return Path(hub.hf_hub_download(repo, file, revision=revision))
        wanted = [
            "*.json",
            "*.txt",
            "*.model",
            "*.jinja",
            *_weights(hub.list_repo_files(repo, revision=revision)),
        ]
        return Path(hub.snapshot_download(repo, revision=revision, allow_patterns=wanted))
    except errors.GatedRepoError:
        raise InputError(
            f"{repo} is gated: accept its licence at https://huggingface.co/{repo}, "
            "then run: hf auth login, and this command again"
        ) from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{repo} is not on the Hugging Face hub (or is private: hf auth login). Is the name spelt right?"
        ) from None
    except errors.RemoteEntryNotFoundError:
        raise InputError(f"{repo} holds no file {file!r}") from None
    except errors.OfflineModeIsEnabled:
        raise InputError(
            f"{repo} was not fetched because HF_HUB_OFFLINE is set; unset it and run it again"
        ) from None
    except (OSError, getattr(errors, "HTTPError", OSError)) as error:  # httpx's errors are no OSErrors
        raise InputError(
            f"{name} could not be fetched: {str(error).splitlines()[0]}. With a network, run it again: "
            "whole files are kept."
        ) from None


def _weights(files: list[str]) -> list[str]:
    """Return the weight files to fetch: safetensors where there are any, never both formats."""
    safe = [f for f in files if f.endswith(".safetensors")]
    return safe or [f for f in files if f.endswith(".bin")]
