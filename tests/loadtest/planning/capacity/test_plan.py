"""Sizing, the bill and the checks; what is planned is also simulated, request by request."""

import heapq
import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.cost.prices import Price, PriceError, PriceTable
from loadtest.cost.spot import Interruptions
from loadtest.planning.capacity.bill import SpotTerms, Types
from loadtest.planning.capacity.cache_memory import CacheMemory
from loadtest.planning.capacity.cautions import cautions
from loadtest.planning.capacity.checking import LEAST_MARGIN, check_points
from loadtest.planning.capacity.planner import Plan, Shop, Wish, make_plan
from loadtest.planning.capacity.prediction import Deployment, Load, Prediction
from loadtest.planning.capacity.profile import Profile
from loadtest.planning.capacity.sizing import Aim, SizingError, highest_rate, size
from loadtest.slo import parse_slo

SCV = 0.5
PROFILE = Profile.model_validate(
    {
        "schema": "headrace-capacity-profile/1",
        "measured": {"on": "2026-11-21", "instance": "cpu", "cores": 2, "command": "measured by hand"},
        "model": "topics",
        "triton": {"instances": 2, "service_s": {"mean": 0.004, "scv": SCV}, "cpus": 2},
        "gateway": {"cpu_s_per_hit": 0.00025, "cpu_s_per_miss": 0.0006, "hit_latency_s": {"mean": 0.001, "scv": SCV}},
        "cache": {"bytes_per_item": 400},
    }
)
AIM = Aim(parse_slo("p99<30ms"))
WISH = Wish(1000, 0.4, growth=1.5)
TABLE = PriceTable(
    {
        name: Price.model_validate({"region": "r", "source": "a test", "date": date(2026, 11, 21), **fields})
        for name, fields in {
            "cpu": {"vcpus": 2.0, "memory_gib": 8.0, "on_demand_usd_per_hour": 0.1, "spot_usd_per_hour": 0.03},
            "large": {"vcpus": 8.0, "memory_gib": 32.0, "on_demand_usd_per_hour": 0.4},
            "gpu": {"vcpus": 8.0, "memory_gib": 32.0, "gpu": "L4", "gpus": 2, "on_demand_usd_per_hour": 1.0},
            "small": {"vcpus": 1.0, "memory_gib": 1.0, "on_demand_usd_per_hour": 0.01},
        }.items()
    }
)
TERMS = SpotTerms(Interruptions(0.01, 300, 120))


def shop(triton: str = "cpu", gateway: str = "cpu", redis: str | None = None) -> Shop:
    return Shop(Types(triton, gateway, redis), TABLE, TERMS)


def profile(**triton: Any) -> Profile:
    values = PROFILE.model_dump(mode="json", by_alias=True)
    values["triton"].update(triton)
    return Profile.model_validate(values)


def with_points(*points: dict[str, Any]) -> Profile:
    return Profile.model_validate(PROFILE.model_dump(mode="json", by_alias=True) | {"points": points})


def lognormal(random: np.random.Generator, mean: float, count: int) -> list[float]:
    sigma = math.sqrt(math.log1p(SCV))
    drawn: list[float] = random.lognormal(math.log(mean) - sigma**2 / 2, sigma, count).tolist()
    return drawn


def simulate_ms(load: Load, deployment: Deployment, requests: int, seed: int = 1) -> np.ndarray:
    """Latencies of requests that pass a random gateway worker.

    Where they miss, they pass a random Triton replica with two instances, too.
    """
    random = np.random.default_rng(seed)
    starts = np.cumsum(random.exponential(1 / load.requests_per_s, requests)).tolist()
    hits, workers = (random.random(requests) < load.hit_rate).tolist(), random.integers(deployment.gateways, size=requests).tolist()
    free, calls, latencies = [0.0] * deployment.gateways, [], []
    for start, hit, worker, rest in zip(starts, hits, workers, lognormal(random, 0.001, requests), strict=True):
        begin = max(start, free[worker])
        free[worker] = begin + (PROFILE.gateway.cpu_s_per_hit if hit else PROFILE.gateway.cpu_s_per_miss)
        if hit:
            latencies.append(begin - start + rest)
        else:
            calls.append((begin + rest, start))
    replicas = [[0.0, 0.0] for _ in range(deployment.triton_replicas)]
    chosen = random.integers(deployment.triton_replicas, size=len(calls)).tolist()
    for (arrival, asked), replica, service_s in zip(sorted(calls), chosen, lognormal(random, 0.004, len(calls)), strict=True):
        end = max(arrival, replicas[replica][0]) + service_s
        heapq.heapreplace(replicas[replica], end)
        latencies.append(end - asked)
    return np.array(latencies) * 1000


