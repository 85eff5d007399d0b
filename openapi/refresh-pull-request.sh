#!/bin/sh
# What make refresh-pull-request runs after make refresh, with gh signed in: offers
# what that has changed as a pull request from the branch refresh, the same one
# until it is merged or closed.
set -eu
cd "$(dirname "$0")/.."

if git diff --quiet; then
	echo "make refresh has changed nothing"
	exit
fi
git checkout -q -B refresh
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
	commit -q -a -m "Refresh from upstream's description"
git push -q --force origin refresh
# A fork may have a branch of that name too.
open=$(gh pr list --head refresh --state open --json number,isCrossRepository --jq 'map(select(.isCrossRepository | not)) | .[0].number // empty')
if [ "$open" ]; then
	gh pr edit "$open" --body-file bin/refresh.md
else
	gh pr create --head refresh --title "Refresh from upstream's description" --body-file bin/refresh.md
fi
