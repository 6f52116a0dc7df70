//! End to end, over real processes.
