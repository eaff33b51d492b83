"""Secrets stand in the environment or in a file of their own, never among the settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import PlainValidator, SecretStr, ValidationInfo

_HOW: Final = 'write { env = "NAME" } or { file = "path" }'


def folder_of(info: ValidationInfo) -> Path:
    """The folder relative paths start from: that of the settings file, or the working folder where there is none."""
    folder = (info.context or {}).get("folder")
    return folder if isinstance(folder, Path) else Path()


def resolve(value: object, info: ValidationInfo) -> SecretStr:
    """The secret a table names; ValueError, which never shows a secret, where it cannot be had."""
    match value:
        case SecretStr():
            return value
        case str():
            raise ValueError(f"a secret never stands in the settings file itself: {_HOW}")
        case {"env": str(name), **others} if not others:
            secret = os.environ.get(name, "")
            if not secret:
                raise ValueError(f"the environment variable {name} is not set or is empty")
        case {"file": str(name), **others} if not others:
            secret = _read(folder_of(info) / Path(name).expanduser())
        case _:
            raise ValueError(f"must name where the secret is: {_HOW}")
    return SecretStr(secret)


def _read(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the secret file {path} is not UTF-8 text") from error
    if not secret:
        raise ValueError(f"the secret file {path} is empty")
    return secret


def resolve_text(value: object, info: ValidationInfo) -> str:
    """Text that may be secret: as it stands, or as the table says where it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return resolve(value, info).get_secret_value()
    raise ValueError(f"must be text in quotes, or, to keep it secret, {_HOW.removeprefix('write ')}")


Secret = Annotated[SecretStr, PlainValidator(resolve)]
