//! Bytes on their way: copies, pipelines, throttles, halves, limited lines.

mod bidirectional;
mod ended_early;
mod fixture;
mod halves;
mod idle;
mod kinds;
mod limits;
mod lines;
mod memory_pipe;
mod pipeline;
mod stress;
mod throttle;
