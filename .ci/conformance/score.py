"""Plays cases against a program, and counts what came of them."""

from exchange import Exchange
from judge import judge


class Score:
    """What came of the cases against one program."""

    def __init__(self, reasons):
        self.reasons = reasons
        self.suites = {}
        self.surprises = []

    def play_suite(self, name, cases, port, origin, verbose):
        counts = [0, 0, 0]
        for case in cases:
            problems = play(case, port, origin, verbose)
            unsafe = any(problem.unsafe for problem in problems)
            counts[1 if problems else 0] += 1
            counts[2] += unsafe
            self.judge(case, "; ".join(map(str, problems)), unsafe)
        self.suites[name] = tuple(counts)
        return "{} passed, {} failed ({} unsafe)".format(*counts)

    def judge(self, case, text, unsafe):
        """A failure is known if there is a reason for it; then it has to fail, and not to be unsafe."""
        reason = self.reasons.get(case.id)
        if bool(text) == bool(reason) and not unsafe:
            if text:
                print(f"  known {case.id}: {text}", flush=True)
            return
        self.surprises.append(case.id)
        print(f"  FAILED {case.id}: {text or 'it passes now; take it out of known.txt'}", flush=True)


def play(case, port, origin, verbose):
    """The problems of one case, over both ways to send it."""
    problems = []
    ways = [False, True] if case.probe and case.outcome != "wait" and len(case.pieces) == 1 else [False]
    for together in ways:
        origin.begin(case.reply, case.reply_closes)
        result = Exchange(case, port, origin).run(together)
        found = judge(case, result)
        problems += [problem for problem in found if problem not in problems]
        if verbose:
            answers = [response.status for response in result.responses]
            probe = result.probe.status if result.probe else None
            print(f"    {case.id}: {answers} {result.end or 'open'}, probe {probe}, origin {list(map(str, result.seen))}")
    return problems
