//! What the project promises, shown end to end: the real programs, real processes, sockets and files. One file for
//! each promise; `common` is the harness. A test that needs what a machine may not have (root, strace, promtool) says
//! so and is passed over, except with `CI=true`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test they are how it fails")]

mod common;

mod ack_deadline;
mod arbitrary_requests;
mod broken_answers;
mod configuration_errors;
#[cfg(debug_assertions)]
mod crash_points;
mod dead_letters;
mod disk_full;
mod documented_faults;
mod durable_before_acknowledged;
mod emulator_bounds;
mod emulator_fault_subjects;
mod emulator_faults;
mod emulator_is_its_model;
mod emulator_keeps_its_logs;
mod emulator_over_tls;
mod emulator_schemas;
mod emulator_serves_and_stops;
mod emulator_users;
mod graceful_stop;
mod guarantees_are_proven;
mod host_certificates;
mod hostile_network;
mod hostile_sinks;
mod house;
mod kill_loses_nothing;
mod ledger_on_disk;
#[cfg(debug_assertions)]
mod letters_over_crashes;
mod long_run;
mod memory_does_not_grow;
mod memory_is_bounded;
mod metrics_are_well_formed;
mod network_sinks;
mod parked_and_recovers;
mod payloads;
mod poison;
mod power_loss;
mod quickstart_forwards;
mod recordings_of_the_real_service;
mod rivals;
mod scenes;
mod sinks_go_at_their_own_pace;
mod stop_during_waits;
mod surprises;
mod systemd_is_told;
mod unread_console;
mod unreliable_receiver;
mod webhook_over_https;
