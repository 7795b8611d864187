#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given, one after the other, and stops at the first finding.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
duration=${1:?usage: scripts/fuzz.sh DURATION, for example 10s}

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "fuzz: $target in $(dirname "$file") for $duration"
	"$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$(dirname "$file")"
done < <(find . -name '*_test.go' -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 grep -H -o -E '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //')
[ "$found" -gt 0 ] || { echo "fuzz: found no target" >&2; exit 1; }
echo "fuzz: $found targets, nothing found"
