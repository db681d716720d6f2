"""Generators ranked: Bradley-Terry strengths, sets of ranks, distances, and the section of the comparison.

Longer than 400 lines: its cases share one simulated field of generators.
"""

import json
from importlib.resources import files
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from frames import evidence, told
from hypothesis import given, settings
from hypothesis import strategies as st

import genspace
from genspace.analysis import CompareOptions, compare, rank
from genspace.analysis.bradley_terry import Triads, bradley_terry, triads
from genspace.analysis.generators import (
    GeneratorScores,
    kendall_distance,
    mean_scores,
    pair_scores,
    standings,
)
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, stream
from genspace.errors import InputError
from genspace.records import StudySettings
from genspace.report import order_sentences

FEW = CompareOptions(draws=200, permutations=0)


def checked(ranking):
    """Return the generators of a ranking that fits its schema, which shares definitions with the comparison's."""
    import jsonschema
    from referencing import Registry, Resource

    schemas = {
        name: json.loads((files("genspace") / f"schemas/{name}").read_text(encoding="utf-8"))
        for name in ("comparison.schema.json", "ranking.schema.json")
    }
    registry = Registry().with_resources((n, Resource.from_contents(s)) for n, s in schemas.items())
    document = ranking.to_dict()
    jsonschema.Draft202012Validator(schemas["ranking.schema.json"], registry=registry).validate(document)
    json.dumps(document, allow_nan=False)
    return document["generators"]


# Bradley-Terry


@pytest.mark.parametrize(("wins", "losses"), [(3, 1), (1, 1), (7.5, 2.5), (40, 2)])
def test_two_generators_have_the_ratio_of_their_wins(wins, losses):
    fitted = bradley_terry([[0, wins], [losses, 0]])
    assert np.exp(fitted.strength[0] - fitted.strength[1]) == pytest.approx(wins / losses, rel=1e-6)
    assert fitted.strength.sum() == pytest.approx(0, abs=1e-6)
    assert fitted.comparisons.tolist() == [wins + losses] * 2
    assert fitted.prior_ties == 0


def test_a_consistent_table_is_recovered():
    # Strengths 4, 2, 1: of three comparisons 4 beats 2 twice, of five it beats 1 four times, 2 beats 1 twice of three.
    # Those are the expected wins, so that the likelihood's slope is 0 there.
    fitted = bradley_terry([[0, 2, 4], [1, 0, 2], [1, 1, 0]])
    np.testing.assert_allclose(fitted.strength, np.log([2, 1, 0.5]), atol=1e-6)


def test_three_in_a_circle_are_equal():
    # Each beats the next twice and loses to it once: by symmetry all strengths are equal, exactly.
    fitted = bradley_terry([[0, 2, 1], [1, 0, 2], [2, 1, 0]])
    assert fitted.strength.tolist() == [0, 0, 0]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), g=st.integers(2, 7))
def test_strengths_solve_the_likelihood_and_follow_their_generators(seed, g):
    rng = np.random.default_rng(seed)
    wins = rng.integers(1, 9, size=(g, g)) / 2
    np.fill_diagonal(wins, 0)
    fitted = bradley_terry(wins).strength
    # At the maximum every generator wins as often as its strength promises (Zermelo 1929).
    promised = 1 / (1 + np.exp(fitted[None] - fitted[:, None])) * (wins + wins.T)
    np.testing.assert_allclose(promised.sum(axis=1), wins.sum(axis=1), atol=1e-5)
    order = rng.permutation(g)
    np.testing.assert_allclose(bradley_terry(wins[np.ix_(order, order)]).strength, fitted[order], atol=1e-6)
    np.testing.assert_allclose(bradley_terry(wins.T).strength, -fitted, atol=1e-6)
    # The same answers twice say the same; one win and one loss between all bring every pair closer.
    np.testing.assert_allclose(bradley_terry(2 * wins).strength, fitted, atol=1e-6)
    closer = bradley_terry(wins + 50 * (1 - np.eye(g))).strength
    assert np.ptp(closer) <= np.ptp(fitted) + 1e-6


