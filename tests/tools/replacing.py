"""Planting a bug or a trap: a method or function of the program is replaced in a worker's process."""

from inspect import Parameter, isfunction, signature
from typing import Any


def replace(owner: object, name: str, by: object) -> None:
    """Replaces an attribute of a class or module.

    Raises AttributeError if the owner does not have it, and TypeError if a function in its place cannot be
    called with the same arguments. Otherwise, after a change of the program, a bug that is planted nowhere
    would pass for one that nobody sees, and an error of the test for one that is seen.
    """
    if not hasattr(owner, name):
        raise AttributeError(f"{owner!r} has no {name} to replace")
    original = getattr(owner, name)
    if isfunction(original) and isfunction(by):
        _check_call(name, original, by)
    setattr(owner, name, by)


def _check_call(name: str, original: Any, by: Any) -> None:
    parameters = signature(original).parameters.values()
    by_position = [each for each in parameters if each.kind in _BY_POSITION]
    by_name = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    try:
        signature(by).bind(*by_position, **dict.fromkeys(by_name))
    except TypeError as problem:
        raise TypeError(f"{name} is replaced by a function with other parameters: {problem}") from None


_BY_POSITION = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
