"""Whose page sent a form, and where a login leads."""

import pytest

from gateway.errors import Forbidden
from gateway.pages.browser import is_secure, own_path, require_own_page

HOST = {"host": "gateway:8080"}


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://gateway:8080"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "same-origin", "origin": "https://public"}],
)
def test_a_form_of_our_own_page_is_taken(headers):
    require_own_page({**HOST, **headers})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil"},
        {"origin": "http://gateway:8080.evil"},
        {"sec-fetch-site": "same-site", "origin": "http://gateway:8080"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_form_of_another_page_is_refused(headers):
    with pytest.raises(Forbidden, match="own page"):
        require_own_page({**HOST, **headers})


@pytest.mark.parametrize(
    "path", [None, "", "https://evil", "//evil", "/experimentsx", "/v1/models", "/experiments/\\evil", "javascript:alert(1)"]
)
def test_no_link_leads_away_from_the_pages(path):
    assert own_path(path, "/experiments") == "/experiments"


def test_a_login_leads_back_to_the_page():
    assert own_path("/experiments/lora/stop", "/experiments") == "/experiments/lora/stop"


def test_a_proxy_may_have_spoken_tls():
    assert is_secure("https", {})
    assert is_secure("http", {"x-forwarded-proto": "https, http"})
    assert not is_secure("http", {})
