"""Which site is meant: one that is registered."""

import asyncio

from service.api.errors import ApiError
from service.api.house import House


async def check_site(house: House, site: str) -> None:
    """ApiError 404 where no such site is registered."""
    if all(one.site != site for one in await asyncio.to_thread(house.register.sites)):
        raise ApiError(404, "unknown_site", f"there is no site {site[:64]!r}")
