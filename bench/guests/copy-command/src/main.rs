//! Copies standard input to standard output, as any program would.

use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let mut block = vec![0; 64 << 10];
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let read = input.read(&mut block)?;
        if read == 0 {
            return output.flush();
        }
        output.write_all(&block[..read])?;
    }
}
