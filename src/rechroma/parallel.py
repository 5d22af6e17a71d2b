"""Parallel work on the parts of an image, in threads and with bounded memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

STRIP_PIXELS = 64_000
"""Pixels of a strip: it fits the cache, and from 65536 on OpenCV starts threads of its own."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int
) -> Generator[_Result]:
    """Call a function for each item in threads, and yield the results in the order of the items.

    Unlike `Executor.map`, it takes few items ahead of the result that is asked for, so that few
    results wait in memory.

    Args:
        function: Releases the GIL for most of its time, or there is no gain.
        items: Consumed lazily.
        threads: With one, the function is called in the caller's thread.
    """
    if threads == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
