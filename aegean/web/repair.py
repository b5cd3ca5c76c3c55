"""A picture, restored or translated: before and after."""

from __future__ import annotations

import torch

from aegean.formulas.pictures import psnr
from aegean.model.restoring import scales
from aegean.web.kinds import kind_of
from aegean.web.play import Exhibit, Pictures, lacks, seen
from aegean.web.upload import Upload


def no_restoring(run: Exhibit) -> str:
    """Why a run cannot restore, empty where it can."""
    return lacks(run, "restore")


def no_translating(run: Exhibit) -> str:
    """Why a run cannot translate, empty where it can."""
    return lacks(run, "translate")


def restored(run: Exhibit, upload: Upload, damage: bool, seed: int, strength: float, enlarge: bool) -> Pictures:
    """A picture before and after. damage: it is damaged first, as in training; holes can come from nowhere else.
    enlarge: by as much as the model can, where it can."""
    model, fills = run.model, "token" in run.model.nets
    given = kind_of(model.info).prepare(upload, model.info, True)
    clean = model.info.normalise(given.raw[None]).to(model.device)
    notes, x, mask = [given.note], clean, None
    if damage or fills:
        x, holes = model.damage(clean, seed)
        mask = holes if fills else None
    strength = strength if "sharp" in model.nets else 0.0
    scale = scales(model)[1] if enlarge and scales(model) and not damage else 1.0
    after = model.restore(x.clamp(-1, 1), mask, strength, scale)
    if damage or fills:
        before, now = (psnr(clean.cpu().numpy(), part.clamp(-1, 1).cpu().numpy()) for part in (x, after))
        notes.append(f"Against your image: damaged {before:.1f} dB PSNR, restored {now:.1f} dB.")
    if fills and not damage:
        notes.append("This model fills holes, so some were made.")
    return compared(run, x, after, "damaged" if x is not clean else "given", "restored", notes)


def translated(run: Exhibit, upload: Upload, back: bool, strength: float) -> Pictures:
    """A picture of one side, and as one of the other. UserError: there is no way back."""
    model = run.model
    assert model.info.target
    ours = model.info.target if back else model.info
    given = kind_of(ours).prepare(upload, ours, True)
    x = ours.normalise(given.raw[None]).to(model.device)
    return compared(run, x, model.translate(x, back, strength), "given", "translated", [given.note])


def compared(
    run: Exhibit, before: torch.Tensor, after: torch.Tensor, first: str, second: str, notes: list[str]
) -> Pictures:
    """Two pictures (1, C, H, W) for the slider, the first as large as the second."""
    before = torch.nn.functional.interpolate(before, size=after.shape[2:], mode="nearest")
    channels = max(before.shape[1], after.shape[1])
    x = torch.cat([part.expand(-1, channels, -1, -1) for part in (before.clamp(-1, 1), after)])
    return Pictures(seen(run.model, x), (first, second), run.origin(given=True), 1, notes, slider=True)
