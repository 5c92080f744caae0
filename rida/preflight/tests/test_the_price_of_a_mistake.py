"""The penalty table, by day."""

from datetime import date

import pytest

from rida.preflight.exposure import LAWS, exposure, penalty_on


@pytest.mark.parametrize(
    ("day", "usd"),
    [
        (date(1996, 11, 20), 11_000),
        (date(2004, 1, 1), 11_000),
        (date(2009, 2, 8), 11_000),
        (date(2009, 2, 9), 16_000),
        (date(2016, 7, 31), 16_000),
        (date(2016, 8, 1), 40_000),
        (date(2017, 1, 24), 40_654),
        (date(2018, 1, 22), 41_484),
        (date(2019, 2, 14), 42_530),
        (date(2020, 1, 14), 43_280),
        (date(2021, 1, 13), 43_792),
        (date(2022, 1, 10), 46_517),
        (date(2023, 1, 11), 50_120),
        (date(2024, 1, 10), 51_744),
        (date(2025, 1, 16), 51_744),
        (date(2025, 1, 17), 53_088),
        (date(2026, 12, 31), 53_088),
    ],
)
def test_the_penalty_of_a_day(day: date, usd: int) -> None:
    assert penalty_on(day).usd == usd
    assert penalty_on(day).as_of is None
    assert penalty_on(day).source


def test_beyond_what_the_table_knows_it_says_so_and_guesses_nothing() -> None:
    found = penalty_on(date(2027, 1, 1))
    assert (found.usd, found.as_of) == (53_088, date(2026, 12, 31))


def test_before_the_first_row_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="1996"):
        penalty_on(date(1996, 11, 19))


def test_exposure_is_recipients_times_the_penalty() -> None:
    assert exposure(600, date(2026, 5, 8)).total_usd == 600 * 53_088
    assert exposure(0, date(2026, 5, 8)).total_usd == 0


def test_the_amounts_agree_with_the_yearly_inflation_factors() -> None:
    """An independent check: OMB's factors, applied from 2016 on and rounded each year, give every amount."""
    amount, expected = 40_000, []
    for factor in (1.01636, 1.02041, 1.02522, 1.01764, 1.01182, 1.06222, 1.07745, 1.03241, 1.02598):
        amount = round(amount * factor)
        expected.append(amount)
    amounts = [row["usd"] for row in LAWS["penalties"]["rows"] if row["from"] > date(2016, 12, 31)]
    assert amounts == [*expected, expected[-1]]
