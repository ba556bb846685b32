// Turns text into capitals. It runs in QuickJS: JavaScript without a browser or Node around it.

const LOWER_A = 97, LOWER_Z = 122;

export const mapperBytes = {
  // `task` tells the chunk's place: index, count, offset, seed. `chunk` is a Uint8Array. What is
  // thrown ends the task: { tag: "bad-input", val: "why" }, or "bad-param", or "failed".
  run(task, chunk) {
    const result = new Uint8Array(chunk.length);
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      result[i] = byte >= LOWER_A && byte <= LOWER_Z ? byte - 32 : byte;
    }
    return result;
  },
};
