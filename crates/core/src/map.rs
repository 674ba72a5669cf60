//! Persistent ordered maps and sets: a clone is a pointer, and a change copies only the way from the root to the leaf,
//! if anybody else still holds it.
//!
//! A B+ tree with wide nodes. The state keeps several indexes of a hundred thousand alerts, and every batch copies what it
//! touches: with a binary tree (`rpds`) that was twenty small nodes an index and an alert, and the allocator was most of
//! an alert's cost; here it is four.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::ops::RangeFrom;
use smallvec::SmallVec;

/// Entries of a leaf, children of a branch.
const WIDE: usize = 32;

/// A persistent ordered map.
#[derive(Clone)]
pub struct Map<K, V> {
    root: Arc<Node<K, V>>,
    size: usize,
}

enum Node<K, V> {
    Leaf(Vec<(K, V)>),
    Branch(Vec<Child<K, V>>),
}

/// A node is copied to be changed, and mostly that adds an entry: there is room for it.
impl<K: Clone, V: Clone> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        match self {
            Node::Leaf(entries) => Node::Leaf(copy_with_room(entries)),
            Node::Branch(children) => Node::Branch(copy_with_room(children)),
        }
    }
}

#[derive(Clone)]
struct Child<K, V> {
    /// Not greater than any key in `node`, and greater than any key before it.
    low: K,
    node: Arc<Node<K, V>>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map { root: Arc::new(Node::Leaf(Vec::new())), size: 0 }
    }
}

impl<K, V> Map<K, V> {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Map::default()
    }

    /// How many entries.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Entries in order; from both ends.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { root: &self.root, front: None, back: None, left: self.size }
    }

    /// Keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(k, _)| k)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, v)| v)
    }

    /// The least entry.
    #[must_use]
    pub fn first(&self) -> Option<(&K, &V)> {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => return entries.first().map(|(k, v)| (k, v)),
                Node::Branch(children) => node = &children.first()?.node,
            }
        }
    }

    /// The greatest entry.
    #[must_use]
    pub fn last(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    let i = entries.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
                    return entries.get(i).map(|(_, v)| v);
                }
                Node::Branch(children) => node = &children.get(place(children, key))?.node,
            }
        }
    }

    /// Whether there is such a key.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// Entries from a key on, in order.
    #[must_use]
    pub fn range(&self, from: RangeFrom<K>) -> Range<'_, K, V> {
        Range { way: self.way_to(&from.start) }
    }

    /// The greatest entry before a key.
    #[must_use]
    pub fn before(&self, key: &K) -> Option<(&K, &V)> {
        let mut way = self.way_to(key);
        // A way forward has gone into a child already; backwards the child comes once more.
        let branches = way.len().saturating_sub(1);
        way.iter_mut().take(branches).for_each(|(_, at)| *at = at.saturating_sub(1));
        backward(&mut way)
    }

    /// To the first entry that is not before `key`.
    fn way_to(&self, key: &K) -> Way<'_, K, V> {
        let mut way = Way::new();
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(entries) => {
                    way.push((node, entries.partition_point(|(k, _)| k < key)));
                    return way;
                }
                Node::Branch(children) => {
                    let i = place(children, key);
                    way.push((node, i + 1));
                    match children.get(i) {
                        Some(child) => node = &child.node,
                        None => return way,
                    }
                }
            }
        }
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        // Looked for first: a key that is not there copies nothing.
        self.get(key)?;
        let mut node = Arc::make_mut(&mut self.root);
        loop {
            match node {
                Node::Leaf(entries) => {
                    let i = entries.binary_search_by(|(k, _)| k.borrow().cmp(key)).ok()?;
                    return entries.get_mut(i).map(|(_, v)| v);
                }
                Node::Branch(children) => {
                    let i = place(children, key);
                    node = Arc::make_mut(&mut children.get_mut(i)?.node);
                }
            }
        }
    }

    /// Puts a value in the place of what the key had.
    pub fn insert_mut(&mut self, key: K, value: V) {
        let (added, split) = insert(&mut self.root, key, value);
        self.size += usize::from(added);
        if let Some(right) = split
            && let Some(low) = low_of(&self.root)
        {
            let left = Child { low, node: Arc::clone(&self.root) };
            self.root = Arc::new(Node::Branch(alloc::vec![left, right]));
        }
    }

    /// Takes a key out. Returns whether it was there.
    pub fn remove_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        if !self.contains_key(key) {
            return false;
        }
        remove(&mut self.root, key);
        self.size -= 1;
        // A branch with one child is no branch.
        while let Node::Branch(children) = &*self.root {
            match children.as_slice() {
                [] => self.root = Arc::new(Node::Leaf(Vec::new())),
                [only] => self.root = Arc::clone(&only.node),
                _ => break,
            }
        }
        true
    }
}