def test_a_prediction_of_both_stages_is_what_a_simulation_shows() -> None:
    load, deployment = Load(1500, 0.4), Deployment(2, 3)
    simulated = simulate_ms(load, deployment, 200_000)
    predicted = Prediction(PROFILE, load, deployment)
    assert predicted.latency_s.mean * 1000 == pytest.approx(simulated.mean(), rel=0.05)
    for share in (0.5, 0.9, 0.99):
        assert predicted.latency_s.quantile(share) * 1000 == pytest.approx(np.quantile(simulated, share), rel=0.1)


def test_the_planned_size_holds_in_a_simulation_with_one_lost_and_fewer_do_not() -> None:
    plan = make_plan(PROFILE, WISH, AIM, None)
    needed, planned = plan.size.needed, plan.size.planned
    assert planned == Deployment(needed.gateways + 1, needed.triton_replicas + 1)
    for lost in (Deployment(needed.gateways, planned.triton_replicas), Deployment(planned.gateways, needed.triton_replicas)):
        assert np.quantile(simulate_ms(plan.load, lost, 150_000), 0.99) < 30
    fewer = Deployment(planned.gateways, needed.triton_replicas - 1)
    queue = Prediction(PROFILE, plan.load, fewer).triton_queue
    p99_ms = np.quantile(simulate_ms(plan.load, fewer, 150_000), 0.99)
    assert queue.load > AIM.most_utilization or p99_ms * (1 + plan.aim.margin) > 30


@settings(deadline=None, max_examples=8)
@given(st.floats(50, 5000), st.floats(0, 0.9), st.floats(18, 100), st.floats(1.1, 3))
def test_more_load_or_a_tighter_slo_never_needs_less(rate: float, hit_rate: float, bound_ms: float, factor: float) -> None:
    def needed(load: Load, slo_ms: float) -> Deployment:
        return size(PROFILE, load, Aim(parse_slo(f"p99<{slo_ms:.3f}ms"))).needed

    here = needed(Load(rate, hit_rate), bound_ms * factor)
    busier = needed(Load(rate * factor, hit_rate), bound_ms * factor)
    tighter = needed(Load(rate, hit_rate), bound_ms + 4)
    assert busier.triton_replicas >= here.triton_replicas
    assert busier.gateways >= here.gateways
    if bound_ms + 4 < bound_ms * factor:
        assert tighter.triton_replicas >= here.triton_replicas


def test_repeats_save_replicas_in_proportion_to_the_misses() -> None:
    without, half = (size(PROFILE, Load(4000, hit_rate), AIM).needed.triton_replicas for hit_rate in (0.0, 0.5))
    assert half == pytest.approx(without / 2, abs=1)


def test_only_hits_need_one_replica() -> None:
    found = size(PROFILE, Load(1000, 1.0), AIM)
    assert found.needed.triton_replicas == 1
    assert Prediction(PROFILE, Load(1000, 1.0), found.planned).latency_ms(AIM.slo.objectives[0]) < 10


def test_a_request_of_many_items_is_rarely_a_hit() -> None:
    load = Load(100, 0.5, items_per_request=4)
    assert load.hit_request_share == pytest.approx(0.0625)
    assert load.calls_per_s == pytest.approx(93.75)
    assert load.misses_per_s == pytest.approx(200)


def test_the_highest_rate_holds_and_a_little_more_does_not() -> None:
    deployment = Deployment(3, 4)
    rate = highest_rate(PROFILE, Load(100, 0.4), AIM, deployment)
    assert Prediction(PROFILE, Load(rate, 0.4), deployment).holds(AIM.slo, AIM.most_utilization)
    assert not Prediction(PROFILE, Load(rate * 1.01, 0.4), deployment).holds(AIM.slo, AIM.most_utilization)


def confirming_runs_ms(rate_rps: float, servers: int, seconds: dict[int, float], runs: int, run_s: float = 180.0) -> list[np.ndarray]:
    """Latencies of runs before servers that take what waits as one batch, from an idle start."""
    found = []
    for seed in range(runs):
        random = np.random.default_rng(seed)
        arrivals = np.cumsum(random.exponential(1 / rate_rps, int(rate_rps * run_s * 2)))
        waiting = [float(start) for start in arrivals if start < run_s]
        free, latencies, at = [0.0] * servers, [], 0
        while at < len(waiting):
            begin = max(heapq.heappop(free), waiting[at])
            taken = [start for start in waiting[at : at + max(seconds)] if start <= begin]
            end = begin + float(np.interp(len(taken), list(seconds), list(seconds.values())))
            heapq.heappush(free, end)
            latencies += [end - start for start in taken]
            at += len(taken)
        found.append(np.array(latencies) * 1000)
    return found


