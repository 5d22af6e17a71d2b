"""Checkpoints: all that a run needs to go on to the same numbers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from rechroma.errors import CheckpointError
from rechroma.fs import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
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
        prior: (Q,) how often each bin occurs in the training pictures.
        seen: Pictures shown so far.
        pictures: A digest of which pictures the run learns from.
        adversary: State of the critic, empty where there is none.
        origin: A digest of the weights that the run began with, empty where it began with none.
        measured: A digest of which pictures it is measured on, empty where it is not.
    """

    recipe: dict[str, Any]
    step: int
    network: dict[str, torch.Tensor]
    ema: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    prior: torch.Tensor
    seen: int = 0
    pictures: str = ""
    adversary: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
    measured: str = ""
    format: int = FORMAT


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        TargetError: It cannot be written (access, full disk); the old one is still there.
    """

    def save(file: BinaryIO) -> None:
        try:
            torch.save(vars(checkpoint), file)
        except RuntimeError as error:
            # After a failed write torch fails once more, to close its archive, and says only that.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None

    hint = "Make room or choose another folder; the run continues from its last checkpoint."
    write_atomically(path, save, overwrite=True, hint=hint)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing in the file is executed.

    Raises:
        CheckpointError: It is missing, damaged, or of another format.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**values)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}", hint=_HINT) from error
    except (RuntimeError, EOFError, TypeError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of a training run", hint=_HINT) from error
    if checkpoint.format != FORMAT:
        raise CheckpointError(f"{path}: of format {checkpoint.format}, not {FORMAT}")
    return checkpoint
