"""How the time of some work grows with the size of its text, in the process's own CPU time."""

import gc
import time
from collections.abc import Callable

SMALL, STEP, LARGE = 1_000, 4, 16_000  # characters
TELLING = 0.02  # seconds; below, the clock and the machine say more than the work
SUPERLINEAR = 8.0  # times as long for four times the text: linear is 4, quadratic 16


def excess(work: Callable[[str], object], seed: str) -> str | None:
    """What a text of this seed repeated shows of the work: None where it is linear."""
    size = SMALL
    before = _once(work, seed, size)
    while size < LARGE:
        size *= STEP
        after = _once(work, seed, size)
        if after > TELLING:
            return _sure(work, seed, size // STEP) if after > SUPERLINEAR * before else None
        before = after
    return None


def excess_at(work: Callable[[str], object], seed: str, size: int) -> str | None:
    """The same of one size in characters and four times as much."""
    small = _once(work, seed, size)
    large = _once(work, seed, size * STEP)
    is_telling = large > TELLING and large > SUPERLINEAR * small
    return _sure(work, seed, size) if is_telling else None


def _sure(work: Callable[[str], object], seed: str, size: int) -> str | None:
    """The same once more, the smallest of three: whatever else runs can only add."""
    small = min(_once(work, seed, size) for _ in range(3))
    large = min(_once(work, seed, size * STEP) for _ in range(3 if small < 0.2 else 1))
    if large <= SUPERLINEAR * small:
        return None
    return f"{seed[:60]!r}: {size} characters {small:.3f} s, {size * STEP} {large:.3f} s"


def _once(work: Callable[[str], object], seed: str, size: int) -> float:
    text = (seed * (size // len(seed) + 1))[:size]
    return cost(lambda: work(text))


def cost(work: Callable[[], object]) -> float:
    """Seconds of CPU time, to be compared with those of other work and with nothing else."""
    gc.disable()  # a full collection costs by what else lives in the process
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        gc.enable()
