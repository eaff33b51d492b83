"""Settings: what is good is read, what is bad is told, all of it, by name."""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, SecretStr, ValidationError

from alerts.detectors.bed import BedSettings
from alerts.detectors.standard import DetectorSettings
from service.detect import range_of
from service.notify_settings import NotifySettings, WebhookSettings
from service.settings import Broker, DataSettings, MqttSettings, Settings, SettingsError, load

EXAMPLE = Path(__file__).parents[3] / "shouhu.example.toml"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "shouhu.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_an_empty_file_is_a_house_that_runs(write: Write, tmp_path: Path) -> None:
    settings = load(write(""))
    assert settings == Settings(data=DataSettings(folder=tmp_path / "shouhu-data"))


def test_defaults_need_no_file() -> None:
    settings = Settings()
    assert settings.mqtt.brokers == (Broker("127.0.0.1", 1883, tls=False),)
    assert settings.data.folder == Path("shouhu-data")
    assert str(settings.database_url) == "sqlite:///shouhu-data/shouhu.db"
    assert settings.readings_file == Path("shouhu-data/readings.db")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().http.port = 1  # type: ignore[misc]


BAD = [
    ("[htp]", 'htp: is not a known key; did you mean "http"?'),
    ("[http]\nprot = 1", 'http.prot: is not a known key; did you mean "port"?'),
    ("[spool]\nxyzzy = 1", "spool.xyzzy: is not a known key; known here: max_bytes, when_full"),
    ('[http]\nport = "80"', 'http.port: must be a whole number (got "80")'),
    ("[http]\nport = 80.5", "http.port: must be a whole number (got 80.5)"),
    ("[http]\nport = true", "http.port: must be a whole number (got true)"),
    ("[http]\nport = 0", "http.port: must be at least 1 (got 0)"),
    ("[http]\nport = 65536", "http.port: must be at most 65,535 (got 65536)"),
    ("http = 8080", "http: must be a table of keys"),
    (
        '[http]\nhost = "0.0.0.0"',
        "http.host: must be a loopback address such as 127.0.0.1: the console has no login yet, so it must not be "
        'reachable from other machines; use an SSH tunnel or a proxy that asks for a password (got "0.0.0.0")',
    ),
    (
        '[mqtt]\nbrokers = ["tcp://x:1883"]',
        'mqtt.brokers[1]: must be a URL such as "mqtt://127.0.0.1:1883" or "mqtts://broker.example:8883" '
        '(got "tcp://x:1883")',
    ),
    (
        '[mqtt]\nbrokers = ["mqtt://x", "mqtt://x:99999"]',
        'mqtt.brokers[2]: must be a URL such as "mqtt://127.0.0.1:1883" or "mqtts://broker.example:8883" '
        '(got "mqtt://x:99999")',
    ),
    (
        '[mqtt]\nbrokers = ["mqtt://user:hunter2@x"]',
        "mqtt.brokers[1]: must not hold a user or password; use mqtt.username and mqtt.password",
    ),
    ('[mqtt]\nbrokers = "mqtt://user:hunter2@x"', "mqtt.brokers: must be a list in [brackets]"),
    ("[mqtt]\nbrokers = []", "mqtt: brokers must name at least one broker"),
    ('[mqtt]\nbrokers = "mqtt://x"', "mqtt.brokers: must be a list in [brackets]"),
    (
        '[mqtt]\nclient_id = "a b"',
        'mqtt.client_id: must be 1 to 64 of the letters A-Z and a-z, digits, "_" and "-" (got "a b")',
    ),
    (
        '[mqtt]\npassword = "hunter2"',
        'mqtt.password: a secret never stands in the settings file itself: write { env = "NAME" } or { file = "path" }',
    ),
    (
        "[mqtt]\npassword = 7",
        'mqtt.password: must name where the secret is: write { env = "NAME" } or { file = "path" }',
    ),
    (
        '[mqtt]\npassword = { env = "A", file = "b" }',
        'mqtt.password: must name where the secret is: write { env = "NAME" } or { file = "path" }',
    ),
    (
        '[mqtt]\npassword = { env = "SHOUHU_TEST_NOT_SET" }',
        "mqtt.password: the environment variable SHOUHU_TEST_NOT_SET is not set or is empty",
    ),
    ('[mqtt]\npassword = { env = "SHOUHU_TEST_SECRET" }', "mqtt: has a password but no username"),
    (
        '[mqtt]\nbrokers = ["mqtts://x"]\ncert_file = "c.crt"',
        "mqtt: cert_file and key_file belong together: set both or neither",
    ),
    (
        '[mqtt]\nca_file = "ca.crt"',
        "mqtt: ca_file, cert_file and key_file are for TLS, but no broker starts with mqtts://",
    ),
    ("[mqtt]\nca_file = 1", "mqtt.ca_file: must be a path in quotes"),
    ("[mqtt]\nkeep_alive_s = 0", "mqtt.keep_alive_s: must be at least 1 (got 0)"),
    (
        '[database]\nurl = "mysql://x/y"',
        'database.url: must be a URL such as "sqlite:///shouhu.db" or "postgresql+psycopg://shouhu@127.0.0.1/shouhu"',
    ),
    (
        '[database]\nurl = "postgresql+psycopg://u:hunter2@h/d"',
        'database.url: must not hold a password; write it as database.password = { env = "NAME" }',
    ),
    ('[database]\npassword = { env = "SHOUHU_TEST_SECRET" }', "database: has a password but no url"),
    ('[store]\nkind = "csv"', 'store.kind: must be one of "sqlite", "influxdb2" or "influxdb1" (got "csv")'),
    ('[store]\nkind = "influxdb2"', 'store: kind "influxdb2" needs store.influxdb2.token'),
    (
        '[store.influxdb2]\nurl = "ftp://x"',
        'store.influxdb2.url: must be a URL that starts with "http://" or "https://"',
    ),
    ('[store.influxdb1]\ndatabase = ""', 'store.influxdb1.database: must not be empty (got "")'),
    ('[store]\nkeep_samples = "yes"', 'store.keep_samples: must be true or false (got "yes")'),
    ('[spool]\nwhen_full = "panic"', 'spool.when_full: must be one of "wait" or "drop_oldest" (got "panic")'),
    ("[spool]\nmax_bytes = 1", "spool.max_bytes: must be at least 1,000,000 (got 1)"),
    ("[quarantine]\nmax_rows = 0", "quarantine.max_rows: must be at least 1 (got 0)"),
    ('[[notify.webhook]]\nurl = "http://x"', "notify.webhook[1].name: is missing"),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\ntiemout_s = 3',
        'notify.webhook[1].tiemout_s: is not a known key; did you mean "timeout_s"?',
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\ntimeout_s = inf',
        "notify.webhook[1].timeout_s: must be a finite number (got Infinity)",
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\n[[notify.webhook]]\nname = "a"\nurl = "http://y"',
        'notify: two channels have the name "a"',
    ),
    (
        '[[notify.webhook]]\nname = "mqtt"\nurl = "http://x"',
        'notify: a channel cannot have the name "mqtt": one of the service itself has it',
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\n[[notify.apprise]]\nname = "a"\nurl = "ntfy://ward"',
        'notify: two channels have the name "a"',
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\nprivacy = "name"',
        'notify.webhook[1]: privacy and languages are for tells = "people"; a feed holds identifiers alone',
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = "http://x"\ntells = "people"\nprivacy = "all"',
        'notify.webhook[1].privacy: must be one of "none", "room", "name" or "full" (got "all")',
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = "nonsense://secret"',
        "notify.apprise[1].url: apprise knows no service of this kind; "
        "https://github.com/caronc/apprise/wiki lists the forms",
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = "wecombot://sec ret!"',
        "notify.apprise[1].url: apprise cannot use what follows wecombot://; "
        "https://github.com/caronc/apprise/wiki lists the forms",
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = "secret"',
        'notify.apprise[1].url: must be a URL of apprise such as "mailto://…" or "wecombot://…"',
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = "ntfy://ward?retry=3"',
        'notify.apprise[1].url: must not hold the option "retry": limits and repetitions are settled here',
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = { env = "SHOUHU_NOT_SET_ANYWHERE" }',
        "notify.apprise[1].url: the environment variable SHOUHU_NOT_SET_ANYWHERE is not set or is empty",
    ),
    (
        '[[notify.apprise]]\nname = "sms"\nurl = "ntfy://ward"\nretry = { first_s = 20.0, most_s = 5.0 }',
        "notify.apprise[1].retry: most_s must not be less than first_s",
    ),
    (
        '[notify.proof]\nweekday = "someday"',
        'notify.proof.weekday: must be one of "monday", "tuesday", "wednesday", "thursday", "friday", "saturday" or '
        '"sunday" (got "someday")',
    ),
    (
        '[[notify.webhook]]\nname = "a"\nurl = 3',
        'notify.webhook[1].url: must be text in quotes, or, to keep it secret, { env = "NAME" } or { file = "path" }',
    ),
    ("[detect.fal]\nx = 1", 'detect.fal: is not a known key; did you mean "fall"?'),
    ("[detect.fall]\nquiet = 1", 'detect.fall.quiet: is not a known key; did you mean "quiet_s"?'),
    ("[detect.fall]\nquiet_s = -1", "detect.fall.quiet_s: must be 0 to 604,800 (got -1)"),
    ('[detect.fall]\nquiet_s = "1"', 'detect.fall.quiet_s: must be a number (got "1")'),
    ("[detect.fall]\nquiet_s = nan", "detect.fall.quiet_s: must be a finite number (got NaN)"),
    ("[detect.early_warning]\nclear_at = 5", "detect.early_warning.clear_at: must be under medium_at, 5 (got 5)"),
    ("[detect.early_warning]\nhigh_at = 4", "detect.early_warning.high_at: must not be under medium_at, 5 (got 4)"),
    ("[detect.geofence]\nraise_nat = 0", "detect.geofence.raise_nat: must be 0.01 to 100 (got 0)"),
    (
        "[detect.vitals]\nspo2_low = { raise_at = 88, delay_s = 5 }",
        "detect.vitals.spo2_low.clear_at: is missing",
    ),
    (
        "[detect.vitals]\nspo2_low = { raise_at = 88, clear_at = 87, delay_s = 15 }",
        "detect.vitals.spo2_low.clear_at: must not be under raise_at, 88 (got 87)",
    ),
    (
        "[detect.vitals]\nheart_rate_high = { raise_at = 120, clear_at = 121, delay_s = 15 }",
        "detect.vitals.heart_rate_high.clear_at: must not be above raise_at, 120 (got 121)",
    ),
    (
        "[detect.bed]\nup_by_min = -2",
        "detect.bed.up_by_min: must be -1 to 1,439 (got -2)",
    ),
    (
        "[detect.bed]\nnight_start_min = 60\nnight_end_min = 60",
        "detect.bed.night_start_min: is the same as night_end_min, a night of no length (got 60)",
    ),
    (
        "[detect.supervision]\nbattery_low_pct = 30",
        "detect.supervision.battery_clear_pct: must not be under battery_low_pct, 30 (got 25)",
    ),
    ("[data]\nfolder = 3", "data.folder: must be a path in quotes"),
    ("[alarms]\nhold_s = -1", "alarms: hold_s must be 0 to 3,600 (got -1)"),
    (
        "[alarms]\nremind_s = { high = 1, medium = 60, low = 60 }",
        "alarms: remind_s.high must be 60 to 604,800 (got 1)",
    ),
    ("[alarms]\nshelve_most_s = { high = 60, medium = 60 }", "alarms.shelve_most_s.low: is missing"),
    ("[alarms]\nhold = 1", 'alarms.hold: is not a known key; did you mean "hold_s"?'),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_each_kind_of_error_has_its_message(
    write: Write, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setenv("SHOUHU_TEST_SECRET", "hunter2")
    assert problems(write(text)) == [message]
    assert "hunter2" not in message


def test_every_problem_is_told_at_once(write: Write) -> None:
    text = '[htp]\n[http]\nport = "x"\nhost = "::"\n[mqtt]\nkeep_alive = 3\n[spool]\nmax_bytes = -1'
    assert {problem.partition(":")[0] for problem in problems(write(text))} == {
        "htp",
        "http.host",
        "http.port",
        "mqtt.keep_alive",
        "spool.max_bytes",
    }


def test_broken_toml_is_told_with_line_and_column(write: Write) -> None:
    assert problems(write("[http]\nport = = 1\n")) == ["is not TOML: Invalid value (at line 2, column 8)"]


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == ["cannot be read: No such file or directory"]
    (tmp_path / "binary.toml").write_bytes(b"a = '\xff'")
    assert problems(tmp_path / "binary.toml") == ["is not UTF-8 text (byte 5)"]


def test_a_mark_at_the_start_of_the_file_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbf[http]\nport = 81\n")
    assert load(tmp_path / "marked.toml").http.port == 81


def test_relative_paths_start_from_the_folder_of_the_file(write: Write, tmp_path: Path) -> None:
    settings = load(write('[data]\nfolder = "d"\n[database]\nurl = "sqlite:///x/y.db"\n[store.sqlite]\nfile = "/r.db"'))
    assert settings.data.folder == tmp_path / "d"
    assert settings.database_url.database == str(tmp_path / "x" / "y.db")
    assert settings.readings_file == Path("/r.db")


def test_tls_files_must_be_there_and_of_use(write: Write, tmp_path: Path) -> None:
    text = '[mqtt]\nbrokers = ["mqtts://h"]\nca_file = "ca.crt"'
    assert problems(write(text)) == [f"mqtt: there is no file {tmp_path / 'ca.crt'}"]
    (tmp_path / "ca.crt").write_text("a certificate, once")
    (told,) = problems(write(text))
    assert told.startswith(f"mqtt: ca_file {tmp_path / 'ca.crt'} holds no certificate that can be used: ")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    assert load(write(text)).mqtt.ca_file == tmp_path / "ca.crt"


@pytest.mark.parametrize("key", ["another's", "none", "one with a password"])
def test_a_client_certificate_needs_its_own_key_without_password(write: Write, tmp_path: Path, key: str) -> None:
    authority = trustme.CA()
    mine, another = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "client.crt")
    text = '[mqtt]\nbrokers = ["mqtts://h"]\ncert_file = "client.crt"\nkey_file = "client.key"'
    keys = {"another's": another.private_key_pem.bytes(), "none": b"no key", "one with a password": locked(mine)}
    (tmp_path / "client.key").write_bytes(keys[key])
    (told,) = problems(write(text))
    files = f"cert_file {tmp_path / 'client.crt'} and key_file {tmp_path / 'client.key'}"
    assert told.startswith(f"mqtt: {files} must be a certificate and its key without password, both PEM: ")
    mine.private_key_pem.write_to_path(tmp_path / "client.key")
    assert load(write(text)).mqtt.key_file == tmp_path / "client.key"


