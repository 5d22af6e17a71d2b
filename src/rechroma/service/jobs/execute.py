"""What every runner does with a picture: colors it, and puts in words why it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.errors import InternalError, RechromaError
from rechroma.service.errors import PoisonImageError, ProcessingTimeoutError
from rechroma.service.jobs.types import TaskResult
from rechroma.service.problems import report_problem, to_problem
from rechroma.service.schemas import ResultInfo

if TYPE_CHECKING:
    from rechroma.service.inference.predictor import Inference
    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.types import ImageTask
    from rechroma.service.settings import Settings

POISON = to_problem(
    PoisonImageError(
        "each process that colored the picture ended",
        hint="Send the picture's file with a report; the others of the job are not touched.",
    )
)
"""What is said of a picture that was begun as often as it may be."""

TOO_SLOW = to_problem(
    ProcessingTimeoutError(
        "the picture took too long",
        hint="Send a smaller picture; the owner of the service may raise the limit.",
    )
)
"""What is said of a picture that took its time and more."""


def run_task(
    worker: Inference, files: FileStore, task: ImageTask, settings: Settings
) -> TaskResult:
    """Color a picture and keep its result; whatever goes wrong becomes a problem.

    Args:
        worker: Colorizes it.
        files: Where it lies, and where its result goes.
        task: The picture.
        settings: Of the service.
    """
    try:
        image = worker.colorize(
            files.get_source(task.job_id, task.number),
            task.request,
            max_pixels=settings.job_pixels,
            name=task.name or f"image {task.number}",
        )
        files.put_result(task.job_id, task.number, lambda file: file.write(image.content))
        return TaskResult(
            ResultInfo(format=image.format, had_color=image.had_color, pages=image.pages)
        )
    except RechromaError as error:
        return TaskResult(problem=report_problem(error))
    except Exception as error:
        return TaskResult(problem=report_problem(InternalError.from_exception(error)))
