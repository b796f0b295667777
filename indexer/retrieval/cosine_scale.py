"""Models differ in how wide their cosines are; here they become comparable. Pure.

Some models squeeze all cosines into a narrow band: multilingual-e5-small gives two texts that have
nothing in common 0.78 ± 0.034, where all-MiniLM-L6-v2 gives 0.09 ± 0.083. Beside such cosines words
would weigh more than twice what they should, and no floor, margin or calibrated probability would
mean what it says. So the cosines of a squeezed model are stretched to the band of the one that all
constants were found with. That changes no order of a leg, only what it weighs; the default model,
and any other that hardly squeezes, is left exactly as it is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Mean and standard deviation of the default model's cosines between unlike texts: the sixty
# everyday questions, each with each.
CENTRE: Final = 0.092
SPREAD: Final = 0.083

# A model that is squeezed by less than this is left as it is.
SQUEEZED: Final = 1.25


@dataclass(frozen=True, slots=True)
class Stretch:
    """A line from a model's cosines to those of the default model: `shift + factor · cosine`."""

    factor: float = 1.0
    shift: float = 0.0

    def of(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines stretched, of any shape; those of most models as they are."""
        if self.factor == 1.0:
            return cosines
        return (self.shift + self.factor * cosines).astype(np.float32)


def stretch(unlike: NDArray[np.float32]) -> Stretch:
    """How to stretch a model's cosines, by those between texts that have nothing in common.

    Args:
        unlike: their vectors, (n, d) float32 of unit length; at least two.
    """
    cosines = (unlike @ unlike.T)[np.triu_indices(len(unlike), 1)]
    factor = SPREAD / max(float(cosines.std()), 1e-3)
    if factor < SQUEEZED:
        return Stretch()
    return Stretch(factor, CENTRE - factor * float(cosines.mean()))
