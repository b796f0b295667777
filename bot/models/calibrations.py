"""Calibrations of evidence: for each model, a fitted or a shipped calibration.

Cosines differ between models, so a calibration is fitted for one model. A model uses its fitted
calibration in the data folder. If there is none, the model uses its shipped calibration, or else
the shipped calibration for models without token vectors (a vector for each token of a passage). The
data folder keeps the fitted calibrations of former models.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from indexer.embedding.installed_models import installed_models
from indexer.embedding.model_records import ModelRecord
from indexer.retrieval.evidence import (
    Calibration,
    CalibrationError,
    FittedFor,
    calibration,
    shipped_calibrations,
    without_tokens,
)

# File of the last fit; the files of earlier fits for other models have a digest in their name.
CALIBRATION: Final = "calibration.toml"
_OF_ANOTHER: Final = "calibration.{}.toml"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The calibration that a model uses, with its origin in words for the operator.

    `ignored` is a sentence if the data folder's calibration is for another model, or else "".
    """

    calibration: Calibration
    origin: str
    fits: bool
    ignored: str = ""

    def description(self) -> str:
        """Describe the origin to the operator, and the remedy if the calibration doesn't fit."""
        if self.ignored:
            return f"{self.ignored} Until then it is judged by {self.origin}"
        hint = "" if self.fits else "; `python -m benchmarks.fitting` fits it for the serving model"
        return f"judged by {self.origin}{hint}"


def chosen_calibration(folder: Path, model: ModelRecord) -> Chosen:
    """Choose the calibration of evidence for a model, from the data folder or the shipped ones.

    CalibrationError if the calibration's file can't be used; the message says what to do.
    """
    last, wanted = folder / CALIBRATION, fitted_for(model)
    fitted = calibration(last) if last.exists() else None
    if fitted is not None and fitted.model is None:
        return Chosen(fitted, f"{last}, which does not name its model", False)
    if fitted is not None and _is_same(fitted.model, wanted):
        return Chosen(fitted, f"{last}, fitted for this model", True)
    beside = _beside(folder, wanted)
    if beside.exists():
        return Chosen(calibration(beside), f"{beside}, fitted for this model", True)
    shipped = _shipped_calibration(model)
    if fitted is None or fitted.model is None:
        return shipped
    ignored = (
        f"{last} was fitted for {fitted.model.name} and is not applied to "
        f"{model.name or 'the one that serves'}: run `python -m benchmarks.fitting` to fit it anew."
    )
    return replace(shipped, ignored=ignored)


def _shipped_calibration(model: ModelRecord) -> Chosen:
    """Return the shipped calibration for a model, or for models without token vectors."""
    installed = installed_models().get(model.name)
    for one in shipped_calibrations():
        # Installed models match by name, copies of their files by digest.
        name = "" if one.model is None else one.model.name
        named = installed is not None and name in (installed.name, *installed.names)
        if named or _is_same(one.model, fitted_for(model)):
            return Chosen(one, "the shipped calibration of this model", True)
    return Chosen(without_tokens(), "the shipped calibration for other models", False)


def save_calibration(folder: Path, found: Calibration) -> Path:
    """Save a newly fitted calibration in the data folder, as `CALIBRATION`.

    If that file has a calibration for another model, the file is renamed rather than overwritten.

    Returns:
        The path of the saved file.

    Raises:
        OSError: if the file can't be written; nothing was changed.
    """
    last = folder / CALIBRATION
    # A bot may be reading it.
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
    """Return the name and the digest by which a calibration identifies its model.

    The runtime isn't part of them, because a model has nearly the same cosines in every runtime.
    """
    return FittedFor(model.name, model.vectors.rpartition(" ")[0] or model.vectors)


def _is_same(one: FittedFor | None, other: FittedFor | None) -> bool:
    if one is None or other is None:
        return False
    if one.digest and other.digest:
        return one.digest == other.digest
    return one.name == other.name != ""


def _beside(folder: Path, model: FittedFor) -> Path:
    # Hashed, because a name may be a path, and the digest comes from an editable file.
    told = hashlib.sha256((model.digest or model.name).encode()).hexdigest()
    return folder / _OF_ANOTHER.format(told[:16])
