//! The laws of sockets that every networking library has to keep, by their numbers.

mod closing;
mod connecting;
mod fixture;
mod sending;
mod sharing;
mod urgent;
