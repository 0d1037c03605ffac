"""Sums, products, quotients, percentages, comparisons: the question, the steps one may think, the answer in words."""

from __future__ import annotations

from collections.abc import Iterator

from engine.conversation.replying.tools.calculator import calculator
from starter.texts.dialogues import TOOLS, Call, Dialogue, Draw, Turn
from starter.texts.spoken_numbers import decimal_words, is_rounded, sentence, words
from starter.texts.sums import SAID, TABLE, Sum, chain, halved, steps

_ASKS = {
    "+": ("What is {a} plus {b}?", "How much is {a} plus {b}?", "What's {a} plus {b}?", "{A} plus {b}.", "Add {a} and {b}.", "Can you add {a} and {b}?", "What is the sum of {a} and {b}?", "Calculate {a} plus {b}.", "What do you get when you add {a} and {b}?", "What does {a} plus {b} equal?", "What is {a} and {b}?", "Add {b} to {a}.", "Tell me what {a} plus {b} makes."),
    "-": ("What is {a} minus {b}?", "How much is {a} minus {b}?", "What's {a} minus {b}?", "{A} minus {b}.", "Take {b} away from {a}.", "Subtract {b} from {a}.", "What is {a} take away {b}?", "Calculate {a} minus {b}.", "What do you get when you take {b} from {a}?", "What does {a} minus {b} equal?", "What is left when I take {b} from {a}?", "What is {a} less {b}?", "Tell me what {a} minus {b} makes."),
    "*": ("What is {a} times {b}?", "How much is {a} times {b}?", "What's {a} times {b}?", "{A} times {b}.", "Multiply {a} by {b}.", "Can you multiply {a} by {b}?", "What is {a} multiplied by {b}?", "Calculate {a} times {b}.", "What do you get when you multiply {a} by {b}?", "What does {a} times {b} equal?", "What is the product of {a} and {b}?", "Multiply {a} and {b}.", "Tell me what {a} times {b} makes."),
    "/": ("What is {a} divided by {b}?", "How much is {a} divided by {b}?", "What's {a} divided by {b}?", "{A} divided by {b}.", "Divide {a} by {b}.", "Can you divide {a} by {b}?", "What is {a} over {b}?", "Calculate {a} divided by {b}.", "What do you get when you divide {a} by {b}?", "What does {a} divided by {b} equal?", "How many times does {b} go into {a}?", "Split {a} into {b} equal parts.", "Tell me what {a} divided by {b} makes."),
}  # fmt: skip
_NEXT = {
    "+": ("And plus {b}?", "Plus {b}.", "Now add {b}.", "Add {b} to that.", "And {b} more?", "What is that plus {b}?", "And what if I add {b}?"),
    "-": ("And minus {b}?", "Minus {b}.", "Now take away {b}.", "Take {b} from that.", "And {b} less?", "What is that minus {b}?", "And what if I subtract {b}?"),
    "*": ("And times {b}?", "Times {b}.", "Now multiply that by {b}.", "Multiply it by {b}.", "And that times {b}?", "What is that times {b}?", "And what if I multiply it by {b}?"),
    "/": ("And divided by {b}?", "Divided by {b}.", "Now divide that by {b}.", "Divide it by {b}.", "And that divided by {b}?", "What is that divided by {b}?", "And what if I divide it by {b}?"),
}  # fmt: skip
_STORIES = (
    ("If I have {a} {t} and buy {b} more, how many do I have?", "+", "You have {r} {t}."),
    ("I have {a} {t} and get {b} more. How many {t} do I have now?", "+", "You have {r} {t}."),
    ("Anna has {a} {t} and Tom has {b}. How many do they have together?", "+", "They have {r} {t} together."),
    ("I had {a} {t} and gave away {b}. How many are left?", "-", "You have {r} {t} left."),
    ("I have {a} {t} and lose {b} of them. How many do I have left?", "-", "You have {r} {t} left."),
    ("There were {a} {t} on the table and I took {b}. How many are still there?", "-", "There are {r} {t} left."),
    ("There are {a} boxes with {b} {t} in each. How many {t} are there?", "*", "There are {r} {t}."),
    ("I buy {a} bags of {b} {t}. How many {t} do I have?", "*", "You have {r} {t}."),
    ("One ticket costs {a} dollars. How much do {b} tickets cost?", "*", "They cost {r} dollars."),
    ("Share {a} {t} among {b} children. How many does each get?", "/", "Each child gets {r} {t}."),
    ("I put {a} {t} into {b} boxes. How many {t} are in each box?", "/", "There are {r} {t} in each box."),
)
_THINGS = ("apples", "coins", "books", "cookies", "eggs", "pencils", "oranges", "stamps", "cards", "balls", "candies", "shells")  # fmt: skip
_SYMBOLS = {"+": ("+",), "-": ("-",), "*": ("*", "x", "×"), "/": ("/", "÷", ":")}
_PERCENTS = (5, 10, 15, 20, 25, 30, 40, 50, 75)
NOT_BY_ZERO = "Nobody can divide by zero."
TOO_LARGE = "That is too large for my head. Please allow the calculator tool."
_WITH_TOOL = "I use the calculator."
_X_ASKS = ("What is {x}?", "How much is {x}?", "What's {x}?", "{X}.", "Calculate {x}.", "Can you calculate {x}?", "What does {x} make?", "Work out {x}.")  # fmt: skip


