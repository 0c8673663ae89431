"""CUDA graphs: the updates of an iteration are recorded once, and replayed with a single call.

At batch 64 an iteration is some hundred kernels of a few microseconds each. Launching them from Python takes ten times
as long as running them; a replay launches them all at once.
"""

import warnings
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from ganexp.data.batches import Batches

UpdateNetworks = Callable[[list[tuple[Tensor, Tensor | None]], Sequence[int], bool], dict[str, Tensor]]
"""(batches, numbers of D's updates, reporting) to scalars by tag. It may not read anything back from the device."""

WARM_UP = 2
"""How many iterations of each kind run without a graph first: libraries and optimizers allocate memory then."""


class Graphs:
    """Makes the same iterations as `update`, by replaying recorded ones.

    A graph has no branches, so each kind of iteration gets a graph of its own: kinds differ in the penalties that fall
    due, and in whether the iteration reports. Everything else that changes between iterations stands in tensors that
    the graph reads: the rows of the batches, learning rates, the state of the random generator.
    """

    def __init__(self, update: UpdateNetworks, batches: Batches, n_critic: int, kind: Callable[[int], Hashable]):
        """kind: a function from the number of an update of D to what may differ between two updates."""
        self.update, self.batches, self.kind = update, batches, kind
        device = batches.images.device
        self._rows = torch.zeros(n_critic, batches.batch_size, dtype=torch.int64, device=device)
        self._mirrored = torch.zeros(n_critic, batches.batch_size, dtype=torch.bool, device=device)
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)
        self._seen: dict[Hashable, int] = {}
        self._recorded: dict[Hashable, tuple[torch.cuda.CUDAGraph, dict[str, Tensor]]] = {}

    def __call__(self, updates: Sequence[int], reporting: bool) -> dict[str, Tensor]:
        """One iteration. The scalars are overwritten by the next iteration of the same kind."""
        for place, number in enumerate(updates):
            rows, mirrored = self.batches.rows(number)
            self._rows[place].copy_(rows)
            if mirrored is not None:
                self._mirrored[place].copy_(mirrored)
        kind = (reporting, *map(self.kind, updates))
        if kind not in self._recorded:
            seen = self._seen[kind] = self._seen.get(kind, 0) + 1
            if seen <= WARM_UP:
                return self._run_beside(updates, reporting)
            self._record(kind, updates, reporting)
        graph, scalars = self._recorded[kind]
        graph.replay()
        return scalars

    def _run_beside(self, updates: Sequence[int], reporting: bool) -> dict[str, Tensor]:
        """Without a graph, on the stream that graphs are recorded on."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            scalars = self.update(self._batches(), updates, reporting)
        torch.cuda.current_stream().wait_stream(self._stream)
        return scalars

    def _record(self, kind: Hashable, updates: Sequence[int], reporting: bool) -> None:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            scalars = {name: value.detach() for name, value in self.update(self._batches(), updates, reporting).items()}
        self._recorded[kind] = graph, scalars

    def _batches(self) -> list[tuple[Tensor, Tensor | None]]:
        mirrored = self._mirrored if self.batches.flip else [None] * len(self._rows)
        return [self.batches.select(rows, flipped) for rows, flipped in zip(self._rows, mirrored, strict=True)]


def make_capturable(optimizer: Optimizer) -> None:
    """Let a graph record the optimizer's steps: its rate and its counters become tensors on the device."""
    # torch warns of a capturable optimizer that steps without a graph, as it does while it warms up.
    warnings.filterwarnings("ignore", message=".*capturable=True.*")
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["capturable"] = True
        group["lr"] = torch.tensor(group["lr"], dtype=torch.float32, device=device)
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            if "step" in state:
                state["step"] = state["step"].to(device)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate, of a capturable optimizer too."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def portable(state: dict) -> dict:
    """The `state_dict` of an optimizer as it is without graphs. A checkpoint then opens on any device."""
    for group in state["param_groups"]:
        if isinstance(group["lr"], Tensor):
            group["lr"], group["capturable"] = group["lr"].item(), False
    return state
