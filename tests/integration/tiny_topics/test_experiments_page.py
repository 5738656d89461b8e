"""An owner of an experiment with a browser: real Chromium, gateway, Triton and Valkey."""

import hashlib
import shutil

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from gateway_process import GatewayProcess, wait_until
from playwright.sync_api import expect, sync_playwright

from gateway.embedded.valkey import Valkey

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed; .ci/run installs it"),
]
KEY = "hr_owner"
HEADERS = {"Authorization": f"Bearer {KEY}"}
FACES = [("light", 1200), ("dark", 1200), ("light", 360)]


@pytest.fixture(scope="module")
def gateway(triton, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    keys = f"acme:{hashlib.sha256(KEY.encode()).hexdigest()}:predict+feedback+experiments"
    with Valkey(folder / "state") as state:
        settings = {"triton_url": triton.http_url, "state_url": state.url, "state_timeout_ms": 5000, "auth": "keys", "api_keys": keys}
        with GatewayProcess(log=folder / "gateway.log", **settings) as running:
            yield running


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    opened = context.new_page()
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    yield opened
    assert opened.complaints == []
    context.close()


def traffic(gateway, units):
    """Units ask, and two of three that treatment answers click, of control's one of three."""
    outcomes = []
    for i in range(units):
        unit = {"X-Unit-ID": f"unit{i}"}
        answer = httpx.post(gateway.predict_url, json={"instances": ["corn and wheat"]}, headers={**HEADERS, **unit})
        assert answer.status_code == 200
        if i % 3 < (2 if answer.headers["x-variant"] == "treatment" else 1):
            outcomes.append({"unit": f"unit{i}", "metric": "click", "value": 1, "key": f"click{i}"})

    def stored():
        answer = httpx.post(f"{gateway.url}/v1/outcomes", json={"outcomes": outcomes}, headers=HEADERS).json()
        return answer["stored"] + answer["known"] == len(outcomes)

    wait_until(stored)


def accessible(chromium, page):
    """Nothing on a page is a stumbling block, light or dark, on a desk or on a phone."""
    for scheme, width in FACES:
        context = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 800}, storage_state=page.context.storage_state()
        )
        seen = context.new_page()
        seen.goto(page.url)
        found = Axe().run(seen)
        assert found.violations_count == 0, found.generate_report()
        assert seen.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url} is wider than {width} pixels"
        context.close()


def test_an_owner_logs_in_makes_an_experiment_watches_it_and_promotes_the_winner(gateway, chromium, page):
    page.goto(f"{gateway.url}/experiments")
    accessible(chromium, page)
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="New experiment").click()
    accessible(chromium, page)
    page.get_by_label("Key such as").fill("topics-lora")
    page.get_by_label("What is it about?").fill("which version is clicked more often")
    page.get_by_label("Model that").select_option("topics")
    page.get_by_label("Control’s version").select_option("1")
    page.get_by_label("Treatment’s version").select_option("2")
    page.get_by_label("Outcome the metric’s name").fill("click")
    page.get_by_label("Planned units").fill("300")
    page.get_by_role("button", name="Make the draft", exact=True).click()
    page.get_by_role("link", name="Start").click()
    expect(page.get_by_text("Units are assigned by the definition as it is now.")).to_be_visible()
    page.get_by_role("button", name="Start").click()

    traffic(gateway, 300)
    looks = f"{gateway.url}/v1/experiments/topics-lora/looks"

    def drawn():
        kept = httpx.get(looks, headers=HEADERS).json()["looks"]
        return any(None not in look["relative"].get("click", {}).get("treatment", [None]) for look in kept)

    wait_until(drawn)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("treatment is better").first).to_be_visible()
    expect(page.get_by_text("fits the weights")).to_be_visible()
    expect(page.get_by_role("img", name="click, treatment against the control")).to_be_visible()
    accessible(chromium, page)

    page.get_by_role("link", name="Promote").click()
    page.get_by_label("treatment").check()
    accessible(chromium, page)
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("Version 2 (treatment) is promoted")).to_be_visible()
    expect(page.get_by_text("stopped", exact=True)).to_be_visible()
    page.get_by_role("link", name="Headrace experiments").click()
    accessible(chromium, page)
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{gateway.url}/experiments/topics-lora")
    expect(page.get_by_label("API key")).to_be_visible()


def test_the_keyboard_alone_is_enough(gateway, page):
    page.goto(f"{gateway.url}/experiments")
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Experiments", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "New experiment":
            page.keyboard.press("Enter")
            break
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible()