fn copy_with_room<T: Clone>(all: &[T]) -> Vec<T> {
    let mut copy = Vec::with_capacity(room(all.len() + 1));
    copy.extend_from_slice(all);
    copy
}

/// Adds an entry. A node never has room for more than it can hold until it is split.
fn add<T>(all: &mut Vec<T>, at: usize, entry: T) {
    if all.len() == all.capacity() {
        all.reserve_exact(room(all.len() + 1) - all.len());
    }
    all.insert(at, entry);
}

/// For so many entries: a few more, but no more than a node holds for a moment.
fn room(entries: usize) -> usize {
    entries.next_multiple_of(4).min(WIDE + 1).max(entries)
}

/// The child in which a key is, if it is anywhere.
fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(children: &[Child<K, V>], key: &Q) -> usize {
    children.partition_point(|c| c.low.borrow() <= key).saturating_sub(1)
}

fn low_of<K: Clone, V>(node: &Node<K, V>) -> Option<K> {
    match node {
        Node::Leaf(entries) => entries.first().map(|(k, _)| k.clone()),
        Node::Branch(children) => children.first().map(|c| c.low.clone()),
    }
}

/// Whether it is new, and the right half of a node that had become too wide.
fn insert<K: Ord + Clone, V: Clone>(
    node: &mut Arc<Node<K, V>>,
    key: K,
    value: V,
) -> (bool, Option<Child<K, V>>) {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(i) => {
                if let Some(entry) = entries.get_mut(i) {
                    entry.1 = value;
                }
                (false, None)
            }
            Err(i) => {
                add(entries, i, (key, value));
                let right = split(entries, i);
                let low = right.first().map(|(k, _)| k.clone());
                (true, low.map(|low| Child { low, node: Arc::new(Node::Leaf(right)) }))
            }
        },
        Node::Branch(children) => {
            let i = place(children, &key);
            let Some(child) = children.get_mut(i) else { return (false, None) };
            if key < child.low {
                child.low = key.clone();
            }
            let (added, more) = insert(&mut child.node, key, value);
            let Some(more) = more else { return (added, None) };
            add(children, i + 1, more);
            let right = split(children, i + 1);
            let low = right.first().map(|c| c.low.clone());
            (added, low.map(|low| Child { low, node: Arc::new(Node::Branch(right)) }))
        }
    }
}

/// The right part of what has become too wide; nothing else. What grows at its end (numbers, times) stays full.
fn split<T>(all: &mut Vec<T>, grew_at: usize) -> Vec<T> {
    if all.len() <= WIDE {
        return Vec::new();
    }
    let at = if grew_at + 1 == all.len() { all.len() - 1 } else { all.len() / 2 };
    let right = all.split_off(at);
    all.shrink_to_fit();
    right
}

fn remove<K: Ord + Clone + Borrow<Q>, V: Clone, Q: Ord + ?Sized>(node: &mut Arc<Node<K, V>>, key: &Q) {
    match Arc::make_mut(node) {
        Node::Leaf(entries) => {
            if let Ok(i) = entries.binary_search_by(|(k, _)| k.borrow().cmp(key)) {
                entries.remove(i);
            }
        }
        Node::Branch(children) => {
            let i = place(children, key);
            let Some(child) = children.get_mut(i) else { return };
            remove(&mut child.node, key);
            match child.node.len() {
                0 => drop(children.remove(i)),
                few if few < WIDE / 4 => join(children, i),
                _ => {}
            }
        }
    }
}

