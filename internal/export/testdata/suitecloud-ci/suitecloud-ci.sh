#!/usr/bin/env bash
# Validates or deploys a SuiteCloud project by the SuiteCloud CLI, without a person:
#
#   bash suitecloud-ci.sh validate
#   bash suitecloud-ci.sh deploy
#
#   NETSUITE_ACCOUNT           such as 1234567_SB1
#   NETSUITE_CERTIFICATE_ID    as NetSuite lists it
#   NETSUITE_PRIVATE_KEY_FILE  the RSA key of that certificate, or NETSUITE_PRIVATE_KEY: its PEM text
#   SUITECLOUD_AUTH_ID         the CLI's name for account and role; ci without it
#   SUITECLOUD_PROJECT         the folder with suitecloud.config.js; this one without it
#   SUITECLOUD_CI_PASSKEY      32 to 100 letters and digits that seal the CLI's credentials file; without it a new one for this run,
#                              after which the file is deleted
set -euo pipefail
umask 077

fail() {
	echo "suitecloud-ci: $*" >&2
	exit 2
}

task=${1:-}
[[ $# -eq 1 && ($task == validate || $task == deploy) ]] || fail "say what to do: validate or deploy"
account=${NETSUITE_ACCOUNT:-} certificate=${NETSUITE_CERTIFICATE_ID:-} auth=${SUITECLOUD_AUTH_ID:-ci}
[[ $account =~ ^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$ ]] || fail "NETSUITE_ACCOUNT must be an account ID, such as 1234567_SB1"
[[ $certificate =~ ^[A-Za-z0-9_-]+$ ]] || fail "NETSUITE_CERTIFICATE_ID must be the ID that NetSuite lists"
[[ $auth =~ ^[A-Za-z0-9_-]+$ ]] || fail "SUITECLOUD_AUTH_ID must be letters, digits, - and _"

# What this run leaves on the machine ends with it.
private=$(mktemp -d)
credentials=$HOME/.suitecloud-sdk/credentials_ci.p12
trap 'rm -rf "$private"' EXIT

# The CLI takes the key by the name of a file: other users of the machine can read a command line.
key=${NETSUITE_PRIVATE_KEY_FILE:-}
if [[ -n ${NETSUITE_PRIVATE_KEY:-} ]]; then
	key=$private/key.pem
	printf '%s\n' "$NETSUITE_PRIVATE_KEY" >"$key"
	unset NETSUITE_PRIVATE_KEY
fi
[[ -n $key ]] || fail "set NETSUITE_PRIVATE_KEY_FILE or NETSUITE_PRIVATE_KEY"
key=$(realpath -- "$key")
grep -q -- '-----BEGIN .*PRIVATE KEY-----' "$key" || fail "the private key must be a PEM file"

if [[ -z ${SUITECLOUD_CI_PASSKEY:-} ]]; then
	[[ ! -e $credentials ]] || fail "$credentials has a passkey already: set SUITECLOUD_CI_PASSKEY to it, or delete the file"
	SUITECLOUD_CI_PASSKEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
	trap 'rm -rf "$private" "$credentials"' EXIT
fi
[[ $SUITECLOUD_CI_PASSKEY =~ ^[A-Za-z0-9]{32,100}$ ]] || fail "SUITECLOUD_CI_PASSKEY must be 32 to 100 letters and digits"
export SUITECLOUD_CI_PASSKEY
unset SUITECLOUD_FALLBACK_PASSKEY # the CLI refuses both together

cd -- "${SUITECLOUD_PROJECT:-.}"
[[ -f suitecloud.config.js ]] || fail "there is no suitecloud.config.js in $PWD; set SUITECLOUD_PROJECT to the project's folder"

# With the passkey alone the CLI sets up credentials; with SUITECLOUD_CI as well it uses them.
env -u SUITECLOUD_CI suitecloud account:setup:ci --account "$account" --authid "$auth" --certificateid "$certificate" --privatekeypath "$key"
export SUITECLOUD_CI=1
suitecloud project:validate --server
[[ $task == validate ]] || suitecloud project:deploy
