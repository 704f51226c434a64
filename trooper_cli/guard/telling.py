"""Whether a short text says enough to be known again by it: "continue" is everybody's, "Anna's salary?" is not.

It decides only about texts that a private turn had as its whole prompt or answer. The words are English: a short text
in another language counts as telling, so that it is refused rather than sent.
"""

from __future__ import annotations

import re

from trooper_cli.lazy import pattern

# In letters and digits. So many make a text telling in two words or more; twice as many in one.
FLOOR = 8
# What stands as a line, or as a part of one, in a longer text needs so many.
LINE_FLOOR = 16
# A letter of Chinese, Japanese or Korean says as much as three others.
_DENSE = "\u2e80"
_WORD = pattern(r"[^\W_]+(?:['\u2019][^\W_]+)*", re.UNICODE)
_ENDINGS = ("'s", "'re", "'ll", "'ve", "'d", "'m", "n't")
_ORDINARY = frozenset(
    """a about above absolutely actually add added after again agree agreed ahead all almost already alright also
always am an and another answer answers any anybody anyone anything anyway apologies appreciate appreciated approach
are argument array as ask at awesome b back bad basic be because been before begin being below best better between big
both branch break briefly bug bugs build bullet but button by bye c can cannot case cases change changed changes
changelog chapter check class clean clear clearly cli code come command commands comment comments commit commits
compare complete completely confirm const continue convert cool correct could course create css csv d data day days
debug default describe description design detail detailed details diff difference different do docker docs docstring
document documentation does doing done dont down draft e each easy edit either else email emails english enough entire
error errors essay even ever every everyone everything exactly example examples excellent explain explanation explained
extra f fail failed failing fails fair false fantastic feature few file files fill final finally find fine finish
first fix fixed folder following for form format formal french from full function functions further general generate
german get git give glad go goes going gone good goodbye got grammar great had half happen happened happens happy hard
has have having he hello help helpful helps her here hey hi him his hold how however html i idea ideas if important
improve improvement improvements in include informal input instead instruction instructions int into introduction is
issue italian it its java javascript job joke json just keep kind know last later latest least left less let letter
lets level like likely line lines link linux list little log login logs long longer look looking looks loop lot love
made main make makes making many markdown may maybe me mean meaning means merge message messages method might mine
minute mistake mistakes module moment more morning most move much must my name names need needed needs never new next
nice night no nobody none nope not note notes nothing now number numbers of off ok okay old on once one ones only open
opposite option options or order other our out outline output over overview own page paragraph paragraphs parse part
parts paste path patch perfect perhaps place plan please point points poem possible post pr pretty previous print
probably problem problems proceed program project prompt proofread proper properly provide pull push python question
questions quick quickly quite rather read readme ready really reason recap refactor regex release remove rename repeat
rephrase replace reply request response rest result results return review revert revise rewrite right run running
rust safe said same save say says script second section see send sense sentence sentences set setting shell short
shorten shorter should show simple simpler simplify simply since size small so software solution some somebody someone
something sort sorry sound sounds spanish specific spell spelling sql stack start started starts state statement step
steps still stop story string stuff style subject such suggest suggestion suggestions summaries summarise summarize
summary super support sure syntax system table take task tell terms terminal test testing tests text than thank thanks
that the their them then there these they thing things think this those though thought three time title to today
together tomorrow tone too tool topic total totally trace translate translation tried true try turn two type typescript
typo typos under understand understood unit until up update updated us use used useful user using usually value values
variable variables version very wait want was way we welcome well were what when where whether which while who whole
why will wise with without wonderful word words work working works world would write writing written wrong xml yaml yeah
yep yes yesterday yet you your yours""".split()
)


def is_telling(text: str, floor: int = FLOOR) -> bool:
    """Return whether a whole text is long enough, and holds a word that is not everybody's."""
    found = words(text)
    weight = sum(3 if letter >= _DENSE else 1 for word in found for letter in word if letter.isalnum())
    enough = weight >= floor and (weight >= 2 * FLOOR or len(found) >= 2)
    return enough and not all(map(_is_ordinary, found))


def is_ordinary(text: str) -> bool:
    """Return whether each word is everybody's, or a small number."""
    return all(map(_is_ordinary, words(text)))


def words(text: str) -> list[str]:
    return [word.lower().replace("\u2019", "'") for word in _WORD.findall(text)]


def _is_ordinary(word: str) -> bool:
    if word.isdecimal():
        return len(word) <= 3
    for ending in _ENDINGS:
        word = word.removesuffix(ending)
    return not word or word.replace("'", "") in _ORDINARY
