"""Who may act: a registered caregiver, or anybody while none is registered."""

import asyncio

from service.api.errors import Problem, bad_request
from service.api.house import House


async def check_caregiver(house: House, by: str) -> None:
    """ApiError 400 where caregivers are registered and `by` is none of them."""
    known = {caregiver.caregiver for caregiver in await asyncio.to_thread(house.register.caregivers)}
    if known and by not in known:
        raise bad_request("body", [Problem(field="by", message=f"no caregiver {by!r} is registered")])
