//! Files as a tar archive in which nothing but the files counts: no time, no owner but root, one order.

/// A file of the image.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, below 100 bytes.
    pub(crate) path: &'static str,
    pub(crate) contents: Vec<u8>,
    pub(crate) executable: bool,
}

/// The size of a header, of which that of a file is a multiple.
const BLOCK: usize = 512;
const FILE: u8 = b'0';
const FOLDER: u8 = b'5';

/// The files and the folders above them, in the format `ustar` of POSIX.
pub(crate) fn tar(files: &[File]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut folders: Vec<&str> = Vec::new();
    for file in files {
        let ends = file.path.match_indices('/').map(|(end, _)| end);
        for folder in ends.map(|end| &file.path[..end]) {
            if !folders.contains(&folder) {
                folders.push(folder);
                archive.extend(header(&format!("{folder}/"), FOLDER, 0o755, 0));
            }
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        archive.extend(header(file.path, FILE, mode, file.contents.len()));
        archive.extend(&file.contents);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    // Two empty blocks are the end.
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

fn header(path: &str, kind: u8, mode: u32, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, &format!("{mode:07o}"));
    // Owner and group are root's, and the time is the beginning of all.
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    // The checksum is that of a header with blanks in its place.
    put(148, "        ");
    put(257, "ustar\0");
    put(263, "00");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}
