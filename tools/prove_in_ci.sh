#!/usr/bin/env bash
# The step of action.yml: proves HEAD against BASE in the checkout that it runs in. Kintsugi gets an environment of its
# own, so that the program's stays as it is. Fails where the patch is refused; where it could not be tried, it warns.
set -euo pipefail

python=${PROGRAM_PYTHON:-$(command -v python || command -v python3)}
if [ -z "${KINTSUGI:-}" ]; then
  python3 -m venv "$RUNNER_TEMP/kintsugi"
  "$RUNNER_TEMP/kintsugi/bin/pip" install --quiet "$GITHUB_ACTION_PATH[server]"
  KINTSUGI=$RUNNER_TEMP/kintsugi/bin/kintsugi
fi

patch=$RUNNER_TEMP/patch.diff
proof=$RUNNER_TEMP/proof.json
base=$(git rev-parse --verify "$BASE^{commit}")
git diff --no-color --no-ext-diff --no-textconv --no-renames --binary "$base" HEAD >"$patch"

words=(prove --repo . --base "$base" --patch "$patch" --python "$python" --json)
[ -z "${FAILURE:-}" ] || words+=(--failure "$FAILURE")
[ -z "${TEST_COMMAND:-}" ] || words+=(--test-command "$TEST_COMMAND")

# As root the box is another user, and may have namespaces where runners allow them to nobody else.
run=("$KINTSUGI")
if [ "$(id -u)" != 0 ] && sudo --non-interactive true 2>/dev/null; then
  run=(sudo --non-interactive "$KINTSUGI")
fi
status=0
"${run[@]}" "${words[@]}" >"$proof" || status=$?

"$python" - "$proof" "$status" <<'PYTHON' >>"$GITHUB_STEP_SUMMARY"
import json, sys
text = open(sys.argv[1]).read()
found = json.loads(text) if text else {"tier": None, "says": f"It ended with exit status {sys.argv[2]}.", "flags": []}
words = {"E0": "applies and compiles", "E1": "no test broke", "E2": "failed before, passes now"}
proven = f"{found['tier']} ({words[found['tier']]})" if found["tier"] else "refused"
print(f"### Kintsugi: {proven if sys.argv[2] != '1' else 'not tried'}\n\n{found['says']}\n")
for flag in found["flags"]:
    print(f"- {flag}")
PYTHON
tier=$("$python" -c 'import json, sys; text = open(sys.argv[1]).read(); print((json.loads(text)["tier"] or "") if text else "")' "$proof")
{
  echo "tier=$tier"
  echo "proof=$proof"
  echo "patch-digest=sha256:$(sha256sum "$patch" | cut -d' ' -f1)"
} >>"$GITHUB_OUTPUT"

if [ "$status" = 0 ] && [ -n "${KINTSUGI_URL:-}" ]; then
  "$python" "$GITHUB_ACTION_PATH/tools/tell_proof.py" "$proof" "$KINTSUGI_URL"
fi
if [ "$status" = 1 ]; then
  echo "::warning::Kintsugi could not try this patch here; its own checks are the proof."
  exit 0
fi
exit "$status"
