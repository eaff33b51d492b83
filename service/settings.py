"""All settings: one TOML file, read once into frozen models; `Settings()` is a house that runs as it stands.

An unknown key is an error, and every problem of a file is told at once. Relative paths start from the folder of
the settings file. shouhu.example.toml shows every key.
"""

import ipaddress
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, get_args, get_type_hints
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from alerts.detectors.standard import DetectorSettings
from alerts.journal.timing import AlarmTimes
from service.alarm_times import CheckedAlarmTimes
from service.detect import CheckedDetectorSettings, DetectError, faults
from service.identifier import Identifier
from service.notify_settings import NotifySettings
from service.problems import path_of, sentence, shown, unknown
from service.secret import Secret, folder_of, resolve_text
from service.section import Section, WebUrl
from service.tls import tls_context

if TYPE_CHECKING:
    from sqlalchemy import URL

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class SettingsError(Exception):
    """The settings cannot be used; `problems` names every bad key, one line each, and the text is all of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Broker:
    """Where an MQTT broker listens."""

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        """As it is written in the settings."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker(value: object) -> Broker:
    """A broker from ``mqtt://host[:port]`` or ``mqtts://…`` (TLS); ValueError where it is not one."""
    if isinstance(value, Broker):
        return value
    text = value if isinstance(value, str) else ""
    if "@" in text:  # not shown: it holds a password
        raise ValueError("must not hold a user or password; use mqtt.username and mqtt.password")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in _PORTS or parts.path not in ("", "/") or parts.query or port == 0:
        example = '"mqtt://127.0.0.1:1883" or "mqtts://broker.example:8883"'
        raise ValueError(f"must be a URL such as {example} (got {shown(value)})")
    return Broker(host, port or _PORTS[parts.scheme], parts.scheme == "mqtts")


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must be a path in quotes")
    return folder_of(info) / Path(value).expanduser()


def _loopback(value: str) -> str:
    if value == "localhost":
        return value
    try:
        if ipaddress.ip_address(value).is_loopback:
            return value
    except ValueError:
        pass
    raise ValueError(
        "must be a loopback address such as 127.0.0.1: the console has no login yet, so it must not be reachable "
        f"from other machines; use an SSH tunnel or a proxy that asks for a password (got {shown(value)})"
    )


def _database_url(value: object, info: ValidationInfo) -> str:
    text = resolve_text(value, info)
    # Imported late: with a database in the data folder, checking settings need not load SQLAlchemy.
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend not in ("sqlite", "postgresql"):  # not shown: it may hold a password
        raise ValueError(
            'must be a URL such as "sqlite:///shouhu.db" or "postgresql+psycopg://shouhu@127.0.0.1/shouhu"'
        )
    if isinstance(value, str) and url.password is not None and info.context:
        raise ValueError('must not hold a password; write it as database.password = { env = "NAME" }')
    if backend == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(folder_of(info) / Path(url.database).expanduser()))
    return url.render_as_string(hide_password=False)


FilePath = Annotated[Path, PlainValidator(_path)]
Word = Annotated[str, Field(min_length=1, max_length=256)]
Port = Annotated[int, Field(ge=1, le=65535)]


class DataSettings(Section):
    """Where everything the service keeps on disk lies."""

    folder: FilePath = Field(default=Path("shouhu-data"), validate_default=True)


class MqttSettings(Section):
    """The session with the broker; with several brokers the next is tried when one cannot be reached."""

    brokers: tuple[Annotated[Broker, PlainValidator(parse_broker)], ...] = (Broker("127.0.0.1", 1883, tls=False),)
    username: Word | None = None
    password: Secret | None = None
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    client_id: Identifier = "shouhu"
    keep_alive_s: int = Field(default=30, ge=1, le=65535)
    session_expiry_s: int = Field(default=86_400, ge=0, le=0xFFFFFFFF)
    receive_max: int = Field(default=2_000, ge=1, le=65535)
    max_payload_bytes: int = Field(default=262_144, ge=1_024, le=268_435_455)

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if not self.brokers:
            raise ValueError("brokers must name at least one broker")
        if self.password is not None and self.username is None:
            raise ValueError("has a password but no username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: set both or neither")
        files = (self.ca_file, self.cert_file, self.key_file)
        if any(files) and not any(broker.tls for broker in self.brokers):
            raise ValueError("ca_file, cert_file and key_file are for TLS, but no broker starts with mqtts://")
        for file in files:
            if file is not None and not file.is_file():
                raise ValueError(f"there is no file {file}")
        if any(files):  # told before a service runs that can reach no broker
            tls_context(*files)
        return self


class DatabaseSettings(Section):
    """The registry and the alarm journal: SQLite in the data folder where no URL is given, or PostgreSQL."""

    url: Annotated[str, PlainValidator(_database_url)] | None = Field(default=None, repr=False)
    password: Secret | None = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if self.url is None and self.password is not None:
            raise ValueError("has a password but no url")
        return self


class SqliteStoreSettings(Section):
    """Readings in one SQLite file; without a name it is readings.db in the data folder; the oldest go when full."""

    file: FilePath | None = None
    max_bytes: int = Field(default=20_000_000_000, ge=100_000_000)


class Influxdb2Settings(Section):
    """InfluxDB 2 or anything that takes its write API."""

    url: WebUrl = "http://127.0.0.1:8086"
    org: Word = "shouhu"
    bucket: Word = "shouhu"
    token: Secret | None = None


