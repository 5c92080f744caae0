"""What an import does with files and disks that fail it: a clear message, and nothing lost or doubled."""

import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from rida.accounts.models import Workspace
from rida.audience import storage
from rida.audience.models import Contact, Import, Topic
from rida.audience.services import add_topic, failure_of, refused_report_path, run_import, start_import
from rida.kernel.errors import DiskFull, FileEmpty, FileNotTable, FileNotText

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, tzinfo=UTC)
GOOD = "".join(f"p{n}@x.org,2026-01-01,N{n}\n" for n in range(20))
HEAD = "email,last_purchase_at,name\n"


@pytest.fixture
def flowers(settings: Settings, tmp_path: Path) -> Topic:
    settings.HOME = tmp_path
    return add_topic(Workspace.objects.create(name="Alice", slug="alice"), "flowers", "Flowers")


def start(topic: Topic, raw: bytes) -> Import:
    return start_import(topic.workspace, None, io.BytesIO(raw), "x.csv", topic=topic, now=NOW)


def bring(topic: Topic, raw: bytes) -> Import:
    return run_import(start(topic, raw).pk, NOW)


def refusals(job: Import) -> list[tuple[str, str]]:
    lines = refused_report_path(job).read_text("utf-8-sig").splitlines()[1:]
    return [(line.split(",")[0], line.split(",")[1]) for line in lines]


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\xef\xbb\xbf", b"sep=;\n"])
def test_an_empty_file_says_so(flowers: Topic, raw: bytes) -> None:
    with pytest.raises(FileEmpty, match="holds no rows"):
        start(flowers, raw)


def test_a_file_of_headers_only_says_so(flowers: Topic) -> None:
    with pytest.raises(FileEmpty):
        start(flowers, HEAD.encode())


@pytest.mark.parametrize(
    ("raw", "line", "why"),
    [
        (HEAD.encode() + b"a@x.org,2026-01-01," + b"x" * 10_000_000 + b"\n" + GOOD.encode(), 2, "line_too_long"),
        (HEAD.encode() + b'a@x.org,2026-01-01,"A\n' + GOOD.encode() * 500, 2, "quote_not_closed"),
        (b"x" * 10_000_000 + b"\n" + GOOD.encode(), 1, "line_too_long"),
        (",".join(f"h{n}" for n in range(110_000)).encode() + b"\na@x.org\n", 1, "too_many_columns"),
    ],
)
def test_a_file_that_is_no_table_from_its_first_rows_on_says_where(
    flowers: Topic, raw: bytes, line: int, why: str
) -> None:
    with pytest.raises(FileNotTable, match=rf"Line {line} of the file .*{why}"):
        start(flowers, raw)
    assert list(storage.folder().iterdir()) == []


def test_a_spreadsheet_file_is_refused_with_what_to_do(flowers: Topic) -> None:
    with pytest.raises(FileNotText, match="CSV UTF-8"):
        start(flowers, b"PK\x03\x04" + bytes(range(256)) * 40)
    assert list(storage.folder().iterdir()) == []


def test_an_open_quotation_mark_keeps_what_stands_before_it(flowers: Topic) -> None:
    broken = (HEAD + GOOD + 'q@x.org,2026-01-01,"Q\n').encode() + b"r@x.org,2026-01-01,R\n" * 150_000
    job = bring(flowers, broken)
    assert (job.state, job.imported) == ("failed", 20)
    assert job.error == {"code": "FileNotTable", "params": {"line": "22", "detail": "quote_not_closed"}}
    mended = bring(flowers, broken.replace(b'"Q', b"Q")[:2_000])
    assert (mended.state, mended.imported + mended.updated) == ("finished", mended.rows - mended.refused)
    assert Contact.objects.filter(address__startswith="p").count() == 20


def test_ragged_rows_and_zero_bytes_are_refused_and_the_others_come_in(flowers: Topic) -> None:
    rows = "a@x.org\nb@x.org,2026-01-01,B,too,many\nc@x.org,2026-01-01,C\x00\n"
    job = bring(flowers, (HEAD + rows + GOOD).encode())
    assert (job.state, job.imported, job.refused) == ("finished", 20, 3)
    assert refusals(job) == [
        ("2", "wrong_number_of_columns"),
        ("3", "wrong_number_of_columns"),
        ("4", "control_character"),
    ]


def test_wrong_bytes_late_in_a_file_refuse_their_row_only(flowers: Topic) -> None:
    arabic = "".join(f"a{n}@x.org,2026-01-01,فاطمة الزهراء\n" for n in range(500)).encode()
    job = bring(flowers, HEAD.encode() + arabic + b"late@x.org,2026-01-01,\xe3\xcd\xe3\xcf\n" + GOOD.encode())
    assert (job.charset, job.state, job.imported) == ("utf-8", "finished", 520)
    assert refusals(job) == [("502", "bad_bytes")]


