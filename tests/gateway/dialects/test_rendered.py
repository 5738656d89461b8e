from gateway.dialects.rendered import MAX_BODIES, MAX_ROW_BYTES, MAX_SHOWN_BYTES, Rendered


class Render:
    """Gives a new body at each call."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return b"%d" % self.calls


def test_same_row_shown_alike_is_rendered_once():
    rendered, render = Rendered(), Render()
    assert [rendered.body("digest", [b"row"], b"", render) for _ in range(3)] == [b"1"] * 3


def test_other_versions_rows_and_options_are_rendered_anew():
    rendered, render = Rendered(), Render()
    asked = [("digest", b"row", b""), ("other", b"row", b""), ("digest", b"other", b""), ("digest", b"row", b"top_k")]
    assert [rendered.body(digest, [row], shown, render) for digest, row, shown in asked] == [b"1", b"2", b"3", b"4"]


def test_several_and_large_rows_and_long_options_are_not_remembered():
    rendered, render = Rendered(), Render()
    for rows, shown in (([b"a", b"b"], b""), ([bytes(MAX_ROW_BYTES + 1)], b""), ([b"a"], bytes(MAX_SHOWN_BYTES + 1))):
        rendered.body("digest", rows, shown, render)
    assert len(rendered) == 0


def test_number_of_bodies_is_bounded():
    rendered, render = Rendered(), Render()
    for i in range(2 * MAX_BODIES + 1):
        rendered.body("digest", [b"%d" % i], b"", render)
    assert len(rendered) <= MAX_BODIES