@pytest.mark.parametrize(("servers", "seconds"), [(1, {1: 0.02}), (2, {1: 0.0201, 16: 0.2467}), (1, {1: 0.02, 64: 0.06})])
@pytest.mark.parametrize("slo", ["p99<100ms", "p99<200ms", "p90<100ms"])
def test_runs_confirm_the_rate_that_is_said_to_be_held(servers: int, seconds: dict[int, float], slo: str) -> None:
    triton = {"instances": servers, "service_s": {"mean": seconds[1], "scv": 0.0}, "batch_seconds": seconds}
    gateway = {"cpu_s_per_hit": 1e-5, "cpu_s_per_miss": 1e-5, "hit_latency_s": {"mean": 1e-4, "scv": 0.0}}
    values = PROFILE.model_dump(mode="json", by_alias=True) | {"triton": triton, "gateway": gateway}
    plan = make_plan(Profile.model_validate(values), Wish(20, 0.0), Aim(parse_slo(slo), lost=0), None)
    assert plan.one_of_each_rps <= plan.exact_requests_per_s or plan.size.needed.triton_replicas > 1
    (objective,) = parse_slo(slo).objectives
    runs = confirming_runs_ms(plan.one_of_each_rps, servers, seconds, 20)
    assert sum(objective.allows(float(np.quantile(run, objective.quantile or 0.0))) for run in runs) >= 18


def test_the_margin_is_the_model_s_own_greatest_miss() -> None:
    point = {"requests_per_s": 400, "hit_rate": 0.4, "latency_ms": {"p99": 1.59 * 17.0}}
    wide = make_plan(with_points(point), Wish(400, 0.4), AIM, None)
    (check,) = wide.checks
    assert check.predicted_ms is not None
    assert wide.aim.margin == pytest.approx(check.measured_ms / check.predicted_ms - 1)
    assert wide.aim.margin > make_plan(PROFILE, Wish(400, 0.4), AIM, None).aim.margin == LEAST_MARGIN
    assert wide.highest_requests_per_s < wide.exact_requests_per_s


def test_a_measured_ceiling_beneath_the_model_asks_for_more_replicas() -> None:
    ceiling = {"slo": "p99<30ms", "texts_per_s": 100.0}
    plan = make_plan(profile(texts_per_s_within_slo=ceiling), WISH, AIM, None)
    assert plan.size.bound_by_ceiling
    assert plan.size.needed.triton_replicas == 9
    assert plan.highest_requests_per_s == pytest.approx(9 * 100 / 0.6)
    other = make_plan(profile(texts_per_s_within_slo=ceiling | {"slo": "p99<5ms"}), WISH, AIM, None)
    assert other.size.needed.triton_replicas < 9
    assert any("p99<5ms, not for p99<30ms" in caution for caution in cautions(other, None))


def test_an_slo_beneath_the_service_itself_is_said_to_be_out_of_reach() -> None:
    with pytest.raises(SizingError, match=r"No number of replicas holds p99<5ms: .* ms without any wait"):
        size(PROFILE, Load(100, 0.4), Aim(parse_slo("p99<5ms")))


def test_batches_raise_what_a_replica_carries() -> None:
    single = make_plan(PROFILE, WISH, AIM, None)
    batching = make_plan(profile(batch_seconds={1: 0.004, 16: 0.012}), WISH, AIM, None)
    assert batching.size.needed.triton_replicas < single.size.needed.triton_replicas
    assert batching.full.latency_ms(AIM.slo.objectives[0]) < 30


def test_seconds_per_item_at_load_take_the_place_of_the_service_time_in_the_line() -> None:
    quicker = Prediction(profile(seconds_per_item=0.002), Load(500, 0.0), Deployment(2, 2))
    slower = Prediction(PROFILE, Load(500, 0.0), Deployment(2, 2))
    assert quicker.triton_queue.utilization == pytest.approx(slower.triton_queue.utilization / 2)
    assert quicker.triton_latency_s.mean > 0.004


def test_the_cache_holds_every_miss_of_a_life_time() -> None:
    memory = CacheMemory(misses_per_s=100, ttl_s=3600, bytes_per_item=2**20 / 1000)
    assert memory.entries == 360_000
    assert memory.max_memory_mib == 360
    assert memory.needed_gib == pytest.approx(360 * 1.25 / 1024)
    assert replace(memory, distinct_items=1000).entries == 1000
    assert replace(memory, distinct_items=1000).max_memory_mib == 64


