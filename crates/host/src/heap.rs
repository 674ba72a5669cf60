//! The allocator.
//!
//! Alerts are made on one thread and given up on another, which glibc's allocator is slow at. mimalloc is not; but what a
//! storm has used it keeps for as long as nobody allocates, and a server that is calm again hardly does: with 100,000
//! alerts that was as much memory as the alerts.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives memory that nobody uses back to the operating system. About a millisecond; for a quiet moment.
pub fn give_back() {
    // SAFETY: it may be called at any time on any thread that the allocator serves, takes no pointer, and frees nothing
    // that is in use; `true` asks it not to wait for its own delays.
    #[expect(unsafe_code, reason = "the only way to ask; no safe crate wraps it")]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

#[cfg(test)]
mod tests {
    /// In pages, from the kernel.
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn what_nobody_uses_goes_back_and_what_is_used_stays() {
        let kept: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 1000]).collect();
        let storm: Vec<Vec<u8>> = (0..200_000).map(|_| vec![7; 512]).collect();
        let high = resident();
        drop(storm);
        super::give_back();
        let low = resident();
        assert!(low < high - 15_000, "of 25,000 pages: {high} before, {low} after");
        assert!(kept.iter().zip(0_u8..).all(|(v, n)| v.len() == 1000 && v.iter().all(|b| *b == n)));
    }
}
