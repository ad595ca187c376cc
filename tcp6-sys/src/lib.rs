#![no_std]
//! Raw bindings.
