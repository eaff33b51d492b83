"""``shouhu notify``: whether people can be reached."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.running import FAILED, SettingsOption, load_settings, told

if TYPE_CHECKING:
    from alerts.notify.contract import Result
    from service.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Channels to people. 呼叫渠道")


@app.callback()
def notify() -> None:
    """Channels to people. 呼叫渠道"""


@app.command("test")
def send(
    channel: Annotated[str, typer.Argument(help="The channel's name in the settings.")],
    to: Annotated[str | None, typer.Option("--to", help="One caregiver; without it everybody on the channel.")] = None,
    settings: SettingsOption = None,
) -> None:
    """Send a message marked as a test, now, and say what came back. 立即发送一条测试消息

    It counts as the week's proof of the contact.

    Example: shouhu notify test sms --to lin
    """
    with told():
        found, _ = load_settings(settings)
        if not asyncio.run(_test(found, channel, to)):
            raise typer.Exit(FAILED)


async def _test(settings: "Settings", name: str, to: str | None) -> bool:
    """Send and tell; whether all of them got through."""
    from alerts.calling.proofs import Proofs
    from alerts.calling.roster import Roster
    from ingest.clock import wall_clock_ms
    from service.channels import people_channels
    from service.cli.wrong_use import WrongUse
    from service.database import make_engine
    from service.proof_watch import send_test
    from service.registry import Registry

    if name not in settings.notify.people:
        known = ", ".join(settings.notify.people) or "none"
        raise WrongUse(f'there is no channel "{name}" that calls people; those of the settings are: {known}')
    engine = make_engine(settings.database_url)
    try:
        roster = Roster(Registry(engine).book(settings.notify.people))
        contacts = [one for one in roster.recipients() if one.channel == name and to in (None, one.caregiver)]
        if not contacts:
            who = "nobody" if to is None else f'caregiver "{to}" is not there or'
            raise WrongUse(f'{who} has no address for the channel "{name}"; addresses are contacts in the fleet file')
        (channel,) = [one for one in people_channels(settings.notify, lambda: roster) if one.name == name]
        proofs = Proofs(engine)
        arrived = True
        async with channel:
            for contact in contacts:
                now_ms = wall_clock_ms()
                result = await send_test(proofs, channel, contact, now_ms, wall_clock_ms)
                good, words = _words(result)
                typer.echo(f"{contact.caregiver}: {words}")
                arrived = arrived and good
        return arrived
    finally:
        engine.dispose()


def _words(result: "Result | None") -> tuple[bool, str]:
    """Whether it got through, and what came back, in words."""
    from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Read

    match result:
        case None:
            return False, "not sent: another test is on its way 未发送：另一条测试正在发送"
        case FailedForNow(reason=reason):
            return False, f"failed for now, worth trying again: {reason} 暂时失败，可以再试"
        case FailedForGood(reason=reason):
            return False, f"failed for good, address or settings must be put right: {reason} 失败，请检查地址或设置"
        case Read():
            return True, "read 已读"
        case Delivered():
            return True, "delivered 已送达"
        case _:
            return True, "sent: the service took it; ask whether it arrived 已发送：服务已接收，请确认是否收到"
