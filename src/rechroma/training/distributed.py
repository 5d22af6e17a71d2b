"""Data-parallel training: the processes of one run, as `torchrun` starts them.

A recipe's batch is the global batch: each process takes its share of it, gradients are averaged in
proportion, and so n processes follow the curve of one. (Batch normalization uses the statistics of
each process's own share on a CPU; on CUDA they are synchronized.)
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
class DistContext:
    """This process among those of a run.

    Attributes:
        rank: Its number, from 0 on.
        world_size: Number of processes.
        device: Its device.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """True for the process that writes and reports."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> Any:  # noqa: ANN401 - a module, called as itself
        """Wrap a module so that its gradients are averaged over all processes."""
        if self.world_size == 1:
            return module
        if self.device.type == "cuda":
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        # Frozen parameters, and a head without a loss, get no gradient.
        return DistributedDataParallel(module, find_unused_parameters=True)

    def mean(self, values: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
        """Average scalars over all processes, where this one has the given weight."""
        if self.world_size == 1:
            return values
        stacked = torch.stack([value.float() for value in values.values()])
        stacked *= weight / self.world_size
        dist.all_reduce(stacked)
        return dict(zip(values, stacked, strict=True))

    def broadcast(self, decision: bool) -> bool:
        """Send the main process's decision to all."""
        if self.world_size == 1:
            return decision
        flag = torch.tensor(int(decision), device=self.device)
        dist.broadcast(flag, 0)
        return bool(flag)


def is_main_process() -> bool:
    """Check for the only process, or the first of those that `torchrun` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def distributed() -> Iterator[DistContext]:
    """Join the process group if `torchrun` started this process, and leave it at the end."""
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield DistContext(device=device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield DistContext(dist.get_rank(), world_size, device)
    finally:
        dist.destroy_process_group()
