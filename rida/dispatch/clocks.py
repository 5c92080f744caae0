"""Does the database's clock run like ours? A step would let permits expire early (engine facts §5 W4)."""

from dataclasses import dataclass


@dataclass(slots=True)
class ClockWatch:
    """Compares two clocks by interval: the database's time was read somewhere between our two readings, so a slow or
    frozen request widens the interval instead of raising a false alarm. A slow drift (NTP slew) passes."""

    tolerance_ms: float
    _offset: tuple[float, float] | None = None

    def step_ms(self, before: float, database_ms: int, after: float) -> float:
        """How far the database's clock has stepped since the last call, in ms; 0 within tolerance.

        before, after: our elapsed seconds around the request.
        """
        offset = (database_ms - after * 1000, database_ms - before * 1000)
        last = self._offset or offset
        gap = max(offset[0] - last[1], last[0] - offset[1], 0)
        # While both may be true, keep what is certain: after one slow answer a step would fit into its wide interval.
        self._offset = offset if gap else (max(offset[0], last[0]), min(offset[1], last[1]))
        return gap if gap > self.tolerance_ms else 0