class Influxdb1Settings(Section):
    """InfluxDB 1.x through /write."""

    url: WebUrl = "http://127.0.0.1:8086"
    database: Word = "shouhu"
    username: Word | None = None
    password: Secret | None = None


class StoreSettings(Section):
    """Where readings are kept and how long (0: for ever); `keep_samples` also keeps raw motion and bed signal."""

    kind: Literal["sqlite", "influxdb2", "influxdb1"] = "sqlite"
    keep_samples: bool = True
    keep_days: int = Field(default=90, ge=0, le=36_500)
    rollup_keep_days: int = Field(default=1_095, ge=0, le=36_500)
    sqlite: SqliteStoreSettings = SqliteStoreSettings()
    influxdb2: Influxdb2Settings = Influxdb2Settings()
    influxdb1: Influxdb1Settings = Influxdb1Settings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if 0 < self.rollup_keep_days < (self.keep_days or 36_501):
            raise ValueError("rollup_keep_days must not be less than keep_days; 0 is for ever")
        if self.kind == "influxdb2" and self.influxdb2.token is None:
            raise ValueError('kind "influxdb2" needs store.influxdb2.token')
        return self


class SpoolSettings(Section):
    """What waits on disk for the store, and what happens when it is full."""

    max_bytes: int = Field(default=2_000_000_000, ge=1_000_000)
    when_full: Literal["wait", "drop_oldest"] = "wait"


class QuarantineSettings(Section):
    """Rejected readings that are kept for reading."""

    max_rows: int = Field(default=10_000, ge=1, le=10_000_000)


class ClipSettings(Section):
    """The motion kept around falls for a nurse to judge; the oldest that nobody has judged go first."""

    most: int = Field(default=5_000, ge=1, le=1_000_000)
    max_bytes: int = Field(default=100_000_000, ge=1_000_000)


class HttpSettings(Section):
    """The console and the API; on loopback only, as there is no login yet."""

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: Port = 8080


class Settings(Section):
    """Everything that can be set."""

    data: DataSettings = DataSettings()
    mqtt: MqttSettings = MqttSettings()
    database: DatabaseSettings = DatabaseSettings()
    store: StoreSettings = StoreSettings()
    spool: SpoolSettings = SpoolSettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    clips: ClipSettings = ClipSettings()
    http: HttpSettings = HttpSettings()
    notify: NotifySettings = NotifySettings()
    alarms: CheckedAlarmTimes = AlarmTimes()
    detect: CheckedDetectorSettings = DetectorSettings()

    @property
    def database_url(self) -> "URL":
        """The database of registry and journal; as text it hides its password."""
        from sqlalchemy import URL, make_url

        if self.database.url is None:
            return URL.create("sqlite", database=str(self.data.folder / "shouhu.db"))
        url = make_url(self.database.url)
        password = self.database.password
        return url if password is None else url.set(password=password.get_secret_value())

    @property
    def readings_file(self) -> Path:
        """The file of the SQLite store."""
        return self.store.sqlite.file or self.data.folder / "readings.db"


def load(path: Path) -> Settings:
    """The settings in a TOML file; SettingsError with every problem as ``file: section.key: what is wrong``."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError((f"{path}: cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise SettingsError((f"{path}: is not UTF-8 text (byte {error.start})",)) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError((f"{path}: is not TOML: {error}",)) from error
    return validate(document, path)


def validate(document: Mapping[str, Any], path: Path) -> Settings:
    """The settings of a parsed document; `path` is named in problems and its folder is where relative paths start."""
    # Through JSON because pydantic's strict mode takes a list for a tuple there and nowhere else.
    # The data section is always there, so that the default folder, too, starts from that of the file.
    text = json.dumps({"data": {}} | dict(document), default=str)
    try:
        return Settings.model_validate_json(text, context={"folder": path.parent})
    except ValidationError as error:
        found = [(path_of(detail["loc"]), detail) for detail in error.errors()]
        problems = []
        detect: Iterable[tuple[str, str]] = ()
        table = document.get("detect")
        if isinstance(table, Mapping):  # as far as it can be judged where something else is wrong as well
            detect = [(where, what) for where, what in faults(table) if f"detect.{where}" not in dict(found)]
        for where, detail in found:
            if isinstance(fault := detail.get("ctx", {}).get("error"), DetectError):
                detect = fault.faults
            elif detail["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
                location = detail["loc"]
                problems.append(f"{path}: {where}: {unknown(str(location[-1]), known_keys(location[:-1]))}")
            else:
                problems.append(f"{path}: {where}: {sentence(detail)}")
        problems += [f"{path}: detect.{where}: {what}" for where, what in detect]
        raise SettingsError(tuple(problems)) from None


def known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at `location` of the settings file may have."""
    table: Any = Settings
    for part in location:
        if isinstance(part, str):
            table = _table_of(_fields_of(table)[part])
    return list(_fields_of(table))


def _fields_of(table: Any) -> dict[str, Any]:
    return get_type_hints(table, include_extras=True) if is_dataclass(table) else _annotations_of(table)


def _annotations_of(table: type[BaseModel]) -> dict[str, Any]:
    return {name: field.annotation for name, field in table.model_fields.items()}


def _table_of(annotation: Any) -> Any:
    """The class of a table within ``tuple[Table, ...]`` and the like."""
    while arguments := get_args(annotation):
        annotation = arguments[0]
    return annotation
