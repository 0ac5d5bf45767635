"""How sure a case's answers make us of the truth: after each answer, for the stop rule and the order.

Symbols, for one question with K answers (those of its scale, then can't tell and not applicable,
each an answer of its own): t = the true answer, a = a given one; pi (K,) = how often each is true;
Theta_r (K, K) = rater r's confusion matrix, Theta_r[t, a] = P(r says a | t is true); M = the matrix
of a typical person; N_r (K, K) = counts of (true, given) where the truth is known; kappa = how many
answers the prior of a rater is worth; tau = the temperature.
    belief      p(t) ~ pi_t * prod_r Theta_r[t, a_r]^tau
    skill       Theta_r[t] = (kappa M_t + N_r[t]) / (kappa + sum_a N_r[t, a]), a Dirichlet's mean:
                what one more answer of r is expected to be, with the doubt about r counted in
The AI is one more rater, and never a person's equal: its log-likelihoods are shrunk until they say
no more than one typical person's would. tau < 1 because raters err together (hard cases are hard for
all of them), which the product over raters does not know; it is fitted where the truth is known.
Sources: A. P. Dawid, A. M. Skene (1979), Appl. Stat. 28: 20-28 (the belief); H.-C. Kim, Z. Ghahramani
(2012), "Bayesian classifier combination", AISTATS (Dirichlet rows); P. Holmes, S. Walker (2017),
Biometrika 104: 497-503 (a likelihood to a power); C. Guo et al. (2017), ICML (one temperature).
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, logsumexp, softmax

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined

Floats = npt.NDArray[np.float64]
Known = tuple[str, str]  # (true, given)

RIGHT = 0.85  # of a typical person, before anything is known
OFF_SCALE = 0.25  # an error in can't tell or not applicable, beside one in another answer
APART = 0.5  # on an ordinal scale, each step further away is so much rarer
PRIOR_WORTH = 4.0  # known answers that the typical person's matrix is worth before any are seen
BASE_WORTH = 20.0  # cases of known truth that equal base rates are worth
KAPPAS = (2.0, 5.0, 10.0, 20.0, 50.0)
KAPPA = 10.0
NUS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, float("inf"))
NU = 16.0
TAU = 0.77  # where nothing is fitted: log-odds of the .967 that were right / of the .988 claimed
TAU_DOUBT = 0.35  # standard deviation of log tau around log TAU before the audit is seen
TAUS = (0.05, 2.0)
STEP, ONE_SIDED = 0.01, 1.645
AI_NEEDS = 200
BAR = 0.95  # how sure is sure enough
FOLDS = 5


@dataclass(frozen=True)
class Answers:
    """The K answers of one question: the first `on_scale` are its scale, in order if `is_ordinal`."""

    words: tuple[str, ...]
    on_scale: int
    is_ordinal: bool = False

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words) or not 2 <= self.on_scale <= len(self.words):
            raise ValueError(f"A question has two or more answers, each once, not {self.words}.")

    def index(self, word: str) -> int | None:
        """The answer's place; None for a word of another version of the question."""
        return self.words.index(word) if word in self.words else None

    def is_on_scale(self, word: str) -> bool:
        """Whether the word answers the question, rather than say that it can't be answered."""
        return word in self.words[: self.on_scale]


def guessed(answers: Answers, *, right: float = RIGHT) -> Floats:
    """M (K, K) before anything is known: right so often, errors by distance, off the scale rarely."""
    K, on = len(answers.words), answers.on_scale
    weight = np.ones((K, K))
    weight[:, on:] = OFF_SCALE
    if answers.is_ordinal:
        place = np.arange(on)
        weight[:on, :on] = APART ** (np.abs(place[:, None] - place) - 1.0)
    np.fill_diagonal(weight, 0.0)
    M: Floats = (1 - right) * weight / weight.sum(1, keepdims=True)
    np.fill_diagonal(M, right)
    return M


