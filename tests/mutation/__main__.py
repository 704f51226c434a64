"""Take each label check and each locality check away in turn: the suite must go red every time.

    python -m tests.mutation            # all, a line each; exit 1 if one is not noticed

A mutant is a place in the code, what stands there, what is put instead, and the tests that have to notice.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent


class Mutant(NamedTuple):
    """One check taken away."""

    what: str
    file: str
    old: str
    new: str
    tests: str


PROMISE, LOCALITY, SESSION = "tests/test_promise.py", "tests/net/test_locality.py", "tests/store/test_session.py"
FETCH = "tests/engines/test_model_fetch.py"
WHO, GUARD, OLLAMA = "tests/cli/test_ask.py", "tests/guard", "tests/engines/test_ollama.py"
THINKING, OLLAMA_MODELS = "tests/engines/test_thinking.py", "tests/engines/test_ollama_models.py"
MEMORY = "tests/memory"
CHANGED, WHOLES = "tests/messages/test_changed_history.py", "tests/guard/test_wholes.py"
MESSAGES, HISTORY = "tests/messages/test_request.py", "tests/messages/test_history.py"
FIELDS = "tests/messages/test_fields.py"
PIPE, REFUSED, DECLASSIFY = "tests/test_pipe.py", "tests/ask/test_refused.py", "tests/guard/test_declassify.py"
NAMES, SCREEN = "tests/cli/test_session_name.py", "tests/cli/test_screen.py"
INTERRUPTED, COMMAND_LINE = "tests/ask/test_interrupted.py", "tests/ask/test_refused_command_line.py"
MODEL_NAME = "tests/ask/test_model_name.py"
REFUSED_AGAIN = "tests/ask/test_refused_again.py"
HOOK, COMPLETION = "tests/cli/test_git_hook.py", "tests/cli/test_completion.py"
STORE = "tests/store/test_store.py"
ARGUMENTS, CONFIG = "tests/cli/test_arguments.py", "tests/cli/test_config.py"
FORMS = "tests/guard/test_normalize.py"
UNITS, CREDENTIALS, EVERYDAY = (
    "tests/guard/test_units.py",
    "tests/guard/test_credentials.py",
    "tests/guard/test_everyday.py",
)
UNSEEN, SPANS = "tests/guard/test_unseen.py", "tests/guard/test_spans.py"
RE2 = "tests/guard/test_go_regex.py"
LOCAL_KEY = "tests/engines/test_local_key.py"
COUNT, WINDOW, MODELS = "tests/cli/test_count.py", "tests/ask/test_exact_window.py", "tests/cli/test_models.py"
CAPS = "tests/ask/test_caps.py"
BATCH = "tests/cli/test_batch.py"
SCHEMA, JSON_SCHEMA, API_SCHEMA = (
    "tests/cli/test_schema.py",
    "tests/test_json_schema.py",
    "tests/messages/test_schema.py",
)
HERE, AGAIN, NAMED = "tests/cli/test_here.py", "tests/cli/test_again.py", "tests/cli/test_named_cloud.py"
MASK, MASK_FILTER = "tests/guard/test_mask.py", "tests/cli/test_mask.py"
LAW, REAL, KIT = "tests/test_noninterference.py", "tests/engines/test_real.py", "tests/test_conformance.py"

MUTANTS = [
    Mutant(
        "the public view shows all turns",
        "store/views.py",
        '    _place = "public_place"\n'
        "    # Whatever a file from elsewhere says of how its texts compare: one word means public.\n"
        "    _condition = \"label = 'public' COLLATE BINARY AND public_place IS NOT NULL\"",
        '    _place = "private_place"\n    _condition = "private_place IS NOT NULL"',
        PROMISE,
    ),
    Mutant(
        "failed turns that are imported are told",
        "store/session.py",
        "bool(turn.answer) and turn.status in _TOLD",
        "bool(turn.answer)",
        KIT,
    ),
    Mutant(
        "refused turns are told",
        "store/session.py",
        "if found and answer and status in _TOLD:",
        "if found and answer:",
        WHO,
    ),
    Mutant(
        "both views share a state",
        "store/memory_cache.py",
        "self._label = view.label.value",
        'self._label = "all"',
        LAW,
    ),
    Mutant(
        "forgotten turns stay in the memory",
        "store/session.py",
        "memory_cache.clear(self._connection, label)",
        "pass",
        MEMORY,
    ),
    Mutant(
        "a public line of a report holds a private value",
        "ask/sitrep.py",
        "return session.turn(numbers[new]).label is session.turn(numbers[old]).label",
        "return True",
        "tests/ask/test_sitrep.py",
    ),
    Mutant(
        "credentials are printed in a report",
        "ask/sitrep.py",
        "report.lines(reversed(list(view.latest())), tokens, mask, may_join)",
        "report.lines(reversed(list(view.latest())), tokens, None, may_join)",
        "tests/ask/test_sitrep.py",
    ),
    Mutant(
        "credentials enter the memory",
        "ask/context.py",
        "return recollect(view, mask,",
        "return recollect(view, str,",
        MEMORY,
    ),
    Mutant(
        "the cloud engine takes any context",
        "engines/anthropic.py",
        "if context.view.label is not Label.PUBLIC:",
        "if False:",
        PROMISE,
    ),
    Mutant(
        "the local key is sent to another address than one shown to be local",
        "net/locality.py",
        "if host not in local_hosts:",
        "if False:",
        LOCAL_KEY,
    ),
    Mutant(
        "the local key is asked for where another engine is asked",
        "engines/local.py",
        "if not _asks_server(settings):",
        "if False:",
        LOCAL_KEY,
    ),
    Mutant(
        "a redirect of the local server is followed with its key",
        "engines/openai.py",
        """        with to_local(self._local(), "/chat/completions", request, read_timeout) as response:
            if response.status != 200:""",
        """        from urllib.request import Request as Plain, urlopen

        with to_local(self._local(), "/chat/completions", request, read_timeout) as response:
            if to := response.headers.get("location"):
                urlopen(Plain(to, request.body, request.headers))
            if response.status != 200:""",
        LOCAL_KEY,
    ),
    Mutant(
        "a dry run prints the local key",
        "cli/dry_run.py",
        'secrets = {"x-api-key", "authorization"}',
        'secrets = {"x-api-key"}',
        LOCAL_KEY,
    ),
    Mutant(
        "trooper config prints the local key",
        "cli/config.py",
        'if KNOWN[name].kind == "key" and value is not None:',
        "if False:",
        LOCAL_KEY,
    ),
    Mutant(
        "a history that the cloud keeps goes on",
        "messages/request.py",
        'elif fields.get("thread") is not None:',
        "elif False:",
        MESSAGES,
    ),
    Mutant("unknown labels are public", "turn.py", 'if value == "public"', 'if value != "private"', SESSION),
    Mutant(
        "--local is public",
        "ask/route.py",
        'Decision(Label.PRIVATE, Side.LOCAL, "flag")',
        'Decision(Label.PUBLIC, Side.LOCAL, "flag")',
        WHO,
    ),
    Mutant(
        "TROOPER_LOCAL=1 is public",
        "ask/route.py",
        'Decision(Label.PRIVATE, Side.LOCAL, cast("Reason", origin))',
        'Decision(Label.PUBLIC, Side.LOCAL, cast("Reason", origin))',
        WHO,
    ),
    Mutant(
        "--cloud=NAME and --local go together",
        "cli/named_cloud.py",
        'or (side == "--cloud" and names)]',
        "]",
        NAMED,
    ),
    Mutant(
        "an unknown cloud is another one", "engines/clouds.py", "named = _named(name, named, settings)", "pass", NAMED
    ),
    Mutant(
        "--cloud=off is a name",
        "cli/arguments.py",
        "if (word := value_word(value)) in _HERE or",
        "if (word := '') or",
        NAMED,
    ),
    Mutant(
        "--cloud off is a prompt",
        "cli/arguments.py",
        '    if value_word(text) in (_HERE if switch == "--cloud" else _OFF):',
        "    if text in _OFF:",
        NAMED,
    ),
    Mutant(
        "--cloud =other asks another cloud", "cli/arguments.py", "if is_one_word and next", "if False and next", NAMED
    ),
    Mutant("a name behind --cloud is a prompt", "cli/named_cloud.py", "_NAME not in meta:", "False:", NAMED),
    Mutant(
        "beside a named cloud Claude is asked",
        "engines/clouds.py",
        "if name in {None, Anthropic.name} and has_key",
        "if has_key",
        NAMED,
    ),
    Mutant("the lock is open", "ask/route.py", "if cloud_lock:", "if False:", WHO),
    Mutant(
        "--here under the lock stays public",
        "ask/route.py",
        "    if cloud_lock:",
        "    if cloud_lock and not here:",
        HERE,
    ),
    Mutant(
        "--here makes public what was to be private",
        "ask/route.py",
        "    if local_flag is None and local_setting is True:",
        "    if local_flag is None and local_setting is True and not here:",
        HERE,
    ),
    Mutant(
        "--here is told private turns",
        "ask/fallback.py",
        "local_engine_of(turn, local_key_of(turn)), turn.public_view)",
        "local_engine_of(turn, local_key_of(turn)), turn.private_view)",
        HERE,
    ),
    Mutant(
        "--here goes to the cloud",
        "ask/route.py",
        'Side.LOCAL, "flag")\n    if local_flag is False or',
        'Side.CLOUD, "flag")\n    if local_flag is False or',
        HERE,
    ),
    Mutant(
        "--here is not looked at by the guard",
        "ask/pipeline.py",
        "    if decision.label is Label.PRIVATE:\n        return decision\n    if ask_request.model",
        "    if decision.side is Side.LOCAL:\n        return decision\n    if ask_request.model",
        HERE,
    ),
    Mutant(
        "again sends a private prompt to the cloud", "ask/route.py", "    if is_of_private:", "    if False:", AGAIN
    ),
    Mutant(
        "again sends a private prompt where --cloud says so",
        "ask/route.py",
        "    if is_of_private:\n        if local_flag is False:",
        "    if is_of_private and local_flag is not False:\n        if local_flag is False:",
        AGAIN,
    ),
    Mutant(
        "again tells the earlier answers",
        "ask/turn_in_progress.py",
        "return repeated.number if repeated else None",
        "return None",
        AGAIN,
    ),
    Mutant(
        "again takes the number of the turn for its place",
        "store/views.py",
        "self._end = self._end if first is None else int(first)",
        "self._end = min(self._end, before - 1)",
        LAW,
    ),
    Mutant(
        "again uses a memory that goes further",
        "store/memory_cache.py",
        "    if state.turns > len(view):",
        "    if False:",
        AGAIN,
    ),
    Mutant(
        "a new system prompt of a private turn is forgotten",
        "ask/refused.py",
        "    if repeats_private:",
        "    if False:",
        AGAIN,
    ),
    Mutant("TROOPER_LOCAL is lenient", "settings.py", "if text not in _SWITCH:", "if False:", WHO),
    Mutant("an empty TROOPER_LOCAL is unset", "settings.py", '"boolean", empty_is_unset=False', '"boolean"', WHO),
    Mutant(
        "unknown settings pass",
        "settings.py",
        "if name not in _TABLES and (name not in KNOWN or not KNOWN[name].in_file):",
        "if False:",
        WHO,
    ),
    Mutant(
        "a fallback is told private turns",
        "ask/fallback.py",
        "return _instead_of(_on_this_machine(turn, writer, local, turn.public_view)",
        "return _instead_of(_on_this_machine(turn, writer, local, turn.private_view)",
        PROMISE,
    ),
    Mutant(
        "no gate around private turns",
        "ask/fallback.py",
        "with this_machine_only():",
        "with __import__('contextlib').nullcontext():",
        LOCALITY,
    ),
    Mutant("the gate lets connections through", "net/egress.py", "if event in _SENDINGS and", "if False and", LOCALITY),
    Mutant("the gate lets look-ups through", "net/egress.py", "if event in _LOOK_UPS and", "if False and", LOCALITY),
    Mutant("the gate lets children through", "net/egress.py", "if event in _CHILDREN:", "if False:", LOCALITY),
    Mutant("who was let out once stays so", "net/egress.py", "_LET_OUT.reset(token)", "pass", LOCALITY),
    Mutant(
        "the end of one turn opens the gate",
        "net/egress.py",
        "self._holders.remove(holder)",
        "self._holders.clear()",
        LOCALITY,
    ),
    Mutant(
        "one local address is enough", "net/locality.py", "if not all(is_loopback", "if not any(is_loopback", LOCALITY
    ),
    Mutant("any host is local", "net/locality.py", "if host not in local_hosts:", "if False:", PROMISE),
    Mutant("localhost is looked up", "net/locality.py", 'if host == "localhost":', "if False:", LOCALITY),
    Mutant(
        "names are looked up again",
        "net/loopback.py",
        "for address in self._endpoint.addresses:",
        "for address in (self._endpoint.host,):",
        LOCALITY,
    ),
    Mutant(
        "the peer is not checked",
        "net/loopback.py",
        "if not self._endpoint.on_network and not is_loopback(peer):",
        "if False:",
        LOCALITY,
    ),
    Mutant("cloud names of Ollama pass", "engines/ollama.py", "if has_cloud_suffix(name):", "if False:", PROMISE),
    Mutant("no lock on Ollama's model", "engines/ollama.py", 'return f"{self.name}:local"', "return self.name", OLLAMA),
    Mutant(
        "stubs in the list pass",
        "engines/ollama.py",
        "if any(is_remote(row) for row in rows if",
        "if any(False for row in rows if",
        PROMISE,
    ),
    Mutant("stubs that are shown pass", "engines/ollama.py", "if is_remote(shown):", "if False:", PROMISE),
    Mutant("remote answers pass", "engines/ollama.py", "if is_remote(chunk):", "if False:", PROMISE),
    Mutant(
        "a stub may be the default",
        "engines/ollama.py",
        "if not (is_remote(row) or",
        "if not (False or",
        PROMISE,
    ),
    Mutant(
        "a cloud name may be the default",
        "engines/ollama.py",
        'or has_cloud_suffix(text(row, "name")))]',
        "or False)]",
        PROMISE,
    ),
    Mutant("private thought is printed unknown to the guard", "ask/thought.py", "self._know(known)", "pass", THINKING),
    Mutant(
        "private thought is shown although the guard could not remember it",
        "ask/thought.py",
        "        self._know(known)\n        self._sink.think(new)",
        "        self._sink.think(new)\n        self._know(known)",
        THINKING,
    ),
    Mutant(
        "thought is a part of the answer",
        "ask/attempt.py",
        "writer.add_thought(piece.text)",
        "writer.add(piece.text)",
        THINKING,
    ),
    Mutant(
        "private turns choose the model of public ones",
        "engines/ollama_models.py",
        "return _read(home).get(label)",
        "return _read(home).get(Label.PRIVATE)",
        OLLAMA_MODELS,
    ),
    Mutant("the cloud follows redirects", "net/http.py", "follow_redirects=False", "follow_redirects=True", WHO),
    Mutant("every proxy variable is obeyed", "net/http.py", "trust_env=False", "trust_env=True", PROMISE),
    Mutant(
        "plain http to any cloud",
        "net/http.py",
        'if parts.scheme == "http" and not names_loopback(base):',
        "if False:",
        LOCALITY,
    ),
    Mutant(
        "the token of the hub goes where it redirects to",
        "engines/model_source.py",
        "or _origin(url) != _origin(source.hub)",
        "or False",
        FETCH,
    ),
    Mutant("a download follows to plain http", "net/download.py", 'parts.scheme == "https" or (', "True or (", FETCH),
    Mutant("public prompts are not looked at", "ask/pipeline.py", "    if not findings:\n", "    if True:\n", GUARD),
    Mutant(
        "private prompts are not remembered",
        "store/store.py",
        "session.begin(label, prompt, system, on_commit)",
        "session.begin(label, prompt, system)",
        STORE,
    ),
    Mutant(
        "private answers are not remembered", "store/store.py", "on_commit=on_commit, **outcome", "**outcome", GUARD
    ),
    Mutant(
        "one-off prompts are not remembered",
        "store/store.py",
        "self._write_known(write if session.name is not None else None, known)",
        "self._write_known(write, known) if session.name is not None else None",
        GUARD,
    ),
    Mutant(
        "one-off answers are not remembered",
        "store/store.py",
        "            self._write_known(write if number is not None else None, known or GuardedText())\n",
        "            number is not None and self._write_known(write, known or GuardedText())\n",
        GUARD,
    ),
    Mutant(
        "a turn is written before its fingerprints",
        "store/session.py",
        "            self._call_before_commit(on_commit, number, is_stamped=label is Label.PRIVATE)\n",
        "        self._call_before_commit(on_commit, number, is_stamped=label is Label.PRIVATE)\n",
        f"{STORE}::test_a_kill_within_any_method_of_the_store",
    ),
    Mutant(
        "an answer is written before its fingerprints",
        "store/session.py",
        "            self._call_before_commit(on_commit, turn, is_stamped=label is Label.PRIVATE)\n",
        "        self._call_before_commit(on_commit, turn, is_stamped=label is Label.PRIVATE)\n",
        f"{STORE}::test_a_kill_within_any_method_of_the_store",
    ),
    Mutant(
        "imports are written before their fingerprints",
        "store/session.py",
        "            self._call_before_commit(on_commit, first, is_stamped=True)\n",
        "        self._call_before_commit(on_commit, first, is_stamped=True)\n",
        f"{STORE}::test_a_kill_within_any_method_of_the_store",
    ),
    Mutant(
        "the guard looks before it was handed the sessions",
        "guard/knowledge.py",
        "        if not self._is_ready:\n",
        "        if False:\n",
        STORE,
    ),
    Mutant(
        "imports are not remembered", "store/store.py", "session.add(turns, know_private)", "session.add(turns)", GUARD
    ),
    Mutant(
        "imports declassify",
        "store/store.py",
        'if warn is None:\n                raise LocalityError(f"nothing was imported',
        'if False:\n                raise LocalityError(f"nothing was imported',
        DECLASSIFY,
    ),
    Mutant(
        "share declassifies what leaks",
        "store/store.py",
        "            if warn is None:\n                is_",
        "            if False:\n                is_",
        DECLASSIFY,
    ),
    Mutant(
        "imports declassify text of their own",
        "guard/guard.py",
        "if private and ('\"' in text or not private.isdisjoint(marks)):",
        "if False:",
        DECLASSIFY,
    ),
    Mutant(
        "share declassifies others' text",
        "guard/fingerprints.py",
        "AND (id >= ({first})",
        "AND (1 OR id >= ({first})",
        DECLASSIFY,
    ),
    Mutant(
        "share declassifies credentials",
        "guard/guard.py",
        "return sorted([*repeats, *self.secrets(text)], key=",
        "return sorted(repeats, key=",
        DECLASSIFY,
    ),
    Mutant(
        "a pipe gets what is not on record",
        "ask/output.py",
        "if self.failure is None or self._label is Label.PUBLIC or self._turn.ask_request.on_terminal:",
        "if True:",
        PIPE,
    ),
    Mutant(
        "a stream goes on where the guard fails",
        "ask/output.py",
        "        except StorageError as error:\n            if not self._prints_at_once:",
        "        except StorageError as error:\n            if False:",
        PIPE,
    ),
    Mutant(
        "show prints what the guard does not know",
        "cli/known_to_guard.py",
        "store.guard.know_all(session.identity(), session.turns())",
        "pass",
        PIPE,
    ),
    Mutant(
        "a rehearsed prompt is not remembered",
        "ask/output.py",
        "if text != ask_request.prompt or name not in guard.known([name]).private:",
        "if False:",
        REFUSED,
    ),
    Mutant(
        "a refused prompt is forgotten",
        "cli/ask.py",
        'given_schema.remember(guard, system or "", parts, [*repetition.no_names(), *swallowed])',
        "None",
        REFUSED,
    ),
    Mutant(
        "what is refused or fails before it is on record is forgotten",
        "ask/refused.py",
        "        caller.remember_refused(ask_request, guard)",
        "        return",
        REFUSED,
    ),
    Mutant(
        "what a signal ends before it is on record is forgotten",
        "ask/refused.py",
        "    except BaseException as refusal:",
        "    except TrooperError as refusal:",
        REFUSED,
    ),
    Mutant(
        "beside a session that cannot be read nothing is remembered",
        "ask/refused.py",
        "sqlite3.Error, OSError):\n        return True\n    return is_meant_private(None, settings)",
        "sqlite3.Error, OSError):\n        return False\n    return is_meant_private(None, settings)",
        REFUSED,
    ),
    Mutant(
        "a private session with a stray character is none",
        "ask/refused.py",
        "if name and _is_near_private(home, name, settings):",
        "if False:",
        "tests/ask/test_refused_command_line.py",
    ),
    Mutant(
        "a skipped line is forgotten",
        "cli/batch/run.py",
        "            remember_skipped(batch, line, printer.notify)",
        "            pass",
        BATCH,
    ),
    Mutant(
        "what stands for all lines is forgotten",
        "cli/batch/run.py",
        "        if is_meant_private_in(home, batch.session, batch.local_flag, settings):",
        "        if False:",
        BATCH,
    ),
    Mutant(
        "a lock in a broken file is none",
        "ask/refused.py",
        "            or _is_lock_in(settings.file)\n",
        "",
        REFUSED,
    ),
    Mutant(
        "a misspelt variable wants no private turn",
        "ask/refused.py",
        "    if _is_misspelt_lock(settings):",
        "    if False:",
        REFUSED,
    ),
    Mutant(
        "settings are looked at before the prompt is read",
        "cli/ask.py",
        "        text = last.prompt",
        '        settings.validate("cloud")\n        text = last.prompt',
        REFUSED,
    ),
    Mutant(
        "what a signal ends while the pipeline is loaded is forgotten",
        "cli/ask.py",
        "        answer = _asked(",
        "        leave()\n        answer = _asked(",
        INTERRUPTED,
    ),
    Mutant(
        "a request that a signal ends while the pipeline is loaded is forgotten",
        "cli/messages.py",
        "        if dry_run:\n            from",
        "        leave()\n        if dry_run:\n            from",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "a prompt on record is remembered once more",
        "ask/refused.py",
        "        if not is_left_to_another and is_private():",
        "        if is_private():",
        INTERRUPTED,
    ),
    Mutant(
        "standard input is waited for before files are read",
        "cli/prompt_input.py",
        "    read(0, lambda",
        "    if stdin is not None:\n        parts.append(stdin_text(stdin, notify))\n    read(0, lambda",
        INTERRUPTED,
    ),
    Mutant(
        "beside an unknown option the prompt is forgotten",
        "cli/app.py",
        "        _remember_refused(arguments, command, environment, refusal)\n",
        "",
        COMMAND_LINE,
    ),
    Mutant(
        "beside a wrong value the prompt is forgotten",
        "cli/app.py",
        "        _remember_refused(arguments, command, environment, error)\n",
        "",
        COMMAND_LINE,
    ),
    Mutant(
        "a misspelt flag wants no private turn",
        "cli/refused_line.py",
        '"--local" in str(refusal) or any(_is_private_option(each, options) for each in given)',
        '"--local" in words',
        COMMAND_LINE,
    ),
    Mutant(
        "a lock of another name is none",
        "ask/refused.py",
        "    return says_private(name) or value.lower()",
        "    return value.lower()",
        REFUSED,
    ),
    Mutant(
        "an error repeats a prompt",
        "cli/app.py",
        '                message = message.replace(repr(value), "it")',
        "                pass",
        COMMAND_LINE,
    ),
    Mutant(
        "a prompt over the budget is forgotten",
        "ask/pipeline.py",
        "        with remembering_unless_done(store, pending.is_private, pending.remember):",
        "        if True:",
        REFUSED,
    ),
    Mutant(
        "doctor tries a cloud with a text",
        "engines/cloud_check.py",
        '"messages": []',
        '"messages": [{"role": "user", "content": "hello"}]',
        "tests/cli/test_doctor.py",
    ),
    Mutant(
        "a refused request is forgotten",
        "messages/refused.py",
        "remember_prompt(guard, text, [*_names(messages), *places])",
        "pass",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "a refused request that is no JSON is forgotten",
        "messages/refused.py",
        "        self._request = parsed(self._data)",
        "        try:\n            self._request = parsed(json.dumps(json.loads(self._data)))\n"
        "        except (ValueError, RecursionError):\n            self._request = Node()",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "what is no list of messages is forgotten",
        "messages/refused.py",
        "            yield [*texts_in(item)]",
        "            yield []",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "the start of an answer is forgotten",
        "messages/refused.py",
        "    return messages[start:]",
        "    return [message for message, is_one in zip(messages, is_answer, strict=True) if not is_one]",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "strokes before an option's name make a prompt of it",
        "cli/arguments.py",
        "if is_dash else not _OTHER_SIGNS.isdisjoint(signs):",
        "if is_dash else True:",
        ARGUMENTS,
    ),
    Mutant(
        "an option on the last line is a prompt",
        "cli/arguments.py",
        " or _AFTER_BREAK.search(shown)",
        "",
        ARGUMENTS,
    ),
    Mutant(
        "a variable with a typing error in its first part is another program's",
        "ask/variables.py",
        "if any(_is_near(word, each) for word in letters)",
        "if False",
        CONFIG,
    ),
    Mutant(
        "a session is emptied under all its names",
        "store/store.py",
        "        database.check_alone(path)\n",
        "",
        STORE,
    ),
    Mutant(
        "a request that cannot be answered here is forgotten",
        "ask/pipeline.py",
        "        with remembering_unless_done(store, pending.is_private, pending.remember):",
        "        if True:",
        "tests/messages/test_refused.py",
    ),
    Mutant(
        "the model's name is not looked at",
        "ask/pipeline.py",
        "if not findings and decision.side is Side.CLOUD and",
        "if False and",
        MODEL_NAME,
    ),
    Mutant(
        "sessions that come from elsewhere are not taken in",
        "store/guard_sync.py",
        "    for name, identity in changed.items():\n",
        "    for name, identity in ():\n",
        GUARD,
    ),
    Mutant("folders keep others' rights", "files.py", "path.chmod(0o700)", "pass", SESSION),
    Mutant("files keep others' rights", "files.py", "path.chmod(mode & 0o700)", "pass", SESSION),
    Mutant("links are followed", "database.py", 'getattr(os, "O_NOFOLLOW", 0)', "0", SESSION),
    Mutant(
        "case twins are two sessions",
        "store/catalog.py",
        "    if twin := twin_of(home, name):",
        "    if twin := None:",
        SESSION,
    ),
    Mutant(
        "audit trusts what it reads later",
        "store/audit.py",
        '(record["private"] or record["counted_private"])',
        'record["counted_private"]',
        GUARD,
    ),
    Mutant(
        "the embedded engine's port is open",
        "engines/embedded.py",
        "parameters.api_keys = [secrets.token_urlsafe(32)]",
        "secrets.token_urlsafe(32)",
        REAL,
    ),
    Mutant(
        "a staged change that the hook could not ask about is forgotten",
        "cli/propose.py",
        "remembering_unless_done(store, lambda: True,",
        "remembering_unless_done(store, lambda: False,",
        HOOK,
    ),
    Mutant(
        "what stands where a session's name belongs is forgotten",
        "cli/repetition.py",
        "return given if len({*given}) > 1 else [text for text in given if not is_name(text)]",
        "return []",
        REFUSED_AGAIN,
    ),
    Mutant(
        "an again that fails does not look at the last turn of the sessions on its line",
        "cli/repetition.py",
        "return self.repeats and is_last_private(self.home, names)",
        "return False",
        REFUSED_AGAIN,
    ),
    Mutant(
        "the last turn of a session in another case is not looked at",
        "cli/repetition.py",
        "last_turn(home, twin_of(home, name) or name).label",
        "last_turn(home, name).label",
        REFUSED_AGAIN,
    ),
    Mutant(
        "a word that is no command and says local is no wish",
        "cli/refused_line.py",
        "is_local = _is_short(first) and _says_local(first)",
        "is_local = False",
        REFUSED_AGAIN,
    ),
    Mutant(
        "a file of the working directory is the model of that name",
        "engines/pulled.py",
        'if named.startswith("~") or',
        'if Path(named).exists() or named.startswith("~") or',
        "tests/cli/test_models.py",
    ),
    Mutant(
        "a command that prints a key is given the keys of other clouds",
        "engines/key_command.py",
        "name not in keys and not",
        "not",
        CONFIG,
    ),
    Mutant("the hook asks whoever is set", "cli/propose.py", '"ask", "--local", "--stream"', '"ask", "--stream"', HOOK),
    Mutant("the hook asks in a session", "cli/propose.py", ' if name != "TROOPER_SESSION"', "", HOOK),
    Mutant(
        "a failure is a commit message",
        "cli/propose.py",
        "    if code and not is_late:\n        return Answer(None, is_late, code)\n",
        "",
        HOOK,
    ),
    Mutant(
        "any model's name is offered to a shell",
        "cli/completion/values.py",
        "if _MODEL.fullmatch(model)",
        "",
        COMPLETION,
    ),
    Mutant(
        "x_force_local is passed over",
        "messages/adapter.py",
        "local_flag=True if body.force_local or options.local else None",
        "local_flag=None",
        MESSAGES,
    ),
    Mutant(
        "private pairs stay in a history",
        "messages/history.py",
        "        if not _is_private(exchange, known):",
        "        if True:",
        HISTORY,
    ),
    Mutant(
        "changed texts of a history are not known again",
        "guard/text_keys.py",
        "return tuple({form: None for form in (loose(text), loose(bare(text))) if form})",
        "return ()",
        CHANGED,
    ),
    Mutant(
        "changed texts of a history count with the time before them",
        "guard/text_keys.py",
        "(before := _BEFORE.match(text)) and reduced(",
        "(before := _BEFORE.match(text)) and False and reduced(",
        CHANGED,
    ),
    Mutant(
        "changed texts of a history hide in another shape",
        "messages/caller.py",
        "if path := _private_leaf(self.body, seen, guard):",
        "if path := None:",
        CHANGED,
    ),
    Mutant(
        "private prompts are asked again in public",
        "guard/fingerprints.py",
        "if not private or public:\n            return []",
        "if True:\n            return []",
        WHOLES,
    ),
    Mutant(
        "a program's request is not looked at",
        "messages/caller.py",
        "return system + guard.look(self.text) + guard.look(self.beside_text)",
        "return system + guard.look(self.beside_text)",
        HISTORY,
    ),
    Mutant(
        "arguments that look like options are prompts",
        "cli/app.py",
        "        check(arguments, command)\n",
        "",
        ARGUMENTS,
    ),
    Mutant(
        "other dashes are letters",
        "cli/arguments.py",
        'if kind == "Pd" or letter in _DASHES or',
        "if False and",
        ARGUMENTS,
    ),
    Mutant(
        "what is not seen is a letter",
        "cli/arguments.py",
        'if letter in _BLANK or (kind[0] in "CM" and kind != "Cs"):',
        "if False:",
        ARGUMENTS,
    ),
    Mutant(
        "options after -- are prompts",
        "cli/arguments.py",
        'level.option_of("".join(islice(_folded(argument), _LONGEST))):',
        '"":',
        ARGUMENTS,
    ),
    Mutant(
        "values may hold options", "cli/arguments.py", "        _check_text(level, value, f", "        str(f", ARGUMENTS
    ),
    Mutant("misspelt variables pass", "cli/ask_request.py", "    check_variables(settings.environ)\n", "", CONFIG),
    Mutant(
        "a rehearsal that fails is forgotten",
        "ask/rehearsal.py",
        "        remembering_unless_done(store, pending.is_private, pending.remember),\n",
        "",
        REFUSED,
    ),
    Mutant(
        "a command's misspelt variables pass",
        "cli/environment.py",
        "        if check:\n",
        "        if False:\n",
        CONFIG,
    ),
    Mutant("figures are no letters", "ask/variables.py", 'f"O{one}EASTB"', '"0134578"', CONFIG),
    Mutant(
        "a program's misspelt variables pass",
        "cli/messages.py",
        "    check_variables(settings.environ)\n",
        "",
        CONFIG,
    ),
    Mutant(
        "rules are read from the current folder",
        "settings.py",
        "return self.file.parent / Path(text).expanduser()",
        "return Path(text).expanduser()",
        GUARD,
    ),
    Mutant(
        "a file from elsewhere switches off Trooper's rules",
        "guard/credentials.py",
        "for_extra if rank < of_extra else own.allowlists",
        "for_extra or own.allowlists",
        GUARD,
    ),
    Mutant(
        "encoded text is not decoded", "guard/normalize.py", "if not (pieces := way(form.decoded)):", "if True:", FORMS
    ),
    Mutant("the heads of lines stay", "guard/normalize.py", "(line_heads, True), ", "", FORMS),
    Mutant("look-alike letters are others", "guard/normalize.py", ".translate(LOOKALIKES)", "", FORMS),
    Mutant(
        "encoded credentials pass",
        "guard/credentials.py",
        "for form in forms(text):",
        "for form in list(forms(text))[:1]:",
        FORMS,
    ),
    Mutant("documents are not looked at", "guard/strings.py", "_text_of_pdf(data[start:]) if", '"" if', FORMS),
    Mutant(
        "digits are read in one way", "guard/digits.py", "for phase in range(base.phases):", "for phase in (0,):", FORMS
    ),
    Mutant(
        "text within bytes is passed over",
        "guard/strings.py",
        "if found and size >= _SHORTEST and",
        "if not found and",
        FORMS,
    ),
    Mutant("UTF-32 is read from its first byte on", "guard/strings.py", "in range(4):", "in range(1):", FORMS),
    Mutant("marks between words stay", "guard/normalize.py", "(markup, True), ", "", FORMS),
    Mutant(
        "only the texts of a request's messages are looked at",
        "messages/caller.py",
        "return system + guard.look(self.text) + guard.look(self.beside_text)",
        "return system + guard.look(self.text)",
        FIELDS,
    ),
    Mutant(
        "any role is a message's",
        "messages/request.py",
        'if message.get("role") not in _ROLES_OF_API:',
        'if not isinstance(message.get("role"), str):',
        FIELDS,
    ),
    Mutant(
        "names and numbers of JSON pass",
        "messages/texts.py",
        "        yield from _records(value)\n        yield _written(value)\n\n\ndef texts_in",
        "\n\ndef texts_in",
        FIELDS,
    ),
    Mutant(
        "the API's names in a request of a program are its text",
        "messages/api_names.py",
        "if is_frame(value) else [*value]",
        "if False else [*value]",
        FIELDS,
    ),
    Mutant(
        "wishes below the top of a request of a program pass",
        "messages/own_fields.py",
        "        parts += reversed(below)",
        "        pass",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "a wish for privacy has to be one of a few names",
        "messages/own_fields.py",
        "if _SAYS_SO.search(words) or _SAYS_SO.search(letters):",
        "if False:",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "a private tag of a request of a program passes",
        "messages/own_fields.py",
        "(is_label and _means_private(item))",
        "False",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "a request's tool may not have a private field",
        "messages/own_fields.py",
        "(part.is_free or _is_free(name, part))",
        "False",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "an answer of ours in a request is a wish",
        "messages/own_fields.py",
        "if name == PROVENANCE and _is_answer(part.value, item):",
        "if False:",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "wishes of a refused request are read by other eyes",
        "messages/refused.py",
        "if call.local or any(wishes_in(request)):",
        "if call.local:",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "an older message of a refused request is forgotten",
        "messages/refused.py",
        "if id(message) not in newest and not asks(message, names):",
        "if id(message) not in newest:",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "parts of a text in a request are read one by one",
        "messages/private_parts.py",
        "        yield from _apart(path, message)\n",
        "",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "what stands by itself within a line is read with all of it",
        "messages/private_parts.py",
        "        yield from _together(small, small)\n",
        "",
        "tests/messages/test_line_pieces.py",
    ),
    Mutant(
        "a private text in a link of a request is quoted",
        "messages/line_pieces.py",
        "            address = unquote(address)",
        "            pass",
        "tests/messages/test_line_pieces.py",
    ),
    Mutant(
        "JSON in a text of a request is one word",
        "messages/private_parts.py",
        "found = [value for each in found for text in texts_in(each) for value in json_in(text)]",
        "found = []",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "lines of JSON in a request are read one by one",
        "messages/split_texts.py",
        "    if len(values) > 1:\n        yield values\n",
        "",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "columns of JSON in a request are read with each other",
        "messages/split_texts.py",
        "(name + _ROW if is_table else name, item)",
        "(name, item)",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "a stream of many small pieces in a request is read as lines alone",
        "messages/split_texts.py",
        "sum(map(len, row)) < _TOKEN * len(row)",
        "False",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "names in a request are no part of a text",
        "messages/private_parts.py",
        "if with_names not in (pieces, heads):",
        "if False:",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "small blocks of a refused request are forgotten",
        "messages/texts.py",
        "if len(texts) > 1 and together else ()",
        "if False else ()",
        "tests/messages/test_split_texts.py",
    ),
    Mutant(
        "a changed private answer in a request passes",
        "messages/caller.py",
        "if (at := self._changed_answer(seen, guard)) is not None:",
        "if (at := None) is not None:",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "unknown fields of a request pass", "messages/request.py", "if name not in OURS | _KNOWN:", "if False:", FIELDS
    ),
    Mutant(
        "what stands beside a private text is forgotten",
        "messages/caller.py",
        "self._beside() if label is Label.PRIVATE else",
        "",
        FIELDS,
    ),
    Mutant(
        "another cloud takes private views",
        "engines/openai_cloud.py",
        "if context.view.label is not Label.PUBLIC:",
        "if False:",
        PROMISE,
    ),
    Mutant(
        "any schema is taken for ours",
        "database.py",
        "if not are_apart or digest_of(row[:4] for row in rows) != form.schemas[version]:",
        "if False:",
        STORE,
    ),
    Mutant(
        "a turn is placed by the file's label",
        "store/session.py",
        "self._place(turn, label)",
        "self._place(turn, self.turn(turn).label)",
        STORE,
    ),
    Mutant(
        "forget erases the fingerprints first",
        "store/store.py",
        "            if identity := session.forget(numbers):\n"
        "                self.guard.forget_turns(identity, numbers)\n",
        "            if identity := session.identity():\n"
        "                self.guard.forget_turns(identity, numbers)\n"
        "            session.forget(numbers)\n",
        STORE,
    ),
    Mutant(
        "stamps are not compared",
        "store/guard_sync.py",
        "owner == name and guard.is_listed(identity)",
        "owner == name and identity.id in last_names",
        STORE,
    ),
    Mutant(
        "a write makes a changed file known",
        "guard/index.py",
        "if session.stamp != session.before and self._is_stamp_listed(session.id, session.before):",
        "if session.stamp != session.before:",
        STORE,
    ),
    Mutant(
        "a session's id is its name",
        "store/session.py",
        "return Identity(row[0], self.name, row[1], row[1])",
        "return Identity(self.name, self.name, row[1], row[1])",
        STORE,
    ),
    Mutant(
        "no units of tables",
        "guard/fingerprints.py",
        "marks.update(self._hash(unit) for unit in tables.stored(text))",
        "pass",
        "tests/guard/test_units.py",
    ),
    Mutant(
        "prompts are not asked for cells",
        "guard/fingerprints.py",
        ", *tables.asked(text, is_new)]",
        "]",
        "tests/guard/test_units.py",
    ),
    Mutant(
        "no short secrets as printed",
        "guard/fingerprints.py",
        "short_lines(text), identifiers(text))",
        "short_lines(text))",
        "tests/guard/test_units.py",
    ),
    Mutant(
        "tickets without their dash pass",
        "guard/units.py",
        "for sign, unit_of in signs[0] if stored else (*signs[0], *signs[1]):",
        "for sign, unit_of in signs[0]:",
        UNITS,
    ),
    Mutant(
        "other dashes hide numbers",
        "guard/units.py",
        "if not text.isascii() and (plain := text.translate(_PLAIN)) != text:",
        "if not (plain := text):",
        UNITS,
    ),
    Mutant(
        "addresses in a path pass",
        "guard/units.py",
        "(_EMAIL if stored else _TYPED_EMAIL)",
        "_EMAIL",
        UNITS,
    ),
    Mutant("names with the surname first pass", "guard/tables.py", "in _TURNED.finditer(text)", "in ()", UNITS),
    Mutant("words that signs glue together are one", "guard/units.py", "_PART.finditer(glued)", "()", UNITS),
    Mutant("short secret words pass", "guard/units.py", "if not 8 <= len(letters)", "if not 10 <= len(letters)", UNITS),
    Mutant(
        "letters that look like hyphens hide numbers", "guard/unseen.py", "in _STROKE.finditer(text)]", "in ()]", UNITS
    ),
    Mutant("lines of frames are no hyphens", "guard/units.py", "\\u23e4\\u2500", "\\u23e4", UNITS),
    Mutant("accounts end with their groups", "guard/units.py", "letters = letters[:size]", "pass", UNITS),
    Mutant("typed numbers of the social security pass", "guard/units.py", ", (_TYPED_SOCIAL, _social)", "", UNITS),
    Mutant("telephone numbers without their plus pass", "guard/units.py", ", (_TYPED_PHONE, _phone)", "", UNITS),
    Mutant("numbers of the social security pass", "guard/units.py", "(_SOCIAL, _social), ", "", UNITS),
    Mutant("unseen characters hide credentials", "guard/normalize.py", "(unseen, False), ", "", CREDENTIALS),
    Mutant(
        "what nobody sees beside a blank hides secrets", "guard/unseen.py", "pieces += _ignored(text)", "pass", UNSEEN
    ),
    Mutant("what nobody sees joins words", "guard/normalize.py", ", (blanked, False))", ")", UNSEEN),
    Mutant("fillers of Hangul are letters", "guard/normalize.py", '"" if IGNORABLE.match(character) else ', "", UNSEEN),
    Mutant(
        "the name of a credential may be hidden", "guard/credentials.py", "is_new(*match)", "is_new(start, end)", UNSEEN
    ),
    Mutant(
        "look-alike letters hide credentials", "guard/unseen.py", "in _FOREIGN.finditer(text)]", "in ()]", CREDENTIALS
    ),
    Mutant("colours hide credentials", "guard/unseen.py", "{_SEQUENCE}|[^", "[^", CREDENTIALS),
    Mutant(
        "a frame of signs hides a short prompt",
        "guard/fingerprints.py",
        "if _is_longer(text, _LONGEST_WHOLE):",
        "if len(text) > _LONGEST_WHOLE:",
        WHOLES,
    ),
    Mutant(
        "import makes a short private text public",
        "guard/guard.py",
        "(turn.system, turn.prompt, turn.answer) if part and part != text]",
        "()]",
        DECLASSIFY,
    ),
    Mutant(
        "a short private prompt passes as a system prompt",
        "ask/person.py",
        'beside = [ask_request.system or "", *_texts_of_schema(ask_request)]',
        "beside = [*_texts_of_schema(ask_request)]",
        WHOLES,
    ),
    Mutant(
        "a short private system prompt is not known as a whole",
        "guard/text_keys.py",
        "return [said(form) for form in loosely(text)] if text else []",
        "return []",
        WHOLES,
    ),
    Mutant(
        "a zero is no no",
        "messages/own_fields.py",
        "(isinstance(item, (bool, int, float)) and not item)",
        "item is False",
        "tests/messages/test_own_fields.py",
    ),
    Mutant(
        "a lock in UTF-16 is none",
        "ask/refused.py",
        '.replace("\\0", "").lstrip("\\ufeff\\ufffd")',
        "",
        REFUSED,
    ),
    Mutant(
        "a session's lock ends with its case",
        "ask/refused.py",
        "name and (twin_of(home, name) or name)",
        "name or None",
        REFUSED,
    ),
    Mutant(
        "--cloud off is the cloud",
        "cli/arguments.py",
        "if before in _SIDES & level.options.keys():",
        "if before is None:",
        COMMAND_LINE,
    ),
    Mutant(
        "--no-upload is no word for private",
        "cli/refused_line.py",
        "_says_local(word) or asks({name: value or True}, ",
        "_says_local(word) or asks({}, ",
        COMMAND_LINE,
    ),
    Mutant(
        "--side=local is no word for private",
        "cli/refused_line.py",
        "if name in options or not value:",
        "if name != value:",
        COMMAND_LINE,
    ),
    Mutant(
        "share makes the answer of another turn public",
        "guard/guard.py",
        "text_keys.of_exchange(turn.prompt, turn.answer)]\n        own",
        "text_keys.of_answer(turn.answer)]\n        own",
        DECLASSIFY,
    ),
    Mutant(
        "share makes a short answer of another turn public",
        "guard/guard.py",
        "for find in self._index.whole(turn.answer, own)",
        "for find in ()",
        DECLASSIFY,
    ),
    Mutant(
        "what stands beside boilerplate passes",
        "guard/boilerplate.py",
        "(at < _PART or shown[:at] in known) and (",
        "(",
        EVERYDAY,
    ),
    Mutant(
        "a frame passes by its shape",
        "guard/fingerprints.py",
        "    return is_boilerplate(shown, is_run=is_run) or (",
        '    line = text[text.rfind("\\n", 0, find.offset) + 1 :].lstrip()\n'
        '    return line.startswith(("at org.", "File ")) or is_boilerplate(shown, is_run=is_run) or (',
        EVERYDAY,
    ),
    Mutant(
        "anything stands between lines of boilerplate",
        "guard/boilerplate.py",
        "reached[end] |= shown[at:end] in wholes",
        "reached[end] = True",
        "tests/guard/test_boilerplate.py",
    ),
    Mutant("any number stands in boilerplate", "guard/boilerplate.py", "{1,4}(?!", "{1,40}(?!", EVERYDAY),
    Mutant(
        "words of every day hide numbers",
        "guard/fingerprints.py",
        "and sum(map(str.isdigit, shown)) < 4",
        "",
        UNITS,
    ),
    Mutant(
        "rm forgets the fingerprints first",
        "store/store.py",
        "        identity = self._erase(path, name)\n",
        "        with contextlib.closing(Session.open(self._home, name)) as session:\n"
        "            identity = session.identity()\n"
        "        self.guard.forget_session(name, identity and identity.id)\n"
        "        identity = self._erase(path, name)\n",
        STORE,
    ),
    Mutant(
        "a copy of a session keeps its id",
        "store/guard_sync.py",
        "opened.become_another(identity.id)",
        "pass",
        STORE,
    ),
    Mutant("nobody is told what takes long", "guard/knowledge.py", "> SLOW_SECONDS:", "> 1e9:", STORE),
    Mutant("a lost key is not told of", "guard/index.py", "tell_lost(self.lost)", "pass", STORE),
    Mutant("a lost index is not told of", "guard/knowledge.py", 'self._tell_lost("the guard\'s index")', "pass", STORE),
    Mutant("rm does not tell of a lock", "cli/erase.py", "    if locks:\n", "    if False:\n", DECLASSIFY),
    Mutant(
        "rm takes the session of the environment",
        "cli/erase.py",
        'named_session("rm", named, session)',
        'named_session("rm", named, session, environment)',
        NAMES,
    ),
    Mutant(
        "forget takes any two names",
        "cli/session_name.py",
        "if named is not None and option is not None and named != option:",
        "if False:",
        NAMES,
    ),
    Mutant("an import of nothing makes a session", "cli/transfer.py", "if not turns:", "if False:", NAMES),
    Mutant(
        "a word behind a misspelt one is taken for the command",
        "cli/app.py",
        "near = nearest(words[0], context.command.commands) if words else None",
        "near = next((n for w in words if (n := nearest(w, context.command.commands))), None)",
        NAMES,
    ),
    Mutant("Markdown drops HTML", "cli/screen.py", '{"html": False}', '{"html": True}', SCREEN),
    Mutant(
        "imports declassify credentials",
        "guard/guard.py",
        "*self.look(text),\n                        *(find",
        "*self._repeats(text, None),\n                        *(find",
        DECLASSIFY,
    ),
    Mutant(
        "dumps are not decoded", "guard/dumps.py", "(*_DUMP.finditer(text), *_DUMP_WITHIN.finditer(text))", "()", FORMS
    ),
    Mutant(
        "bytes as variation selectors are not decoded", "guard/decoders.py", "pieces += _selected(text)", "pass", FORMS
    ),
    Mutant("escapes of CSS are not decoded", "guard/decoders.py", "in _CSS.finditer(text)", "in ()", FORMS),
    Mutant("escapes of RTF are not decoded", "guard/decoders.py", "in _RTF.finditer(text)", "in ()", FORMS),
    Mutant("octal numbers are not decoded", "guard/dumps.py", "in _OCTALS.finditer(text)", "in ()", FORMS),
    Mutant("bits in a run are not decoded", "guard/dumps.py", "in _RUN_OF_BITS.finditer(text)", "in ()", FORMS),
    Mutant(
        "words have their first byte first",
        "guard/dumps.py",
        "(bytes.fromhex(digits), turned)",
        "(bytes.fromhex(digits),)",
        FORMS,
    ),
    Mutant("base32hex is not decoded", "guard/digits.py", "[0-9A-V]{16,}|[0-9a-v]{16,}", "[0-9A-V]{999,}", FORMS),
    Mutant("digits of other scripts hide numbers", "guard/unseen.py", "elif shown.isdecimal():", "elif False:", UNSEEN),
    Mutant("base32 is not decoded", "guard/digits.py", "[A-Z2-7]{16,}|[a-z2-7]{16,}", "[A-Z2-7]{999,}", FORMS),
    Mutant(
        "short lines of base64 are not decoded",
        "guard/digits.py",
        'LINES = pattern(r"[A-Za-z0-9+/_-]{16,}(?:[\\s>|]+[A-Za-z0-9+/_-]{16,})',
        'LINES = pattern(r"[A-Za-z0-9+/_-]{40,}(?:[\\s>|]+[A-Za-z0-9+/_-]{40,})',
        FORMS,
    ),
    Mutant("what is encoded twice is not decoded", "guard/normalize.py", "_DEPTH = 5", "_DEPTH = 1", FORMS),
    Mutant(
        "encoded patterns of the user pass",
        "guard/user_patterns.py",
        "for form in forms(text):\n        for match",
        "for form in forms(text)[:1]:\n        for match",
        FORMS,
    ),
    Mutant("classes end too early", "guard/go_regex.py", 'if letter in r"\\]^[-&~|"', 'if letter in r"\\]^-&~|"', RE2),
    Mutant(
        "rules that cannot be translated are left out",
        "guard/go_regex.py",
        'raise ValueError("a repetition is repeated")',
        "pass",
        RE2,
    ),
    Mutant(
        "a pipe is read as a model",
        "engines/gguf.py",
        "if path.exists() and not path.is_file():",
        "if False:",
        REAL,
    ),
    Mutant(
        "a wish in a line of a batch is ignored",
        "cli/batch/line.py",
        "            if key not in _KEYS:\n",
        "            if False:\n",
        BATCH,
    ),
    Mutant(
        "a refused line of a batch is not remembered",
        "cli/batch/line.py",
        "return self._asks() or is_meant_private_in(",
        "return False and is_meant_private_in(",
        BATCH,
    ),
    Mutant(
        "a refused wish in a line of a batch is not remembered",
        "cli/batch/line.py",
        "return self._asks() or is_meant_private_in(",
        "return is_meant_private_in(",
        BATCH,
    ),
    Mutant(
        "a batch keeps the settings that it began with",
        "cli/batch/line.py",
        "home, settings = batch.environment.home, batch.environment.settings(check=False)\n    given",
        "home, settings = batch.environment.home, vars(answer_line).setdefault(\n"
        '        "kept", batch.environment.settings(check=False)\n'
        "    )\n"
        "    given",
        BATCH,
    ),
    Mutant(
        "a batch that is refused as a whole is not remembered",
        "cli/batch/run.py",
        "            read_stream(stdin, data)\n",
        "",
        BATCH,
    ),
    Mutant(
        "a public line of a batch overtakes a private one",
        "cli/batch/workers.py",
        "or (other.may_be_private and task.may_be_public)",
        "or False",
        BATCH,
    ),
    Mutant(
        "a line of a batch overtakes one that may be kept here",
        "cli/batch/workers.py",
        '.on_leak == "local"',
        '.on_leak == "never"',
        BATCH,
    ),
    Mutant(
        "the model of a batch runs without the gate",
        "cli/batch/model_host.py",
        "            with this_machine_only():\n",
        "            if this_machine_only():\n",
        BATCH,
    ),
    Mutant(
        "what an earlier line left in the model's cache takes part",
        "engines/embedded.py",
        'body["cache_prompt"] = False',
        "pass",
        BATCH,
    ),
    Mutant("a signal waits for llama.cpp", "__main__.py", "        os._exit(code)\n", "        sys.exit(code)\n", REAL),
    Mutant(
        "a request under way costs nothing yet",
        "store/ledger.py",
        "return price.most(row.input, row.output, for_an_hour=bool(row.cache_write_1h))",
        "return 0.0",
        CAPS,
    ),
    Mutant(
        "private turns count towards a spending cap",
        "store/attempts.py",
        "\"WHERE side = 'cloud' AND input IS NOT NULL AND output IS NOT NULL\"",
        '"WHERE input IS NOT NULL AND output IS NOT NULL"',
        CAPS,
    ),
    Mutant(
        "a shortened answer is not shortened in the request",
        "ask/caps.py",
        'body | {"max_tokens": output}',
        "body",
        CAPS,
    ),
    Mutant(
        "what may cost anything fits a cap",
        "ask/caps.py",
        "if worst.unknown is not None:",
        "if False:",
        CAPS,
    ),
    Mutant(
        "what is to be counted is not looked at",
        "ask/counting.py",
        "if findings := guard.look(text):",
        "if False:",
        COUNT,
    ),
    Mutant(
        "only the first text to be counted is looked at",
        "ask/counting.py",
        "for number, text in enumerate(texts, 1):",
        "for number, text in enumerate(texts[:1], 1):",
        COUNT,
    ),
    Mutant("a count passes the lock", "ask/counting.py", 'if settings.text("cloud") == "off":', "if False:", COUNT),
    Mutant(
        "a count goes where asks are private",
        "ask/counting.py",
        'if settings.boolean("local") is True:',
        "if False:",
        COUNT,
    ),
    Mutant(
        "a count is held to no session's settings",
        "cli/count.py",
        "settings = settings.with_session(settings_of(environment.home, check_name(name)))",
        "check_name(name)",
        COUNT,
    ),
    Mutant(
        "the model's name of a count is not looked at",
        "ask/counting.py",
        "if model != KNOWN",
        "if False and model != KNOWN",
        COUNT,
    ),
    Mutant(
        "a vocabulary is loaded by what fetches it",
        "engines/encodings.py",
        "    data = vocabulary_bytes(encoding, environ, home)\n",
        '    import tiktoken as fetching\n\n    return Encoding(fetching.get_encoding(encoding))\n    data = b""\n',
        COUNT,
    ),
    Mutant(
        "any file is a vocabulary",
        "engines/encodings.py",
        "hexdigest() == vocabulary.sha256",
        'hexdigest() != ""',
        COUNT,
    ),
    Mutant(
        "a stub is listed as a model of this machine",
        "engines/ollama_listing.py",
        'if get_path(shown, "remote_host") or get_path(shown, "remote_model"):',
        "if False:",
        MODELS,
    ),
    Mutant(
        "the exact window is filled with more",
        "ask/exact_window.py",
        "<= room:",
        "<= room * 2:",
        WINDOW,
    ),
    Mutant(
        "a schema is not looked at",
        "ask/request.py",
        "schema = self.schema.text if self.schema else None",
        "schema = None",
        SCHEMA,
    ),
    Mutant(
        "names in a schema are not known as wholes",
        "ask/person.py",
        'beside = [ask_request.system or "", *_texts_of_schema(ask_request)]',
        'beside = [ask_request.system or ""]',
        SCHEMA,
    ),
    Mutant(
        "a schema that led to no turn is forgotten",
        "cli/schema_input.py",
        'remember_parts(guard, "", [self._text])',
        "pass",
        SCHEMA,
    ),
    Mutant(
        "a schema on a wrong command line is forgotten",
        "cli/refused_line.py",
        "line.others += [given for given in schemas if is_json(given)]",
        "pass",
        SCHEMA,
    ),
    Mutant(
        "what is taken out of an answer is not known by itself",
        "ask/output.py",
        "wholes = dict.fromkeys([text, *printed])",
        "wholes = dict.fromkeys([text])",
        SCHEMA,
    ),
    Mutant(
        "what stands outside a block is streamed",
        "ask/output.py",
        "self._is_live = ask_request.live and not ask_request.extract and schema_for(ask_request, engine) is None",
        "self._is_live = ask_request.live",
        SCHEMA,
    ),
    Mutant(
        "a schema's references are fetched",
        "json_schema.py",
        "return kind(value, registry=Registry())",
        "return kind(value)",
        JSON_SCHEMA,
    ),
    Mutant(
        "references out of a schema are taken",
        "json_schema.py",
        'if not reference.startswith("#"):',
        "if False:",
        JSON_SCHEMA,
    ),
    Mutant(
        "a violation's path repeats words of the answer",
        "json_schema.py",
        "step if step in named else '*'",
        "step",
        JSON_SCHEMA,
    ),
    Mutant(
        "a program's schema is not looked at",
        "messages/caller.py",
        "if (schema := ask_request.schema) is not None:",
        "if (schema := ask_request.schema) is not None and not schema:",
        API_SCHEMA,
    ),
    Mutant(
        "a program's private schema is not remembered",
        "messages/caller.py",
        "for text in (ask_request.system, schema) if text}",
        "for text in (ask_request.system,) if text}",
        API_SCHEMA,
    ),
    Mutant(
        "masking: what the guard still finds is printed",
        "ask/masking.py",
        "            _check(masked)\n",
        "",
        MASK_FILTER,
    ),
    Mutant(
        "masking: private text is printed",
        "ask/masking.py",
        "if private := [finding for finding in findings if finding.kind == PRIVATE_TEXT]:",
        "findings = [finding for finding in findings if finding.kind != PRIVATE_TEXT]\n    if private := findings[:0]:",
        MASK_FILTER,
    ),
    Mutant(
        "masking: the search for private text sees the original",
        "guard/mask.py",
        "findings=tuple(self._look(masked.text))",
        "findings=tuple(self._look(text))",
        MASK_FILTER,
    ),
    Mutant(
        "masking: values of a refused text keep their numbers",
        "ask/masking.py",
        "            _check(masked)\n",
        "            self._kept(masked.table)\n            _check(masked)\n",
        MASK_FILTER,
    ),
    Mutant(
        "masking: only the places that a rule finds",
        "guard/mask.py",
        "_joined([*spans, *(Span(*place) for place in found)])",
        "_joined(spans)",
        MASK,
    ),
    Mutant(
        "masking: encoded values are not looked for",
        "guard/known_values.py",
        "for form in forms(text):",
        "for form in [*forms(text)][:1]:",
        MASK,
    ),
    Mutant(
        "masking: the length of a value decides its number",
        "guard/placeholders.py",
        "        number = self._next[kind]\n",
        "        number = self._next[kind] + len(self._texts.get(Name(kind, 1), '')) % 2\n",
        MASK,
    ),
    Mutant(
        "masking: a placeholder in the text is taken for ours",
        "guard/mask.py",
        'whole.append(Span(end + match.start(), end + match.end(), "TEXT", match[0]))',
        "pass",
        MASK,
    ),
    Mutant(
        "masking: a number in the text is given to a value",
        "guard/mask.py",
        "                table.reserve(name)\n",
        "                pass\n",
        MASK,
    ),
    Mutant(
        "unmask: the guard does not learn the values",
        "ask/masking.py",
        "[(None, value) for value in restorer.take()]",
        "[]",
        MASK_FILTER,
    ),
    Mutant(
        "unmask: what cannot be remembered is printed",
        "ask/masking.py",
        "                if must_remember:\n",
        "                if False:\n",
        MASK_FILTER,
    ),
    Mutant(
        "mask --show prints into a pipe",
        "cli/mask.py",
        "if not output.is_terminal and not force:",
        "if False:",
        MASK_FILTER,
    ),
    Mutant(
        "mask --show --force tells the guard nothing",
        "cli/mask.py",
        "            store.guard.remember_report(session.identity(), [(None, text) for _, text in rows])\n",
        "            pass\n",
        MASK_FILTER,
    ),
    Mutant(
        "forget leaves masked values",
        "store/session.py",
        "            self._forget_masked(numbers)\n",
        "",
        MASK_FILTER,
    ),
    Mutant(
        "rm leaves masked values of filters",
        "store/store.py",
        "                session.erase_masked()\n",
        "",
        MASK_FILTER,
    ),
    Mutant(
        "two processes give one placeholder to two values",
        "store/masked_values.py",
        "            if self._masked_count() != table.read:\n                return False\n",
        "            self._connection.execute('DELETE FROM masked')\n",
        MASK_FILTER,
    ),
    Mutant(
        "the tail of a long secret stays in clear",
        "guard/spans.py",
        "end = _end_of(run, text, end)",
        "pass",
        SPANS,
    ),
    Mutant(
        "the tail of a quoted secret stays in clear",
        "guard/spans.py",
        "end = closing if kind in _NAMED else",
        "end = end if kind in _NAMED else",
        SPANS,
    ),
    Mutant("a place takes the next parameter along", "guard/spans.py", "return min(ends, default=end)", "pass", SPANS),
    Mutant(
        "a place takes the next line along",
        "guard/credentials.py",
        "or is_broken_line(text, first)",
        "or True",
        SPANS,
    ),
    Mutant("secrets pass without their names", "guard/repeats.py", "yield at, end, value", "pass", SPANS),
    Mutant("of many values none is found again", "guard/repeats.py", "else _by_heads(text, some)", "else ()", SPANS),
    Mutant(
        "what a pattern matched passes elsewhere", "guard/user_patterns.py", "    if values:", "    if False:", SPANS
    ),
    Mutant(
        "secrets in two strings pass",
        "guard/credentials.py",
        "if (whole := joined(form)) is not None:",
        "if (whole := None) is not None:",
        SPANS,
    ),
    Mutant("a bracket before two strings hides a secret", "guard/joined.py", "yield bracket.span()", "pass", SPANS),
    Mutant(
        "what is taken out of a private JSON answer goes on",
        "guard/fingerprints.py",
        "values = _values_in(text) if",
        "values = _values_in(text)[:0] if",
        "tests/guard/test_json_values.py",
    ),
]


def noticed(mutant: Mutant, place: Path) -> bool:
    """Return whether the tests fail in a copy of the project with this mutant in it.

    Raises:
        SystemExit: the code does not hold what the mutant takes away exactly once.

    """
    copy = place / "copy"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", "*.egg-info")
    )
    file = copy / "trooper_cli" / mutant.file
    code = file.read_text(encoding="utf-8")
    if code.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.what}: {mutant.file} does not hold {mutant.old!r} exactly once")
    file.write_text(code.replace(mutant.old, mutant.new), encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=dev"]
    try:
        # The slow tests are asked only where no quick one notices.
        for marked in ("not slow and not network", "slow or network"):
            asked = [*command, "-m", marked, mutant.tests]
            done = subprocess.run(asked, cwd=copy, env=environ, capture_output=True, timeout=600, check=False)
            if done.returncode == 1:
                return True
    except subprocess.TimeoutExpired:
        # Nobody waits longer for a check to be missed.
        return False
    else:
        return False
    finally:
        shutil.rmtree(copy)


def main() -> int:
    """Run all mutants whose description holds the words given; give 1 if one went unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="run those alone whose description holds these words")
    words = " ".join(parser.parse_args().words)
    wanted = [mutant for mutant in MUTANTS if words in mutant.what]
    if not wanted:
        parser.error(f"no mutant's description holds {words!r}")
    survivors = 0
    with tempfile.TemporaryDirectory() as place:
        for mutant in wanted:
            red = noticed(mutant, Path(place))
            survivors += not red
            print(f"{'noticed ' if red else 'UNNOTICED'}  {mutant.what}", flush=True)
    print(f"{len(wanted) - survivors} of {len(wanted)} noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
