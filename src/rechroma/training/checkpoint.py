"""Checkpoints: everything that a run needs to resume to the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from rechroma.errors import CheckpointError, SourceError
from rechroma.fs import write_atomically
from rechroma.networks.checkpoint_io import load_plain

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
_TYPES = {"recipe": dict, "step": int, "network": dict, "ema": dict, "prior": torch.Tensor}
_HINT = "'rechroma train' writes checkpoint.pt into the folder of its run (-o)."


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after `step` steps.

    Attributes:
        recipe: The recipe's values.
        step: Steps done.
        network: State of the network.
        ema: The same, averaged over the steps.
        optimizer: State of the optimizer.
        prior: (Q,) frequency of each bin in the training images.
        images_seen: Images shown so far.
        data_digest: Digest of the training images.
        adversary: State of the critic; empty without one.
        init_digest: Digest of the weights that the run began with; empty if none.
        val_digest: Digest of the validation images; empty if none.
    """

    recipe: dict[str, Any]
    step: int
    network: dict[str, torch.Tensor]
    ema: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    prior: torch.Tensor
    images_seen: int = 0
    data_digest: str = ""
    adversary: dict[str, Any] = field(default_factory=dict)
    init_digest: str = ""
    val_digest: str = ""
    format: int = FORMAT


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically: the file is always a whole one, the old or the new.

    Raises:
        TargetError: It cannot be written (access, full disk); the old one is still there.
    """

    def write(file: BinaryIO) -> None:
        try:
            torch.save(vars(checkpoint), file)
        except RuntimeError as error:
            # After a failed write torch fails again, to close its archive, and hides the reason.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    hint = "Make room or choose another folder; the run resumes from its last checkpoint."
    write_atomically(path, write, overwrite=True, durable=True, hint=hint)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without executing anything in it.

    Raises:
        SourceError: It is missing or cannot be read.
        CheckpointError: It is damaged, or of another format.
    """
    try:
        checkpoint = Checkpoint(**load_plain(path))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}", hint=_HINT) from error
    except Exception as error:  # a damaged file can lead the unpickler into any error
        raise CheckpointError(f"{path}: not a checkpoint of a training run", hint=_HINT) from error
    if checkpoint.format != FORMAT:
        raise CheckpointError(f"{path}: of format {checkpoint.format}, not {FORMAT}", hint=_HINT)
    for name, kind in _TYPES.items():
        if not isinstance(getattr(checkpoint, name), kind):
            raise CheckpointError(f"{path}: {name!r} is not a {kind.__name__}", hint=_HINT)
    return checkpoint
