"""Whether a short text says enough to be known again by it: "continue" is everybody's, "Anna's salary?" is not.

It decides only about texts that a private turn had as its whole prompt or answer. The words are English: a short text
in another language counts as telling, so that it is refused rather than sent.
"""

from __future__ import annotations

import re

from trooper_cli.lazy_re import pattern

# In letters and digits. So many make a text telling in two words or more; twice as many in one.
FLOOR = 8
# What stands as a line, or as a part of one, in a longer text needs so many.
LINE_FLOOR = 12
# A letter of Chinese, Japanese or Korean says as much as three others.
_DENSE = "\u2e80"
_WORD = pattern(r"[^\W_]+(?:['\u2019][^\W_]+)*", re.UNICODE)
_ENDINGS = ("'s", "'re", "'ll", "'ve", "'d", "'m", "n't")
_ORDINARY = frozenset(
    """a abort about above absolutely abstract accept accepted act actually add added adjust advantages after afternoon
again agree agreed ahead all almost already alright also alternative alternatives although always am american an
analyse analysis analyze and angular another ansible answer answers any anybody anyone anything anyway anywhere
api apologies apologise apologize append applied apply appreciate appreciated approach approve approved arabic
are argument array article articles as asap ask asked asking assert assertion assertions assess assume assuming
async at audience await awesome awk aws azure b back backend background bad bash basic basically be because been
before begin being below benefits best better between big bigger bitbucket blog bold book boolean boring both
bottom brainstorm branch break breakdown brief briefly bring british broken bug bugs build builds bullet bullets
bump but button by bye c calculate callback can cancel cancelled cannot capital caption cargo case cases casual
catch cause caused causes cd change changed changelog changes chapter chart check checked checks cheers chinese
choice choices choose ci clarified clarify class clean cleaner clear clearly cli client close closure code
combine come command commands comment comments commit commits compare comparison compile compiles complete
completely compute concise conclusion config configuration configure confirm confirmed conflict conflicts
confused confusing cons const context continue continued continuing contrast convert cool copy correct correctly
could count counting counts couple course cover coverage crash crashed crashes create criticise criticize
critique css csv cut d data database date dates day days dead debian debug decide decided decorator default
define defined definition delete deleted deploy deprecated describe description design despite detail detailed
details diagram dictionary did diff difference different disadvantages disagree discussion do docker docs
docstring document documentation does doing done dont double down downgrade dr draft draw drawbacks duplicate
duplicates dutch e each easier easy edge edit editor efficient efficiently eight either elaborate elaborated
eli5 else emacs email emails empty english enough ensure entire enum equation error errors essay essentially etc
evaluate even evening ever every everyone everything everywhere exactly example examples excellent exception
exceptions exit expand explain explained explanation expression expressions extra extract extracts f fail failed
failing fails fair false fantastic fast faster feature feedback feel feels felt few fifth figure file files fill
film final finally find fine finish first five fix fixed fixture fixtures folder following for foreach forget
form formal format formatting former formula four fourth french friendlier friendly from frontend full fullstack
function functions funny further fyi game gave gcp general generate generator german get git github gitlab give
given gives giving glad go goes going golang gone good goodbye got grammar grammatical graph great greeting
greetings grep group guess had haha haiku half handle handling happen happened happens happy hard harder has
haskell have having he heading headings headline hello helm help helped helpful helps her here herself hey hi
higher him himself hindi hint hints his hm hmm hold honest hope hopefully hour hours how however html http huh
hundred i idea ideas if image images imagine important imports improve improvement improvements in include
incorrect informal inheritance ini inline input insert inspect install installed instead instruction
instructions int integer interesting interface into intro introduce introducing introduction is issue it italian
italic iterator its itself japanese java javascript jest job join joke json judge just k8s keep key keys kind
know korean kotlin kubernetes lambda language languages larger last later latest latin least left legacy less
let lets letter letters level lgtm life like likely limerick line liner lines link lint linux list listed
listing lists literally little log logging login logs lol long longer look looking looks loop loops lot love
lower lowercase lua lyrics mac macos made main make makes making many markdown match matches may maybe me mean
meaning means meant memory merge message messages method might migrate migration mind mine minute missing
mistake mistakes misunderstood mock model models module moment mongodb month more morning most move moved movie
much multiple music must my myself mysql name names natural need needed needs neither never new next nginx nice
night nine no nobody node none nope not note notes nothing now nowhere npm null number numbered numbers object
objects odd of off ok okay old on once one ones only onto oops open opposite optimise optimised optimize option
options or order ordered ordinary other our out outline output over overview own page paragraph paragraphs
parameter parameters parse part parts paste patch path pause people per perfect performance perhaps perl person
php pick pip pipeline place plan play played please plot pls plz poem poetry point pointer points polish polite
politely port portuguese possible post postgres powershell pr pretend pretty previous print prints probably
problem problems proceed professional program project promise prompt proofread proper properly pros provide pull
push put pytest python queries query question questions quick quickly quit quite raise rate rather react read
readable readme ready really reason rebase recap recheck recommend recommendation recommendations recursion
recursive redis redo refactor reference reformat regex regexp regular reject rejected release remember remind
reminder remove rename reorder reorganise reorganize repeat rephrase replace replaced reply request requests
rerun response rest restart restructure result results resume retry return returns reuse revert review revise
rework rewrite riddle right risks ruby run running russian rust safe said same sample samples save say says
scala script search second section secure security sed see seem seems select send sense sentence sentences
serious server set setting seven several shell short shorten shorter should show similar simple simpler simplify
simply since six size slogan slow slower small smaller snippet snippets so software solution solve some somebody
someone something somewhere song sonnet sorry sort sorted sorts sound sounds spanish speak speaking specific
speed spell spelling split spot sql sqlite stack start started starts state statement step steps still stop
story strange string struct stuff style subject succinct such suggest suggestion suggestions summaries summarise
summarize summary super support suppose supposing sure swift syntax system table tagline take talk talking task
tell telling template templates ten terminal terms terraform test testing tests text than thank thanks that the
their them themselves then there these they thing things think third this those though thought thread three
through throw thx tighten time title tl tldr to today todo together told toml tomorrow tone tonight too tool top
topic total totally trace transform translate translation tried trim true try tune tuple turkish turn tweak
tweet two ty type types typescript typical typo typos ubuntu unclear undefined under underline understand
understood undo unhelpful unit unittest universe unless unordered until up update updated upgrade uppercase url
us use used useful useless user users uses using usual usually validate value values variable variables various
verbose verified verify version versus very via vim voice vs vue wait walk want was way ways we weather week
weird welcome well were what whatever when where whether which whichever while who whoever whole why wider will
window windows wip wise with without wonderful word words work working works world would wow write writing
written wrong xml yaml yarn yeah year years yep yes yesterday yet you young your yours yourself zsh""".split()
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
