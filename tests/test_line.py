"""What import-linter cannot see: foreign keys by name, and the column that keeps workspaces apart."""

import tomllib
from pathlib import Path

from django.apps import apps
from django.db import models

ROOT = Path(__file__).parent.parent
INSTALLATION_WIDE = {
    *("User", "FirstLogin", "LoginFailure", "Workspace"),
    *("Network", "Site", "Domain", "Source", "Allowance", "Budget", "HoldEntry"),
    "Checkpoint",
}
"""docs/decisions.md §1 says why."""


def line() -> list[str]:
    """The stages, earliest first, as the contract has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [stage.strip(" ()") for layer in reversed(layers) for stage in layer.replace(":", "|").split("|")]


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("rida.")]


def stage(model: type[models.Model]) -> int:
    return line().index(model.__module__.split(".")[1])


def test_every_foreign_key_points_to_the_same_or_an_earlier_stage() -> None:
    backwards = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and field.related_model.__module__.startswith("rida.")
        and stage(field.related_model) > stage(model)
    ]
    assert our_models()
    assert backwards == []


def test_every_table_carries_its_workspace() -> None:
    without = {
        model.__name__
        for model in our_models()
        if not any(field.name == "workspace" for field in model._meta.get_fields() if isinstance(field, models.Field))
    }
    assert without - INSTALLATION_WIDE == set()