def test_one_that_always_wins_stays_finite_by_the_stated_prior_or_has_no_strength():
    # 3 wins and no loss, and one tie added: 3.5 to 0.5.
    fitted = bradley_terry([[0, 3], [0, 0]])
    assert fitted.prior_ties == 1
    assert fitted.strength[0] - fitted.strength[1] == pytest.approx(np.log(3.5 / 0.5), abs=1e-6)
    bare = bradley_terry([[0, 3], [0, 0]], prior_ties=0)
    assert "never loses" in told(bare.reason)
    assert np.isnan(bare.strength).all()


def test_groups_never_compared_are_named():
    wins = np.zeros((5, 5))
    wins[0, 2] = wins[2, 0] = wins[1, 3] = wins[3, 1] = 1
    fitted = bradley_terry(wins, names=["a", "b", "c", "d", "e"])
    assert told(fitted.reason) == "groups that were never compared with one another: a, c | b, d"
    assert np.isnan(fitted.strength).all()
    assert fitted.comparisons.tolist() == [2, 2, 2, 2, 0]
    assert told(bradley_terry(np.zeros((3, 3))).reason) == "no two generators were compared"


def test_a_table_must_be_square_and_not_negative():
    for wrong in (np.zeros((2, 3)), [[0, -1], [1, 0]], [[0, np.nan], [1, 0]]):
        with pytest.raises(ValueError, match="square table"):
            bradley_terry(wrong)


def test_drawn_strengths_are_those_of_the_drawn_comparisons():
    rng = np.random.default_rng(3)
    first, second = rng.integers(3, size=(2, 60))
    share = rng.choice([0, 0.5, 1], size=60)
    draws = PromptDraws.make(np.arange(60) // 3, 20, stream(0, "t"))
    scores = pair_scores(share, first, second, "abc", draws)
    for b in range(20):
        wins = np.zeros((3, 3))
        for s, i, j, w in zip(share, first, second, draws.weights()[:, b], strict=True):
            wins[i, j] += w * s * (i != j)
            wins[j, i] += w * (1 - s) * (i != j)
        np.testing.assert_allclose(scores.draws[:, b], bradley_terry(wins).strength, atol=1e-6)


# Orders


def test_means_by_generator_weigh_items_not_ratings():
    # Generator 0: an item rated 1 and 3, an item rated 5: the mean of 2 and 5.
    point = PromptDraws.point([0, 0, 1, 1])
    scores = mean_scores(
        np.array([1.0, 3, 5, 4]), np.array([0, 0, 0, 1]), 3, point, share=np.array([0.5, 0.5, 1, 1])
    )
    assert scores.value[:2].tolist() == [3.5, 4]
    assert np.isnan(scores.value[2])
    assert scores.n.tolist() == [2, 1, 0]


def made(value, spread=0.0, draws=400, seed=0):
    value = np.asarray(value, dtype=float)
    noise = np.random.default_rng(seed).normal(size=(len(value), draws)) * spread
    return GeneratorScores(value, value[:, None] + noise, np.ones(len(value)))


def test_a_certain_order_is_certain():
    found = standings(made([1, 3, 2]))
    assert list(found) == [1, 2, 0]
    assert [(s.rank, s.rank_low, s.rank_high, s.first, s.above_next) for s in found.values()] == [
        (1, 1, 1, 1.0, 1.0), (2, 2, 2, 0.0, 1.0), (3, 3, 3, 0.0, None),
    ]  # fmt: skip


def test_equal_scores_share_ranks_and_draws():
    found = standings(made([2, 1, 2]))
    assert [(s.rank, s.rank_low, s.rank_high, s.first) for s in found.values()] == [
        (1, 1, 2, 0.5), (1, 1, 2, 0.5), (3, 3, 3, 0.0),
    ]  # fmt: skip
    assert found[0].above_next == 0.5


def test_shares_of_draws_by_hand():
    # Four draws: 0 is above 1 in three of them, equal in one; 2 is first once.
    draws = np.array([[3.0, 3, 3, 2], [1, 2, 3, 1], [0, 0, 0, 9]])
    found = standings(GeneratorScores(np.array([3.0, 2, 1]), draws, np.ones(3)))
    assert [s.first for s in found.values()] == [2.5 / 4, 0.5 / 4, 1 / 4]
    assert [s.above_next for s in found.values()] == [3.5 / 4, 3 / 4, None]


def test_what_cannot_be_resampled_has_a_rank_and_a_reason():
    scores = made([1, np.nan, 2], spread=1)
    found = standings(scores, no_interval=Reason("single_prompt"))
    assert (found[2].rank, found[2].rank_low, told(found[2].reason)) == (1, None, "a single prompt")
    assert (found[1].rank, told(found[1].reason)) == (None, "no score")
    assert list(standings(scores)) == [2, 0, 1]
    mostly_missing = made([1, 2], spread=1)
    mostly_missing.draws[0, : 400 // 5] = np.nan
    assert "more than a tenth" in told(standings(mostly_missing)[1].reason)


def test_sets_of_ranks_hold_the_true_ranks_where_percentiles_of_drawn_ranks_would_not():
    """Four equal generators: every rank from 1 to 4 is true. In 95 % of studies all sets must allow all of them."""
    held, percentile = 0, 0
    studies, prompts, draws = 300, 160, 250
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=(4, prompts)) + rng.normal(size=prompts)
        generator, prompt = np.repeat(np.arange(4), prompts), np.tile(np.arange(prompts), 4)
        sample = mean_scores(scores.ravel(), generator, 4, PromptDraws.make(prompt, draws, rng))
        held += all((s.rank_low, s.rank_high) == (1, 4) for s in standings(sample).values())
        best = int(np.argmax(sample.value))
        percentile += np.quantile(1 + (sample.draws > sample.draws[best]).sum(axis=0), 0.975) == 4
    assert 0.93 <= held / studies <= 0.97
    assert percentile / studies < 0.65


def test_planted_generators_are_ranked_and_their_closeness_told():
    # 0.6 of a standard deviation apart over 200 prompts, standard error about 0.1: sure. 0.02 apart: not.
    rng = np.random.default_rng(5)
    truth = np.array([1.2, 0.6, 0.58, 0.0])
    scores = truth[:, None] + rng.normal(size=(4, 200)) + rng.normal(size=200)
    generator, prompt = np.repeat(np.arange(4), 200), np.tile(np.arange(200), 4)
    found = standings(mean_scores(scores.ravel(), generator, 4, PromptDraws.make(prompt, 500, rng)))
    assert [found[i].rank_low for i in (0, 1, 2, 3)] == [1, 2, 2, 4]
    assert [found[i].rank_high for i in (0, 1, 2, 3)] == [1, 3, 3, 4]
    steps = [s.above_next for s in found.values()]
    assert min(steps[0], steps[2]) > 0.99 > steps[1]


def test_distances_by_hand():
    a = np.array([[4.0], [3], [2], [1]])
    assert kendall_distance(a, a)[0] == 0
    assert kendall_distance(a, -a)[0] == 1
    # Of 6 pairs, (3, 2) is reversed and (2, 1) is tied by one: 1.5 of 6.
    assert kendall_distance(a, np.array([[4.0], [2], [3], [3]]))[0] == pytest.approx((2 + 0.5) / 6)
    assert np.isnan(kendall_distance(a[:1], a[:1])[0])
    assert np.isnan(kendall_distance(a, np.array([[4.0], [np.nan], [3], [2]]))[0])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), g=st.integers(2, 8))
