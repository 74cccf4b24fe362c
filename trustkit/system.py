"""The system under audit: a model or none, its data, the role of each column, and what its owner declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trustkit.config import Config
from trustkit.errors import ConfigError


class System:
    """What is audited.

    Parameters
    ----------
    model : object, optional
        An estimator with ``predict``, a callable, or None where the data
        carries its decisions.
    data : data frame or path, optional
        The audited rows; a path stands for ``[data] audit``.
    config : Config, optional
        A configuration to start from; `keys` go over it.
    train : data frame or path, optional
        The training rows; a path stands for ``[data] train``.
    population : data frame or path, optional
        Shares of the people served; a path stands for ``[data] population``.
    **keys
        Keys of ``[system]`` and ``[data]``, flat, and ``documents``, a mapping.

    Raises
    ------
    ConfigError
        Everything that is wrong with the keys, at once.
    """

    def __init__(
        self,
        model: Any = None,
        data: Any = None,
        *,
        config: Config | None = None,
        train: Any = None,
        population: Any = None,
        **keys: Any,
    ) -> None:
        if isinstance(model, str):
            keys["model"], model = model, None
        if isinstance(data, str | Path):
            keys["audit"], data = str(data), None
        if isinstance(train, str | Path):
            keys["train"], train = str(train), None
        if isinstance(population, str | Path):
            keys["population"], population = str(population), None
        self.config = _with(config, keys) if config else Config.flat(keys)
        self.model = model
        self.data = data
        self.train = train
        self.population = population

    @classmethod
    def read(cls, path: str | Path) -> System:
        """Read a configuration file, or the folder that holds one."""
        return cls(config=Config.read(path))

    @property
    def folder(self) -> Path:
        """Folder that relative paths start from."""
        return self.config.folder

    def source(self, role: str) -> Any:
        """Frame or path of a role, ``audit``, ``train`` or ``population``; None where there is none."""
        given = self.data if role == "audit" else getattr(self, role)
        return getattr(self.config.data, role) if given is None else given

    def declared(self) -> dict[str, Any]:
        """Facts its owner declares, as the card shows them: no path, no object."""
        system = self.config.system.model_dump(mode="json", exclude={"model", "trust"}, exclude_none=True)
        data = self.config.data.model_dump(
            mode="json", exclude={"audit", "train", "population"}, exclude_none=True, exclude_defaults=True
        )
        return {key: value for key, value in {**system, **data}.items() if value not in ([], {})}


def _with(config: Config, keys: dict[str, Any]) -> Config:
    if not keys:
        return config
    try:
        return _over(config, Config.flat(keys, folder=config.folder))
    except ConfigError as error:
        rest = None if error.rest is None else _over(config, error.rest)
        raise ConfigError(error.problems, rest) from None


def _over(config: Config, given: Config) -> Config:
    return config.replace(
        system=given.system.model_dump(exclude_unset=True),
        data=given.data.model_dump(exclude_unset=True),
        documents=given.documents or None,
    )
