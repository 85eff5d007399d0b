#!/bin/sh
# What make refresh and make page run: bin/drift with the given arguments writes
# the description, and the code is generated, tidied and tested with it. It stops
# in one of two states: everything is as it was; or the description and all that
# is generated are new and fit each other, and code by hand has to follow.
set -eu
cd "$(dirname "$0")/.."
vendored=openapi/connect-sessions.yaml

say() {
	if [ "${GITHUB_ACTIONS:-}" = true ]; then
		printf '::error title=Refresh stopped::%s\n' "$(printf %s "$1" | sed 's/%/%25/g')"
	else
		printf '%s\n' "$1" >&2
	fi
}
try() { # what a failure means, and the command
	meaning=$1
	shift
	"$@" >bin/refresh.out 2>&1 || {
		say "$meaning$(tr '\r\n' '  ' <bin/refresh.out)"
		exit 1
	}
}

saved=$(mktemp)
# shellcheck disable=SC2086 # a list
tar -cf "$saved" $vendored openapi/overlay.yaml openapi/README.md go.mod go.sum $GENERATED
trap 'tar -xf "$saved"; rm -f "$saved"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

try '' bin/drift "$@"
mv bin/refresh.out bin/refresh.md
try 'refresh: the generator cannot use the new description, and everything is as it was; openapi/README.md says what to do: ' "$GO" generate ./...
try 'refresh: go mod tidy failed, and everything is as it was: ' "$GO" mod tidy

sum=$( (sha256sum $vendored 2>/dev/null || shasum -a 256 $vendored) | cut -d ' ' -f 1)
if ! grep -q "$sum" openapi/README.md; then
	sed "s/[0-9a-f]\{64\}/$sum/; s/fence, on [0-9-]*/fence, on $(date -u +%Y-%m-%d)/" openapi/README.md >bin/refresh.out
	cat bin/refresh.out >openapi/README.md
fi
trap 'rm -f "$saved"' EXIT
cat bin/refresh.md

if ! eval "$CHECKED_BY"; then
	say 'refresh: the description and the generated code are new, and the code by hand or its tests do not fit them yet: the lines above say where. Change those, or take everything back with git checkout.'
	exit 1
fi