def test_distance_is_a_metric_that_ignores_names_and_scale(seed, g):
    rng = np.random.default_rng(seed)
    a, b, c = rng.integers(5, size=(3, g, 1)).astype(float)
    order = rng.permutation(g)
    assert kendall_distance(a, b) == kendall_distance(b, a)
    assert kendall_distance(a, b) == kendall_distance(a[order], b[order])
    assert kendall_distance(a, b) == kendall_distance(a, 3 * b + 1)
    assert kendall_distance(a, a) == 0
    assert kendall_distance(a, c) <= kendall_distance(a, b) + kendall_distance(b, c) + 1e-12


# The section


def published(folder):
    judged = pd.read_csv(folder / "metric_scores.csv").rename(columns={"metric": "judge"})
    return pd.read_csv(folder / "annotations.csv"), judged, pd.read_csv(folder / "items.csv")


def test_tifa160_ranks_as_its_means_say(data):
    folder = data / "human/tifa160"
    ranking = rank(evidence(*published(folder), settings=StudySettings(raters="slot")))
    section = checked(ranking)
    computed = json.loads((folder / "computed.json").read_text())["metrics"]
    for name, figures in computed.items():
        means = figures["system_level"]
        assert ranking.order(name) == sorted(means["metric"], key=lambda g: -means["metric"][g])
        found = {r["generator"]: r["score"]["value"] for r in section["judges"][name]["generators"]}
        assert found == pytest.approx(means["metric"], abs=1e-9)
        # Without ties, Kendall's tau is 1 - 2 x distance.
        tau = means["kendall_tau_b"]
        assert section["judges"][name]["distance"]["value"] == pytest.approx((1 - tau) / 2, abs=1e-9)
    people = section["people"]["generators"]
    assert [r["generator"] for r in people] == [
        "stable_diffusion_v2_1", "stable_diffusion_v1_5", "mini_dalle", "stable_diffusion_v1_1", "vq_diffusion",
    ]  # fmt: skip
    assert [(r["rank_low"], r["rank_high"]) for r in people] == [(1, 1), (2, 2), (3, 5), (3, 5), (3, 5)]
    assert people[0]["first"] > 0.98
    # The metric that agrees best item by item orders the generators worse than a caption's word overlap does.
    assert section["judges"]["tifa_mplug-large"]["distance"]["value"] == pytest.approx(0.3)
    assert section["judges"]["meteor"]["distance"]["value"] == 0
    assert all(r["score"]["n"] == 160 for r in people)


