//! Formats values and changes as text.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use tcp6::{RtoAlgorithm, Statistics, StatisticsDelta, StatisticsScope};

use super::names::GROUPS;
use crate::columns::{pad, shrink, truncate, width};

/// The least number of columns for which meanings are printed.
const MIN_MEANING: usize = 16;

/// The least number of columns of a truncated name.
const MIN_NAME: usize = 8;

/// A heading, or a value with its name, its numbers and its meaning.
enum Line {
    Heading(&'static str),
    Value { name: &'static str, numbers: Vec<String>, meaning: &'static str },
}

/// All values, with a heading that says what is counted.
pub fn values(statistics: &Statistics, max_width: Option<usize>) -> String {
    let all = texts(statistics);
    let lines = lines(|name| all.get(name).map(|text| vec![text.clone()]));
    let heading = match statistics.scope {
        StatisticsScope::Ipv6 => "TCP over IPv6, since the system started",
        _ => "TCP over IPv4 and IPv6, since the network namespace was created",
    };
    wrap(heading.split(' '), max_width) + &format(&lines, max_width)
}

/// The counters that have changed, with their increase and the increase per second.
pub fn changes(now: &Statistics, delta: &StatisticsDelta, max_width: Option<usize>) -> String {
    let increases: HashMap<&str, u64> = delta.counters().collect();
    let counters: HashMap<&str, u64> = now.counters().collect();
    let lines = lines(|name| {
        let total = counters.get(name)?;
        match increases.get(name) {
            Some(0) => None,
            Some(increase) => Some(vec![
                grouped(*increase),
                delta.per_second(Some(*increase)).map(|rate| format!("{}/s", rate_text(rate))).unwrap_or_default(),
            ]),
            None => Some(vec![grouped(*total), "reset".to_owned()]),
        }
    });
    let elapsed = delta.elapsed.map(|elapsed| format!("{:.3} s,", elapsed.as_secs_f64()));
    let heading = [Some(time(now) + ","), elapsed, Some(format!("{} established", grouped(now.established)))];
    let heading = heading.iter().flatten().map(String::as_str);
    let body = if lines.is_empty() { "  no counter has changed\n".to_owned() } else { format(&lines, max_width) };
    wrap(heading, max_width) + &body
}

/// The lines of all values for which `numbers` returns some, with the headings of their groups.
fn lines(numbers: impl Fn(&'static str) -> Option<Vec<String>>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (heading, names) in GROUPS {
        let values: Vec<Line> = names
            .iter()
            .filter_map(|(name, meaning)| Some(Line::Value { name, numbers: numbers(name)?, meaning }))
            .collect();
        if !values.is_empty() {
            lines.push(Line::Heading(heading));
            lines.extend(values);
        }
    }
    lines
}

/// The text of each value that the system provides.
fn texts(statistics: &Statistics) -> HashMap<&'static str, String> {
    let mut texts: HashMap<&str, String> = statistics.counters().map(|(name, value)| (name, grouped(value))).collect();
    let milliseconds = |time: Duration| format!("{} ms", grouped(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
    let algorithm = match statistics.rto_algorithm {
        RtoAlgorithm::Other(1) => "other".to_owned(),
        algorithm => algorithm.name().map_or_else(|| algorithm.as_raw().to_string(), str::to_owned),
    };
    texts.insert("established", grouped(statistics.established));
    if let Some(connections) = statistics.connections {
        texts.insert("connections", grouped(connections));
    }
    texts.insert("max_connections", statistics.max_connections.map_or_else(|| "no limit".to_owned(), grouped));
    texts.insert("rto_min", milliseconds(statistics.rto_min));
    texts.insert("rto_max", milliseconds(statistics.rto_max));
    texts.insert("rto_algorithm", algorithm);
    texts
}

/// Aligns the lines in at most `max_width` columns: first meanings are truncated or left out, then
/// names.
fn format(lines: &[Line], max_width: Option<usize>) -> String {
    let values = || {
        lines.iter().filter_map(|line| match line {
            Line::Heading(_) => None,
            Line::Value { name, numbers, .. } => Some((name, numbers)),
        })
    };
    let is_narrow = max_width.is_some_and(|max_width| max_width < 60);
    let (indent, gap) = if is_narrow { (1, 1) } else { (2, 2) };
    let count = values().map(|(_, numbers)| numbers.len()).max().unwrap_or(0);
    let number_width = |at: usize| values().filter_map(|(_, numbers)| numbers.get(at)).map(|text| width(text)).max();
    let number_widths: Vec<usize> = (0..count).map(|at| number_width(at).unwrap_or(0)).collect();
    let mut name_width = values().map(|(name, _)| width(name)).max().unwrap_or(0);

    let numbers = number_widths.iter().map(|width| gap + width).sum::<usize>();
    let mut meaning_width = usize::MAX;
    if let Some(max_width) = max_width {
        let mut excess = (indent + name_width + numbers).saturating_sub(max_width);
        shrink(&mut name_width, MIN_NAME, &mut excess);
        meaning_width = max_width.saturating_sub(indent + name_width + numbers + gap);
    }

    let mut text = String::new();
    for line in lines {
        match line {
            Line::Heading(heading) => {
                text.push_str(&max_width.map_or((*heading).to_owned(), |max| truncate(heading, max)))
            }
            Line::Value { name, numbers, meaning } => {
                let mut shown = " ".repeat(indent) + &pad(name, name_width);
                for (number, width) in numbers.iter().zip(&number_widths) {
                    shown += &format!("{:gap$}{number:>width$}", "");
                }
                if meaning_width >= MIN_MEANING {
                    shown += &format!("{:gap$}{}", "", truncate(meaning, meaning_width));
                }
                text.push_str(shown.trim_end());
            }
        }
        text.push('\n');
    }
    text
}

/// Joins the parts of a heading, in lines of at most `max_width` columns.
fn wrap<'t>(parts: impl Iterator<Item = &'t str>, max_width: Option<usize>) -> String {
    let max_width = max_width.unwrap_or(usize::MAX);
    let mut text = String::new();
    let mut used = 0;
    for part in parts {
        if used > 0 && used + 1 + width(part) > max_width {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(part);
        used += width(part);
    }
    text + "\n"
}

/// The time of a reading in whole seconds, in UTC.
fn time(statistics: &Statistics) -> String {
    #[derive(Serialize)]
    struct Second(#[serde(with = "tcp6::serde::time::seconds")] std::time::SystemTime);

    let text = serde_json::to_value(Second(statistics.taken_at()));
    // The year of a clock that is wrong may have five digits.
    text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_else(|| "unknown time".to_owned())
}

/// A rate with one decimal, and with two below ten.
fn rate_text(rate: f64) -> String {
    let text = if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.1}") };
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", separated(whole)),
        None => text,
    }
}

/// A number with a comma before each group of three digits.
fn grouped(number: u64) -> String {
    separated(&number.to_string())
}

fn separated(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn statistics(json: Value) -> Statistics {
        serde_json::from_value(json).unwrap()
    }

    fn json_of_windows() -> Value {
        json!({
            "taken_at": "2026-11-23T10:42:39Z", "scope": "ipv6", "counter_bits": 32, "segment_bits": 64,
            "rto_algorithm": "van-jacobson", "rto_min_ms": 10, "rto_max_ms": u32::MAX, "max_connections": null,
            "established": "12", "connections": "30", "active_opens": "1944884", "passive_opens": "4294967290",
            "failed_attempts": "19", "established_resets": "3474588", "segments_in": "18446744073709551615",
            "segments_out": "8243909", "segments_retransmitted": "1000", "errors_in": "0", "resets_out": "999",
        })
    }

    pub fn windows() -> Statistics {
        statistics(json_of_windows())
    }

    /// Statistics with every counter that Linux has.
    pub fn linux() -> Statistics {
        let mut json = json_of_windows();
        let object = json.as_object_mut().unwrap();
        object.remove("connections");
        object.insert("scope".to_owned(), json!("both-families"));
        object.insert("rto_algorithm".to_owned(), json!(1));
        for name in [
            "checksum_errors_in",
            "listen_overflows",
            "listen_drops",
            "syncookies_sent",
            "syncookies_received",
            "syncookies_failed",
            "syn_retransmits",
            "timeouts",
            "aborts_on_memory",
            "out_of_order_queued",
            "receive_queue_drops",
        ] {
            object.insert(name.to_owned(), json!("7"));
        }
        statistics(json)
    }

    #[test]
    fn values_are_aligned_with_names_and_units() {
        let text = values(&windows(), Some(80));
        let expected = "\
TCP over IPv6, since the system started
Connections
  established                                     12  now in ESTABLISHED or CLO…
  connections                                     30  now, except listeners
  max_connections                           no limit  allowed at most
";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.contains("\n  segments_in             18,446,744,073,709,551,615  received, including fault…"),
            "{text}"
        );
        assert!(!text.contains("timeouts  ") && text.contains("4,294,967,295 ms  longest\n"), "{text}");
        assert!(values(&windows(), None).contains("now in ESTABLISHED or CLOSE-WAIT\n"));
        assert!(values(&linux(), None).contains(" timeouts "));
    }

