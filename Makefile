# What a person does here, day by day. `make help` lists it. Rust and Go are all it needs; no cluster, no AWS account.

CARGO := cargo --locked
CRD := crds/experiments.appconfig.dev_experimentruns.yaml
TARGET := $(or $(CARGO_TARGET_DIR),target)
BUILT := $(TARGET)/debug
# What the image is for: a static binary, for which the target has to be named.
PLATFORM ?= x86_64-unknown-linux-gnu

# The tests mostly wait, for real servers and real timeouts: more of them than there are cores run side by side.
export RUST_TEST_THREADS ?= 12
# Whoever has AWS credentials or an operator's settings in the shell gets the same results as everybody else.
unexport $(filter AWS_% APPCONFIG_OPERATOR_%,$(.VARIABLES))
# Downloads may need a proxy; servers on this machine can't be reached through one.
WITHOUT_PROXY := env $(foreach name,HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy,-u $(name))

.DEFAULT_GOAL := help
.PHONY: help demo up test unit faults memory figures image pods lines mutations soak nightly check mutations-apply format lint doc deny crds-check crds charts

help: ## List what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

demo: programs ## Show it all in under a minute, on a real API server and an emulated AppConfig
	@$(BUILT)/examples/demo

up: programs ## The same servers, left running until Ctrl-C
	@$(BUILT)/examples/demo up

test: ## Run every test but those that take root (`make pods`) or hours
	@echo 'Building the tests: about 8 minutes on two cores the first time, then seconds.'
	$(CARGO) test --workspace --no-run
	@echo 'Building etcd, kube-apiserver, kubectl, Helm, crane and kube-score where they are missing: about 8 minutes, once on a machine.'
	$(BUILT)/control-plane build
	@echo 'Running the tests: about 14 minutes.'
	$(WITHOUT_PROXY) $(CARGO) test --workspace

unit: ## Run the tests that start no server; with ROOM=decide those of one room
	$(CARGO) test --workspace --exclude costliest-decision --lib $(ROOM)

faults: ## Play the fault plans; with PLAN=… those whose names begin so
	$(WITHOUT_PROXY) PLAN='$(PLAN)' $(CARGO) test --test faults

memory: ## Measure a release build with 1,000 resources
	$(CARGO) build --release --bin appconfig-experiment-operator
	OPERATOR_BINARY=$(abspath $(BUILT)/../release/appconfig-experiment-operator) $(CARGO) test --test operator memory -- --ignored --nocapture

figures: ## Measure what a pass costs among 1,000 resources; of another build with OPERATOR_BINARY=…
	$(if $(OPERATOR_BINARY),,$(CARGO) build --release --bin appconfig-experiment-operator)
	$(WITHOUT_PROXY) OPERATOR_BINARY=$(abspath $(or $(OPERATOR_BINARY),$(BUILT)/../release/appconfig-experiment-operator)) \
	  $(CARGO) test --test operator figures -- --ignored --nocapture

image: ## Assemble the image in dist/, as an OCI layout with a bill of materials; about six minutes the first time
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --target $(PLATFORM) --bin appconfig-experiment-operator
	@$(CARGO) run --quiet --package operator-image -- --target $(PLATFORM) --output dist \
	  --binary $(TARGET)/$(PLATFORM)/release/appconfig-experiment-operator \
	  --revision "$$(git rev-parse --verify --quiet HEAD)"

pods: ## Run deploy/ as real Pods, with kubelet, containerd and runc, from the image in dist/; it takes root, on Linux
	@test -e dist/image/index.json || $(MAKE) image
	@.ci/as-root .ci/container-runtime || true
	$(CARGO) build --package control-plane
	@echo 'Building kubelet, containerd and what they need where it is missing: about ten minutes, once on a machine.'
	$(BUILT)/control-plane build --node
	$(WITHOUT_PROXY) $(CARGO) --config "target.'cfg(unix)'.runner='$(abspath .ci/as-root)'" test --test pods -- --ignored --nocapture

lines: ## Count the lines of code, by room
	@tests/lines

mutations: ## Break the code on purpose, more than 700 times, and expect a test to fail each time: about two hours; with SHARD=k/n, one part of n, the first being 0/n
	@tests/mutations/run $(if $(SHARD),--shard '$(SHARD)')

soak: ## Let everything go wrong for MINUTES=n, as SEED=s has it, and judge what the operator did
	$(WITHOUT_PROXY) MINUTES='$(MINUTES)' SEED='$(SEED)' $(CARGO) test --test soak -- --ignored --nocapture

nightly: ## Run what takes hours: every mutation, then an hour of the soak, or MINUTES=n
	$(MAKE) mutations
	$(MAKE) soak MINUTES='$(or $(MINUTES),60)' SEED='$(SEED)'

check: mutations-apply format lint doc deny crds-check ## Everything but the tests: format, lints, documentation, dependencies, generated files, patches of the mutations

crds: ## Generate the CustomResourceDefinition anew
	$(CARGO) run --quiet -- crds > $(CRD)
	cp $(CRD) deploy/charts/crds/files/

.PHONY: programs
programs:
	@echo 'Building the operator and the demo: 5 to 7 minutes on two cores the first time, then seconds.'
	@$(CARGO) build --bin appconfig-experiment-operator --example demo

mutations-apply:
	@tests/mutations/run --applies

format:
	cargo fmt --all --check

lint:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps

deny:
	@.ci/deny

charts: ## Bring the charts' copies of the alerts up to date
	cp deploy/monitoring/rules.yaml deploy/monitoring/rules-per-object.yaml deploy/charts/operator/files/

crds-check:
	$(CARGO) run --quiet -- crds | diff -u $(CRD) - || { echo '$(CRD) is stale: run make crds'; exit 1; }
