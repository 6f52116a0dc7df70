//! That no order is lost: from any state that can be reached, if the faults end, one relayer and two chains that go on
//! bring every order that was sent to its end, whatever is under way gets lost and nobody decides.
//! It refuses to hope: a fixed number of rounds must do.

use crate::chain::{Bank, Chain, Court};
use crate::protocol::{Protocol, Relayer, State};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// States of both chains that are known to end well: the end depends on nothing else.
#[derive(Default)]
pub(crate) struct Endings(Mutex<HashSet<Known>>);

/// Both chains, and whether all relayers are blind.
type Known = (Chain<Court>, Chain<Bank>, bool);

impl Protocol {
    /// Whether every order that was sent comes to its end.
    pub(crate) fn ends(&self, state: &State) -> bool {
        let blind = state.relayers.iter().all(|relayer| relayer.blind);
        let key = (state.court.clone(), state.bank.clone(), blind);
        if self.endings.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&key) {
            return true;
        }
        let mut later = state.clone();
        let last = (0..self.orders).map(|order| self.decide_by(order)).max().unwrap_or_default();
        // An order takes at most three looks (deliver, wait, acknowledge) a second that passes.
        let rounds = (usize::from(last) + 1) * 3 + 3;
        for _ in 0..rounds {
            let time = later.court.time;
            later.court.block(time, |_| {});
            self.bank_block(&mut later, false);
            let relayer = Relayer { court: Some(later.court.head()), bank: Some(later.bank.head()), blind };
            for order in 0..self.orders {
                if let Some(tx) = self.honest(&later, &relayer, order) {
                    self.execute(&mut later, tx);
                }
            }
            self.bank_block(&mut later, true);
        }
        let ended = !later.court.state.contains(&Court::Committed);
        if ended {
            self.endings.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        }
        ended
    }
}
