//! AWS AppConfig's experiment API on a loopback port.
