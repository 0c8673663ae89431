"""Where the training scalars go."""

import logging

import pytest
from pytorch_lightning.loggers.logger import DummyLogger
from toys import Looks, fit, gan

from ganexp.callbacks.scalars import Curves, LossLines, ProgressBar


class Kept(DummyLogger):
    """A logger that keeps what it is handed."""

    def __init__(self):
        super().__init__()
        self.points = []

    def log_metrics(self, metrics, step=None):
        self.points.append((step, dict(metrics)))


def test_curves_are_handed_to_the_loggers_at_their_interval_with_the_speed():
    logger, seen = Kept(), Looks(lambda gan, step: gan.scalars, every=2)
    fit(gan(), 5, Curves(2), seen, logger=logger)
    assert [step for step, _ in logger.points] == [2, 4]
    for (_, point), scalars in zip(logger.points, seen.seen, strict=True):
        assert point.pop("speed/iterations_per_second") > 0
        assert point == scalars


def test_the_losses_are_a_line_of_the_log_at_every_hundredth_iteration(caplog, monkeypatch):
    assert LossLines.every == 100
    monkeypatch.setattr(LossLines, "every", 2)
    seen = Looks(lambda gan, step: gan.scalars, every=2)
    with caplog.at_level(logging.INFO, "ganexp.losses"):
        fit(gan(), 5, LossLines(), seen)
    lines = [record.getMessage() for record in caplog.records if record.name == "ganexp.losses"]
    assert lines == [
        f"iteration {step:6d}  D {scalars['loss/discriminator']:.4f}  G {scalars['loss/generator']:.4f}"
        for step, scalars in zip((2, 4), seen.seen, strict=True)
    ]


@pytest.mark.parametrize("begin", [0, 3])
def test_the_progress_bar_counts_iterations_from_where_the_run_begins_and_shows_the_losses(capsys, tmp_path, begin):
    path = None
    if begin:
        path = tmp_path / "begin.ckpt"
        fit(gan(), begin).trainer.save_checkpoint(path)
    bar = ProgressBar()
    trained = fit(gan(), 6, bar, Looks(lambda gan, step: None, every=2), checkpoint=path)
    assert (bar.train_progress_bar.n, bar.train_progress_bar.total) == (6, 6)
    assert bar.train_progress_bar.initial == begin
    d, g = (trained.scalars[f"loss/{network}"] for network in ("discriminator", "generator"))
    assert bar.train_progress_bar.postfix == f"D={d:.3f}, G={g:.3f}"
