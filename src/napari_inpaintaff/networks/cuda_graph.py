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
        Takes CUDA tensors, always of the same shapes and types, and returns a tuple of
        them. It must not look at their values on the host.

    Returns
    -------
    callable
        The same function. Results of different calls share no memory.
    """
    graph = torch.cuda.CUDAGraph()
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []

    @torch.no_grad()
    def record(arguments: tuple[Tensor, ...]) -> None:
        inputs.extend(argument.clone() for argument in arguments)
        # Libraries choose their algorithms and allocate workspace at first calls, which must
        # not be recorded; and recording needs another stream than the default one.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_CALLS):
                function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(graph):
            outputs.extend(function(*inputs))

    @torch.no_grad()
    def call(*arguments: Tensor) -> tuple[Tensor, ...]:
        if not inputs:
            record(arguments)
        for kept, argument in zip(inputs, arguments, strict=True):
            kept.copy_(argument)
        graph.replay()
        return tuple(output.clone() for output in outputs)

    return call
