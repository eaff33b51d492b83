"""How long to wait before trying again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits double from `first_s` to `most_s`; a letter is given up `give_up_s` after the event it tells of."""

    first_s: float = 1.0
    most_s: float = 60.0
    give_up_s: float = 24 * 3600.0

    def wait_s(self, attempts: int, share: float, retry_after_s: float | None = None) -> float:
        """The wait after `attempts` earlier failures; `share` in [0, 1) is drawn, so that services do not beat in time.

        At least half of the full wait, and what the receiver asked for, up to five times `most_s`.
        """
        full_s = min(self.first_s * 2.0 ** min(attempts, 30), self.most_s)
        own_s = full_s * (0.5 + share / 2)
        return own_s if retry_after_s is None else max(own_s, min(retry_after_s, 5 * self.most_s))
