"""The deployed catalogue, read back from its JSON form in ``pgmask_private.deployment``."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

from pgmask.catalogue import model
from pgmask.catalogue.model import Catalogue
from pgmask.errors import InternalError


def catalogue_from_json(value: object) -> Catalogue:
    """The catalogue whose ``hashing.plain`` form this is; raises InternalError (PM901)."""
    try:
        found = _read(Catalogue, value)
    except (KeyError, TypeError, ValueError) as error:
        raise InternalError(
            "PM901", f"the deployed catalogue cannot be read: {type(error).__name__}",
            hint="Was it written by another version of pgmask? Run pgmask apply with this one.",
        ) from None  # fmt: skip
    assert isinstance(found, Catalogue)  # noqa: S101  _read gives what it is asked for
    return found


def _read(kind: Any, value: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _read(next(k for k in typing.get_args(kind) if k is not type(None)), value)
    if origin is tuple:
        inner = typing.get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_read(inner[0], v) for v in value)
        return tuple(_read(k, v) for k, v in zip(inner, value, strict=True))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, vars(model))
        known = {
            f.name: _read(hints[f.name], value[f.name])
            for f in dataclasses.fields(kind)
            if f.init and f.name in value
        }
        return kind(**known)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value
