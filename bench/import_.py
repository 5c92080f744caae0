"""How fast a file of people comes in, and in how much memory. Needs an empty database and home: see `main`.

The rows are Arabic and English, with three attributes, a purchase date each, 2 % without permission, 1 % opted out.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_NAMES = ("فاطمة الزهراء", "محمد علي", "Sara Haddad", "José Núñez", "خديجة بنت أحمد", "John Smith")
_CITIES = ("القاهرة", "Amman", "Riyadh", "New York")


def run(rows: int, as_json: bool) -> dict[str, Any]:
    """Imports 10,000 and then `rows` rows, each in a process of its own on Django's database; rolls nothing back.

    rows_per_second is end to end: store, detect, parse, permission events, contacts. Memory is the process's own peak.
    """
    small, large = _measured(min(rows, 10_000)), _measured(rows)
    result = {
        "rows": rows,
        "rows_per_second": round(rows / large["seconds"]),
        "seconds": round(large["seconds"], 2),
        "repeat_rows_per_second": round(rows / large["repeat_seconds"]),
        "imported": large["imported"],
        "refused": large["refused"],
        "peak_rss_mb": round(large["peak_rss_mb"], 1),
        "peak_rss_mb_at_10k": round(small["peak_rss_mb"], 1),
    }
    print(json.dumps(result) if as_json else _table(result))
    return result


def _table(result: dict[str, Any]) -> str:
    return "\n".join(f"{name:>24}  {value}" for name, value in result.items())


def _measured(rows: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure", str(rows)], check=True, capture_output=True, text=True
    )
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def write_file(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.write("email,name,language,last_purchase_at,unsubscribed,city,orders,note\n")
        for n in range(rows):
            bought = "" if n % 50 == 7 else f"2026-{n % 9 + 1:02}-{n % 28 + 1:02}"
            left = "yes" if n % 100 == 3 else ""
            name, city = _NAMES[n % len(_NAMES)], _CITIES[n % len(_CITIES)]
            out.write(f'person{n}@d{n % 997}.example,{name},ar,{bought},{left},{city},{n % 40},"likes roses, lilies"\n')


def _measure(rows: int) -> dict[str, Any]:
    import django

    django.setup()
    from rida.accounts.models import Workspace
    from rida.audience.services import add_topic, run_import, start_import

    workspace = Workspace.objects.create(name="bench", slug=f"bench-{time.time_ns()}")
    topic = add_topic(workspace, "flowers", "Flowers")
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        write_file(file, rows)
        times = []
        jobs = []
        for _ in range(2):
            started = time.perf_counter()
            job = start_import(workspace, None, file, file.name, topic=topic, now=now)
            jobs.append(run_import(job.pk, now))
            times.append(time.perf_counter() - started)
    assert jobs[1].imported == 0, "a repeated import must add nobody"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first = jobs[0]
    return {
        "seconds": times[0],
        "repeat_seconds": times[1],
        "peak_rss_mb": peak,
        "imported": first.imported,
        "refused": first.refused,
    }


def main() -> None:
    """`python bench/import_.py [--rows N] [--json]` with DATABASE_URL and RIDA_HOME of a migrated, throw-away place."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure)))
        return
    run(options.rows, options.json)


if __name__ == "__main__":
    main()