def counts_of(known: Sequence[Known], answers: Answers) -> Floats:
    """N (K, K) of (true, given) words; words of other versions are left out."""
    N = np.zeros((len(answers.words),) * 2)
    for true, given in known:
        t, a = answers.index(true), answers.index(given)
        if t is not None and a is not None:
            N[t, a] += 1
    return N


@dataclass(frozen=True)
class Repeats:
    """A rater's own cases given again: how often the answer was the same."""

    same: int = 0
    other: int = 0


@dataclass(frozen=True, eq=False)
class Model:
    """What is known for one question: enough for a belief after any answers."""

    answers: Answers
    pi: Floats  # (K,)
    M: Floats  # (K, K)
    theta: Mapping[Hashable, Floats] = field(default_factory=dict)  # rater -> (K, K)
    ai: Floats | None = None  # (K, K); None: the AI's word does not count
    tau: float = TAU
    nu: float = np.inf  # how alike cases are: raters err together where it is low

    def of(self, rater: Hashable) -> Floats:
        """Theta_r; a typical person's where nothing is known of the rater."""
        return self.theta.get(rater, self.M)


def belief(model: Model, said: Sequence[tuple[Hashable, str]], *, ai: str | None = None) -> Floats:
    """p (K,): the posterior over the answers, given (rater, word) of people and the AI's word."""
    evidence = _evidence(model, said, ai)
    log_p = np.log(model.pi) + model.tau * evidence
    p = np.exp(log_p - log_p.max())
    return np.asarray(p / p.sum(), dtype=np.float64)


def ai_evidence(model: Model, word: str | None) -> Floats:
    """(K,) log-likelihoods of the AI's word, whose widest log-odds is at most a typical person's."""
    a = None if word is None else model.answers.index(word)
    if model.ai is None or a is None:
        return np.zeros(len(model.pi))
    said, person = np.log(model.ai[:, a]), np.log(model.M[:, a])
    most, width = np.ptp(person), np.ptp(said)
    return np.asarray(said * min(1.0, most / width) if width > 0 else said, dtype=np.float64)


# ---- learning: in a job, never while a rater waits


def learn(
    answers: Answers, known: Mapping[Hashable, Sequence[Known]], *,
    truths: Sequence[str] = (), repeats: Mapping[Hashable, Repeats] | None = None,
    ai: Sequence[Known] = (), right: float = RIGHT,
) -> Model:  # fmt: skip
    """The model of one question from answers whose truth is known.

    known: rater -> (true, given); truths: the settled answers of a random sample, for pi; repeats:
    rater -> the own cases given again; ai: (true, given) of the AI, which counts if `ai_standing`
    lets it. Everything shrinks towards the guess where little is known. tau stays the default: see
    `learn_from_audit`.
    """
    N = {rater: counts_of(pairs, answers) for rater, pairs in known.items()}
    M = _smoothed(guessed(answers, right=right), sum(N.values(), np.zeros((len(answers.words),) * 2)),
                  PRIOR_WORTH)  # fmt: skip
    kappa = best_kappa(list(N.values()), M)
    again = repeats or {}
    theta = {
        rater: _smoothed(_as_steady(M, again.get(rater, Repeats()), kappa),
                         N.get(rater, np.zeros_like(M)), kappa)
        for rater in {**N, **again}
    }  # fmt: skip
    counted = ai_standing(ai, answers).counts
    return Model(
        answers=answers, pi=base_rates(truths, answers), M=M, theta=theta,
        ai=_smoothed(guessed(answers, right=right), counts_of(ai, answers), KAPPA) if counted else None,
    )  # fmt: skip


def base_rates(truths: Sequence[str], answers: Answers) -> Floats:
    """pi (K,): a Dirichlet's mean; its prior is worth BASE_WORTH cases, spread evenly over the scale.

    So many, because a base rate that a small sample has by luck settles cases that it should not.
    """
    alpha = np.ones(len(answers.words))
    alpha[answers.on_scale :] = OFF_SCALE
    alpha *= BASE_WORTH / answers.on_scale
    for word in truths:
        t = answers.index(word)
        if t is not None:
            alpha[t] += 1
    return np.asarray(alpha / alpha.sum(), dtype=np.float64)