def locked(certificate: trustme.LeafCert) -> bytes:
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a secret"))


def test_a_secret_comes_from_the_environment_or_a_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOUHU_TEST_SECRET", "hunter2")
    (tmp_path / "token").write_text("hunter3\n")
    text = """
    [mqtt]
    username = "u"
    password = { env = "SHOUHU_TEST_SECRET" }
    [store]
    kind = "influxdb2"
    [store.influxdb2]
    token = { file = "token" }
    [database]
    url = "postgresql+psycopg://u@h/d"
    password = { env = "SHOUHU_TEST_SECRET" }
    [[notify.webhook]]
    name = "w"
    url = { file = "url" }
    """
    (tmp_path / "url").write_text("https://h/hunter4")
    settings = load(write(text))
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "hunter2"
    assert settings.store.influxdb2.token is not None
    assert settings.store.influxdb2.token.get_secret_value() == "hunter3"
    assert settings.database_url.password == "hunter2"
    assert settings.notify.webhook[0].url == "https://h/hunter4"
    assert "hunter" not in repr(settings) + str(settings) + str(settings.database_url) + repr(settings.database_url)


@pytest.mark.parametrize(
    ("content", "what"), [(None, "cannot be read: No such file or directory"), (b" \n", "is empty"), (b"\xff", "text")]
)
def test_a_secret_file_of_no_use_is_told(write: Write, tmp_path: Path, content: bytes | None, what: str) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    [problem] = problems(write('[store.influxdb2]\ntoken = { file = "s" }'))
    assert problem.startswith(f"store.influxdb2.token: the secret file {tmp_path / 's'}")
    assert problem.endswith(what)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://h", Broker("h", 1883, tls=False)),
        ("mqtts://h", Broker("h", 8883, tls=True)),
        ("mqtt://[::1]:7/", Broker("::1", 7, tls=False)),
    ],
)
def test_a_broker_is_a_url(write: Write, url: str, broker: Broker) -> None:
    assert load(write(f'[mqtt]\nbrokers = ["{url}"]')).mqtt.brokers == (broker,)
    assert load(write(f'[mqtt]\nbrokers = ["{broker.url}"]')).mqtt.brokers == (broker,)


