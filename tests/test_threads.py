"""Several trainings at a time, and Ctrl-C at any moment of them."""

import signal
import threading
import time
from threading import Event

import pytest

from chainrule.threads import ctrl_c_sets, in_threads


def press_ctrl_c_as_soon_as_a_thread_has_begun(monkeypatch):
    begin = threading.Thread.start

    def start(thread):
        begin(thread)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(threading.Thread, "start", start)


def test_ctrl_c_while_threads_begin_waits_for_those_that_have(monkeypatch):
    press_ctrl_c_as_soon_as_a_thread_has_begun(monkeypatch)
    interrupted = Event()

    def call(j):
        assert interrupted.wait(10)
        time.sleep(0.05)
        return j

    assert in_threads(call, 4, 2, interrupted) == {0: 0}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_any_has_begun():
    interrupted = Event()
    interrupted.set()
    with pytest.raises(KeyboardInterrupt):
        in_threads(abs, 3, 2, interrupted)


def test_another_handler_of_ctrl_c_is_left_in_place():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        with ctrl_c_sets(Event()):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]


def test_other_threads_leave_the_handler_alone():
    seen = []

    def look():
        with ctrl_c_sets(Event()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_failure_is_raised_after_the_others_have_ended():
    begun, ended = Event(), []

    def call(j):
        if j == 0:
            assert begun.wait(10)
            raise ValueError("no")
        begun.set()
        time.sleep(0.05)
        ended.append(j)

    with pytest.raises(ValueError, match="no"):
        in_threads(call, 2, 2, Event())
    assert ended == [1]
