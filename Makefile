# Everything a person runs. `make` alone says what there is.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
FUNCTIONS := transaction-processor fraud-analyzer report-generator
STAMP := $(VENV)/.installed
# A worker more than there are cores: many tests wait for processes. The tests of a file share what they start.
SIDE_BY_SIDE = -n $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)') --dist loadfile
# Images of Python often set it. Each of the many processes here would then compile all that it imports: a second of each.
unexport PYTHONDONTWRITEBYTECODE
# An environment of another Python than the one asked for is made anew.
ASKED := $(filter command environment,$(origin PYTHON))
OTHER_PYTHON := $(if $(ASKED),$(shell test -x $(BIN)/python && test "`$(BIN)/python -V`" != "`$(PYTHON) -V`" && echo other-python))

.DEFAULT_GOAL := help
$(if $(OTHER_PYTHON),$(shell rm -rf $(VENV)))

.PHONY: help setup demo local test test-units coverage check prove pulumi-cli trino bench-report bench-backtest bench-backtest-engines bench-scans bench-recovery bench-privacy bench-items bench-inline bench-hot bench-cold bench-path sbom audit lock openapi clean bench bench-detection bench-rules bench-engines bench-requests accessibility bench-scale bench-load

help: ## say what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/development.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fraudstream needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check uv
	@echo "installing the locked dependencies into $(VENV)"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements/development.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $(STAMP)

setup: $(STAMP) ## install the locked dependencies into .venv: PYTHON=python3.13 for another Python
	@$(if $(filter setup,$(MAKECMDGOALS)),echo "everything is installed in $(VENV): try $(BIN)/fraudstream --help",:)

demo: setup ## run the whole system here: deploy, replay a day, print what was decided, stop
	@$(BIN)/fraudstream demo

local: setup ## run the whole system here and leave it running
	@$(BIN)/fraudstream local

test: check ## style, types, and all tests
	@$(BIN)/pytest $(SIDE_BY_SIDE)

test-units: setup ## the unit tests alone, as CI runs the quick ones on newer Pythons: PYTHON=python3.13
	@$(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS) tests/unit tests/golden

coverage: setup ## the lines and branches that no test of a unit or of the infrastructure reaches
	@$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report=term tests/unit tests/golden tests/infrastructure

prove: setup ## try what docs/guarantees.md promises, under faults, and that faults put back are found: FULL=1 for hours of it
	@$(BIN)/python -m proofs $(if $(FULL),--full) $(ARGS)

check: setup ## style and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/pyright --project tests

PULUMI_MODULE := tests/engine/pulumi_cli
PULUMI_CLI := .build/pulumi-cli/bin/pulumi
# Most of it are clients of clouds that tests never call: to leave those unoptimized takes a third off the build.
OPTIMIZED := std github.com/pulumi/... google.golang.org/... github.com/golang/...

$(PULUMI_CLI): $(PULUMI_MODULE)/go.mod
	@command -v go >/dev/null || { echo "this needs Go, or an installed Pulumi CLI: https://www.pulumi.com/docs/iac/download-install/"; exit 1; }
	@echo "building the Pulumi CLI from its Go module: about five minutes the first time"
	@cd $(PULUMI_MODULE) && version=$$(go list -m -f '{{.Version}}' github.com/pulumi/pulumi/pkg/v3) && \
		nice go build -p 2 -gcflags 'all=-N -l' $(OPTIMIZED:%=-gcflags '%=') \
			-ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$$version" \
			-o ../../../$(PULUMI_CLI) github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
	@touch $(PULUMI_CLI)

pulumi-cli: ## build the Pulumi CLI, where none is installed: tests under the real engine need it, and Go builds it
	@command -v pulumi >/dev/null || $(MAKE) --no-print-directory $(PULUMI_CLI)

TRINO := .build/trino

