//! load_balance
