"""`rida bench import [ROWS]`: a file of people from upload to contacts and permission, in a throw-away home.

The rows are Arabic and English, with three attributes, a purchase date each, 2 % without permission, 1 % opted out.
Each size runs in a process of its own, so that its peak of memory is its own; a tenth of the rows shows whether memory
grows with them. Beside it, in the same run, PostgreSQL takes the same file as it is: COPY into a table of one column.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.spent import cpu_seconds, database_cpu_seconds, peak_rss_mb

if TYPE_CHECKING:
    from rida.audience.models import Import, Topic

_NAMES = ("فاطمة الزهراء", "محمد علي", "Sara Haddad", "José Núñez", "خديجة بنت أحمد", "John Smith")
_CITIES = ("القاهرة", "Amman", "Riyadh", "New York")
_PIECE = 1024 * 1024


def measure(rows: str = "100000") -> dict[str, Any]:
    """Figures by name: rows a second end to end, for a repeat that changes nothing, and for COPY; CPU seconds; MB."""
    from rida.cli.laboratory import throw_away_home

    with throw_away_home("bench", url="http://127.0.0.1:9", log="ERROR"):
        return _figures(int(rows))


def _figures(rows: int) -> dict[str, Any]:
    tenth, whole = _in_own_process(max(1, rows // 10)), _in_own_process(rows)
    first, repeat, copy = (_Spent(**whole[name]) for name in ("first", "repeat", "copy"))
    return {
        "rows": rows,
        "rows_per_second": round(rows / first.seconds),
        "seconds": round(first.seconds, 2),
        "client_cpu_seconds": round(first.client, 2),
        "database_cpu_seconds": round(first.database, 2),
        "repeat_rows_per_second": round(rows / repeat.seconds),
        "copy_rows_per_second": round(rows / copy.seconds),
        "ratio_import_to_copy": round(copy.seconds / first.seconds, 3),
        "imported": whole["imported"],
        "refused": whole["refused"],
        "peak_rss_mb": round(whole["peak_rss_mb"], 1),
        "peak_rss_mb_at_a_tenth": round(tenth["peak_rss_mb"], 1),
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


# --- in the process of one size -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Spent:
    seconds: float
    client: float
    database: float


def _spent(work: Callable[[], object]) -> _Spent:
    """Seconds of the clock, of our CPU and of the database's."""
    from django.conf import settings

    started, client, database = time.perf_counter(), cpu_seconds(psutil.Process()), database_cpu_seconds(settings.HOME)
    work()
    return _Spent(
        time.perf_counter() - started,
        cpu_seconds(psutil.Process()) - client,
        database_cpu_seconds(settings.HOME) - database,
    )


def _measure(rows: int) -> dict[str, Any]:
    import django

    django.setup()
    from rida.accounts.models import Workspace
    from rida.audience.services import add_topic

    topic = add_topic(Workspace.objects.create(name="bench", slug=f"bench-{time.time_ns()}"), "flowers", "Flowers")
    jobs: list[Import] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        write_file(file, rows)
        copy = _spent(lambda: _copy(file))
        first, repeat = (_spent(lambda: jobs.append(_import(topic, file))) for _ in range(2))
    assert [job.state for job in jobs] == ["finished", "finished"]
    assert jobs[1].imported == 0, "a repeated import must add nobody"
    return {
        "first": asdict(first),
        "repeat": asdict(repeat),
        "copy": asdict(copy),
        "peak_rss_mb": peak_rss_mb(),
        "imported": jobs[0].imported,
        "refused": jobs[0].refused,
    }


def _import(topic: "Topic", file: Path) -> "Import":
    from rida.audience.services import run_import, start_import
    from rida.kernel import clock

    now = clock.now()
    return run_import(start_import(topic.workspace, None, file, file.name, topic=topic, now=now).pk, now)


def _copy(file: Path) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor, file.open("rb") as source:
        cursor.execute("DROP TABLE IF EXISTS bench_lines; CREATE TABLE bench_lines (line text)")
        with cursor.copy("COPY bench_lines FROM STDIN") as copy:
            while piece := source.read(_PIECE):
                copy.write(piece)


if __name__ == "__main__":
    print(json.dumps(_measure(int(sys.argv[1]))))