def any_sum(draw: Draw, largest: int = 100) -> Sum:
    """A sum of this split. What is worked out in the head comes up evenly: the times table, numbers up to a hundred."""
    while True:
        op = draw.choice("++---***//")
        if op in "+-":
            top = draw.choice((20, 100, 100, 100, 100, 100, largest, largest))
            a, b = draw.integer(0, top), draw.integer(0, top)
            if op == "-" and a < b and draw.chance.random() < 0.85:
                a, b = b, a
        elif op == "*":
            top_a, top_b = draw.choice(((TABLE, TABLE), (TABLE, TABLE), (TABLE, TABLE), (99, 9), (99, 99)))
            a, b = draw.integer(0, top_a), draw.integer(0, top_b)
            if draw.chance.random() < 0.5:
                a, b = b, a
        else:
            a, b = _dividend(draw)
        if draw.allows(a, op, b):
            return Sum(a, op, b)


def _dividend(draw: Draw) -> tuple[int, int]:
    """Out of the times table, with a remainder, with a large quotient, of any size, or by zero."""
    kind = draw.integer(0, 19)
    b = draw.integer(1, 25 if kind in (17, 18) else 9 if kind in (14, 15, 16) else TABLE)
    if kind == 19:
        return draw.integer(0, 20), 0
    if kind > 13:
        return b * draw.integer(0, 99 if kind < 17 else 40), b
    rest = draw.integer(0, b - 1) if kind > 10 else 0
    return b * draw.integer(1 if rest else 0, TABLE - bool(rest)) + rest, b


def answer_of(s: Sum) -> str:
    """The result as a sentence."""
    if s.op == "/" and not s.b:
        return NOT_BY_ZERO
    rest = "" if s.exact else f", remainder {words(s.a % s.b)}"
    return sentence(f"{s.said} is {words(s.value)}{rest}.")


def tool_answer(said: str, result: str) -> str:
    """The calculator's result as a sentence."""
    about = "about " if is_rounded(result) else ""
    return sentence(f"{said} is {about}{decimal_words(result)}.")


