"""What results say to a ramp. Pure."""

from gateway.evaluation.found import Compared, Results
from gateway.experiments.ramp import RampLook
from gateway.statistics.guardrail import Verdict


def ramp_look(results: Results) -> RampLook:
    """The look of a ramp at these results: all guardrails of all variants."""
    judged = [(f"{metric.name}: ", one) for metric in (*results.metrics, *results.requests) if metric.guards for one in metric.comparisons]
    return RampLook(
        units=sum(one.units for one in results.variants),
        dropped=results.dropped_exposures,
        mismatch="" if results.sample_ratio.ok else results.sentence,
        harm=[f"{name}{one.sentence}" for name, one in judged if _verdict(one) is Verdict.HARMFUL],
        unsafe=[f"{name}{one.sentence}" for name, one in judged if _verdict(one) is Verdict.NOT_ENOUGH_KNOWN],
    )


def _verdict(one: Compared) -> Verdict:
    return Verdict.NOT_ENOUGH_KNOWN if one.guardrail is None else one.guardrail.verdict
