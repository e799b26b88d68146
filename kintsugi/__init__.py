"""Kintsugi: from a crash to a proven, deployed fix."""
