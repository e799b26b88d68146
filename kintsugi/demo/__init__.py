"""`kintsugi demo`: the real engine, a real program, a real repository; the model alone is a recording, and says so."""
