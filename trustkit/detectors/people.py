# ruff: noqa: RUF001, SIM905 (letters of other scripts, and lists of words, are what it is about)
"""Detectors of persons themselves: their names, dates of birth, and pictures or prints of their bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from trustkit.detectors.detector import IDENTIFIERS, Detector
from trustkit.detectors.numbers import NOTHING

if TYPE_CHECKING:
    from trustkit.detectors.content import Content
    from trustkit.detectors.detector import Places

_NAME_WORDS = re.compile(
    r"(?<!product )(?<!file )(?<!user )(?<!company )(?<!column )"
    r"\b(?:(?:full|first|last|given|family|middle|sur|maiden|birth|person|client|customer|patient"
    r"|applicant|employee|student|borrower"
    r"|guarantor|passenger|holder|contact|manager|doctor|author|owner|cardholder|beneficiary"
    r"|guardian|mother|father|spouse) ?names?"
    r"|surname|forename|patronymic|fio|фио|ф и о|фамили\w*|имя|отчество|имя отчество|клиент фио"
    r"|заявитель|пациент|сотрудник"
    r"|ном у насаб|ному насаб|насаби?|номи пурра|номи падар|исми шариф|исми|исм|фамилияси"
    r"|отасининг исми|шарифи?|тегі|тек|есімі|аты жөні|әкесінің аты"
    r"|аты|аты жөнү|фамилиясы|атасынын аты|familiyasi?|familya|ism|ismi|sharifi?|otasining ismi|f "
    r"i sh|fish|f i o|ady|ady we familiýasy"
    r"|familiýasy|atasynyň ady|nom|nomi|nasab|ad soyad|soyad|adı|isim|نام|نام خانوادگی|اسم|الاسم|لقب)\b"
)
_LETTERS = r"[^\W\d_]"
_WORD = rf"{_LETTERS}+(?:['ʻʼ’`‘-]{_LETTERS}+){{0,3}}"
_SHAPE = re.compile(
    rf"(?m)^ ?(?=[^\Wa-zа-яёәғқңөұүһіўҷӣӯҳ\d_]){_WORD}(?:\.?,? (?:{_WORD}"
    rf"|{_LETTERS}\.)\.?){{0,4}}(?: ?{_LETTERS}\.){{0,2}} ?$"
)
_LOOSE = re.compile(
    rf"(?m)^ ?{_WORD}(?:\.?,? (?:{_WORD}|{_LETTERS}\.)\.?){{0,4}}(?: ?{_LETTERS}\.){{0,2}} ?$"
)
_PATRONYMIC = re.compile(
    r"(?i)(?<![^\W_])[А-ЯЁҒҚҲҶӢӮЎӘӨҰҮІҢ][а-яёғқҳҷӣӯўәөұүіңһ'-]{1,30},? "
    r"(?:[А-ЯЁҒҚҲҶӢӮЎӘӨҰҮІҢ][а-яёғқҳҷӣӯўәөұүіңһ'-]{1,30} )?"
    r"[А-ЯЁҒҚҲҶӢӮЎӘӨҰҮІҢ][а-яёғқҳҷӣӯўәөұүіңһ]{1,30}(?:ович|евич|ёвич|ьич|овна|евна|ёвна|ична)(?![^\W_])"
    r"|(?<![^\W_])[A-Z][a-z'-]{1,30} (?:[A-Z][a-z'-]{1,30} )?[A-Z][a-z]{1,30}(?:ovich|evich|ovna"
    r"|evna|ichna|yevich|yevna)(?![^\W_])"
    r"|(?<![^\W_])[^\W\d_]{2,30} (?:уулу|кызы|қызы|ұлы|угли|ўғли|кизи|қизи|оглы|гызы"
    r"|o['ʻʼ’`‘]?g['ʻʼ’`‘]?li|qizi|uulu|kyzy|uly|qyzy|ogly|gyzy|oglu|qızı|oğlu|o'gly)(?![^\W_])"
    r"|(?<![^\W_])[^\W\d_]{3,30}(?:ұлы|қызы|qyzy)(?![^\W_])"
    r"|(?<![^\W_])[А-ЯҒҚҲҶӢӮ][а-яёғқҳҷӣӯ]{2,30}(?:зода|заде)(?![^\W_])"
    r"|(?<![^\W_])[A-Z][a-z']{2,30}(?:zoda|zade|zadeh)(?![^\W_])"
    r"|(?<![^\W_])[A-ZА-ЯЁ][^\W\d_]{1,30}(?:ов|ев|ёв|ин|ова|ева|ёва|ина|ский|ская|ко|ук|юк|ян|иён"
    r"|ov|ev|ova|eva|in|ina|sky|iy|yan) [A-ZА-ЯЁ]\. ?(?:[A-ZА-ЯЁ]\.|(?=\n|$))"
    r"|(?<![^\W_])(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Mme|г-н|г-жа|гр)\.? [A-ZА-ЯЁ][^\W\d_]{1,30}"
)
_ENDINGS = (
    *(
        "ович евич ёвич ьич овна евна ёвна ична ovich evich ovna evna ichna yevna уулу кызы қызы ұлы "
        "угли ўғли кизи қизи оглы гызы li"
    ).split(),
    *(
        "qizi uulu kyzy uly qyzy ogly gyzy oglu qızı oğlu зода заде zoda zade zadeh ов ев ёв ин ова "
        "ева ёва ина ский ская ко ук юк ян"
    ).split(),
    *("иён ov ev ova eva in ina sky iy yan skaya enko pur пур бек bek").split(),
)
_TITLES = frozenset("mr mrs ms miss dr prof herr frau mme жа гр".split())
_SURNAME = re.compile(
    r"(?im)^ ?[^\W\d_]{2,30}(?:ов|ев|ёв|ова|ева|ёва|ский|ская|енко|зода|заде|иён|пур|ян|бек|ов[а]?"
    r"|ov|ev|ova|eva|yev|yeva|sky|skaya|enko|zoda|zade|pur|ogly|bek)"
    r"(?:,? [^\W\d_][^\W\d_.'ʻ’-]{0,30}){0,2} ?$"
)
_GIVEN = frozenset(
    "александр александра алексей анна андрей анастасия дмитрий екатерина елена иван ирина игорь "
    "мария михаил наталья "
    "николай ольга павел сергей светлана татьяна юлия владимир виктор юрий евгений максим артём "
    "артем денис роман "
    "нурлан айгуль айгерим ерлан данияр асель аслан бауыржан гульнара динара жанар мадина серик "
    "тимур алия арман айдос "
    "азамат бакыт айбек нурбек чынара гулзат эрмек каныкей бермет айпери мээрим эркин рустам "
    "фаррух дилшод шахноза "
    "гулнора нигора бахтиёр жасур отабек зулфия малика феруза фируза фарход зарина мехрона "
    "парвина фаридун сомон "
    "далер манижа нилуфар бахтиер рахмон исмоил сино ситора мадина мухаммад мухаммед ахмад али "
    "хасан хусейн фотима "
    "aleksandr alexander alexandra anna andrey anastasia dmitry elena ivan irina maria mikhail "
    "natalia nikolay olga "
    "pavel sergey svetlana tatiana vladimir viktor aziz aziza bobur dilnoza dilshod farrukh "
    "feruza gulnora jasur kamola "
    "laylo malika nigora nodira otabek rustam sardor shahnoza shavkat temur ulugbek umida zulfiya "
    "nurlan aigul aygul "
    "gulnara yerlan daniyar aslan timur azamat bakyt aibek nurbek chynara batyr maral ogulgerek "
    "merdan gurban "
    "myrat aman jeren aygul bahar mekan serdar mahri oguljan john james robert michael william "
    "david richard thomas "
    "charles mary patricia jennifer linda elizabeth barbara susan sarah jessica karen nancy peter "
    "paul george daniel "
    "matthew mark laura emma olivia sophia lucas muhammad mohammed ahmed ahmad ali hassan hussein "
    "fatima omar yusuf "
    "mehmet mustafa ayşe fatma emine hatice zeynep ahmet hasan hüseyin "
    "محمد احمد علی حسن حسین فاطمه مریم زهرا عبدالله رضا خان گل نور احمدی محمدی کریم رحیم نجیب "
    "فرید جمیل زینب عمر یوسف "
    "أحمد علي فاطمة مريم عبد".split()
)
_ARABIC = re.compile(
    r"(?m)^ ?[\u0621-\u064a\u066e-\u06d3]{2,20}(?: [\u0621-\u064a\u066e-\u06d3]{2,20}){1,3} ?$"
)
_ARABIC_LETTER = re.compile("[\u0621-\u06d3]")
_ARABIC_END = re.compile(r"(?:زاده|پور|الدین|الله|یار|زی|اللّه|نژاد)(?: |$)")

_BIRTH_WORDS = re.compile(
    r"\b(?:birth ?(?:day|date|dt)?|dob|date of birth|born(?: on)?|bday|дата рожд\w*|рожд\w*|день "
    r"рожд\w*|родил\w*|д р|таваллуд\w*|санаи таваллуд"
    r"|туғилган\w*|туған\w*|туулган\w*|tugilgan\w*|tug ilgan\w*|dogl\w*|doğum\w*|تولد|تاریخ تولد)\b"
)
_DAY = (
    r"(?:(?:19|20)\d\d[-./]?(?:0[1-9]|1[0-2])[-./]?(?:0[1-9]|[12]\d|3[01])|(?:0?[1-9]|[12]\d"
    r"|3[01])[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:(?:19|20)?\d\d)|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d"
    r"|3[01])/(?:19|20)?\d\d)"
)
_BIRTHDAY = re.compile(rf"(?m)^ ?{_DAY}(?:[T ]00:00(?::00(?:\.0+)?)?)?(?: г\.?р?\.?)? ?$")
_BORN = re.compile(
    rf"(?i)(?:\bborn(?: on)?|\bdob|\bbirth ?date|\bdate of birth|\bрод\.|\bродил(?:ся|ась)|\bдата "
    rf"рождения|\bд\.р\.|\bтаваллуд\w*|\bтуған күні|\btug['ʻ’]?ilgan\w*)[^\w\n]{{0,3}}{_DAY}|{_DAY} "
    rf"?г\.? ?р(?:\.|ожд)"
)

_BORN_WORDS = frozenset(
    (
        "born dob birthdate birth род родился родилась рождения р рожд таваллуд таваллуди туған ilgan "
        "tugilgan"
    ).split()
)

_PICTURE = re.compile(
    r"(?m)^(?:(?:data:image/[a-z.+-]{2,10};base64,)|/9j/[A-Za-z0-9+/]{8}|iVBORw0KGgo"
    r"|Qk0[A-Za-z0-9+/]{20}|ÿØÿ|\\xff\\xd8\\xff|.PNG {2}"
    r"|\\x89PNG|FMR[ \\]|Rk1S[A-Za-z0-9+/]|ÿ\xa0ÿ|\\xff\\xa0\\xff)"
)
_PICTURE_WORDS = re.compile(
    r"\b(?:photo|selfie|face|facial|portrait|avatar|fingerprint|iris|retina|voice ?print"
    r"|biometric\w*|palm|signature image|фото\w*|отпечат\w*|биометр\w*|сурат|лицо|расм|бармоқ изи"
    r"|саус ізі)\b"
)
_VECTOR = re.compile(r"(?m)^\[? ?-?\d[\d.e-]{0,24}(?:, ?-?\d[\d.e-]{0,24}){15}|^[A-Za-z0-9+/]{80}")


def _find_names(content: Content) -> tuple[Places, Places]:
    if content.numbers:
        return NOTHING
    proven = [_with_given_name(content)]
    if content.ends(_ENDINGS) or not _TITLES.isdisjoint(content.words):
        proven += [content.search(_PATRONYMIC), _mostly(content, content.search(_SURNAME))]
    named = _NAME_WORDS.search(content.spoken) is not None
    found = np.unique(np.concatenate(proven))
    return np.union1d(found, content.search(_LOOSE)) if named else found, found


def _with_given_name(content: Content) -> Places:
    """Values of two to four capitalized words, one a common given name; Arabic script has no capitals."""
    patterns = [] if _GIVEN.isdisjoint(content.words) else [_SHAPE]
    if not content.joined.isascii() and _ARABIC_LETTER.search(content.joined):
        patterns.append(_ARABIC)
    found = []
    for pattern in patterns:
        for match in pattern.finditer(content.joined):
            words = re.split(r"[ ,.]+", match[0].lower().strip())
            ends = pattern is _ARABIC and _ARABIC_END.search(match[0]) is not None
            if len(words) > 1 and (ends or not _GIVEN.isdisjoint(words)):
                found.append(match.start())
    return content.places(found)


def _mostly(content: Content, found: Places) -> Places:
    """Endings of surnames prove nothing of one word (Rostov), something of a column."""
    return found if len(found) >= max(5, 0.6 * len(content.texts)) else NOTHING[0]


def _find_birthdays(content: Content) -> tuple[Places, Places]:
    named = _BIRTH_WORDS.search(content.spoken) is not None
    proven = NOTHING[1] if _BORN_WORDS.isdisjoint(content.words) else content.search(_BORN)
    return np.union1d(proven, content.search(_BIRTHDAY)) if named else proven, proven


def _find_pictures(content: Content) -> tuple[Places, Places]:
    if content.numbers:
        return NOTHING
    proven = content.search(_PICTURE)
    named = _PICTURE_WORDS.search(content.spoken) is not None
    return np.union1d(proven, content.search(_VECTOR)) if named else proven, proven


DETECTORS = (
    Detector("person-name", IDENTIFIERS, "names of persons", _find_names, _NAME_WORDS),
    Detector("birth-date", IDENTIFIERS, "dates of birth", _find_birthdays, _BIRTH_WORDS),
    Detector("picture", IDENTIFIERS, "pictures or biometric data", _find_pictures, _PICTURE_WORDS),
)