def _smoothed(prior: Floats, counts: Floats, worth: float) -> Floats:
    """(K, K): the mean of Dirichlet rows with the prior's mean, worth so many answers, after the counts."""
    return np.asarray(
        (worth * prior + counts) / (worth + counts.sum(1, keepdims=True)), dtype=np.float64
    )


def best_kappa(counts: Sequence[Floats], typical: Floats) -> float:
    """kappa of the highest Dirichlet-multinomial likelihood of all raters' counts (empirical Bayes).

    With little known it stays KAPPA, which has a small edge over the others.
    """
    some = [one for one in counts if one.sum() > 0]
    if not some:
        return KAPPA
    N = np.stack(some)  # (R, K, K)
    edge = {KAPPA: 0.5}
    return max(KAPPAS, key=lambda k: _log_marginal(N, k * typical) + edge.get(k, 0.0))


def _log_marginal(counts: Floats, alpha: Floats) -> float:
    """log P of counts (R, K, K) under Dirichlet rows alpha (K, K), but for a constant."""
    total, n = alpha.sum(1), counts.sum(2)
    rows = gammaln(total) - gammaln(total + n)  # (R, K)
    cells = gammaln(alpha + counts) - gammaln(alpha)
    return float(rows.sum() + cells.sum())


def _as_steady(typical: Floats, again: Repeats, kappa: float) -> Floats:
    """The typical matrix for a rater of whom repeats are known: as right as somebody so steady can be.

    Who is right with probability x on any case answers the same twice with probability
    x^2 + (1 - x)^2 / (K - 1); x has the prior Beta(kappa m, kappa (1 - m)), m = the mean of its diagonal.
    """
    if again.same + again.other == 0:
        return typical
    K = len(typical)
    m = float(np.diag(typical).mean())
    x = np.linspace(1 / K, 0.995, 200)
    same = x**2 + (1 - x) ** 2 / (K - 1)
    log_w = (kappa * m - 1) * np.log(x) + (kappa * (1 - m) - 1) * np.log(1 - x)
    log_w += again.same * np.log(same) + again.other * np.log(1 - same)
    w = np.exp(log_w - log_w.max())
    right = float((w * x).sum() / w.sum())
    # Errors keep their proportions; what is right becomes rarer or more frequent by the same odds.
    odds = (right / (1 - right)) / (m / (1 - m))
    tilted = typical * np.where(np.eye(K, dtype=bool), odds, 1.0)
    return np.asarray(tilted / tilted.sum(1, keepdims=True), dtype=np.float64)


# ---- the AI


@dataclass(frozen=True)
class AiStanding:
    """Whether the AI's word counts as a rater's, and why (or why not)."""

    counts: bool
    reason: str
    n: int
    informedness: float | None = None


def ai_standing(known: Sequence[Known], answers: Answers, *, needs: int = AI_NEEDS) -> AiStanding:
    """The AI counts if enough blind gold labels say that it tells the answers apart.

    Informedness J = (mean over the true answers of P(right | t) - 1/k) / (1 - 1/k), k = the answers
    that were true at least once: 1 is perfect, 0 is what a coin has, under 0 is inverted. Its lower
    95 % end must be over 0. Source: W. J. Youden (1950), Cancer 3: 32-35; for k answers D. M. W.
    Powers (2011), J. Mach. Learn. Technol. 2: 37-63.
    """
    N = counts_of(known, answers)
    n = int(N.sum())
    if n < needs:
        return AiStanding(
            False, f"the AI has {n} of {needs} blind gold labels to be measured by", n
        )
    seen = N.sum(1) > 0
    k = int(seen.sum())
    if k < 2:
        return AiStanding(False, "all blind gold says the same, so the AI can't be measured", n)
    right = (np.diag(N)[seen] + 0.5) / (N.sum(1)[seen] + 1)
    J = (right.mean() - 1 / k) / (1 - 1 / k)
    se = np.sqrt((right * (1 - right) / N.sum(1)[seen]).sum()) / k / (1 - 1 / k)
    value = float(J)
    if J + 1.96 * se < 0:
        return AiStanding(
            False, "the AI is inverted: it says the opposite of what is right", n, value
        )
    if J - 1.96 * se <= 0:
        return AiStanding(False, "the AI tells nothing that chance would not", n, value)
    return AiStanding(True, f"the AI is measured on {n} blind gold labels", n, value)


