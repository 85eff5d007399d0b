#!/bin/sh
# What make drift-issue runs, with gh signed in: compares upstream's description
# (bin/drift with the given arguments) and keeps one open issue, the one with the
# label drift, for as long as there is drift. Upstream's text only passes through
# files. Fails, and leaves the issue alone, when the comparison could not be made.
set -eu
cd "$(dirname "$0")/.."

drift=0
bin/drift "$@" >bin/drift.md 2>bin/drift.err || drift=$?
cat bin/drift.md bin/drift.err
if [ "$drift" -gt 1 ]; then
	echo "::error title=Upstream could not be checked::$(sed 's/%/%25/g' bin/drift.err | tr '\n' ' ')"
	exit "$drift"
fi
cat bin/drift.md >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
[ "$drift" = 0 ] || echo drift=true >>"${GITHUB_OUTPUT:-/dev/null}"

# Not gh issue list, which searches: a search misses what is minutes old.
issue=$(gh api 'repos/{owner}/{repo}/issues?labels=drift&state=open' --jq 'map(select(.pull_request | not)) | .[0].number // empty')
case $drift$issue in
0) ;;
0*) gh issue close "$issue" --comment 'The drift is gone: upstream and the vendored description mean the same.' ;;
1)
	gh label create drift --force --description 'Upstream has changed its description of the API'
	gh issue create --title 'Upstream drift' --label drift --body-file bin/drift.md
	;;
1*) gh issue edit "$issue" --body-file bin/drift.md ;;
esac
