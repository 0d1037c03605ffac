"""Sums, products, quotients, percentages, comparisons: the question, the steps one may think, the answer in words."""

from __future__ import annotations

from dataclasses import dataclass

from dialogues import TOOLS, Call, Dialogue, Draw, Turn
from spoken_numbers import decimal_words, is_rounded, sentence, words

from engine.conversation.tools.calculator import calculator

_SAID = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
_ASKS = {
    "+": ("What is {a} plus {b}?", "How much is {a} plus {b}?", "What's {a} plus {b}?", "{A} plus {b}.", "Add {a} and {b}.", "Can you add {a} and {b}?", "What is the sum of {a} and {b}?", "Tell me what {a} plus {b} makes."),
    "-": ("What is {a} minus {b}?", "How much is {a} minus {b}?", "What's {a} minus {b}?", "{A} minus {b}.", "Take {b} away from {a}.", "Subtract {b} from {a}.", "What is {a} take away {b}?", "Tell me what {a} minus {b} makes."),
    "*": ("What is {a} times {b}?", "How much is {a} times {b}?", "What's {a} times {b}?", "{A} times {b}.", "Multiply {a} by {b}.", "Can you multiply {a} by {b}?", "What is {a} multiplied by {b}?", "Tell me what {a} times {b} makes."),
    "/": ("What is {a} divided by {b}?", "How much is {a} divided by {b}?", "What's {a} divided by {b}?", "{A} divided by {b}.", "Divide {a} by {b}.", "Can you divide {a} by {b}?", "What is {a} over {b}?", "Tell me what {a} divided by {b} makes."),
}  # fmt: skip
_NEXT = {
    "+": ("And plus {b}?", "Plus {b}.", "Now add {b}.", "And what if I add {b}?"),
    "-": ("And minus {b}?", "Minus {b}.", "Now take away {b}.", "And what if I subtract {b}?"),
    "*": ("And times {b}?", "Times {b}.", "Now multiply that by {b}.", "And what if I multiply it by {b}?"),
    "/": ("And divided by {b}?", "Divided by {b}.", "Now divide that by {b}.", "And what if I divide it by {b}?"),
}
_STORIES = (
    ("If I have {a} apples and buy {b} more, how many do I have?", "+", "You have {r} apples."),
    ("I had {a} coins and gave away {b}. How many are left?", "-", "You have {r} coins left."),
    ("There are {a} boxes with {b} books in each. How many books are there?", "*", "There are {r} books."),
    ("Share {a} cookies among {b} children. How many does each get?", "/", "Each child gets {r} cookies."),
)
_LARGE = 1_000_000