def test_settings_can_be_made_in_code() -> None:
    hook = WebhookSettings(name="w", url="http://h/x")
    mqtt = MqttSettings(brokers=(Broker("h", 1, tls=False),), username="u", password=SecretStr("p"))
    settings = Settings(mqtt=mqtt, notify=NotifySettings(webhook=(hook,)))
    assert settings.mqtt.brokers[0].host == "h"
    assert settings.notify.webhook == (hook,)


def test_ranges_of_detectors_are_told_together_with_other_mistakes(write: Write) -> None:
    assert problems(write("[htp]\n[detect.fall]\nquiet_s = -1\n[detect.bed]\nback_s = -5")) == [
        'htp: is not a known key; did you mean "http"?',
        "detect.fall.quiet_s: must be 0 to 604,800 (got -1)",
        "detect.bed.back_s: must be 0 to 604,800 (got -5)",
    ]


def test_detectors_can_be_set(write: Write) -> None:
    settings = load(write('[detect.bed]\nback_s = 30\nfall_risk = "high"\nnight_end_min = 300'))
    assert settings.detect == DetectorSettings(bed=BedSettings(back_s=30.0, fall_risk="high", night_end_min=300))
    assert isinstance(settings.detect.bed.back_s, float)


def test_every_number_of_the_detectors_has_a_range() -> None:
    def names(table: dict[str, Any]) -> Iterator[str]:
        for name, value in table.items():
            if isinstance(value, dict):
                yield from names(value)
            elif not isinstance(value, str | bool):
                yield name

    assert [name for name in names(asdict(DetectorSettings())) if range_of(name) is None] == []


