//! Whether to spin before a sleep: as long as that has paid lately. Where it does not, because the other side shares
//! the core or has nothing to say, it is tried again only now and then.

/// What the last spins have taught.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    failures: u32,
    skip: u32,
    back_off: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { failures: 0, skip: 0, back_off: Self::BACK_OFF }
    }
}

impl Patience {
    const BACK_OFF: u32 = 64;
    const BACK_OFF_MAX: u32 = 1024;

    /// Whether to spin this time.
    pub fn wanted(&mut self) -> bool {
        let wanted = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        wanted
    }

    /// Whether the next spin is an attempt after some that failed.
    pub fn is_attempt(&self) -> bool {
        self.failures >= 2
    }

    /// Whether what was waited for came during the spin. After two that did not, the next ones are skipped.
    pub fn paid(&mut self, paid: bool) {
        if paid {
            return *self = Self::default();
        }
        self.failures += 1;
        if self.failures >= 2 {
            self.skip = self.back_off;
            self.back_off = (self.back_off * 2).min(Self::BACK_OFF_MAX);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn two_failures_in_a_row_pause_it_for_longer_and_longer() {
        let mut patience = Patience::default();
        patience.paid(false);
        assert!(patience.wanted());
        for skipped in [64, 128, 256, 512, 1024, 1024] {
            patience.paid(false);
            assert_eq!((0..skipped + 1).filter(|_| patience.wanted()).count(), 1);
        }
        patience.paid(true);
        patience.paid(false);
        assert!(patience.wanted());
    }
}
