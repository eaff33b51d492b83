"""What every table of the settings file is, and the kinds of values that several of them have."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator

from service.secret import resolve_text


class Section(BaseModel):
    """A table of the settings file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _web_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:  # not shown: the address of a webhook is often a secret by itself
        raise ValueError('must be a URL that starts with "http://" or "https://"')
    return value


WebUrl = Annotated[str, AfterValidator(_web_url)]
SecretWebUrl = Annotated[str, PlainValidator(resolve_text), AfterValidator(_web_url)]
