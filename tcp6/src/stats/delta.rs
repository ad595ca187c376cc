//! The increase of the counters between two readings.

use std::time::Duration;

use crate::stats::counter::for_each_counter;

macro_rules! define {
    (common { $($common:ident: $_:ident,)* } optional { $($optional:ident: $__:ident,)* }) => {
        /// The increase of each counter between two [`Statistics`](crate::Statistics).
        ///
        /// [`Statistics::since`](crate::Statistics::since) computes it. A counter is `None` if it was reset meanwhile,
        /// or if one of the two readings lacks it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct StatisticsDelta {
            /// The time between the readings, by a monotonic clock.
            ///
            /// `None` if one of them was not read by this process: if it was deserialized.
            pub elapsed: Option<Duration>,
            $(
                #[doc = concat!("The increase of [`", stringify!($common), "`](crate::Statistics::", stringify!($common), ").")]
                pub $common: Option<u64>,
            )*
            $(
                #[doc = concat!("The increase of [`", stringify!($optional), "`](crate::Statistics::", stringify!($optional), ").")]
                pub $optional: Option<u64>,
            )*
        }

        impl StatisticsDelta {
            /// The name and the increase of each counter that is known, in the order of the fields.
            ///
            /// The names are those of the fields.
            pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                let all = [
                    $((stringify!($common), self.$common),)*
                    $((stringify!($optional), self.$optional),)*
                ];
                all.into_iter().filter_map(|(name, increase)| Some((name, increase?)))
            }
        }
    };
}

for_each_counter!(define);

impl StatisticsDelta {
    /// An increase per second.
    ///
    /// `None` if the increase or the time between the readings is unknown, or if that time is zero.
    ///
    /// # Example: segments sent per second
    ///
    /// ```no_run
    /// use std::{thread, time::Duration};
    ///
    /// let mut system = tcp6::System::new()?;
    /// let before = system.statistics()?;
    /// thread::sleep(Duration::from_secs(1));
    /// let delta = system.statistics()?.since(&before);
    /// if let Some(rate) = delta.per_second(delta.segments_out) {
    ///     println!("{rate:.1} segments/s");
    /// }
    /// # Ok::<(), tcp6::Error>(())
    /// ```
    #[must_use]
    pub fn per_second(&self, increase: Option<u64>) -> Option<f64> {
        let seconds = self.elapsed?.as_secs_f64();
        if seconds > 0.0 { Some(increase? as f64 / seconds) } else { None }
    }
}
