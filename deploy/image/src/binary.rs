//! What the binary says of itself: elf(5).

use crate::Error;

/// What a program runs on, in the words of OCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl Architecture {
    /// Its name in OCI's words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

/// `PT_INTERP`: the program names one that loads what it needs.
const INTERPRETER: u16 = 3;

/// The architecture of a static program.
pub(crate) fn architecture(binary: &[u8]) -> Result<Architecture, Error> {
    let at = |offset: usize, length: usize| {
        let bytes = binary.get(offset..offset + length).ok_or(Error::UnknownBinary)?;
        let number = bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        usize::try_from(number).map_err(|_| Error::UnknownBinary)
    };
    // ELF, 64 bits, little-endian.
    if !binary.starts_with(b"\x7fELF\x02\x01") {
        return Err(Error::UnknownBinary);
    }
    let architecture = match at(0x12, 2)? {
        0x3e => Architecture::Amd64,
        0xb7 => Architecture::Arm64,
        _ => return Err(Error::UnknownBinary),
    };
    let (table, size, count) = (at(0x20, 8)?, at(0x36, 2)?, at(0x38, 2)?);
    for index in 0..count {
        if at(table.saturating_add(index * size), 4)? == usize::from(INTERPRETER) {
            return Err(Error::NotStatic);
        }
    }
    Ok(architecture)
}
