"""The list of figures: the functions of `workflow_src.analysis.figures`, read from its source.

The Snakefile reads this list, and importing matplotlib would delay it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable)

SOURCE = Path(__file__).with_name("figures.py")
# Some figures need runs with a method that updates, a pretrained policy, or a policy that PPO
# trained.
TRAITS = ("updates", "pretraining", "finetuning")
# The attribute of a marked function.
MARK = "needed"


class ListedFigure(NamedTuple):
    """A figure.

    Attributes
    ----------
    name
        The function's name; with an ending, the names of its files.
    title
        The first line of the function's docstring.
    caption
        The paragraph below it.
    """

    name: str
    title: str
    caption: str


def only_with(trait: str) -> Callable[[Function], Function]:
    """Mark a figure that needs runs with a trait of `TRAITS`."""
    if trait not in TRAITS:
        raise ValueError(f"{trait!r} is no trait of runs; allowed: {', '.join(TRAITS)}")

    def mark(function: Function) -> Function:
        setattr(function, MARK, trait)
        return function

    return mark


def read_needed(function: Callable) -> str | None:
    """Return the trait that a figure needs, if any."""
    return getattr(function, MARK, None)


def list_figures(traits: Collection[str], source: Path = SOURCE) -> list[ListedFigure]:
    """List the figures of runs with some of `TRAITS`, in the order of the source.

    Raises
    ------
    LookupError
        A function's docstring has no paragraph below its first line.
    """
    tree = ast.parse(source.read_text(encoding="utf-8"), str(source))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [
        read_caption(function.name, ast.get_docstring(function))
        for function in functions
        if not function.name.startswith("_") and set(_list_needed(function)) <= set(traits)
    ]


def read_caption(name: str, docstring: str | None) -> ListedFigure:
    """Return a figure of which this is the function's name and docstring.

    Raises
    ------
    LookupError
        The docstring has no paragraph below its first line.
    """
    paragraphs = inspect.cleandoc(docstring or "").split("\n\n")
    if len(paragraphs) < 2 or paragraphs[1].startswith("Parameters\n"):
        raise LookupError(f"the docstring of {name} has no caption")
    title, caption = (" ".join(text.split()) for text in paragraphs[:2])
    return ListedFigure(name, title.removesuffix("."), caption)


def _list_needed(function: ast.FunctionDef) -> list[str]:
    """Return the traits that a function needs, from its decorators `only_with`."""
    return [
        ast.literal_eval(call.args[0])
        for call in function.decorator_list
        if isinstance(call, ast.Call) and ast.unparse(call.func) == only_with.__name__
    ]
