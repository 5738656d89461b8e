"""The blocks of gateway/docs/cache.md."""

from pages import blocks

from gateway.app import create_app
from gateway.cache import policy
from gateway.cache.policy import CachePolicy
from gateway.fakes.triton import FakeTriton
from gateway.settings.settings import Settings

[POLICIES] = blocks("gateway/docs/cache.md", "yaml")
[DELETIONS] = blocks("gateway/docs/cache.md", "http")


def test_the_policies_are_policies(tmp_path):
    (tmp_path / "policies.yaml").write_text(POLICIES)
    read = policy.parse(str(tmp_path / "policies.yaml"), CachePolicy())
    assert (read["topics"].ttl_s, read["topics"].lease_s, read["drafts"].enabled) == (600, 2, False)


def test_each_deletion_is_a_path():
    paths = create_app(Settings(auth="off"), triton=FakeTriton()).api.openapi()["paths"]
    shown = [line.split() for line in DELETIONS.splitlines()]
    assert sorted(path for method, path in shown if method == "DELETE") == sorted(path for path in paths if path.startswith("/v1/cache"))
    assert all("delete" in paths[path] for _, path in shown)