def test_ratings_decide_the_level_and_n_counts_items():
    items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    said = pd.DataFrame(
        {"item_id": [*"aabbc"], "rater_id": [*"12121"], "value": [1.0, 2, 3, 5, 4], "role": "main"}
    )
    scored = pd.DataFrame({"item_id": list("abcd"), "judge": "error", "score": [0.9, 0.1, 0.2, 0.3]})
    settings_ = StudySettings(lower_is_better=("error",))
    section = checked(rank(evidence(said, scored, items, settings=settings_), FEW))
    # x: (1.5 + 4) / 2 over two rated items; y: 4 over one of its two.
    values = {r["generator"]: (r["score"]["value"], r["score"]["n"]) for r in section["people"]["generators"]}
    assert values == {"y": (4.0, 1), "x": (2.75, 2)}
    assert {r["generator"]: r["score"]["coverage"] for r in section["people"]["generators"]} == {
        "y": 0.5,
        "x": 1,
    }
    error = section["judges"]["error"]
    assert error["direction"] == "lower is better"
    assert [(r["generator"], round(r["score"]["value"], 3)) for r in error["generators"]] == [
        ("y", 0.2),
        ("x", 0.55),
    ]
    assert error["distance"]["value"] == 0


def pair_study(*, strengths=(1.0, 0.0, -1.0), prompts=40, raters=3, seed=0):
    """People compare each two generators of a prompt; the judge "fair" gives probabilities, "solo" scores items."""
    rng = np.random.default_rng(seed)
    names = [f"g{k}" for k in range(len(strengths))]
    items = pd.DataFrame(
        [
            {"item_id": f"p{p}-{n}", "prompt_id": f"p{p}", "generator": n, "half": "ab"[p % 2]}
            for p in range(prompts)
            for n in names
        ]
    )
    said, judged = [], []
    for p in range(prompts):
        for (i, a), (j, b) in combinations(enumerate(names), 2):
            chance = 1 / (1 + np.exp(strengths[j] - strengths[i]))
            pair = {"item_id": f"p{p}-{a}", "item_id_b": f"p{p}-{b}"}
            for r in range(raters):
                value = 0.5 if rng.random() < 0.2 else float(rng.random() < chance)
                said.append(pair | {"rater_id": f"r{r}", "value": value})
            judged.append(pair | {"judge": "fair", "score": chance})
    for item, name in zip(items["item_id"], items["generator"], strict=True):
        judged.append({"item_id": item, "item_id_b": "", "judge": "solo", "score": strengths[int(name[1:])]})
    return pd.DataFrame(said), pd.DataFrame(judged), items