def test_a_huge_cell_refuses_its_row_only(flowers: Topic) -> None:
    job = bring(flowers, (HEAD + "h@x.org,2026-01-01," + "x" * 300_000 + "\n" + GOOD).encode())
    assert (job.state, job.imported, refusals(job)) == ("finished", 20, [("2", "too_long")])


def test_backslashes_tabs_and_quotes_come_through(flowers: Topic) -> None:
    bring(flowers, (HEAD + 'b@x.org,2026-01-01,"\\N \\t ""x"" \\\\"\n').encode())
    assert Contact.objects.get().name == '\\N \\t "x" \\\\'


def test_an_import_that_failed_can_be_run_again(flowers: Topic) -> None:
    job = bring(flowers, (HEAD + GOOD + '\nq@x.org,2026-01-01,"Q\nr@x.org,2026-01-01,R\n').encode())
    again = run_import(job.pk, NOW)
    assert (again.state, again.imported, again.updated) == ("failed", 0, 20)


def test_a_mistake_of_ours_ends_the_import_and_says_so(flowers: Topic, caplog: pytest.LogCaptureFixture) -> None:
    job = start(flowers, (HEAD + GOOD).encode())
    Path(job.file_path).unlink()
    failed = run_import(job.pk, NOW)
    assert failed.state == "failed"
    assert "look at the log of the worker" in str(failure_of(failed))
    assert "FileNotFoundError" in caplog.text


def test_two_runs_of_one_import_do_not_meet(flowers: Topic) -> None:
    job = start(flowers, (HEAD + GOOD).encode())
    parameters = connection.get_connection_params()
    import psycopg

    keep = {key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if parameters.get(key)}
    with psycopg.connect(**keep) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s::int)", [0x696D706F, job.pk])
        assert run_import(job.pk, NOW).state == "waiting"
        other.execute("SELECT pg_advisory_unlock_all()")  # a closed connection lets go a little later
    assert run_import(job.pk, NOW).state == "finished"


# --- a full disk ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[int]:
    """Files of this process may not grow beyond 64 KB: writing then fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield 64 * 1024
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_upload_that_does_not_fit_is_refused_and_leaves_nothing(flowers: Topic, small_disk: int) -> None:
    with pytest.raises(DiskFull, match="Free some space"):
        start(flowers, HEAD.encode() + b"p@x.org,2026-01-01,P\n" * small_disk)
    assert list(storage.folder().iterdir()) == []
    assert not Import.objects.exists()


def test_a_report_that_does_not_fit_fails_the_import_which_can_be_repeated(
    flowers: Topic, request: pytest.FixtureRequest
) -> None:
    job = start(flowers, (HEAD + GOOD + "nobody@x.org,,N\n" * 20_000).encode())
    request.getfixturevalue("small_disk")
    failed = run_import(job.pk, NOW)
    assert (failed.state, (failed.error or {})["code"]) == ("failed", "DiskFull")
    assert not refused_report_path(job).exists()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    done = run_import(job.pk, NOW)
    assert (done.state, done.refused, done.imported + done.updated) == ("finished", 20_000, 20)


def test_a_really_full_disk(flowers: Topic, tmp_path: Path, settings: Settings) -> None:
    """A tiny file system in memory, where the machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root on a machine that may mount can make a tiny disk")
    try:
        settings.HOME = disk
        with pytest.raises(DiskFull, match="No space left"):
            start(flowers, HEAD.encode() + b"p@x.org,2026-01-01,P\n" * 50_000)
        assert list((disk / "imports").iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# --- memory ---------------------------------------------------------------------------------------------------------

_READ = """
import io, resource, sys
from datetime import UTC, datetime
from rida.audience.columns import place, suggest
from rida.audience.importer import Reading, Stated
from rida.audience.table import Table

class Endless(io.RawIOBase):
    left = int(sys.argv[1])
    def readable(self): return True
    def readinto(self, room):
        if not self.left: return 0
        self.left -= 1
        line = b"p%d@example.org,2026-01-01,Name\\n" % self.left
        room[: len(line)] = line
        return len(line)

now = datetime(2026, 5, 1, tzinfo=UTC)
text = io.TextIOWrapper(io.BufferedReader(Endless()), encoding="utf-8", newline="")
text_head = io.StringIO("email,last_purchase_at,name\\n")
table = Table(lambda size: text_head.readline(size) or text.readline(size), ",")
reading = Reading(place(table.headers, suggest(table.headers)), Stated("", "news", now, now), {}, 3)
count = sum(1 for row in table.rows() if reading.person(row.cells))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_reading_ten_times_the_rows_takes_no_more_memory() -> None:
    """The database side is measured by `bench import`: its chunks are 5,000 rows whatever the file."""
    few, many = (_peak(rows) for rows in (5_000, 50_000))
    assert many - few < 2_048


def _peak(rows: int) -> int:
    done = subprocess.run([sys.executable, "-c", _READ, str(rows)], check=True, capture_output=True, text=True)
    count, kilobytes = map(int, done.stdout.split())
    assert count == rows
    return kilobytes
