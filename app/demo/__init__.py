"""`kintsugi demo`: the real engine on a real program in a real repository; only the model is a recording, and says so."""