    #[test]
    fn lines_fit_the_width_and_keep_their_numbers() {
        let (before, mut now) = (linux(), linux());
        (now.active_opens, now.segments_in, now.established) = (1_954_884, 12, 1_000_000);
        now.timeouts = Some(8);
        let mut delta = now.since(&before);
        delta.elapsed = Some(Duration::from_millis(1_500));
        for max_width in [40, 50, 59, 60, 80, 120, 200] {
            for text in [values(&linux(), Some(max_width)), changes(&now, &delta, Some(max_width))] {
                assert!(text.lines().all(|line| width(line) <= max_width), "{max_width}: {text}");
                assert!(text.contains("active_op"), "{max_width}: {text}");
            }
            assert!(values(&linux(), Some(max_width)).contains("18,446,744,073,709,551,615"));
            let text = changes(&now, &delta, Some(max_width));
            assert!(text.contains("10,000") && text.contains("6,666.7/s"), "{text}");
        }
    }

    #[test]
    fn changes_list_only_counters_that_changed() {
        let (before, mut now) = (linux(), linux());
        (now.active_opens, now.segments_in, now.established) = (1_954_884, 12, 1_000_000);
        now.timeouts = Some(8);
        let mut delta = now.since(&before);
        delta.elapsed = Some(Duration::from_millis(2_000));
        assert_eq!(
            changes(&now, &delta, None),
            "\
2026-11-23T10:42:39Z, 2.000 s, 1,000,000 established
Connections
  active_opens  10,000  5,000.0/s  opened by this side
Segments
  segments_in       12      reset  received, including faulty ones
Retransmission timeouts
  timeouts           1     0.50/s  expired
"
        );
        let unchanged = changes(&now, &now.since(&now), None);
        assert_eq!(unchanged, "2026-11-23T10:42:39Z, 1,000,000 established\n  no counter has changed\n");
    }

    #[test]
    fn numbers_have_groups_of_three_digits() {
        let numbers = [0, 12, 999, 1_000, 123_456, u64::MAX].map(grouped);
        assert_eq!(numbers, ["0", "12", "999", "1,000", "123,456", "18,446,744,073,709,551,615"]);
        assert_eq!([0.0, 0.125, 9.876, 1234.56].map(rate_text), ["0.00", "0.12", "9.88", "1,234.6"]);
    }
}
