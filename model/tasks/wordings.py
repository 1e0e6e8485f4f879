"""Words by which a statement is read: what makes a number of it a label, a part of an operation, a
qualification or a conclusion. `statements` says what follows from each.

Patterns named `*_AFTER` match what follows a number; those that end in '$' what precedes it.
"""

import re

from .numbers import MONEY


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.I)


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
LABEL = _words(
    r"\b(?:steps?|part|case|option|problem|question|q|example|equation|exercise|line|method|no\."
    r"|version|item|attempt|approach|rule|figure|table|team|player|bus|group|class|machine)\s?#?$",
    r"\b[a-z]\w*\($",  # f(3)
    rf"\b{_MONTH}(?: \d{{1,2}},)?\s?$",
)
DATE_AFTER = _words(rf"\s(?:of )?{_MONTH}")
SOFT_LABEL = _words(
    r"\b(?:days?|week|month|year|hour|chapter|page|number|level|grade|room|round|floor)\s?#?$"
)
LABEL_ALONE = _words(r"\W*[a-z]+ #?\d+\W*$")
OPERATION_AFTER = _words(
    r"[ )\]}]*(?:/?[a-z]+[ )]+){0,3}(?:(?:[+*/^]|-(?=\s*[\d(]))\s*[({\[]*\s*[-+]?"
    r"(?:\d|\.\d|\\|\(|[a-z]\b)|(?:plus|minus|times|divided by|multiplied by|x)\s+[-+(]*"
    r"(?:\d|\.\d|\\))",
    r"\s*(?:squared|cubed|halved|doubled|factorial)\b|\s+(?:over|by)\s+\d|\s+in\s+\d+\W*$",
    r"\s*(?:[a-z]+ )?(?:more|less|(?!rather|other)[a-z]+er) than (?:the |[a-z]+'s )?\d",
)
OPERATION_BEFORE = _words(
    r"(?:\d[\w%)\]} ]{0,30}?\s*(?:[-+*/^]|\bplus|\bminus|\btimes|\bdivided by|\bmultiplied by)"
    r"|\d x|(?:\b[a-z]|\))\s*[-+*/^]|[a-z]\s*[+*/^])\s*[({\[]*\s*$"
)
PERCENT_OF_AFTER = _words(r"(?:(?<=%)|(?<=percent)) of (?:the )?\d")
PART_OF = _words(
    r"\b(?:half|third|quarter|square|root|cube|multiples?|percent|%) of (?:the )?$",
    r"\b(?:half|twice|double|triple|divisible by|close to|near)\s+$",
    r"\b(?:sum|product|difference|quotient|average) (?:of|between) (?:\S{1,12} (?:and|,) )?$",
    r"\d[\w%)\]} ]{0,30} (?:more|less|(?!rather|other)[a-z]+er) than (?:the |[a-z]+'s )?$",
)
NOT_EXACT_AFTER = _words(
    r"\+\s*(?:$|[^\s\d])",
    r"\s*times (?:as|more|the|larger|bigger)\b",
    r"\s*(?:[a-z]+ )?(?:or (?:more|less|fewer|above|higher)|and up|at (?:least|most))\b",
)
QUALIFIER = _words(
    r"^\W*(?:(?:so|thus|then|therefore|together|altogether),?\s+)?(?:the|these|those|all|both)\s+$",
    r"\b(?:after|by|while|when|for|from|before|without|since|of|in)\s+[a-z]+ing\s+(?:the\s+)?$",
    r"\b(?:assuming|given|considering|including|excluding|counting|using)\b[^.,]{0,40}$",
    r"(?<!need )(?<!needs )(?<!needed )(?<!has )(?<!have )(?<!had )(?<!must )\bto [a-z]+\s+$",
    r"\b(?:as|than)\s+$|\b(?:in|for|from|after|before|per|with|by|on|at|within|during|every|between|among|into|since"
    r"|until|each|of|out of|to)\s+(?:(?:the|a|an|those|these|his|her|their|its|all|about|each|every"
    r"|another|exactly|only|just|first|last|other|next|remaining|original)\s+){0,2}$",
)
SUBORDINATE = _words(
    r"\b(?:after|since|because|if|when|while|given|although|before|with|for|by|in|at|from|of|as)\b"
    r"[^,;]{0,80}$"
)
TOTAL_OF = _words(
    r"\b(?:total|sum|amount|average|mean|profit|cost|price|value|distance|age|score|height|length"
    r"|weight|change|maximum|minimum|result|answer|number|difference|product|balance|speed|remainder"
    r"|comes|adds? up|amounts?|equal|reduced|increased?s?|left|ends? up|finish(?:es)?)"
    r"\s+(?:of|to|with)\s+(?:(?:about|exactly|just|only)\s+)?$",
    r"\b(?:total|sum|together|altogether|combined)[:,]?\s+$",
)
RULED_OUT = _words(
    r"(?:\b(?:can)?not|n't|\bnever|\binstead of|\brather than|\bother than|\bunlike|\bneither|\bnor"
    r"|\bno longer)\s+(?:(?:be|equal to|equal|the|exactly|just|is|to)\s+){0,2}$"
)
WRONG_AFTER = _words(
    r"\s*(?:can't|cannot|could not|couldn't|won't|doesn't|does not|would be wrong)\b",
    r"\W{0,3}(?:[a-z]+\s)?(?:is|was|are|were|would be|seems|looks)\s+(?:\w+\s)?"
    r"(?:not\W*$|not (?:enough|right|correct|it|the)\b|wrong|incorrect|too|impossible)",
    r"\W{0,3}(?:[a-z]+\s)?(?:isn't|wasn't|aren't|\(?(?:wrong|incorrect))",
)
COMPARED = _words(
    r"(?:[<>≤≥≠±]|\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than"
    r"|\bat (?:least|most)"
    r"|(?<!\badd )(?<!\badds )(?<!\brounds )(?<!\brounded )\bup to|-\s*\(|\balmost|\bnearly"
    r"|\bover|\bunder|\babove|\bbelow|\bbetween|\beither)\s*$"
)
TWO_COMPARED = _words(r"\d\s*(?:[<>≠≤≥]|!=|vs)\s*[-\d]")
CERTAINTY = _words(r"\s*(?:%\s*)?(?:confident|sure|certain|confidence)")
JOINED = _words(
    r"(?:(?:\s+[a-z]+){0,5},?\s+(?:and|or|otherwise|through|&)|(?:\s+[a-z]+){0,2}\s*(?:\sto|,|±|;))\s+"
    r"(?:(?:also|then|another|about|possibly|maybe)\s+)?(?:[a-z]\s?=\s?)?$",
    r"\s*±\s*$",
)
ENDS_LIST = _words(r"\s*(?:[a-z]+\s*)?(?:[,;.)}\]]|$|and\b|or\b)")
JOINED_BEFORE = _words(r"(?:\s+(?!comes|amounts|equal|adds?|up|down)[a-z]+)?,?\s+(?:and|or|to)\s+$")
TOTAL_AFTER = _words(r"\s*(?:[a-z]+\s+)?(?:in total|altogether|in all|total|left|remaining)\b")
PARTS = _words(  # of one quantity: '2 hours 30 minutes'
    r"\s*(?:hours?|hrs?|h|minutes?|mins?|feet|foot|ft|pounds?|lbs?|days?|weeks?|years?|months?|km|m"
    r"|dollars?|degrees|remainder|r|°|'|mod)\.?\s*(?:,|and)?\s*$"
)
DIRECT = _words(
    r"[\W_]*(?:(?:that|it|there|this|is|it's|are|be|just|exactly|about|approximately|approx|around"
    r"|roughly|simply|now|still|equal|equals|to|a|an|the|total|of|value|number|x|y|n|only|will"
    r"|would|should|likely|probably|might|could|may|yes|so|text|usd|eur|gbp)\b[\W_]*){0,6}$"
)
BARE = _words(
    r"[\W_]*(?:(?:is|it's|just|exactly|about|approximately|around|roughly|equal to|equals|x|usd)\b"
    r"[\W_]*){0,3}$"
)
RIGHT_SIDE = _words(r"[\W_]*(?:(?:about|approximately|roughly|exactly|a|total|of|usd)\b\W*){0,3}$")
COPULA = _words(
    r"\b(?:it|that)'s\s+$|:\s+$",
    r"(?<!\bthere )(?<!\bto )\b(?:is|are|was|were|equals|equal to|will be|would be|comes to|totals"
    r"|makes?)\s+"
    r"(?:(?:about|exactly|only|just|approximately|then|now|therefore|thus|a|total|of)\s+){0,3}$",
)
CONCLUSION = _words(
    r"[,;:—-]\s*(?:and\s+)?(?:so|thus|hence|therefore|then)\b",
    r"\b(?:therefore|thus|hence|consequently|which (?:is|means|gives|makes|equals|leaves))\b",
    r"(?:[\d)%]|\bthis|\bthat|\bwhich|\bit)\s+(?:gives|makes|yields|leaves)(?: us| him| her)?",
    r"\b(?:rounds|rounded) (?:up |down )?(?:to|is|gives)|\bfor a total of|\badds? up to",
    r"\bto get|\b(?:we|i) get",
    r"\b(?:comes to|amounts to|equals|is equal to|a total of)",
    r",\s*(?!assuming|including|excluding|using|considering|counting|having|being)[a-z]+ing"
    r"(?=\s+(?:[a-z]+\s+){0,3}\d)",
    r"(?:^|[,;:]\s*)(?:in total|altogether|overall|in all)\b,?",
    r"[;,]\s*(?:but\s+)?now\b",
    r"\bbut (?:it |the \w+ )?(?:should be|is actually|actually|is)|\bbut(?= [-+.]?\d)",
)
RESTATED = _words(r"\bthat is,?\s|\bthat's\b|\bi\.e\.,?\s")
TRAILING = _words(
    r"\b(?:after|once|when|before|if|while|until|because|since|although|though)\s+[^,;.]{0,60}$"
)
REASON = _words(  # '8 pets: 3 cats and 5 dogs'
    r"\d[^.]{0,80}?(,?\s+(?:because\b|since\b|#\s|//\s|which (?:satisf|match|agree|check|conf)))",
    r"^[^:]*\b(?:has|have|had|is|are|was|were|gets?|makes?|total(?: of)?|needs?) "
    rf"{MONEY}?[\d.,]{{1,20}}%?(?: \w+)?(:)\s",
    r"\d[^.:]{1,40}\b(?:in total|altogether|in all)(:)\s",
)
BULLET = _words(r"\s*(?:[-*•]\s+(?=\D|[\d.,]+\s+(?!degree)[a-z])|\(?\d{1,2}[.)]\s+(?=\S))")
CONCLUDES = _words(r"\W*(?:so|thus|hence|therefore)\b")
SOMEBODY_BEFORE = _words(
    r"\b(?:no|first|last|second|next|this|that|which|each|every|the|any|some|right|wrong)\s+$"
)
SOMEBODY_AFTER = _words(r"\s+(?:of|who|that|can|by|at|day|thing|way)\b")
EACH_AFTER = _words(r"\s*(?:each|per|a|an|apiece|/)\b")
TUPLE = re.compile(r"[(\[][-+\s\d./]{1,60}(?:,[-+\s\d./]{1,60}){1,20}[)\]]")
TWO_NAMES = re.compile(  # 'x = 5 and y = ...'
    r"(?:^|[\s,(])[A-Za-z]\w{0,10}\s*=\s*[-+\d./]{1,20}\s*(?:,|;|and|or)\s*(?:and\s+)?"
    r"[A-Za-z]\w{0,10}\s*$"
)
