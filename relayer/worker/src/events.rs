//! What a chain's events tell one direction. They are hints: nothing is proven by them, and nothing is lost with them.

use comity_model::event::Event;
use comity_model::packet::Packet;
use comity_model::{ClientId, Height};
use comity_relayer_engine::Observation;

/// The two clients that name a direction: that of the destination, on the source; and that of the source, on the
/// destination.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub(crate) source_client: ClientId,
    pub(crate) dest_client: ClientId,
}

impl Ends {
    pub(crate) fn carries(&self, packet: &Packet) -> bool {
        packet.source_client == self.source_client && packet.dest_client == self.dest_client
    }

    /// Events of block `height` of the source.
    pub(crate) fn at_source(&self, height: Height, events: &[Event]) -> Vec<Observation> {
        let observe = |event: &Event| match event {
            Event::PacketSent(packet) if self.carries(packet) => {
                Some(Observation::Sent { packet: packet.clone(), height })
            }
            Event::PacketAcknowledged { client, sequence } | Event::PacketTimedOut { client, sequence }
                if *client == self.source_client =>
            {
                let sequence = *sequence;
                Some(Observation::Settled { sequence })
            }
            _ => None,
        };
        events.iter().filter_map(observe).collect()
    }

    /// Events of block `height` of the destination.
    pub(crate) fn at_destination(&self, height: Height, events: &[Event]) -> Vec<Observation> {
        let observe = |event: &Event| match event {
            Event::PacketReceived(packet) if self.carries(packet) => {
                Some(Observation::Arrived { sequence: packet.sequence, height })
            }
            Event::AcknowledgementWritten { packet, acknowledgement } if self.carries(packet) => {
                Some(Observation::Answered {
                    sequence: packet.sequence,
                    acknowledgement: acknowledgement.clone(),
                    height,
                })
            }
            _ => None,
        };
        events.iter().filter_map(observe).collect()
    }
}
