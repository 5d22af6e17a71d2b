"""Execution of one image task, shared by all job runners; errors become problem details."""

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
        "every process that colorized the image died",
        hint="Report the error with the image attached; the job's other images are not affected.",
    )
)
"""Problem of an image whose attempts are used up: each ended with its process."""

TOO_SLOW = to_problem(
    ProcessingTimeoutError(
        "the image took too long",
        hint="Send a smaller image, or ask the operator of the service to raise the time limit.",
    )
)
"""Problem of an image that exceeded the time limit."""


def run_task(
    worker: Inference, files: FileStore, task: ImageTask, settings: Settings
) -> TaskResult:
    """Colorize an image and store the result; every error becomes a problem.

    Args:
        worker: Runs the inference.
        files: Holds the source, and receives the result.
        task: The image.
        settings: Settings of the service.
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
