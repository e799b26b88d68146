"""Node: JavaScript and TypeScript."""
