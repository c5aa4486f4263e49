//! fair_queue