# ---- claimed and true


@dataclass(frozen=True)
class Honesty:
    """Of settled cases whose truth is known: how sure the rule was, and how often it was right."""

    claimed: float | None
    right: Estimate

    @property
    def excess(self) -> float | None:
        """Claimed less right, positive: overconfident."""
        if self.claimed is None or self.right.value is None:
            return None
        return self.claimed - self.right.value


def honesty(settled: Sequence[tuple[float, bool]]) -> Honesty:
    """Claimed and true accuracy of (top posterior, whether it was right), with Wilson's interval."""
    if not settled:
        nothing = undefined("No settled case has a known truth yet.", n=0, method="share right")
        return Honesty(None, nothing)
    claimed = float(np.mean([p for p, _ in settled]))
    return Honesty(claimed, proportion(sum(ok for _, ok in settled), len(settled)))


@dataclass(frozen=True, eq=False)
class Learnt:
    """The model of a question, and what it would have claimed on the audit slice (cross-fitted)."""

    model: Model
    honesty: Honesty
    n_audit: int


# ---- the temperature


@dataclass(frozen=True)
class Audited:
    """A case of the audit slice: its people's answers in their order, what is true, the AI's word."""

    said: tuple[tuple[Hashable, str], ...]
    truth: str
    ai: str | None = None


@dataclass(frozen=True)
class Taught:
    """What a project knows for one question beside its audit slice (see `learn`)."""

    known: Mapping[Hashable, Sequence[Known]] = field(default_factory=dict)
    repeats: Mapping[Hashable, Repeats] = field(default_factory=dict)
    ai: Sequence[Known] = ()


@dataclass(frozen=True, eq=False)
class Row:
    """Some of the answers to one audited case, weighed: log pi (K,), evidence (K,), the true answer."""

    log_pi: Floats
    evidence: Floats
    t: int


NOTHING_TAUGHT = Taught()


def learn_from_audit(
    answers: Answers, audit: Sequence[Audited], *, taught: Taught = NOTHING_TAUGHT, seed: int = 0
) -> Learnt:
    """The model of one question, with the tau under which the audit's truths are likely.

    Cross-fitted: the answers to a case are weighed by a model that has not seen the case, so that
    tau corrects the doubt about skills and base rates too. Under FOLDS cases it is TAU.
    """
    whole = _learn(answers, audit, taught)
    folds = np.arange(len(audit)) % min(FOLDS, len(audit) or 1)
    np.random.default_rng(seed).shuffle(folds)
    rows: list[list[Row]] = []  # of each case
    for fold in range(FOLDS if len(audit) >= FOLDS else 0):
        rest = [one for one, at in zip(audit, folds, strict=True) if at != fold]
        blind = replace(_learn(answers, rest, taught), ai=whole.ai)
        for one, at in zip(audit, folds, strict=True):
            if at == fold:
                rows.append(_tried(blind, one))
    tau = temperature([row for of_case in rows for row in of_case])
    return Learnt(replace(whole, tau=tau), honesty(_settled(rows, tau)), len(audit))


def _settled(rows: Sequence[Sequence[Row]], tau: float) -> list[tuple[float, bool]]:
    """(top, whether it is true) of each audited case at the first number of answers that is sure enough."""
    found = []
    for of_case in rows:
        beliefs = [(softmax(row.log_pi + tau * row.evidence), row.t) for row in of_case]
        sure = [(float(p.max()), int(p.argmax()) == t) for p, t in beliefs if p.max() >= BAR]
        found += sure[:1]
    return found