impl<K, V> Node<K, V> {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Branch(children) => children.len(),
        }
    }
}

/// Puts a narrow child and its neighbour into one, if they fit.
fn join<K: Clone, V: Clone>(children: &mut Vec<Child<K, V>>, narrow: usize) {
    let left = narrow.min(children.len().saturating_sub(2));
    let fits = children
        .get(left..left + 2)
        .is_some_and(|two| two.iter().map(|c| c.node.len()).sum::<usize>() <= WIDE * 3 / 4);
    if !fits {
        return;
    }
    let right = children.remove(left + 1);
    let Some(left) = children.get_mut(left) else { return };
    match (Arc::make_mut(&mut left.node), &*right.node) {
        (Node::Leaf(a), Node::Leaf(b)) => a.extend(b.iter().cloned()),
        (Node::Branch(a), Node::Branch(b)) => a.extend(b.iter().cloned()),
        // All leaves are equally deep.
        (Node::Leaf(_), Node::Branch(_)) | (Node::Branch(_), Node::Leaf(_)) => {}
    }
}

/// A way from the root: each node, and the place in it that comes next.
type Way<'a, K, V> = SmallVec<[(&'a Node<K, V>, usize); 4]>;

fn descend<'a, K, V>(mut node: &'a Node<K, V>, way: &mut Way<'a, K, V>, end: fn(usize) -> usize) {
    loop {
        let at = end(node.len());
        way.push((node, at));
        let Node::Branch(children) = node else { return };
        // Of a branch it is the place after the child that is gone into, seen from the end that is walked from.
        let into = at.min(children.len().saturating_sub(1));
        if let Some(last) = way.last_mut() {
            last.1 = if at == 0 { 1 } else { into };
        }
        match children.get(into) {
            Some(child) => node = &child.node,
            None => return,
        }
    }
}

fn forward<'a, K, V>(way: &mut Way<'a, K, V>) -> Option<(&'a K, &'a V)> {
    loop {
        let (node, at) = way.last_mut()?;
        match node {
            Node::Leaf(entries) => {
                if let Some((k, v)) = entries.get(*at) {
                    *at += 1;
                    return Some((k, v));
                }
                way.pop();
            }
            Node::Branch(children) => match children.get(*at) {
                Some(child) => {
                    *at += 1;
                    descend(&child.node, way, |_| 0);
                }
                None => drop(way.pop()),
            },
        }
    }
}

fn backward<'a, K, V>(way: &mut Way<'a, K, V>) -> Option<(&'a K, &'a V)> {
    loop {
        let (node, at) = way.last_mut()?;
        let Some(before) = at.checked_sub(1) else {
            way.pop();
            continue;
        };
        *at = before;
        match node {
            Node::Leaf(entries) => return entries.get(before).map(|(k, v)| (k, v)),
            Node::Branch(children) => {
                if let Some(child) = children.get(before) {
                    descend(&child.node, way, |len| len);
                }
            }
        }
    }
}

/// Entries in order, from both ends.
pub struct Iter<'a, K, V> {
    root: &'a Node<K, V>,
    /// Where the walk is, from either end; nowhere before its first step.
    front: Option<Way<'a, K, V>>,
    back: Option<Way<'a, K, V>>,
    left: usize,
}

fn from_end<K, V>(root: &Node<K, V>, end: fn(usize) -> usize) -> Way<'_, K, V> {
    let mut way = Way::new();
    descend(root, &mut way, end);
    way
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        forward(self.front.get_or_insert_with(|| from_end(self.root, |_| 0)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        backward(self.back.get_or_insert_with(|| from_end(self.root, |len| len)))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

/// Entries from a key on.
pub struct Range<'a, K, V> {
    way: Way<'a, K, V>,
}

impl<'a, K, V> Iterator for Range<'a, K, V> {
    type Item = (&'a K, &'a V);
    fn next(&mut self) -> Option<Self::Item> {
        forward(&mut self.way)
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::new();
        entries.into_iter().for_each(|(k, v)| map.insert_mut(k, v));
        map
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root) || self.size == other.size && self.iter().eq(other.iter())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A persistent ordered set.
#[derive(Clone, PartialEq)]
pub struct Set<T>(Map<T, ()>);

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set(Map::new())
    }
}

