"""Addresses of models: what is wrong with one and how it is asked, without asking it."""

from __future__ import annotations

from trustkit.config import Config
from trustkit.errors import Problem


def endpoint_problems(config: Config) -> list[Problem]:
    """What is wrong with how a model behind an address is to be asked; nothing where there is no address."""
    model = config.system.model
    if not model or "://" not in model:
        return []
    from trustkit.models.endpoints import problems_of

    return problems_of(model, config.model.http.model_dump())
