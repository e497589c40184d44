# Two commands are enough: `make run` and `make test`. The others are their parts.

BIN         := bin/branchline
PKG         := ./cmd/branchline
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 20s
# Root is needed for network namespaces only.
SUDO        := $(if $(filter 0,$(shell id -u)),,sudo)

# Static binaries, the same on every machine that builds them.
export CGO_ENABLED ?= 0
GOBUILD := go build -trimpath -ldflags '-s -w'

.PHONY: image image-lock image-test image-test-all image-same image-deps help build run test check check-samples hour unit fmt vet lint arch race test-32 fuzz bench e2e interop interop-console interop-traces judge dahdi modem cross deb deb-here deps prompts clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the program for this machine, in bin/
	$(GOBUILD) -o $(BIN) $(PKG)

run: build ## an exchange on the sample configuration, which first calls itself
	$(BIN) demo bin/demo

test: deps check test-32 cross e2e dahdi image-test ## everything: installs what it needs from Debian's packages

check: fmt vet lint arch race ## all that needs neither root nor network

check-samples: ## no false alarms on others' configurations: SAMPLES=DIR[:DIR...]
	SAMPLES="$(SAMPLES)" go test -tags samples -count=1 -run TestSamples -v ./pbx/check

hour: ## an hour of a call over a line whose clock is wrong, in virtual time
	go test -tags long -count=1 -v -run TestHour ./pbx/line

unit: ## the tests, once, without the race detector
	go test ./...

fmt:
	@bad=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || echo .)); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi

vet:
	go vet ./...
	go vet -tags e2e,interop ./appliance/e2e/...
	go vet -tags long ./pbx/line

# The tool is no dependency of the module. A machine that has never fetched it
# and is offline goes without, and says so.
lint:
	@if go run $(STATICCHECK) -version >/dev/null 2>&1; then \
	  echo go run $(STATICCHECK) ./...; go run $(STATICCHECK) ./...; \
	else echo "staticcheck cannot be fetched: left out"; fi

arch:
	go test ./build/archtest

race: ## all unit and virtual-time tests under the race detector
	CGO_ENABLED=1 go test -race ./...

test-32: ## the tests as a 32-bit program, and a compiler's look at ARMv6
	GOARCH=386 go test ./...
	GOARCH=arm GOARM=6 go vet ./...

