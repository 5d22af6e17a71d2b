"""Several processes that train one network together, as `torchrun` starts them.

A recipe's batch is that of all processes together: each takes its share of it, gradients are
averaged in proportion, and so n processes follow the curve of one. (Where a network normalizes over
the batch, each process has statistics of its own share on a CPU; on CUDA they are taken together.)
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@dataclass(frozen=True)
class Team:
    """The place of this process among those of a run.

    Attributes:
        rank: Its number, from 0 on.
        size: How many there are.
        device: Where it computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether it is this one that writes and reports."""
        return self.rank == 0

    def joined(self, module: nn.Module) -> Any:  # noqa: ANN401 - a module, called as itself
        """The module, made so that all processes learn the same from a step."""
        if self.size == 1:
            return module
        if self.device.type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        # What is frozen, and a head without a loss, get no gradient.
        return DistributedDataParallel(module, find_unused_parameters=True)

    def mean(self, parts: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
        """The mean over all processes of figures that weigh differently in each."""
        if self.size == 1:
            return parts
        figures = torch.stack([part.float() for part in parts.values()]) * (weight / self.size)
        dist.all_reduce(figures)
        return dict(zip(parts, figures, strict=True))

    def agreed(self, decision: bool) -> bool:
        """What the leading process has decided."""
        if self.size == 1:
            return decision
        word = torch.tensor(int(decision), device=self.device)
        dist.broadcast(word, 0)
        return bool(word)


def leads() -> bool:
    """Whether this process is the only one, or the first, of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def team() -> Iterator[Team]:
    """The team of this process for as long as it trains: alone, unless `torchrun` started it."""
    device = _device()
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(device=device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device
