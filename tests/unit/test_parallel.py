"""Parallel work: order, laziness and errors."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from rechroma.parallel import map_in_order


def slow_double(number: int) -> int:
    time.sleep(0.002 * (number % 3))
    return 2 * number


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_results_have_the_order_of_the_items(threads: int, count: int) -> None:
    results = map_in_order(slow_double, range(count), threads)
    assert list(results) == [2 * number for number in range(count)]


@pytest.mark.parametrize("threads", [1, 2])
def test_few_items_are_taken_ahead(threads: int) -> None:
    taken = itertools.count()
    results = map_in_order(slow_double, taken, threads)
    assert [next(results) for _ in range(10)] == list(range(0, 20, 2))
    results.close()
    assert next(taken) <= 10 + 2 * threads + 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_ends_the_results_before_it(threads: int) -> None:
    def items() -> Iterator[int]:
        yield from (1, 2, 0, 4)

    results = map_in_order(lambda number: 8 // number, items(), threads)
    assert [next(results), next(results)] == [8, 4]
    with pytest.raises(ZeroDivisionError):
        next(results)
