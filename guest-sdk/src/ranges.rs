//! Cutting keys into ranges, so that each range can be merged by itself.
//!
//! With `n` splitters there are `n + 1` ranges. A key that equals a splitter belongs to the range
//! above it, so equal keys are always in one range.

/// Chooses at most `partitions - 1` splitters from a sample, at even distances in its order.
///
/// Sorts `sample` by the way. There are fewer splitters than wanted when the sample is small.
pub fn choose_splitters<K: Ord + Clone>(sample: &mut [K], partitions: u32) -> Vec<K> {
    sample.sort();
    let wanted = partitions.max(1) as usize;
    let mut splitters: Vec<K> = Vec::new();
    for number in 1..wanted {
        // The first of all would leave the range below it empty.
        let place = number * sample.len() / wanted;
        if place > 0 && splitters.last() < Some(&sample[place]) {
            splitters.push(sample[place].clone());
        }
    }
    splitters
}

/// The range of a key: the number of splitters that are not above it.
pub fn partition_of<K: Ord>(key: &K, splitters: &[K]) -> usize {
    splitters.partition_point(|splitter| splitter <= key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitters_cut_a_sample_evenly() {
        let mut sample: Vec<u32> = (0..1000).rev().collect();
        assert_eq!(choose_splitters(&mut sample, 4), [250, 500, 750]);
        assert_eq!(choose_splitters(&mut sample, 1), []);
    }

    #[test]
    fn small_samples_and_repeated_keys_give_fewer_splitters() {
        assert_eq!(choose_splitters::<u32>(&mut [], 4), []);
        assert_eq!(choose_splitters(&mut [7], 4), []);
        assert_eq!(choose_splitters(&mut [7, 8], 4), [8]);
        assert_eq!(choose_splitters(&mut [5; 100], 4), [5]);
    }

    #[test]
    fn a_key_that_equals_a_splitter_belongs_above_it() {
        let splitters = [10, 20];
        let partitions: Vec<usize> =
            [9, 10, 19, 20, 21].iter().map(|key| partition_of(key, &splitters)).collect();
        assert_eq!(partitions, [0, 1, 1, 2, 2]);
    }
}
