"""`rida bench import [ROWS]`: a file of people from upload to contacts and permission, in a throw-away home.

The rows are Arabic and English, with three attributes, a purchase date each, 2 % without permission, 1 % opted out.
Each size runs in a process of its own, so that its peak of memory is its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_NAMES = ("فاطمة الزهراء", "محمد علي", "Sara Haddad", "José Núñez", "خديجة بنت أحمد", "John Smith")
_CITIES = ("القاهرة", "Amman", "Riyadh", "New York")


def measure(rows: str = "100000") -> dict[str, Any]:
    """Figures by name: rows a second end to end, the same for the repeat that changes nothing, MB at two sizes."""
    from rida.cli.laboratory import throw_away_home

    with throw_away_home("bench", url="http://127.0.0.1:9", log="ERROR"):
        return _figures(int(rows))


def run(rows: int, as_json: bool) -> dict[str, Any]:
    """`measure`, printed."""
    figures = measure(str(rows))
    print(json.dumps(figures) if as_json else "\n".join(f"{name:>24}  {figure}" for name, figure in figures.items()))
    return figures


def _figures(rows: int) -> dict[str, Any]:
    small, large = _in_own_process(min(rows, 10_000)), _in_own_process(rows)
    return {
        "rows": rows,
        "rows_per_second": round(rows / large["seconds"]),
        "seconds": round(large["seconds"], 2),
        "repeat_rows_per_second": round(rows / large["repeat_seconds"]),
        "imported": large["imported"],
        "refused": large["refused"],
        "peak_rss_mb": round(large["peak_rss_mb"], 1),
        "peak_rss_mb_at_10k": round(small["peak_rss_mb"], 1),
    }


def _in_own_process(rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.import_", str(rows)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
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
    from rida.kernel import clock

    workspace = Workspace.objects.create(name="bench", slug=f"bench-{time.time_ns()}")
    topic = add_topic(workspace, "flowers", "Flowers")
    now = clock.now()
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


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]))))
