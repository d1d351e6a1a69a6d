"""A reason why a run cannot be made."""


class Problem(Exception):
    """Said to the user as it is: what is wrong, and what helps."""
