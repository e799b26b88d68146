"""`make chaos`: kill -9 at every durable boundary and at random, then the world's own records against the history."""
