"""`rida bench`: finds a measurement in the checkout's bench folder and prints what it returns."""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from rida.kernel.errors import BenchMissing

_FILES = {"import": "import_", "sign": "signing"}


def run_bench(name: str, arguments: Sequence[str], *, as_json: bool) -> None:
    """bench/NAME.py has `measure(*arguments) -> dict` of plain figures."""
    try:
        module = importlib.import_module(f"bench.{_FILES.get(name, name)}")
    except ModuleNotFoundError as error:
        raise BenchMissing(name=name) from error
    show(module.measure(*arguments), as_json=as_json)


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
        return
    width = max(map(len, figures), default=0)
    for key, value in figures.items():
        click.echo(f"{key:<{width}}  {value:,.2f}" if isinstance(value, float) else f"{key:<{width}}  {value}")
