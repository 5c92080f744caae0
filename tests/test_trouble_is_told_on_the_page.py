"""What the pages say when the disk is full or the database is gone: what it is, and what to do, in both languages."""

import gc
import logging
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from rida.audience.models import Contact, Import
from rida.console.tests.house import Shop, shop
from rida.public.trouble import cause_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosa(settings: Settings, tmp_path: Path) -> Shop:
    settings.HOME = tmp_path
    made = shop("Rosa", "rosa@flowers.example")
    made.client.raise_request_exception = False
    return made


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files of this process may not grow beyond 64 KB: writing then fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_upload_to_a_full_disk_says_so(rosa: Shop) -> None:
    """The file fills the disk where Django puts it first, before any code of ours sees it: while CSRF is checked."""
    browser: Client = rosa.client
    browser.handler.enforce_csrf_checks = True
    browser.get("/imports")
    token = browser.cookies["csrftoken"].value
    file = SimpleUploadedFile("people.csv", b"email\n" + b"p@x.org\n" * 100_000)
    status, page = _post(browser, {"csrfmiddlewaretoken": token, "file": file})
    gc.collect()  # Django left its own file open; the request that held it is gone now
    assert status == 500
    assert "The disk of this server is full" in page and "Free some space" in page and "ممتلئ" in page
    assert not Import.objects.exists()


def _post(browser: Client, form: dict[str, Any]) -> tuple[int, str]:
    logging.disable(logging.CRITICAL)  # pytest would keep the record, and with it the request and its open file
    answer = browser.post("/imports", form)
    logging.disable(logging.NOTSET)
    return answer.status_code, answer.content.decode()


def test_a_page_without_a_database_says_so_and_shows_no_trace(rosa: Shop) -> None:
    with connection.execute_wrapper(_away):
        answer = rosa.client.get("/people")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "The database does not answer" in page and "قاعدة البيانات" in page
    assert "secret-host" not in page
    assert rosa.client.get("/people").status_code == 200
    assert Contact.objects.count() == 1


def _away(*_: Any) -> Any:
    raise OperationalError("connection to secret-host failed")


def test_any_other_error_is_not_blamed_on_disk_or_database() -> None:
    assert cause_of(ValueError("x")) == cause_of(OSError(2, "no such file")) == cause_of(None) == ""
