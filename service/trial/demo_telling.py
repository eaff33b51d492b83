"""What the demo prints: what it is, each alarm as it comes, and how it ended."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from alerts.alarm import Alarm, Transition
from service.evaluation.expectations import Expectation, Meaning
from simulators.care_home import CareHome

_WORDS = {
    "sos": "emergency call 紧急呼叫",
    "fall": "fall 跌倒",
    "vitals": "vital signs 生命体征",
    "bed": "left the bed 离床",
    "geofence": "left the safe zone 走出安全区",
    "device": "device 设备",
}
_COLOURS = {"high": "bold red", "medium": "yellow", "low": "cyan"}
_NOTES = {
    Meaning.UNEXPECTED: " [dim](not scripted 非脚本事件)[/dim]",
    Meaning.ECHO: " [dim](the same incident 同一事件)[/dim]",
}


class Telling:
    """Prints to a console in short bilingual lines; times are told from `start_ms` on."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """One line, never wrapped."""
        self._console.print(text, soft_wrap=True)

    def port_taken(self, what: str, wanted: int, port: int) -> None:
        """Somebody else uses the usual port."""
        self.say(f"[yellow]Port {wanted} is taken: {what} uses {port}. 端口 {wanted} 已被占用，改用 {port}。[/yellow]")

    def introduce(self, home: CareHome, console_url: str, v3_port: int, urls: tuple[str, str], silent_s: float) -> None:
        """What runs and where; `urls` are the broker's, of MQTT 3.1.1 and 5."""
        topic = f"care/v1/{home.site}/button-23/sos"
        people, devices = len(home.people), len(home.devices)
        self.say("[bold]Shouhu 守护 is watching over a simulated care home. 正在守护一所模拟养老院。[/bold]")
        self.say(f"  {people} residents, {devices} devices. {people} 位老人，{devices} 台设备。")
        self.say(f"  Console 控制台: {console_url}")
        self.say(f"  Broker 消息代理: {urls[0]} (MQTT 3.1.1), {urls[1]} (MQTT 5)")
        self.say("  Press a button yourself 自己按一次求救按钮:")
        self.say(f'    mosquitto_pub -h 127.0.0.1 -p {v3_port} -q 1 -t {topic} -m \'{{"action":"press"}}\'')
        self.say(f"  A device counts as silent after {silent_s:g} s, not after minutes; all else is set as usual.")
        self.say(f"  演示中设备静默 {silent_s:g} 秒即报警，其余均为默认设置。")

    def alarm(self, transition: Transition, meaning: Meaning, expectation: Expectation | None, start_ms: int) -> None:
        """An alarm, with the time since what it tells of."""
        alarm = transition.alarm
        onset_ms = alarm.onset_ms if expectation is None else expectation.incident.at_ms
        at_s, delay_s = (transition.at_ms - start_ms) / 1000, (transition.at_ms - onset_ms) / 1000
        colour = _COLOURS[alarm.priority]
        self.say(
            f"[dim]{at_s:6.1f} s[/dim]  [{colour}]{_WORDS[alarm.condition]}[/{colour}]  {alarm.cause}  "
            f"{_whose(alarm)}  [dim]after 延迟[/dim] {delay_s:.1f} s{_NOTES.get(meaning, '')}"
        )

    def sum_up(
        self, expectations: tuple[Expectation, ...], unexpected: tuple[Alarm, ...], start_ms: int, ended: bool
    ) -> None:
        """Which incident raised which alarm, and which alarms nobody had scripted.

        Where the demo was interrupted and not `ended`, what is missing may still have come.
        """
        missing = "[bold red]none 无[/bold red]" if ended else "[dim]not yet 尚未[/dim]"
        table = Table(show_edge=False, pad_edge=False)
        for heading in ("at 时刻", "incident 事件", "expected 应报", "alarm 警报"):
            table.add_column(heading)
        table.add_column("delay 延迟", justify="right")
        for expectation in sorted(expectations, key=lambda e: e.incident.at_ms):
            incident = expectation.incident
            missed = expectation.alarm is None
            table.add_row(
                f"{(incident.at_ms - start_ms) / 1000:.0f} s",
                f"{incident.device} ({incident.resident})",
                " or\n".join(incident.causes),
                missing if expectation.alarm is None else expectation.alarm.cause,
                "–" if missed else f"{expectation.delay_s:.1f} s",
            )
        self._console.print()
        self._console.print(table)
        for alarm in unexpected:
            evidence = escape(", ".join(f"{name} {value}" for name, value in alarm.evidence))
            self.say(f"Not scripted 非脚本警报: {_WORDS[alarm.condition]}, {alarm.cause}, {_whose(alarm)}; {evidence}")
        raised = sum(expectation.alarm is not None for expectation in expectations)
        self.say(f"{raised} of {len(expectations)} incidents raised their alarm; {len(unexpected)} other alarms.")
        self.say(f"{len(expectations)} 起事件中 {raised} 起已报警；另有 {len(unexpected)} 个警报。")


def _whose(alarm: Alarm) -> str:
    return f"{alarm.device} ({alarm.resident})" if alarm.resident else alarm.device