impl<T> Set<T> {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Set::default()
    }

    /// How many members.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Members in order; from both ends.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.keys()
    }

    /// The least member.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.0.first().map(|(t, ())| t)
    }
}

impl<T: Ord> Set<T> {
    /// Whether it is a member.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, member: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(member)
    }

    /// The greatest member before one.
    #[must_use]
    pub fn before(&self, member: &T) -> Option<&T> {
        self.0.before(member).map(|(t, ())| t)
    }

    /// Members from one on, in order.
    pub fn range(&self, from: RangeFrom<T>) -> impl Iterator<Item = &T> {
        self.0.range(from).map(|(t, ())| t)
    }
}

impl<T: Ord + Clone> Set<T> {
    /// Makes it a member.
    pub fn insert_mut(&mut self, member: T) {
        self.0.insert_mut(member, ());
    }

    /// Takes a member out. Returns whether it was one.
    pub fn remove_mut<Q: Ord + ?Sized>(&mut self, member: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove_mut(member)
    }
}

impl<T: Ord + Clone> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Set(members.into_iter().map(|t| (t, ())).collect())
    }
}

impl<T: fmt::Debug> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Do {
        Insert(u16, u8),
        Remove(u16),
        Change(u16, u8),
        Keep,
    }

    fn doing() -> impl Strategy<Value = Do> {
        let key = prop_oneof![0_u16..60, 0_u16..5000];
        prop_oneof![
            5 => (key.clone(), any::<u8>()).prop_map(|(k, v)| Do::Insert(k, v)),
            3 => key.clone().prop_map(Do::Remove),
            1 => (key, any::<u8>()).prop_map(|(k, v)| Do::Change(k, v)),
            1 => Just(Do::Keep),
        ]
    }

    fn agree(map: &Map<u16, u8>, model: &BTreeMap<u16, u8>) {
        assert_eq!(map.size(), model.len());
        assert!(map.iter().eq(model.iter()));
        assert!(map.iter().rev().eq(model.iter().rev()));
        assert_eq!(map.first(), model.first_key_value());
        assert_eq!(map.last(), model.last_key_value());
        for from in [0_u16, 30, 700, 4999, 60000] {
            assert!(map.range(from..).eq(model.range(from..)));
            assert_eq!(map.before(&from), model.range(..from).next_back());
        }
        let mut both = map.iter();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        while let Some(x) = both.next() {
            a.push(x);
            b.extend(both.next_back());
        }
        a.extend(b.into_iter().rev());
        assert!(a.into_iter().eq(model.iter()), "from both ends in turn");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn is_a_map_and_every_copy_stays_what_it_was(steps in proptest::collection::vec(doing(), 0..1500)) {
            let (mut map, mut model) = (Map::new(), BTreeMap::new());
            let mut kept = Vec::new();
            for step in steps {
                match step {
                    Do::Insert(k, v) => {
                        map.insert_mut(k, v);
                        model.insert(k, v);
                    }
                    Do::Remove(k) => assert_eq!(map.remove_mut(&k), model.remove(&k).is_some()),
                    Do::Change(k, v) => {
                        assert_eq!(map.get(&k), model.get(&k));
                        if let Some(x) = map.get_mut(&k) { *x = v }
                        if let Some(x) = model.get_mut(&k) { *x = v }
                    }
                    Do::Keep => kept.push((map.clone(), model.clone())),
                }
            }
            agree(&map, &model);
            kept.iter().for_each(|(map, model)| agree(map, model));
        }
    }

    #[test]
    fn grows_at_its_end_and_shrinks_at_its_beginning_as_timers_do() {
        let mut set = Set::new();
        for n in 0..10_000_u32 {
            set.insert_mut(n);
            if n >= 100 {
                assert!(set.remove_mut(&(n - 100)));
                assert_eq!(set.first(), Some(&(n - 99)));
            }
        }
        assert_eq!(set.size(), 100);
        (9900..10_000).for_each(|n| assert!(set.remove_mut(&n)));
        assert!(set.is_empty() && set.first().is_none());
    }
}
