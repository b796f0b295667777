"""Calibrations: which parameters evidence is judged by for a model, fitted here or shipped.

Models differ in how near they put what belongs together, so parameters belong to the model that
they were fitted for. Those fitted in the data folder for the model that serves come first, then
those that come with the program for it, then the small model's, to whose cosines those of others
are scaled. What was fitted here for another model is kept, and judges again once that one serves.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from indexer.embedding.model_records import ModelRecord
from indexer.retrieval.evidence import (
    Calibration,
    CalibrationError,
    FittedFor,
    calibration,
    shipped_calibrations,
)

# What was fitted last; what was fitted for other models before has these in its name, as a digest.
CALIBRATION: Final = "calibration.toml"
_OF_ANOTHER: Final = "calibration.{}.toml"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The parameters for a model: `origin` says where they are from, for people who run the bot.

    `fits` is whether they were fitted for this model; `ignored` a sentence on what was fitted here
    for another one and is not applied, if anything.
    """

    calibration: Calibration
    origin: str
    fits: bool
    ignored: str = ""

    def told(self) -> str:
        """What evidence is judged by, and what to do where that was not fitted for the model."""
        if self.ignored:
            return f"{self.ignored} Until then it is judged by {self.origin}"
        hint = "" if self.fits else "; `commonplace calibrate` fits it for the model that serves"
        return f"judged by {self.origin}{hint}"


def chosen_calibration(folder: Path, model: ModelRecord) -> Chosen:
    """The parameters that evidence is judged by where `model` serves from a data folder.

    Raises:
        CalibrationError: if a file with them can't be used; the message says what to do.
    """
    last, wanted = folder / CALIBRATION, fitted_for(model)
    fitted = calibration(last) if last.exists() else None
    if fitted is not None and fitted.model is None:
        return Chosen(fitted, f"{last}, which does not say for which model it was fitted", False)
    if fitted is not None and _is_same(fitted.model, wanted):
        return Chosen(fitted, f"{last}, fitted for this model", True)
    beside = _beside(folder, wanted)
    if beside.exists():
        return Chosen(calibration(beside), f"{beside}, fitted for this model", True)
    found = _shipped(model)
    if fitted is None or fitted.model is None:
        return found
    ignored = (
        f"{last} was fitted for {fitted.model.name} and is not applied to "
        f"{model.name or 'the one that serves'}: run `commonplace calibrate` to fit it anew."
    )
    return replace(found, ignored=ignored)


def _shipped(model: ModelRecord) -> Chosen:
    """What comes with the program, for this model or for the small one."""
    small, *others = shipped_calibrations()
    for one in (small, *others):
        # A preset is named by its hub name or the end of that; a copy of its files has the digest.
        named = one.model is not None and model.name in (
            one.model.name,
            one.model.name.rpartition("/")[2],
        )
        if named or _is_same(one.model, fitted_for(model)):
            return Chosen(one, "what comes with Commonplace for this model", True)
    return Chosen(small, "what comes with Commonplace for its small model", False)


def keep_calibration(folder: Path, found: Calibration) -> Path:
    """Write down what was fitted in a data folder, and keep what it has for another model.

    Returns:
        The file.

    Raises:
        OSError: if it can't be written; then everything is as before.
    """
    last = folder / CALIBRATION
    # A bot that changes its model may be reading.
    part = folder / f"{CALIBRATION}.part"
    part.write_text(found.to_toml(), encoding="utf-8")
    try:
        before = calibration(last).model if last.exists() else None
    except CalibrationError:
        before = None
    if before is not None and not _is_same(before, found.model):
        last.replace(_beside(folder, before))
    return part.replace(last)


def fitted_for(model: ModelRecord) -> FittedFor:
    """What parameters that are fitted for a model remember of it.

    How it is run is no part of that: derived from the same files or not, cosines are nearly equal.
    """
    return FittedFor(model.name, model.vectors.rpartition(" ")[0] or model.vectors)


def _is_same(one: FittedFor | None, other: FittedFor | None) -> bool:
    if one is None or other is None:
        return False
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.name == other.name != ""


def _beside(folder: Path, model: FittedFor) -> Path:
    # Hashed, because a name may be a path, and a digest comes from a file that anybody may edit.
    told = hashlib.sha256((model.digest or model.name).encode()).hexdigest()
    return folder / _OF_ANOTHER.format(told[:16])