def without_comment_marks(text: str) -> str:
    """The example with its commented-out settings put into force."""
    return re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.MULTILINE)


def test_the_example_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "shouhu.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(path) == Settings(data=DataSettings(folder=tmp_path / "shouhu-data"))


def test_the_example_holds_for_what_it_shows_in_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = without_comment_marks(EXAMPLE.read_text(encoding="utf-8"))
    for name in re.findall(r'env = "(SHOUHU\w+)"', text):
        monkeypatch.setenv(name, "ntfy://x/{address}" if name.endswith("_URL") else "x")
    authority = trustme.CA()
    client = authority.issue_cert("shouhu.example")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.crt")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    path = tmp_path / "shouhu.toml"
    path.write_text(text.replace('["mqtt://', '["mqtts://'), encoding="utf-8")
    settings = load(path)
    assert settings.notify.webhook[0].name == "duty-room"


def test_the_example_names_every_key_and_no_other() -> None:
    document = tomllib.loads(without_comment_marks(EXAMPLE.read_text(encoding="utf-8")))
    assert set(keys_of_document(document)) == set(keys_of_model(Settings))


def keys_of_document(table: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from keys_of_document(value[0], f"{path}{key}.")
        elif isinstance(value, dict) and not value.keys() & {"env", "file"} - ({"file"} if key == "sqlite" else set()):
            yield from keys_of_document(value, f"{path}{key}.")
        else:
            yield path + key


def keys_of_model(model: Any, path: str = "") -> Iterator[str]:
    from service.settings import _fields_of, _table_of  # the walk that names unknown keys is the one to check

    for name, annotation in _fields_of(model).items():
        table = _table_of(annotation)
        if (isinstance(table, type) and issubclass(table, BaseModel)) or (is_dataclass(table) and table is not Broker):
            assert not is_dataclass(table) or fields(table)
            yield from keys_of_model(table, f"{path}{name}.")
        else:
            yield path + name
