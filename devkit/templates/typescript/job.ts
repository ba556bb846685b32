// Turns text into capitals. It runs in QuickJS: JavaScript without a browser or Node around it.

const LOWER_A = 97, LOWER_Z = 122;

export const mapperBytes = {
  // What is thrown ends the task: { tag: "bad-input", val: "why" }, or "bad-param", or "failed".
  run(task: Task, chunk: Uint8Array): Uint8Array {
    return chunk.map((byte) => (byte >= LOWER_A && byte <= LOWER_Z ? byte - 32 : byte));
  },
};
