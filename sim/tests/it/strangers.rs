//! Strangers on a run's ports: they disturb nothing and are counted.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::unbounded;
use sim::engine::tcp;
use sim::engine::{Control, Ended};

use crate::support::{experiment, settings};
