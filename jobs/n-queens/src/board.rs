//! A board with queens in its first rows, seen from the next row: which columns are attacked.
//!
//! Columns are bits, so that all attacks of a row are found by a few operations on whole words
//! (M. Richards, "Backtracking algorithms in MCPL using bit patterns and recursion", 1997).

/// A board of at most 32 columns.
#[derive(Clone, Copy)]
pub(crate) struct Board {
    /// One bit for each column.
    all: u32,
    /// Columns that have a queen.
    taken: u32,
    /// Columns that a queen attacks along a diagonal, from the left and from the right.
    from_left: u32,
    from_right: u32,
}

impl Board {
    /// A board of so many columns with queens in its first rows.
    pub(crate) fn with(columns: u32, queens: &[u64]) -> Self {
        let all = u32::MAX >> (32 - columns);
        let empty = Self { all, taken: 0, from_left: 0, from_right: 0 };
        queens.iter().fold(empty, |board, column| board.and(1 << column))
    }

    /// The board with one more queen, seen from the row after it.
    #[inline]
    fn and(self, queen: u32) -> Self {
        Self {
            all: self.all,
            taken: self.taken | queen,
            from_left: (self.from_left | queen) << 1,
            from_right: (self.from_right | queen) >> 1,
        }
    }

    /// One bit for each column where a queen can be placed.
    #[inline]
    fn free(self) -> u32 {
        self.all & !(self.taken | self.from_left | self.from_right)
    }

    /// The columns where a queen can be placed, from the left.
    pub(crate) fn free_columns(self) -> impl Iterator<Item = u32> {
        let free = self.free();
        (0..32).filter(move |column| free >> column & 1 == 1)
    }

    /// In how many ways the other rows can be filled.
    pub(crate) fn solutions(self) -> u64 {
        if self.taken == self.all {
            return 1;
        }
        let mut free = self.free();
        let mut count = 0;
        while free != 0 {
            let queen = free & free.wrapping_neg();
            free ^= queen;
            count += self.and(queen).solutions();
        }
        count
    }

    /// Adds solutions to `found`, in the order of their columns, until there are `wanted`. `queens`
    /// are the columns of those that are placed.
    pub(crate) fn first_solutions(
        self,
        queens: &mut Vec<u64>,
        wanted: usize,
        found: &mut Vec<Vec<u64>>,
    ) {
        if found.len() < wanted && self.taken == self.all {
            found.push(queens.clone());
        }
        for column in self.free_columns() {
            if found.len() >= wanted {
                return;
            }
            queens.push(u64::from(column));
            self.and(1 << column).first_solutions(queens, wanted, found);
            queens.pop();
        }
    }
}
