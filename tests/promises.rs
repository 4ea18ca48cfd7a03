//! What the project promises, shown end to end: the real programs, real processes, sockets and files. One file for
//! each promise; `common` is the harness. A test that needs what a machine may not have (root, strace, promtool) says
//! so and is passed over, except with `CI=true`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test they are how it fails")]

mod common;

mod ack_deadline;
mod arbitrary_requests;
mod avro_files;
mod batching_publisher;
mod broken_answers;
mod certificates_and_keys;
mod command_line_asks;
mod command_line_publishes;
mod command_line_pulls;
mod command_line_shows;
mod configuration_errors;
mod console;
mod consume_stream;
#[cfg(debug_assertions)]
mod crash_points;
mod dead_letters;
mod disk_full;
mod documented_commands;
mod documented_faults;
mod dropped_at_any_point;
mod durable_before_acknowledged;
mod emulator_bounds;
mod emulator_data_dir;
mod emulator_data_dir_full;
mod emulator_fault_subjects;
mod emulator_faults;
mod emulator_is_its_model;
mod emulator_is_killed;
mod emulator_keeps_its_logs;
mod emulator_over_tls;
mod emulator_schemas;
mod emulator_serves_and_stops;
mod emulator_users;
mod examples_run;
mod file_sink;
mod graceful_stop;
mod guarantees_are_proven;
mod host_certificate_of_a_daemon;
mod host_certificates;
mod hostile_network;
mod hostile_sinks;
mod house;
mod kill_loses_nothing;
mod ledger_on_disk;
#[cfg(debug_assertions)]
mod letters_over_crashes;
mod library_conformance;
mod login_by_certificate;
mod long_run;
mod many_files_rotate;
mod memory_does_not_grow;
mod memory_is_bounded;
mod metrics_are_well_formed;
mod migrating;
mod network_sinks;
mod pages_are_streams;
mod parked_and_recovers;
mod payloads;
mod poison;
mod power_loss;
mod quickstart_forwards;
mod receiver_comes_back;
mod recordings_of_the_real_service;
mod reports;
mod retries;
mod rivals;
mod scenes;
mod sinks_go_at_their_own_pace;
mod stop_during_waits;
mod surprises;
mod systemd_is_told;
mod tls_in_plain_words;
mod topic_sink;
mod unread_console;
mod unreliable_receiver;
mod webhook_at_once;
mod webhook_formats;
mod webhook_over_https;
mod webhook_signed;
