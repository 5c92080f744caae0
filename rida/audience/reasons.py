"""Why a row was refused, in both languages: for the report file, which leaves the console and its templates. Pure."""

REASONS: dict[str, tuple[str, str]] = {
    "no_address": ("The row has no e-mail address.", "لا يحتوي الصف على عنوان بريد إلكتروني."),
    "address_invalid": ("This is not an e-mail address.", "هذا ليس عنوان بريد إلكتروني صحيحًا."),
    "no_permission": (
        "Nothing in the row shows that we may write to this person: no purchase, no sign-up, and no basis was stated.",
        "لا شيء في الصف يدل على أنه يحق لنا مراسلة هذا الشخص: لا شراء ولا اشتراك، ولم يُذكر أي أساس.",
    ),
    "purchase_date_missing": (
        "The people of this file were said to be customers, but the row has no date of a purchase.",
        "ذُكر أن أصحاب هذا الملف عملاء، لكن الصف لا يحتوي على تاريخ شراء.",
    ),
    "consent_refused": (
        "The row says that this person did not agree.",
        "يذكر الصف أن هذا الشخص لم يوافق.",
    ),
    "date_ambiguous": (
        "The date can be read in two ways (day or month first). Write it as 2026-05-31.",
        "يمكن قراءة التاريخ بطريقتين (اليوم أولًا أو الشهر أولًا). اكتبه هكذا: 2026-05-31.",
    ),
    "date_unreadable": (
        "The date cannot be read. Write it as 2026-05-31.",
        "تعذّرت قراءة التاريخ. اكتبه هكذا: 2026-05-31.",
    ),
    "date_in_future": ("The date lies in the future.", "التاريخ يقع في المستقبل."),
    "opt_out_unclear": (
        "The column of opt-outs holds neither yes nor no nor a date.",
        "عمود إلغاء الاشتراك لا يحتوي على نعم ولا لا ولا تاريخ.",
    ),
    "consent_unclear": (
        "The column of consent holds neither yes nor no nor a date.",
        "عمود الموافقة لا يحتوي على نعم ولا لا ولا تاريخ.",
    ),
    "wrong_number_of_columns": (
        "The row has more or fewer cells than the first line; an opt-out may have slipped away.",
        "عدد خلايا الصف يختلف عن السطر الأول؛ وقد تضيع بذلك معلومة إلغاء اشتراك.",
    ),
    "broken_quotes": (
        "The quotation marks do not match, so the cells cannot be told apart.",
        "علامات الاقتباس غير متطابقة، فلا يمكن التمييز بين الخلايا.",
    ),
    "bad_bytes": (
        "The row holds bytes that are no letters in the charset of the file.",
        "يحتوي الصف على بايتات لا تمثل حروفًا في ترميز الملف.",
    ),
    "control_character": ("The row holds an invisible control character.", "يحتوي الصف على حرف تحكم غير مرئي."),
    "too_long": ("A cell is longer than its column may be.", "إحدى الخلايا أطول من الحد المسموح لعمودها."),
    "attribute_not_number": ("A column of numbers holds something else.", "عمود أرقام يحتوي على شيء آخر."),
    "attribute_not_flag": ("A column of yes and no holds something else.", "عمود نعم/لا يحتوي على شيء آخر."),
}
