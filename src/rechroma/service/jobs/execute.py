"""Execution of one image of a job, for both runners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rechroma.service.jobs.types import TaskResult
from rechroma.service.problem_details import report_problem
from rechroma.service.schemas import ResultInfo

if TYPE_CHECKING:
    from rechroma.service.inference.predictor import Inference
    from rechroma.service.jobs.protocols import FileStore
    from rechroma.service.jobs.types import ImageTask
    from rechroma.service.settings import Settings


def run_task(
    inference: Inference,
    files: FileStore,
    task: ImageTask,
    settings: Settings,
    interrupt: type[Exception] | tuple[()] = (),
) -> TaskResult:
    """Colorize an image and store the result; any error becomes a problem.

    Args:
        inference: The model, in this process or another.
        files: The uploads and results.
        task: The image.
        settings: The settings of the service.
        interrupt: An exception that interrupts arbitrary code. It is raised again, even if that
            code took it for an error of its own.
    """
    try:
        image = inference.colorize(
            files.get_source(task.job_id, task.number),
            task.request,
            max_pixels=settings.job_pixels,
            name=task.name or f"image {task.number}",
        )
        files.put_result(task.job_id, task.number, lambda file: file.write(image.content))
        return TaskResult(
            ResultInfo(
                format=image.format,
                was_color=image.was_color,
                pages=image.pages,
                damage=image.damage,
                unreadable_metadata=image.unreadable_metadata,
            )
        )
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, interrupt):
                raise cause from None
            cause = cause.__cause__ or cause.__context__
        return TaskResult(problem=report_problem(error))
