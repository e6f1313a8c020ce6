"""Work of several threads, in order."""

import threading
import time

import pytest

from sklux._commands.overlap import N_AHEAD, N_WAITING, WriterThread, in_order


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("n_items", [0, 1, 2, 20])
def test_in_order(n_threads, n_items):
    """Later items are ready first, and wait for their turn."""

    def work(number):
        time.sleep(0.01 if number % 3 == 0 else 0)
        return -number

    found = list(in_order(iter(range(n_items)), work, n_threads))
    assert found == [(number, -number) for number in range(n_items)]


def test_in_order_works_at_the_same_time():
    both = threading.Barrier(2, timeout=30)
    assert len(list(in_order(iter(range(4)), lambda _: both.wait(), 2))) == 4


def test_in_order_holds_few_items():
    taken, n_found = [], 0

    def read():
        for number in range(50):
            taken.append(number)
            yield number

    for number, _ in in_order(read(), abs, 2):
        time.sleep(0.001)
        assert len(taken) <= number + 1 + 2 + N_AHEAD + 1
        n_found += 1
    assert n_found == len(taken) == 50


@pytest.mark.parametrize("is_reader", [True, False])
def test_in_order_raises_an_error_in_its_place(is_reader):
    """What was read before the error comes before it."""

    def read():
        for number in range(9):
            if is_reader and number == 5:
                raise OSError(5, "damaged")
            yield number

    def work(number):
        time.sleep(0.01)
        if not is_reader and number == 5:
            raise OSError(5, "damaged")
        return number

    found = []
    with pytest.raises(OSError, match="damaged"):
        for number, _ in in_order(read(), work, 3):
            found.append(number)
    assert found == [0, 1, 2, 3, 4]


def test_in_order_stops_when_nobody_wants_more():
    done = []

    def work(number):
        time.sleep(0.01)
        done.append(number)

    made = in_order(iter(range(1000)), work, 2)
    assert next(made)[0] == 0
    made.close()
    n_done = len(done)
    assert n_done <= 2 + N_AHEAD + 1
    time.sleep(0.05)
    assert len(done) == n_done


def test_writer_thread_does_all_tasks_in_order():
    done, threads = [], set()
    with WriterThread() as writer:
        for number in range(3 * N_WAITING):
            writer.submit(done.append, number)
            writer.submit(lambda: threads.add(threading.get_ident()))
    assert done == list(range(3 * N_WAITING))
    assert len(threads) == 1 and threading.get_ident() not in threads


@pytest.mark.parametrize("n_after", [1, 10])
def test_writer_thread_does_nothing_after_an_error(n_after):
    done = []

    def fail():
        time.sleep(0.01)
        raise OSError(28, "No space")

    with pytest.raises(OSError, match="No space"), WriterThread() as writer:
        writer.submit(done.append, 0)
        writer.submit(fail)
        for number in range(n_after):
            writer.submit(done.append, number)
    assert done == [0]


def test_writer_thread_ends_its_tasks_after_an_error_elsewhere():
    done = []
    with pytest.raises(KeyError, match="elsewhere"), WriterThread() as writer:
        writer.submit(time.sleep, 0.01)
        writer.submit(done.append, 0)
        raise KeyError("elsewhere")
    assert done == [0]
