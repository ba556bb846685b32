// Turns text into capitals: a plain program from standard input to standard output.

const block = new ArrayBuffer(65536);
const bytes = Uint8Array.wrap(block);

let count = process.stdin.read(block);
while (count > 0) {
  for (let i = 0; i < count; i++) {
    const byte = bytes[i];
    if (byte >= 97 && byte <= 122) bytes[i] = byte - 32;
  }
  process.stdout.write(block.slice(0, count));
  count = process.stdin.read(block);
}