@pytest.mark.parametrize("over", ["prompts", "items", "raters"])
def test_pairs_are_ranked_by_strength(over):
    ranking = rank(evidence(*pair_study(), settings=StudySettings(raters="person")), FEW, over=over)
    section = checked(ranking)
    assert ranking.order() == ranking.order("fair") == ranking.order("solo") == ["g0", "g1", "g2"]
    people, fair, solo = section["people"], section["judges"]["fair"], section["judges"]["solo"]
    assert people["score"] == fair["score"] == "Bradley-Terry log strength"
    assert solo["score"] == "mean score"
    # Two others, 40 prompts, 3 raters; the judge once each.
    assert [r["score"]["n"] for r in people["generators"]] == [240] * 3
    assert [r["score"]["n"] for r in fair["generators"]] == [80] * 3
    # Its probabilities are exactly those of log strengths 1, 0, -1.
    np.testing.assert_allclose([r["score"]["value"] for r in fair["generators"]], [1, 0, -1], atol=1e-6)
    for row in people["generators"]:
        assert row["score"]["low"] < row["score"]["value"] < row["score"]["high"]
    assert fair["distance"]["value"] == solo["distance"]["value"] == 0
    if over == "raters":
        assert "only raters are resampled" in told(fair["generators"][0]["reason"])


def test_slots_cannot_be_resampled_as_raters():
    section = checked(rank(evidence(*pair_study()), FEW, over="raters"))
    row = section["people"]["generators"][0]
    assert row["rank"] == 1
    assert row["score"]["low"] is None
    assert "slots" in told(row["reason"])


def test_the_side_of_a_pair_does_not_matter():
    said, judged, items = pair_study()
    turned = said.assign(item_id=said["item_id_b"], item_id_b=said["item_id"], value=1 - said["value"])
    ours = checked(rank(evidence(said, judged[:0], items), FEW))["people"]
    theirs = checked(rank(evidence(turned, judged[:0], items), FEW))["people"]
    for a, b in zip(ours["generators"], theirs["generators"], strict=True):
        assert a["score"] == pytest.approx(b["score"], abs=1e-6)
        assert (a["rank_low"], a["rank_high"], a["first"]) == (b["rank_low"], b["rank_high"], b["first"])


def test_pairs_never_compared_and_wrong_shares_have_reasons():
    said, judged, items = pair_study(strengths=(1.0, 0.5, 0.0, -1.0))
    within = said[
        said["item_id"].str.endswith("g0") & said["item_id_b"].str.endswith("g1")
        | said["item_id"].str.endswith("g2") & said["item_id_b"].str.endswith("g3")
    ]
    wrong = judged.assign(score=judged["score"] * 100)
    section = checked(rank(evidence(within, wrong, items), FEW))
    assert (
        told(section["people"]["reason"])
        == "groups that were never compared with one another: g0, g1 | g2, g3"
    )
    assert section["people"]["generators"] == []
    assert "not shares of a win" in told(section["judges"]["fair"]["reason"])
    assert section["judges"]["solo"]["distance"]["value"] is None
    assert "never compared" in told(section["judges"]["solo"]["distance"]["reason"])


def test_a_generator_that_never_loses_is_said():
    said, judged, items = pair_study(strengths=(1.0, 0.0))
    said["value"] = 1.0
    section = checked(rank(evidence(said, judged, items), FEW))
    assert section["people"]["prior_ties"] == 1
    # 120 wins and one tie: 120.5 to 0.5; the centred half of the log ratio.
    assert section["people"]["generators"][0]["score"]["value"] == pytest.approx(
        np.log(120.5 / 0.5) / 2, abs=1e-6
    )
    assert section["people"]["prior_ties"] == 1


def test_within_each_value_of_a_column():
    options = CompareOptions(draws=100, by=("half",))
    section = checked(rank(evidence(*pair_study()), options))
    assert set(section["by"]["half"]) == {"a", "b"}
    cell = section["by"]["half"]["a"]
    assert cell["n"] == 60
    assert [r["score"]["n"] for r in cell["people"]["generators"]] == [120] * 3
    assert cell["judges"]["solo"]["distance"]["value"] == 0


def test_people_who_rate_items_keep_their_ratings_when_a_judge_compares_pairs():
    _, judged, items = pair_study()
    said = items[["item_id"]].assign(
        value=[(3.0, 2.0, 1.0)[int(g[1:])] + n % 2 for n, g in enumerate(items["generator"])]
    )
    section = checked(rank(evidence(said, judged, items), FEW))
    assert section["people"]["score"] == "mean rating"
    assert section["judges"]["fair"]["score"] == "Bradley-Terry log strength"
    document = compare(evidence(said, judged, items), FEW).to_dict()
    assert document["study"]["n_annotated"] == len(items)
    assert document["generators"]["people"] == section["people"]
    assert document["judges"]["solo"]["item"]["spearman"]["value"] is not None


