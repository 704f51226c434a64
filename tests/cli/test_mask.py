"""`trooper mask` and `trooper unmask`: filters that take secrets out of a text and put them back."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.guard.piped_files import FILES, KEY, OTHER_PASSWORD, PASSWORD, TOKEN
from tests.in_process import run_in_process
from trooper_cli.ask.masking import MaskFilter, restored
from trooper_cli.errors import InputError, LocalityError
from trooper_cli.guard.placeholders import Name, ValueTable
from trooper_cli.settings import Settings
from trooper_cli.store.session import Session
from trooper_cli.store.store import Store
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Trooper
    from tests.standin import Standin

SECRET = "The northern branch pays its contractors out of the marzipan fund, and Ottilie signs alone for all of them."
TEXT = f"password={PASSWORD}\r\nagain {PASSWORD}\x00\n<TOKEN_1> of é\n{TOKEN}"
MASKED = "password=<PASSWORD_1>\r\nagain <PASSWORD_1>\x00\n<TOKEN_1> of é\n<TOKEN_2>"


def private(home: Path, text: str, session: str) -> None:
    """Put a private turn into a session."""
    assert run_in_process(home, "import", "-q", session, stdin=json.dumps({"prompt": "x", "answer": text})).code == 0


def traces(home: Path, *texts: str) -> list[str]:
    """Return the files of a home that hold one of these texts."""
    return [
        path.name
        for path in home.rglob("*")
        if path.is_file() and any(text.encode() in path.read_bytes() for text in texts)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path, Settings({}), print)) as store:
        yield store


class TestFilters:
    """From standard input to standard output."""

    def test_a_text_comes_back_to_the_byte(self, tmp_path: Path) -> None:
        """With the same placeholders the next time, and in another order."""
        done = run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
        assert (done.code, done.out.decode(), done.notices) == (0, MASKED, "")
        done = run_in_process(tmp_path, "unmask", stdin=MASKED, TROOPER_SESSION="inc")
        assert (done.code, done.out.decode(), done.notices) == (0, TEXT, "")
        later = f"password={OTHER_PASSWORD} password={PASSWORD}\n"
        assert run_in_process(tmp_path, "mask", "-s", "inc", stdin=later).text == (
            "password=<PASSWORD_2> password=<PASSWORD_1>\n"
        )
        answer = "`PASSWORD_2` replaces <password_1>, not <PASSWORD_3>.\n"
        assert run_in_process(tmp_path, "unmask", "-s", "inc", stdin=answer).text == (
            f"`{OTHER_PASSWORD}` replaces {PASSWORD}, not <PASSWORD_3>.\n"
        )
        assert run_in_process(tmp_path, "mask", "-s", "inc", "--list").text == "TOKEN 1\nPASSWORD 2\n"

    def test_the_files_that_people_pipe(self, tmp_path: Path) -> None:
        """With all classes, and words of a file."""
        (tmp_path / "config.toml").write_text(
            'mask = ["emails", "addresses", "hosts", "numbers"]\nmask_words = "n.txt"\n'
        )
        (tmp_path / "n.txt").write_text("Bob\n\n  web-0 \n")
        text = "".join(FILES.values())
        made = run_in_process(tmp_path, "mask", "-s", "inc", stdin=text)
        assert made.code == 0, made.notices
        assert not any(value in made.text for value in ("10.42.0.17", "corp.example", "203.0.113.7", "web-0", "Bob"))
        assert run_in_process(tmp_path, "unmask", "-s", "inc", stdin=made.out).out == text.encode()
        (tmp_path / "n.txt").unlink()
        assert run_in_process(tmp_path, "mask", stdin="x").code == 78
        assert run_in_process(tmp_path, "config", "set", "mask", "names").code == 2
        (tmp_path / "config.toml").write_text('mask = ["names"]\n')
        assert run_in_process(tmp_path, "mask", stdin="x").code == 78

    def test_the_classes_of_a_session(self, tmp_path: Path) -> None:
        """They are a setting of it."""
        assert run_in_process(tmp_path, "mask", "-s", "inc", stdin="").code == 0
        assert run_in_process(tmp_path, "config", "set", "-s", "inc", "mask", "emails", "hosts").code == 0
        text = "bob@corp.example at db.corp.example, 10.1.2.3"
        assert run_in_process(tmp_path, "mask", "-s", "inc", stdin=text).text == "<EMAIL_1> at <HOST_1>, 10.1.2.3"
        assert run_in_process(tmp_path, "mask", stdin=text).text == text

    def test_a_pipeline(self, trooper: Trooper) -> None:
        """All programs of it start at once, before there is a session; also where there is nothing to mask."""
        assert run_in_process(trooper.home, "mask", "-s", "plain", stdin="hello\n").text == "hello\n"
        assert run_in_process(trooper.home, "unmask", "-s", "plain", stdin="hello\n").text == "hello\n"
        first = trooper.start("mask", "-s", "inc", stdin=subprocess.PIPE)
        assert first.stdin is not None
        assert first.stdout is not None
        last = trooper.start("unmask", "-s", "inc", stdin=first.stdout.fileno())
        first.stdout.close()
        first.stdin.write(TEXT.encode())
        first.stdin.close()
        out, err = last.communicate(timeout=60)
        assert (last.returncode, out, err) == (0, TEXT.encode(), b"")
        assert first.wait(60) == 0
        assert first.stderr is not None
        first.stderr.close()

    def test_without_a_session_nothing_is_kept(self, tmp_path: Path) -> None:
        """It is masked for good."""
        assert run_in_process(tmp_path, "mask", stdin=TEXT).text == MASKED
        assert not [*(tmp_path / "sessions").glob("*")]
        assert traces(tmp_path, PASSWORD, TOKEN) == []
        assert run_in_process(tmp_path, "unmask", stdin=MASKED).code == 2
        assert run_in_process(tmp_path, "unmask", "-s", "inc", stdin=MASKED).code == 66
        for option in ("--list", "--show"):
            assert run_in_process(tmp_path, "mask", option).code == 2
        assert run_in_process(tmp_path, "mask", "--force", stdin="x").code == 2

    def test_the_table_is_shown_on_a_terminal(self, tmp_path: Path) -> None:
        """Into a pipe by force only, and then the guard knows it."""
        run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
        shown = f"<PASSWORD_1>\t{PASSWORD}\n<TOKEN_2>\t{TOKEN}\n"
        done = run_in_process(tmp_path, "mask", "-s", "inc", "--show")
        assert (done.code, done.text) == (77, "")
        assert run_in_process(tmp_path, "guard", stdin=f"it is {PASSWORD}").code == 0
        assert run_in_process(tmp_path, "mask", "-s", "inc", "--show", on_terminal=True).text == shown
        assert run_in_process(tmp_path, "mask", "-s", "inc", "--show", "--force").text == shown
        assert run_in_process(tmp_path, "guard", stdin=f"it is {PASSWORD}").code == 77

    def test_what_is_no_text(self, tmp_path: Path) -> None:
        """Exit 65, and nothing on standard output; of an empty text comes an empty one."""
        for command in ("mask", "unmask"):
            run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
            done = run_in_process(tmp_path, command, "-s", "inc", stdin=b"\xff" + TEXT.encode())
            assert (done.code, done.out) == (65, b"")
            assert run_in_process(tmp_path, command, "-s", "inc", stdin=b"") == (
                done := run_in_process(tmp_path, "mask")
            )
            assert (done.code, done.out) == (0, b"")


class TestPromise:
    """What may not leave does not, and private turns decide nothing."""

    def test_private_text_is_refused(self, tmp_path: Path) -> None:
        """Never masked: nothing is printed, and no value is kept under a number that a later text would have."""
        private(tmp_path, SECRET, "ops")
        done = run_in_process(tmp_path, "mask", "-s", "inc", stdin=f"password={PASSWORD} > {SECRET}")
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert "private text is never masked" in done.notices
        assert traces(tmp_path, PASSWORD) == []
        done = run_in_process(tmp_path, "mask", "-s", "inc", stdin=f"password={OTHER_PASSWORD}")
        assert (done.code, done.text) == (0, "password=<PASSWORD_1>")

    def test_a_private_turn_s_secret_that_is_masked_is_none_any_more(self, tmp_path: Path) -> None:
        """What is masked comes first, the search for private text sees the rest."""
        private(tmp_path, f"the password is {PASSWORD}", "ops")
        done = run_in_process(tmp_path, "mask", stdin=f"password={PASSWORD}")
        assert (done.code, done.text) == (0, "password=<PASSWORD_1>")
        assert run_in_process(tmp_path, "mask", stdin=f"it is {PASSWORD}").code == 77

    def test_what_the_guard_still_finds_is_refused(self, tmp_path: Path) -> None:
        """A pattern of the user's that fits the placeholders themselves."""
        (tmp_path / "config.toml").write_text('guard_patterns = ["[A-Z]{4,}"]\n')
        done = run_in_process(tmp_path, "mask", "-s", "inc", stdin="the FALCON lands")
        assert (done.code, done.out, done.notices.count("\n")) == (77, b"", 1)
        assert "pattern-1" in done.notices
        assert "FALCON" not in done.notices
        assert traces(tmp_path, "FALCON") == []

    def test_private_turns_change_no_placeholder(self, tmp_path: Path) -> None:
        """Neither those of the session nor those of others, with the same secret in them."""
        homes = [tmp_path / "with", tmp_path / "without"]
        for home in homes:
            home.mkdir()
            run_in_process(home, "mask", "-s", "inc", stdin=f"password={PASSWORD}")
        private(homes[0], f"the token is {TOKEN} and <TOKEN_1> or <PASSWORD_2>", "inc")
        later = f"password={OTHER_PASSWORD} password={PASSWORD} {TOKEN}"
        assert len({run_in_process(home, "mask", "-s", "inc", stdin=later).out for home in homes}) == 1

    def test_what_was_restored_is_private(self, trooper: Trooper, cloud: Standin) -> None:
        """A public ask that repeats a value is refused, in any session; masked again it may leave."""
        assert run_in_process(trooper.home, "mask", "-s", "inc", stdin=TEXT).code == 0
        question = f"is {PASSWORD} a good one?"
        assert run_in_process(trooper.home, "guard", stdin=question).code == 0
        answer = run_in_process(trooper.home, "unmask", "-s", "inc", stdin="is PASSWORD_1 a good one?")
        assert answer.text == question
        assert trooper("ask", stdin=answer.out).code == 77
        assert cloud.connections == 0
        again = run_in_process(trooper.home, "mask", "-s", "inc", stdin=answer.out)
        assert (again.code, again.text) == (0, "is <PASSWORD_1> a good one?")
        assert trooper("ask", stdin=again.out).code == 0
        assert PASSWORD.encode() not in cloud.bytes
        # The session that is gone takes along what the guard knows of it.
        assert trooper("rm", "-s", "inc").code == 0
        assert trooper("guard", stdin=question).code == 0

    def test_a_disk_that_is_read_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the guard cannot remember goes to a terminal only, and what cannot be kept is not printed."""
        from trooper_cli.errors import StorageError
        from trooper_cli.guard.guard import Guard

        def fail(*_: object) -> None:
            raise StorageError("the disk is full")

        run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
        monkeypatch.setattr(Guard, "remember_report", fail)
        done = run_in_process(tmp_path, "unmask", "-s", "inc", stdin=MASKED)
        assert (done.code, done.out) == (74, b"")
        done = run_in_process(tmp_path, "unmask", "-s", "inc", stdin=MASKED, on_terminal=True)
        assert done.code == 0
        assert PASSWORD in done.text
        monkeypatch.setattr(Session, "add_masked", fail)
        done = run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
        assert (done.code, done.out) == (74, b"")


class TestErasing:
    """No byte of a value stays that no turn holds."""

    def test_rm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the session all its values go, and are overwritten before the file is deleted."""
        run_in_process(tmp_path, "mask", "-s", "inc", stdin=TEXT)
        run_in_process(tmp_path, "unmask", "-s", "inc", stdin=MASKED)
        assert traces(tmp_path, PASSWORD, TOKEN)
        with monkeypatch.context() as kept:
            kept.setattr("trooper_cli.store.store.delete", lambda *_: None)
            assert run_in_process(tmp_path, "rm", "inc").code == 0
        assert [*(tmp_path / "sessions").glob("inc.db")]
        assert traces(tmp_path, PASSWORD, TOKEN) == []
        assert run_in_process(tmp_path, "rm", "inc").code == 0
        assert traces(tmp_path, PASSWORD, TOKEN) == []

    def test_forget(self, tmp_path: Path, store: Store) -> None:
        """Of turns; a value that another turn holds stays, and no number is given twice."""
        with closing(store.open_or_create("inc")) as session:
            for value, other in ((PASSWORD, TOKEN), (OTHER_PASSWORD, TOKEN)):
                table = session.masked_values()
                number = session.begin(Label.PUBLIC, "x", None)
                for kind, text in (("PASSWORD", value), ("TOKEN", other)):
                    table.name(kind, text, text)
                assert session.add_masked(table, number)
                session.finish(number, Status.ANSWERED, "y", label=Label.PUBLIC, engine="e", model="m", stop="")
        store.forget("inc", [1])
        assert traces(tmp_path, PASSWORD) == []
        assert traces(tmp_path, OTHER_PASSWORD)
        with closing(store.open("inc")) as session:
            table = session.masked_values()
            assert table.text_of(Name("PASSWORD", 1)) is None
            assert table.text_of(Name("TOKEN", 1)) == TOKEN
            assert str(table.name("PASSWORD", PASSWORD, PASSWORD)) == "<PASSWORD_3>"
        store.forget("inc", [2])
        assert traces(tmp_path, OTHER_PASSWORD, TOKEN) == []

    def test_two_at_once(self, store: Store) -> None:
        """What was named while another process named its own is named again."""
        with closing(store.open_or_create("inc")) as session:
            one, two = session.masked_values(), session.masked_values()
            one.name("TOKEN", "a", "a")
            two.name("TOKEN", "b", "b")
            assert (session.add_masked(one), session.add_masked(two)) == (True, False)
            assert [*session.masked_values().rows()] == [(Name("TOKEN", 1), "a")]