def sum_turn(draw: Draw, s: Sum, offered: tuple[str, ...], asks: tuple[str, ...] | None = None) -> Turn:
    """A question about a sum; one that is not easy goes to the calculator when it is offered."""
    ask = draw.phrasing(asks or _ASKS[s.op])
    if " and {b}" in ask and s.a and s.a % 100 == 0 and s.b < 100:  # one hundred and twelve would be one number
        ask = _ASKS["+" if s.op == "+" else "*"][0]
    question = ask.format(a=words(s.a), A=sentence(words(s.a)), b=words(s.b))
    typed = ask.format(a=s.a, A=s.a, b=s.b)
    if asks is None and not draw.test and draw.chance.random() < 0.25:
        typed = draw.choice(("{x}", "{x} =", "What is {x}?", "{x}?")).format(x=_in_signs(draw, s))
    if "calculator" in offered and not s.easy:
        return _by_calculator(question, typed, s.said, s.written)
    return Turn(question, *_in_the_head(s), thinks=True, typed=typed)


def _in_signs(draw: Draw, s: Sum) -> str:
    sign = draw.choice(_SYMBOLS[s.op])
    return draw.choice(("{a} {s} {b}", "{a}{s}{b}")).format(a=s.a, s=sign, b=s.b)


def _by_calculator(question: str, typed: str, said: str, expression: str) -> Turn:
    result = calculator(expression)
    call = Call("calculator", {"expression": expression}, result)
    return Turn(question, tool_answer(said, result), _WITH_TOOL, calls=(call,), typed=typed)


def _in_the_head(s: Sum) -> tuple[str, str]:
    """The answer and the steps before it."""
    if s.op == "/" and not s.b:
        return NOT_BY_ZERO, f"{s.written} has no result."
    thought = steps(s)
    return (TOO_LARGE, f"{s.written} is too large.") if thought is None else (answer_of(s), thought)


