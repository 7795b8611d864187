#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: Debian packages through apt-get (as root), and the npm packages that
# test/package-lock.json pins. It says what it does, does nothing when all is there, and fails when a part cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "install-test-deps: $*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null; }

# missing_packages prints the Debian packages whose files are not here.
missing_packages() {
	has gcc || echo gcc libc6-dev # the race detector links with cgo
	has curl || echo curl ca-certificates
	has openssl || echo openssl
	has jq || echo jq
	has shellcheck || echo shellcheck
	has python3 || echo python3
	has javac || echo default-jdk-headless # foreign clients in test/clients; java runs a single source file with the JDK alone
	has chromium || echo chromium
	has softhsm2-util && has pkcs11-tool || echo softhsm2 opensc # a PKCS#11 token
	has gnome-keyring-daemon && has dbus-run-session || echo gnome-keyring dbus # the keyring of a log-in
	[ -d /usr/share/fonts/truetype/dejavu ] || echo fonts-dejavu-core
	compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
}

install_packages() {
	local packages
	mapfile -t packages < <(missing_packages | tr ' ' '\n')
	[ ${#packages[@]} -gt 0 ] || return 0
	has apt-get || die "missing: ${packages[*]}. There is no apt-get here; install them by hand"
	[ "$(id -u)" = 0 ] || die "missing: ${packages[*]}. Run as root: apt-get install ${packages[*]}"
	say "installing Debian packages: ${packages[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >&2 || die "apt-get update failed; see above"
	apt-get install -q -y --no-install-recommends "${packages[@]}" >&2 || die "apt-get install failed; see above"
	[ -z "$(missing_packages)" ] || die "still missing after installation: $(missing_packages | tr '\n' ' ')"
}

# npm writes node_modules/.package-lock.json last, so an older one means that an installation is due or broke off.
install_npm_packages() {
	[ -f test/package-lock.json ] || die "test/package-lock.json is missing; it names the npm packages of the tests"
	[ test/node_modules/.package-lock.json -nt test/package-lock.json ] && return 0
	has npm || die "npm is missing; install Node.js 20.18.1 or newer"
	say "installing the npm packages of test/"
	PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix test --no-audit --no-fund >&2 || die "npm ci failed; see above"
	touch test/node_modules/.package-lock.json
}

install_packages
install_npm_packages