@dataclass(frozen=True)
class Sum:
    """Two numbers and what is done with them."""

    a: int
    op: str
    b: int

    @property
    def value(self) -> int:
        """The result; for a division the whole part."""
        return {"+": self.a + self.b, "-": self.a - self.b, "*": self.a * self.b}.get(self.op, self.a // max(self.b, 1))

    @property
    def exact(self) -> bool:
        """Whether the result is a whole number."""
        return self.op != "/" or self.a % self.b == 0

    @property
    def easy(self) -> bool:
        """Whether a person would do it in the head; harder ones go to the calculator if there is one."""
        if self.op in "+-":
            return max(abs(self.a), self.b) <= 200
        if self.op == "*":
            return max(self.a, self.b) <= 20 or min(self.a, self.b) <= 2 or min(self.a, self.b) == 10
        return self.exact and self.b <= 12 and self.value <= 20

    @property
    def written(self) -> str:
        """12 * 7."""
        return f"{self.a} {self.op} {self.b}"

    @property
    def said(self) -> str:
        """twelve times seven."""
        return f"{words(self.a)} {_SAID[self.op]} {words(self.b)}"


def any_sum(draw: Draw, largest: int = 100) -> Sum:
    """A sum of this split."""
    while True:
        op = draw.choice("++--****//")
        if op in "+-":
            top = draw.choice((20, 100, 100, largest))
            a, b = draw.integer(0, top), draw.integer(0, top)
            if op == "-" and a < b and draw.chance.random() < 0.85:
                a, b = b, a
        elif op == "*":
            kind = draw.integer(0, 9)
            top_a, top_b = ((12, 12), (20, 12), (99, 9), (99, 99))[
                0 if kind < 4 else 1 if kind < 6 else 2 if kind < 8 else 3
            ]
            a, b = draw.integer(0, top_a), draw.integer(0, top_b)
            if draw.chance.random() < 0.5:
                a, b = b, a
        else:
            b = draw.integer(1, draw.choice((10, 12, 12, 25)))
            a = b * draw.integer(0, draw.choice((12, 12, 20, 40)))
            if draw.chance.random() < 0.25:
                a += draw.integer(0, b - 1)
        if draw.allows(a, op, b):
            return Sum(a, op, b)


def steps(s: Sum) -> str:
    """What one thinks to get there."""
    if s.op == "*" and min(s.a, s.b) > 9 and max(s.a, s.b) > 12 and s.a % 10 and s.b % 10:
        tens, ones = s.b // 10 * 10, s.b % 10
        return f"{s.written} = {s.a} * {tens} + {s.a} * {ones} = {s.a * tens} + {s.a * ones} = {s.value}"
    if s.op in "+-" and s.b > 100 and s.b % 100 and s.a > 100 and s.value > 0:
        round_part = s.b // 100 * 100
        middle = s.a + round_part if s.op == "+" else s.a - round_part
        rest = s.b % 100
        if middle >= 0:
            return f"{s.written} = {s.a} {s.op} {round_part} {s.op} {rest} = {middle} {s.op} {rest} = {s.value}"
    if not s.exact:
        return f"{s.b} * {s.value} = {s.b * s.value}. {s.a} - {s.b * s.value} = {s.a % s.b}. {s.written} = {s.value} remainder {s.a % s.b}"
    return f"{s.written} = {s.value}"


def answer_of(s: Sum) -> str:
    """The result as a sentence."""
    rest = "" if s.exact else f", remainder {words(s.a % s.b)}"
    return sentence(f"{s.said} is {words(s.value)}{rest}.")


def tool_answer(said: str, result: str) -> str:
    """The calculator's result as a sentence."""
    about = "about " if is_rounded(result) else ""
    return sentence(f"{said} is {about}{decimal_words(result)}.")


def sum_turn(draw: Draw, s: Sum, offered: tuple[str, ...], asks: tuple[str, ...] | None = None) -> Turn:
    """A question about a sum; a hard one goes to the calculator when it is offered."""
    ask = draw.phrasing(asks or _ASKS[s.op])
    question = ask.format(a=words(s.a), A=sentence(words(s.a)), b=words(s.b))
    typed = ask.format(a=s.a, A=s.a, b=s.b)
    if "calculator" in offered and not s.easy:
        result = calculator(s.written)
        call = Call("calculator", {"expression": s.written}, result)
        return Turn(question, tool_answer(s.said, result), "I use the calculator.", calls=(call,), typed=typed)
    return Turn(question, answer_of(s), steps(s), thinks=True, typed=typed)


def arithmetic(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """One to four sums, the later ones going on from the result before."""
    largest = draw.choice((100, 100, 1000))
    first = any_sum(draw, largest)
    turns = [sum_turn(draw, first, offered)]
    value = first.value if first.exact else None
    while value is not None and len(turns) < 4 and draw.chance.random() < 0.35:
        s = _following(draw, value)
        if s is None:
            break
        turns.append(sum_turn(draw, s, offered, _NEXT[s.op]))
        value = s.value
    return Dialogue("arithmetic", tuple(turns), tools=offered)


def _following(draw: Draw, value: int) -> Sum | None:
    for _ in range(20):
        op = draw.choice("+-**/")
        b = draw.integer(1, 12 if op in "*/" else 50)
        s = Sum(value, op, b)
        if s.exact and -100 <= s.value < 10_000 and draw.allows(s.a, op, b) and (value >= 0 or op in "+-"):
            return s
    return None


def story(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """A sum told as a little story."""
    ask, op, reply = draw.choice(_STORIES)
    while True:
        b = draw.integer(2, 12)
        a = draw.integer(b, 12) * (b if op == "/" else 1) if op != "*" else draw.integer(2, 12)
        s = Sum(a, op, b)
        if a >= b and s.value != 1 and draw.allows("story", a, op, b):
            break
    turn = Turn(
        ask.format(a=words(a), b=words(b)),
        reply.format(r=words(s.value)),
        steps(s),
        thinks=True,
        typed=ask.format(a=a, b=b),
    )
    return Dialogue("story", (turn,), tools=offered)


def three_numbers(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Sums of three numbers, from left to right."""
    while True:
        op, next_op = draw.choice("++-*"), draw.choice("+-")
        top = 12 if op == "*" else 50
        first = Sum(draw.integer(1, top), op, draw.integer(1, top))
        second = Sum(first.value, next_op, draw.integer(1, 30))
        if first.value >= 0 and second.value >= 0 and draw.allows(first, second.b, next_op):
            break
    said = f"{first.said} {_SAID[next_op]} {words(second.b)}"
    written = f"{first.written} {next_op} {second.b}"
    ask = draw.phrasing(("What is {x}?", "How much is {x}?", "What's {x}?", "Work out {x}."))
    turn = Turn(
        ask.format(x=said),
        sentence(f"{said} is {words(second.value)}."),
        f"{first.written} = {first.value}. {second.written} = {second.value}",
        thinks=True,
        typed=ask.format(x=written),
    )
    return Dialogue("three numbers", (turn,), tools=offered)


def percentage(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """So many percent of something: the calculator if there is one, else the whole-number cases in the head."""
    while True:
        percent, base = draw.choice((5, 10, 15, 20, 25, 30, 40, 50, 75)), draw.integer(1, 40) * 20
        if draw.allows("percent", percent, base):
            break
    ask = draw.phrasing(("What is {p} percent of {b}?", "How much is {p} percent of {b}?", "{P} percent of {b}.", "Tell me {p} percent of {b}."))  # fmt: skip
    question = ask.format(p=words(percent), P=sentence(words(percent)), b=words(base))
    typed = ask.format(p=percent, P=percent, b=base).replace(" percent", "%")
    said = f"{words(percent)} percent of {words(base)}"
    expression = f"{percent}% of {base}"
    if "calculator" in offered:
        result = calculator(expression)
        call = Call("calculator", {"expression": expression}, result)
        turn = Turn(question, tool_answer(said, result), "I use the calculator.", calls=(call,), typed=typed)
    else:
        product = percent * base
        thinking = f"{percent} * {base} = {product}. {product} / 100 = {product // 100}"
        turn = Turn(question, sentence(f"{said} is {words(product // 100)}."), thinking, thinks=True, typed=typed)
    return Dialogue("percentage", (turn,), tools=offered)


def powers(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Squares, square roots, halves and doubles."""
    while True:
        n = draw.integer(2, 20)
        kind = draw.choice(("squared", "square root", "half", "double"))
        if draw.allows(kind, n):
            break
    if kind == "squared":
        said, typed, value, thinking = f"{words(n)} squared", f"{n}^2", n * n, f"{n} * {n} = {n * n}"
    elif kind == "square root":
        said, typed, value, thinking = f"the square root of {words(n * n)}", f"sqrt({n * n})", n, f"{n} * {n} = {n * n}"
    elif kind == "half":
        said, typed, value, thinking = f"half of {words(2 * n)}", f"half of {2 * n}", n, f"{2 * n} / 2 = {n}"
    else:
        said, typed, value, thinking = f"double {words(n)}", f"double {n}", 2 * n, f"2 * {n} = {2 * n}"
    ask = draw.phrasing(("What is {x}?", "How much is {x}?", "What's {x}?", "Tell me what {x} is."))
    turn = Turn(
        ask.format(x=said), sentence(f"{said} is {words(value)}."), thinking, thinks=True, typed=ask.format(x=typed)
    )
    return Dialogue("powers", (turn,), tools=offered)


def comparison(draw: Draw, offered: tuple[str, ...]) -> Dialogue:
    """Which of two numbers is larger, what comes next, odd or even."""
    while True:
        a, b = draw.integer(0, draw.choice((20, 100, 1000))), draw.integer(0, 100)
        if a != b and draw.allows("compare", a, b):
            break
    larger = draw.chance.random() < 0.5
    kind = draw.choice(("larger", "next", "even"))
    if kind == "larger":
        ask = draw.phrasing(("Which is {c}, {a} or {b}?", "Which number is {c}, {a} or {b}?", "What is {c}, {a} or {b}?", "Tell me which is {c}, {a} or {b}."))  # fmt: skip
        word = "larger" if larger else "smaller"
        value = max(a, b) if larger else min(a, b)
        question, typed = ask.format(c=word, a=words(a), b=words(b)), ask.format(c=word, a=a, b=b)
        answer = f"{sentence(words(value))} is {word}."
    elif kind == "next":
        ask = draw.phrasing(("What number comes {c} {a}?", "Which number comes {c} {a}?", "What comes {c} {a}?", "Tell me the number {c} {a}."))  # fmt: skip
        word, value = ("after", a + 1) if larger else ("before", a - 1)
        question, typed = ask.format(c=word, a=words(a)), ask.format(c=word, a=a)
        answer = f"{sentence(words(value))} comes {word} {words(a)}."
    else:
        ask = draw.phrasing(("Is {a} odd or even?", "Is {a} even or odd?", "Is the number {a} odd or even?", "Tell me if {a} is odd or even."))  # fmt: skip
        question, typed = ask.format(a=words(a)), ask.format(a=a)
        answer = f"{sentence(words(a))} is {'odd' if a % 2 else 'even'}."
    return Dialogue("comparison", (Turn(question, answer, typed=typed),), tools=offered)


def offered_tools(draw: Draw, always: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The tools of a conversation: all six, none, or a few; `always` are among them unless there are none."""
    pick = draw.chance.random()
    if pick < (0.5 if always else 0.22):
        return TOOLS
    if pick < (0.62 if always else 0.72):
        return ()
    count = draw.integer(1, 4)
    return tuple(name for name in TOOLS if name in always or name in draw.chance.sample(TOOLS, count))
