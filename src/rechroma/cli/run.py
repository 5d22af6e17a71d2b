"""Working through a plan: skip what is there, color the rest, keep the account."""

from __future__ import annotations

from contextlib import closing
from errno import EDQUOT, ENOSPC
from stat import S_ISREG
from typing import TYPE_CHECKING

from rechroma.cli.inputs import Plan, Task
from rechroma.cli.signals import Stopped, held
from rechroma.cli.summary import Account, Outcome, Status, progress_bar
from rechroma.errors import TargetError, TargetExistsError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from rechroma.batch import Failure
    from rechroma.cli.request import Request
    from rechroma.colorizer import Result

_Version = tuple[int, int]


class Work:
    """A plan that is worked through, and what became of it so far."""

    def __init__(self, plan: Plan, request: Request, account: Account) -> None:
        self._plan = plan
        self._request = request
        self._account = account
        self._before: dict[Task, _Version | None] = {}  # of the targets that are still to be made

    def do(self) -> None:
        """Color what is not there yet.

        Raises:
            Stopped: The disk is full.
        """
        for missing in self._plan.missing:
            self._account.add(Outcome(missing.name, None, Status.FAILED, missing.error))
        for task in self._plan.tasks:
            self._skip_or_keep(task)
        with (
            progress_bar(len(self._before), quiet=self._request.quiet) as advance,
            closing(self._color()) as results,
        ):
            for result in results:
                with held():  # a picture is accounted for once, whenever the run is stopped
                    del self._before[Task(result.source, result.target)]
                    self._account.add(_outcome(result, self._request))
                    advance()
                if self._before and _disk_is_full(result):
                    raise Stopped(TargetError.exit_code)

    def add_finished(self) -> None:
        """Count the pictures that were in hand when the run was stopped, and were finished."""
        for task, before in self._before.items():
            if _version(task.target) not in (None, before):
                self._account.add(Outcome(str(task.source), str(task.target), Status.DONE))

    def _skip_or_keep(self, task: Task) -> None:
        before = _version(task.target)
        if before is None or self._request.overwrite:
            self._before[task] = before
        else:
            self._account.add(Outcome(str(task.source), str(task.target), Status.SKIPPED))

    def _color(self) -> Generator[Result | Failure]:
        if not self._before:
            return  # repeating a finished run need not load the model
        from rechroma.batch import colorize_many
        from rechroma.colorizer import Colorizer

        request = self._request
        colorizer = Colorizer(request.model, provider=request.provider)
        pairs = [(task.source, task.target) for task in self._before]
        yield from colorize_many(colorizer, pairs, jobs=request.jobs, **request.file_options())


def _version(target: Path) -> _Version | None:
    """What tells a file from another that replaces it; None where there is no file."""
    try:
        found = target.stat()
    except OSError:
        return None  # such as a name too long to exist; writing it will say so
    return (found.st_ino, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def _outcome(result: Result | Failure, request: Request) -> Outcome:
    from rechroma.batch import Failure

    names = (str(result.source), str(result.target))
    if not isinstance(result, Failure):
        return Outcome(
            *names,
            Status.DONE,
            seconds=result.seconds,
            width=result.width,
            height=result.height,
            had_color=result.had_color,
            pages=result.pages,
        )
    made_by_another = isinstance(result.error, TargetExistsError) and _version(result.target)
    if made_by_another and not request.overwrite:  # another run of the same command was faster
        return Outcome(*names, Status.SKIPPED)
    return Outcome(*names, Status.FAILED, result.error)


def _disk_is_full(result: Result | Failure) -> bool:
    """Whether a result could not be written for want of space, of the disk or of the user's."""
    error: BaseException | None = getattr(result, "error", None)
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
            return True
        error = error.__cause__
    return False
