//! Serializes states, classes, owners and sets.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use bitflags::Flags;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::row::class::Class;
use crate::row::offload_state::OffloadState;
use crate::row::owner::Owner;
use crate::row::state::{State, StateSet};
use crate::row::state_counts::StateCounts;
use crate::snapshot::change::ChangedFields;

/// Parses a value from a string without copying the string.
pub(super) fn parsed<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(&'static str, PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(expected, PhantomData))
}

/// Deserializes a value from its name, or from its number if it has no name.
pub(super) struct Named<T> {
    pub(super) expected: &'static str,
    pub(super) by_name: fn(&str) -> Option<T>,
    pub(super) by_number: fn(i64) -> Option<T>,
}

impl<T> Visitor<'_> for Named<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
        (self.by_name)(name).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(name), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        (self.by_number)(number).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_i64(number.try_into().unwrap_or(i64::MAX))
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) if serializer.is_human_readable() => serializer.serialize_str(name),
            _ => serializer.serialize_u32(self.as_raw()),
        }
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        if !deserializer.is_human_readable() {
            return u32::deserialize(deserializer).map(State::from_raw);
        }
        deserializer.deserialize_any(Named {
            expected: "the name of a TCP state, or its number",
            by_name: |name| name.parse().ok(),
            by_number: |number| u32::try_from(number).ok().map(State::from_raw),
        })
    }
}

/// The names of the offload states.
const OFFLOAD_NAMES: [(OffloadState, &str); 4] = [
    (OffloadState::InHost, "in-host"),
    (OffloadState::Offloading, "offloading"),
    (OffloadState::Offloaded, "offloaded"),
    (OffloadState::Uploading, "uploading"),
];

impl Serialize for OffloadState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match OFFLOAD_NAMES.iter().find(|(state, _)| state == self) {
            Some((_, name)) if serializer.is_human_readable() => serializer.serialize_str(name),
            _ => serializer.serialize_i32(self.as_raw()),
        }
    }
}

impl<'de> Deserialize<'de> for OffloadState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OffloadState, D::Error> {
        if !deserializer.is_human_readable() {
            return i32::deserialize(deserializer).map(OffloadState::from_raw);
        }
        deserializer.deserialize_any(Named {
            expected: "the name of an offload state, or its number",
            by_name: |name| OFFLOAD_NAMES.iter().find(|(_, known)| *known == name).map(|(state, _)| *state),
            by_number: |number| i32::try_from(number).ok().map(OffloadState::from_raw),
        })
    }
}

/// An owner in human-readable formats.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename = "Owner", rename_all = "lowercase")]
enum OwnerText {
    Pid(u32),
    Kernel,
    Nobody,
    Unresolved,
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.as_raw().serialize(serializer);
        }
        match *self {
            Owner::Process(pid) => OwnerText::Pid(pid),
            Owner::Kernel => OwnerText::Kernel,
            Owner::Nobody => OwnerText::Nobody,
            Owner::Unresolved => OwnerText::Unresolved,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Owner, D::Error> {
        if !deserializer.is_human_readable() {
            return u32::deserialize(deserializer).map(Owner::from_raw);
        }
        match OwnerText::deserialize(deserializer)? {
            // These numbers mean no process or an unknown one in the rows of every system.
            OwnerText::Pid(pid) => match Owner::from_raw(pid) {
                Owner::Nobody | Owner::Unresolved => Err(D::Error::custom("a pid that no process has")),
                _ => Ok(Owner::Process(pid)),
            },
            OwnerText::Kernel => Ok(Owner::Kernel),
            OwnerText::Nobody => Ok(Owner::Nobody),
            OwnerText::Unresolved => Ok(Owner::Unresolved),
        }
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.name())
        } else {
            serializer.serialize_u8(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Class, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(Named {
                expected: "the name of a table class",
                by_name: |name| Class::ALL.into_iter().find(|class| class.name() == name),
                by_number: |_| None,
            });
        }
        let class = Class::from_number(u8::deserialize(deserializer)?);
        class.ok_or_else(|| D::Error::custom("an unknown table class"))
    }
}

/// Serializes a set as a list of names.
fn names<S: Serializer>(serializer: S, names: impl Iterator<Item = impl Serialize>) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    for name in names {
        list.serialize_element(&name)?;
    }
    list.end()
}

/// Deserializes a set from a list of names.
fn set_of<'de, F: Flags, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
    by_name: fn(&str) -> Option<F>,
) -> Result<F, D::Error> {
    struct Names<F>(&'static str, fn(&str) -> Option<F>);

    impl<'de, F: Flags> Visitor<'de> for Names<F> {
        type Value = F;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<F, A::Error> {
            let mut set = F::empty();
            while let Some(name) = list.next_element::<String>()? {
                let unknown = || A::Error::invalid_value(serde::de::Unexpected::Str(&name), &self);
                set.insert((self.1)(&name).ok_or_else(unknown)?);
            }
            Ok(set)
        }
    }

    deserializer.deserialize_seq(Names(expected, by_name))
}

impl Serialize for StateSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.bits().serialize(serializer);
        }
        names(serializer, self.iter().map(|state| state.to_string()))
    }
}

impl<'de> Deserialize<'de> for StateSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StateSet, D::Error> {
        if deserializer.is_human_readable() {
            return set_of(deserializer, "a list of names of TCP states", |name| name.parse().ok());
        }
        let bits = u16::deserialize(deserializer)?;
        let set = StateSet::from_bits_retain(bits);
        let is_known = (StateSet::all() | StateSet::BOUND).contains(set);
        if is_known { Ok(set) } else { Err(D::Error::custom("a set with unknown states")) }
    }
}

/// A map from the name of each state to the number of its rows.
impl Serialize for StateCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.all().map(|(state, count)| (state.to_string(), count)))
    }
}

impl Serialize for ChangedFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.bits().serialize(serializer);
        }
        names(serializer, self.iter_names().map(|(name, _)| name.to_ascii_lowercase()))
    }
}

impl<'de> Deserialize<'de> for ChangedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ChangedFields, D::Error> {
        if deserializer.is_human_readable() {
            return set_of(deserializer, "a list of names of fields", |name| {
                ChangedFields::from_name(&name.to_ascii_uppercase())
            });
        }
        let bits = u8::deserialize(deserializer)?;
        ChangedFields::from_bits(bits).ok_or_else(|| D::Error::custom("a set with unknown fields"))
    }
}
