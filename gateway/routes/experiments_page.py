"""`/experiments`: pages for owners of experiments, behind a login by API key.

A page does what the routes of `/v1/experiments` do, as the caller whose key its cookie holds. What
changes something is a form of a page that says what comes of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from gateway.errors import Forbidden, GatewayError, InvalidRequest, NotFound, StateConflict, StateUnavailable, Unauthenticated
from gateway.evaluation import history
from gateway.evaluation.found import Results
from gateway.evaluation.looks import results_of
from gateway.experiments.control import tag
from gateway.experiments.definition import Definition, DefinitionError, read
from gateway.experiments.lifecycle import no_such
from gateway.experiments.record import READ_ONLY, Record
from gateway.experiments.store import MAX_EVENTS
from gateway.pages.browser import is_secure, own_path, require_own_page
from gateway.pages.definition_form import KINDS, definition_in, definition_of
from gateway.pages.experiment_view import ACTS, Act, acts_of, chart
from gateway.pages.render import pretty
from gateway.pages.stylesheet import STYLE
from gateway.request.preconditions import Preconditions
from gateway.request.principal import EXPERIMENTS
from gateway.routes.page_route import HOME, LOGIN, as_caller, caller, changing, entered, form_of, page, redirect, shown
from gateway.security.sessions import COOKIE, LIFE_S
from gateway.shadow.report import reports_of
from gateway.stack import Stack, stack_of

router = APIRouter()
MOST_LOOKED_AT: Final = 30
"""On the list, so many experiments have a sentence on what is known."""
MOST_EVENTS: Final = 50
MOST_COOKIE_CHARS: Final = 3_900
"""A browser drops a cookie of more than 4 kB, attributes included, without a word."""
_ORDER: Final = {"running": 0, "paused": 1, "draft": 2, "stopped": 3}
_EMPTY: Final = {"share": "50", "coverage": "100"}


@page(router, LOGIN)
async def ask_for_a_key(request: Request) -> Response:
    """The form for a key."""
    return _login(request, request.query_params.get("next"))


@page(router, LOGIN, "POST")
async def log_in(request: Request) -> Response:
    """Keep a key in a cookie that only the gateways can open."""
    require_own_page(request.headers)
    stack = stack_of(request.app)
    form = await form_of(request, stack)
    key, following = form.get("key", "").strip(), own_path(form.get("next"), HOME)
    if not key:
        return _login(request, following, Unauthenticated("give an API key"))
    try:
        await stack.door.enter(as_caller(request, key), EXPERIMENTS)
    except (Unauthenticated, Forbidden) as exc:
        return _login(request, following, exc)
    sealed = await stack.sessions.seal(key)
    if len(sealed) > MOST_COOKIE_CHARS:
        return _login(request, following, InvalidRequest("this token is too long for a browser's cookie; log in with an API key"))
    answer = redirect(following)
    secure = is_secure(request.url.scheme, request.headers)
    answer.set_cookie(COOKIE, sealed, LIFE_S, path=HOME, httponly=True, samesite="strict", secure=secure)
    return answer


def _login(request: Request, following: str | None, fault: GatewayError | None = None) -> Response:
    alert, status = (fault.message, fault.status) if fault else ("", 200)
    return shown(request, "login", status, title="Log in", following=own_path(following, HOME), alert=alert)


@page(router, f"{HOME}/-/logout", "POST")
async def log_out(request: Request) -> Response:
    """Let the browser forget the cookie."""
    require_own_page(request.headers)
    answer = redirect(LOGIN)
    answer.delete_cookie(COOKIE, path=HOME, httponly=True, samesite="strict")
    return answer


@page(router, f"{HOME}/-/style.css")
async def style(_request: Request) -> Response:
    """The stylesheet of all pages."""
    return Response(STYLE, headers={"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}, media_type="text/css")


@page(router, HOME)
async def show_list(request: Request) -> Response:
    """All experiments, each with what is known of it in a sentence."""
    stack = await entered(request)
    seen = await stack.control.seen()
    records = [record for record in seen.stored.records.values() if record.key not in seen.file]
    records.sort(key=lambda record: (_ORDER[record.status], -record.changed_at))
    ones: list[Record | Definition] = [*records, *seen.file.values()]
    measured = [one for one in ones if isinstance(one, Definition) or one.started_at is not None][:MOST_LOOKED_AT]
    found = await asyncio.gather(*(_known(stack, one) for one in measured))
    known = {one.key: results for one, results in zip(measured, found, strict=True) if results is not None}
    rows = [(one, _definition(one), known.get(one.key)) for one in ones]
    return shown(request, "list", title="Experiments", rows=rows, stale=seen.stale)


async def _known(stack: Stack, one: Record | Definition) -> Results | None:
    """What is known; None also while state does not answer: the list is shown all the same."""
    try:
        return await _results(stack, one)
    except StateUnavailable:
        return None


@page(router, f"{HOME}/-/new")
async def ask_for_a_definition(request: Request) -> Response:
    """A form for the usual experiment, and one for any."""
    return _new(request, await entered(request), _EMPTY)


@page(router, f"{HOME}/-/new", "POST")
async def make(request: Request) -> Response:
    """Make an experiment of either form."""
    stack, control, form = await changing(request)
    try:
        definition = _read(definition_in(form["text"]) if "text" in form else definition_of(form))
        record, _ = await control.put(definition, caller(request, stack), Preconditions(None, "*"))
    except GatewayError as exc:
        return _new(request, stack, {**_EMPTY, **form}, exc)
    return redirect(f"{HOME}/{record.key}")


def _new(request: Request, stack: Stack, form: Mapping[str, str], fault: GatewayError | None = None) -> Response:
    models = {name: sorted(served.versions, reverse=True) for name, served in sorted(stack.catalog.current.models.items())}
    versions = sorted({version for found in models.values() for version in found}, reverse=True)
    alert, status = (fault.message, fault.status) if fault else ("", 200)
    return shown(request, "new", status, title="New experiment", form=form, models=models, versions=versions, kinds=KINDS, alert=alert)


@page(router, f"{HOME}/{{key:name}}")
async def show_experiment(request: Request) -> Response:
    """One experiment: what is known, its split, metrics over time, ramp, definition and events.

    With `?copy=1` it is a file that needs nothing else.
    """
    stack = await entered(request)
    copy = "copy" in request.query_params
    one = await _one(stack, request.path_params["key"])
    record = one if isinstance(one, Record) else None
    results = await _results(stack, one)
    events = [] if record is None else await stack.control.events(record.key, "", MAX_EVENTS)
    answer = shown(
        request,
        "experiment",
        copy=STYLE.decode() if copy else "",
        title=one.key,
        definition=_definition(one),
        record=record,
        results=results,
        warnings=[*stack.experiments.current.warnings.get(one.key, ()), *(results.warnings if results else ())],
        acts=[] if record is None else list(acts_of(record)),
        charts=await _charts(stack, results),
        shadows=[] if stack.state is None else await reports_of(stack.state, one.key),
        events=events[: -MOST_EVENTS - 1 : -1],
    )
    if copy:
        answer.headers["Content-Disposition"] = f'attachment; filename="{one.key}.html"'
    return answer


async def _charts(stack: Stack, results: Results | None) -> dict[tuple[str, str], Any]:
    """The charts by metric and variant."""
    if results is None or stack.state is None:
        return {}
    looks: Sequence[history.Look] = [*await history.kept(stack.state, results.key), history.look_at(results)]
    metrics = [metric for metric in (*results.metrics, *results.requests) if metric.role != "request"]
    return {(metric.name, one.variant): chart(metric, one, looks) for metric in metrics for one in metric.comparisons}


@page(router, f"{HOME}/{{key:name}}/edit")
async def ask_for_a_change(request: Request) -> Response:
    """The definition as JSON, to change."""
    record = await _record(await entered(request), request.path_params["key"])
    return _edit(request, record, pretty(record.definition.document()), tag(record))


@page(router, f"{HOME}/{{key:name}}/edit", "POST")
async def change(request: Request) -> Response:
    """Change the definition, if nobody else has meanwhile."""
    stack, control, form = await changing(request)
    record = await _record(stack, request.path_params["key"])
    try:
        definition = _read(definition_in(form.get("text", "")))
        if definition.key != record.key:
            raise InvalidRequest(f"key: must stay {record.key}; make a new experiment for another one")
        await control.put(definition, caller(request, stack), _as_shown(form))
    except GatewayError as exc:
        return _edit(request, record, form.get("text", ""), form.get("etag", ""), exc)
    return redirect(f"{HOME}/{record.key}")


def _edit(request: Request, record: Record, text: str, etag: str, fault: GatewayError | None = None) -> Response:
    alert, status = (fault.message, fault.status) if fault else ("", 200)
    return shown(request, "edit", status, title=f"Change {record.key}", record=record, text=text, etag=etag, alert=alert)


@page(router, f"{HOME}/{{key:name}}/{{act}}")
async def ask_for_an_act(request: Request) -> Response:
    """What comes of an action, with the button for it."""
    wanted = _act(request)
    return _ask(request, await _record(await entered(request), request.path_params["key"]), wanted)


@page(router, f"{HOME}/{{key:name}}/{{act}}", "POST")
async def do(request: Request) -> Response:
    """Do what the button says."""
    wanted = _act(request)
    stack, control, form = await changing(request)
    record, by, preconditions = await _record(stack, request.path_params["key"]), caller(request, stack), _as_shown(form)
    try:
        if wanted.action is None:
            await control.delete(record.key, by, preconditions)
            return redirect(HOME)
        await control.act(record.key, wanted.action, by, preconditions, form.get("variant") or None)
    except GatewayError as exc:
        return _ask(request, record, wanted, exc)
    return redirect(f"{HOME}/{record.key}")


def _act(request: Request) -> Act:
    wanted = ACTS.get(request.path_params["act"])
    if wanted is None:
        raise NotFound(f"there is no such page; there are: edit, {', '.join(ACTS)}")
    return wanted


def _ask(request: Request, record: Record, wanted: Act, fault: GatewayError | None = None) -> Response:
    alert, status = (fault.message, fault.status) if fault else ("", 200)
    return shown(request, "act", status, title=f"{wanted.label}: {record.key}", record=record, act=wanted, etag=tag(record), alert=alert)


def _as_shown(form: Mapping[str, str]) -> Preconditions:
    """That the experiment is still as the page showed it."""
    return Preconditions(form.get("etag") or None, None)


def _read(given: dict[str, Any]) -> Definition:
    try:
        return read({name: value for name, value in given.items() if name not in READ_ONLY})
    except DefinitionError as exc:
        raise InvalidRequest(str(exc)) from None


def _definition(one: Record | Definition) -> Definition:
    return one.definition if isinstance(one, Record) else one


async def _one(stack: Stack, key: str) -> Record | Definition:
    """The experiment of state, or the definition of the file's."""
    seen = await stack.control.seen()
    if key in seen.file:
        return seen.file[key]
    if key not in seen.stored.records:
        raise no_such([*seen.file, *seen.stored.records])
    return seen.stored.records[key]


async def _record(stack: Stack, key: str) -> Record:
    one = await _one(stack, key)
    if isinstance(one, Definition):
        raise StateConflict(f"experiment {key} is managed by the file HEADRACE_EXPERIMENTS_FILE: change it there")
    return one


async def _results(stack: Stack, one: Record | Definition) -> Results | None:
    """What is known; None without state, or before the start."""
    if stack.state is None or (isinstance(one, Record) and one.started_at is None):
        return None
    return await results_of(stack.state, one, time())
