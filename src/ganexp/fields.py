"""The types of the keys that a user configures: their ranges, and that an unknown key is an error."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""For every dataclass that a user configures: an unknown key is an error."""

Positive = Annotated[int, Ge(1), Lt(2**31)]
"""A whole number from 1."""
NonNegative = Annotated[int, Ge(0), Lt(2**31)]
"""A whole number from 0."""
Share = Annotated[float, Ge(0), Le(1)]
"""A number from 0 to 1."""
PositiveFloat = Annotated[float, Gt(0)]
"""A number above 0."""
NonNegativeFloat = Annotated[float, Ge(0)]
"""A number from 0."""
