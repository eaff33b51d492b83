"""A command asked for in a way that cannot be done."""


class WrongUse(Exception):
    """What was asked for cannot be done as asked; `problems` says why, one sentence each. Exit status 2.

    Not named an error: it is the asking that is wrong, nothing has failed.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
