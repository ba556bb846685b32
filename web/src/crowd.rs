//! How many connections each other computer has, so that one alone cannot take all places.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;

/// Those who are connected, by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// Counts one connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct Seat {
    crowd: Crowd,
    /// None for this very computer, whose connections are not counted.
    address: Option<IpAddr>,
}

impl Crowd {
    /// Lets one more in from `address`, unless there are too many of it.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Some(Seat { crowd: self.clone(), address: None });
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limits::CONNECTIONS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Seat { crowd: self.clone(), address: Some(address) })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_computer_gets_so_many_connections_and_others_still_theirs() {
        let crowd = Crowd::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let greedy = address("10.0.0.7");
        let mut seats: Vec<_> = std::iter::from_fn(|| crowd.admit(greedy)).take(1000).collect();
        assert_eq!(seats.len(), limits::CONNECTIONS_PER_ADDRESS_MAX);
        assert!(crowd.admit(address("::ffff:10.0.0.7")).is_none(), "the same in another form");
        let other = crowd.admit(address("10.0.0.8")).expect("another computer");
        seats.pop();
        seats.push(crowd.admit(greedy).expect("one has gone"));
        drop((seats, other));
        assert!(crowd.0.lock().unwrap().is_empty(), "nobody who has gone is remembered");
        let own: Vec<_> = (0..1000).map(|_| crowd.admit(address("127.0.0.1"))).collect();
        assert!(own.iter().all(Option::is_some), "this computer is not counted");
    }
}
