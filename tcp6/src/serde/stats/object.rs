//! Objects whose fields can be unknown.

/// Writes an object of optional values with a serializer.
///
/// Human-readable formats omit unknown values. Binary formats contain all fields in order, because they have no names.
macro_rules! object {
    ($serializer:ident, $type:literal, { $($name:literal: $value:expr,)* }) => {{
        use ::serde::ser::SerializeStruct;

        let is_text = $serializer.is_human_readable();
        let count = 0 $(+ usize::from(!is_text || $value.is_some()))*;
        let mut object = $serializer.serialize_struct($type, count)?;
        $(match $value {
            None if is_text => object.skip_field($name)?,
            value => object.serialize_field($name, &value)?,
        })*
        object.end()
    }};
}

pub(super) use object;
