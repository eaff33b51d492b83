"""``shouhu demo``, ``replay``, ``evaluate`` and ``load``: trying the service without a device in the house."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from service.cli.running import LogLevel, LogOption, SettingsOption, load_settings, run_until_stopped, set_up_log, told

app = typer.Typer()

_BROKER: Final = "mqtt://127.0.0.1:1883"
#: A password is not an option: the list of processes would show it.
_PASSWORD: Final = "SHOUHU_MQTT_PASSWORD"

BrokerOption = Annotated[str, typer.Option("--broker", metavar="URL", help="The broker, mqtt:// or mqtts://.")]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--username", metavar="NAME", help=f"Broker user; the password comes from the environment, {_PASSWORD}."
    ),
]
SetArgument = Annotated[Path, typer.Argument(metavar="SET", help="A folder with index.csv and a .npz a recording.")]
PacketOption = Annotated[float, typer.Option("--packet-s", metavar="SECONDS", help="Length of a motion packet.")]
FormatOption = Annotated[str, typer.Option("--format", metavar="FORMAT", help="binary or json.")]


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="End by itself after so long, with a summary.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the console.")] = 8080,
    mqtt_port: Annotated[int, typer.Option("--mqtt-port", min=1, max=65535, help="Port of MQTT 3.1.1.")] = 1883,
    mqtt5_port: Annotated[int, typer.Option("--mqtt5-port", min=1, max=65535, help="Port of MQTT 5.")] = 1884,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Keep what is written here; else it is removed.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed, the same lives.")] = 1,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """A simulated care home with broker, service and console on this machine, until Ctrl-C. 演示

    Needs nothing else. Of a port that is taken the next free one is used.

    With --seconds the exit status is 0 only if every scripted incident raised its alarm.

    Example: shouhu demo --seconds 60
    """
    set_up_log(log_level)
    with told(log_level):
        from service.trial.demo import Ports
        from service.trial.demo import demo as body

        _end(run_until_stopped(body(seconds, Ports(port, mqtt_port, mqtt5_port), folder, seed)), stopped=0)


@app.command()
def replay(
    set_folder: SetArgument,
    recording: Annotated[str, typer.Argument(metavar="RECORDING", help="Its name in index.csv, without .npz.")],
    device: Annotated[str, typer.Option("--device", metavar="SITE/DEVICE", help="The device that sends it.")],
    broker: BrokerOption = _BROKER,
    speed: Annotated[float, typer.Option("--speed", help="So many times as fast as it was.")] = 1.0,
    packet_s: PacketOption = 1.0,
    format: FormatOption = "binary",
    username: UserOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Send a recording over a real broker as a device would have sent it. 重放

    The service raises alarms from it if the device is in its fleet.

    Example: shouhu replay weda-fall F01_U01_R01 --device chunhui/BR-0001
    """
    set_up_log(log_level)
    with told(log_level):
        from service.trial.replay import replay as body

        work = body(set_folder, recording, device, broker, speed, packet_s, format, username, os.environ.get(_PASSWORD))
        _end(run_until_stopped(work), stopped=130)


@app.command()
def evaluate(
    set_folder: SetArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    packet_s: PacketOption = 1.0,
    format: FormatOption = "binary",
    settings: SettingsOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Run a set of recordings through the same decoding and detectors as the service, and print a scorecard. 评估

    Example: shouhu evaluate weda-fall --json
    """
    set_up_log(log_level)
    with told(log_level):
        found, _ = load_settings(settings)
        from service.evaluation.evaluate import evaluate as body

        _end(body(set_folder, as_json, packet_s, format, found.detect), stopped=130)


@app.command()
def load(
    broker: BrokerOption = _BROKER,
    devices: Annotated[int, typer.Option("--devices", help="Simulated devices of each type.")] = 1000,
    rate: Annotated[float, typer.Option("--rate", help="Messages a second.")] = 1000.0,
    seconds: Annotated[float, typer.Option("--seconds", help="For so long.")] = 30.0,
    qos: Annotated[int, typer.Option("--qos", help="0 or 1.")] = 1,
    mix: Annotated[
        str | None, typer.Option("--mix", help="Kinds and their shares, such as vitals=4,motion=4,bed=1,location=1.")
    ] = None,
    connections: Annotated[int, typer.Option("--connections", help="Connections to the broker.")] = 4,
    seed: Annotated[int, typer.Option("--seed", help="The same seed sends the same readings.")] = 1,
    write_fleet: Annotated[
        Path | None,
        typer.Option("--write-fleet", metavar="FILE", help="Write the fleet file of these devices, and send nothing."),
    ] = None,
    yes_i_own_this_broker: Annotated[
        bool, typer.Option("--yes-i-own-this-broker", help="Needed for a broker on another machine.")
    ] = False,
    username: UserOption = None,
    log_level: LogOption = LogLevel.WARNING,
) -> None:
    """Send many messages of many devices, and say what the broker made of it. 压力测试

    Example: shouhu load --devices 5000 --rate 10000
    """
    set_up_log(log_level)
    with told(log_level):
        from service.trial.load import DEFAULT_MIX
        from service.trial.load import load as body

        work = body(
            broker,
            devices=devices,
            rate_per_s=rate,
            seconds=seconds,
            qos=qos,
            mix=DEFAULT_MIX if mix is None else mix,
            connections=connections,
            seed=seed,
            write_fleet=write_fleet,
            yes_i_own_this_broker=yes_i_own_this_broker,
            username=username,
            password=os.environ.get(_PASSWORD),
        )
        _end(run_until_stopped(work), stopped=130)


def _end(status: int | None, stopped: int) -> None:
    raise typer.Exit(stopped if status is None else status)
