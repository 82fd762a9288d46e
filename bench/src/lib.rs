//! Benchmarks of corelane: criterion benches in `benches/`, the comparison with other proxies in
//! `peers/`. There is nothing to use here.
