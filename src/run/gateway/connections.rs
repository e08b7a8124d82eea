//! The connections of a gateway, each in a slot; a slot that is used again has another [`ConnId`].

use crate::types::ConnId;

/// A slab of connections.
#[derive(Debug)]
pub struct Connections<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    most: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    connection: Option<T>,
}

impl<T> Connections<T> {
    /// Room for `most` connections, made at once.
    pub fn new(most: usize) -> Self {
        Self { slots: Vec::with_capacity(most), free: Vec::with_capacity(most), most }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether no more may come.
    pub fn is_full(&self) -> bool {
        self.count() >= self.most
    }

    /// Puts a connection into a free slot; `make` is told its name. There must be room.
    pub fn insert(&mut self, make: impl FnOnce(ConnId) -> T) -> ConnId {
        assert!(!self.is_full(), "room is asked for before a connection is accepted");
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, connection: None });
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        let id = ConnId::new(slot, entry.generation);
        entry.connection = Some(make(id));
        id
    }

    /// The connection of this name, if it is still there.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot())?;
        if ConnId::new(id.slot() as u32, slot.generation) != id {
            return None;
        }
        slot.connection.as_mut()
    }

    /// Takes a connection out for good.
    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        self.get_mut(id)?;
        let slot = &mut self.slots[id.slot()];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot() as u32);
        slot.connection.take()
    }

    /// All of them, with their names.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnId, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(at, slot)| {
            let id = ConnId::new(at as u32, slot.generation);
            slot.connection.as_mut().map(|connection| (id, connection))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_connection_that_has_gone_never_reaches_its_successor() {
        let mut connections = Connections::new(1);
        let first = connections.insert(|_| "first");
        assert!(connections.is_full());
        assert_eq!(connections.remove(first), Some("first"));
        let second = connections.insert(|_| "second");
        assert_eq!((first.slot(), second.slot()), (0, 0));
        assert_eq!(connections.get_mut(first), None);
        assert_eq!(connections.remove(first), None);
        assert_eq!(connections.get_mut(second), Some(&mut "second"));
        assert_eq!(connections.count(), 1);
    }
}
