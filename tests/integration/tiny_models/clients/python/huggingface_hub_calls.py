from calls import TEXTS, URL, call
from huggingface_hub import AsyncInferenceClient, InferenceClient

CONTEXT = " ".join(TEXTS[:3])


def client(model):
    return InferenceClient(f"{URL}/models/{model}")


def labels(found):
    return [[one.label, one.score] for one in found]


@call("text_classification", gives="labels", of=TEXTS[0])
def _():
    return labels(client("weather").text_classification(TEXTS[0]))


@call("text_classification, async, function_to_apply=softmax", gives="labels", of=TEXTS[0])
async def _():
    return labels(await AsyncInferenceClient(f"{URL}/models/weather").text_classification(TEXTS[0], function_to_apply="softmax"))


@call("token_classification", gives="entities", of=TEXTS[0])
def _():
    return [[one.entity_group, one.start, one.end, one.score] for one in client("entities").token_classification(TEXTS[0])]


@call("feature_extraction", gives="unit embeddings", of=TEXTS[:1])
def _():
    return client("raw-embeddings").feature_extraction(TEXTS[0]).tolist()


@call("feature_extraction, normalize=False, truncate", gives="embeddings", of=TEXTS[:1])
def _():
    return client("raw-embeddings").feature_extraction(TEXTS[0], normalize=False, truncate=True).tolist()


@call("sentence_similarity", gives="similarities", of=TEXTS[:4])
def _():
    return client("raw-embeddings").sentence_similarity(TEXTS[0], TEXTS[1:4])


@call("question_answering", gives="answers", of=["alna", CONTEXT])
def _():
    found = client("answers").question_answering(question="alna", context=CONTEXT)
    return [[found.answer, found.start, found.end, found.score]]


@call("question_answering, top_k=2", gives="answers", of=["alna", CONTEXT])
def _():
    return [
        [one.answer, one.start, one.end, one.score]
        for one in client("answers").question_answering(question="alna", context=CONTEXT, top_k=2)
    ]


@call("zero_shot_classification", gives="zero-shot", of=TEXTS[0])
def _():
    return labels(client("zero-shot").zero_shot_classification(TEXTS[0], ["alna", "bero"]))


@call("zero_shot_classification, async, multi_label", gives="zero-shot, several", of=TEXTS[0])
async def _():
    return labels(
        await AsyncInferenceClient(f"{URL}/models/zero-shot").zero_shot_classification(TEXTS[0], ["alna", "bero"], multi_label=True)
    )
