//! Merge sort: sort both halves, then merge them.

/// Halves of at most this many items are not cut further: inserting is faster for few items.
const INSERTION_MAX: usize = 16;

/// Sorts `items`. Those of which none is less than the other stay in their order.
///
/// It needs memory for as many items again.
pub fn merge_sort<T: Copy>(items: &mut [T], is_less: impl Fn(&T, &T) -> bool + Copy) {
    let mut copy = items.to_vec();
    sort_into(items, &mut copy, is_less);
}

/// Sorts `to`. At first `from` holds the same items; afterwards their order there means nothing.
///
/// The two change places with every level: the halves are sorted into `from` and merged back into
/// `to`, so nothing is copied only to make room.
fn sort_into<T: Copy>(to: &mut [T], from: &mut [T], is_less: impl Fn(&T, &T) -> bool + Copy) {
    if to.len() <= INSERTION_MAX {
        return insertion_sort(to, is_less);
    }
    let middle = to.len() / 2;
    let (to_left, to_right) = to.split_at_mut(middle);
    let (from_left, from_right) = from.split_at_mut(middle);
    sort_into(from_left, to_left, is_less);
    sort_into(from_right, to_right, is_less);
    if is_less(&from[middle], &from[middle - 1]) {
        merge(from, to, is_less);
    } else {
        // In order already, so sorted input takes linear time.
        to.copy_from_slice(from);
    }
}

/// Merges the sorted halves of `from` into `to`, from both ends at once.
///
/// The smallest item goes to the front while the largest goes to the back: two chains of work
/// that the processor can follow side by side. Each end places half of the items, so neither can
/// run out of a half before its last step, and nothing has to be checked on the way.
fn merge<T: Copy>(from: &[T], to: &mut [T], is_less: impl Fn(&T, &T) -> bool) {
    let half = from.len() / 2;
    let last = from.len() - 1;
    let (mut left, mut right) = (0, half);
    // One past the item that comes next from the back.
    let (mut left_end, mut right_end) = (half, from.len());
    for step in 0..half {
        // Of equal items the left one goes first. Which it is cannot be foreseen, so the choice
        // is made by arithmetic: a branch would be guessed wrongly every other time.
        let (left_item, right_item) = (from[left], from[right]);
        let take_right = is_less(&right_item, &left_item);
        to[step] = if take_right { right_item } else { left_item };
        right += usize::from(take_right);
        left += usize::from(!take_right);

        let (left_item, right_item) = (from[left_end - 1], from[right_end - 1]);
        let take_left = is_less(&right_item, &left_item);
        to[last - step] = if take_left { left_item } else { right_item };
        left_end -= usize::from(take_left);
        right_end -= usize::from(!take_left);
    }
    if from.len() % 2 == 1 {
        to[half] = if left < left_end { from[left] } else { from[right] };
    }
}

fn insertion_sort<T: Copy>(items: &mut [T], is_less: impl Fn(&T, &T) -> bool) {
    for sorted in 1..items.len() {
        let item = items[sorted];
        let mut place = sorted;
        while place > 0 && is_less(&item, &items[place - 1]) {
            items[place] = items[place - 1];
            place -= 1;
        }
        items[place] = item;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(
            keys in prop::collection::vec(0u8..40, 0..400),
        ) {
            let mut items: Vec<(u8, usize)> =
                keys.into_iter().enumerate().map(|(place, key)| (key, place)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            merge_sort(&mut items, |a, b| a.0 < b.0);
            prop_assert_eq!(items, expected);
        }
    }

    #[test]
    fn sorted_and_reversed_items_are_sorted_too() {
        for length in [0, 1, 2, 15, 16, 17, 32, 33, 34, 35, 1000] {
            let sorted: Vec<u32> = (0..length).collect();
            let mut items = sorted.clone();
            merge_sort(&mut items, |a, b| a < b);
            assert_eq!(items, sorted);
            items.reverse();
            merge_sort(&mut items, |a, b| a < b);
            assert_eq!(items, sorted);
        }
    }

    #[test]
    fn sorted_items_are_compared_a_linear_number_of_times() {
        let compared = std::cell::Cell::new(0u32);
        let mut items: Vec<u32> = (0..100_000).collect();
        merge_sort(&mut items, |a, b| {
            compared.set(compared.get() + 1);
            a < b
        });
        assert!(compared.get() < 110_000, "{}", compared.get());
    }
}