def _learn(answers: Answers, audit: Sequence[Audited], taught: Taught) -> Model:
    known = {rater: list(pairs) for rater, pairs in taught.known.items()}
    of_ai = list(taught.ai)
    for one in audit:
        for rater, word in one.said:
            known.setdefault(rater, []).append((one.truth, word))
        if one.ai is not None:
            of_ai.append((one.truth, one.ai))
    truths = [one.truth for one in audit]
    model = learn(answers, known, truths=truths, repeats=taught.repeats, ai=of_ai)
    return replace(model, nu=best_nu(audit, answers, model.M))


def _tried(model: Model, one: Audited) -> list[Row]:
    """All but the last answer, in every number from one on: what the stop rule would have had.

    Not all of them: where all agree the truth is what they said, which would praise the rule.
    """
    t = model.answers.index(one.truth)
    if t is None:
        return []
    log_pi = np.log(model.pi)
    return [Row(log_pi, _evidence(model, one.said[:n], one.ai), t) for n in range(1, len(one.said))]


def temperature(rows: Sequence[Row]) -> float:
    """tau: the lower end (one-sided 95 %) around the maximum of sum_i log p_tau(t_i) - doubt(tau).

    doubt = (log tau - log TAU)^2 / (2 TAU_DOUBT^2); the standard error of log tau is from the
    curvature there. The lower end, not the maximum: of many projects those settle the most whose luck
    in a small audit slice made them too sure. As the slice grows the difference goes to nothing.
    """
    if not rows:
        return TAU
    log_pi = np.stack([row.log_pi for row in rows])  # (n, K)
    E = np.stack([row.evidence for row in rows])
    at = (np.arange(len(rows)), np.array([row.t for row in rows]))

    def loss(log_tau: float) -> float:
        log_p = log_pi + np.exp(log_tau) * E
        log_p -= logsumexp(log_p, axis=1, keepdims=True)
        doubt = (log_tau - np.log(TAU)) ** 2 / (2 * TAU_DOUBT**2)
        return float(doubt - log_p[at].sum())

    best = float(minimize_scalar(loss, bounds=tuple(np.log(TAUS)), method="bounded").x)
    curvature = (loss(best + STEP) - 2 * loss(best) + loss(best - STEP)) / STEP**2
    return float(np.exp(best - ONE_SIDED / np.sqrt(max(curvature, 1 / TAU_DOUBT**2))))


def _evidence(model: Model, said: Sequence[tuple[Hashable, str]], ai: str | None) -> Floats:
    """(K,): the log-likelihood of every answer, at tau = 1."""
    evidence = ai_evidence(model, ai)
    counts = np.zeros(len(model.pi))
    for rater, word in said:
        a = model.answers.index(word)
        if a is not None:
            counts[a] += 1
            evidence = evidence + np.log(model.of(rater)[:, a] / model.M[:, a])
    return evidence + _log_together(counts, model.M, model.nu)


def _log_together(counts: Floats, typical: Floats, nu: float) -> Floats:
    """(K,): log P(the counts (K,) of answers to one case | t), Dirichlet-multinomial with nu M_t."""
    if np.isinf(nu):
        return np.asarray(np.log(typical) @ counts, dtype=np.float64)
    alpha = nu * typical
    cells = gammaln(alpha + counts) - gammaln(alpha)
    return np.asarray(cells.sum(1) + gammaln(nu) - gammaln(nu + counts.sum()), dtype=np.float64)


def best_nu(audit: Sequence[Audited], answers: Answers, typical: Floats) -> float:
    """nu of the highest likelihood of the answers to the audited cases, given what is true on each."""
    patterns: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for one in audit:
        t = answers.index(one.truth)
        if t is not None:
            words = Counter(word for _, word in one.said)
            patterns[t, tuple(words[word] for word in answers.words)] += 1
    edge = {NU: 1.0}

    def likelihood(nu: float) -> float:
        told = (times * _log_together(np.array(n, dtype=np.float64), typical, nu)[t]
                for (t, n), times in patterns.items())  # fmt: skip
        return float(sum(told)) + edge.get(nu, 0.0)

    return max(NUS, key=likelihood)
