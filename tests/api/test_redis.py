"""The job store in Redis as the partner of the broker: messages, attempts and the outbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rechroma.service.jobs import ImageTask, JobState, TaskResult
from rechroma.service.jobs.redis import RedisStore
from tests.api.test_job_stores import POISON, new
from tests.support.redis_and_worker import RedisServer
from tests.support.service import RESULT_INFO


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    with redis_server.client(database=1) as client:
        client.flushdb()
    store = RedisStore(f"{redis_server.url[:-1]}1", capacity=5)
    yield store
    store.close()


def begin(store: RedisStore, message: str, delivery: str = "first") -> ImageTask | None:
    return store.begin("a", 1, message, delivery, attempts=2, poison=POISON)


def test_begin_may_be_repeated_by_the_same_delivery(store: RedisStore) -> None:
    store.add(new())
    for delivery in ("first", "second"):
        task = begin(store, "one", delivery)
        assert task is not None
        for _ in range(5):  # such as after lost replies
            assert begin(store, "one", delivery) == task
    assert store.counts() == {JobState.RUNNING: 1}


def test_begin_refuses_other_messages_for_a_running_image(store: RedisStore) -> None:
    store.add(new())
    assert begin(store, "one")
    assert begin(store, "copy") is None
    assert begin(store, "copy", "second") is None
    assert not store.finish("a", 1, "copy", TaskResult(RESULT_INFO))
    assert store.finish("a", 1, "one", TaskResult(RESULT_INFO))
    assert begin(store, "one", "second") is None
    assert store.counts() == {JobState.DONE: 1}


def test_begin_fails_an_image_that_has_used_up_its_attempts(store: RedisStore) -> None:
    store.add(new())
    assert begin(store, "one")
    assert begin(store, "one", "second")
    assert begin(store, "one", "third") is None
    job = store.get("a")
    assert job is not None
    assert (job.state, job.images[0].problem) == (JobState.FAILED, POISON)
    assert job.ended is not None
    assert store.counts() == {JobState.FAILED: 1}


def test_begin_ignores_unknown_and_deleted_images(store: RedisStore) -> None:
    assert begin(store, "one") is None
    store.add(new())
    begin(store, "one")
    store.delete("a")
    assert begin(store, "one", "second") is None
    assert not store.finish("a", 1, "one", TaskResult(RESULT_INFO))
    assert store.counts() == {}


def test_requeue_lost_queues_an_image_once_its_lease_is_over(store: RedisStore) -> None:
    store.add(new())
    assert [image.job_id for image in store.unsent()] == ["a"]
    assert store.unsent() == []
    assert begin(store, "one")
    store.requeue_lost(60)
    assert store.unsent() == []
    store.requeue_lost(0)
    assert store.counts() == {JobState.QUEUED: 1}
    assert not store.finish("a", 1, "one", TaskResult(RESULT_INFO))
    assert [image.job_id for image in store.unsent()] == ["a"]
    assert begin(store, "two")
    store.requeue_lost(0)
    assert begin(store, "three") is None  # the attempts are used up
    assert store.counts() == {JobState.FAILED: 1}


def test_unconfirmed_lists_queued_images_whose_message_is_old(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(new("a", 2))
    store.unsent()
    assert store.unconfirmed() == []
    monkeypatch.setattr("rechroma.service.jobs.redis._RESEND_AFTER", 1e-6)
    begin(store, "one")
    assert [image.number for image in store.unconfirmed()] == [2]


def test_unsent_lists_images_in_order_of_submission(redis_server: RedisServer) -> None:
    with redis_server.client(database=1) as client:
        client.flushdb()
    store = RedisStore(f"{redis_server.url[:-1]}1", capacity=20)
    store.add(new("b", 11))
    store.add(new("a", 2))
    assert begin(store, "one")
    store.requeue_lost(0)
    members = [(image.job_id, image.number) for image in store.unsent()]
    assert members == [*(("b", number) for number in range(1, 12)), ("a", 2), ("a", 1)]
    assert store.unsent() == []
    store.close()
