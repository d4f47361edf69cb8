"""Takes the steps of an agent, as the engine does if there is always room."""

from collections.abc import Callable, Iterator

from app.engine import InThread, MoreRoom, Part, Pause, Processor, Slice


def parts_of(
    agent: Processor, slice_: Slice, between: Callable[[], object] = lambda: None
) -> Iterator[Part | Pause]:
    """Yields the parts that an agent makes of a slice, and the pause in place of the last one.

    `between` is called in the middle of parts, when other tasks may run.
    """
    steps, result = agent.process(slice_), None
    while True:
        try:
            step = steps.send(result)
        except StopIteration:
            return
        result = None
        if isinstance(step, InThread):
            result = step.call()
            between()
        elif isinstance(step, MoreRoom):
            between()
        else:
            yield step
