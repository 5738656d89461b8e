# make demo    set up everything and show the whole path
# make serve   set up everything and run the stack
# make test    set up and run the tests
# make lint    ruff, mypy --strict, import-linter, pip-audit

PYTHON ?= python3
VENV   := .venv
RUN    := HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false $(VENV)/bin/python
WORK   := .work/demo
MODELS := model_repository/models

# what was compiled is kept, whatever the environment says, so that programs start faster
export PYTHONDONTWRITEBYTECODE :=
export HEADRACE_EXPERIMENTS_FILE ?= gateway/demo/experiments.yaml
# for trying the stack out on loopback; `HEADRACE_AUTH=keys make serve` requires API keys
export HEADRACE_AUTH ?= off

.PHONY: demo serve test lint style types imports audit triton models clean

demo: triton models
	@$(RUN) -m loadtest.demo --corpus $(WORK)/r8-test.jsonl --report reports/demo

serve: export HEADRACE_GRPC_PORT ?= 8081
serve: triton models
	@exec env HF_HUB_OFFLINE=1 $(VENV)/bin/python -m gateway --embedded --repository $(MODELS)

test: $(VENV)/.installed $(VENV)/transformers5/.installed
	@$(RUN) -m pytest --numprocesses 2 --dist loadscope

lint: $(VENV)/.installed
	@$(MAKE) --no-print-directory --jobs 2 --output-sync style types imports audit

style:
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types:
	@$(VENV)/bin/mypy

imports:
	@$(VENV)/bin/lint-imports

audit:
	@$(VENV)/bin/python .ci/audit.py

# check that the wheel's tritonserver can run here before the long work begins
triton: $(VENV)/.installed
	@$(RUN) -m model_repository.wheel

# export and check both demo versions; a version whose recipe has not changed is not exported again
models: $(VENV)/.installed
	@$(RUN) -m export.demo.data --out $(WORK)
	@$(RUN) -m export run export/demo/topics-v1.yaml --repository $(MODELS) --work .work/export
	@$(RUN) -m export run export/demo/topics-v2.yaml --repository $(MODELS) --work .work/export

# what is imported is compiled then: of 20,000 modules most never are
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v in ((3, 11), (3, 12)) or sys.exit("Python 3.11 or 3.12 is needed, this is %d.%d: make PYTHON=python3.11" % v)'
	@echo "installing into $(VENV) (one to two minutes) …"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check torch==2.13.0
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -e '.[cpu,export,gateway,evaluation,tracing,embedded,loadtest,demo,dev]'
	@touch $@

# transformers 5, for its own answers to checkpoints that it saved; the environment has 4.57
$(VENV)/transformers5/.installed: $(VENV)/.installed tests/export/checkpoints/transformers5.txt
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --upgrade \
		--target $(@D) --requirement tests/export/checkpoints/transformers5.txt
	@touch $@

clean:
	rm -rf .venv .work reports $(MODELS)
