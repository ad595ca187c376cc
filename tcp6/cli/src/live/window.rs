//! The scroll position of a live view.

use std::ops::Range;

use super::keys::Scroll;

/// The first visible line and the number of lines that fit on the screen.
#[derive(Debug, Default)]
pub struct Window {
    top: usize,
    page: usize,
}

impl Window {
    /// Sets the number of lines that fit on the screen, of `count` lines.
    pub fn fit(&mut self, page: usize, count: usize) {
        self.page = page;
        self.clamp(count);
    }

    /// Keeps the window within `count` lines.
    pub fn clamp(&mut self, count: usize) {
        self.top = self.top.min(count.saturating_sub(self.page));
    }

    pub fn scroll(&mut self, scroll: Scroll, count: usize) {
        self.top = match scroll {
            Scroll::Up => self.top.saturating_sub(1),
            Scroll::Down => self.top + 1,
            Scroll::PageUp => self.top.saturating_sub(self.page),
            Scroll::PageDown => self.top + self.page,
            Scroll::Top => 0,
            Scroll::Bottom => count,
        };
        self.clamp(count);
    }

    /// Scrolls to the first line.
    pub fn reset(&mut self) {
        self.top = 0;
    }

    /// The visible ones of `count` lines.
    pub fn lines(&self, count: usize) -> Range<usize> {
        self.top..count.min(self.top + self.page)
    }
}
