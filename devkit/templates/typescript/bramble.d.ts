// What a job written in TypeScript sees of bramble.

/** Where a task stands in its job. */
interface Task {
  job: number;
  /** Place among the tasks of this phase, from 0, and how many there are. */
  index: number;
  count: number;
  partitions: number;
  /** The only seed a job should use. */
  seed: number;
  /** Length of the input before this chunk, in bytes. */
  offset: number;
}

declare module "bramble:job/host@{{wit}}" {
  export function log(level: "debug" | "info" | "warn" | "error", message: string): void;
  /** How much is done, out of how much, in any unit. */
  export function progress(done: number, total: number): void;
  /** A parameter given with `--arg name=value`. */
  export function param(name: string): string | undefined;
}
