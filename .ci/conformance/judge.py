"""Judges what came of a case: whether it is what the case asks for, and whether it was safe in any case.

Unsafe is what lets two readings through: a message at the origin that some server might read in another way, more
requests at the origin than were sent, an answer that belongs to another request. No reason excuses that.
"""

from dataclasses import dataclass, replace

from origin import PROBE


@dataclass(frozen=True)
class Problem:
    text: str
    unsafe: bool = False

    def __str__(self):
        return ("UNSAFE: " if self.unsafe else "") + self.text


def judge(case, result):
    """The problems; none: passed."""
    problems = list(safety(case, result))
    problems += [Problem(text) for text in OUTCOMES[case.outcome](case, result)]
    if case.interim is not None and case.interim != result.interim:
        problems.append(Problem(f"the interim answers are {result.interim}, not {case.interim}"))
    if result.hanging:
        problems.append(Problem("the origin was left waiting for the rest of a request"))
    return problems


def whole(result):
    return [seen for seen in result.seen if seen.whole]


def safety(case, result):
    for seen in result.seen + result.probe_seen:
        for problem in seen.problems:
            yield Problem(f"the origin got {problem}", unsafe=True)
    # A reply that ends early may be asked for once more.
    allowed = max(1, len(case.requests)) if case.reply is None else 2
    if len(whole(result)) > allowed or len(result.probe_seen) > 1:
        yield Problem(f"the origin got {'; '.join(map(str, result.seen + result.probe_seen))}", unsafe=True)
    for seen in result.seen:
        if PROBE in seen.target + seen.body + b"".join(value for _, value in seen.fields):
            yield Problem(f"the next request became a part of {seen}", unsafe=True)
    for seen in result.probe_seen:
        if seen.method != b"GET" or seen.body or b"probe.example" not in seen.values(b"host"):
            yield Problem(f"the next request arrived as {seen}", unsafe=True)
    if case.reply is not None and len(result.responses) > 1:
        yield Problem(f"the client got {len(result.responses)} answers to one request", unsafe=True)
    answered = [response.serial for response in result.responses if response.serial]
    serials = [seen.serial for seen in whole(result)]
    if any(serial not in serials for serial in answered) or answered != sorted(set(answered)):
        yield Problem(f"the answers are to {answered}, the requests were {serials}", unsafe=True)
    if result.garbage:
        yield Problem(f"the client got {result.garbage}", unsafe=case.reply is not None)


def accepted(case, result):
    for response in result.responses[: len(case.requests)]:
        if response.status != 200 or not response.serial:
            yield f"answered {response.status}"
            return
    answers, wanted = len(result.responses), len(case.requests)
    # What is left over behind the last request may be refused, too.
    if answers < wanted or (answers > wanted and case.probe):
        yield f"{answers} answers to {wanted} requests{ending(result)}"
    for wanted, seen in zip(case.requests, whole(result)):
        for name in ("method", "target", "body"):
            want, got = getattr(wanted, name), getattr(seen, name)
            if want is not None and want != got:
                yield f"the origin saw the {name} {got[:200]!r}, not {want[:200]!r}"
    yield from details(case, result)
    yield from afterwards(case, result)


def details(case, result):
    """What `arrives`, `absent`, `returns` and `lacks` ask for."""
    for message, wanted, where in ((result.seen, case.arrives, "the origin's"), (result.responses, case.returns, "the client's")):
        for name, value in wanted if message else ():
            got = message[0].values(name)
            if value == b"" and got:
                yield f"{where} message has {name.decode()}: {got}"
            elif value is None and not got:
                yield f"{where} message lacks {name.decode()}"
            elif value and value not in got:
                yield f"{where} message has {name.decode()}: {got}, not {value!r}"


def afterwards(case, result):
    """What has to come of the connection when the case itself was well."""
    if case.closes and result.probe:
        yield "the connection went on"
    elif result.probe_sent and not result.probe and not case.closes:
        if not (result.responses and result.responses[-1].says_close):
            yield f"the next request was not answered{ending(result)}"
    elif result.silent:
        yield "no answer"


def ending(result):
    return f", the connection {result.end}" if result.end else ", and silence"


def refusal(case, result):
    """What is wrong with a refusal as the client sees it."""
    first = result.responses[0] if result.responses else None
    if first is None and not result.end:
        yield "no answer"
    elif not case.allows(first.status if first else None):
        yield f"answered {first.status}" if first else f"{result.end} without an answer"
    elif first and not first.whole:
        yield f"the answer {first.status} was cut off"
    elif len(result.responses) > 1:
        yield f"{len(result.responses)} answers to one request: {[response.status for response in result.responses]}"
    elif case.closes and result.probe:
        yield "the connection went on"


def refused(case, result):
    yield from refusal(case, result)
    if result.seen:
        yield f"the origin got {result.seen[0]}"


def cut(case, result):
    if whole(result):
        yield f"the origin got {whole(result)[0]}"
    yield from refusal(case, result)


def either(case, result):
    """Of pipelined requests, the later ones may be refused though the first is not."""
    reached = len(whole(result))
    if reached:
        later = replace(result, responses=result.responses[reached:])
        if reached < len(case.requests):
            yield from refusal(case, later)
        yield from accepted(replace(case, requests=case.requests[:reached], probe=case.probe and reached == len(case.requests)), result)
    else:
        yield from refusal(case, result)


def answered(case, result):
    yield from refusal(case, result)
    yield from details(case, result)


def waits(case, result):
    first = result.responses[0].status if result.responses else None
    if not result.silent and not case.allows(first):
        yield f"answered {first}{ending(result)}"
    if whole(result):
        yield f"the origin got {whole(result)[0]}"


def relayed(case, result):
    response = result.responses[0] if result.responses else None
    if response is None:
        yield f"no answer{ending(result)}"
    elif response.status != case.status:
        yield f"answered {response.status}, not {case.status}"
    elif not response.whole:
        yield "the reply was cut off"
    elif case.body is not None and response.body != case.body:
        yield f"the client got {response.body[:200]!r}, not {case.body[:200]!r}"
    else:
        yield from details(case, result)
        yield from afterwards(case, result)


def bad(case, result):
    yield from refusal(case, result)
    yield from afterwards(case, result)


def broken(case, result):
    response = result.responses[0] if result.responses else None
    if response and response.whole and response.status != 502:
        yield f"the client took {response.status} {response.body[:60]!r} for whole"
    elif not response and not result.end:
        yield "no answer"


OUTCOMES = {
    "accept": accepted,
    "refuse": refused,
    "cut": cut,
    "either": either,
    "answer": answered,
    "wait": waits,
    "relay": relayed,
    "bad": bad,
    "broken": broken,
}
