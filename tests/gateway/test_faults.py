import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from gateway.faults import Fault, all_in_one, dotted, faults, faults_of


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = Field(ge=1)

    @field_validator("size")
    @classmethod
    def _even(cls, size: int) -> int:
        if size % 2:
            raise ValueError("must be even")
        return size


class Outer(BaseModel):
    inner: list[Inner]


def faults_in(text):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate_json(text)
    return caught.value


def test_a_fault_names_its_place_from_the_outside_in():
    [fault] = faults(faults_in('{"inner": [{"size": 2}, {"size": 0}]}'))
    assert (fault.place, dotted(fault.place)) == (("inner", 1, "size"), "inner.1.size")
    assert fault.sentence == "inner.1.size: Input should be greater than or equal to 1"
    assert (fault.not_json, fault.unknown_field, fault.known_place) == (None, False, fault.place)


def test_a_sentence_of_our_own_is_kept_as_it_is():
    assert all_in_one(faults_in('{"inner": [{"size": 3}]}')) == "inner.0.size: must be even"


def test_a_fault_of_the_whole_value_has_no_place():
    assert faults(faults_in("[]"))[0].sentence == "Input should be an object"


def test_text_that_is_not_json_says_why():
    assert faults(faults_in("[1,"))[0].not_json == "EOF while parsing a value at line 1 column 3"


def test_an_unknown_field_is_no_part_of_the_known_place():
    fault = faults(faults_in('{"inner": [{"size": 2, "s3cret": 1}]}'))[0]
    assert (fault.unknown_field, fault.known_place) == (True, ("inner", 0))


def test_all_faults_are_on_one_line_in_their_order():
    line = all_in_one(faults_in('{"inner": [{"size": 0}, {}]}'))
    assert line == "inner.0.size: Input should be greater than or equal to 1; inner.1.size: Field required"


def test_a_fault_holds_no_value():
    assert "hunter2" not in repr(faults(faults_in('{"inner": [{"size": "hunter2"}]}')))


def test_details_of_other_libraries_in_the_same_form_are_accepted():
    details = [{"type": "missing", "loc": ["query", "version"], "msg": "Field required", "input": None}]
    assert faults_of(details) == [Fault(("query", "version"), "missing", "Field required")]
