use super::*;

#[test]
fn events_of_a_full_queue_fit_into_the_documented_memory() {
    assert!(MAX_EVENTS * size_of::<Event>() <= 23 << 20, "{}", size_of::<Event>());
}

#[test]
fn refusals_are_not_supported() {
    assert!(matches!(not_supported(Errno::OPNOTSUPP), Error::NotSupported));
    assert!(matches!(not_supported(Errno::PERM), Error::NotSupported));
    assert_eq!(not_supported(Errno::MFILE).raw_os_error(), Some(Errno::MFILE.raw_os_error()));
}
