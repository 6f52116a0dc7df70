//! What an operator asks of an adapter's program, as metrics: is it up, how often was it started again. See
//! docs/operations.md. Labels are chains; a program chooses none.

use comity_model::ChainId;

const UP: &str = "comity_adapter_up";
const RESTARTS: &str = "comity_adapter_restarts_total";

/// The metrics of one program. When it is not watched any more, it is not up.
pub(crate) struct Measure {
    chain: String,
}

impl Measure {
    /// Says what the metrics mean, and shows them from zero on.
    pub(crate) fn new(chain: &ChainId) -> Self {
        metrics::describe_gauge!(
            UP,
            "1 while the program that a chain is reached through answers and is in good health"
        );
        metrics::describe_counter!(RESTARTS, "Times that it was started or connected to again after its first time");
        let measure = Self { chain: chain.to_string() };
        measure.up(false);
        metrics::counter!(RESTARTS, "chain" => measure.chain.clone()).absolute(0);
        measure
    }

    /// Whether it answers.
    pub(crate) fn up(&self, up: bool) {
        metrics::gauge!(UP, "chain" => self.chain.clone()).set(if up { 1.0 } else { 0.0 });
    }

    /// It is started once more.
    pub(crate) fn restart(&self) {
        metrics::counter!(RESTARTS, "chain" => self.chain.clone()).increment(1);
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        self.up(false);
    }
}