def test_the_bill_is_instances_times_price_and_a_share_of_redis() -> None:
    plan = make_plan(PROFILE, WISH, AIM, shop())
    bill = plan.bill
    assert bill is not None
    assert bill.spot is not None
    triton, gateway, redis = bill.on_demand.parts
    assert triton.usd_per_hour == pytest.approx(plan.size.planned.triton_replicas * 0.1)
    assert gateway.usd_per_hour == pytest.approx(max(math.ceil(plan.size.planned.gateways / 2), 2) * 0.1)
    assert redis.usd_per_hour == pytest.approx(plan.memory.needed_gib / 8 * 0.1)
    assert bill.on_demand.usd_per_month == pytest.approx(730 * (triton.usd_per_hour + gateway.usd_per_hour + redis.usd_per_hour))
    assert bill.spot.parts[0].usd_per_instance_hour == pytest.approx(0.1 * (bill.spot_multiplier or 0))
    assert 0.03 < bill.spot.parts[0].usd_per_instance_hour < 0.1
    assert bill.spot.parts[1:] == bill.on_demand.parts[1:]


def test_a_large_instance_holds_several_replicas_and_says_so() -> None:
    plan = make_plan(PROFILE, WISH, AIM, shop("large"))
    assert plan.bill is not None
    assert plan.bill.replicas_per_instance == 4
    assert plan.bill.on_demand.parts[0].instances == max(math.ceil(plan.size.planned.triton_replicas / 4), 2)
    said = cautions(plan, "large")
    assert any("losing one loses all" in caution for caution in said)
    assert any("Measured on cpu (2 cores), priced as large" in caution for caution in said)
    assert any("no spot price of large" in caution for caution in said)


def test_a_type_that_cannot_hold_a_replica_is_refused() -> None:
    with pytest.raises(PriceError, match="cpu has 0 GPUs, and a replica of the profile needs 1"):
        make_plan(profile(gpus=1), WISH, AIM, shop())
    with pytest.raises(PriceError, match="small has 1 vCPUs, and a replica of the profile needs 2"):
        make_plan(PROFILE, WISH, AIM, shop("small"))
    plan = make_plan(profile(gpus=1), WISH, AIM, shop("gpu"))
    assert plan.bill is not None
    assert plan.bill.replicas_per_instance == 2


def test_the_model_is_checked_against_measured_points() -> None:
    simulated = simulate_ms(Load(400, 0.4), Deployment(1, 1), 100_000)
    p50, p99 = (float(np.quantile(simulated, share)) for share in (0.5, 0.99))
    point = {"requests_per_s": 400, "hit_rate": 0.4, "latency_ms": {"p50": p50, "p99": p99 * 2, "max": 900.0}}
    overload = {"requests_per_s": 4000, "hit_rate": 0.4, "latency_ms": {"p99": 20.0}}
    checks = check_points(with_points(point, overload))
    assert [(check.metric, check.agrees) for check in checks] == [("p50", True), ("p99", False), ("p99", False)]
    assert checks[1].error == pytest.approx(-0.5, abs=0.06)
    assert checks[2].predicted_ms is None
    said = cautions(make_plan(with_points(point, overload), WISH, AIM, None), None)
    assert sum("misses p99 by -" in caution for caution in said) == 1
    assert sum("sees an overload" in caution for caution in said) == 1


def test_a_plan_without_points_or_with_errors_in_its_slo_says_what_it_cannot_know() -> None:
    plan: Plan = make_plan(PROFILE, WISH, Aim(parse_slo("p99<30ms,errors<0.1%")), None)
    said = " ".join(cautions(plan, None))
    assert "the model is unchecked" in said
    assert "nothing of errors" in said
    assert "nothing is priced" in said


def test_a_profile_that_broke_off_is_planned_with_and_said_to_have() -> None:
    broken = PROFILE.model_copy(update={"problem": "No answer from http://h: refused."})
    assert "broke off: No answer from http://h: refused." in cautions(make_plan(broken, WISH, AIM, None), None)[0]


def test_nothing_lost_is_nothing_spare() -> None:
    plan = make_plan(PROFILE, WISH, replace(AIM, lost=0), None)
    assert plan.size.planned == plan.size.needed


@pytest.mark.parametrize("call", [lambda: Load(0, 0.5), lambda: Load(1, 1.5), lambda: Wish(1, 0.5, growth=0)])
def test_impossible_loads_are_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r"need|must"):
        call()
