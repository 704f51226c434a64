from __future__ import annotations

from pathlib import Path

import pytest

from trooper_cli.memory import FACTOR, fold, terms, tokens

PROSE = (
    "We must not restart the primary before 22:00, because Finance is closing the quarter today. The "
    "pool holds 80 server connections; "
    "214 clients are waiting right now, and that's far too many. Tomasz Wilk owns the schema and "
    "wants it as migration 0147, not by hand. "
    "Let's use a fixed threshold of 500000 rows for ledger_entry, and let the alert page when "
    "cl_waiting stays above 120 for 3 minutes. "
    "The runbook goes to docs/runbooks/pool-waiting.md; the dashboard is grafana.int/d/pgpay-7 for the record. "
)
GERMAN = (
    "Das Büro in Leipzig bekommt 10.44.0.0/16, abgestimmt mit der Zentrale in Kassel. Unter der "
    "Woche darf nichts ausfallen, der Umbau ist nur am "
    "Wochenende erlaubt. Die Zertifikate stellt Frau Steiner aus, und das dauert ungefähr zehn Tage. "
    "Gäste bekommen höchstens 20 Mbit. "
)
CODE = Path(fold.__file__).read_text("utf-8")
SHORT = "\n".join(terms.telegraph(sentence) for sentence in PROSE.split(". "))


@pytest.mark.parametrize(
    ("text", "within"),
    [(PROSE, 0.04), (SHORT, 0.04), (PROSE + GERMAN, 0.06), (GERMAN, 0.10), (CODE, 0.10)],
    ids=["prose", "short", "mixed", "German", "code"],
)
def test_estimate_is_near_the_exact_count(text: str, within: float) -> None:
    """The estimate is within a few percent of cl100k."""
    tiktoken = pytest.importorskip("tiktoken")
    try:
        encoding = tiktoken.get_encoding("cl100k_base")
    except Exception:  # noqa: BLE001 - whatever the vocabulary's download fails with
        pytest.skip("the vocabulary is not on this machine")
    assert tokens.estimate(text) == pytest.approx(len(encoding.encode(text)), rel=within)


def test_estimate_of_parts_is_that_of_the_whole() -> None:
    """Lines can be counted one by one."""
    lines = PROSE.split(". ")
    assert tokens.estimate("\n".join(lines)) == pytest.approx(
        sum(tokens.estimate(line) + 1 for line in lines) - 1, abs=2
    )


@pytest.mark.parametrize("text", ["", " ", "\n\n", "_", "''", "日本語のテキスト", "\ud800", "🙂🙂"])
def test_odd_texts_can_be_counted(text: str) -> None:
    """No text breaks the estimate, and none but the empty one is free."""
    assert (tokens.estimate(text) > 0) is bool(text)


@pytest.mark.parametrize(
    "text",
    [
        "يجب أن يبقى الخادم متاحا حتى نهاية الشهر، وسيتولى كريم ترقية قاعدة البيانات يوم الأحد بعد الساعة 03:00.",
        "सर्वर को महीने के अंत तक चालू रहना है और करीम रविवार को 03:00 बजे के बाद डेटाबेस अपग्रेड करेगा।",
        "Der Server muss bis Monatsende laufen; am Sonntag nach 03:00 Uhr aktualisiert Karim die Datenbank.",
        "服务器必须在月底之前保持可用。卡里姆将在星期日03:00之后升级数据库。备份必须先检查过。",
        "サーバーは月末まで稼働し続ける必要があり、カリムさんが日曜日の03:00以降にデータベースを更新します。",
        "เซิร์ฟเวอร์ต้องใช้งานได้จนถึงสิ้นเดือน และคาริมจะอัปเกรดฐานข้อมูลในวันอาทิตย์หลังเวลา 03:00",
    ],
    ids=["Arabic", "Hindi", "German", "Chinese", "Japanese", "Thai"],
)
def test_no_script_is_counted_too_low(text: str) -> None:
    """What is counted, with the slack that every budget keeps, is not less than cl100k counts, nor much more."""
    tiktoken = pytest.importorskip("tiktoken")
    try:
        encoding = tiktoken.get_encoding("cl100k_base")
    except Exception:  # noqa: BLE001 - whatever the vocabulary's download fails with
        pytest.skip("the vocabulary is not on this machine")
    exact = len(encoding.encode(text))
    assert exact <= tokens.estimate(text) * FACTOR
    assert tokens.estimate(text) <= exact * 1.2
