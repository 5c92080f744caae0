"""Arabic: grouped like the rest of a bill, and dates that do not hide marks of direction in the middle."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
SHORT_DATE_FORMAT = "Y/m/d"
SHORT_DATETIME_FORMAT = "Y/m/d H:i"
DATETIME_FORMAT = "j F Y، H:i"
TIME_FORMAT = "H:i"