fuzz: ## every fuzz target for $(FUZZTIME)
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r d; do \
	  grep -h -o '^func Fuzz[A-Za-z0-9_]*' "$$d"/*_test.go | cut -c6- | while read -r f; do \
	    echo "== $$d $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) "$$d" || exit 1; \
	  done || exit 1; \
	done

bench: build ## each measure beside its peer or its floor; root, sipp
	$(SUDO) env "PATH=$$PATH" go run ./build/bench -binary $(BIN) \
	  $(if $(E2E_AST22),-asterisk $(E2E_AST22)) $(if $(E2E_RUNNER),-runner $(E2E_RUNNER))

e2e: build deb-here ## the finished program with phones not written here; root, sipp, baresip, linphone, dnsmasq
	$(GOBUILD) -o bin/modememu ./appliance/e2e/modememu
	go test -c -tags e2e -o bin/e2e.test ./appliance/e2e
	cd appliance/e2e && $(SUDO) env "PATH=$$PATH" ../../bin/e2e.test -test.timeout 10m -test.parallel 6

interop: build ## the same against a real Asterisk 22 and, for sip.conf, 16: E2E_AST22, E2E_AST16, E2E_RUNNER
	@if [ -z "$$E2E_AST22" ] || [ -z "$$E2E_RUNNER" ]; then \
	  echo "interop needs a real Asterisk 22: E2E_AST22=<its root directory> and"; \
	  echo "E2E_RUNNER=<the script that runs it>; see appliance/e2e/doc.go"; exit 1; fi
	go test -c -tags e2e -o bin/e2e.test ./appliance/e2e
	cd appliance/e2e && $(SUDO) env "PATH=$$PATH" E2E_AST22="$$E2E_AST22" E2E_AST16="$$E2E_AST16" E2E_RUNNER="$$E2E_RUNNER" \
	  E2E_MIX=ast22+branchline,branchline+ast22$${E2E_AST16:+,ast16+branchline,branchline+ast16} \
	  ../../bin/e2e.test -test.timeout 20m -test.parallel 3 -test.run '^Test[A-E]([A-Z]|$$)'

interop-console: build ## console outputs beside those of a real Asterisk 22 and 16, and a phone made of pjsip (E2E_AST22, E2E_AST16, E2E_RUNNER)
	@if [ -z "$$E2E_AST22" ] || [ -z "$$E2E_AST16" ] || [ -z "$$E2E_RUNNER" ]; then \
	  echo "interop-console needs a real Asterisk 22 and 16: E2E_AST22= and E2E_AST16= their root directories,"; \
	  echo "E2E_RUNNER=<the script that runs them>; see appliance/e2e/doc.go"; exit 1; fi
	go test -c -tags e2e,interop -o bin/layout.test ./appliance/e2e
	cd appliance/e2e && $(SUDO) env "PATH=$$PATH" E2E_AST22="$$E2E_AST22" E2E_AST16="$$E2E_AST16" E2E_RUNNER="$$E2E_RUNNER" \
	  ../../bin/layout.test -test.timeout 5m -test.run 'TestLayout$$|TestLegacyLayout|TestPJSIPPhone$$'

interop-traces: build ## signalling with a real Asterisk 22 and 16 compared with theirs alone (E2E_AST22, E2E_AST16, E2E_RUNNER)
	@if [ -z "$$E2E_AST22" ] || [ -z "$$E2E_AST16" ] || [ -z "$$E2E_RUNNER" ]; then \
	  echo "interop-traces needs a real Asterisk 22 and 16: E2E_AST22= and E2E_AST16= their root directories,"; \
	  echo "E2E_RUNNER=<the script that runs them>; see appliance/e2e/doc.go"; exit 1; fi
	go test -c -tags e2e,interop -o bin/traces.test ./appliance/e2e
	rm -f bin/traces
	cd appliance/e2e && $(SUDO) env "PATH=$$PATH" E2E_AST22="$$E2E_AST22" E2E_AST16="$$E2E_AST16" E2E_RUNNER="$$E2E_RUNNER" \
	  E2E_TRACES=../../bin/traces E2E_MIX=ast22+ast22,ast16+ast22,ast16+ast16,ast22+branchline,branchline+ast22,ast16+branchline,branchline+ast16 \
	  ../../bin/traces.test -test.timeout 30m -test.parallel 3 -test.run '^Test[A-E]([A-Z]|$$)'
	cd appliance/e2e && E2E_TRACES=../../bin/traces ../../bin/traces.test -test.run 'TestTraces$$' -test.v

# What the judges of line signals are: receivers and generators not written here,
# real speech and music. command-or-file:package.
JUDGE_NEEDS := gcc:gcc /usr/include/spandsp:libspandsp-dev multimon-ng:multimon-ng minimodem:minimodem \
  /usr/share/asterisk/sounds/en_US_f_Allison:asterisk-core-sounds-en-wav /usr/share/asterisk/moh/manolo_camp-morning_coffee.wav:asterisk-moh-opsound-wav

judge: ## line signals before libspandsp, multimon-ng and minimodem, speech and music; installs them from Debian
	@missing=; for n in $(JUDGE_NEEDS); do f=$${n%%:*}; command -v $$f >/dev/null 2>&1 || [ -e $$f ] || missing="$$missing $${n#*:}"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi
	go vet -tags judge ./build/judge/...
	go test -tags judge -count=1 ./build/judge/... ./media/dtmf ./media/progress

# The guest of `make dahdi`: a kernel to boot is fetched, not installed.
DAHDI_NEEDS := linux-headers-cloud-amd64 dahdi-source qemu-system-x86 sip-tester gcc libc6-dev make binutils bzip2

dahdi: build ## telephone ports with the real DAHDI kernel modules, in an emulated computer; installs what builds and runs it from Debian
	@missing=; for p in $(DAHDI_NEEDS); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi
	go vet -tags dahdi ./hal/dahdi ./appliance/e2e/looped
	go test -c -tags dahdi -o bin/dahdi.test ./hal/dahdi
	GOARCH=386 go test -c -tags dahdi -o bin/dahdi-386.test ./hal/dahdi
	go test -c -tags dahdi -o bin/looped.test ./appliance/e2e/looped
	go run ./build/dahdiguest -program $(BIN) -program sipp \
	  bin/dahdi.test,-test.v,-test.timeout=4m bin/dahdi-386.test,-test.timeout=4m bin/looped.test,-test.v,-test.timeout=4m

modem: ## ten minutes of speech through emulated modems, at the line's own speed, on a machine however busy
	go test -tags realtime -count=1 -timeout 20m -run TestRealTime -v ./hal/modem

deb: cross ## Debian packages for the boards and this kind of machine, in bin/
	go run ./build/deb -arch arm64 -binary bin/branchline-linux-arm64
	go run ./build/deb -arch armhf -binary bin/branchline-linux-armv7
	go run ./build/deb -arch amd64 -binary bin/branchline-linux-amd64

deb-here: build
	go run ./build/deb -arch $(patsubst arm,armhf,$(shell go env GOARCH)) -binary $(BIN)

cross: ## binaries for the boards, in bin/
	GOARCH=arm64 $(GOBUILD) -o bin/branchline-linux-arm64 $(PKG)
	GOARCH=arm GOARM=6 $(GOBUILD) -o bin/branchline-linux-armv6 $(PKG)
	GOARCH=arm GOARM=7 $(GOBUILD) -o bin/branchline-linux-armv7 $(PKG)
	GOARCH=amd64 $(GOBUILD) -o bin/branchline-linux-amd64 $(PKG)
	@ls -l bin/branchline-linux-*
	@[ $$(stat -c %s bin/branchline-linux-arm64) -lt 15728640 ] || { echo "the arm64 binary is over 15 MiB"; exit 1; }

# command:package; only what is missing is installed.
NEEDS := gcc:gcc gcc:libc6-dev ip:iproute2 nsenter:util-linux sipp:sip-tester baresip:baresip-core linphonec:linphone-cli dnsmasq:dnsmasq-base

deps: ## what the tests need, from Debian's packages
	@missing=; for n in $(NEEDS); do command -v $${n%%:*} >/dev/null 2>&1 || missing="$$missing $${n#*:}"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi

prompts: ## speak the word lists again; needs espeak-ng
	go run ./build/prompts

BOARD ?= arm64

image: image-deps ## the image of a BOARD (arm64, armhf, amd64) and its update, in bin/image/BOARD; FLAVOUR=dahdi for telephone cards
	go run ./build/image -board $(BOARD) -flavour "$(FLAVOUR)" $(IMAGEFLAGS)

image-lock: image-deps ## take Debian's newest packages for a BOARD's image
	go run ./build/image -board $(BOARD) -relock

image-test: deps image-deps ## images for amd64 and arm64, built, started in QEMU, called; root, sipp, baresip
	go vet -tags image ./build/image/...
	$(MAKE) -j2 -O image-of-amd64 image-of-arm64
	go test -tags image -count=1 -timeout $(IMAGETIME) -run '$(IMAGETESTS)' -exec '$(SUDO) env "PATH='"$$PATH"'"' -v ./build/image/...

# Side by side: each keeps about one processor busy.
image-of-%:
	go run ./build/image -board $* -newest-if-gone

# What every change must pass; the others take half an hour and more.
IMAGETESTS ?= ^Test(Download|CallAMD64|CallARM64)$$
IMAGETIME ?= 12m

image-test-all: image-deps ## updates good and spoiled, power cuts, a Raspberry Pi 3, 32 bits, telephone cards, the same bytes twice: an hour and a half
	$(MAKE) image-of-armhf
	go run ./build/image -board amd64 -flavour dahdi -newest-if-gone
	$(MAKE) image-test IMAGETESTS='^Test' IMAGETIME=4h GUESTFLAGS=all
	$(MAKE) image-same

image-same: ## two builds of an image in two clean checkouts must be the same bytes
	sh build/image/same.sh amd64 $(FLAVOUR)

# command:package of what builds images and starts them.
IMAGENEEDS := mksquashfs:squashfs-tools mcopy:mtools mkfs.vfat:dosfstools mke2fs:e2fsprogs depmod:kmod zstd:zstd mkimage:u-boot-tools cpio:cpio \
	qemu-system-aarch64:qemu-system-arm qemu-system-x86_64:qemu-system-x86 fdtput:device-tree-compiler

image-deps:
	@missing=; for n in $(IMAGENEEDS); do command -v $${n%%:*} >/dev/null 2>&1 || missing="$$missing $${n#*:}"; done; \
	[ -e /usr/lib/u-boot/qemu_arm64/u-boot.bin ] || missing="$$missing u-boot-qemu"; \
	[ -e /usr/share/seabios/bios-256k.bin ] || missing="$$missing seabios ipxe-qemu"; \
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$$missing debian-archive-keyring"; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	fi

clean: ## remove bin/
	rm -rf bin
