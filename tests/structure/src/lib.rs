//! The house rules are a test: see `tests/house.rs`.
