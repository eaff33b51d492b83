"""``shouhu config``: looking at settings before they are used."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from service.cli.running import SettingsOption, load_settings, told

if TYPE_CHECKING:
    from service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Look at the settings.")


@app.command()
def check(settings: SettingsOption = None) -> None:
    """Say "ok" and what will be used, or everything that is wrong with a settings file.

    Secrets are looked up but never shown. Nothing is connected to.

    Example: shouhu config check --settings shouhu.toml
    """
    with told():
        found, path = load_settings(settings)
        from rich.console import Console
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in rows(found):
            table.add_row(name, value)
        # Wide where it is not a terminal, so that what is piped on is not broken into lines.
        console = Console()
        console = console if console.is_terminal else Console(width=200)
        console.print(table, markup=False)
        console.print(f"ok: {path}" if path else "ok: no shouhu.toml here, these are the defaults", markup=False)


def rows(settings: "Settings") -> Iterator[tuple[str, str]]:
    """What will be used, a line each: name and value, secrets as "set" or "not set"."""
    mqtt, store = settings.mqtt, settings.store
    yield "data folder", str(settings.data.folder.absolute())
    yield "brokers", ", ".join(broker.url for broker in mqtt.brokers)
    yield "client id", mqtt.client_id
    yield "broker user", f"{mqtt.username or 'none'}, password {_set(mqtt.password)}"
    if any(broker.tls for broker in mqtt.brokers):
        yield "TLS", f"CA {mqtt.ca_file or 'of the system'}, client certificate {mqtt.cert_file or 'none'}"
    yield "database", str(settings.database_url)
    yield "readings", _store(settings)
    yield "raw samples", "kept" if store.keep_samples else "not kept"
    yield "readings kept", f"{_days(store.keep_days)}, hourly roll-ups {_days(store.rollup_keep_days)}"
    yield "spool", f"at most {settings.spool.max_bytes:,} bytes, when full: {settings.spool.when_full}"
    yield "quarantine", f"at most {settings.quarantine.max_rows:,} rejected readings"
    yield "clips", f"at most {settings.clips.most:,} and {settings.clips.max_bytes:,} bytes"
    yield "console", f"http://{settings.http.host}:{settings.http.port}"
    for hook in settings.notify.webhook:
        # Of the address only the host: the rest of it is often a secret.
        tells = "calls people" if hook.tells == "people" else "every alarm"
        yield f"webhook {hook.name}", f"{tells}, {urlsplit(hook.url).hostname}, secret {_set(hook.secret)}"
    for one in settings.notify.apprise:
        # Of the address only the service: all else may be secret.
        service, where = (
            one.url.partition("://")[0],
            "each to their own address" if "{address}" in one.url else "one place",
        )
        yield f"channel {one.name}", f"{service}, {where}, privacy {one.privacy}"
    if settings.notify.people:
        proof = settings.notify.proof
        yield "weekly proof", f"{proof.weekday} from {proof.hour}:00" if proof.enabled else "off"
    yield "alarm feed", "on" if settings.notify.mqtt.feed else "off"
    yield "answers to buttons", "on" if settings.notify.mqtt.commands else "off"


def _store(settings: "Settings") -> str:
    store = settings.store
    match store.kind:
        case "sqlite":
            return f"SQLite {settings.readings_file.absolute()}"
        case "influxdb2":
            two = store.influxdb2
            return f"InfluxDB 2 {two.url} org {two.org} bucket {two.bucket}, token {_set(two.token)}"
        case "influxdb1":
            one = store.influxdb1
            user = f"user {one.username or 'none'}, password {_set(one.password)}"
            return f"InfluxDB 1 {one.url} database {one.database}, {user}"


def _days(days: int) -> str:
    return f"{days:,} days" if days else "for ever"


def _set(secret: Any) -> str:
    return "not set" if secret is None else "set"
