//! One page of a list that may be long.

use super::form::Asked;

/// Which page of a list is shown, and where the others are.
pub(super) struct Leaf {
    pub(super) page: usize,
    pub(super) pages: usize,
    /// What stands before a page's number in its address: `/checks?q=web&`.
    pub(super) base: String,
    size: usize,
}

impl Leaf {
    /// The page that is asked for, the first without, the last beyond: of a list of so many, so many to a page.
    pub(super) fn of(asked: &Asked, total: usize, size: usize, base: impl Into<String>) -> Leaf {
        let pages = total.div_ceil(size).max(1);
        let page = asked.number("page").and_then(|n| usize::try_from(n).ok()).unwrap_or(1).clamp(1, pages);
        Leaf { page, pages, base: base.into(), size }
    }

    /// The number of its first row.
    pub(super) fn first(&self) -> usize {
        (self.page - 1) * self.size + 1
    }

    /// Those of the list that are on it.
    pub(super) fn cut<I: IntoIterator>(&self, all: I) -> impl Iterator<Item = I::Item> {
        all.into_iter().skip((self.page - 1) * self.size).take(self.size)
    }
}