$(TRINO): tests/trino/server/pom.xml
	@command -v mvn >/dev/null || { echo "this needs Maven: https://maven.apache.org/install.html"; exit 1; }
	@echo "fetching Trino: 310 MB"
	@rm -rf $(TRINO) && nice mvn --batch-mode --quiet --file tests/trino/server/pom.xml \
		org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(TRINO)
	@touch $(TRINO)

trino: $(TRINO) ## fetch Trino by Maven for the tests that run its dialect; they need Java 25 in JAVA_HOME

bench-detection: setup ## how well fraud is detected, on small unseen worlds; FULL=1 for large ones and the handbook's transactions: DATA=PATH
	@$(BIN)/python -m benchmarks.detection $(if $(FULL),--full) $(if $(DATA),--data $(DATA))

bench-rules: setup ## how rules alone tell fraud from honest life, beside those of 0.1.0, on ten worlds of a fintech: FULL=1 for large ones
	@$(BIN)/python -m benchmarks.rules $(if $(FULL),--full) $(ARGS)

bench-report: setup ## time the decision log and the report at 86 million transactions a day; ARGS='--folder DIR' keeps its data
	@$(BIN)/python -m benchmarks.report $(ARGS)

bench-privacy: setup ## what share of hidden card numbers is refused, and of ordinary ids: ARGS='--numbers N --texts N'
	@$(BIN)/python -m benchmarks.privacy.measure $(ARGS)

bench-items: setup ## how many write units stored items take, in the forms of 0.1.0 and of today with room for more: ARGS='--rounds N'
	@$(BIN)/python -m benchmarks.items $(ARGS)

bench-inline: setup ## what a decision costs that a client waits for: ARGS='--rounds N'
	@$(BIN)/python -m benchmarks.inline $(ARGS)

bench-cold: setup ## how long a new function takes up to its first answer, by a bare client of AWS's SDK: ARGS='--starts N'
	@$(BIN)/python -m benchmarks.cold $(ARGS)

bench-path: setup ## processor time of requests and batches by an earlier commit's, and without the SDK: ARGS='--before COMMIT'
	@$(BIN)/python -m benchmarks.path $(ARGS)

bench-hot: setup ## 1,000 transactions a second on one merchant, device or address, in simulated time: ARGS='--seconds N --only SCENARIO'
	@$(BIN)/python -m benchmarks.hot.measure $(ARGS)

bench-recovery: setup ## time what brings profiles and items back: ARGS='--transactions N --items N'
	@$(BIN)/python benchmarks/recovery.py $(ARGS)

bench-backtest-engines: setup ## time a backtest by Python and by DuckDB in turn, and its memory as a log grows: ARGS='--logged N --growth N N'
	@$(BIN)/python -m benchmarks.backtest_engines $(ARGS)

bench-scans: setup ## compute what questions read of the decision log at three volumes, and what Athena takes for it: ARGS='--judged N'
	@$(BIN)/python -m benchmarks.scans $(ARGS)

bench-backtest: setup ## time a backtest of a million logged transactions, and of a million replayed: ARGS='--logged N --replayed N'
	@$(BIN)/python -m benchmarks.backtest $(ARGS)

ENGINES_VENV := .venv-engines

$(ENGINES_VENV)/.installed: requirements/engines.txt $(STAMP)
	@test -x $(ENGINES_VENV)/bin/python || $(BIN)/python -m venv $(ENGINES_VENV)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(ENGINES_VENV)/bin/python requirements/engines.txt
	@touch $@

bench-engines: $(ENGINES_VENV)/.installed ## time the shipped rules here and in five other rule engines, which get an environment of their own: ARGS='--transactions N'
	@PYTHONPATH=src $(ENGINES_VENV)/bin/python -m benchmarks.engines.measure $(ARGS)

bench-requests: setup ## count requests, units and bytes of a transaction at AWS, at batches of 1 to 100: `fraudstream cost` takes them
	@$(BIN)/python -m benchmarks.requests --output src/fraudstream_tools/costs/counts.json $(ARGS)

