//! A simulation in phases: heat along a rod, a thread for each piece, barriers between the steps.

use super::std::{self, println};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;

const CELLS: usize = 120;
const PIECES: usize = 24;
const STEPS: usize = 60;

pub fn main() {
    let alone = by_one_thread();
    let (together, leaders) = by_many_threads();
    println!("the same to the last bit: {}", alone == together);
    println!("{leaders} phases had one leader each");
    println!("{:.9} near the fire, {:.9} further away", together[1], together[10]);
    turns();
}

fn start() -> Vec<f64> {
    (0..CELLS).map(|cell| if cell == 0 { 100.0 } else { 0.0 }).collect()
}

fn next(cells: &[f64], at: usize) -> f64 {
    match at {
        0 => cells[0],
        last if last == CELLS - 1 => cells[last],
        at => cells[at] + 0.4 * (cells[at - 1] - 2.0 * cells[at] + cells[at + 1]),
    }
}

fn by_one_thread() -> Vec<f64> {
    let mut cells = start();
    for _ in 0..STEPS {
        cells = (0..CELLS).map(|at| next(&cells, at)).collect();
    }
    cells
}

fn by_many_threads() -> (Vec<f64>, usize) {
    let cells = Arc::new(RwLock::new(start()));
    let computed = Arc::new(Barrier::new(PIECES));
    let stored = Arc::new(Barrier::new(PIECES));
    let leaders = Arc::new(AtomicUsize::new(0));
    let pieces: Vec<_> = (0..PIECES)
        .map(|piece| {
            let (cells, leaders) = (Arc::clone(&cells), Arc::clone(&leaders));
            let (computed, stored) = (Arc::clone(&computed), Arc::clone(&stored));
            thread::spawn(move || {
                let length = CELLS / PIECES;
                let mine = piece * length..(piece + 1) * length;
                for step in 0..STEPS {
                    let old = cells.read().unwrap();
                    let new: Vec<f64> = mine.clone().map(|at| next(&old, at)).collect();
                    drop(old);
                    if computed.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                    if step == 0 && piece == 0 {
                        crate::crowd::is_here(PIECES);
                    }
                    cells.write().unwrap()[mine.clone()].copy_from_slice(&new);
                    stored.wait();
                }
            })
        })
        .collect();
    pieces.into_iter().for_each(|piece| piece.join().unwrap());
    let cells = cells.read().unwrap().clone();
    (cells, leaders.load(Ordering::Relaxed))
}

/// Threads that take turns in the order of their numbers.
fn turns() {
    let turn = Arc::new((Mutex::new((0, String::new())), Condvar::new()));
    let players: Vec<_> = (0..10)
        .map(|player| {
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                for round in 0..3 {
                    let (state, changed) = &*turn;
                    let mine = round * 10 + player;
                    let state = state.lock().unwrap();
                    let mut state = changed.wait_while(state, |state| state.0 != mine).unwrap();
                    state.0 += 1;
                    state.1.push(char::from(b'a' + u8::try_from(player).unwrap()));
                    changed.notify_all();
                }
            })
        })
        .collect();
    players.into_iter().for_each(|player| player.join().unwrap());
    println!("{}", turn.0.lock().unwrap().1);
}
