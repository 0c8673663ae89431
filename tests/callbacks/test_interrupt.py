"""Signals end a run with everything saved."""

import os
import signal
import threading
import time

import pytest
from toys import Looks, fit, gan

from ganexp.callbacks.interrupt import Interrupt
from ganexp.processes import interruption
from ganexp.processes.interruption import signals

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers():
    """A training puts the handlers back that it found."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    after = {number: signal.getsignal(number) for number in HANDLED}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def sent(*numbers: signal.Signals, at: int = 3, apart: float = 0.0) -> Looks:
    """A callback that sends these signals to this process after one iteration."""

    def send(gan, step):
        for number in numbers if step == at else ():
            os.kill(os.getpid(), number)
            time.sleep(apart)

    return Looks(send)


@pytest.mark.parametrize("number", HANDLED)
def test_a_signal_ends_the_training_after_the_iterations_under_way(number):
    trained = fit(gan(), 100, sent(number), Interrupt())
    assert interruption.received() == number and trained.global_step == 3


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_just_after_the_first_does_not_disturb_the_saving(second):
    ended = Looks(None)
    ended.end = lambda gan, step: ended.seen.append(step)
    ended.every = 0
    fit(gan(), 100, sent(signal.SIGINT, second, apart=0.01), Interrupt(), ended)
    assert interruption.received() == signal.SIGINT and ended.seen == [3]


def test_a_second_signal_after_long_ends_the_process_at_once(monkeypatch):
    monkeypatch.setattr("ganexp.processes.interruption.PATIENCE", 0.0)
    with pytest.raises(SystemExit):
        fit(gan(), 100, sent(signal.SIGTERM, signal.SIGTERM, apart=0.01), Interrupt())
    assert interruption.received() == signal.SIGTERM


def test_a_run_under_nohup_goes_on_when_its_terminal_is_closed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        trained = fit(gan(), 5, sent(signal.SIGHUP), Interrupt())
        assert interruption.received() is None and trained.global_step == 5
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_slurm_s_early_warning_ends_a_run_too(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert signals() == [*HANDLED]
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert signals() == [*HANDLED, signal.SIGUSR1]


def test_a_run_in_a_thread_trains_without_handlers():
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(fit(gan(), 3, Interrupt()).global_step))
    thread.start()
    thread.join()
    assert done == [3]