def test_generators_of_pairs_are_not_taken_for_generators_of_items():
    document = compare(evidence(*pair_study()), FEW).to_dict()
    assert "too few generators" in told(document["judges"]["fair"]["system"]["pearson"]["reason"])
    assert document["generators"]["judges"]["fair"]["distance"]["value"] == 0


@pytest.mark.parametrize("drop", ["generator", "people", "draws"])
def test_what_is_missing_has_a_reason(drop):
    said, judged, items = pair_study()
    options = FEW
    if drop == "generator":
        items = items.drop(columns="generator")
    elif drop == "people":
        said = said[:0]
    else:
        options = CompareOptions(draws=0)
    section = checked(rank(evidence(said, judged, items), options))
    if drop == "generator":
        assert told(section["reason"]) == "no generators are named"
        assert section["people"] is None
    elif drop == "people":
        assert told(section["people"]["reason"]) == "no people"
        assert told(section["judges"]["fair"]["distance"]["reason"]) == "no people"
        assert section["judges"]["solo"]["generators"][0]["rank"] == 1
    else:
        assert told(section["people"]["generators"][0]["reason"]) == "no bootstrap draws"


def test_wrong_names_are_said():
    tables = pair_study()
    with pytest.raises(InputError, match=r"no judge 'fare'.*fair"):
        rank(evidence(*tables), judges=["fare"])
    with pytest.raises(InputError, match="no question 'why'"):
        rank(evidence(*tables), question="why")
    with pytest.raises(InputError, match="no judge 'fare'"):
        rank(evidence(*tables), FEW).order("fare")


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_rows_and_the_names_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    tables = pair_study(prompts=10, seed=seed)
    options = CompareOptions(draws=50)
    plain = checked(rank(evidence(*tables), options))
    shuffled = [t.sample(frac=1, random_state=int(rng.integers(1000))) for t in tables]
    mixed = checked(rank(evidence(*shuffled), options))
    renamed = tables[2].assign(generator="x" + tables[2]["generator"])
    named = checked(rank(evidence(*tables[:2], renamed), options))
    for other, prefix in ((mixed, ""), (named, "x")):
        for who in ("fair", "solo"):
            for a, b in zip(
                plain["judges"][who]["generators"], other["judges"][who]["generators"], strict=True
            ):
                assert prefix + a["generator"] == b["generator"]
                assert a["score"] == pytest.approx(b["score"], abs=1e-5)
        for a, b in zip(plain["people"]["generators"], other["people"]["generators"], strict=True):
            assert (a["rank"], a["rank_low"], a["rank_high"]) == (b["rank"], b["rank_low"], b["rank_high"])
            assert a["first"] == pytest.approx(b["first"])


@pytest.mark.parametrize("seed", range(5))
def test_triads_in_a_circle_are_those_found_one_by_one(seed) -> None:
    wins = np.random.default_rng(seed).integers(0, 4, size=(7, 7)).astype(float)
    cyclic = of = 0
    for trio in combinations(range(7), 3):
        beaten = sorted(sum(wins[i, j] > wins[j, i] for j in trio) for i in trio)
        if all(wins[i, j] != wins[j, i] for i, j in combinations(trio, 2)):
            of += 1
            cyclic += beaten == [1, 1, 1]
    assert triads(wins) == Triads(cyclic, of)


def test_a_circle_of_preferences_is_said() -> None:
    ids = [f"{p}{g}" for p in range(12) for g in "xyz"]
    items = pd.DataFrame(
        {"item_id": ids, "prompt_id": [i[:-1] for i in ids], "generator": [i[-1] for i in ids]}
    )
    for circle in (True, False):
        duels = ("xy", "yz", "zx" if circle else "xz")
        said = pd.DataFrame(
            [(f"{p}{a}", f"{p}{b}", "u", 1.0 if p else 0.0) for p in range(12) for a, b in duels],
            columns=["item_id", "item_id_b", "rater_id", "value"],
        )
        found = genspace.compare(items=items, annotations=said, draws=20, permutations=0).document.generators
        assert (found.people.triads.cyclic, found.people.triads.of) == (int(circle), 1)
        told = " ".join(order_sentences(found, "people"))
        assert ("1 of 1 triads of generators go in a circle" in told) is circle