def arithmetic(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """One to four sums, the later ones going on from the result before."""
    largest = draw.choice((100, 100, 1000))
    first = any_sum(draw, largest)
    turns = [sum_turn(draw, first, offered)]
    if first.exact and turns[0].answer not in (TOO_LARGE, NOT_BY_ZERO):
        turns += _going_on(draw, first.value, offered)
    return Dialogue("arithmetic", tuple(turns), tools=offered)


def _going_on(draw: Draw, value: int, offered: tuple[str, ...]) -> Iterator[Turn]:
    """Up to three questions that go on from a result."""
    for _ in range(3):
        s = _following(draw, value)
        if s is None or draw.chance.random() > 0.35:
            return
        turn = sum_turn(draw, s, offered, _NEXT[s.op])
        yield turn
        if turn.answer == TOO_LARGE:
            return
        value = s.value


def _following(draw: Draw, value: int) -> Sum | None:
    for _ in range(20):
        op = draw.choice("++--**/")
        b = draw.integer(1, TABLE if op in "*/" else 50)
        s = Sum(value, op, b)
        if s.exact and -100 <= s.value < 10_000 and draw.allows(s.a, op, b) and (value >= 0 or op in "+-"):
            return s
    return None


def story(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """A sum told as a little story; the numbers are small, so it is always worked out in the head."""
    ask, op, reply = draw.choice(_STORIES)
    while True:
        b = draw.integer(2, TABLE if op in "*/" else 30)
        a = draw.integer(2, TABLE) * (b if op == "/" else 1) if op in "*/" else draw.integer(b, 50)
        s = Sum(a, op, b)
        if s.value > 1 and draw.allows("story", a, op, b):
            break
    thing = draw.choice(_THINGS)
    question, typed = ask.format(a=words(a), b=words(b), t=thing), ask.format(a=a, b=b, t=thing)
    turn = Turn(question, reply.format(r=words(s.value), t=thing), steps(s) or "", thinks=True, typed=typed)
    return Dialogue("story", (turn,), tools=offered)


def three_numbers(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Sums of three numbers, from left to right, always in the head."""
    while True:
        op, next_op = draw.choice("++-*"), draw.choice("+-")
        top = TABLE if op == "*" else 50
        first = Sum(draw.integer(1, top), op, draw.integer(1, top))
        second = Sum(first.value, next_op, draw.integer(1, 30))
        if first.value >= 0 and second.value >= 0 and draw.allows(first, second.b, next_op):
            break
    said = f"{first.said} {SAID[next_op]} {words(second.b)}"
    ask = draw.phrasing(_X_ASKS)
    turn = Turn(
        ask.format(x=said, X=sentence(said)),
        sentence(f"{said} is {words(second.value)}."),
        f"{steps(first)}. {steps(second)}",
        thinks=True,
        typed=ask.format(x=(written := f"{first.written} {next_op} {second.b}"), X=written),
    )
    return Dialogue("three numbers", (turn, *_going_on(draw, second.value, offered)), tools=offered)


def percentage(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """So many percent of something: the calculator if there is one, else tenths and halves in the head."""
    while True:
        percent, base = draw.choice(_PERCENTS), draw.integer(1, 40) * 20
        if draw.allows("percent", percent, base):
            break
    ask = draw.phrasing(("What is {p} percent of {b}?", "How much is {p} percent of {b}?", "{P} percent of {b}.", "What's {p} percent of {b}?", "Calculate {p} percent of {b}.", "Can you calculate {p} percent of {b}?", "Give me {p} percent of {b}.", "Tell me {p} percent of {b}."))  # fmt: skip
    question = ask.format(p=words(percent), P=sentence(words(percent)), b=words(base))
    typed = ask.format(p=percent, P=percent, b=base).replace(" percent", "%")
    said = f"{words(percent)} percent of {words(base)}"
    if "calculator" in offered:
        turn = _by_calculator(question, typed, said, f"{percent}% of {base}")
    else:
        answer = sentence(f"{said} is {words(percent * base // 100)}.")
        turn = Turn(question, answer, percent_steps(percent, base), thinks=True, typed=typed)
    return Dialogue("percentage", (turn,), tools=offered)


def percent_steps(percent: int, base: int) -> str:
    """Halves for 50, 25 and 75 percent, tenths for the others; at the end the result."""
    if percent in (50, 25, 75):
        thought = [halved(base)]
        if percent != 50:
            thought.append(halved(base // 2))
        if percent == 75:
            thought.append(chain(base // 2, "+", base // 4))
    else:
        tenth = base // 10
        thought = [f"{base} / 10 = {tenth}"]
        if percent in (5, 15):
            thought.append(halved(tenth))
        if percent == 15:
            thought.append(chain(tenth, "+", tenth // 2))
        if percent > 15:
            thought.append(steps(Sum(tenth, "*", percent // 10)) or "")
    return ". ".join([*thought, f"{percent}% of {base} = {percent * base // 100}"])


def powers(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Squares and square roots: the calculator beyond the times table; halves and doubles: always in the head."""
    while True:
        kind = draw.choice(("squared", "square root", "half", "double"))
        n = draw.integer(2, 50 if kind in ("half", "double") else 20)
        if draw.allows(kind, n):
            break
    ask = draw.phrasing((*_X_ASKS[:-1], "Tell me what {x} is."))
    said, written, value, thinking = _power(kind, n)
    question, typed = ask.format(x=said, X=sentence(said)), ask.format(x=written, X=sentence(written))
    answer, is_large = sentence(f"{said} is {words(value)}."), kind.startswith("square") and n > TABLE
    if is_large and "calculator" in offered:
        turn = _by_calculator(question, typed, said, f"{n}^2" if kind == "squared" else f"sqrt({n * n})")
    elif is_large:
        thinking = f"{n} * {n} is too large." if kind == "squared" else f"sqrt({n * n}) is too large."
        turn = Turn(question, TOO_LARGE, thinking, thinks=True, typed=typed)
    else:
        turn = Turn(question, answer, thinking, thinks=True, typed=typed)
    following = _going_on(draw, value, offered) if turn.answer == answer else ()
    return Dialogue("powers", (turn, *following), tools=offered)


def _power(kind: str, n: int) -> tuple[str, str, int, str]:
    """How it is said and typed, what it makes, and the steps."""
    if kind == "squared":
        return f"{words(n)} squared", f"{n}^2", n * n, f"{n} * {n} = {n * n}"
    if kind == "half":
        return f"half of {words(2 * n)}", f"half of {2 * n}", n, halved(2 * n)
    if kind == "double":
        return f"double {words(n)}", f"double {n}", 2 * n, chain(n, "+", n)
    first = next(root for root in (10, 5, 2) if root <= n)
    tried = [f"{root} * {root} = {root * root}" for root in range(first, n + 1)]
    thought = ". ".join([f"sqrt({n * n})", *tried, f"sqrt({n * n}) = {n}"])
    return f"the square root of {words(n * n)}", f"sqrt({n * n})", n, thought


def comparison(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Which of two numbers is larger, what comes next, odd or even."""
    while True:
        a, b = draw.integer(0, draw.choice((20, 100, 1000))), draw.integer(0, 100)
        if a != b and draw.allows("compare", a, b):
            break
    kind = draw.choice((_larger, _neighbour, _even))
    return Dialogue("comparison", (kind(draw, a, b),), tools=offered)


def _larger(draw: Draw, a: int, b: int) -> Turn:
    ask = draw.phrasing(("Which is {c}, {a} or {b}?", "Which number is {c}, {a} or {b}?", "What is {c}, {a} or {b}?", "Which one is {c}, {a} or {b}?", "What's {c}, {a} or {b}?", "Is {a} or {b} {c}?", "Which of the two is {c}, {a} or {b}?", "Tell me which is {c}, {a} or {b}."))  # fmt: skip
    word = draw.choice(("larger", "smaller"))
    value = max(a, b) if word == "larger" else min(a, b)
    question, typed = ask.format(c=word, a=words(a), b=words(b)), ask.format(c=word, a=a, b=b)
    thought = f"{a} {'>' if a > b else '<'} {b}. {value} is {word}."
    return Turn(question, f"{sentence(words(value))} is {word}.", thought, thinks=True, typed=typed)


def _neighbour(draw: Draw, a: int, _: int) -> Turn:
    ask = draw.phrasing(("What number comes {c} {a}?", "Which number comes {c} {a}?", "What comes {c} {a}?", "What is the number {c} {a}?", "Which number is {c} {a}?", "What number is right {c} {a}?", "Say the number {c} {a}.", "Tell me the number {c} {a}."))  # fmt: skip
    word, op = draw.choice((("after", "+"), ("before", "-")))
    s = Sum(a, op, 1)
    question, typed = ask.format(c=word, a=words(a)), ask.format(c=word, a=a)
    return Turn(question, f"{sentence(words(s.value))} comes {word} {words(a)}.", steps(s) or "", True, typed=typed)


def _even(draw: Draw, a: int, _: int) -> Turn:
    ask = draw.phrasing(("Is {a} odd or even?", "Is {a} even or odd?", "Is the number {a} odd or even?", "Is {a} an odd or an even number?", "Odd or even, {a}?", "{A}, is that odd or even?", "Say if {a} is odd or even.", "Tell me if {a} is odd or even."))  # fmt: skip
    question, typed = ask.format(a=words(a), A=sentence(words(a))), ask.format(a=a, A=a)
    kind = "odd" if a % 2 else "even"
    return Turn(question, f"{sentence(words(a))} is {kind}.", f"{a} ends in {a % 10}, {kind}.", True, typed=typed)


def offered_tools(draw: Draw, always: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The tools of a conversation: all six, none, or a few; `always` are among them unless there are none."""
    pick = draw.chance.random()
    if pick < (0.5 if always else 0.22):
        return TOOLS
    if pick < (0.62 if always else 0.72):
        return ()
    some = draw.chance.sample(TOOLS, draw.integer(1, 4))
    return tuple(name for name in TOOLS if name in always or name in some)
