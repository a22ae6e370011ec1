"""CUDA graphs: the many small kernels of a step are launched at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UP_CALLS = 3

TensorFunction = Callable[..., tuple[Tensor, ...]]


def graphed(function: TensorFunction) -> TensorFunction:
    """Record a function of CUDA tensors at its first call, and replay it from then on.

    A step of the separation is some two hundred small kernels around the network; launched one
    by one, they take longer than they run.

    Parameters
    ----------
    function : callable
        Takes CUDA tensors and returns a tuple of them. It must not look at their values on
        the host.

    Returns
    -------
    callable
        The same function, recorded once for every set of shapes. Results of different
        calls share no memory.
    """
    recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def call(*arguments: Tensor) -> tuple[Tensor, ...]:
        shapes = tuple(argument.shape for argument in arguments)
        if shapes not in recordings:
            recordings[shapes] = _Recording(function, arguments)
        return recordings[shapes].replay(arguments)

    return call


class _Recording:
    """The kernels of one call."""

    @torch.no_grad()
    def __init__(self, function: TensorFunction, arguments: tuple[Tensor, ...]) -> None:
        self._inputs = [argument.clone() for argument in arguments]
        # Libraries choose their algorithms and allocate workspace at first calls, which must
        # not be recorded; and recording needs another stream than the default one.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_CALLS):
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = function(*self._inputs)

    @torch.no_grad()
    def replay(self, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for kept, argument in zip(self._inputs, arguments, strict=True):
            kept.copy_(argument)
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)