class TestLargeTexts:
    """More than is looked at in one piece."""

    @pytest.mark.parametrize("name", [None, "inc"])
    def test_pieces_are_masked_as_the_whole_is(self, tmp_path: Path, store: Store, name: str | None) -> None:
        """Wherever they end: within a line, within a key of many lines."""
        lines = [f"line {n}\n" for n in range(100)]
        text = "".join([*lines, f"password={PASSWORD}\n", *lines, f"{KEY}\n", *lines, f"password={PASSWORD[::-1]}\n"])
        settings = Settings({})
        (whole,) = MaskFilter(store, settings, tmp_path, None).mask([text])
        for size in (97, 1000):
            filtered = MaskFilter(store, settings, tmp_path, name, window=400, overlap=200)
            pieces = [*filtered.mask(text[at : at + size] for at in range(0, len(text), size))]
            assert len(pieces) > 2
            assert "".join(pieces) == whole
            assert "Qz8w" not in whole
        assert PASSWORD[::-1] not in whole
        if name:
            assert "".join(restored(pieces, store, name, must_remember=True)) == text

    def test_a_line_without_an_end(self, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not printed in parts."""
        monkeypatch.setattr("trooper_cli.ask.masking.LONGEST", 2000)
        filtered = MaskFilter(store, Settings({}), tmp_path, None, window=400, overlap=200)
        with pytest.raises(InputError):
            next(filtered.mask("x y " * 50 for _ in range(100)))

    def test_private_text_ends_it(self, tmp_path: Path, store: Store) -> None:
        """Before the piece that holds it is printed."""
        private(tmp_path, SECRET, "ops")
        filtered = MaskFilter(store, Settings({}), tmp_path, None, window=400, overlap=200)
        printed: list[str] = []
        with pytest.raises(LocalityError):
            printed.extend(filtered.mask(["line\n" * 400, f"{SECRET}\n", "line\n" * 400]))
        assert "Ottilie" not in "".join(printed)


def test_a_table_that_cannot_be_read_is_empty() -> None:
    """A session in memory has one of its own."""
    with closing(Session.of_one_turn()) as session:
        assert [*session.masked_values().rows()] == []
        assert session.masked_values().read == ValueTable().read
