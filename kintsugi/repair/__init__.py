"""From the payload to a proven patch: context for the prompt, reading and applying replies, the policy, the proof."""

from kintsugi.repair.safe import safe_branch, safe_line, safe_markdown

__all__ = ["safe_branch", "safe_line", "safe_markdown"]