bench-scale: setup ## simulate a stack at 10 to 10,000 requests a second: what refuses first, what a burst, an outage and a hot merchant do
	@$(BIN)/python -m benchmarks.scale $(ARGS)

bench-load: setup ## load the embedded AWS at 5, 10 and 20 requests a second and as fast as it answers: ARGS='--seconds N'
	@$(BIN)/python -m benchmarks.load $(ARGS)

bench: setup ## run the benchmarks that take minutes, keep their figures and write docs/performance.md: ARGS='NAME ...' for some
	@$(BIN)/python -m benchmarks.performance $(ARGS)

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

accessibility: setup ## look at an example of the report in Chromium, by axe, wide and narrow, light and dark (needs node and Chromium), and at the console by its tests
	@command -v npm >/dev/null && test -x "$(CHROMIUM)" || { echo "this needs npm and Chromium: make accessibility CHROMIUM=/path/to/chromium"; exit 1; }
	@npm install --silent --no-audit --no-fund --prefix accessibility
	@mkdir -p .local && rm -rf .local/example
	@page=$$($(BIN)/python -m accessibility.example .local/example) && \
		CHROMIUM="$(CHROMIUM)" node accessibility/check.mjs "$$page" .local/example && echo "the page: $$page"
	@CHROMIUM="$(CHROMIUM)" FRAUDSTREAM_BROWSER_TESTS=required FRAUDSTREAM_SCREENSHOTS=.local/example $(BIN)/pytest -q tests/browser

SUPPLY_CHAIN := .venv-supply-chain

$(SUPPLY_CHAIN)/.installed: $(STAMP) requirements/supply-chain.txt
	@$(PYTHON) -m venv $(SUPPLY_CHAIN)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(SUPPLY_CHAIN)/bin/python requirements/supply-chain.txt
	@touch $@

sbom: $(SUPPLY_CHAIN)/.installed ## write a CycloneDX bill of materials for each function's package into .build/sbom
	@mkdir -p .build/sbom
	@for function in $(FUNCTIONS); do \
		$(SUPPLY_CHAIN)/bin/cyclonedx-py requirements --output-reproducible --output-format JSON \
			--output-file .build/sbom/$$function.cdx.json requirements/$$function.txt && echo .build/sbom/$$function.cdx.json; \
	done

audit: $(SUPPLY_CHAIN)/.installed ## look for known vulnerabilities in what the functions carry, and in what develops them
	@for lock in $(FUNCTIONS) development supply-chain; do \
		echo "$$lock:"; \
		$(SUPPLY_CHAIN)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement requirements/$$lock.txt \
			|| { echo "$$lock has vulnerabilities, or could not be compared with the advisories: see above"; exit 1; }; \
	done

lock: setup ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
		requirements/development.in --output-file requirements/development.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
		requirements/supply-chain.in --output-file requirements/supply-chain.txt
	@for function in $(FUNCTIONS); do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
			--constraints requirements/development.txt requirements/$$function.in --output-file requirements/$$function.txt; \
	done
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
		--constraints requirements/development.txt requirements/engines.in --output-file requirements/engines.txt

openapi: setup ## write docs/openapi.json and the schemas of reports and events from the code
	@$(BIN)/fraudstream openapi --output docs/openapi.json
	@$(BIN)/python -c 'import msgspec; from fraudstream.reporting.daily.schema.report import DailyReport; \
		print(msgspec.json.format(msgspec.json.encode(msgspec.json.schema(DailyReport)), indent=2).decode())' > docs/report.schema.json
	@$(BIN)/python -c 'import msgspec; from fraudstream.detection.events import OutboundEvent; \
		print(msgspec.json.format(msgspec.json.encode(msgspec.json.schema(OutboundEvent)), indent=2).decode())' > docs/event.schema.json

clean: ## remove what was built and what local runs left
	@rm -rf .venv .venv-* .build .local accessibility/node_modules .pytest_cache .ruff_cache .hypothesis .coverage
