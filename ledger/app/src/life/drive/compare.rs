//! Holds what stands on the chains against the reference, after each step.

use super::*;

impl<'a> Run<'a> {
    pub(super) fn compare(&mut self) {
        let now = self.chains.now;
        for index in 0..self.committed.len() {
            self.compare_order(index, now);
        }
        for thing in 0..self.handles.len() {
            let asset = self.asset(self.handles[thing]);
            let expected = &self.rules.things[thing];
            assert_eq!(asset.value.map(|value| value.minor), expected.value, "no value is created or lost");
            assert_eq!(asset.status != AssetStatus::Standing, expected.gone);
            let held: u64 = (0..self.committed.len())
                .filter_map(|index| self.hold(index))
                .filter(|hold| hold.asset == self.handles[thing])
                .filter_map(|hold| hold.held)
                .map(|held| held.minor)
                .sum();
            assert!(held <= asset.value.map_or(0, |value| value.minor), "more is held than there is");
        }
        self.compare_obligations();
        let (acks, notices) = self.under_way();
        for chain in 0..self.chains.courts.len() {
            let settled = acks.iter().all(|index| self.rules.orders[*index].chain != chain)
                && notices.iter().all(|(of, _)| *of != chain);
            if settled {
                self.compare_mirror(chain);
            }
        }
    }

    pub(super) fn compare_order(&mut self, index: usize, now: u64) {
        let order = &self.rules.orders[index];
        let (chain, packet) = (order.chain, self.committed[index].packet.clone());
        let received = self.received(index);
        assert_eq!(received.is_some(), order.arrival.is_some());
        if let Some(received) = received {
            let expected = match (&order.hold, order.fate) {
                (Some(hold), _) if hold.end.is_some() => received.state,
                (Some(hold), _) if hold.answer_by.is_some() => OrderState::Objected,
                (Some(_), _) if self.rules.share(index).0 => OrderState::Executed,
                (Some(_), _) => OrderState::Waitlisted,
                (None, Fate::Pending) => OrderState::Pending,
                (None, Fate::CarriedOut) => OrderState::Executed,
                (None, Fate::Refused) => OrderState::Refused,
                (None, _) => OrderState::Failed,
            };
            assert_eq!(received.state, expected, "{order:?} {:?}", received.result);
            assert!(received.state != OrderState::Pending || now < order.decide_by, "an order is open past its date");
        }
        // Answered once, and never again otherwise.
        let ack = self.chains.ack(chain, &packet);
        if let Some(seen) = &self.committed[index].ack {
            assert_eq!(ack.as_ref(), Some(seen), "an order was answered twice");
        }
        let order = &self.rules.orders[index];
        let open = matches!(order.fate, Fate::Sent | Fate::Pending | Fate::TimedOut);
        assert_eq!(ack.is_none(), open, "{order:?}");
        self.committed[index].ack = ack;
        let hold = self.hold(index);
        assert_eq!(hold.is_some(), order.hold.is_some());
        if let (Some(hold), Some(expected)) = (hold, &order.hold) {
            let (state, held) = self.expected(index, expected);
            assert_eq!(hold.asset, self.handles[expected.thing]);
            assert_eq!((hold.state, hold.held.map(|held| held.minor)), (state, held), "{order:?}");
            assert_eq!(hold.asked.map(|asked| asked.minor), expected.asked);
            assert_eq!(hold.deducted.map_or(0, |deducted| deducted.minor), expected.deducted);
            assert_eq!(hold.until.0, expected.until);
            assert_eq!(hold.unconfirmed.map(|until| until.0), expected.later);
            assert_eq!(hold.objection.map(|open| open.answer_by.0), expected.answer_by);
            assert_eq!(hold.content, self.committed[expected.words].sealed.order.private_digest);
        }
    }

    /// What a hold must come to.
    pub(super) fn expected(&self, index: usize, hold: &Held) -> (HoldState, Option<u64>) {
        let state = match hold.end {
            Some(End::Released) => HoldState::Released,
            Some(End::Lapsed) => HoldState::Lapsed,
            Some(End::Deducted) => HoldState::Deducted,
            Some(End::Transferred) => HoldState::Transferred,
            None if self.rules.share(index).0 => HoldState::Active,
            None => HoldState::Queued,
        };
        let held = hold.asked.map(|_| if hold.end.is_some() { 0 } else { self.rules.share(index).1 });
        (state, held)
    }

    /// The court's mirror is the truth once every acknowledgement and notice is in.
    pub(super) fn compare_mirror(&self, chain: usize) {
        for (index, order) in self.rules.orders.iter().enumerate().filter(|(_, order)| order.chain == chain) {
            let entry = self.entry(chain, self.committed[index].sealed.order.id);
            let mirror: Option<&HoldSummary> = entry.hold();
            assert_eq!(mirror.is_some(), order.hold.is_some(), "{order:?} {entry:?}");
            if let (Some(mirror), Some(hold)) = (mirror, &order.hold) {
                let (state, held) = self.expected(index, hold);
                assert_eq!((mirror.state, mirror.held.map(|held| held.minor)), (state, held), "{order:?} {entry:?}");
                assert_eq!(mirror.asked.map(|asked| asked.minor), hold.asked);
                assert_eq!(mirror.deducted.map_or(0, |deducted| deducted.minor), hold.deducted);
                assert_eq!(mirror.until.0, hold.until);
                assert_eq!(mirror.objection.as_ref().map(|open| open.answer_by.0), hold.answer_by);
            }
            let received = self.received(index);
            let standing = order.hold.as_ref().is_none_or(|hold| hold.end.is_none());
            match received {
                Some(received) if standing && order.fate != Fate::Pending => assert_eq!(entry.state, received.state),
                _ => {}
            }
            assert_eq!(entry.state == OrderState::TimedOut, order.fate == Fate::TimedOut);
        }
    }

    pub(super) fn entry(&self, chain: usize, id: OrderId) -> OrderEntry {
        let entry = self.chains.courts[chain].state.read(&StatePath::Order(id), "an order");
        entry.expect("no fault").expect("the order")
    }

    pub(super) fn received(&self, index: usize) -> Option<ReceivedOrder> {
        let id = self.committed[index].sealed.order.id;
        notices::received(&self.chains.bank, &over(self.rules.orders[index].chain), &id).expect("no fault")
    }

    pub(super) fn hold(&self, index: usize) -> Option<Hold> {
        let (handle, number) = self.received(index)?.hold?;
        self.chains.bank.state.read(&StatePath::Hold(handle, number), "a hold").expect("no fault")
    }

    pub(super) fn asset(&self, handle: AssetHandle) -> Asset {
        let asset = self.chains.bank.state.read(&StatePath::Asset(handle), "an asset");
        asset.expect("no fault").expect("the asset")
    }
}
