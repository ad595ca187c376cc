//! The entries of a side table, and the places of their values in other tables.

use core::num::{NonZeroU32, NonZeroU64};

use super::linux::BaseValues;
use crate::error::{Error, Malformed, Result};
use crate::row::Row;
use crate::row::order;
use crate::row::state::State;

/// The statistics of one socket. It is small, because a refresh writes one for each row.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// [`Ends::words`](order::Ends::words).
    pub(super) ends: [u64; 6],
    pub(super) identity: Option<NonZeroU64>,
    pub(super) state: State,
    pub(super) base: BaseValues,
    pub(super) uid: Option<u32>,
    pub(super) info: Option<Place>,
    pub(super) algorithm: Option<Place>,
    pub(super) memory: Option<Place>,
    /// The statistics of an entry that is not from Linux.
    pub(super) connection: Option<Place>,
    /// What only Windows has.
    pub(super) sender: Option<Place>,
    /// Whether it is the first entry with these ends.
    ///
    /// The index has it by its ends, and others by ends and identity.
    pub(super) is_first: bool,
    /// Whether there are other entries with these ends, if it is the first one.
    pub(super) is_shared: bool,
}

impl Entry {
    /// An entry of the socket of a row, without values.
    #[inline]
    pub(super) fn of<R: Row>(row: &R) -> Entry {
        Entry {
            ends: order::ends(row).words(),
            identity: None,
            state: row.state(),
            base: BaseValues::default(),
            uid: None,
            info: None,
            algorithm: None,
            memory: None,
            connection: None,
            sender: None,
            is_first: false,
            is_shared: false,
        }
    }

    /// Whether it is the first entry with these ends.
    #[inline]
    pub(super) fn is_first_with(&self, ends: &[u64; 6]) -> bool {
        self.is_first && self.ends == *ends
    }

    /// Whether it is an entry with these ends and this identity, and not the first one with these
    /// ends.
    pub(super) fn is_later(&self, ends: &[u64; 6], identity: NonZeroU64) -> bool {
        !self.is_first && self.identity == Some(identity) && self.ends == *ends
    }
}

/// The place of an element in a table, counted from 1.
pub(super) type Place = NonZeroU32;

/// The element in this place.
pub(super) fn at<T>(elements: &[T], place: Place) -> &T {
    &elements[place.get() as usize - 1]
}

/// The place of the element after `count` elements.
#[inline]
pub(super) fn place(count: usize) -> Result<Place> {
    // The index needs one number that is no position.
    let place = count.checked_add(1).and_then(|place| Place::new(u32::try_from(place).ok()?));
    Ok(place.ok_or(Malformed::TooManyRows { rows: count })?)
}

/// Appends an element and returns its place.
#[inline]
pub(super) fn push<T>(elements: &mut Vec<T>, element: T) -> Result<Place> {
    let place = place(elements.len())?;
    let bytes = elements.len().saturating_add(1).saturating_mul(size_of::<T>());
    elements.try_reserve(1).map_err(|_| Error::OutOfMemory { bytes })?;
    elements.push(element);
    Ok(place)
}
